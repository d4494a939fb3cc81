"""A plan as text and as JSON: each kind of fact has its line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from host.plan.plan import Plan, PlannedChange, Unforeseen
from host.plan.rendering import LONGEST, MOST, as_json, as_text


def change(**more: Any) -> PlannedChange:
    return PlannedChange(**{"operation": "stripe.products.create", "place": "a.lua:2", "task": "1", **more})


def plan(*changes: PlannedChange, **more: Any) -> Plan:
    return Plan(**{"script": "a.lua", "source": b"", "mode": "simulated", "changes": changes, **more})


def test_a_plan_without_changes_says_so() -> None:
    """One line for the counts, one for the amounts."""
    assert as_text(plan()) == ("Plan of a.lua for the simulator: 0 changes, 0 reads\n\nAmounts, in minor units: none\n")
    real = plan(mode="live", base="stripe https://api.stripe.com", reads=1)
    assert as_text(real).startswith("Plan of a.lua for stripe https://api.stripe.com (live key): 0 changes, 1 read\n")


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (change(), "1. a.lua:2  stripe.products.create"),
        (change(id="planned_product_1"), "1. a.lua:2  stripe.products.create → planned_product_1"),
        (change(id="pi", amount=1500, currency="eur"), "1. a.lua:2  stripe.products.create → pi  eur 1,500"),
        (change(open_amount=True), "1. a.lua:2  stripe.products.create  moves an amount that is not known in advance"),
        (change(amount=5), "1. a.lua:2  stripe.products.create"),
    ],
)
def test_a_change_says_what_it_makes_and_moves(made: PlannedChange, line: str) -> None:
    """The id and the amount are on the change's line; an amount without a currency is none."""
    assert as_text(plan(made)).split("\n")[2] == line


def test_parameters_are_shown_one_a_line_by_their_path() -> None:
    """Nested ones with dots and places, empty ones not at all, a function's by number, options under that name."""
    given = {"name": "Gold", "metadata": {"a": "1", "empty": {}}, "items": [{"price": "p"}], "off": None, "none": []}
    text = as_text(plan(change(parameters=given, options={"account": "acct_1"})))
    assert text.split("\n")[3:7] == [
        '   name: "Gold"',
        '   metadata.a: "1"',
        '   items[1].price: "p"',
        '   options.account: "acct_1"',
    ]
    assert '   argument 1: "x"\n   argument 2: 5\n' in as_text(plan(change(parameters=["x", 5])))


def test_long_values_and_many_parameters_are_cut() -> None:
    """A change has at most so many lines, of at most so many characters, and says what is left out and where it is."""
    text = as_text(plan(change(parameters={"text": "x" * 500, **{f"p{n}": n for n in range(100)}})))
    lines = text.split("\n")[3:]
    assert len(lines[0]) == len("   text: ") + LONGEST
    assert lines[0].endswith("…")
    assert lines[MOST] == f"   … and {101 - MOST} more; --json shows all"


def test_numbers_of_changes_line_up() -> None:
    """Ten changes and more are numbered in a column."""
    text = as_text(plan(*[change() for _ in range(10)]))
    assert "\n 9. a.lua:2" in text
    assert "\n10. a.lua:2" in text


def test_amounts_are_summed_by_currency() -> None:
    """Each currency once, and how many changes move an amount that is not known."""
    money = [change(amount=n, currency=c) for n, c in ((500, "eur"), (1000, "usd"), (700, "eur"))]
    text = as_text(plan(*money, change(open_amount=True)))
    assert "Amounts, in minor units: eur 1,200, usd 1,000\n  and a change moves an amount" in text
    text = as_text(plan(change(open_amount=True), change(open_amount=True)))
    assert "Amounts, in minor units: none\n  and 2 changes move an amount" in text


def test_what_cannot_be_foreseen_and_a_failure_are_at_the_end() -> None:
    """The reader of the last lines learns why the plan may be wrong, or is incomplete."""
    text = as_text(plan(unforeseen=(Unforeseen("a.lua:5", "decides by .status"),), error="boom"))
    assert text.endswith(
        "\nCannot be foreseen:\n  a.lua:5  decides by .status\n\nThe script failed here, so the plan is incomplete.\n"
    )


def test_json_has_every_fact() -> None:
    """For programs: all that the text has, uncut, and the plan's id."""
    made = [
        change(parameters={"text": "x" * 500}, options={"a": 1}, id="p", digest="d"),
        change(amount=5, currency="eur"),
        change(open_amount=True),
    ]
    whole = plan(*made, args=("x",), base="b", reads=2, unforeseen=(Unforeseen("a.lua:5", "why"),), error="boom")
    found = json.loads(as_json(whole))
    assert found.pop("id") == whole.id
    shown = found.pop("changes")
    assert found == {
        "script": "a.lua", "args": ["x"], "mode": "simulated", "base": "b", "amounts": {"eur": 5}, "open_amounts": 1,
        "reads": 2, "unforeseen": [{"place": "a.lua:5", "text": "why"}], "error": "boom",
    }  # fmt: skip
    assert shown[0]["parameters"] == {"text": "x" * 500}
    assert (shown[0]["options"], shown[0]["id"], shown[0]["digest"]) == ({"a": 1}, "p", "d")
    assert (shown[1]["amount"], shown[1]["currency"]) == (5, "eur")
    assert shown[2]["open_amount"] is True
    assert "open_amount" not in shown[0]
    assert "amount" not in shown[0]
