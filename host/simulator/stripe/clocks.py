"""Test clocks: what is on one lives at its time. https://docs.stripe.com/billing/testing/test-clocks"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext, World

CLOCK = "test_helpers.test_clock"
# Parameters that name an object which may be on a clock, and its kind.
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
    """Set the request's time to that of the test clock its objects are on, if they are on one."""
    if not call.world.store.count(CLOCK) or call.plan.kind == CLOCK:
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
    """The clock of the customer whose usage is reported: the meter says which of the payload's values names them."""
    payload = call.params.get("payload")
    for value in payload.values() if isinstance(payload, dict) else ():
        if found := clock_of(call, "customer", str(value)):
            return found
    return None


def clock_of(call: RequestContext, kind: str, id: str) -> Object | None:
    """The test clock that an object is on: itself, its own, its customer's or its subscription's."""
    value = call.find(kind, id)
    if value is None or kind == CLOCK:
        return value
    for name, of in (("test_clock", CLOCK), ("customer", "customer"), ("subscription", "subscription")):
        if isinstance(named := value.get(name), str):
            return clock_of(call, of, named)
    return None


def background(world: World, now: int) -> RequestContext:
    """A context for what happens without a request."""
    found = world.routes.find("GET", "/v1/events")
    assert found is not None
    return RequestContext(world, found[0], "/v1/events", "", {}, {}, now)
