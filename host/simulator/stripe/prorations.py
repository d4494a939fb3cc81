"""Prorations: the credits and charges for a change within a billing period.

Amounts are prorated by the second. For the rest of the period, the old price is credited and the new one charged.
https://docs.stripe.com/billing/subscriptions/prorations
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import discounts
from host.simulator.stripe.billing_modes import is_flexible
from host.simulator.stripe.lines import add_line, pricing
from host.simulator.stripe.money import rounded
from host.simulator.stripe.periods import day_of, previous_end
from host.simulator.stripe.pricing import amount_of
from host.simulator.stripe.subscription_items import price_of
from host.simulator.stripe.sums import Line, compute


class Part(msgspec.Struct):
    """A subscription item, with its amount for a period after discounts.

    The period is from ``start`` to ``end``; ``stop`` is when the item ends within it.
    """

    item: Object
    amount: int
    start: int
    end: int
    stop: int


def stop_of(subscription: Object, item: Object) -> int:
    """When an item's current period ends for its subscription: at ``cancel_at``, if that is earlier."""
    start, end, at = item["current_period_start"], item["current_period_end"], subscription.get("cancel_at")
    return int(at) if at and start < at < end else int(end)


def begin_of(subscription: Object, item: Object) -> int:
    """When an item's whole period began. After a late start, the current period is only the rest of it."""
    start, end = int(item["current_period_start"]), item["current_period_end"]
    return min(start, previous_end(subscription["billing_cycle_anchor"], item["price"]["recurring"], end))


def parts(call: RequestContext, subscription: Object, *, paid: bool = False) -> dict[str, Part]:
    """The licensed items of a subscription with their amounts, by id; with ``paid``, those that were billed last."""
    found: dict[str, tuple[Object, Line]] = {}
    for item in subscription["items"]["data"]:
        price = item["price"]
        if price["recurring"]["usage_type"] == "metered":
            continue
        amount = amount_of(price_of(call, subscription, item), item.get("quantity") or 0)
        coupons = discounts.standing(call, item.get("discounts") or [])
        found[item["id"]] = (item, Line(amount, price["product"], True, coupons))
    lines = [line for _, line in found.values()]
    compute(lines, discounts.standing(call, subscription["discounts"]), [], subscription["currency"])
    billed = _billed(call, subscription) if paid else {}
    if paid and is_flexible(subscription):
        return {id: _debited(call, subscription, item) for id, (item, _) in found.items()}
    return {
        id: Part(
            dict(item),
            billed.get((id, line.amount), line.left),
            begin_of(subscription, item),
            item["current_period_end"],
            stop_of(subscription, item),
        )
        for id, (item, line) in found.items()
    }


def _debited(call: RequestContext, subscription: Object, item: Object) -> Part:
    """An item with the amount and period that were billed last, which flexible billing credits.

    https://docs.stripe.com/billing/subscriptions/prorations#credit-prorations
    """
    end, stop = item["current_period_end"], stop_of(subscription, item)
    debits = [
        (entry["period"]["start"], entry["period"]["end"], entry["amount"] - off)
        for entry, off in _entries(call, subscription, item["id"])
        if entry["amount"] >= 0 and entry["period"]["end"] in (end, stop) and entry["period"]["start"] <= call.now
    ]
    if not debits:
        return Part(dict(item), 0, item["current_period_start"], end, stop)
    start, until, amount = max(reversed(debits), key=lambda debit: debit[0])
    return Part(dict(item), amount, start, until, stop)


def _entries(call: RequestContext, subscription: Object, item: str) -> list[tuple[Object, int]]:
    """The invoice lines and pending items of a subscription item, oldest first, each with its discounts' amount."""
    store, customer, found = call.backend.store, subscription["customer"], list[tuple[Object, int]]()
    for invoice in store.having("invoice", "customer", customer):
        for line in invoice["lines"]["data"] if invoice["status"] != "void" else ():
            details = (line.get("parent") or {}).get("subscription_item_details") or {}
            if details.get("subscription_item") == item:
                found.append((line, sum(entry["amount"] for entry in line["discount_amounts"] or [])))
    for pending_item in store.having("invoiceitem", "customer", customer):
        details = (pending_item.get("parent") or {}).get("subscription_details") or {}
        if pending_item["invoice"] is None and details.get("subscription_item") == item:
            found.append((pending_item, 0))
    return found


def _billed(call: RequestContext, subscription: Object) -> dict[tuple[str, int], int]:
    """The amounts billed for the items' current periods, by item and amount before discounts.

    They differ from present amounts where a coupon with ``duration=once`` was used.
    """
    found: dict[tuple[str, int], int] = {}
    periods = {item["id"]: item["current_period_start"] for item in subscription["items"]["data"]}
    for invoice in call.backend.store.having("invoice", "customer", subscription["customer"]):
        for line in invoice["lines"]["data"]:
            details = (line.get("parent") or {}).get("subscription_item_details") or {}
            id = details.get("subscription_item")
            if id in periods and not details["proration"] and line["period"]["start"] == periods[id]:
                off = sum(entry["amount"] for entry in line["discount_amounts"] or [])
                found[str(id), line["amount"]] = line["amount"] - off
    return found


def share(amount: int, part: Part, at: int) -> int:
    """The share of ``amount`` for the rest of the part's period after ``at``."""
    whole = part.end - part.start
    return rounded(Decimal(amount) * (part.stop - at) / whole) if whole > 0 else 0


def moment(call: RequestContext, params: Object, subscription: Object) -> int:
    """The time that prorations are computed for: ``proration_date``, or now."""
    at = params.get("proration_date")
    if at is None:
        return call.now
    items = subscription["items"]["data"]
    if any(not item["current_period_start"] <= at <= item["current_period_end"] for item in items):
        raise invalid("Invalid proration_date: must be within the subscription's current period.", "proration_date")
    return int(at)


def prorate(
    call: RequestContext, subscription: Object, before: dict[str, Part], after: dict[str, Part], at: int
) -> list[Object]:
    """The prorations for a change at ``at``, as members of invoice items: the unused time of each changed old part, and
    the remaining time of each new one.
    """
    made = []
    for id in dict.fromkeys((*before, *after)):
        old, new = before.get(id), after.get(id)
        if old is not None and new is not None and _same(old, new):
            continue
        if old is not None and at < old.stop:
            made.append(_item(call, subscription, old, -share(old.amount, old, at), at, "Unused"))
        if new is not None and at < new.stop:
            made.append(_item(call, subscription, new, share(new.amount, new, at), at, "Remaining"))
    return made


def credit(call: RequestContext, subscription: Object, before: dict[str, Part], at: int) -> list[Object]:
    """The credits for the unused time of all parts in ``before``."""
    return prorate(call, subscription, before, {}, at)


def put_off(call: RequestContext, subscription: Object, made: list[Object]) -> None:
    """Create prorations as pending items; the last one first, as invoices list them newest first."""
    for fields in reversed(made):
        pending(call, subscription, **fields)


def put_on(call: RequestContext, invoice: Object, subscription: Object, made: list[Object]) -> None:
    """Add prorations to an invoice, as lines without invoice items."""
    for fields in made:
        details = {
            "invoice_item": None,
            "proration": True,
            "proration_details": {"credited_items": None},
            "subscription": subscription["id"],
            "subscription_item": fields["parent"]["subscription_details"]["subscription_item"],
        }
        add_line(
            call,
            invoice,
            fields["amount"],
            description=fields["description"],
            discountable=False,
            period=fields["period"],
            pricing=fields["pricing"],
            quantity=fields["quantity"],
            subscription=subscription["id"],
            parent={
                "type": "subscription_item_details",
                "subscription_item_details": details,
                "invoice_item_details": None,
            },
            rates=fields["tax_rates"],
        )


def _same(old: Part, new: Part) -> bool:
    """Whether nothing is prorated: changed discounts or taxes alone apply to later invoices.

    https://docs.stripe.com/billing/subscriptions/prorations#no-prorations
    """
    facts = ("price", "quantity")
    return old.stop == new.stop and all(
        (old.item[name]["id"] if name == "price" else old.item.get(name))
        == (new.item[name]["id"] if name == "price" else new.item.get(name))
        for name in facts
    )


def _item(call: RequestContext, subscription: Object, part: Part, amount: int, at: int, word: str) -> Object:
    item, quantity = part.item, part.item.get("quantity") or 0
    product = call.backend.store.get("product", str(item["price"]["product"])) or {}
    name = product.get("name") or item["price"]["id"]
    what = name if quantity == 1 else f"{quantity} × {name}"
    return {
        "amount": amount,
        "description": f"{word} time on {what} after {day_of(at)}",
        "discountable": False,
        "parent": owner(subscription["id"], item["id"]),
        "period": {"start": at, "end": part.stop},
        "pricing": pricing(item["price"]),
        "proration": True,
        "proration_details": {"credited_items": None, "discount_amounts": []},
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "tax_rates": list(item.get("tax_rates") or []),
    }


def owner(subscription: str, item: str | None) -> Object:
    """The ``parent`` of an invoice item that belongs to a subscription."""
    details = {"subscription": subscription, "subscription_item": item}
    return {"type": "subscription_details", "subscription_details": details}


def pending(call: RequestContext, subscription: Object, **fields: Any) -> Object:
    """Create a pending invoice item of a subscription."""
    return call.make(
        "invoiceitem",
        {
            "currency": subscription["currency"],
            "customer": subscription["customer"],
            "date": call.now,
            "discounts": [],
            "invoice": None,
            "metadata": {},
            "net_amount": fields["amount"],
            "test_clock": subscription.get("test_clock"),
            **fields,
        },
    )


MAKES = {"invoiceitem"}
