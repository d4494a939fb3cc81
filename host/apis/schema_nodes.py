"""Properties of a single schema node of a document, read without resolving references."""

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
    """The catalog's name for the schema with this canonical reference: a component's name, else the reference."""
    name = canonical.removeprefix(SHARED)
    return name if name == canonical or "/" in name else name.replace("~1", "/").replace("~0", "~")


def page_of(schema: Schema) -> str:
    """The shared schema of the items if ``schema`` has the shape of a Stripe list page, or ""."""
    data, kind = schema.properties.get("data"), schema.properties.get("object")
    if data is None or data.items is None or kind is None:
        return ""
    return data.items.ref if set(kind.enum) & {"list", "search_result"} else ""


def implied_type(node: dict[str, Any]) -> str:
    """The type implied by the keywords of a schema without ``type``, or ""."""
    if not node.keys().isdisjoint(_OF_OBJECTS):
        return "object"
    if "items" in node:
        return "array"
    values = node.get("enum") or ([node["const"]] if "const" in node else [])
    if values and all(isinstance(value, str) or value is None for value in values):
        return "string"
    return ""


def format_of(node: dict[str, Any]) -> str:
    """The format of a schema node, or ""; ``binary`` for a file."""
    if node.get("contentMediaType") and not node.get("contentEncoding"):  # how OpenAPI 3.1 describes a file
        return "binary"
    found = node.get("format")
    return found if isinstance(found, str) else ""


def bounds_of(type: str, node: dict[str, Any]) -> dict[str, Any]:
    """The numeric bounds of a node: ``minimum``, ``maximum``, and the exclusive ``above`` and ``below``, or None.

    An integer's exclusive bounds are converted to inclusive ones.
    """
    least, above = _bound(node, "minimum", "exclusiveMinimum")
    most, below = _bound(node, "maximum", "exclusiveMaximum")
    found = {"minimum": least, "maximum": most, "above": above, "below": below}
    return whole_bounds(found) if type == "integer" else _storable_bounds(found)


def whole_bounds(bounds: dict[str, Any]) -> dict[str, Any]:
    """The bounds of an integer with exclusive ones converted to inclusive ones."""
    above, below = bounds["above"], bounds["below"]
    least = [each for each in (bounds["minimum"], None if above is None else math.floor(above) + 1) if each is not None]
    most = [each for each in (bounds["maximum"], None if below is None else math.ceil(below) - 1) if each is not None]
    found = {"minimum": max(least, default=None), "maximum": min(most, default=None), "above": None, "below": None}
    return _storable_bounds(found)


def _storable_bounds(bounds: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value is None else _storable_number(value) for name, value in bounds.items()}


def _bound(node: dict[str, Any], key: str, exclusive: str) -> tuple[float | None, float | None]:
    """The (inclusive, exclusive) bound: a number each in OpenAPI 3.1; in 3.0, ``true`` makes the first exclusive."""
    value, limit = node.get(key), node.get(exclusive)
    if isinstance(limit, bool):
        value, limit = (None, value) if limit else (value, None)
    return _number(value), _number(limit)


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return value if good and not (isinstance(value, float) and not math.isfinite(value)) else None


def _storable_number(value: float) -> float:
    """``value`` as a float if it exceeds 64 bits, such as the rounded -9223372036854776000."""
    return value if isinstance(value, float) or -(2**63) <= value < 2**64 else float(value)


def storable(value: Any) -> Any:
    """``value`` in a form MessagePack can store: integers beyond 64 bits as floats, mapping keys as strings."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _storable_number(value)
    if isinstance(value, dict):
        return {str(key): storable(item) for key, item in value.items()}
    return [storable(item) for item in value] if isinstance(value, list) else value


def escaped(name: str) -> str:
    """``name`` as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")
