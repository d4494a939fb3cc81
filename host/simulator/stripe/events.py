"""Listing and retrieving events. https://docs.stripe.com/api/events. ``event_derivation`` derives them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from host.simulator import pagination, resources
from host.simulator.api_error import invalid
from host.simulator.context import Filter, Object, RequestContext, Test


def list_events(call: RequestContext) -> Object | bytes:
    """The events, newest first. Unlike Stripe's, they can be listed for longer than 30 days."""
    if "type" in call.params and "types" in call.params:  # https://docs.stripe.com/api/events/list
        raise invalid("You may pass either `type` or `types`, but not both.", "types", "parameters_exclusive")
    settled(call)
    return pagination.page(call)


def retrieve_event(call: RequestContext) -> Object | bytes:
    """Retrieve an event."""
    settled(call)
    return resources.retrieve(call)


def settled(call: RequestContext) -> None:
    """Make the events of all changes that were recorded so far."""
    assert call.backend.events is not None
    call.backend.events.settle()


def _of_types(call: RequestContext, wanted: Any) -> Test:
    patterns = wanted if isinstance(wanted, list) else [wanted]
    return lambda value: any(fnmatchcase(value["type"], pattern) for pattern in patterns)


_TYPES: Filter = _of_types
BEHAVIOURS = {"events.list": list_events, "events.retrieve": retrieve_event}
FILTERS = {"events.list": {"type": _TYPES, "types": _TYPES}}
MAKES = {"event"}
