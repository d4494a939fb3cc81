"""Usage by API v2: single meter events, and streams of them, whose faults are reported by thin events.

https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api
"""

from __future__ import annotations

from datetime import datetime

from host.simulator import resources
from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.members import iso_time
from host.simulator.stripe import thin_events
from host.simulator.stripe.account_access import SESSIONS
from host.simulator.stripe.meter_totals import METER
from host.simulator.stripe.meters import cancel, create_event

NO_METER = "v1.billing.meter.no_meter_found"
ERRORS = "v1.billing.meter.error_report_triggered"
# By the code of an event's refusal: its code in a report, https://docs.stripe.com/api/v2/core/events/event-types
_CODES = {
    "meter_event_customer_not_found": "meter_event_no_customer_defined",
    "resource_missing": "meter_event_customer_not_found",
    "timestamp_too_old": "timestamp_too_far_in_past",
}
MOST_SAMPLES = 5
MOST_EVENTS = 100  # in one request: https://docs.stripe.com/api/v2/billing/meter-event-stream/create
SESSION_LIFE = 900  # seconds


def create_session(call: RequestContext) -> Object:
    """Create a session with a token for streams of meter events, which expires after 15 minutes."""
    session = resources.fresh(call)
    token, end = f"token_test_{call.backend.ids.new('', 48)}", call.now + SESSION_LIFE
    session.update(authentication_token=token, expires_at=iso_time(end))
    call.within("").backend.store.put(SESSIONS, token, {"expires_at": end, "account": call.account})
    return session


def create_event_of_v2(call: RequestContext) -> Object:
    """Create an event, which is checked and counted like one of API v1."""
    made = create_event(call.asking("POST", "/v1/billing/meter_events", _of_v1(call.params, "timestamp")))
    return {
        **made,
        "object": "v2.billing.meter_event",
        "created": iso_time(made["created"]),
        "timestamp": iso_time(made["timestamp"]),
    }


def adjust_event_of_v2(call: RequestContext) -> Object:
    """Cancel an event by its identifier."""
    adjustment = call.put(resources.fresh(call), call.params)
    cancel(call, call.params["event_name"], call.params["cancel"]["identifier"], "cancel[identifier]")
    return {**adjustment, "status": "complete"}


def _of_v1(event: Object, param: str) -> Object:
    return {**event, "timestamp": _seconds(event["timestamp"], param)} if event.get("timestamp") else event


def create_events(call: RequestContext) -> Object:
    """Count each event; report those that cannot be counted, for their meter or for no meter."""
    if not 1 <= len(call.params["events"]) <= MOST_EVENTS:
        raise invalid(f"A stream takes 1 to {MOST_EVENTS} events in one request.", "events")
    wrong: dict[str, list[tuple[Object, SimulatedError]]] = {}
    for event in call.params["events"]:
        name = event["event_name"]
        meters = call.backend.store.having(METER, "event_name", name)
        meter = next((meter for meter in meters if meter["status"] == "active"), None)
        try:
            create_event(call.asking("POST", "/v1/billing/meter_events", _of_v1(event, "events.timestamp")))
        except SimulatedError as refusal:
            wrong.setdefault("" if meter is None else str(meter["id"]), []).append((event, refusal))
    for id, faults in wrong.items():
        _report(call, id, faults)
    return {}


def _seconds(text: str, param: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        raise invalid(f"Invalid timestamp: {str(text)[:40]}", param, "invalid_timestamp") from None


def _report(call: RequestContext, id: str, faults: list[tuple[Object, SimulatedError]]) -> None:
    by_code: dict[str, list[tuple[Object, SimulatedError]]] = {}
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
    about = call.backend.store.get(METER, id) if id else None
    thin_events.emit(call, ERRORS if about is not None else NO_METER, about, data)


BEHAVIOURS = {
    "v2.billing.meter_event_adjustments.create": adjust_event_of_v2,
    "v2.billing.meter_event_session.create": create_session,
    "v2.billing.meter_event_stream.create": create_events,
    "v2.billing.meter_events.create": create_event_of_v2,
}
EFFECTS = {"v2.billing.meter_event_stream.create": {"events"}}
