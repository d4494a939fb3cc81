"""The live view of runs under way: a line for each task or run, and one for all of them.

customers.csv:8 ada@example.com  3.2 s  stripe.refunds.create line 12  1.4 s  waits: rate limit 0.6 s
… and 88 more under way
[##########··········]  512/1,000  3 failed  204/s  2.4 s left  40 calls open, 12 wait: rate limit 9, retry 3
"""

from __future__ import annotations

from collections.abc import Callable
from time import time

from host.report.cells import fit, width
from host.report.durations import elapsed
from host.report.runs_under_way import OpenCall, RunsUnderWay

__all__ = ["BatchLines", "RunLines", "in_flight", "rows_of"]

BAR = 20  # characters
SHARE = 0.4  # of a line that a name may take


class RunLines:
    """Shows one run: its tasks with their open calls. ``name`` is the script's."""

    def __init__(self, under_way: RunsUnderWay, name: str, clock: Callable[[], float] = time) -> None:
        self._under_way = under_way
        self._name = name
        self._clock = clock
        self._began = clock()

    def __call__(self, cells: int, most: int) -> list[str]:
        """The lines to show now, at most ``cells`` wide and ``most`` of them."""
        now, runs = self._clock(), self._under_way
        shown = _shown(runs.open_calls, most - 1)
        calls = runs.first_calls(shown if runs.open_calls else most - 1)
        lines = _table([(f"task {call.task}" if call.task else "", _doing(call, now)) for call in calls], cells)
        lines += _hidden(runs.open_calls - shown, most - 1, "open")
        return [*lines, "  ".join([fit(self._name, 40), elapsed(now - self._began), *self._counts(now)])]

    def _counts(self, now: float) -> list[str]:
        runs, seconds = self._under_way, now - self._began
        parts = [f"{runs.calls:,} call{'' if runs.calls == 1 else 's'}"]
        if runs.failed_calls:
            parts.append(f"{runs.failed_calls:,} failed")
        if runs.calls and seconds > 0:
            parts.append(f"{_number(runs.calls / seconds)}/s")
        return parts + in_flight(runs)


class BatchLines:
    """Shows many runs, ``total`` in all. ``name(run_id)`` is what a run is called."""

    def __init__(
        self, under_way: RunsUnderWay, total: int, name: Callable[[str], str], clock: Callable[[], float] = time
    ) -> None:
        self._under_way = under_way
        self._total = total
        self._name = name
        self._clock = clock
        self._began = clock()
        self._done = self._failed = 0

    def advance(self, *, failed: bool = False) -> None:
        """Count one more ended run. Not from two threads at once."""
        self._done += 1
        self._failed += failed

    def __call__(self, cells: int, most: int) -> list[str]:
        """The lines to show now, at most ``cells`` wide and ``most`` of them."""
        now, runs = self._clock(), self._under_way
        lines = rows_of(runs, self._name, cells, most - 1, now)
        return [*lines, self._totals(now)]

    def _totals(self, now: float) -> str:
        share = self._done / self._total if self._total else 1.0
        parts = [f"[{'#' * int(share * BAR):·<{BAR}}]", f"{self._done:,}/{self._total:,}"]
        if self._failed:
            parts.append(f"{self._failed:,} failed")
        seconds = now - self._began
        if seconds > 0 and self._done:
            rate = self._done / seconds
            parts += [f"{_number(rate)}/s", f"{elapsed((self._total - self._done) / rate)} left"]
        return "  ".join(parts + in_flight(self._under_way))


def rows_of(runs: RunsUnderWay, name: Callable[[str], str], cells: int, room: int, now: float) -> list[str]:
    """A line for each run under way, those that began first, in so many cells and lines."""
    shown = _shown(runs.runs, room)
    rows = []
    for each in runs.first_runs(shown):
        doing = "Lua" if each.call is None else _doing(each.call, now)
        more = f"  and {each.more:,} more" if each.more else ""
        rows.append((name(each.run_id), f"{elapsed(now - each.began)}  {doing}{more}"))
    return _table(rows, cells) + _hidden(runs.runs - shown, room, "under way")


def _shown(there: int, room: int) -> int:
    """How many rows fit: if not all do, one line is left to say that there are more."""
    return there if there <= room else max(room - 1, 0)


def _hidden(count: int, room: int, what: str) -> list[str]:
    return [f"… and {count:,} more {what}"] if count > 0 and room > 0 else []


def _doing(call: OpenCall, now: float) -> str:
    """``stripe.refunds.create line 12  waits: retry 0.4 s``."""
    reason = call.waiting_for(now)
    left = f" {elapsed(call.until - now)}" if reason is not None and call.until is not None else ""
    if not call.operation:
        return f"waits: {reason or call.waits}{left}"
    line = f" line {call.line}" if call.line is not None else ""
    waits = f"  waits: {reason}{left}" if reason is not None else ""
    return f"{call.operation}{line}  {elapsed(now - call.began)}{waits}"


def in_flight(runs: RunsUnderWay) -> list[str]:
    """How many calls are open, and how many of them wait for what; nothing if none is."""
    if not runs.open_calls:
        return []
    waits = runs.waits()
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in waits.most_common())
    waiting = f", {waits.total():,} wait: {reasons}" if waits else ""
    return [f"{runs.open_calls:,} call{'' if runs.open_calls == 1 else 's'} open{waiting}"]


def _table(rows: list[tuple[str, str]], cells: int) -> list[str]:
    """Two columns, the first as wide as its longest, within its share of a line."""
    names = [fit(name, max(int(cells * SHARE), 4)) for name, _ in rows]
    column = max(map(width, names), default=0)
    gap = "  " if column else ""
    return [
        f"{name}{' ' * (column - width(name))}{gap}{fit(text, cells)}"
        for name, (_, text) in zip(names, rows, strict=True)
    ]


def _number(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
