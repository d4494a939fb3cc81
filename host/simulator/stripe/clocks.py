"""Test clocks, which set the time for the objects on them. https://docs.stripe.com/billing/testing/test-clocks"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.context import Object, RequestContext, World

CLOCK = "test_helpers.test_clock"
DAY = 86400
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
# Objects that are deleted with a customer, when the customer's clock is deleted.
_OWNED = ("subscription", "invoice", "invoiceitem", "quote", "subscription_schedule", "checkout.session")


def enter(call: RequestContext) -> None:
    """Set the request's time to that of the test clock that its objects are on, if there is one."""
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


def background(world: World, now: int) -> RequestContext:
    """A context for work that no request asks for, at the time ``now``."""
    found = world.routes.find("GET", "/v1/events")
    assert found is not None
    return RequestContext(world, found[0], "/v1/events", "", {}, {}, now)


def create_clock(call: RequestContext) -> Object:
    """Create a clock, whose time stands still until it is advanced. It is deleted after 30 days."""
    clock = call.put(resources.fresh(call), {k: v for k, v in call.params.items() if k != "customer"})
    clock.update(deletes_after=call.now + 30 * DAY, status="ready", status_details={"advancing": None})
    call.save(CLOCK, clock)
    call.world.agenda.add(call, clock["deletes_after"], "delete_clock", clock["id"])
    return clock


def advance_clock(call: RequestContext) -> Object:
    """Advance a clock. What becomes due is carried out in order, each at its own time."""
    clock = call.subject()
    then: int = call.params["frozen_time"]
    if then <= clock["frozen_time"]:
        raise call.refuse("Invalid frozen_time: must be after the clock's current time.", param="frozen_time")
    id = str(clock["id"])
    call.announce("test_helpers.test_clock.advancing", CLOCK, id)
    call.world.agenda.run(_Moving(call, clock), id, then)
    clock.update(frozen_time=then, status="ready")
    return call.save(CLOCK, clock)


def delete_clock(call: RequestContext) -> Object | bytes:
    """Delete a clock, with its customers and their objects."""
    _remove(call, call.target)
    return resources.delete(call)


def _remove(call: RequestContext, id: str) -> None:
    call.world.agenda.forget(id)
    store = call.world.store
    for customer in store.having("customer", "test_clock", id):
        for kind in _OWNED:
            for value in store.having(kind, "customer", customer["id"]):
                _delete(call, kind, value)
        _delete(call, "customer", customer)
    for quote in store.having("quote", "test_clock", id):
        _delete(call, "quote", quote)


def _delete(call: RequestContext, kind: str, value: Object) -> None:
    gone = {"id": value["id"], "object": value["object"], "deleted": True}
    call.save(kind, gone, deleted=True)


def _expire_clock(call: RequestContext, id: str) -> None:
    clock = call.find(CLOCK, id)
    if clock is not None:
        _remove(call, id)
        _delete(call, CLOCK, clock)


class _Moving:
    """A context that sets the clock's time to that of each action, while the clock is advanced."""

    def __init__(self, call: RequestContext, clock: Object) -> None:
        self.now, self.clock = call.now, str(clock["id"])
        self._call, self._object = call, clock

    def at(self, now: int, clock: str) -> Any:
        """The request's context at ``now``; the clock is saved with that time."""
        self._object["frozen_time"] = max(now, self._object["frozen_time"])
        self._call.save(CLOCK, self._object)
        return self._call.at(self._object["frozen_time"], clock)


BEHAVIOURS = {
    "test_helpers.test_clocks.advance": advance_clock,
    "test_helpers.test_clocks.create": create_clock,
    "test_helpers.test_clocks.delete": delete_clock,
}
DUE = {"delete_clock": _expire_clock}
