"""Places shared by processes: never more than there are, and nobody goes without for ever."""

from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from host.remote.permits import PermitPool


class Member:
    """A process as simple as can be: takes a place for each task, gives back what is called back."""

    def __init__(self) -> None:
        self.held = self.used = self.waiting = self.asked = self.hard = self.soft = 0
        self.done = 0


class World:
    """A pool and its members; messages arrive one by one, in the order of each member's own."""

    def __init__(self, total: int, members: int) -> None:
        self.members = [Member() for _ in range(members)]
        self.down: list[deque[tuple[str, int]]] = [deque() for _ in self.members]
        self.up: list[deque[tuple[str, int]]] = [deque() for _ in self.members]
        self.pool = PermitPool(
            total,
            lambda one, count: self.down[one].append(("grant", count)),
            lambda one, count, hard: self.down[one].append(("hard" if hard else "soft", count)),
        )
        for one in range(members):
            self.pool.join(one)

    def settle(self, one: int) -> None:
        it = self.members[one]
        back = min(it.hard, it.held - it.used)
        it.hard -= back
        it.held -= back
        starting = min(it.waiting, it.held - it.used)
        it.used += starting
        it.waiting -= starting
        if not it.waiting:
            idle = min(it.soft, it.held - it.used)
            it.soft -= idle
            it.held -= idle
            back += idle
        if back:
            self.up[one].append(("back", back))
        if it.waiting > it.asked:
            self.up[one].append(("want", it.waiting - it.asked))
            it.asked = it.waiting

    def deliver(self, one: int) -> bool:
        if self.up[one]:
            kind, count = self.up[one].popleft()
            (self.pool.want if kind == "want" else self.pool.give_back)(one, count)
            return True
        if self.down[one]:
            kind, count = self.down[one].popleft()
            it = self.members[one]
            if kind == "grant":
                it.held += count
                it.asked = max(0, it.asked - count)
            elif kind == "hard":
                it.hard += count
            else:
                it.soft += count
            self.settle(one)
            return True
        return False

    def finish(self, one: int) -> None:
        it = self.members[one]
        if it.used:
            it.used -= 1
            it.done += 1
            self.settle(one)


@settings(max_examples=150, deadline=None)
@given(
    total=st.integers(1, 6),
    members=st.integers(1, 4),
    steps=st.lists(st.tuples(st.sampled_from(["start", "finish", "deliver"]), st.integers(0, 3)), max_size=80),
)
def test_places_are_never_more_than_there_are_and_everybody_is_served(
    total: int, members: int, steps: list[tuple[str, int]]
) -> None:
    """Whatever the order of tasks and messages: at most ``total`` in use, and in the end all are done."""
    world = World(total, members)
    started = 0
    for step, number in steps:
        one = number % members
        if step == "start":
            started += 1
            world.members[one].waiting += 1
            world.settle(one)
        elif step == "finish":
            world.finish(one)
        else:
            world.deliver(one)
        assert sum(it.used for it in world.members) <= total
        assert sum(it.held for it in world.members) + world.pool.free <= total
    for _ in range(20 * (started + total + 10)):
        for one in range(members):
            while world.deliver(one):
                assert sum(it.used for it in world.members) <= total
            world.finish(one)
    assert sum(it.done for it in world.members) == started


def test_a_busy_member_cannot_keep_all_places() -> None:
    """One with endless work hands over half as soon as another wants them, and keeps its half."""
    world = World(4, 2)
    world.members[0].waiting = 100
    world.settle(0)
    while world.deliver(0):
        pass
    assert world.members[0].used == 4
    world.members[1].waiting = 100
    world.settle(1)
    for _ in range(20):
        while world.deliver(0) or world.deliver(1):
            pass
        world.finish(0)
        world.finish(1)
    while world.deliver(0) or world.deliver(1):
        pass
    assert (world.members[0].held, world.members[1].held) == (2, 2)


def test_what_a_dead_member_held_is_free_again() -> None:
    """Leaving serves those who wait."""
    world = World(2, 2)
    world.members[0].waiting = 2
    world.settle(0)
    world.deliver(0)
    world.members[1].waiting = 2
    world.settle(1)
    world.deliver(1)
    world.pool.leave(0)
    while world.deliver(1):
        pass
    assert world.members[1].used == 2
