"""Meters, which aggregate events with a value by customer and period.

https://docs.stripe.com/billing/subscriptions/usage-based
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from host.simulator import resources
from host.simulator.api_error import invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import alerts
from host.simulator.stripe.listing import page_of
from host.simulator.stripe.meter_totals import EVENT, METER, total
from host.simulator.stripe.periods import DAY

HOUR = 3600
OLDEST = 35 * DAY  # seconds that an event may be in the past: https://docs.stripe.com/api/billing/meter-event/create
_CUSTOMER, _VALUE = "stripe_customer_id", "value"


def create_meter(call: RequestContext) -> Object:
    """Create an active meter. An event name can belong to only one active meter."""
    name = call.params["event_name"]
    if any(meter["status"] == "active" for meter in call.backend.store.having(METER, "event_name", name)):
        raise invalid(f"An active meter with event_name {name} already exists.", "event_name")
    meter = call.put(resources.fresh(call), call.params)
    meter.setdefault("event_time_window", None)
    given = call.params.get("customer_mapping") or {}
    meter["customer_mapping"] = {"type": "by_id", "event_payload_key": given.get("event_payload_key", _CUSTOMER)}
    meter["value_settings"] = {
        "event_payload_key": (call.params.get("value_settings") or {}).get("event_payload_key", _VALUE)
    }
    meter.update(status="active", status_transitions={"deactivated_at": None}, updated=call.now)
    return call.save(METER, meter)


def deactivate_meter(call: RequestContext) -> Object:
    """Deactivate a meter, so that it takes no more events."""
    return _switch(call, "active", "inactive", call.now)


def reactivate_meter(call: RequestContext) -> Object:
    """Reactivate an inactive meter."""
    return _switch(call, "inactive", "active", None)


def _switch(call: RequestContext, before: str, after: str, at: int | None) -> Object:
    meter = call.subject()
    if meter["status"] != before:
        raise call.refuse(f"This meter is already {after}.")
    meter.update(status=after, updated=call.now, status_transitions={"deactivated_at": at})
    return call.save(METER, meter)


def create_event(call: RequestContext) -> Object:
    """Create an event, which is counted immediately. An identifier can be used once in 24 hours."""
    params = call.params
    meters = call.backend.store.having(METER, "event_name", params["event_name"])
    meter = next((meter for meter in meters if meter["status"] == "active"), None)
    if meter is None:
        raise invalid(f"No active meter found for event name {params['event_name']}.", "event_name")
    payload = params["payload"]
    _check_payload(call, meter, payload)
    at = params.get("timestamp", call.now)
    if at < call.now - OLDEST:
        raise invalid("The timestamp is more than 35 calendar days in the past.", "timestamp", "timestamp_too_old")
    if at > call.now + 300:
        raise invalid("The timestamp is in the future.", "timestamp", "timestamp_in_future")
    identifier = params.get("identifier") or call.backend.ids.uuid()
    for other in call.backend.store.having(EVENT, "identifier", identifier):
        if other["created"] > call.now - DAY:
            raise invalid(f"An event already exists with identifier {identifier}.", "identifier")
    event: Object = {
        "object": EVENT,
        "created": call.now,
        "event_name": params["event_name"],
        "identifier": identifier,
        "livemode": False,
        "payload": {key: str(value) for key, value in payload.items()},
        "timestamp": at,
    }
    key = f"{identifier}:{call.backend.ids.new('', 8)}"
    call.backend.store.put(EVENT, key, {**event, "key": key, "canceled": False})
    alerts.check(call, meter, event["payload"][meter["customer_mapping"]["event_payload_key"]])
    return event


def _check_payload(call: RequestContext, meter: Object, payload: Object) -> None:
    customer = payload.get(meter["customer_mapping"]["event_payload_key"])
    if not customer:
        key = meter["customer_mapping"]["event_payload_key"]
        raise invalid(f"The payload has no {key}.", "payload", "meter_event_customer_not_found")
    if call.find("customer", str(customer)) is None:
        raise missing("customer", str(customer), "payload", 400)
    if meter["default_aggregation"]["formula"] == "count":
        return
    key = meter["value_settings"]["event_payload_key"]
    try:
        value = Decimal(str(payload.get(key, "")))
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite():
        raise invalid(f"The payload's {key} must be a number.", "payload", "meter_event_invalid_value")


def adjust_event(call: RequestContext) -> Object:
    """Cancel an event of the last 24 hours by its identifier."""
    wanted = (call.params.get("cancel") or {}).get("identifier")
    if call.params.get("type") != "cancel" or not wanted:
        raise invalid("Missing required param: cancel[identifier].", "cancel[identifier]", "parameter_missing")
    cancel(call, call.params["event_name"], str(wanted), "cancel[identifier]")
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": wanted},
        "event_name": call.params["event_name"],
        "livemode": False,
        "status": "complete",
        "type": "cancel",
    }


def cancel(call: RequestContext, name: str, identifier: str, param: str) -> None:
    """Cancel an event that was received in the last 24 hours, so that it no longer counts.

    https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api#cancel-usage-events
    """
    named = call.backend.store.having(EVENT, "identifier", identifier)
    found = [event for event in named if event["event_name"] == name and not event["canceled"]]
    if not found:
        raise missing("meter event", identifier, param, 400)
    if found[-1]["created"] <= call.now - DAY:
        raise invalid("A meter event can be canceled within 24 hours after it was received.", param)
    call.backend.store.put(EVENT, found[-1]["key"], {**found[-1], "canceled": True})


def usage(call: RequestContext, item: Object, customer: str, start: int, end: int) -> Decimal:
    """The usage of a metered subscription item; a negative one counts as 0."""
    meter = call.find(METER, str((item["price"]["recurring"] or {}).get("meter")))
    return Decimal(0) if meter is None else max(Decimal(0), total(call, meter, customer, start, end))


def summaries(call: RequestContext) -> Object:
    """A customer's aggregated usage, in all or by hour or day."""
    meter = call.load(METER, call.path_args["id"], "id")
    params = call.params
    start, end, window = params["start_time"], params["end_time"], params.get("value_grouping_window")
    step = {"hour": HOUR, "day": DAY}.get(str(window), end - start)
    if start >= end:
        raise invalid("start_time must be before end_time.", "start_time")
    if start % 60 or end % 60 or (window and (start % step or end % step)):
        raise invalid("Times must be aligned with minutes, or with the grouping window.", "start_time")
    data = []
    for at in range(start, end, step):
        value = total(call, meter, params["customer"], at, at + step)
        if value or not window:
            exact: int | float = int(value) if value == int(value) else float(value)
            data.append(
                {
                    "id": f"mtrusg_{meter['id'][-12:]}{at}{step}",
                    "object": "billing.meter_event_summary",
                    "aggregated_value": exact,
                    "end_time": at + step,
                    "livemode": False,
                    "meter": meter["id"],
                    "start_time": at,
                }
            )
    data.reverse()
    return page_of(call, data, "meter event summary")


MAKES = {"billing.meter_event_summary"}
EFFECTS = {"billing.meters.event_summaries.list": {"customer", "end_time", "start_time", "value_grouping_window"}}
BEHAVIOURS = {
    "billing.meter_event_adjustments.create": adjust_event,
    "billing.meter_events.create": create_event,
    "billing.meters.create": create_meter,
    "billing.meters.deactivate": deactivate_meter,
    "billing.meters.event_summaries.list": summaries,
    "billing.meters.reactivate": reactivate_meter,
}
