"""What the events of a meter come to. https://docs.stripe.com/billing/subscriptions/usage-based/meters/configure"""

from __future__ import annotations

from decimal import Decimal

from host.simulator.context import Object, RequestContext

METER, EVENT = "billing.meter", "billing.meter_event"


def total(call: RequestContext, meter: Object, customer: str, start: int, end: int) -> Decimal:
    """What a customer's events from ``start`` to before ``end`` come to."""
    return _added_up(meter, [e for e in counted(call, meter, customer) if start <= e["timestamp"] < end])


def since(call: RequestContext, meter: Object, customer: str, place: int) -> Decimal:
    """What a customer's events come to that were reported after the meter had got ``place`` of all customers."""
    return _added_up(meter, counted(call, meter, customer, place))


def reported(call: RequestContext, meter: Object) -> int:
    """How many events a meter has got, of all customers."""
    return len(call.backend.store.having(EVENT, "event_name", meter["event_name"]))


def counted(call: RequestContext, meter: Object, customer: str, place: int = 0) -> list[Object]:
    """A customer's events that are not canceled, in the order in which they were reported."""
    key = meter["customer_mapping"]["event_payload_key"]
    found = call.backend.store.having(EVENT, "event_name", meter["event_name"])[place:]
    return [event for event in found if event["payload"].get(key) == customer and not event["canceled"]]


def _added_up(meter: Object, events: list[Object]) -> Decimal:
    formula, key = meter["default_aggregation"]["formula"], meter["value_settings"]["event_payload_key"]
    if formula == "count":
        return Decimal(len(events))
    values = [Decimal(event["payload"][key]) for event in sorted(events, key=lambda event: event["timestamp"])]
    if formula == "last":
        return values[-1] if values else Decimal(0)
    return sum(values, Decimal(0))
