"""Test clocks: what is on one lives at its time. https://docs.stripe.com/billing/testing/test-clocks"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.context import Object, RequestContext, World

CLOCK = "test_helpers.test_clock"
DAY = 86400
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
# What goes with a customer of a clock that is deleted.
_OWNED = ("subscription", "invoice", "invoiceitem", "quote", "subscription_schedule", "checkout.session")


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


def create_clock(call: RequestContext) -> Object:
    """A clock that stands still until it is advanced."""
    clock = call.put(resources.fresh(call), {k: v for k, v in call.params.items() if k != "customer"})
    clock.update(deletes_after=call.now + 30 * DAY, status="ready", status_details={"advancing": None})
    call.save(CLOCK, clock)
    call.world.agenda.add(call, clock["deletes_after"], "delete_clock", clock["id"])
    return clock


def advance_clock(call: RequestContext) -> Object:
    """To a later time: what is due until then happens, in order, each at its own time."""
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
    """Gone with its customers and all that is theirs."""
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
    """A context that moves its clock along as what is due on it happens."""

    def __init__(self, call: RequestContext, clock: Object) -> None:
        self.now, self.clock = call.now, str(clock["id"])
        self._call, self._object = call, clock

    def at(self, now: int, clock: str) -> Any:
        """The request's hands at ``now``; the clock shows that time."""
        self._object["frozen_time"] = max(now, self._object["frozen_time"])
        self._call.save(CLOCK, self._object)
        return self._call.at(self._object["frozen_time"], clock)


BEHAVIOURS = {
    "test_helpers.test_clocks.advance": advance_clock,
    "test_helpers.test_clocks.create": create_clock,
    "test_helpers.test_clocks.delete": delete_clock,
}
DUE = {"delete_clock": _expire_clock}
