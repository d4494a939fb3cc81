"""Test clocks, which set the time for the objects on them. https://docs.stripe.com/billing/testing/test-clocks"""

from __future__ import annotations

from host.simulator.context import Backend, Object, RequestContext

CLOCK = "test_helpers.test_clock"
# Parameters that hold the id of an object which may be on a clock, and the object's kind.
_NAMED = {
    "customer": "customer",
    "subscription": "subscription",
    "from_subscription": "subscription",
    "invoice": "invoice",
    "quote": "quote",
    "schedule": "subscription_schedule",
    "test_clock": CLOCK,
}


def enter(call: RequestContext) -> None:
    """Set the request's time to that of the test clock that its objects are on, if there is one."""
    if not call.backend.store.count(CLOCK) or call.plan.kind == CLOCK:
        return
    clock = _clock(call)
    if clock is not None:
        call.clock, call.now = str(clock["id"]), int(clock["frozen_time"])


def _clock(call: RequestContext) -> Object | None:
    for name, kind in _NAMED.items():
        id = call.params.get(name) or call.path_args.get(name)
        if isinstance(id, str) and (found := clock_of(call, kind, id)):
            return found
    if call.target:
        return clock_of(call, call.plan.kind, call.target)
    return _of_payload(call)


def _of_payload(call: RequestContext) -> Object | None:
    """The clock of the customer whose usage is reported. The meter decides which value of the payload that is."""
    payload = call.params.get("payload")
    for value in payload.values() if isinstance(payload, dict) else ():
        if found := clock_of(call, "customer", str(value)):
            return found
    return None


def clock_of(call: RequestContext, kind: str, id: str) -> Object | None:
    """The test clock that an object is on: its own, its customer's or its subscription's. A clock is on itself."""
    value = call.find(kind, id)
    if value is None or kind == CLOCK:
        return value
    for name, of in (("test_clock", CLOCK), ("customer", "customer"), ("subscription", "subscription")):
        if isinstance(named := value.get(name), str):
            return clock_of(call, of, named)
    return None


def background(backend: Backend, now: int) -> RequestContext:
    """A context for work that no request asks for, at the time ``now``."""
    found = backend.routes.find("GET", "/v1/events")
    assert found is not None
    return RequestContext(backend, found[0], "/v1/events", "", {}, {}, now)
