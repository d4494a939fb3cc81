"""Budgets of effects: how many calls, how many changes, how much money. Quotas (``quota.py``) enforce them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec.structs import force_setattr

from host.errors import UsageError
from host.frozen import Frozen
from host.option import Option
from host.policy.units import UNITS

__all__ = ["Budget", "parse_amount"]


class Budget(Frozen, frozen=True):
    """What may be spent in total. ``None`` means no limit. ``max_amount`` is in minor units: ``{"usd": 50000}``.

    With any ``max_amount``, a currency that is not in it may not be charged at all, and operations whose amount is not
    known in advance (subscriptions, invoices) are refused unless ``allow_unbounded``. Raises ``UsageError`` for a value
    that is not a whole number from 0.
    """

    UNHASHED = frozenset({"max_amount"})

    max_calls: int | None = None
    max_mutations: int | None = None
    max_amount: Annotated[
        Mapping[str, int],
        Option("--max-amount", "Move at most this much, in minor units: usd:50000.", "CURRENCY:AMOUNT"),
    ] = msgspec.field(default_factory=dict)
    allow_unbounded: Annotated[
        bool,
        Option("--allow-unbounded", "With --max-amount: allow operations whose amount is not known in advance."),
    ] = False

    def __post_init__(self) -> None:
        for name in (unit.field for unit in UNITS.values()):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise UsageError(f"Budget.{name} is {value!r}; expected a whole number from 0")
        if not isinstance(self.allow_unbounded, bool):
            raise UsageError(f"Budget.allow_unbounded is {self.allow_unbounded!r}; expected True or False")
        amounts = self.max_amount
        if not isinstance(amounts, Mapping):
            raise UsageError(f"Budget.max_amount is {amounts!r}; expected amounts by currency: {{'usd': 50000}}")
        found: dict[str, int] = {}
        for currency, amount in (_checked_amount(*pair) for pair in amounts.items()):
            if found.setdefault(currency, amount) != amount:
                raise UsageError(f"Budget.max_amount has {currency} twice, with different amounts")
        force_setattr(self, "max_amount", found)

    @property
    def empty(self) -> bool:
        """Whether it limits nothing."""
        return not self.max_amount and all(getattr(self, unit.field) is None for unit in UNITS.values())

    @property
    def ceilings(self) -> dict[str, int]:
        """The limits by unit of a ledger: by currency, and by the names in ``UNITS``."""
        counts = {name: getattr(self, unit.field) for name, unit in UNITS.items()}
        return {**self.max_amount, **{name: most for name, most in counts.items() if most is not None}}


def parse_amount(text: str) -> tuple[str, int]:
    """``usd:50000`` → ``("usd", 50000)``. Raises ``UsageError``."""
    currency, colon, amount = text.partition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,15}", amount):
        raise UsageError(f"{text!r} is not an amount; expected a currency and minor units such as usd:50000")
    return _checked_amount(currency, int(amount))


def _checked_amount(currency: Any, amount: Any) -> tuple[str, int]:
    if not isinstance(currency, str) or not re.fullmatch(r"[A-Za-z]{3,5}", currency):
        raise UsageError(f"{currency!r} is not a currency; expected a code such as usd")
    if currency.lower() in UNITS:
        raise UsageError(f"{currency!r} is not a currency; it is limited by {UNITS[currency.lower()].field}")
    if isinstance(amount, bool) or not isinstance(amount, int) or amount < 0:
        raise UsageError(f"the amount for {currency} is {amount!r}; expected whole minor units, from 0")
    return currency.lower(), amount
