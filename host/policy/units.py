"""What a budget counts besides money: one table, from which checks, messages and options are derived."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["UNITS", "Unit"]


class Unit(NamedTuple):
    """A unit, limited by ``field`` of :class:`~host.policy.budget.Budget`, which the option ``flag`` sets.

    ``counts(operation, mutation)`` is the number of units a call takes. ``operation`` is its full name
    (``stripe.refunds.create``); ``mutation`` is False for a change that was counted before.
    """

    field: str
    flag: str
    help: str
    counts: Callable[[str, bool], int]


# By their names in ledgers, which also count by currency.
UNITS: dict[str, Unit] = {
    "calls": Unit("max_calls", "--max-calls", "Make at most N calls.", lambda operation, mutation: 1),
    "mutations": Unit(
        "max_mutations",
        "--max-mutations",
        "Change something at most N times.",
        lambda operation, mutation: int(mutation),
    ),
}
