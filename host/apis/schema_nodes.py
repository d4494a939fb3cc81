"""What one schema of a document says by itself, without what it refers to."""

from __future__ import annotations

import math
from typing import Any

from host.apis.catalog import Schema

__all__ = [
    "SHARED",
    "bounds_of",
    "escaped",
    "format_of",
    "implied_type",
    "page_of",
    "shared_name",
    "storable",
    "whole_bounds",
]

SHARED = "#/components/schemas/"
_OF_OBJECTS = ("properties", "additionalProperties", "patternProperties", "unevaluatedProperties")


def shared_name(canonical: str) -> str:
    """What a catalog calls the schema a canonical reference leads to: a component by its name."""
    name = canonical.removeprefix(SHARED)
    return name if name == canonical or "/" in name else name.replace("~1", "/").replace("~0", "~")


def page_of(schema: Schema) -> str:
    """The object a page of Stripe's form lists, by its shape."""
    data, kind = schema.properties.get("data"), schema.properties.get("object")
    if data is None or data.items is None or kind is None:
        return ""
    return data.items.ref if set(kind.enum) & {"list", "search_result"} else ""


def implied_type(node: dict[str, Any]) -> str:
    """The type a schema without one means."""
    if not node.keys().isdisjoint(_OF_OBJECTS):
        return "object"
    if "items" in node:
        return "array"
    values = node.get("enum") or ([node["const"]] if "const" in node else [])
    if values and all(isinstance(value, str) or value is None for value in values):
        return "string"
    return ""


def format_of(node: dict[str, Any]) -> str:
    if node.get("contentMediaType") and not node.get("contentEncoding"):  # 3.1's word for a file
        return "binary"
    found = node.get("format")
    return found if isinstance(found, str) else ""


def bounds_of(type: str, node: dict[str, Any]) -> dict[str, Any]:
    """Bounds of a number. An integer's exclusive ones are those of the next integer."""
    least, above = _bound(node, "minimum", "exclusiveMinimum")
    most, below = _bound(node, "maximum", "exclusiveMaximum")
    found = {"minimum": least, "maximum": most, "above": above, "below": below}
    return whole_bounds(found) if type == "integer" else _storable_bounds(found)


def whole_bounds(bounds: dict[str, Any]) -> dict[str, Any]:
    """The bounds of an integer, without exclusive ones."""
    above, below = bounds["above"], bounds["below"]
    least = [each for each in (bounds["minimum"], None if above is None else math.floor(above) + 1) if each is not None]
    most = [each for each in (bounds["maximum"], None if below is None else math.ceil(below) - 1) if each is not None]
    found = {"minimum": max(least, default=None), "maximum": min(most, default=None), "above": None, "below": None}
    return _storable_bounds(found)


def _storable_bounds(bounds: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value is None else _storable_number(value) for name, value in bounds.items()}


def _bound(node: dict[str, Any], key: str, exclusive: str) -> tuple[float | None, float | None]:
    """An inclusive and an exclusive bound: 3.1 has a number for each, in 3.0 ``true`` makes the first exclusive."""
    value, limit = node.get(key), node.get(exclusive)
    if isinstance(limit, bool):
        value, limit = (None, value) if limit else (value, None)
    return _number(value), _number(limit)


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return value if good and not (isinstance(value, float) and not math.isfinite(value)) else None


def _storable_number(value: float) -> float:
    """Bounds beyond 64 bits (-9223372036854776000) as the float they were meant to be."""
    return value if isinstance(value, float) or -(2**63) <= value < 2**64 else float(value)


def storable(value: Any) -> Any:
    """A value as MessagePack can hold it: integers of any size, dates a YAML reader made."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _storable_number(value)
    if isinstance(value, dict):
        return {str(key): storable(item) for key, item in value.items()}
    return [storable(item) for item in value] if isinstance(value, list) else value


def escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
