"""Usage sent in bulk: what is wrong with it is reported afterwards, by thin events.

https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api
"""

from __future__ import annotations

from datetime import datetime

from host.simulator.api_error import Refusal, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.members import iso_time
from host.simulator.stripe import thin_events
from host.simulator.stripe.meters import METER, create_event

NO_METER = "v1.billing.meter.no_meter_found"
ERRORS = "v1.billing.meter.error_report_triggered"
# What refuses one event, by what a report calls it: https://docs.stripe.com/api/v2/core/events/event-types
_CODES = {
    "meter_event_customer_not_found": "meter_event_no_customer_defined",
    "resource_missing": "meter_event_customer_not_found",
    "timestamp_too_old": "timestamp_too_far_in_past",
}
MOST_SAMPLES = 5


def create_events(call: RequestContext) -> Object:
    """Count each event; those that cannot be counted are reported, by their meter or as of no meter."""
    wrong: dict[str, list[tuple[Object, Refusal]]] = {}
    for event in call.params["events"]:
        name = event["event_name"]
        meters = call.world.store.having(METER, "event_name", name)
        meter = next((meter for meter in meters if meter["status"] == "active"), None)
        made = {**event, "timestamp": _seconds(event["timestamp"])} if event.get("timestamp") else event
        try:
            create_event(call.asking("POST", "/v1/billing/meter_events", made))
        except Refusal as refusal:
            wrong.setdefault("" if meter is None else str(meter["id"]), []).append((event, refusal))
    for id, faults in wrong.items():
        _report(call, id, faults)
    return {}


def _seconds(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        raise invalid(f"Invalid timestamp: {str(text)[:40]}", "events[timestamp]") from None


def _report(call: RequestContext, id: str, faults: list[tuple[Object, Refusal]]) -> None:
    by_code: dict[str, list[tuple[Object, Refusal]]] = {}
    for event, refusal in faults:
        code = "no_meter" if not id else _CODES.get(refusal.code or "", refusal.code or "meter_event_invalid_value")
        by_code.setdefault(code, []).append((event, refusal))
    types = [
        {
            "code": code,
            "error_count": len(found),
            "sample_errors": [
                {"error_message": refusal.message, "request": {"identifier": event.get("identifier") or ""}}
                for event, refusal in found[:MOST_SAMPLES]
            ],
        }
        for code, found in by_code.items()
    ]
    plural = "is 1 invalid event" if len(faults) == 1 else f"are {len(faults)} invalid events"
    data = {
        "developer_message_summary": f"There {plural}",
        "reason": {"error_count": len(faults), "error_types": types},
        "validation_start": iso_time(call.now),
        "validation_end": iso_time(call.now),
    }
    about = call.world.store.get(METER, id) if id else None
    thin_events.tell(call, ERRORS if about is not None else NO_METER, about, data)


BEHAVIOURS = {"v2.billing.meter_event_stream.create": create_events}
EFFECTS = {"v2.billing.meter_event_stream.create": {"events"}}
