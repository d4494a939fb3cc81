"""Computes the discounts and taxes of lines, and the totals of objects with lines, such as invoices and sessions.

The order is Stripe's: first a line's own discounts, then those of the whole, each applied to what is left; then taxes.
https://docs.stripe.com/billing/subscriptions/coupons#stacking and https://docs.stripe.com/billing/taxes/tax-rates
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from host.simulator.stripe.money import rounded

Object = dict[str, Any]
Coupon = tuple[str, Object]  # the key that its amount is recorded under, and the coupon


class Line(msgspec.Struct):
    """The amount of one line; :func:`compute` fills in ``off``, ``own``, ``taxes``, ``inside`` and ``left``."""

    amount: int
    product: str | None = None
    discountable: bool = True
    coupons: list[Coupon] = []
    rates: list[Object] | None = None  # its own tax rates; ``None``: those of the whole
    off: list[tuple[str, int]] = []
    own: int = 0  # what its own discounts come to
    inside: int = 0  # what inclusive taxes would be without the discounts of the whole
    taxes: list[Object] = []
    left: int = 0  # the amount less discounts

    @property
    def discount(self) -> int:
        """The sum of its discounts."""
        return sum(amount for _, amount in self.off)

    def tax(self, behavior: str) -> int:
        """The sum of its ``inclusive`` or ``exclusive`` taxes."""
        return sum(tax["amount"] for tax in self.taxes if tax["tax_behavior"] == behavior)

    @property
    def subtotal(self) -> int:
        """The amount less its own discounts."""
        return self.amount - self.own

    @property
    def total(self) -> int:
        """The amount after discounts, plus exclusive taxes."""
        return self.left + self.tax("exclusive")


def compute(
    lines: list[Line], coupons: Iterable[Coupon], rates: list[Object], currency: str, exempt: str | None = None
) -> None:
    """Fill in the discounts and taxes of ``lines``; ``coupons`` and ``rates`` are those of the whole.

    ``exempt`` is the customer's ``tax_exempt``.
    """
    for line in lines:
        line.left, line.off = line.amount, []
        for key, coupon in line.coupons:
            if line.discountable and _applies(coupon, line):
                _take(line, key, taken_off(line.left, coupon, currency))
        line.own = line.discount
    for key, coupon in coupons:
        _spread(lines, key, coupon, currency)
    for line in lines:
        asked = rates if line.rates is None else line.rates
        line.taxes = taxes_of(line.left, asked, exempt)
        line.inside = line.tax("inclusive")
        if line.inside and line.left != line.subtotal:
            whole = taxes_of(line.subtotal, asked, exempt)
            line.inside = sum(tax["amount"] for tax in whole if tax["tax_behavior"] == "inclusive")


def _applies(coupon: Object, line: Line) -> bool:
    products = (coupon.get("applies_to") or {}).get("products")
    return not products or line.product in products


def _take(line: Line, key: str, amount: int) -> None:
    if amount:
        line.off.append((key, amount))
        line.left -= amount


def _spread(lines: list[Line], key: str, coupon: Object, currency: str) -> None:
    """Distribute a coupon of the whole over the lines it applies to, in proportion, so that the sum is exact."""
    found = [line for line in lines if line.discountable and line.left > 0 and _applies(coupon, line)]
    base = sum(line.left for line in found)
    off, seen, taken = taken_off(base, coupon, currency), 0, 0
    for line in found:
        seen += line.left
        upto = rounded(Decimal(off) * seen / base)
        _take(line, key, upto - taken)
        taken = upto


def taken_off(amount: int, coupon: Object, currency: str) -> int:
    """What a coupon takes off ``amount``; 0 if it has no amount in ``currency``."""
    if amount <= 0:
        return 0
    if coupon.get("percent_off"):
        return rounded(Decimal(amount) * Decimal(str(coupon["percent_off"])) / 100)
    return min(amount, amount_off(coupon, currency) or 0)


def amount_off(coupon: Object, currency: str) -> int | None:
    """A coupon's amount in ``currency``, or ``None`` if it has none."""
    if coupon.get("currency") == currency:
        return int(coupon["amount_off"])
    option = (coupon.get("currency_options") or {}).get(currency)
    return None if option is None else int(option["amount_off"])


def taxes_of(amount: int, rates: list[Object], exempt: str | None = None) -> list[Object]:
    """The tax of each rate on ``amount``: inclusive ones are a part of it, exclusive ones are added to the rest.

    It is 0 for a customer who is ``exempt``, or has to account for the tax (``reverse``).
    https://docs.stripe.com/tax/zero-tax
    """
    reason = _FREE.get(exempt or "")
    inside = sum((Decimal(str(rate["percentage"])) for rate in rates if rate["inclusive"]), Decimal(0))
    net = Decimal(amount) * 100 / (100 + inside)
    found = []
    for rate in rates:
        found.append(
            {
                "amount": 0 if reason else rounded(net * Decimal(str(rate["percentage"])) / 100),
                "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
                "tax_rate_details": {"tax_rate": rate["id"]},
                "taxability_reason": reason or "not_available",
                "taxable_amount": 0 if reason else rounded(net),
                "type": "tax_rate_details",
            }
        )
    return found


_FREE = {"exempt": "customer_exempt", "reverse": "reverse_charge"}


def added_up(taxes: Iterable[Object]) -> list[Object]:
    """The taxes added up, with one entry for each rate."""
    found: dict[str, Object] = {}
    for tax in taxes:
        rate = tax["tax_rate_details"]["tax_rate"]
        if rate in found:
            found[rate]["amount"] += tax["amount"]
            found[rate]["taxable_amount"] += tax["taxable_amount"]
        else:
            found[rate] = dict(tax)
    return list(found.values())


def discount_sums(lines: Iterable[Line]) -> list[Object]:
    """The sum of each discount over all ``lines``."""
    found: dict[str, int] = {}
    for line in lines:
        for key, amount in line.off:
            found[key] = found.get(key, 0) + amount
    return [{"amount": amount, "discount": key} for key, amount in found.items()]
