"""The outcome as a table to read and as JSON to keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.goals import Goal
from benchmarks.scenarios import Outcome


def medians(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], float]:
    """By scenario and contestant, who has a figure at all."""
    return {
        (outcome.scenario.name, series.contestant.name): value
        for outcome in outcomes
        for series in outcome.series
        if (value := outcome.median(series)) is not None
    }


def lines(outcome: Outcome) -> Iterator[str]:
    """A heading, and a row per contestant: median, spread, ratio to the first row, CPU and memory."""
    scenario = outcome.scenario
    cores = "all cores"
    if scenario.pinned:
        several = any(series.contestant.cores > 1 for series in outcome.series)
        cores = f"client and server on {'a core for each process' if several else 'one core'}"
    yield f"{scenario.title} ({scenario.name}; {cores}; {scenario.better} is better)"
    yield (f"  {'':32}{scenario.unit:>11}{'least':>11}{'most':>11}{'× first':>9}{'CPU µs':>9}{'peak MB':>9}{'runs':>6}")
    first = outcome.median(outcome.series[0])
    for series in outcome.series:
        name = f"  {series.contestant.name:32}"
        middle = outcome.median(series)
        if middle is None:
            yield f"{name}  {series.contestant.missing or series.error or 'not run'}"
            continue
        values = [scenario.figure(run) for run in series.runs]
        against = f"{middle / first:9.2f}" if first else f"{'':9}"
        last = series.runs[-1]
        cpu = (
            f"{last['cpu_us_per_create']:9.0f}"
            if scenario.load.creates > 1 and "cpu_us_per_create" in last
            else f"{'':9}"
        )
        peak = f"{last['peak_rss_kb'] / 1024:9.0f}" if "peak_rss_kb" in last else f"{'':9}"
        failed = f"  then {series.error}" if series.error else ""
        yield (
            f"{name}{figure(middle)}{figure(min(values))}{figure(max(values))}{against}"
            f"{cpu}{peak}{len(values):6}{failed}"
        )


def figure(value: float) -> str:
    return f"{value:11,.2f}" if value < 10 else f"{value:11,.0f}"


def goal_lines(goals: Sequence[Goal]) -> Iterator[str]:
    yield "Goals"
    for goal in goals:
        word = {"aim": "aim reached", "must": "must met", "missed": "MISSED", None: "not measured"}[goal.verdict]
        reached = "" if goal.reached is None else f"{goal.reached:9.2f}"
        sign = "≤" if goal.at_most else "≥"
        yield f"  {goal.text:50}{reached:>9}  must {sign} {goal.must:<6g}aim {sign} {goal.aim:<6g}{word}"


def record(outcomes: Sequence[Outcome], goals: Sequence[Goal]) -> dict[str, Any]:
    """Every single run, so that another median or spread can be taken later."""
    return {
        "scenarios": [
            {
                "name": outcome.scenario.name,
                "title": outcome.scenario.title,
                "unit": outcome.scenario.unit,
                "better": outcome.scenario.better,
                "pinned": outcome.scenario.pinned,
                "contestants": [
                    {
                        "name": series.contestant.name,
                        "median": outcome.median(series),
                        "missing": series.contestant.missing,
                        "error": series.error,
                        "runs": series.runs,
                    }
                    for series in outcome.series
                ],
            }
            for outcome in outcomes
        ],
        "goals": [{**asdict(goal), "verdict": goal.verdict} for goal in goals],
    }
