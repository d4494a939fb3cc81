"""The summary of many runs."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Any

from host.report.terminal import span

if TYPE_CHECKING:
    from host.run.script import RunResult

__all__ = ["Summary", "status_of"]


class Summary:
    """Counts results as they end. ``status`` is 0 if none failed, theirs if it is the same for all that did,
    else 1."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._durations = array("d")
        self.failed = 0
        self.calls = 0
        self.status = 0

    @property
    def runs(self) -> int:
        return len(self._durations)

    def add(self, result: RunResult) -> bool:
        """Count it; returns whether it failed."""
        self._durations.append(result.duration)
        self.calls += result.calls
        status = status_of(result)
        if status:
            self.status = status if self.status in (0, status) else 1
            self.failed += 1
        return bool(status)

    def facts(self) -> dict[str, Any]:
        """Counts; ``p50``, ``p95``, ``p99`` seconds of a run (``None`` without any), ``duration`` of all."""
        ordered = sorted(self._durations)
        marks = {f"p{mark}": _percentile(ordered, mark) for mark in (50, 95, 99)}
        return {
            "runs": self.runs,
            "failed": self.failed,
            "calls": self.calls,
            **marks,
            "duration": round(self._clock() - self._began, 6),
        }

    def __str__(self) -> str:
        facts = self.facts()
        parts = [f"{self.runs:,} run{'' if self.runs == 1 else 's'}, {self.failed:,} failed"]
        if self.runs:
            parts.append(", ".join(f"p{mark} {span(facts[f'p{mark}'])}" for mark in (50, 95, 99)))
        parts.append(f"{self.calls:,} call{'' if self.calls == 1 else 's'}")
        parts.append(span(facts["duration"]))
        return " · ".join(parts)


def status_of(result: RunResult) -> int:
    """The exit code of the command line for this run alone."""
    return result.error.exit_code if result.error is not None else result.exit_status or 0


def _percentile(ordered: list[float], mark: int) -> float | None:
    """The nearest-rank percentile."""
    return round(ordered[ceil(len(ordered) * mark / 100) - 1], 6) if ordered else None
