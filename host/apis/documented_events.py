"""Finds the webhooks in documents that an event may be, and checks its body against them.

Documents name their webhooks in different ways: by the event's type (``endpoint.created``), by a variant of it
(``batch_completed`` for ``batch.completed``, ``/AUTHORISATION``), or by type and action (``issues-opened`` for the type
``issues``). If no name matches, webhooks match whose body lists the event's type at the place where the event has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from host.apis.catalog import Catalog, Schema
from host.apis.conformance import check_conforms, constants_agree
from host.apis.validation_error import ValidationError

__all__ = ["DocumentedEvent", "documented"]

MOST_STEPS = 5  # the greatest depth of an event's type in its body


class DocumentedEvent(NamedTuple):
    """The result for one event. ``names`` are those of the webhooks it may be, ``known`` all names in the documents.

    ``fault`` says how its body differs from the documents. If ``names`` is empty, the documents do not have its type.
    """

    names: tuple[str, ...]
    known: tuple[str, ...]
    fault: str

    def knows(self, name: str) -> bool:
        """Whether a webhook's name begins with the words of ``name``: ``issues`` of ``issues-opened``."""
        return any(_is_named(id, name) for id in self.known)


class _Candidate(NamedTuple):
    catalog: Catalog
    id: str
    body: Schema | None


def documented(catalogs: Iterable[Catalog], type: str, event: dict[str, Any]) -> DocumentedEvent | None:
    """Look up an event in the documents. Returns ``None`` if none of them has webhooks."""
    with_webhooks = [catalog for catalog in catalogs if catalog.webhook_ids()]
    if not with_webhooks:
        return None
    all_known, named, listed = dict.fromkeys([type]), list[_Candidate](), list[_Candidate]()
    for catalog in with_webhooks:
        for id in catalog.webhook_ids():
            all_known[id] = None
            webhook = catalog.webhook(id)
            body = webhook.body if webhook is not None else None
            types = [] if body is None else list(_types(catalog, body, event, type))
            all_known.update(dict.fromkeys(types))
            if _is_named(id, type):
                named.append(_Candidate(catalog, id, body))
            elif type in types:
                listed.append(_Candidate(catalog, id, body))
    exact = [each for each in named if _plain(each.id) == _plain(type)]
    candidates = exact or named or listed
    faults = [(each, _fault(each, type, event)) for each in candidates]
    fitting = tuple(each.id for each, fault in faults if fault is None)
    wrong = [(each, fault) for each, fault in faults if fault is not None]
    if fitting or not wrong:
        return DocumentedEvent(fitting, tuple(all_known), "")
    return DocumentedEvent(tuple(each.id for each in candidates), tuple(all_known), _message(wrong, event))


def _is_named(id: str, type: str) -> bool:
    """Whether a webhook's name has, or begins with, the words of ``type``. Of a callback the last part counts."""
    words = _plain(type)
    for name in (_plain(id), _plain(id.rpartition(".")[2])):
        if words and (name == words or name.startswith(f"{words}_")):
            return True
    return False


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")


def _fault(candidate: _Candidate, type: str, event: dict[str, Any]) -> ValidationError | None:
    if candidate.body is None:
        return None
    try:
        check_conforms(candidate.catalog, candidate.body, _as_sent(candidate, type, event))
    except ValidationError as fault:
        return fault
    return None


def _as_sent(candidate: _Candidate, type: str, event: dict[str, Any]) -> dict[str, Any]:
    """The body without the ``type`` that the host adds to events whose type is elsewhere."""
    assert candidate.body is not None
    shape = candidate.catalog.resolve(candidate.body)
    own = shape.properties.get("type")
    if own is None or type in candidate.catalog.resolve(own).enum:
        return event
    only = candidate.catalog.resolve(own).enum
    return {**event, "type": only[0]} if only else event


def _message(faults: list[tuple[_Candidate, ValidationError]], event: dict[str, Any]) -> str:
    """The fault of the nearest webhook: one whose constants match, then one whose fault is deepest."""

    def nearness(found: tuple[_Candidate, ValidationError]) -> tuple[bool, int]:
        candidate, fault = found
        assert candidate.body is not None
        return constants_agree(candidate.catalog, candidate.body, event), len(fault.path)

    candidate, fault = max(faults, key=nearness)
    return f"this is not a {candidate.id} as documented by {candidate.catalog.name}: {fault.message()}"


def _types(catalog: Catalog, schema: Schema, value: Any, type: str, steps: int = 0) -> Iterator[str]:
    """The values that the schema allows at the place where ``value`` has ``type``."""
    shape = catalog.resolve(schema)
    for each in shape.any_of if steps <= MOST_STEPS else ():
        yield from _types(catalog, each, value, type, steps + 1)
    if value == type and isinstance(value, str):
        yield from (each for each in shape.enum if isinstance(each, str))
    if steps >= MOST_STEPS:
        return
    if isinstance(value, dict):
        for name, each in value.items():
            if (member := shape.properties.get(name)) is not None:
                yield from _types(catalog, member, each, type, steps + 1)
    elif isinstance(value, list) and value and shape.items is not None:
        yield from _types(catalog, shape.items, value[0], type, steps + 1)
