"""Whether the ``param`` of an error names a parameter of its operation, and requests with one unusual value each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from host.apis.catalog import Catalog, Operation, Schema
from tests.simulator.catalog_walk import Walk

MOST_DEPTH = 6
NUMBERS = (-1, 0, 10**13)


def is_parameter(catalog: Catalog, op: Operation, name: str) -> bool:
    """Whether ``items[0][price]`` is a parameter of the operation, in its path, query or body, at its full depth."""
    head, *rest = name.replace("]", "").split("[")
    if head in op.path_params or (head == "id" and op.path_params):
        return True
    found = op.params.get(head)
    if found is None:
        whole = op.params.get("body") if op.whole_body else None
        return whole is not None and _has(catalog, whole.schema, [head, *rest])
    return _has(catalog, found.schema, rest)


def _has(catalog: Catalog, schema: Schema, names: list[str]) -> bool:
    full = catalog.resolve(schema)
    if not names or any(_has(catalog, choice, names) for choice in full.any_of):
        return True
    name, *rest = names
    if full.type == "array":
        return name.isdecimal() and (full.items is None or _has(catalog, full.items, rest))
    if name in full.properties:
        return _has(catalog, full.properties[name], rest)
    if full.additional is not None:
        return _has(catalog, full.additional, rest)
    return bool(full.open_map) or (full.type == "object" and not full.properties)


def unusual(walk: Walk, op: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    """For each parameter at any depth, requests that give it a value at the edge of what its schema allows.

    Each is the least that the operation takes, with that value and what its schema requires around it.
    """
    least = walk.least(op)
    for name, param in op.params.items():
        if param.location != "path" and name != "expand":
            for path, value in _edges(walk, param.schema, name, name, 0):
                yield path, {**least, name: _joined(least.get(name), value)}


def _joined(usual: Any, value: Any) -> Any:
    """``value`` beside what an object usually has."""
    if isinstance(usual, dict) and isinstance(value, dict):
        return {**usual, **{name: _joined(usual.get(name), item) for name, item in value.items()}}
    return value


def _edges(walk: Walk, schema: Schema, name: str, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    full = walk.catalog.resolve(schema)
    if full.any_of:
        for choice in full.any_of:
            yield from _edges(walk, choice, name, path, depth)
    elif full.type == "array" and depth < MOST_DEPTH:
        for below, value in _edges(walk, full.items or Schema(type="string"), name, f"{path}[0]", depth + 1):
            yield below, [value]
    elif full.properties and depth < MOST_DEPTH:
        usual = {n: walk.example(full.properties[n], n) for n in full.required if n in full.properties}
        for inner, of in full.properties.items():
            for below, value in _edges(walk, of, inner, f"{path}[{inner}]", depth + 1):
                yield below, {**usual, inner: value}
    else:
        for value in _values(walk, full, name):
            yield path, value


def _values(walk: Walk, full: Schema, name: str) -> list[Any]:
    if full.enum:
        return [word for word in full.enum if word != ""][:6]
    if full.type in ("integer", "number"):
        return [*NUMBERS]
    if full.type == "boolean":
        return [True, False]
    usual = walk.example(full, name)
    return [usual, "-1"] if full.format == "decimal" else [usual, "nope"] if full.type == "string" else [usual]
