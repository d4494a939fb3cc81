"""The live view of events being handled: a line for each, and one for all of them.

handlers:evt_1Pq2  0.4 s  stripe.subscriptions.retrieve line 7  0.2 s
8:12  312 received  300 handled  2 failed  10 waiting  1 call open
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, time

from host.errors import HostError
from host.report.durations import elapsed
from host.report.run_lines import in_flight, rows_of
from host.report.runs_under_way import RunsUnderWay

__all__ = ["EventLines"]

FRESH = 1.0  # seconds between two looks at the counts

Counts = Callable[[], dict[str, int]]


class EventLines:
    """Shows the handlers under way, and after :meth:`follow` the counts of their inbox."""

    def __init__(self, under_way: RunsUnderWay, clock: Callable[[], float] = time) -> None:
        self._under_way = under_way
        self._clock = clock
        self._began = clock()
        self._counts: Counts | None = None
        self._before: dict[str, int] = {}
        self._now: dict[str, int] = {}
        self._looked = float("-inf")

    def follow(self, counts: Counts) -> None:
        """Count events from here on. ``counts()``: how many are ``waiting``, ``done``, ``failed``."""
        self._before = self._now = counts()
        self._counts = counts

    def __call__(self, cells: int, most: int) -> list[str]:
        """The lines to show now, at most ``cells`` wide and ``most`` of them."""
        self._look()
        now, before = self._now, self._before
        parts = [elapsed(self._clock() - self._began), f"{sum(now.values()) - sum(before.values()):,} received"]
        parts.append(f"{now.get('done', 0) - before.get('done', 0):,} handled")
        if failed := now.get("failed", 0) - before.get("failed", 0):
            parts.append(f"{failed:,} failed")
        if waiting := now.get("waiting", 0) - self._under_way.runs:
            parts.append(f"{max(waiting, 0):,} waiting")
        lines = rows_of(self._under_way, str, cells, most - 1, self._clock())
        return [*lines, "  ".join(parts + in_flight(self._under_way))]

    def _look(self) -> None:
        if self._counts is None or monotonic() - self._looked < FRESH:
            return
        self._looked = monotonic()
        try:
            self._now = self._counts()
        except HostError:  # the journal is closed, or busy: the last counts remain
            return
