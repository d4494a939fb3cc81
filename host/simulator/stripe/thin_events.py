"""Thin events: what happened to which object, without the object. https://docs.stripe.com/api/v2/core/events

Changes of objects of API v2 make thin events alone. Changes of those of v1 make one beside most snapshot events, of the
same name with ``v1.`` before it
(https://docs.stripe.com/changelog/endive/2026-09-30/thin-events-for-api-v1-resources-generally-available).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from host.simulator import pagination
from host.simulator.context import Filter, Object, RequestContext, Test
from host.simulator.members import iso_time
from host.simulator.stripe.events import retrieve_event, settled

__all__ = ["KIND", "OF_V2", "events_of", "is_thin", "is_wanted", "notification", "tell", "thin_name", "thin_of"]

KIND: Final = "v2.core.event"
# What changes of objects of v2 are called, where the simulator models them.
OF_V2: Final = frozenset(
    {
        *(f"v2.core.account.{end}" for end in ("created", "updated", "closed")),
        *(f"v2.core.account_person.{end}" for end in ("created", "updated", "deleted")),
    }
)
# Events that there are as snapshots alone, by the beginning of their names.
_SNAPSHOTS_ALONE: Final = (
    *("apps.", "customer.source.", "financial_connections.authorization.", "reporting.", "reserve."),
    *("source.mandate_notification", "source.transaction.", "three_d_secure.", "treasury."),
)
# Events without a related object: nothing retrieves it.
_UNRELATED: Final = (
    *("account.application.", "account.external_account.", "billing.alert.", "billing_portal.session."),
    "entitlements.",
)
# Where an object is retrieved, if not at its kind's name in the plural; members of it in braces.
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
# What a thin event says when it is delivered; the rest is fetched.
_TOLD: Final = ("id", "object", "type", "livemode", "created", "context", "reason", "related_object")


def thin_name(name: str) -> str:
    """The thin event beside a snapshot event of that name, or "" where there is none."""
    return "" if name.startswith(_SNAPSHOTS_ALONE) else f"v1.{name}"


def is_thin(name: str) -> bool:
    """Whether a name, or a pattern of names, is of thin events."""
    return name.startswith(("v1.", "v2."))


def is_wanted(name: str, patterns: Sequence[str]) -> bool:
    """Whether a thin event is one of ``patterns``: names, or beginnings with ``*``; ``*`` alone is of snapshots."""
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in patterns if is_thin(each))


def events_of(snapshot: Object, context: str) -> list[tuple[str, Object]]:
    """What is made of one change, announced as a snapshot event: each with the kind it is kept as.

    ``context`` is the connected account whose objects these are, or "".
    """
    type = snapshot["type"]
    if is_thin(type):
        return [(KIND, thin_of(snapshot, type, context))]
    name = thin_name(type)
    return [("event", snapshot), *([(KIND, thin_of(snapshot, name, context, of_v1=True))] if name else [])]


def thin_of(snapshot: Object, type: str, context: str, *, of_v1: bool = False) -> Object:
    """The thin event of that type for what a snapshot event reports."""
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
    """The members that are different, before and after. https://docs.stripe.com/changelog/clover/2025-11-17"""
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
    """What is delivered of a thin event."""
    return {name: thin[name] for name in _TOLD if name in thin}


def tell(call: RequestContext, type: str, about: Object | None, data: Object | None = None) -> Object:
    """Make a thin event of something that is no change of an object, and deliver it."""
    settled(call)
    snapshot: Object = {
        "id": call.world.ids.new("evt_"),
        "created": call.now,
        "data": {"object": about},
        "request": {"id": None},
    }
    event = thin_of(snapshot, type, call.account)
    if data is not None:
        event["data"] = data
    assert call.world.events is not None
    call.world.events.add(KIND, event, call.account)
    return event


def list_events(call: RequestContext) -> Object | bytes:
    """Those of the last 30 days, newest first."""
    settled(call)
    return pagination.page(call)


def _of_types(call: RequestContext, wanted: Any) -> Test:
    return lambda value: is_wanted(value["type"], wanted)


def _about(call: RequestContext, wanted: Any) -> Test:
    return lambda value: bool((value.get("related_object") or {}).get("id") == wanted)


def _when(call: RequestContext, wanted: Any) -> Test:
    bounds = [(pagination.COMPARE[word], str(limit)[:19]) for word, limit in wanted.items()]
    return lambda value: all(compare(str(value["created"])[:19], limit) for compare, limit in bounds)


_FILTERS: dict[str, Filter] = {"created": _when, "object_id": _about, "types": _of_types}
BEHAVIOURS = {"v2.core.events.list": list_events, "v2.core.events.retrieve": retrieve_event}
FILTERS = {"v2.core.events.list": _FILTERS}
MAKES = {KIND}
