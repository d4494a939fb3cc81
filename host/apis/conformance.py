"""Checks whether a received value conforms to a document, without converting it.

Members that the schema does not name are accepted, since an API may send more than its document describes. Keywords
that the compiler does not read are not checked (``host/apis/keywords.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from host.apis.catalog import Catalog, Schema
from host.apis.scalars import string_checker
from host.apis.validation_error import ValidationError, shown

__all__ = ["check_conforms", "constants_agree"]

MOST_TRIES: Final = 10_000  # alternatives tried for one value, since nested alternatives multiply
MOST_DEPTH: Final = 64  # deeper values are not checked
_NAMES: Final = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
}


def check_conforms(catalog: Catalog, schema: Schema, value: Any) -> None:
    """Raise :class:`ValidationError` with the path of a value that does not conform to the document."""
    _Check(catalog).any(schema, value, 0)


def constants_agree(catalog: Catalog, schema: Schema, value: Any) -> bool:
    """Whether members of ``value`` whose schema allows a single value have it."""
    members = catalog.resolve(schema).properties
    if not isinstance(value, dict) or not members:
        return False
    constants = {name: catalog.resolve(each).enum for name, each in members.items() if name in value}
    return all(value[name] in enum for name, enum in constants.items() if len(enum) == 1)


class _Check:
    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._tries = MOST_TRIES

    def any(self, schema: Schema, value: Any, depth: int) -> None:
        shape = self._catalog.resolve(schema)
        if shape.missing or depth > MOST_DEPTH or (shape.emptyable and value == ""):
            return
        if value is None:
            if shape.nullable or _says_nothing(shape):
                return
            raise ValidationError("", text=f"expected {_kind(shape)}, got null")
        if shape.any_of:
            self._alternatives(shape, value, depth)
            return
        if shape.type and not _is(shape.type, value):
            raise ValidationError("", text=f"expected {_kind(shape)}, got {_kind_of(value)}")
        if shape.enum and shape.closed_enum and not any(_equal(value, each) for each in shape.enum):
            listed = ", ".join(shown(each) for each in shape.enum[:6]) + (", …" if len(shape.enum) > 6 else "")
            raise ValidationError("", text=f"expected {'one of ' * (len(shape.enum) > 1)}{listed}, got {shown(value)}")
        within = _WITHIN.get(shape.type)
        if within is not None:
            within(self, shape, value, depth)

    def _alternatives(self, shape: Schema, value: Any, depth: int) -> None:
        """One alternative must match. The error is that of the likeliest, by its constants and depth."""
        faults: list[tuple[bool, int, ValidationError]] = []
        for each in shape.any_of:
            self._tries -= 1
            if self._tries < 0:
                raise ValidationError("", text="the document has too many ways to read it")
            try:
                self.any(each, value, depth + 1)
            except ValidationError as fault:
                faults.append((constants_agree(self._catalog, each, value), len(fault.path), fault))
            else:
                return
        raise max(faults, key=lambda found: found[:2])[2]

    def object(self, shape: Schema, value: dict[str, Any], depth: int) -> None:
        members = shape.properties
        for name in shape.required:
            member = members.get(name)
            if name not in value and not (member is not None and self._catalog.resolve(member).nullable):
                raise ValidationError("", text="is missing").at(name)
        for name, each in value.items():
            member = members.get(name) or shape.additional
            if member is not None:
                self._within(member, each, name, depth)

    def array(self, shape: Schema, value: list[Any], depth: int) -> None:
        for n, each in enumerate(value) if shape.items is not None else ():
            assert shape.items is not None
            self._within(shape.items, each, n, depth)

    def string(self, shape: Schema, value: str, depth: int) -> None:
        if shape.pattern or shape.min_length is not None or shape.max_length is not None:
            string_checker(self._catalog, shape)(value, True)

    def number(self, shape: Schema, value: float, depth: int) -> None:
        too_small = (shape.minimum is not None and value < shape.minimum) or (
            shape.above is not None and value <= shape.above
        )
        too_large = (shape.maximum is not None and value > shape.maximum) or (
            shape.below is not None and value >= shape.below
        )
        if not isinstance(value, str) and (too_small or too_large):
            raise ValidationError("", text=f"{shown(value)} is too {'small' if too_small else 'large'}")

    def _within(self, schema: Schema, value: Any, step: str | int, depth: int) -> None:
        try:
            self.any(schema, value, depth + 1)
        except ValidationError as fault:
            raise fault.at(step) from None


_WITHIN: Final[dict[str, Callable[[_Check, Schema, Any, int], None]]] = {
    "object": _Check.object,
    "array": _Check.array,
    "string": _Check.string,
    "integer": _Check.number,
    "number": _Check.number,
}


def _is(type: str, value: Any) -> bool:
    if type == "object":
        return isinstance(value, dict) or value == []  # an empty Lua table is both
    if type == "array":
        return isinstance(value, list) or value == {}
    if type == "boolean":
        return isinstance(value, bool)
    if type == "string":
        return isinstance(value, str)
    if isinstance(value, str):  # integers that Lua cannot represent exactly are text
        return len(value) > 15 and value.removeprefix("-").isdecimal()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return type == "number" or isinstance(value, int) or value.is_integer()


def _equal(value: Any, other: Any) -> bool:
    return bool(value == other and isinstance(value, bool) == isinstance(other, bool))  # in Python True is 1


def _says_nothing(shape: Schema) -> bool:
    return not (shape.type or shape.enum or shape.any_of)


def _kind(shape: Schema) -> str:
    return _NAMES.get(shape.type, "a value")


def _kind_of(value: Any) -> str:
    for type in ("boolean", "integer", "number", "string", "array", "object"):
        if _is(type, value) and not (type in ("integer", "number") and isinstance(value, str)):
            return _NAMES[type]
    return "a value"
