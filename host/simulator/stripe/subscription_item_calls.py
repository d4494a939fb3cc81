"""Creating, updating and deleting single subscription items, which is done as by ``subscriptions.update``."""

from __future__ import annotations

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.renamed_params import renaming
from host.simulator.stripe.subscription_changes import change
from host.simulator.stripe.subscription_statuses import check_incomplete
from host.simulator.stripe.subscriptions import find_living

_OF_CHANGE = ("payment_behavior", "proration_behavior", "proration_date")
_NOT_ITS_OWN = {*_OF_CHANGE, "expand", "off_session", "subscription"}


def create_item(call: RequestContext) -> Object:
    """Add an item to a subscription."""
    params = call.params
    if not params.get("subscription"):
        raise invalid("Missing required param: subscription.", "subscription", "parameter_missing")
    subscription = find_living(call, params["subscription"])
    before = {item["id"] for item in subscription["items"]["data"]}
    entry = {name: value for name, value in params.items() if name not in _NOT_ITS_OWN}
    _change(call, subscription, entry)
    waiting = (subscription.get("pending_update") or {}).get("subscription_items") or []
    made: Object = next(item for item in [*subscription["items"]["data"], *waiting] if item["id"] not in before)
    return call.find("subscription_item", made["id"]) or made


def update_item(call: RequestContext) -> Object:
    """Update an item."""
    item = call.subject()
    entry = {name: value for name, value in call.params.items() if name not in _NOT_ITS_OWN}
    _change(call, find_living(call, item["subscription"]), {**entry, "id": item["id"]})
    return call.load("subscription_item", item["id"])


def delete_item(call: RequestContext) -> Object:
    """Delete an item; the last one of a subscription cannot be deleted."""
    item = call.subject()
    _change(call, find_living(call, item["subscription"]), {"id": item["id"], "deleted": True})
    return {"id": item["id"], "object": "subscription_item", "deleted": True}


def _change(call: RequestContext, subscription: Object, entry: Object) -> None:
    check_incomplete(subscription, call.params.keys() or {"subscription"})
    how = {name: call.params[name] for name in (*_OF_CHANGE, "off_session") if name in call.params}
    with renaming({"items": ""}):
        change(call, subscription, {**how, "items": [entry]})


BEHAVIOURS = {
    "subscription_items.create": create_item,
    "subscription_items.delete": delete_item,
    "subscription_items.update": update_item,
}
# A pending update does not show yet: https://docs.stripe.com/billing/subscriptions/pending-updates
_HANDLED = {*_OF_CHANGE, "discounts", "plan", "price", "price_data", "quantity", "tax_rates"}
EFFECTS = {
    "subscription_items.create": _HANDLED,
    "subscription_items.delete": {*_OF_CHANGE},
    "subscription_items.update": {*_HANDLED, "off_session"},
}
