"""Filters of lists that are not simply a member of the objects listed."""

from __future__ import annotations

from typing import Any

from host.simulator.context import Filter, Object, RequestContext, Test
from host.simulator.pagination import among, equals, matches


def _ended(call: RequestContext, wanted: Any) -> Test:
    if wanted == "all":
        return lambda value: True
    return among("status", ["canceled", "incomplete_expired"]) if wanted == "ended" else equals("status", wanted)


def _item(name: str) -> Filter:
    """A subscription of which one item is of that price."""
    return lambda call, wanted: lambda value: any(matches(item.get(name), wanted) for item in value["items"]["data"])


def at(place: str) -> Filter:
    """Objects that have the wanted value at a dotted place."""
    names = place.split(".")

    def made(call: RequestContext, wanted: Any) -> Test:
        def test(value: Object) -> bool:
            found: Any = value
            for name in names:
                found = found.get(name) if isinstance(found, dict) else None
            return matches(found, wanted)

        return test

    return made


FILTERS: dict[str, dict[str, Filter]] = {
    "invoices.list": {"subscription": at("parent.subscription_details.subscription")},
    "invoice_items.list": {"pending": lambda call, wanted: lambda value: (value["invoice"] is None) == wanted},
    "promotion_codes.list": {"coupon": at("promotion.coupon")},
    "subscriptions.list": {"status": _ended, "price": _item("price"), "plan": _item("plan")},
}
