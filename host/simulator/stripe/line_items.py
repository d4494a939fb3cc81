"""Line items of Checkout Sessions, payment links and quotes, and their totals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.breakdowns import SUMS
from host.simulator.stripe.catalogue import check_for_sale, price_from
from host.simulator.stripe.money import rounded
from host.simulator.stripe.periods import configured_anchor, next_end, previous_end
from host.simulator.stripe.pricing import amount_of, in_currency
from host.simulator.stripe.sums import Coupon, Line, compute
from host.simulator.stripe.taxes import rates

CHOSEN = "~unit_amount"  # in the entry of a price that the customer sets: the chosen amount


class LineEntry(msgspec.Struct):
    """One entry of ``line_items``: its price in the order's currency, its amounts, its parameters and its id."""

    price: Object
    quantity: int | None
    line: Line
    given: Object
    id: str = ""

    @property
    def recurring(self) -> bool:
        """Whether its price recurs."""
        return bool(self.price["type"] == "recurring")


def read(
    call: RequestContext,
    wanted: Any,
    currency: str | None,
    path: str = "line_items",
    *,
    begins: Object | None = None,
    custom: bool = False,
) -> list[LineEntry]:
    """The entries of a ``line_items`` parameter (``path``).

    ``begins`` are the parameters of how a subscription to them would begin (see :func:`first_share`). ``custom`` says
    whether there is a page on which the customer can set a price.
    """
    found: list[LineEntry] = []
    for n, item in enumerate(wanted or []):
        found.append(read_entry(call, item, currency, f"{path}[{n}]", begins=begins, custom=custom))
        currency = found[-1].price["currency"]
    kinds = {(e.price["recurring"]["interval"], e.price["recurring"]["interval_count"]) for e in found if e.recurring}
    if len(kinds) > 1:
        raise invalid("All recurring prices must have the same interval and interval_count.", path)
    return found


def read_entry(
    call: RequestContext,
    item: Object,
    currency: str | None,
    here: str,
    *,
    begins: Object | None = None,
    custom: bool = False,
) -> LineEntry:
    """One entry of such a parameter, which is ``here``; see :func:`read`."""
    base = price_from(call, item, here)
    check_for_sale(call, base, item, here)
    price = in_currency(base, currency or base["currency"], f"{here}[price]")
    if base.get("custom_unit_amount") and not custom:
        call.not_modelled("prices that the customer sets", "prices with an amount are.", f"{here}[price]")
    return entry(call, price, item, here, begins)


def first_share(call: RequestContext, recurring: Object, begins: Object) -> Decimal:
    """The share of a recurring price that is due today: none on trial, a part of it before an anchor, else all.

    ``begins`` are ``trial_period_days``, ``trial_end``, ``billing_cycle_anchor``, ``billing_cycle_anchor_config`` and
    ``proration_behavior``, as they are parameters of a session's ``subscription_data``.
    https://docs.stripe.com/payments/checkout/billing-cycle
    """
    if begins.get("trial_period_days") or begins.get("trial_end"):
        return Decimal(0)
    anchor, config = begins.get("billing_cycle_anchor"), begins.get("billing_cycle_anchor_config")
    if config:
        anchor = configured_anchor(call.now, config)
    if anchor is None:
        return Decimal(1)
    end = next_end(anchor, recurring, call.now)
    start = min(call.now, previous_end(anchor, recurring, end))
    if start < call.now and begins.get("proration_behavior") == "none":
        return Decimal(0)
    return Decimal(end - call.now) / (end - start)


def entry(call: RequestContext, price: Object, item: Object, here: str, begins: Object | None = None) -> LineEntry:
    """The entry for a price, with the parameters ``item``; ``begins`` are those of :func:`first_share`."""
    metered = (price["recurring"] or {}).get("usage_type") == "metered"
    quantity = item.get("quantity")
    if metered and quantity is not None:
        raise invalid("You cannot set the quantity of a metered price.", f"{here}[quantity]")
    if not metered:
        quantity = 1 if quantity is None else quantity
        if quantity < 0:
            raise invalid("This value must be greater than or equal to 0.", f"{here}[quantity]")
    amount = 0 if metered else amount_of(price, quantity or 0)
    if price["type"] == "recurring":
        amount = rounded(amount * first_share(call, price["recurring"], begins or {}))
    if asked := price.get("custom_unit_amount"):
        amount = item.get(CHOSEN, asked["preset"] or 0)
    line = Line(amount, price["product"])
    if item.get("tax_rates"):
        line.rates = rates(call, item["tax_rates"], f"{here}[tax_rates]")
    return LineEntry(price, quantity, line, item)


def add_up(
    call: RequestContext,
    entries: list[LineEntry],
    coupons: list[Coupon],
    tax_rates: list[Object],
    customer: str | None = None,
) -> None:
    """Compute the discounts and taxes of the entries; ``customer`` may be exempt from tax."""
    exempt = (call.find("customer", customer) or {}).get("tax_exempt") if customer else None
    currency = entries[0].price["currency"] if entries else ""
    compute([entry.line for entry in entries], coupons, tax_rates, currency, exempt)


def keep(call: RequestContext, entries: list[LineEntry], under: str) -> list[Object]:
    """Save the entries as the API's ``item`` objects, in the collection ``under``; returns them in order."""
    made = []
    for each in reversed(entries):  # lists are newest first
        item = call.blank("item")
        item.update(shown(call, each))
        save(call, item, each, under)
        each.id = item["id"]
        made.append(item)
    return made[::-1]


def save(call: RequestContext, item: Object, entry: LineEntry, under: str) -> None:
    """Save an item in the collection ``under``, and the amounts of its discounts and taxes beside it."""
    call.save("item", item, under=under)
    off = [{"amount": amount, "coupon": key} for key, amount in entry.line.off]
    if off or entry.line.taxes:
        call.backend.store.put(SUMS, item["id"], {"discounts": off, "taxes": entry.line.taxes})


def shown(call: RequestContext, entry: LineEntry) -> Object:
    """The members of the ``item`` object for an entry."""
    line = entry.line
    product = call.find("product", str(entry.price["product"])) or {}
    return {
        "adjustable_quantity": entry.given.get("adjustable_quantity"),
        "amount_discount": line.discount,
        "amount_subtotal": line.amount,
        "amount_tax": sum(tax["amount"] for tax in line.taxes),
        "amount_total": line.total,
        "currency": entry.price["currency"],
        "description": product.get("name"),
        "metadata": entry.given.get("metadata") or {},
        "price": call.find("price", entry.price["id"]) or entry.price,
        "quantity": entry.quantity,
    }


def totals(entries: list[LineEntry]) -> Object:
    """``amount_subtotal``, ``amount_total`` and ``total_details`` of the entries together."""
    lines = [entry.line for entry in entries]
    return {
        "amount_subtotal": sum(line.amount for line in lines),
        "amount_total": sum(line.total for line in lines),
        "total_details": {
            "amount_discount": sum(line.discount for line in lines),
            "amount_shipping": 0,
            "amount_tax": sum(tax["amount"] for line in lines for tax in line.taxes),
        },
    }
