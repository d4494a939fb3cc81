"""Subscriptions of several intervals. https://docs.stripe.com/billing/subscriptions/mixed-interval"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.simulator.stripe.conftest import DAY, Shop, amounts

FLEXIBLE = {"type": "flexible"}


def stamp(text: str) -> int:
    """The second at which a day begins, or a minute."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def go(shop: Shop, text: str) -> None:
    """Let time pass until then."""
    shop.wait(stamp(text) - shop.time)


@pytest.fixture
def mixed(shop: Shop, clock: Any) -> dict[str, Any]:
    """100.00 a quarter and 15.00 a month from 1 January 2024, which is the documentation's example."""
    clock.now = float(stamp("2024-01-01"))
    shop.customer = shop.payer()
    monthly = shop.price(1500, name="Monthly")
    return shop.subscribe(monthly, quarterly(shop), billing_mode=FLEXIBLE)


def quarterly(shop: Shop, amount: int = 10000) -> str:
    return shop.price(amount, name="Quarterly", recurring={"interval_count": 3})


def test_each_item_is_billed_when_its_period_ends(shop: Shop, mixed: dict[str, Any]) -> None:
    """Both at first, the monthly price on 1 February and 1 March, both together on 1 April."""
    ends = [item["current_period_end"] for item in mixed["items"]["data"]]
    assert ends == [stamp("2024-02-01"), stamp("2024-04-01")]
    assert shop.api.post("/v1/invoices/create_preview", {"subscription": mixed["id"]})["total"] == 1500
    go(shop, "2024-04-01T02:00")
    found = [(invoice["total"], invoice["created"], invoice["status"]) for invoice in shop.invoices()]
    assert found == [
        (11500, stamp("2024-01-01"), "paid"),
        (1500, stamp("2024-02-01"), "paid"),
        (1500, stamp("2024-03-01"), "paid"),
        (11500, stamp("2024-04-01"), "paid"),
    ]


def test_an_item_is_prorated_within_its_own_period(shop: Shop, mixed: dict[str, Any]) -> None:
    """30 of the quarter's 91 days are left on 2 March: 100.00 × 30 / 91 back, twice that asked."""
    go(shop, "2024-02-01T02:00")
    shop.now(mixed)
    go(shop, "2024-03-02")
    quarter = mixed["items"]["data"][1]["id"]
    after = shop.change(mixed, items=[{"id": quarter, "quantity": 2}], proration_behavior="always_invoice")
    assert sorted(amounts(after["latest_invoice"])) == [-3297, 6593]


def test_an_item_of_an_interval_there_is_can_be_added(shop: Shop, mixed: dict[str, Any]) -> None:
    """31.00 a month on 16 January: 16 of 31 days. Another interval needs a new anchor."""
    go(shop, "2024-01-16")
    new = shop.price(3100, name="Other")
    after = shop.change(mixed, items=[{"price": new}], proration_behavior="always_invoice")
    assert after["latest_invoice"]["total"] == 1600
    assert after["items"]["data"][2]["current_period_end"] == stamp("2024-02-01")
    path, year = f"/v1/subscriptions/{mixed['id']}", {"items": [{"price": shop.price(9, "year")}]}
    assert shop.api.error("POST", path, year)[1]["code"] == "not_simulated"
    reset = shop.change(mixed, **year, billing_cycle_anchor={"type": "now"})
    ends = [item["current_period_end"] for item in reset["items"]["data"]]
    assert ends == [stamp(day) for day in ("2024-02-16", "2024-04-16", "2024-02-16", "2025-01-16")]


def test_an_anchor_to_come_makes_all_periods_short(shop: Shop, mixed: dict[str, Any]) -> None:
    """From 16 January to 1 February: 16 of 31 days, and 16 of the 92 days of the quarter that ends then."""
    go(shop, "2024-01-16")
    prices = [{"price": shop.price(3100)}, {"price": quarterly(shop, 9200)}]
    made = shop.subscribe(items=prices, billing_mode=FLEXIBLE, billing_cycle_anchor=stamp("2024-02-01"))
    assert sorted(amounts(made["latest_invoice"])) == [1600, 1600]
    assert {item["current_period_end"] for item in made["items"]["data"]} == {stamp("2024-02-01")}


def test_a_trial_is_of_all_items_and_usage_is_billed_each_month(shop: Shop, mixed: dict[str, Any]) -> None:
    """A yearly price and a metered one: after the trial the year, a month later the usage alone."""
    meter = {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
    recurring = {"usage_type": "metered", "meter": shop.api.post("/v1/billing/meters", meter)["id"]}
    usage, year = shop.price(10, name="Calls", recurring=recurring), shop.price(50000, "year")
    made = shop.subscribe(year, usage, billing_mode=FLEXIBLE, trial_period_days=10)
    shop.wait(10 * DAY + 7200)
    assert shop.now(made)["latest_invoice"]["total"] == 50000
    payload = {"stripe_customer_id": shop.customer, "value": "30"}
    shop.api.post("/v1/billing/meter_events", {"event_name": "calls", "payload": payload})
    shop.wait(31 * DAY)
    assert amounts(shop.now(made)["latest_invoice"]) == [300]


@pytest.mark.parametrize(("end", "totals"), [("max", [11500, 1500, 1500]), ("min", [11500])])
def test_it_ends_with_the_first_or_the_last_period(
    shop: Shop, mixed: dict[str, Any], end: str, totals: list[int]
) -> None:
    """``cancel_at`` says which; ``cancel_at_period_end`` does not, and is refused."""
    path = f"/v1/subscriptions/{mixed['id']}"
    error = shop.api.error("POST", path, {"cancel_at_period_end": True})[1]
    assert (error["code"], "min_period_end" in error["message"]) == ("not_simulated", True)
    shop.change(mixed, cancel_at=f"{end}_period_end", proration_behavior="none")
    go(shop, "2024-05-01T02:00")
    assert shop.now(mixed)["status"] == "canceled"
    assert [invoice["total"] for invoice in shop.invoices()] == totals


def test_other_mixtures_are_refused(shop: Shop) -> None:
    """In classic billing all, and of intervals that do not go into each other."""
    week, month, two, three = (
        shop.price(5, "week"),
        shop.price(5),
        shop.price(5, recurring={"interval_count": 2}),
        quarterly(shop, 5),
    )
    for prices, mode, status in (
        ((month, three), "classic", 400),
        ((week, month), "flexible", 501),
        ((two, three), "flexible", 501),
    ):
        items = [{"price": price} for price in prices]
        asked = {"customer": shop.customer, "items": items, "billing_mode": {"type": mode}}
        assert shop.api.error("POST", "/v1/subscriptions", asked)[0] == status
