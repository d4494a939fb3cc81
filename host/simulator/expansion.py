"""``expand[]``: ids replaced by the objects they name. https://docs.stripe.com/expand"""

from __future__ import annotations

from typing import Any

from host.apis.catalog import Schema
from host.simulator.api_error import Refusal, invalid
from host.simulator.context import Object, World

MAX_DEPTH = 4


def expand(world: World, schema: Schema | None, value: Object, paths: list[str]) -> Object:
    """``value``, of ``schema``, with each dotted path's ids expanded, in place."""
    for path in paths:
        names = str(path).split(".")
        if len(names) > MAX_DEPTH + (names[0] == "data"):
            raise invalid(f"You cannot expand more than {MAX_DEPTH} levels of a property: {path}", "expand")
        _walk(world, schema, value, names, str(path))
    return value


def _walk(world: World, schema: Schema | None, value: Object, names: list[str], path: str) -> None:
    full = world.catalog.resolve(schema) if schema is not None else Schema()
    name, rest = names[0], names[1:]
    inner = full.properties.get(name)
    if inner is None:
        raise _not_expandable(name)
    own = world.catalog.resolve(inner)
    targets = value.get(name)
    many = isinstance(targets, list)
    if many:
        own = world.catalog.resolve(own.items or Schema())
    kinds = [choice.ref for choice in own.any_of if choice.ref]
    if not own.expandable and not rest and name != "data":
        raise _not_expandable(name)
    found = [_object(world, kinds, item) for item in (targets if isinstance(targets, list) else [targets])]
    if targets is not None:
        value[name] = found if many else found[0]
    if not rest:
        return
    for item in found:
        if isinstance(item, dict):
            _walk(world, _schema(world, own, kinds, item), item, rest, path)


def _schema(world: World, own: Schema, kinds: list[str], item: Object) -> Schema:
    kind = item.get("object")
    if kind in kinds:
        return world.catalog.schema(str(kind))
    return own if own.properties or not kinds else world.catalog.schema(kinds[0])


def _object(world: World, kinds: list[str], target: Any) -> Any:
    if not isinstance(target, str):
        return target
    for kind in kinds:
        found = world.store.get(kind, target)
        if found is not None:
            return found
    return target


def _not_expandable(name: str) -> Refusal:
    return invalid(f"This property cannot be expanded ({name}).", "expand")
