"""Amounts of money: the decimals of currencies, and hints for amounts that are not whole numbers.

Source: https://docs.stripe.com/currencies#zero-decimal and #three-decimal; ISO 4217 agrees except for UGX.
"""

from __future__ import annotations

import math
import re
from typing import Final

__all__ = ["THREE_DECIMALS", "ZERO_DECIMALS", "is_money", "whole_amount_hint"]

ZERO_DECIMALS: Final = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split()  # noqa: SIM905 read as words
)
THREE_DECIMALS: Final = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))

_WORDS: Final = frozenset(
    "amount amounts balance cost fee fees price subtotal surcharge tax taxes tip total".split()  # noqa: SIM905
)


def is_money(name: str) -> bool:
    """Whether a parameter of that name is an amount: ``unit_amount``, ``amount_to_capture``, ``unitAmount``."""
    low = name.lower()
    return low.endswith("amount") or not _WORDS.isdisjoint(low.split("_"))


def whole_amount_hint(steps: tuple[str, ...], value: float, currency: str | None) -> str:
    """A hint for ``value``, a fraction given where a whole number is expected, at the path ``steps``.

    It suggests rounding, never multiplying, since 15.75 may be dollars or a computed fee in cents. For money it says
    what a whole number means in ``currency``, if that is known.
    """
    rounded = math.floor(value + 0.5)
    step = f"math.floor(x + 0.5) rounds it to {rounded}"
    if not any(map(is_money, steps)):
        return f"; {step}"
    if abs(value - rounded) < 1e-6 * max(1.0, abs(value)):  # 19.99 * 100
        return f"; an amount is a whole number of minor units such as cents: {step}"
    known = (currency or "").lower()
    if known in ZERO_DECIMALS:
        return f"; {known} has no decimals, an amount is a whole number of {known}: {step}"
    if known in THREE_DECIMALS:
        return f"; {known} has three decimals, an amount is a whole number of thousandths (1 {known} is 1000): {step}"
    unit = known if re.fullmatch(r"[a-z]{3}", known) else "usd"
    return (
        f"; amounts are whole numbers of minor units such as cents (29.99 {unit} is 2999); "
        f"{step}, where it is in minor units already"
    )
