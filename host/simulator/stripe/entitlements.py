"""Entitlements: the features of the products that customers subscribe to. https://docs.stripe.com/billing/entitlements

An entitlement begins and ends with a subscription; a paused or past due one keeps it. A feature that is attached to a
product, or detached from it, takes effect when a subscription to the product is next changed or renewed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from host.simulator.context import Object, RequestContext
from host.simulator.stripe.listing import page_of
from host.simulator.stripe.subscription_statuses import ENDED

KIND, SUMMARY = "entitlements.active_entitlement", "entitlements.active_entitlement_summary"
FEATURE = "entitlements.feature"
UPDATED = f"{SUMMARY}.updated"
MAKES = {KIND}
_HELD = "~entitlement"  # by entitlement: its customer
_WITHOUT = ("incomplete", *ENDED)
_decode = msgspec.json.Decoder().decode


def attach_feature(call: RequestContext) -> Object:
    """Attach a feature to a product. https://docs.stripe.com/api/product-feature/attach"""
    product = call.load("product", call.path_args["product"], "product")
    feature = call.load(FEATURE, call.params["entitlement_feature"], "entitlement_feature", 400)
    if not feature["active"]:
        raise call.refuse("This feature is archived: it cannot be attached.", param="entitlement_feature")
    if feature["id"] in [each["id"] for each in _of_product(call, product["id"])]:
        raise call.refuse("This feature is attached to the product already.", param="entitlement_feature")
    attached = {**call.blank("product_feature"), "entitlement_feature": feature}
    return call.save("product_feature", attached, under=call.path.rstrip("/"))


def list_active(call: RequestContext) -> Object:
    """A customer's active entitlements, newest first."""
    customer = call.load("customer", call.params["customer"], "customer", 400)
    return page_of(call, _active(call, customer["id"]), "active entitlement")


def _active(call: RequestContext, customer: str) -> list[Object]:
    held = call.backend.store.having(_HELD, "customer", customer)
    found = (call.find(KIND, each["id"]) for each in reversed(held))
    return [each for each in found if each is not None]


def watch_subscription(call: RequestContext, subscription: Object) -> None:
    """Create and delete the customer's entitlements so that they match its subscriptions."""
    if not call.backend.store.count("product_feature"):
        return
    customer = str(subscription["customer"])
    before = {each["feature"]: each for each in _active(call, customer)}
    wanted = _features(call, customer)
    for feature in wanted.keys() - before.keys():
        made = call.make(KIND, {"feature": feature, "lookup_key": wanted[feature]["lookup_key"]})
        call.backend.store.put(_HELD, made["id"], {"id": made["id"], "customer": customer})
    for feature in before.keys() - wanted.keys():
        call.save(KIND, before[feature], deleted=True)
    if wanted.keys() != before.keys():
        _announce(call, customer)


def _features(call: RequestContext, customer: str) -> dict[str, Object]:
    """The features of all products that a customer subscribes to, by id."""
    found: dict[str, Object] = {}
    for subscription in call.backend.store.having("subscription", "customer", customer):
        if subscription["status"] in _WITHOUT:
            continue
        for item in subscription["items"]["data"]:
            for feature in _of_product(call, item["price"]["product"]):
                found[str(feature["id"])] = feature
    return dict(sorted(found.items()))


def _of_product(call: RequestContext, product: Any) -> list[Object]:
    under = f"/v1/products/{product}/features"
    kept = call.backend.store.newest("product_feature")
    return [_decode(record.body)["entitlement_feature"] for _, record in kept if record.under == under]


def _announce(call: RequestContext, customer: str) -> None:
    """Store the summary of the customer's entitlements, which leads to an event."""
    data = _active(call, customer)
    url = f"/v1/customer/{customer}/entitlements"
    summary: Object = {
        "object": SUMMARY,
        "customer": customer,
        "entitlements": {"object": "list", "data": data[:10], "has_more": len(data) > 10, "url": url},
        "livemode": False,
    }
    is_first = call.backend.store.record(SUMMARY, customer) is None
    call.backend.store.put(SUMMARY, customer, summary)
    if is_first:  # later ones are changes, whose events are derived
        call.announce(UPDATED, SUMMARY, customer)


BEHAVIOURS = {
    "entitlements.active_entitlements.list": list_active,
    "products.features.create": attach_feature,
}
EFFECTS = {"entitlements.active_entitlements.list": {"customer"}}
WATCHERS = {"subscription": watch_subscription}
