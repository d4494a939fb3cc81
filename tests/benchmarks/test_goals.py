"""What the benchmark judges by, and how."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import table
from benchmarks.goals import Goal, goals
from benchmarks.scenarios import scenarios

DOCS = Path(__file__).parents[2] / "docs" / "benchmarks.md"
ROW = re.compile(r"\| (.+?) \| ([≤≥]) ([\d.]+) \| [≤≥] ([\d.]+) \|")


def by_text(figures: dict[tuple[str, str], float]) -> dict[str, Goal]:
    return {goal.text: goal for goal in goals(figures)}


def test_the_documented_table_is_what_is_judged() -> None:
    """Each row of the table in docs/benchmarks.md is a goal with these bounds, and each goal is a row there."""
    documented = {
        text: (float(must), float(aim), sign == "≤") for text, sign, must, aim in ROW.findall(DOCS.read_text("utf-8"))
    }
    assert documented == {goal.text: (goal.must, goal.aim, goal.at_most) for goal in goals({})}


def test_an_aim_is_beyond_what_must_be() -> None:
    """Whoever reaches an aim has met the must."""
    for goal in goals({}):
        assert goal.aim < goal.must if goal.at_most else goal.aim > goal.must


def test_each_goal_is_of_a_scenario_and_contestants_that_there_are() -> None:
    """With a figure of everybody who takes part, nothing is left unmeasured: no name in a goal is misspelt."""
    figures = {
        (scenario.name, name): 1.0
        for scenario in scenarios(quick=True)
        for name in (*(own.name for own in scenario.own), "stripe-node", "undici", "lua-http")
    }
    figures["instructions", "luahost"] = 1.0  # where valgrind is not installed
    assert [goal.text for goal in goals(figures) if goal.reached is None] == []


@pytest.mark.parametrize(
    ("scenario", "own", "peer", "text", "verdicts"),
    [
        ("serial", "luahost", "stripe-node", "1 at a time, one core ÷ stripe-node", "aim must missed"),
        ("wide", "luahost", "undici", "1,000 scripts × 5 at 50 ms ÷ undici", "aim must missed"),
        ("wide", "luahost", "stripe-node", "1,000 scripts × 5 at 50 ms ÷ stripe-node", "aim must missed"),
        ("cold", "luahost run", "stripe-node", "cold start ÷ stripe-node", "aim must missed"),
        ("inflight", "luahost, 32 scripts", "lua-http", "32 scripts, creates/s ÷ lua-http", "missed must aim"),
    ],
)
def test_a_ratio_is_judged_by_both_bounds(scenario: str, own: str, peer: str, text: str, verdicts: str) -> None:
    """Just at a bound it is kept to; nothing but the ratio counts."""
    for machine in (1.0, 7.0):
        bounds = by_text({})[text]
        low, high = sorted((bounds.aim, bounds.must))
        judged = [
            by_text({(scenario, own): ratio * machine, (scenario, peer): machine})[text].verdict
            for ratio in (low if bounds.at_most else low * 0.9, high if bounds.at_most else low, high * 1.1)
        ]
        assert judged == verdicts.split()


def test_a_goal_without_a_figure_is_neither_met_nor_missed() -> None:
    """A peer that could not be installed, say."""
    found = by_text({("serial", "luahost"): 100.0, ("serial", "stripe-node"): 0.0})
    assert {goal.verdict for goal in found.values()} == {None}


def test_the_dearest_width_is_held_against_the_cheapest() -> None:
    """Whichever it is."""
    figures = {("scale", "luahost, 10 scripts"): 120.0, ("scale", "luahost, 10,000 scripts"): 100.0}
    goal = by_text(figures)["10 to 10,000 scripts, dearest create ÷ cheapest"]
    assert (goal.reached, goal.verdict) == (pytest.approx(1.2), "must")


def test_the_table_and_the_record_say_both_bounds() -> None:
    """For whoever reads them later."""
    goal = goals({("serial", "luahost"): 60.0, ("serial", "stripe-node"): 100.0})[0]
    line = list(table.goal_lines([goal]))[1]
    assert line.split()[-8:] == ["0.60", "must", "≤", "0.5", "aim", "≤", "0.35", "MISSED"]
    kept = table.record([], [goal])["goals"][0]
    assert (kept["must"], kept["aim"], kept["verdict"]) == (0.5, 0.35, "missed")
