"""What is done with test clocks, and their limits. https://docs.stripe.com/billing/testing/test-clocks/api-advanced-usage"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.clocks import CLOCK
from host.simulator.stripe.periods import DAY, later
from host.simulator.stripe.subscription_statuses import ENDED

MOST_CUSTOMERS = 3
MOST_SUBSCRIPTIONS = 3  # of a customer
MOST_INTERVALS = 2  # in one step, of the shortest that something on the clock has
MOST_YEARS = 2  # where nothing on it recurs
_ENDED = (*ENDED, "completed", "released")
# What goes with a customer of a clock that is deleted.
_OWNED = ("subscription", "invoice", "invoiceitem", "quote", "subscription_schedule", "checkout.session")


def create_clock(call: RequestContext) -> Object:
    """A clock that stands still until it is advanced."""
    clock = call.put(resources.fresh(call), {k: v for k, v in call.params.items() if k != "customer"})
    clock.update(deletes_after=call.now + 30 * DAY, status="ready", status_details={"advancing": None})
    call.save(CLOCK, clock)
    call.backend.agenda.add(call, clock["deletes_after"], "delete_clock", clock["id"])
    return clock


def check_customers(call: RequestContext, clock: str) -> None:
    """Refuse another customer on a clock that is full."""
    if len(call.backend.store.having("customer", "test_clock", clock)) >= MOST_CUSTOMERS:
        raise invalid(f"A test clock can have at most {MOST_CUSTOMERS} customers: use another clock.", "test_clock")


def check_subscriptions(call: RequestContext, customer: Object) -> None:
    """Refuse another subscription of a customer who is on a clock and has as many as one can have there."""
    if customer.get("test_clock"):
        theirs = call.backend.store.having("subscription", "customer", customer["id"])
        if sum(each["status"] not in _ENDED for each in theirs) >= MOST_SUBSCRIPTIONS:
            raise invalid(
                f"A customer on a test clock can have at most {MOST_SUBSCRIPTIONS} subscriptions.", "customer"
            )


def _farthest(call: RequestContext, clock: Object) -> int:
    """The latest time that a clock may be advanced to in one step."""
    now = int(clock["frozen_time"])
    ends = [later(now, r["interval"], MOST_INTERVALS * r["interval_count"]) for r in _recurring(call, clock["id"])]
    return min(ends, default=later(now, "year", MOST_YEARS))


def _recurring(call: RequestContext, clock: str) -> Iterator[Object]:
    """How what lives on a clock recurs: its subscriptions, and the schedules that are to become some."""
    store = call.backend.store
    for subscription in store.having("subscription", "test_clock", clock):
        if subscription["status"] not in _ENDED:
            yield from (item["price"]["recurring"] for item in subscription["items"]["data"])
    for schedule in store.having("subscription_schedule", "test_clock", clock):
        if schedule["status"] == "not_started":
            for phase in schedule["phases"]:
                yield from (call.load("price", item["price"])["recurring"] for item in phase["items"])


def advance_clock(call: RequestContext) -> Object:
    """To a later time: what is due until then happens, in order, each at its own time."""
    clock = call.subject()
    then: int = call.params["frozen_time"]
    if then <= clock["frozen_time"]:
        raise call.refuse("Invalid frozen_time: must be after the clock's current time.", param="frozen_time")
    if then > (farthest := _farthest(call, clock)):
        raise call.refuse(
            "Invalid frozen_time: a test clock can be advanced by at most two intervals of the shortest subscription "
            f"on it, or by two years where there is none: here to {farthest}.",
            param="frozen_time",
        )
    id = str(clock["id"])
    call.announce("test_helpers.test_clock.advancing", CLOCK, id)
    call.backend.agenda.run(_Moving(call, clock), id, then)
    clock.update(frozen_time=then, status="ready")
    return call.save(CLOCK, clock)


def delete_clock(call: RequestContext) -> Object | bytes:
    """Gone with its customers and all that is theirs."""
    _remove(call, call.target)
    return resources.delete(call)


def _remove(call: RequestContext, id: str) -> None:
    call.backend.agenda.forget(id)
    store = call.backend.store
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
