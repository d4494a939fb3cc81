"""States are closed after the results are told: one for each new one, the others soon, large ones at once."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from host import Host
from host.errors import ClosedError
from host.limits import Limits
from host.lua.state import LuaState
from host.run.lua_states import FOLLOW, LARGE, REST, SLICE, States
from host.run.session import Session


class Worker:
    """The loop as states see it: what is due is done when the test says so."""

    def __init__(self) -> None:
        self.due: list[tuple[float, Callable[..., Any], tuple[Any, ...]]] = []
        self.closed = False
        self.now = 100.0

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> None:
        if self.closed:
            raise ClosedError("closed")
        callback(*args)

    def after(self, seconds: float, callback: Callable[..., Any], *args: Any) -> None:
        self.due.append((seconds, callback, args))

    def turn(self) -> float:
        seconds, callback, args = self.due.pop(0)
        callback(*args)
        return seconds


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def states(worker: Worker) -> States:
    return States(worker, lambda: worker.now)  # type: ignore[arg-type]


def new(states: States, *, follow: bool = False) -> LuaState:
    """A state; unless more are to follow, some time goes by."""
    state = states.new(lambda *_: None, Limits(), True)
    if not follow:
        states._worker.now += 2 * FOLLOW  # type: ignore[attr-defined]
    return state


def alive(made: list[LuaState]) -> int:
    return sum(state.size > 0 for state in made)


def test_a_state_that_is_left_is_closed_after_a_while(states: States, worker: Worker) -> None:
    """A state that is left is closed after a while."""
    state = new(states)
    state.close()
    assert state.size > 0
    assert worker.turn() == REST
    assert state.size == 0
    assert not worker.due


def test_one_is_closed_at_once_while_runs_follow_one_another(states: States, worker: Worker) -> None:
    """One state is closed at once while runs follow one another."""
    first, second = new(states), new(states, follow=True)
    first.close()
    assert first.size == 0
    worker.now += 2 * FOLLOW
    second.close()
    assert second.size > 0


def test_many_are_closed_a_few_in_each_round(states: States, worker: Worker) -> None:
    """Of many states a few are closed in each round."""
    made = [new(states) for _ in range(2 * SLICE + 3)]
    for state in made:
        state.close()
    assert len(worker.due) == 1
    left = []
    while worker.due:
        worker.turn()
        left.append(alive(made))
    assert left == [SLICE + 3, 3, 0]


def test_what_is_left_meanwhile_rests_as_long(states: States, worker: Worker) -> None:
    """States left meanwhile are kept as long."""
    made = [new(states) for _ in range(SLICE + 2)]
    *before, late = made
    for state in before:
        state.close()
    worker.turn()
    late.close()
    worker.turn()
    assert alive(before) == 0
    assert late.size > 0
    assert worker.turn() == REST
    assert late.size == 0


def test_a_new_state_closes_one_that_was_left(states: States) -> None:
    """A new state closes one that was left."""
    made = [new(states) for _ in range(3)]
    for state in made:
        state.close()
    new(states)
    assert alive(made) == 2
    new(states)
    assert alive(made) == 1


def test_a_large_one_is_closed_at_once(states: States) -> None:
    """A large state is closed at once."""
    state = new(states)
    state._runtime.execute(b"kept = string.rep('x', %d)" % LARGE)  # type: ignore[union-attr]
    state.close()
    assert state.size == 0


def test_all_are_closed_where_there_is_no_loop_any_more(states: States, worker: Worker) -> None:
    """All states are closed where there is no loop any more."""
    worker.closed = True
    state = new(states)
    state.close()
    assert state.size == 0


def test_a_hosts_end_closes_all() -> None:
    """Lua states that are kept for the next run close with the host, and keep nothing of the last run until then."""
    with Host(simulate=True) as host:
        states = host._engine.states
        host.run_source(f"sleep({2 * FOLLOW})").raise_for_error()
        (left,) = states._left
        assert left._host is None  # which would keep all of the run
    assert not states._left


def test_a_state_that_fails_to_close_takes_no_result_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that fails to close takes no result with it."""

    def fail(self: Any) -> None:
        raise RuntimeError("it does not close")

    with Host(simulate=True) as host:
        monkeypatch.setattr(States, "leave", lambda *_: fail(None))
        result = host.run_source("return 1", timeout=20)
        assert result.error is not None
        assert result.error.kind == "host"
        monkeypatch.undo()
        assert host.run_source("return 1").value == 1


def test_a_run_leaves_nothing_to_the_cycle_collector() -> None:
    """Runs by the thousand would pile up until it looks."""
    source = "new_product():name('x'):create() print(args[1], 1) return {1}"
    with Host(simulate=True) as host:
        gc.disable()
        try:
            for _ in range(20):
                host.run_source(source, args=["a"]).raise_for_error()
            around = host._runs.services
            sessions = [each for each in gc.get_objects() if type(each) is Session and each.services is around]
        finally:
            gc.enable()
    assert len(sessions) < 3  # the last may not be gone yet
