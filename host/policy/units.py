"""What a budget counts beside money: one table, from which its checks, its messages and the options derive."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["UNITS", "Unit"]


class Unit(NamedTuple):
    """``field`` of :class:`~host.policy.budget.Budget` bounds it, ``flag`` of the command line sets that.

    ``counts(operation, mutation)`` is how many of it one call takes; ``operation`` is its whole name
    (``stripe.refunds.create``), ``mutation`` is False of a change that may have been made before.
    """

    field: str
    flag: str
    help: str
    counts: Callable[[str, bool], int]


# By the name it has in a ledger, beside currencies.
UNITS: dict[str, Unit] = {
    "calls": Unit("max_calls", "--max-calls", "Make at most N calls.", lambda operation, mutation: 1),
    "mutations": Unit(
        "max_mutations",
        "--max-mutations",
        "Change something at most N times.",
        lambda operation, mutation: int(mutation),
    ),
}
