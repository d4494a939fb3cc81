from __future__ import annotations

import asyncio
from time import monotonic

from hypothesis import given, settings
from hypothesis import strategies as st

from host.bridge.deadlines import Deadlines
from host.bridge.fairness import FairQueue


class Item:
    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.slot = 0


async def test_items_expire_in_order_never_early_and_removed_ones_not():
    """Items expire in order and never early; removed ones do not expire."""
    expired: list[Item] = []
    done = asyncio.Event()

    def expire(item: Item) -> None:
        assert monotonic() >= item.deadline
        expired.append(item)
        if item is last:
            done.set()

    deadlines = Deadlines(asyncio.get_running_loop(), expire)
    now = monotonic()
    items = [Item(now + seconds) for seconds in (0.06, 0.02, 0.04, 0.0, -1.0)]
    last = items[0]
    removed, never = Item(now + 0.02), Item(float("inf"))
    for item in (*items, removed, never):
        deadlines.add(item)
    deadlines.remove(removed)
    deadlines.remove(never)
    await done.wait()
    assert [item.deadline for item in expired] == sorted(item.deadline for item in items)


async def test_many_calls_that_end_in_time_leave_one_number_per_slot_at_most():
    """Many calls that end in time leave one number per slot at most."""
    deadlines: Deadlines[Item] = Deadlines(asyncio.get_running_loop(), lambda item: None)
    now = monotonic()
    for n in range(10_000):
        item = Item(now + 30 + n / 1e6)
        deadlines.add(item)
        deadlines.remove(item)
    assert len(deadlines._order) <= 3
    deadlines.clear()


async def test_an_item_that_is_kept_expires_at_its_last_deadline():
    """Given a later deadline it stays where it is, and is looked at then; given an earlier one it expires in time."""
    looked: list[float] = []
    done = asyncio.Event()

    def expire(item: Item) -> None:
        looked.append(item.deadline)
        if monotonic() < item.deadline:
            deadlines.add(item)
        else:
            done.set()

    deadlines: Deadlines[Item] = Deadlines(asyncio.get_running_loop(), expire)
    now = monotonic()
    item = Item(now + 0.02)
    for seconds in (0.02, 0.03, 0.09):
        item.deadline = now + seconds
        deadlines.keep(item)
    assert sum(map(len, deadlines._slots.values())) == 1
    await done.wait()
    assert monotonic() >= item.deadline
    assert looked == [item.deadline] * 2  # when the first had passed, and at its own

    item.deadline = monotonic() + 3600
    deadlines.keep(item)
    item.deadline = earlier = monotonic() + 0.02
    deadlines.keep(item)
    done.clear()
    await asyncio.wait_for(done.wait(), 60)
    assert looked[2:] == [earlier]
    deadlines.clear()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=60))
def test_a_queue_serves_sources_in_turn_and_each_in_order(steps):
    """A queue serves sources in turn and each in order."""
    queue: FairQueue[tuple[int, int]] = FairQueue()
    waiting: dict[int, list[tuple[int, int]]] = {}
    for n, (source, remove) in enumerate(steps):
        if remove and waiting.get(source):
            queue.remove(source, waiting[source].pop(0))
        else:
            queue.put(source, (source, n))
            waiting.setdefault(source, []).append((source, n))
    left = sum(map(len, waiting.values()))
    assert len(queue) == left
    assert set(queue.heads()) == {items[0] for items in waiting.values() if items}
    taken = [queue.take() for _ in range(left)]
    for source, items in waiting.items():
        assert [item for item in taken if item[0] == source] == items
    # While a source has something left, no other is served twice before it is served once.
    for items in waiting.values():
        if items:
            others = [item[0] for item in taken[: taken.index(items[0])]]
            assert len(others) == len(set(others))
