"""Billing alerts. https://docs.stripe.com/billing/subscriptions/usage-based/alerts"""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.stripe.conftest import Shop

TRIGGERED = "billing.alert.triggered"


class Metered:
    """A meter, its alerts, and usage of it."""

    def __init__(self, shop: Shop, formula: str = "sum") -> None:
        self.shop = shop
        fields = {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": formula}}
        self.id = shop.api.post("/v1/billing/meters", fields)["id"]

    def alert(self, gte: int = 100, customer: str = "") -> dict[str, Any]:
        """An alert of one customer, or of all."""
        filters = {"filters": [{"type": "customer", "customer": customer}]} if customer else {}
        threshold = {"gte": gte, "meter": self.id, "recurrence": "one_time", **filters}
        fields = {"title": "Many calls", "alert_type": "usage_threshold", "usage_threshold": threshold}
        found: dict[str, Any] = self.shop.api.post("/v1/billing/alerts", fields)
        return found

    def use(self, value: int, customer: str = "", **fields: Any) -> None:
        """Report usage."""
        payload = {"stripe_customer_id": customer or self.shop.customer, "value": str(value)}
        self.shop.api.post("/v1/billing/meter_events", {"event_name": "calls", "payload": payload, **fields})

    def told(self) -> list[tuple[str, str, int]]:
        """The alerts triggered so far: which, of whom, at what."""
        found = [each["data"]["object"] for each in self.shop.api.get("/v1/events", type=TRIGGERED)["data"]]
        return [(each["alert"]["id"], each["customer"], each["value"]) for each in reversed(found)]


@pytest.fixture
def metered(shop: Shop) -> Metered:
    return Metered(shop)


def test_an_alert_triggers_once_for_each_customer(shop: Shop, metered: Metered) -> None:
    """60 and 50 reach 100; what comes later says nothing, another customer is told of on their own."""
    alert, other = metered.alert(), shop.payer()
    assert (alert["status"], alert["id"][:5]) == ("active", "alrt_")
    metered.use(60)
    assert metered.told() == []
    metered.use(50)
    metered.use(500)
    metered.use(99, other)
    assert metered.told() == [(alert["id"], shop.customer, 110)]
    metered.use(1, other)
    assert metered.told()[1:] == [(alert["id"], other, 100)]
    (event,) = shop.api.get("/v1/events", type=TRIGGERED, limit=1)["data"]
    told = event["data"]["object"]
    assert (told["object"], told["created"], told["livemode"]) == ("billing.alert_triggered", shop.time, False)
    assert told["alert"] == alert


def test_usage_from_before_an_alert_does_not_count(metered: Metered) -> None:
    """90 before it, 90 after it: no hundred. Limitations: only usage reported after the alert's creation."""
    metered.use(90)
    alert = metered.alert()
    metered.use(90)
    assert metered.told() == []
    metered.use(10)
    assert [value for *_, value in metered.told()] == [100]
    assert metered.alert()["id"] != alert["id"]


def test_an_alert_of_one_customer_is_of_no_other(shop: Shop, metered: Metered) -> None:
    """The filter names whose usage counts."""
    other = shop.payer()
    alert = metered.alert(10, other)
    metered.use(50)
    assert metered.told() == []
    metered.use(12, other)
    assert metered.told() == [(alert["id"], other, 12)]


@pytest.mark.parametrize(("formula", "uses", "value"), [("count", [7, 7, 7], 3), ("last", [2, 9, 3], 9)])
def test_a_threshold_is_of_what_the_meter_adds_up(shop: Shop, formula: str, uses: list[int], value: int) -> None:
    """Events counted, or the last value."""
    metered = Metered(shop, formula)
    metered.alert(3)
    for use in uses:
        metered.use(use)
    assert [found for *_, found in metered.told()] == [value]


def test_canceled_usage_does_not_count(shop: Shop, metered: Metered) -> None:
    """60 canceled, 60 left: no alert."""
    metered.alert()
    metered.use(60, identifier="first")
    fields = {"event_name": "calls", "type": "cancel", "cancel": {"identifier": "first"}}
    shop.api.post("/v1/billing/meter_event_adjustments", fields)
    metered.use(60)
    assert metered.told() == []


def test_alerts_are_deactivated_and_archived(shop: Shop, metered: Metered) -> None:
    """An inactive alert waits; an archived one is gone from lists for good.

    https://docs.stripe.com/api/billing/alert/archive
    """
    path = f"/v1/billing/alerts/{metered.alert()['id']}"
    assert shop.api.post(f"{path}/deactivate")["status"] == "inactive"
    metered.use(100)
    assert metered.told() == []
    assert shop.api.post(f"{path}/activate")["status"] == "active"
    assert shop.api.error("POST", f"{path}/activate")[0] == 400
    metered.use(1)
    assert [value for *_, value in metered.told()] == [101]
    assert shop.api.post(f"{path}/archive")["status"] == "archived"
    assert shop.api.ids("/v1/billing/alerts") == []
    for action in ("activate", "deactivate", "archive"):
        assert shop.api.error("POST", f"{path}/{action}")[0] == 400


def test_alerts_do_not_work_with_test_clocks(shop: Shop, metered: Metered) -> None:
    """The usage of a customer on a clock triggers none."""
    clock = shop.api.post("/v1/test_helpers/test_clocks", {"frozen_time": shop.time})["id"]
    metered.alert(1)
    metered.use(50, shop.payer(test_clock=clock))
    assert metered.told() == []


def test_usage_by_version_2_triggers_alerts_too(shop: Shop, metered: Metered) -> None:
    """An event of v2 is an event like those of v1."""
    metered.alert(5)
    payload = {"stripe_customer_id": shop.customer, "value": "6"}
    shop.api.post("/v2/billing/meter_events", {"event_name": "calls", "payload": payload})
    assert [value for *_, value in metered.told()] == [6]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"meter": "mtr_none"}, "usage_threshold[meter]"),
        ({"gte": 0}, "usage_threshold[gte]"),
        ({"filters": [{"type": "customer"}]}, "usage_threshold[filters][0][customer]"),
        ({"filters": [{"type": "customer", "customer": "cus_none"}]}, "usage_threshold[filters][0][customer]"),
        ({"filters": [{"type": "customer"}, {"type": "customer"}]}, "usage_threshold[filters]"),
    ],
)
def test_wrong_alerts_are_refused(shop: Shop, metered: Metered, change: dict[str, Any], param: str) -> None:
    """Unknown meters and customers, no threshold, and more than one filter."""
    threshold = {"gte": 100, "meter": metered.id, "recurrence": "one_time", **change}
    fields = {"title": "x", "alert_type": "usage_threshold", "usage_threshold": threshold}
    assert shop.api.error("POST", "/v1/billing/alerts", fields)[1]["param"] == param


def test_a_meter_has_25_alerts_of_a_customer(shop: Shop, metered: Metered) -> None:
    """The 26th is refused; another customer has their own."""
    for _ in range(25):
        metered.alert(100, shop.customer)
    threshold = {"gte": 1, "meter": metered.id, "recurrence": "one_time"}
    threshold["filters"] = [{"type": "customer", "customer": shop.customer}]
    fields = {"title": "x", "alert_type": "usage_threshold", "usage_threshold": threshold}
    assert shop.api.error("POST", "/v1/billing/alerts", fields)[1]["param"] == "usage_threshold[meter]"
    assert metered.alert(100, shop.payer())["status"] == "active"
