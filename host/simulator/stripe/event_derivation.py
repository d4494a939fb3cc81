"""From the changes of one request to the events that Stripe makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from host.simulator.change import Change, Derived
from host.simulator.stripe.event_names import happened_to, names_of, updated_of

__all__ = ["derive", "previous_attributes"]

_decode = msgspec.json.Decoder().decode
Object = dict[str, Any]
_AFTER = 1 << 30  # more than a request has changes
_ABOUT_ACCOUNTS = ("account.updated", "account.external_account.", "capability.", "person.")


class _Steps(NamedTuple):
    """What an object went through within a request: for each of its statuses where that began and where it was last,
    its last state in it, and whether it was deleted.
    """

    kind: str
    before: Object | None
    after: list[tuple[int, int, Object, bool]]


def derive(changes: Sequence[Change], known: frozenset[str]) -> list[Derived]:
    """The events of one request, in the order of its changes.

    An object that was kept several times with one status counts once, as it was at last: what a request did in
    between is nothing that anybody saw. What is announced of it shows it as it was at last, too.
    """
    found: list[tuple[int, Derived]] = []
    last = {(change.kind, change.id): change.after for change in changes}
    for place, change in enumerate(changes):
        if change.announced in known:
            found.append(
                (place + _late(change.announced), Derived(change.announced, _decode(last[change.kind, change.id])))
            )
    for steps in _steps(changes):
        if steps.before is not None or not steps.after[-1][3]:  # what came and went within the request nobody saw
            found.extend((place + _late(event.type), event) for place, event in _events(steps, known))
    ordered = [event for _, event in sorted(found, key=lambda each: each[0])]
    return [_of_account(event) for event in _switched(ordered)]


def _switched(events: list[Derived]) -> list[Derived]:
    """A customer whose discount is taken away for another one is switched to that, which is one event.
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
    """What a payment leads to is announced after the payment itself, though it is saved while that is being made."""
    return _AFTER if type.startswith(("charge.dispute.", "balance.")) else 0


def _of_account(event: Derived) -> Derived:
    """An event about a connected account says which: its platform keeps it, the account is what changed."""
    if event.type.startswith("account.application."):  # an application has no account of its own
        told = {name: value for name, value in event.object.items() if name != "account"}
        return event._replace(object=told, account=str(event.object["account"]))
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
        shown = old if deleted and old is not None else new  # a deleted object is shown as it was
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
    """What is different, as it was before: of objects within only the members that are, lists as a whole."""
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
