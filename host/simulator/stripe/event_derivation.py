"""Derives the events of one request from its changes, as Stripe does. https://docs.stripe.com/api/events/types"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from host.simulator.change import Change, Derived
from host.simulator.stripe.event_names import happened_to, names_of, updated_of

__all__ = ["derive", "previous_attributes"]

_decode = msgspec.json.Decoder().decode
Object = dict[str, Any]
_AFTER = 1 << 30  # greater than the number of changes of any request
_ABOUT_ACCOUNTS = ("account.updated", "account.external_account.", "capability.", "person.")


class _Steps(NamedTuple):
    """The states of an object within one request.

    ``before`` is its state before the request. ``after`` has an entry for each status: the indices of the first and the
    last change with it, the object at the last one, and whether it was deleted.
    """

    kind: str
    before: Object | None
    after: list[tuple[int, int, Object, bool]]


def derive(changes: Sequence[Change], known: frozenset[str]) -> list[Derived]:
    """The events of one request, in the order of its changes; ``known`` are the types that exist.

    Several changes of an object with the same status count as one, since only the last state can be seen from outside.
    Announced events show the last state, too.
    """
    found: list[tuple[int, Derived]] = []
    last = {(change.kind, change.id): change.after for change in changes}
    for place, change in enumerate(changes):
        if change.announced in known:
            found.append(
                (place + _late(change.announced), Derived(change.announced, _decode(last[change.kind, change.id])))
            )
    for steps in _steps(changes):
        if steps.before is not None or not steps.after[-1][3]:  # not created and deleted within the request
            found.extend((place + _late(event.type), event) for place, event in _events(steps, known))
    ordered = [event for _, event in sorted(found, key=lambda each: each[0])]
    return [_of_account(event) for event in _switched(ordered)]


def _switched(events: list[Derived]) -> list[Derived]:
    """The events, with the deletion and creation of a customer's discount in one request made one ``updated`` event.

    https://docs.stripe.com/api/events/types#event_types-customer.discount.updated
    """
    gone = {event.object["customer"]: event.object for event in events if event.type == "customer.discount.deleted"}
    if not gone:
        return events
    found = []
    for event in events:
        owner = event.object.get("customer") if event.type.startswith("customer.discount.") else None
        is_own = owner in gone and not event.object["subscription"]
        if is_own and event.type.endswith("created"):
            before = {**gone[owner]}
            before.pop("deleted", None)
            event = Derived("customer.discount.updated", event.object, previous_attributes(before, event.object))
        found.append(event)
    switched = {event.object["customer"] for event in found if event.type == "customer.discount.updated"}
    return [
        event
        for event in found
        if event.type != "customer.discount.deleted" or event.object["customer"] not in switched
    ]


def _late(type: str) -> int:
    """How far an event is moved back: consequences of a payment come after it, though they are saved before it ends."""
    return _AFTER if type.startswith(("charge.dispute.", "balance.")) else 0


def _of_account(event: Derived) -> Derived:
    """The event with its ``account``, if it is about a connected account, which the platform stores."""
    if event.type.startswith("account.application."):  # the application's own JSON has no account
        application = {name: value for name, value in event.object.items() if name != "account"}
        return event._replace(object=application, account=str(event.object["account"]))
    if not event.type.startswith(_ABOUT_ACCOUNTS):
        return event
    return event._replace(account=str(event.object.get("account") or event.object["id"]))


def _steps(changes: Sequence[Change]) -> Iterator[_Steps]:
    by_object: dict[tuple[str, str], _Steps] = {}
    for place, change in enumerate(changes):
        if change.announced:
            continue
        key = (change.kind, change.id)
        steps = by_object.get(key)
        if steps is None:
            before = None if change.before is None else _decode(change.before)
            steps = by_object[key] = _Steps(change.kind, before, [])
        new = _decode(change.after)
        began = place
        if steps.after:
            _, _, last, deleted = steps.after[-1]
            if last.get("status") == new.get("status") and deleted == change.deleted:
                began = steps.after.pop()[0]
        steps.after.append((began, place, new, change.deleted))
    yield from by_object.values()


def _events(steps: _Steps, known: frozenset[str]) -> Iterator[tuple[int, Derived]]:
    kind, old, first = steps.kind, steps.before, steps.before
    for began, place, new, deleted in steps.after:
        shown = old if deleted and old is not None else new  # a deleted object is shown as it was before
        for name in names_of(kind, old, new, deleted=deleted, known=known):
            yield began, Derived(name, shown)
        for name in happened_to(kind, old, new, known) if not deleted else ():
            yield place, Derived(name, shown)
        old = new
    _, place, new, deleted = steps.after[-1]
    if first is None or deleted:
        return
    changed = previous_attributes(first, new)
    changed.pop("updated", None)
    if changed:
        for name in updated_of(kind, new, changed, known):
            yield place, Derived(name, new, changed)


def previous_attributes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Object:
    """The members that differ, with their old values; of nested objects only those that differ, of lists the whole."""
    found: Object = {}
    for name in (*old, *(name for name in new if name not in old)):
        before, after = old.get(name), new.get(name)
        if before == after and type(before) is type(after):
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            found[name] = previous_attributes(before, after)
        else:
            found[name] = before
    return found
