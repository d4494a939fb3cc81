"""Ledgers: they keep what was spent of a budget."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Protocol

__all__ = ["MemoryLedger", "SpendingLedger"]


class SpendingLedger(Protocol):
    """Stores what was spent of a quota. Thread-safe. ``account`` distinguishes API keys, for ledgers that do.

    ``outlives`` is true if the next process still knows what was spent.
    """

    outlives: bool

    def spend(self, account: str, amounts: Mapping[str, int], ceilings: Mapping[str, int]) -> str | tuple[str, int]:
        """Add ``amounts`` by unit, all or nothing, and return the day they count for: "" for a ledger without days.

        If one would exceed its ceiling, nothing is added, and the result is that unit and the amount spent of it.
        """
        ...

    def give_back(self, account: str, amounts: Mapping[str, int], day: str) -> None:
        """Subtract amounts that a ``spend`` has added, from the ``day`` it returned."""
        ...


class MemoryLedger:
    """The spending of one run or one host, in memory, for all accounts together."""

    outlives = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.spent: dict[str, int] = {}

    def spend(self, account: str, amounts: Mapping[str, int], ceilings: Mapping[str, int]) -> str | tuple[str, int]:
        with self._lock:
            spent = self.spent
            for unit, amount in amounts.items():
                ceiling = ceilings.get(unit)
                if ceiling is not None and spent.get(unit, 0) + amount > ceiling:
                    return unit, spent.get(unit, 0)
            for unit, amount in amounts.items():
                spent[unit] = spent.get(unit, 0) + amount
        return ""

    def give_back(self, account: str, amounts: Mapping[str, int], day: str) -> None:
        with self._lock:
            for unit, amount in amounts.items():
                self.spent[unit] = self.spent.get(unit, 0) - amount
