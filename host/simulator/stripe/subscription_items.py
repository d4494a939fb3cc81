"""What a subscription is of: prices and quantities."""

from __future__ import annotations

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.catalogue import make_price
from host.simulator.stripe.money import later


def new_item(call: RequestContext, subscription: Object, wanted: Object, path: str) -> Object:
    """An item as ``wanted`` describes it, kept; ``path`` names it in messages."""
    price = _price(call, wanted, path)
    recurring = price["recurring"]
    start = call.now
    end = subscription.get("trial_end") or later(start, recurring["interval"], recurring["interval_count"])
    metered = recurring["usage_type"] == "metered"
    fields: Object = {
        "price": price,
        "plan": _plan(call, price),
        "subscription": subscription["id"],
        "current_period_start": start,
        "current_period_end": end,
        "metadata": wanted.get("metadata") or {},
        "discounts": [],
    }
    if not metered:
        fields["quantity"] = wanted.get("quantity", 1)
    return call.make("subscription_item", fields)


def _price(call: RequestContext, wanted: Object, path: str) -> Object:
    if data := wanted.get("price_data"):
        price = make_price(call, data)
    elif id := wanted.get("price") or wanted.get("plan"):
        price = call.load("price", id, f"{path}[price]", 400)
    else:
        raise invalid(f"Missing required param: {path}[price].", f"{path}[price]", "parameter_missing")
    if price["type"] != "recurring":
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            f"{path}[price]",
        )
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", f"{path}[price]")
    return price


def _plan(call: RequestContext, price: Object) -> Object:
    """The price in the old words, which the API still answers."""
    plan = call.blank("plan", price["id"])
    same = (
        "active",
        "billing_scheme",
        "created",
        "currency",
        "metadata",
        "nickname",
        "product",
        "tiers_mode",
    )
    plan.update({name: price[name] for name in same})
    plan.update(
        amount=price["unit_amount"],
        amount_decimal=price["unit_amount_decimal"],
        interval=price["recurring"]["interval"],
        interval_count=price["recurring"]["interval_count"],
        usage_type=price["recurring"]["usage_type"],
    )
    return plan


def set_items(subscription: Object, items: list[Object]) -> None:
    """Put ``items`` into a subscription."""
    subscription["items"] = {
        "object": "list",
        "data": items,
        "has_more": False,
        "total_count": len(items),
        "url": f"/v1/subscription_items?subscription={subscription['id']}",
    }


def change_item(call: RequestContext, item: Object, wanted: Object, path: str) -> None:
    """Price, quantity and metadata of an item."""
    if wanted.get("price") or wanted.get("price_data"):
        item["price"] = _price(call, wanted, path)
        item["plan"] = _plan(call, item["price"])
    if "quantity" in wanted:
        item["quantity"] = wanted["quantity"]
    if wanted.get("metadata"):
        item["metadata"] = wanted["metadata"]
    call.save("subscription_item", item)


def create_item(call: RequestContext) -> Object:
    """One more item of a subscription."""
    id = call.params.get("subscription")
    if not id:
        raise invalid("Missing required param: subscription.", "subscription", "parameter_missing")
    subscription = call.load("subscription", id, "subscription", 400)
    item = new_item(call, subscription, call.params, "item")
    set_items(subscription, [*subscription["items"]["data"], item])
    call.save("subscription", subscription)
    return item


def update_item(call: RequestContext) -> Object:
    """Price or quantity of an item."""
    item = call.subject()
    change_item(call, item, call.params, "item")
    _sync(call, item, keep=True)
    return item


def delete_item(call: RequestContext) -> Object:
    """The item goes; the last one cannot."""
    item = call.subject()
    _sync(call, item, keep=False)
    gone: Object = {"id": item["id"], "object": "subscription_item", "deleted": True}
    return call.save("subscription_item", gone, deleted=True)


def _sync(call: RequestContext, item: Object, *, keep: bool) -> None:
    subscription = call.load("subscription", item["subscription"])
    items = [item if old["id"] == item["id"] else old for old in subscription["items"]["data"]]
    if not keep:
        items = [old for old in items if old["id"] != item["id"]]
    if not items:
        raise call.refuse("A subscription must have at least one active plan.")
    set_items(subscription, items)
    call.save("subscription", subscription)
