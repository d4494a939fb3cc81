"""Thin events, which name the changed object but do not contain it. https://docs.stripe.com/api/v2/core/events

Changes of objects of API v2 lead to thin events only. Changes of objects of v1 lead to one for most snapshot events,
with ``v1.`` before the type
(https://docs.stripe.com/changelog/endive/2026-09-30/thin-events-for-api-v1-resources-generally-available).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from host.simulator import list_filters, pagination
from host.simulator.context import Filter, Object, RequestContext, Test
from host.simulator.members import iso_time
from host.simulator.stripe.events import retrieve_event, settled

__all__ = ["KIND", "OF_V2", "emit", "events_of", "is_thin", "is_wanted", "notification", "thin_name", "thin_of"]

KIND: Final = "v2.core.event"
# The types for changes of objects of v2 that the simulator models.
OF_V2: Final = frozenset(
    {
        *(f"v2.core.account.{end}" for end in ("created", "updated", "closed")),
        *(f"v2.core.account_person.{end}" for end in ("created", "updated", "deleted")),
    }
)
# The beginnings of the types of events that exist only as snapshots.
_SNAPSHOTS_ALONE: Final = (
    *("apps.", "customer.source.", "financial_connections.authorization.", "reporting.", "reserve."),
    *("source.mandate_notification", "source.transaction.", "three_d_secure.", "treasury."),
)
# The beginnings of the types of events without a related object, as no request retrieves it.
_UNRELATED: Final = (
    *("account.application.", "account.external_account.", "billing.alert.", "billing_portal.session."),
    "entitlements.",
)
# By kind, the path that retrieves an object, with its members in braces, where it is not the kind's name in the plural.
_PLACES: Final[Mapping[str, str]] = {
    "balance": "/v1/balance",
    "balance_settings": "/v1/balance_settings",
    "capability": "/v1/accounts/{account}/capabilities/{id}",
    "cash_balance": "/v1/customers/{customer}/cash_balance",
    "customer_cash_balance_transaction": "/v1/customers/{customer}/cash_balance_transactions/{id}",
    "discount": "/v1/customers/{customer}/discount",
    "fee_refund": "/v1/application_fees/{fee}/refunds/{id}",
    "person": "/v1/accounts/{account}/persons/{id}",
    "tax.settings": "/v1/tax/settings",
    "v2.core.account_person": "/v2/core/accounts/{account}/persons/{id}",
}
# The members of a thin event that are delivered; receivers fetch the rest.
_DELIVERED: Final = ("id", "object", "type", "livemode", "created", "context", "reason", "related_object")


def thin_name(name: str) -> str:
    """The type of the thin event for a type of snapshot event, or "" if there is none."""
    return "" if name.startswith(_SNAPSHOTS_ALONE) else f"v1.{name}"


def is_thin(name: str) -> bool:
    """Whether a type of event, or a pattern of types, is one of thin events."""
    return name.startswith(("v1.", "v2."))


def is_wanted(name: str, patterns: Sequence[str]) -> bool:
    """Whether a type of thin event matches one of ``patterns``, types that may end with ``*``; ``*`` alone matches
    none.
    """
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in patterns if is_thin(each))


def events_of(snapshot: Object, context: str) -> list[tuple[str, Object]]:
    """The events for one change, derived as a snapshot event, each with the kind that it is stored as.

    ``context`` is the connected account that the objects belong to, or "".
    """
    type = snapshot["type"]
    if is_thin(type):
        return [(KIND, thin_of(snapshot, type, context))]
    name = thin_name(type)
    return [("event", snapshot), *([(KIND, thin_of(snapshot, name, context, of_v1=True))] if name else [])]


def thin_of(snapshot: Object, type: str, context: str, *, of_v1: bool = False) -> Object:
    """The thin event of a type for a snapshot event; ``of_v1`` says whether the snapshot event exists, too."""
    data, request = snapshot["data"], snapshot["request"]
    value = data["object"]
    thin: Object = {
        "id": f"evt_test_{snapshot['id'].removeprefix('evt_')}",
        "object": KIND,
        "changes": _changes(value, data.get("previous_attributes")),
        "context": context or None,
        "created": iso_time(snapshot["created"]),
        "livemode": False,
        "reason": None,
        "snapshot_event": snapshot["id"] if of_v1 else None,
        "type": type,
    }
    if request["id"]:
        key = request["idempotency_key"] or ""
        thin["reason"] = {"type": "request", "request": {"id": request["id"], "idempotency_key": key}}
    if value is not None and not type.removeprefix("v1.").startswith(_UNRELATED):
        thin["related_object"] = _related(value)
    return thin


def _changes(value: Object, before: Any) -> Object | None:
    """The members that differ, before and after. https://docs.stripe.com/changelog/clover/2025-11-17"""
    if before is None:
        return None
    return {"before": before, "after": {name: value.get(name) for name in before}}


def _related(value: Object) -> Object:
    kind = str(value["object"])
    place = _PLACES.get(kind) or _place(kind)
    members = {name: member.get("id") if isinstance(member, dict) else member for name, member in value.items()}
    url = place.format_map(members)
    return {**({"id": value["id"]} if "{id}" in place else {}), "type": kind, "url": url}


def _place(kind: str) -> str:
    version = "" if kind.startswith("v2.") else "v1/"
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return f"/{version}{plural.replace('.', '/')}/{{id}}"


def notification(thin: Object) -> Object:
    """The members of a thin event that are delivered."""
    return {name: thin[name] for name in _DELIVERED if name in thin}


def emit(call: RequestContext, type: str, about: Object | None, data: Object | None = None) -> Object:
    """Create and deliver a thin event that is not for a change of an object; ``about`` is its related object."""
    settled(call)
    snapshot: Object = {
        "id": call.backend.ids.new("evt_"),
        "created": call.now,
        "data": {"object": about},
        "request": {"id": None},
    }
    event = thin_of(snapshot, type, call.account)
    if data is not None:
        event["data"] = data
    assert call.backend.events is not None
    call.backend.events.add(KIND, event, call.account)
    return event


def list_events(call: RequestContext) -> Object | bytes:
    """The thin events, newest first. Unlike Stripe's, they can be listed for longer than 30 days."""
    settled(call)
    return pagination.page(call)


def _of_types(call: RequestContext, wanted: Any) -> Test:
    return lambda value: is_wanted(value["type"], wanted)


def _about(call: RequestContext, wanted: Any) -> Test:
    return lambda value: bool((value.get("related_object") or {}).get("id") == wanted)


def _when(call: RequestContext, wanted: Any) -> Test:
    bounds = [(list_filters.COMPARE[word], str(limit)[:19]) for word, limit in wanted.items()]
    return lambda value: all(compare(str(value["created"])[:19], limit) for compare, limit in bounds)


_FILTERS: dict[str, Filter] = {"created": _when, "object_id": _about, "types": _of_types}
BEHAVIOURS = {"v2.core.events.list": list_events, "v2.core.events.retrieve": retrieve_event}
FILTERS = {"v2.core.events.list": _FILTERS}
MAKES = {KIND}
