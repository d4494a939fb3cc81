"""Filters of lists that are more than a comparison with a member of the listed objects."""

from __future__ import annotations

from typing import Any

from host.simulator.context import Filter, Object, RequestContext, Test
from host.simulator.list_filters import COMPARE, among, equals, matches
from host.simulator.stripe.subscription_statuses import ENDED


def _ended(call: RequestContext, wanted: Any) -> Test:
    if wanted == "all":
        return lambda value: True
    return among("status", [*ENDED]) if wanted == "ended" else equals("status", wanted)


def _item(name: str) -> Filter:
    """Subscriptions with an item whose member ``name`` is the wanted one."""
    return lambda call, wanted: lambda value: any(matches(item.get(name), wanted) for item in value["items"]["data"])


def at(place: str) -> Filter:
    """Objects that have the wanted value at a dotted path."""
    names = place.split(".")

    def made(call: RequestContext, wanted: Any) -> Test:
        def test(value: Object) -> bool:
            found: Any = value
            for name in names:
                found = found.get(name) if isinstance(found, dict) else None
            return matches(found, wanted)

        return test

    return made


def within(*places: str) -> Filter:
    """Objects that have, at one of the dotted paths, the wanted number or one in the wanted range."""

    def made(call: RequestContext, wanted: Any) -> Test:
        bounds = wanted if isinstance(wanted, dict) else {"gte": wanted, "lte": wanted}

        def test(value: Object) -> bool:
            return any(
                isinstance(found, int) and all(COMPARE[word](found, bound) for word, bound in bounds.items())
                for place in places
                for found in _all_at(value, place.split("."))
            )

        return test

    return made


def _all_at(value: Any, names: list[str]) -> list[Any]:
    """The values at a dotted path, which may lead through lists."""
    if isinstance(value, list):
        return [found for item in value for found in _all_at(item, names)]
    if not names:
        return [value]
    return _all_at(value[names[0]], names[1:]) if isinstance(value, dict) and names[0] in value else []


def _moment(word: str) -> Filter:
    """Objects of API v2 created before or after a time; both are texts in a form that sorts by time."""
    return lambda call, wanted: lambda value: COMPARE[word](str(value["created"])[:19], str(wanted)[:19])


def _scheduled(call: RequestContext, wanted: Any) -> Test:
    return lambda value: (value["status"] == "not_started") == wanted


FILTERS: dict[str, dict[str, Filter]] = {
    "invoices.list": {"subscription": at("parent.subscription_details.subscription")},
    "entitlements.features.list": {"archived": lambda call, wanted: lambda value: value["active"] != wanted},
    "invoice_items.list": {
        "created": within("date"),
        "pending": lambda call, wanted: lambda value: (value["invoice"] is None) == wanted,
    },
    "promotion_codes.list": {"coupon": at("promotion.coupon")},
    "shipping_rates.list": {"currency": at("fixed_amount.currency")},
    "subscription_schedules.list": {"scheduled": _scheduled},
    "subscriptions.list": {
        "current_period_end": within("items.data.current_period_end"),
        "current_period_start": within("items.data.current_period_start"),
        "plan": _item("plan"),
        "price": _item("price"),
        "status": _ended,
    },
    "v2.commerce.product_catalog.imports.list": {f"created_{word}": _moment(word) for word in COMPARE},
}
# Values that Stripe's documentation names, of parameters that are plain strings in the API's document.
FILTER_VALUES = {
    # https://docs.stripe.com/api/cards/list, https://docs.stripe.com/api/customer_bank_accounts/list
    "customers.payment_sources.list": {"object": ("account", "bank_account", "card", "source")},
    # https://docs.stripe.com/api/payouts/list#list_payouts-status, and the status that payouts have on their way
    "payouts.list": {"status": ("pending", "in_transit", "paid", "failed", "canceled")},
}
