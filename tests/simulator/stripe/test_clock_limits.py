"""Limits of test clocks. https://docs.stripe.com/billing/testing/test-clocks/api-advanced-usage"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.simulator.stripe.conftest import DAY, Shop

CLOCKS = "/v1/test_helpers/test_clocks"
START = int(datetime(2024, 1, 31, tzinfo=UTC).timestamp())


def stamp(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.fixture
def frozen(shop: Shop) -> str:
    """A clock at the end of January."""
    return str(shop.api.post(CLOCKS, {"frozen_time": START})["id"])


def test_a_clock_has_three_customers_with_three_subscriptions_each(shop: Shop, frozen: str) -> None:
    """The fourth of either is refused; one that is gone makes room."""
    customers = [shop.payer(test_clock=frozen) for _ in range(3)]
    assert shop.api.error("POST", "/v1/customers", {"test_clock": frozen})[1]["param"] == "test_clock"
    shop.api.delete(f"/v1/customers/{customers[2]}")
    shop.payer(test_clock=frozen)
    price = shop.price(1000)
    made = [shop.subscribe(price, customer=customers[0]) for _ in range(3)]
    wanted = {"customer": customers[0], "items": [{"price": price}]}
    assert shop.api.error("POST", "/v1/subscriptions", wanted)[1]["param"] == "customer"
    shop.subscribe(price, customer=customers[1])
    shop.api.delete(f"/v1/subscriptions/{made[0]['id']}")
    assert shop.subscribe(price, customer=customers[0])["status"] == "active"


def nothing(shop: Shop, customer: str) -> None:
    """Nothing that recurs."""


def monthly(shop: Shop, customer: str) -> None:
    shop.subscribe(shop.price(1000), customer=customer)


def yearly_and_weekly(shop: Shop, customer: str) -> None:
    shop.subscribe(shop.price(1000, "year"), customer=customer)
    shop.subscribe(shop.price(1000, "week", recurring={"interval_count": 3}), customer=customer)


def ended(shop: Shop, customer: str) -> None:
    made = shop.subscribe(shop.price(1000, "day"), customer=customer)
    shop.api.delete(f"/v1/subscriptions/{made['id']}")


def scheduled(shop: Shop, customer: str) -> None:
    phases = [{"items": [{"price": shop.price(1000, "month")}], "duration": {"interval": "month"}}]
    fields = {"customer": customer, "start_date": START + 300 * DAY, "phases": phases}
    shop.api.post("/v1/subscription_schedules", fields)


@pytest.mark.parametrize(
    ("what", "farthest"),
    [
        (nothing, "2026-01-31"),
        (monthly, "2024-03-31"),
        (yearly_and_weekly, "2024-03-13"),
        (ended, "2026-01-31"),
        (scheduled, "2024-03-31"),
    ],
)
def test_a_clock_is_advanced_by_two_intervals_at_most(
    shop: Shop, frozen: str, what: Callable[[Shop, str], None], farthest: str
) -> None:
    """Of the shortest subscription or schedule, from where it stands; two years where there is none.

    https://docs.stripe.com/api/test_clocks/advance
    """
    what(shop, shop.payer(test_clock=frozen))
    status, error = shop.api.error("POST", f"{CLOCKS}/{frozen}/advance", {"frozen_time": stamp(farthest) + 1})
    assert (status, error["param"]) == (400, "frozen_time")
    assert str(stamp(farthest)) in error["message"]
    assert shop.api.post(f"{CLOCKS}/{frozen}/advance", {"frozen_time": stamp(farthest)})["status"] == "ready"


def test_a_schedule_begins_where_there_are_three_subscriptions(shop: Shop, frozen: str) -> None:
    """The limit is of what is asked for, not of what a schedule does later."""
    customer = shop.payer(test_clock=frozen)
    scheduled(shop, customer)
    for _ in range(3):
        shop.subscribe(shop.price(1000, "year"), customer=customer)
    for days in (60, 120, 180, 240, 300):
        shop.api.post(f"{CLOCKS}/{frozen}/advance", {"frozen_time": START + days * DAY})
    assert len(shop.api.ids(f"/v1/subscriptions?customer={customer}")) == 4
