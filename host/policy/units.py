"""What a budget counts beside money: one table, from which its checks, its messages and the options derive."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["UNITS", "Unit"]


class Unit(NamedTuple):
    """``field`` of :class:`~host.policy.budget.Budget` bounds it, ``flag`` of the command line sets that.

    ``counts(mutation)`` is how many of it one call takes; of a change that may have been made before, ``mutation`` is
    False.
    """

    field: str
    flag: str
    help: str
    counts: Callable[[bool], int]


# By the name it has in a ledger, beside currencies.
UNITS: dict[str, Unit] = {
    "calls": Unit("max_calls", "--max-calls", "Make at most N calls.", lambda mutation: 1),
    "mutations": Unit("max_mutations", "--max-mutations", "Change something at most N times.", int),
}
