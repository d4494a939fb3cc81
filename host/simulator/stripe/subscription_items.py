"""The items of subscriptions: prices and quantities. https://docs.stripe.com/billing/subscriptions/multiple-products"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.members import merged
from host.simulator.stripe import discounts
from host.simulator.stripe.billing_modes import is_flexible
from host.simulator.stripe.catalogue import as_plan, check_for_sale, price_from
from host.simulator.stripe.pricing import in_currency
from host.simulator.stripe.taxes import rates

MOST_ITEMS = 20  # https://docs.stripe.com/billing/subscriptions/multiple-products
MOST_QUANTITY = 999_999_999_999
# A mark in entries that another object makes from its own items: their prices need not be active.
AGREED = "~agreed"


def new_item(call: RequestContext, subscription: Object, wanted: Object, path: str) -> Object:
    """Create an item from the parameters ``wanted``, which are in ``path``. The caller sets its period."""
    item = call.blank("subscription_item")
    item.update(
        subscription=subscription["id"],
        current_period_start=call.now,
        current_period_end=call.now,
        metadata={},
        discounts=[],
        tax_rates=[],
        billed_until=None,
        billing_thresholds=None,
        current_trial=None,
    )
    item.pop("quantity", None)
    if not any(wanted.get(name) for name in ("price", "plan", "price_data")):
        raise invalid(f"Missing required param: {path}[price].", f"{path}[price]", "parameter_missing")
    change_item(call, subscription, item, wanted, path)
    return item


def change_item(call: RequestContext, subscription: Object, item: Object, wanted: Object, path: str) -> None:
    """Set the price, quantity, discounts, taxes and metadata of an item, and save it."""
    for name in ("billing_thresholds", "current_trial"):
        if wanted.get(name):
            call.not_modelled(f"the parameter {path}[{name}]", "", f"{path}[{name}]")
    if any(wanted.get(name) for name in ("price", "plan", "price_data")):
        price = _price(call, wanted, path)
        item["price"], item["plan"] = price, as_plan(call, price)
    metered = item["price"]["recurring"]["usage_type"] == "metered"
    if metered:
        if wanted.get("quantity") is not None:
            raise invalid(
                "You cannot set the quantity of a metered price: usage is reported with meter events.",
                f"{path}[quantity]",
            )
        item.pop("quantity", None)
    else:
        item["quantity"] = wanted.get("quantity", item.get("quantity", 1))
        if not 0 <= item["quantity"] <= MOST_QUANTITY:
            raise invalid(f"Quantity must be from 0 to {MOST_QUANTITY}.", f"{path}[quantity]")
    if "metadata" in wanted:
        item["metadata"] = merged(item["metadata"], wanted["metadata"] or None)
    if "tax_rates" in wanted:
        item["tax_rates"] = rates(call, wanted["tax_rates"], f"{path}[tax_rates]")
    if "discounts" in wanted:
        owner = {"subscription_item": item["id"], "customer": subscription["customer"]}
        use = discounts.Use(subscription["customer"], subscription.get("currency") or item["price"]["currency"])
        item["discounts"] = discounts.make(call, wanted["discounts"], use, owner, f"{path}[discounts]")
    call.save("subscription_item", item)


def _price(call: RequestContext, wanted: Object, path: str) -> Object:
    price = price_from(call, wanted, path)
    if price["type"] != "recurring":
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            f"{path}[price]",
        )
    if not wanted.get(AGREED):
        check_for_sale(call, price, wanted, path)
    return price


def price_of(call: RequestContext, subscription: Object, item: Object) -> Object:
    """The price of an item, in the subscription's currency."""
    price: Object = item["price"]
    if price["currency"] == subscription["currency"]:
        return price
    return in_currency(call.find("price", price["id"]) or price, subscription["currency"])


def set_items(subscription: Object, items: list[Object]) -> None:
    """Put ``items`` into a subscription."""
    subscription["items"] = {
        "object": "list",
        "data": items,
        "has_more": False,
        "total_count": len(items),
        "url": f"/v1/subscription_items?subscription={subscription['id']}",
    }


def interval_of(item: Object) -> tuple[str, int]:
    """How an item recurs."""
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def check_intervals(call: RequestContext, subscription: Object, items: list[Object], path: str = "items") -> None:
    """Refuse several intervals of one subscription, but in flexible billing where each is a multiple of the shortest.

    https://docs.stripe.com/billing/subscriptions/mixed-interval
    """
    if len({interval_of(item) for item in items}) == 1:
        return
    if not is_flexible(subscription):
        raise invalid(
            "All prices of a subscription must have the same `recurring.interval` and `recurring.interval_count`.",
            f"{path}[{next(n for n, item in enumerate(items) if interval_of(item) != interval_of(items[0]))}][price]",
        )
    lengths = [_length(item) for item in items]
    least = min(length for _, length in lengths)
    if len({unit for unit, _ in lengths}) > 1 or any(length % least for _, length in lengths):
        call.not_modelled(
            "prices of intervals that do not go into each other", "multiples of the shortest interval are.", path
        )


def _length(item: Object) -> tuple[str, int]:
    """An interval in days or months."""
    interval, count = interval_of(item)
    unit, times = {"day": ("day", 1), "week": ("day", 7), "month": ("month", 1), "year": ("month", 12)}[interval]
    return unit, times * count


def check_items(items: list[Object], currency: str | None, path: str = "items") -> str:
    """The currency that all of ``items`` have. Raises :class:`SimulatedError` for items that cannot be combined."""
    if not items:
        raise invalid("A subscription must have at least one active plan.", path)
    if len(items) > MOST_ITEMS:
        raise invalid(f"A subscription can have at most {MOST_ITEMS} items.", path)
    currency = currency or items[0]["price"]["currency"]
    seen: set[str] = set()
    for n, item in enumerate(items):
        price = item["price"]
        in_currency(price, currency, f"{path}[{n}][price]")
        if price["id"] in seen:
            raise invalid(
                f"Cannot add multiple subscription items with the same plan: {price['id']}", f"{path}[{n}][price]"
            )
        seen.add(price["id"])
    return str(currency)


def changed_items(call: RequestContext, subscription: Object, wanted: Any) -> list[Object]:
    """The items after a change by an ``items`` parameter; removed ones are deleted."""
    items: dict[str, Object] = {item["id"]: item for item in subscription["items"]["data"]}
    for n, entry in enumerate(wanted):
        id, path = entry.get("id"), f"items[{n}]"
        if id is None:
            made = new_item(call, subscription, entry, path)
            there = subscription["items"]["data"]
            like = next((item for item in there if interval_of(item) == interval_of(made)), there[0])
            made.update({name: like[name] for name in ("current_period_start", "current_period_end")})
            items[made["id"]] = made
        elif id not in items:
            raise missing("subscription_item", id, f"{path}[id]", 400)
        elif entry.get("deleted"):
            _delete(call, items.pop(id))
        else:
            change_item(call, subscription, items[id], entry, path)
    return list(items.values())


def _delete(call: RequestContext, item: Object) -> None:
    call.save("subscription_item", {"id": item["id"], "object": "subscription_item", "deleted": True}, deleted=True)
