"""Limits of billing's parameters, and periods of what is sold once with a subscription."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.stripe.conftest import DAY, Shop

FIELD = {"name": "Order", "value": "1"}
ONCE = {"price_data": {"currency": "usd", "product": "fee", "unit_amount": 5}}
# (path, fields, the parameter that is refused), by https://docs.stripe.com/api/subscriptions/create
BEYOND: list[tuple[str, dict[str, Any], str]] = [
    ("invoices", {"custom_fields": [FIELD] * 5}, "custom_fields"),
    ("invoices", {"custom_fields": [{"name": "x" * 41, "value": "1"}]}, "custom_fields[0][name]"),
    ("invoices", {"custom_fields": [FIELD, {"name": "Order", "value": "x" * 141}]}, "custom_fields[1][value]"),
    ("invoices", {"rendering": {"template": "inrtem_1"}}, "rendering[template]"),
    ("invoices", {"automatically_finalizes_at": 1_700_000_000}, "automatically_finalizes_at"),
    ("invoices", {"automatically_finalizes_at": 2_000_000_000}, "automatically_finalizes_at"),
    ("invoices", {"issuer": {"type": "account", "account": "acct_0"}}, "issuer[account]"),
    ("invoices", {"collection_method": "send_invoice", "days_until_due": -1}, "days_until_due"),
    ("invoiceitems", {"amount": 5, "period": {"start": 1_800_000_001, "end": 1_800_000_000}}, "period[end]"),
    ("subscriptions", {"discounts": [{"coupon": "half"}] * 21}, "discounts"),
    ("subscriptions", {"add_invoice_items": [ONCE] * 21}, "add_invoice_items"),
    *(
        ("subscriptions", {"billing_cycle_anchor_config": {"day_of_month": 1, name: value}}, name)
        for name, value in (("day_of_month", 32), ("day_of_month", 0), ("hour", 24), ("minute", 60), ("month", 13))
    ),
    ("subscriptions", {"collection_method": "send_invoice", "days_until_due": -1}, "days_until_due"),
    (
        "subscriptions",
        {"invoice_settings": {"issuer": {"type": "account", "account": "acct_0"}}},
        "invoice_settings[issuer][account]",
    ),
]


@pytest.mark.parametrize(("path", "fields", "param"), BEYOND)
def test_what_is_beyond_its_limit_is_refused(shop: Shop, path: str, fields: dict[str, Any], param: str) -> None:
    """With status 400 and the parameter's name; nothing is created."""
    items = {"items": [{"price": shop.price()}]} if path == "subscriptions" else {}
    if "billing_cycle_anchor_config" in fields:
        param = f"billing_cycle_anchor_config[{param}]"
    shop.coupon(id="half", percent_off=50)
    shop.api.post("/v1/products", {"id": "fee", "name": "Fee"})
    before = shop.api.simulator.ledger()
    status, error = shop.api.error("POST", f"/v1/{path}", {"customer": shop.customer, **items, **fields})
    assert (status, error["param"]) == (400, param)
    assert shop.api.simulator.ledger() == before


def test_what_is_within_its_limit_is_taken(shop: Shop) -> None:
    """Four custom fields of the greatest length, twenty items of once, the last day and second."""
    field = {"name": "x" * 40, "value": "x" * 140}
    shop.api.post("/v1/invoices", {"customer": shop.customer, "custom_fields": [field] * 4})
    anchor = {"day_of_month": 31, "hour": 23, "minute": 59, "second": 59}
    extras = [{"price": shop.price(5, "")}] * 20
    made = shop.subscribe(shop.price(), add_invoice_items=extras, billing_cycle_anchor_config=anchor)
    assert made["billing_cycle_anchor_config"]["second"] == 59


def test_a_pause_ends_in_the_future(shop: Shop) -> None:
    """A ``resumes_at`` that is over is refused. https://docs.stripe.com/billing/subscriptions/pause-payment"""
    made = shop.subscribe(shop.price())
    asked = {"pause_collection": {"behavior": "void", "resumes_at": shop.time}}
    status, error = shop.api.error("POST", f"/v1/subscriptions/{made['id']}", asked)
    assert (status, error["param"]) == (400, "pause_collection[resumes_at]")


# (period of the entry, its start and end in days from now), on the 10th day of a month and a year that began together
PERIODS: list[tuple[dict[str, Any] | None, int, int]] = [
    (None, -10, 21),  # the latest start and the earliest end of all items
    ({"start": {"type": "now"}, "end": {"type": "min_item_period_end"}}, 0, 21),
    ({"start": {"type": "max_item_period_start"}, "end": {"type": "timestamp", "timestamp": 5 * DAY}}, -10, 5),
    ({"start": {"type": "timestamp", "timestamp": -DAY}, "end": {"type": "timestamp", "timestamp": DAY}}, -1, 1),
]


@pytest.mark.parametrize(("period", "start", "end"), PERIODS)
def test_the_period_of_what_is_sold_once(shop: Shop, period: dict[str, Any] | None, start: int, end: int) -> None:
    """What is sold once is for the named period, or for that of all items.

    https://docs.stripe.com/api/subscriptions/update#update_subscription-add_invoice_items-period
    """
    made = shop.subscribe(shop.price(), shop.price(9000, "year", name="Year"), billing_mode={"type": "flexible"})
    shop.wait(10 * DAY)
    extra: dict[str, Any] = {"price": shop.price(500, "")}
    if period is not None:
        extra["period"] = {
            name: {**edge, **({"timestamp": shop.time + edge["timestamp"]} if "timestamp" in edge else {})}
            for name, edge in period.items()
        }
    after = shop.change(made, add_invoice_items=[extra], proration_behavior="always_invoice")
    (line,) = after["latest_invoice"]["lines"]["data"]
    assert line["period"] == {"start": shop.time + start * DAY, "end": shop.time + end * DAY}
