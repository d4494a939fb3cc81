"""Every id in an answer can be expanded to the object it names, if the API says that its member can be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from host.apis.catalog import Catalog, Operation, Schema
from host.simulator.stripe.triggers import TRIGGERS
from host.simulator.trigger import steps_of
from host.simulator.triggering import make_event, requester_of
from tests.simulator.conftest import Api

# Members whose object nothing stores: kind and path.
NOT_STORED = {("payout", "destination.account")}  # the platform's own account


def _expandable(catalog: Catalog, schema: Schema | None, value: Any, before: str = "") -> Iterator[str]:
    """The paths of an object's members that may be expanded and hold an id."""
    full = catalog.resolve(schema or Schema())
    for name, member in full.properties.items():
        inner, found = catalog.resolve(member), value.get(name)
        if inner.expandable and isinstance(found, str):
            yield before + name
        elif isinstance(found, dict) and "object" not in found and before.count(".") < 2:
            choice = next((each for each in inner.any_of if each.ref), inner)
            yield from _expandable(catalog, inner if inner.properties else choice, found, f"{before}{name}.")


def _retrieving(catalog: Catalog) -> dict[str, Operation]:
    """By kind, the operation that retrieves an object by nothing but its id."""
    all_ = (catalog.operation(id) for id in catalog.operation_ids() if id.endswith(".retrieve"))
    return {each.result.ref: each for each in all_ if each.result and each.path.count("{") == 1}


def test_what_the_triggers_make_can_be_expanded_wherever_it_has_ids(api: Api) -> None:
    """One level, and a second level within what the first one gave, of up to three objects of each kind."""
    simulator, catalog = api.simulator, api.simulator.catalog
    for event in sorted(TRIGGERS):
        make_event(event, steps_of(event), {}, requester_of(simulator))
    single = _retrieving(catalog)
    met: dict[str, int] = {}
    failed, expanded = set(), 0
    for kind, id in simulator.ledger():
        met[kind] = met.get(kind, 0) + 1
        if kind not in single or met[kind] > 3 or "/" in id:
            continue
        address = re.sub(r"\{\w+\}", id, single[kind].path)
        status, body = api.ask("GET", address)
        for path in _expandable(catalog, single[kind].result, body) if status == 200 else ():
            value = api.ask("GET", f"{address}?expand[]={path}")[1]
            for name in path.split("."):
                value = value.get(name) or {}
            expanded += 1
            if "object" not in value:
                failed.add((kind, path))
                continue
            for second in _expandable(catalog, catalog.schema(value["object"]), value, f"{path}."):
                if second.count(".") < 4 and api.ask("GET", f"{address}?expand[]={second}")[0] != 200:
                    failed.add((kind, second))
    assert expanded > 100
    assert failed == NOT_STORED
