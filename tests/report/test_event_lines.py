"""What is shown of events being handled: from their inbox's counts and the runs' events, with the test's own clock."""

from __future__ import annotations

import pytest

from host.errors import JournalError
from host.events import CallStarted, RunEnded, RunStarted
from host.report import event_lines
from host.report.event_lines import EventLines
from host.report.runs_under_way import RunsUnderWay


class World:
    """An inbox, the runs of its handlers, and the time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.inbox: dict[str, int] = {}
        self.asked = 0
        self.broken = False
        self.runs = RunsUnderWay(self.clock)
        self.lines = EventLines(self.runs, self.clock)
        monkeypatch.setattr(event_lines, "monotonic", self.clock)

    def clock(self) -> float:
        return self.now

    def counts(self) -> dict[str, int]:
        self.asked += 1
        if self.broken:
            raise JournalError("the journal is locked")
        return dict(self.inbox)

    def handle(self, id: str) -> None:
        self.runs.emit(RunStarted(id, self.now, "handlers.lua"))
        self.runs.emit(CallStarted(id, self.now, 1, "stripe.refunds.create", 7, {}, "1"))

    def last(self, cells: int = 100, most: int = 10) -> str:
        return self.lines(cells, most)[-1]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_without_an_inbox_nothing_was_received(world: World) -> None:
    """Before events are counted there is one line, with the time alone to say."""
    world.now += 5
    assert world.lines(100, 10) == ["5.0 s  0 received  0 handled"]


def test_events_are_counted_from_when_the_view_began(world: World) -> None:
    """What was in the inbox before is not counted; failures, and what waits beside the runs under way, are."""
    world.inbox = {"done": 10, "failed": 1, "waiting": 2}
    world.lines.follow(world.counts)
    world.inbox = {"done": 1310, "failed": 3, "waiting": 12}
    world.handle("evt_1")
    world.now += 12
    assert world.lines(100, 10) == [
        "evt_1  12 s  stripe.refunds.create line 7  12 s",
        "12 s  1,312 received  1,300 handled  2 failed  11 waiting  1 call open",
    ]


def test_no_more_lines_than_asked_for(world: World) -> None:
    """The line for all of them is always the last; the handlers have what is left."""
    for number in range(5):
        world.handle(f"evt_{number}")
    lines = world.lines(100, 3)
    assert len(lines) == 3
    assert lines[1] == "… and 4 more under way"
    assert lines[2].endswith("5 calls open")
    for number in range(5):
        world.runs.emit(RunEnded(f"evt_{number}", world.now, 0.1, 1))
    assert len(world.lines(100, 3)) == 1


def test_the_journal_is_asked_once_a_second_at_most(world: World) -> None:
    """Drawing ten times a second does not read the journal ten times a second."""
    world.lines.follow(world.counts)
    asked = world.asked
    for _ in range(50):
        world.last()
    assert world.asked == asked + 1
    world.now += event_lines.FRESH
    world.last()
    assert world.asked == asked + 2


def test_a_journal_that_is_busy_leaves_the_last_counts(world: World) -> None:
    """The view outlives a journal that cannot be read: it shows what it knew, and looks again later."""
    world.lines.follow(world.counts)
    world.inbox = {"done": 4}
    assert "4 received  4 handled" in world.last()
    world.broken = True
    world.now += 2
    assert "4 received  4 handled" in world.last()
    world.broken, world.inbox = False, {"done": 6}
    world.now += 2
    assert "6 received  6 handled" in world.last()
