"""Computes the amount for a quantity of a price. https://docs.stripe.com/products-prices/pricing-models"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from host.simulator.api_error import invalid
from host.simulator.stripe.money import decimals, rounded

Price = dict[str, Any]
_AMOUNTS = ("unit_amount", "unit_amount_decimal", "tiers", "custom_unit_amount", "tax_behavior")


def in_currency(price: Price, currency: str | None, param: str = "currency") -> Price:
    """The price in one of its currencies: https://docs.stripe.com/products-prices/pricing-models#multicurrency"""
    if currency is None or price["currency"] == currency:
        return price
    option = (price.get("currency_options") or {}).get(currency)
    if option is None:
        raise invalid(
            f"The price specified only supports `{price['currency']}`. This doesn't match the expected currency: "
            f"`{currency}`.",
            param,
        )
    amounts = {name: option[name] for name in _AMOUNTS if option.get(name) is not None}
    return {**price, **dict.fromkeys(_AMOUNTS[:3]), **amounts, "currency": currency}


def amount_of(price: Price, quantity: int | Decimal) -> int:
    """The amount for ``quantity`` of a price, in minor units."""
    return rounded(exact_amount(price, quantity))


def exact_amount(price: Price, quantity: int | Decimal) -> Decimal:
    """The amount for ``quantity`` of a price, in minor units, not rounded."""
    if price.get("tiers"):
        return _tiered(price, quantity)
    if divided := price.get("transform_quantity"):
        whole, rest = divmod(quantity, divided["divide_by"])
        quantity = whole + (1 if rest and divided["round"] == "up" else 0)
    return _decimal(price, "unit_amount") * quantity


def unit_decimal(price: Price) -> str | None:
    """A price's amount per unit as a decimal text, or ``None`` if it has tiers."""
    if price.get("unit_amount_decimal") is not None:
        return str(price["unit_amount_decimal"])
    return None if price.get("unit_amount") is None else str(price["unit_amount"])


def _tiered(price: Price, quantity: int | Decimal) -> Decimal:
    """The amount for a price with tiers.

    Graduated tiers each price their part of the quantity; in volume mode, the tier that the quantity falls in prices
    all of it. A quantity of 0 costs the flat amount of the first tier.
    """
    total, below = Decimal(0), Decimal(0)
    volume = price.get("tiers_mode") == "volume"
    for n, tier in enumerate(price["tiers"]):
        limit = tier.get("up_to")
        last = limit in (None, "inf") or quantity <= int(limit)
        top = Decimal(quantity) if last else Decimal(int(limit))
        flat = _decimal(tier, "flat_amount")
        if not volume and (top > below or n == 0):
            total += _decimal(tier, "unit_amount") * (top - below) + flat
        elif volume and last:
            return _decimal(tier, "unit_amount") * quantity + flat
        if last:
            break
        below = top
    return total


def at_volume(price: Price, quantity: int | Decimal) -> Price | None:
    """The price with the unit amount that applies to all of ``quantity``; ``None`` for graduated tiers."""
    if not price.get("tiers"):
        return price
    if price.get("tiers_mode") != "volume":
        return None
    tiers = price["tiers"]
    tier = next((t for t in tiers if t.get("up_to") not in (None, "inf") and quantity <= int(t["up_to"])), tiers[-1])
    return {**price, **{name: tier.get(name) for name in ("unit_amount", "unit_amount_decimal")}}


def _decimal(fields: Price, name: str) -> Decimal:
    exact = fields.get(f"{name}_decimal")
    return Decimal(str(exact if exact is not None else fields.get(name) or 0))


def plain_quantity(quantity: Decimal) -> int:
    """A quantity as integer members show it: rounded down."""
    return int(quantity)


def shown_unit(price: Price) -> str:
    """A price per unit as in the descriptions of invoice lines: ``$20.00 / month``."""
    currency = price["currency"]
    sign = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}.get(currency, f"{currency.upper()} ")
    places = decimals(currency)
    whole = _decimal(price, "unit_amount").scaleb(-places)
    shortest = whole.quantize(Decimal(1).scaleb(-places))
    exact = shortest if whole == shortest else whole.normalize()
    recurring = price.get("recurring")
    if not recurring:
        return f"{sign}{exact}"
    count = recurring.get("interval_count") or 1
    every = recurring["interval"] if count == 1 else f"every {count} {recurring['interval']}s"
    return f"{sign}{exact} / {every}"
