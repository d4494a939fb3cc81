"""What is shown of runs under way: from their events, with a clock of the test's own."""

from __future__ import annotations

from host.events import CallEnded, CallStarted, RunEnded, RunStarted, Waiting
from host.report.run_lines import BatchLines, RunLines
from host.report.runs_under_way import RunsUnderWay


class World:
    """Runs, and the time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.runs = RunsUnderWay(lambda: self.now)

    def clock(self) -> float:
        return self.now

    def run(self, id: str = "r") -> None:
        self.runs.emit(RunStarted(id, self.now, "a.lua"))

    def call(self, number: int, task: str = "1", run: str = "r", operation: str = "x.get") -> None:
        self.runs.emit(CallStarted(run, self.now, number, operation, 7, {}, task))

    def wait(self, number: int, reason: str, seconds: float | None, run: str = "r") -> None:
        self.runs.emit(Waiting(run, self.now, number, reason, seconds, "1"))

    def answer(self, number: int, run: str = "r", *, failed: bool = False) -> None:
        error = {"kind": "api"} if failed else None
        self.runs.emit(CallEnded(run, self.now, number, "x.get", 0.1, error=error))


def test_each_task_has_a_line_and_the_run_one() -> None:
    """Operation, line, how long, what it waits for and how long still; below counts, rate and what waits for what."""
    world = World()
    lines = RunLines(world.runs, "a.lua", world.clock)
    assert lines(100, 10) == ["a.lua  0.0 s  0 calls"]
    world.run()
    for number in range(1, 6):
        world.call(number, f"1.{number}")
    for number, reason, seconds in (
        (1, "rate limit", 2.5),
        (2, "permit", None),
        (3, "circuit breaker", 9),
        (4, "retry", 1),
    ):
        world.wait(number, reason, seconds)
    world.now += 0.5
    assert lines(100, 10) == [
        "task 1.1  x.get line 7  0.5 s  waits: rate limit 2.0 s",
        "task 1.2  x.get line 7  0.5 s  waits: permit",
        "task 1.3  x.get line 7  0.5 s  waits: circuit breaker 8.5 s",
        "task 1.4  x.get line 7  0.5 s  waits: retry 0.5 s",
        "task 1.5  x.get line 7  0.5 s",
        "a.lua  0.5 s  0 calls  5 calls open, 4 wait: rate limit 1, permit 1, circuit breaker 1, retry 1",
    ]
    world.wait(2, "permit", 0.0)
    world.answer(1)
    world.answer(5, failed=True)
    world.now += 1.5
    assert lines(100, 10) == [
        "task 1.2  x.get line 7  2.0 s",
        "task 1.3  x.get line 7  2.0 s  waits: circuit breaker 7.0 s",
        "task 1.4  x.get line 7  2.0 s",
        "a.lua  2.0 s  2 calls  1 failed  1.0/s  3 calls open, 1 wait: circuit breaker 1",
    ]


def test_a_timer_is_shown_where_no_call_is_open() -> None:
    """Until it is over or cancelled; a call says more."""
    world = World()
    lines = RunLines(world.runs, "a.lua", world.clock)
    batch = BatchLines(world.runs, 1, str, world.clock)
    world.run()
    world.wait(1, "timer", 61.0)
    assert lines(60, 5)[:-1] == ["task 1  waits: timer 1:01"]
    assert batch(60, 5)[0] == "r  0.0 s  waits: timer 1:01"
    world.call(2)
    assert lines(60, 5)[:-1] == ["task 1  x.get line 7  0.0 s"]
    world.answer(2)
    world.wait(1, "timer", 0)
    assert lines(60, 5)[:-1] == []
    world.wait(3, "timer", 5.0)
    world.now += 6
    assert lines(60, 5)[:-1] == []
    assert batch(60, 5)[0] == "r  6.0 s  Lua"


def test_timers_that_are_over_are_not_kept() -> None:
    """A run that sleeps ten thousand times leaves few of them; many that go on are all there."""
    world = World()
    world.run()
    for number in range(10_000):
        world.wait(number, "timer", 0.1)
        world.now += 1
    assert len(world.runs._runs["r"].timers) < 100
    for number in range(10_000, 11_000):
        world.wait(number, "timer", 100.0)
    assert len(RunLines(world.runs, "a", world.clock)(60, 2000)) == 1001


def test_each_row_has_a_line_and_all_of_them_one() -> None:
    """The oldest first, by name, with their oldest call; how many more; bar, failures, rate, time left."""
    world = World()
    lines = BatchLines(world.runs, 1000, lambda id: f"rows.csv:{id} {'日本' if id == '2' else 'a@x'}", world.clock)
    for id in ("2", "3", "10", "11", "12"):
        world.run(id)
    for number in (1, 2, 3):
        world.call(number, run="2")
    world.call(1, run="3")
    world.wait(1, "retry", 3.0, run="3")
    for n in range(10):
        lines.advance(failed=n < 2)
    world.now += 2
    assert lines(100, 5) == [
        "rows.csv:2 日本  2.0 s  x.get line 7  2.0 s  and 2 more",
        "rows.csv:3 a@x   2.0 s  x.get line 7  2.0 s  waits: retry 1.0 s",
        "rows.csv:10 a@x  2.0 s  Lua",
        "… and 2 more under way",
        "[····················]  10/1,000  2 failed  5.0/s  3:18 left  4 calls open, 1 wait: retry 1",
    ]
    assert [len(lines(100, most)) for most in range(1, 9)] == [1, 2, 3, 4, 5, 6, 6, 6]
    for id in ("2", "3", "10", "11", "12"):
        world.runs.emit(RunEnded(id, world.now, 1.0, 1))
    for _ in range(990):
        lines.advance()
    assert lines(100, 5) == ["[####################]  1,000/1,000  2 failed  500/s  0.0 s left"]


def test_events_that_are_not_expected_change_no_count() -> None:
    """Of runs whose start was not heard, twice, after the end: open calls are never fewer than none."""
    world = World()
    world.call(1)
    world.answer(1)
    world.wait(1, "retry", 1.0)
    world.run()
    world.call(1)
    world.wait(9, "permit", None)
    world.answer(1)
    world.answer(1)
    world.call(2)
    world.runs.emit(RunEnded("r", 0.0, 1.0, 1))
    world.runs.emit(RunEnded("r", 0.0, 1.0, 1))
    world.answer(2)
    assert (world.runs.open_calls, world.runs.runs, world.runs.waits().total()) == (0, 0, 0)
