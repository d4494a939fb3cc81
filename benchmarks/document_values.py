"""Values that a document allows, as few as a call needs."""

from __future__ import annotations

from typing import Any

from host.apis.catalog import Catalog, Operation, Schema

_TEXTS = {
    "uuid": "0e1c2a3b-4d5e-4f60-8123-456789abcdef",
    "date": "2030-01-02",
    "date-time": "2030-01-02T03:04:05Z",
    "email": "somebody@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "ipv4": "192.0.2.1",
}


def arguments_of(catalog: Catalog, operation: Operation) -> dict[str, Any]:
    """The required parameters of a call."""
    return {name: value_of(catalog, param.schema) for name, param in operation.params.items() if param.required}


def value_of(catalog: Catalog, schema: Schema, depth: int = 0) -> Any:
    """A value of the schema; of objects the members a request needs."""
    shape = catalog.resolve(schema)
    known = next((each for each in (*shape.enum, shape.default, shape.example) if each is not None), None)
    if known is not None and not isinstance(known, dict | list):
        return known
    if shape.any_of:
        return value_of(catalog, shape.any_of[0], depth + 1)
    if shape.type == "object" or shape.properties:
        needed = [name for name in catalog.needed(shape) if name in shape.properties] if depth < 12 else []
        return {name: value_of(catalog, shape.properties[name], depth + 1) for name in needed}
    if shape.type == "array":
        return [value_of(catalog, shape.items or Schema(), depth + 1)]
    if shape.type in ("integer", "number"):
        return _number(shape)
    if shape.type == "boolean":
        return True
    return _text(shape)


def _number(shape: Schema) -> int:
    least, most = shape.minimum, shape.maximum
    if least is not None and least > 1:
        return int(-(-least // 1))
    return 1 if most is None or most >= 1 else int(most // 1)


def _text(shape: Schema) -> str:
    text = _TEXTS.get(shape.format, "x")
    least = shape.min_length or 0
    text = text if len(text) >= least else text + "x" * (least - len(text))
    return text if shape.max_length is None else text[: max(shape.max_length, least)]
