"""Budgets: what may be spent, as it is written down."""

from __future__ import annotations

from typing import Any

import pytest

from host.errors import UsageError
from host.policy.budget import Budget, parse_amount


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"max_calls": -1}, "max_calls"),
        ({"max_mutations": True}, "max_mutations"),
        ({"max_amount": {"usd": 1.5}}, "usd"),
        ({"max_amount": {"dollars!": 1}}, "dollars!"),
        ({"max_amount": {"usd": 1, "USD": 2}}, "usd twice"),
        ({"max_amount": [("usd", 1)]}, "max_amount"),
        ({"allow_unbounded": 1}, "allow_unbounded"),
    ],
)
def test_bad_budgets_are_named(said: Any, named: str) -> None:
    """A budget that cannot be kept is an error of whoever wrote it."""
    with pytest.raises(UsageError) as found:
        Budget(**said)
    assert named in str(found.value)


@pytest.mark.parametrize("text", ["usd", "usd:", "usd:-5", "usd:1.5", "us dollars:5", ":5", "usd:5:6"])
def test_an_amount_is_currency_and_minor_units(text: str) -> None:
    """usd:50000, and nothing else."""
    assert parse_amount("USD:50000") == ("usd", 50000)
    with pytest.raises(UsageError):
        parse_amount(text)
