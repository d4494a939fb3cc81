"""Filters of lists: the values they can have, and the tests they make of each object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from host.apis.catalog import Schema
from host.simulator.api_error import invalid, missing
from host.simulator.checks import one_of
from host.simulator.context import RequestContext, Test
from host.simulator.not_simulated import names
from host.simulator.references import noun
from host.simulator.resources import owner_field

PAGING = frozenset({"limit", "starting_after", "ending_before", "expand", "page", "query"})
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


# By the kind of object: the filter with which the test does not apply, and the test.
_DEFAULTS: Mapping[str, tuple[str | None, Test]] = {
    # https://docs.stripe.com/api/subscriptions/list
    "subscription": ("status", lambda value: value.get("status") != "canceled"),
    # https://docs.stripe.com/api/billing/alert/archive
    "billing.alert": (None, lambda value: value.get("status") != "archived"),
    # https://docs.stripe.com/api/v2/core/accounts/list
    "v2.core.account": ("closed", lambda value: not value.get("closed")),
}


def check_values(call: RequestContext, words: Mapping[str, Sequence[str]], exists: Callable[[str], bool]) -> None:
    """Refuse a value that a filter cannot have: a word that its member never has, or the id of no object.

    ``words`` are, by filter, those that Stripe's documentation names where the API's document has a plain string.
    ``exists(kind)`` says whether there can be objects of a kind. Parameters whose own schema has an enum, or whose name
    is that of a kind, are checked with all others (:class:`Checker`, :class:`References`).
    """
    properties = properties_of(call)
    for name, value in call.params.items():
        if name in PAGING or name in call.filters or not isinstance(value, str):
            continue
        known = words.get(name) or _words(call, name, properties)
        if known and value not in known:
            raise invalid(f"Invalid {name}: must be one of {one_of(known)}", name)
        kind = "" if known or call.backend.references.kind(name) else _referred(call, properties.get(name))
        if kind and exists(kind):
            _check_exists(call, kind, value, name)


def _words(call: RequestContext, name: str, properties: Mapping[str, Schema]) -> Sequence[str]:
    """The values of the member that a filter compares, if they are few and the parameter's schema has none."""
    resolve = call.backend.catalog.resolve
    if name not in properties or resolve(call.plan.operation.params[name].schema).enum:
        return ()
    return resolve(properties[name]).enum


def _referred(call: RequestContext, member: Schema | None) -> str:
    """The kind of object that a member is, or whose id it has; "" if it can be of several."""
    if member is None:
        return ""
    catalog = call.backend.catalog
    kinds = {choice.ref for choice in (member, *catalog.resolve(member).any_of) if choice.ref}
    named = [kind for kind in kinds if not kind.startswith("deleted_")]
    return named[0] if len(named) == 1 and not catalog.schema(named[0]).any_of else ""


def _check_exists(call: RequestContext, kind: str, id: str, name: str) -> None:
    """Refuse the id of an object that never existed; what belonged to a deleted one can still be listed."""
    home = call.within("") if kind == "account" else call
    if home.backend.store.record(kind, id) is None:
        raise missing(name if kind == "account" else noun(kind), id, name, 400)


def tests_of(call: RequestContext) -> list[Test]:
    """Tests of the objects of a list: the owners in the path, and the filters in the query."""
    return owner_tests(call, properties_of(call)) + _filters(call)


def owner_tests(call: RequestContext, properties: dict[str, Schema]) -> list[Test]:
    """Tests that an object's owners are those in the path, for objects that have a member for their owner."""
    found = ((owner_field(parent, properties), parent.param) for parent in call.plan.parents)
    return [equals(own, call.path_args[param]) for own, param in found if own]


def properties_of(call: RequestContext) -> dict[str, Schema]:
    """The members of the listed objects."""
    return call.backend.factory.template(call.plan.kind, call.plan.shape).schema.properties


def _filters(call: RequestContext) -> list[Test]:
    """Tests of what the query requires of each object."""
    tests: list[Test] = []
    properties = properties_of(call)
    for name, value in call.params.items():
        if name in PAGING:
            continue
        if name in call.filters:
            tests.append(call.filters[name](call, value))
        elif isinstance(value, dict) and value and value.keys() <= COMPARE.keys() and name in properties:
            tests.extend(_compared(name, word, limit) for word, limit in value.items())
        elif name in properties:
            tests.append(equals(name, value))
        elif name == "ids" and isinstance(value, list):
            tests.append(among("id", value))
        elif name.removesuffix("s") in properties and isinstance(value, list):
            tests.append(among(name.removesuffix("s"), value))
        elif call.backend.stripe:
            _unknown_filter(call, name, properties)
    return tests + defaults(call)


def _unknown_filter(call: RequestContext, name: str, properties: dict[str, Schema]) -> None:
    known = [n for n in call.plan.operation.params if n in properties or n in call.filters]
    call.not_modelled(f"the filter {name}", f"It filters by {names(known)}." if known else "", name)


def defaults(call: RequestContext) -> list[Test]:
    """Tests that apply unless a filter says otherwise."""
    unless, test = _DEFAULTS.get(call.plan.kind, (None, None))
    return [] if test is None or unless in call.params else [test]


def equals(name: str, wanted: Any) -> Test:
    """A test for objects whose member ``name`` matches ``wanted``; see :func:`matches`."""
    return lambda value: matches(value.get(name), wanted)


def matches(have: Any, wanted: Any) -> bool:
    """Whether a member's value is the wanted one, has it among its items, or has all members of a wanted object."""
    if isinstance(wanted, dict):
        return isinstance(have, dict) and all(matches(have.get(key), item) for key, item in wanted.items())
    if isinstance(have, dict):  # a whole object, where the filter has its id
        return bool(have.get("id") == wanted)
    if isinstance(have, list) and not isinstance(wanted, list):
        return wanted in have
    return bool(have == wanted) or (isinstance(have, int) and not isinstance(have, bool) and str(have) == wanted)


def among(name: str, wanted: list[Any]) -> Test:
    """A test for objects whose member ``name`` is one of ``wanted``."""
    return lambda value: value.get(name) in wanted


def _compared(name: str, word: str, limit: Any) -> Test:
    compare = COMPARE[word]
    return lambda value: isinstance(value.get(name), int | float) and compare(value[name], limit)
