"""Pending updates of subscriptions, which are applied once their invoice is paid.

https://docs.stripe.com/billing/subscriptions/pending-updates
"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import closing

KIND = "~pending_update"  # by invoice: the subscription, and its members after the update
_CHANGED = ("billing_cycle_anchor", "items", "status", "trial_end", "trial_start")
# https://docs.stripe.com/billing/subscriptions/pending-updates#supported-attributes-for-pending-updates
_SUPPORTED = {
    "add_invoice_items",
    "billing_cycle_anchor",
    "expand",
    "items",
    "off_session",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
    "trial_end",
    "trial_from_plan",
}
_SUPPORTED_OF_ITEM = {"deleted", "id", "plan", "price", "price_data", "quantity"}


def begin(call: RequestContext, subscription: Object, params: Object) -> None:
    """Refuse parameters that a pending update does not support, and discard an earlier pending update."""
    for name in params:
        if name not in _SUPPORTED:
            raise _unsupported(name)
    for n, item in enumerate(params.get("items") or []):
        for name in item:
            if name not in _SUPPORTED_OF_ITEM:
                raise _unsupported(f"items[{n}][{name}]")
    if subscription["collection_method"] != "charge_automatically":
        raise invalid(
            "payment_behavior=pending_if_incomplete needs collection_method=charge_automatically.", "payment_behavior"
        )
    discard(call, subscription)


def _unsupported(name: str) -> Exception:
    return invalid(f"With payment_behavior=pending_if_incomplete you cannot change `{name}`.", name)


def discard(call: RequestContext, subscription: Object) -> None:
    """Discard a pending update, if there is one, and void its invoice."""
    if subscription.get("pending_update"):
        invoice = call.find("invoice", str(subscription["latest_invoice"]))
        if invoice is not None and invoice["status"] in ("open", "uncollectible"):
            closing.void(call, invoice)
        subscription.update(call.load("subscription", subscription["id"]))


def hold(call: RequestContext, subscription: Object, before: Object, params: Object) -> None:
    """Reset the subscription to ``before``, and store the update until its latest invoice is paid."""
    invoice = call.load("invoice", subscription["latest_invoice"])
    after = {name: subscription[name] for name in _CHANGED}
    times = [item["current_period_end"] for item in before["items"]["data"]] + [before["trial_end"]]
    expires = min(at for at in (call.now + closing.EXPIRY, *times) if at and at > call.now)
    call.backend.store.put(KIND, invoice["id"], {"subscription": subscription["id"], "after": after})
    subscription.update({name: before[name] for name in _CHANGED})
    subscription["pending_update"] = _shown(before, after, params, expires)
    _switch_items(call, after["items"]["data"], before["items"]["data"])
    closing.expire_later(call, invoice, expires)
    call.save("subscription", subscription)


def _shown(before: Object, after: Object, params: Object, expires: int) -> Object:
    known = before["items"]["data"]
    changed = [item for item in after["items"]["data"] if item not in known]
    found: dict[str, Any] = {
        "billing_cycle_anchor": None,
        "expires_at": expires,
        "subscription_items": changed or None,
        "trial_end": None,
        "trial_from_plan": params.get("trial_from_plan"),
    }
    for name in ("billing_cycle_anchor", "trial_end"):
        if params.get(name) is not None and after[name] != before[name]:
            found[name] = after[name]
    return found


def _switch_items(call: RequestContext, gone: list[Object], there: list[Object]) -> None:
    kept = {item["id"] for item in there}
    for item in gone:
        if item["id"] not in kept:
            left = {"id": item["id"], "object": "subscription_item", "deleted": True}
            call.save("subscription_item", left, deleted=True)
    for item in there:
        call.save("subscription_item", item)


def watch_invoice(call: RequestContext, invoice: Object) -> None:
    """Apply a pending update whose invoice is paid, or discard one whose invoice is void."""
    if invoice["status"] not in ("paid", "void"):
        return
    held = call.backend.store.get(KIND, invoice["id"])
    subscription = call.find("subscription", held["subscription"]) if held is not None else None
    if held is None or subscription is None or not subscription.get("pending_update"):
        return
    if subscription["latest_invoice"] != invoice["id"]:
        return
    subscription["pending_update"] = None
    if invoice["status"] == "paid":
        _switch_items(call, subscription["items"]["data"], held["after"]["items"]["data"])
        subscription.update(held["after"])
    call.save("subscription", subscription)
    word = "applied" if invoice["status"] == "paid" else "expired"
    call.announce(f"customer.subscription.pending_update_{word}", "subscription", subscription["id"])


WATCHERS = {"invoice": watch_invoice}
