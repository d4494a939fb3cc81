"""What many runs came to: counts, percentiles, and one exit code for all."""

from __future__ import annotations

import pytest

from host.errors import ScriptError
from host.report.summary import Summary, status_of
from host.run.script import RunResult


def result(duration: float = 1.0, calls: int = 1, kind: str | None = None, status: int | None = None) -> RunResult:
    error = None if kind is None else ScriptError("no", kind=kind)
    return RunResult("run_1", "a.lua", duration=duration, calls=calls, error=error, exit_status=status)


def summary_of(*results: RunResult) -> Summary:
    times = iter((0.0, 2.5, 2.5))
    summary = Summary(lambda: next(times))
    for each in results:
        summary.add(each)
    return summary


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([], 0),
        ([result()], 0),
        ([result(kind="api")], 4),
        ([result(), result(kind="limit"), result(kind="timeout")], 5),
        ([result(kind="api"), result(kind="limit")], 1),
        ([result(status=7), result(status=7)], 7),
        ([result(status=7), result(kind="api"), result(kind="api")], 1),
        ([result(status=0)], 0),
    ],
)
def test_the_exit_code_is_that_of_all_failures_or_one(results: list[RunResult], status: int) -> None:
    """Where all that failed did so in one way the code says which."""
    summary = summary_of(*results)
    assert summary.status == status
    assert summary.failed == sum(status_of(each) != 0 for each in results)


@pytest.mark.parametrize(
    ("durations", "marks"),
    [
        ([], (None, None, None)),
        ([3.0], (3.0, 3.0, 3.0)),
        ([4.0, 1.0, 3.0, 2.0], (2.0, 4.0, 4.0)),
        ([float(n) for n in range(1, 101)], (50.0, 95.0, 99.0)),
    ],
)
def test_percentiles_are_durations_there_were(durations: list[float], marks: tuple[float | None, ...]) -> None:
    """Nearest rank: no value between two runs is made up."""
    facts = summary_of(*(result(each, calls=2) for each in durations)).facts()
    assert (facts["p50"], facts["p95"], facts["p99"]) == marks
    assert (facts["runs"], facts["calls"], facts["duration"]) == (len(durations), 2 * len(durations), 2.5)


def test_the_text_says_one_run_or_many() -> None:
    """Without runs there are no percentiles to tell."""
    assert str(summary_of()) == "0 runs, 0 failed · 0 calls · 2.50 s"
    assert str(summary_of(result(0.5))).startswith("1 run, 0 failed · p50 500 ms")
    assert " · 1 call · " in str(summary_of(result()))
    assert str(summary_of(result(), result(kind="api"))).startswith("2 runs, 1 failed · ")
