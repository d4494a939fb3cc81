"""Billing alerts: told once of each customer whose usage reaches a threshold.

Only what is reported after an alert is made counts, and nothing of customers on test clocks:
https://docs.stripe.com/billing/subscriptions/usage-based/alerts
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext, Test
from host.simulator.list_filters import matches
from host.simulator.stripe.meter_totals import METER, reported, since

KIND, TRIGGERED = "billing.alert", "billing.alert_triggered"
EVENT_NAME = "billing.alert.triggered"
MOST_ALERTS = 25  # of a meter and a customer
_FROM = "~alert_from"  # by alert: how many events its meter had when it was made


def create_alert(call: RequestContext) -> Object:
    """An active alert on a meter, for one customer or for all."""
    given = call.params.get("usage_threshold")
    if not given:
        raise invalid("Missing required param: usage_threshold.", "usage_threshold", "parameter_missing")
    meter = call.load(METER, given["meter"], "usage_threshold[meter]", 400)
    if given["gte"] < 1:
        raise invalid("This value must be greater than or equal to 1.", "usage_threshold[gte]")
    customer = _filtered(call, given.get("filters") or [])
    _check_number(call, meter, customer)
    alert = call.put(resources.fresh(call), call.params)
    alert["status"] = "active"
    alert["usage_threshold"].setdefault("filters", [])
    call.backend.store.put(_FROM, alert["id"], {"place": reported(call, meter)})
    return call.save(KIND, alert)


def _filtered(call: RequestContext, filters: list[Object]) -> str | None:
    if len(filters) > 1:
        raise invalid("You can specify at most one filter.", "usage_threshold[filters]")
    customer = filters[0].get("customer") if filters else None
    if filters and not customer:
        path = "usage_threshold[filters][0][customer]"
        raise invalid(f"Missing required param: {path}.", path, "parameter_missing")
    if customer:
        call.load("customer", customer, "usage_threshold[filters][0][customer]", 400)
    return customer


def _check_number(call: RequestContext, meter: Object, customer: str | None) -> None:
    there = [each for each in _of_meter(call, meter["id"]) if _customer_of(each) == customer]
    if len(there) >= MOST_ALERTS:
        raise invalid(f"A meter can have at most {MOST_ALERTS} alerts of a customer.", "usage_threshold[meter]")


def _of_meter(call: RequestContext, meter: str) -> list[Object]:
    alerts = call.backend.store.having(KIND, "alert_type", "usage_threshold")
    return [each for each in alerts if each["status"] != "archived" and each["usage_threshold"]["meter"] == meter]


def _customer_of(alert: Object) -> str | None:
    filters = alert["usage_threshold"]["filters"] or []
    return filters[0]["customer"] if filters else None


def check(call: RequestContext, meter: Object, customer: str) -> None:
    """Trigger the alerts whose thresholds a customer's usage has reached, each for the first time."""
    store = call.backend.store
    if not store.count(KIND) or (call.find("customer", customer) or {}).get("test_clock"):
        return
    for alert in _of_meter(call, meter["id"]):
        key = f"{alert['id']}:{customer}"
        told = store.record(TRIGGERED, key) is not None
        if told or alert["status"] != "active" or _customer_of(alert) not in (None, customer):
            continue
        value = since(call, meter, customer, (store.get(_FROM, alert["id"]) or {"place": 0})["place"])
        if value >= alert["usage_threshold"]["gte"]:
            triggered: Object = {
                "object": TRIGGERED,
                "alert": alert,
                "created": call.now,
                "customer": customer,
                "livemode": False,
                "value": int(value),
            }
            store.put(TRIGGERED, key, triggered)
            call.announce(EVENT_NAME, TRIGGERED, key)


def _step(allowed: tuple[str, ...], status: str) -> Callable[[RequestContext], Object]:
    def step(call: RequestContext) -> Object:
        alert = call.subject()
        if alert["status"] not in allowed:
            raise call.refuse(f"This alert is {alert['status']}: it must be {' or '.join(allowed)}.")
        return call.save(KIND, {**alert, "status": status})

    return step


def _at_meter(call: RequestContext, wanted: Any) -> Test:
    return lambda value: matches(value["usage_threshold"]["meter"], wanted)


BEHAVIOURS = {
    "billing.alerts.activate": _step(("inactive",), "active"),
    "billing.alerts.archive": _step(("active", "inactive"), "archived"),
    "billing.alerts.create": create_alert,
    "billing.alerts.deactivate": _step(("active",), "inactive"),
}
FILTERS = {"billing.alerts.list": {"meter": _at_meter}}
