"""Converts a Lua value to the type of an annotation, or says in Lua's terms what is wrong with it."""

from __future__ import annotations

import datetime
import itertools
import re
import types
import typing
from collections.abc import Callable
from typing import Any

import msgspec

from host.apis.scalars import whole
from host.apis.validation_error import shown
from host.errors import UsageError

__all__ = ["Convert", "converter", "fault"]

Convert = Callable[[Any], Any]

_LIST_OR_MAP = r"Expected `(array|object)`, got `(array|object)`"
_MOST_EMPTY = 6  # empty tables of one argument that are tried as lists and as maps
_WORDS = {
    "str": "a string", "int": "an integer", "float": "a number", "bool": "a boolean", "array": "a list",
    "object": "a table", "null": "nil", "bytes": "a string", "datetime": "a date and time (ISO 8601)",
    "date": "a date (ISO 8601)", "time": "a time (ISO 8601)", "uuid": "a UUID", "decimal": "a decimal number",
    "duration": "seconds",
}  # fmt: skip


def converter(hint: Any, label: str) -> Convert | None:
    """A function that converts a Lua value to the type ``hint``, or ``None`` if any value will do.

    The function raises ``msgspec.ValidationError``. Raises ``UsageError`` for a type that no Lua value converts to.
    """
    if hint is Any or hint is object or isinstance(hint, typing.TypeVar):
        return None
    quick = _quick(hint)
    if quick is not None:
        return quick
    origin = typing.get_origin(hint) or hint
    if origin in (Callable, types.FunctionType):
        raise UsageError(f"{label} is {hint}: Lua functions do not cross to Python")
    try:
        msgspec.msgpack.Decoder(hint, dec_hook=_foreign)
    except (TypeError, NameError) as error:
        raise UsageError(f"{label} cannot be checked: {error}") from None

    def convert(value: Any) -> Any:
        try:
            return _read(value, hint)
        except msgspec.ValidationError as error:
            first = error
        for other in _other_empties(value):
            try:
                return _read(other, hint)
            except msgspec.ValidationError as error:
                if re.match(_LIST_OR_MAP, str(first)):
                    first = error  # more useful than an error about an empty table
        raise first

    return convert


def _read(value: Any, hint: Any) -> Any:
    return msgspec.convert(value, hint, str_keys=True, builtin_types=(bytes,), dec_hook=_foreign)


def _expect(kind: type) -> Convert:
    def check(value: Any) -> Any:
        return value if type(value) is kind else _read(value, kind)

    return check


def _integer(value: Any) -> Any:
    if type(value) is int:
        return value
    # Integers beyond 2^53, which Lua holds as text, and numbers that were read from a file.
    if type(value) is str:
        digits = int(value) if re.fullmatch(r"-?[1-9][0-9]{15,999}", value) else whole(value)
        if digits is not None:
            return digits
    return _read(value, int)


def _bytes(value: Any) -> Any:
    return value.encode() if type(value) is str else _read(value, bytes)


def _seconds(value: Any) -> Any:
    if type(value) in (int, float):
        return datetime.timedelta(seconds=value)
    return _read(value, datetime.timedelta)


def _quick(hint: Any) -> Convert | None:
    """The conversion of a simple type. ``timedelta`` is recognised by name, so as not to import its module."""
    if not isinstance(hint, type):
        return None
    if hint.__module__ == "datetime" and hint.__name__ == "timedelta":
        return _seconds
    return _QUICK.get(hint)


_QUICK: dict[type, Convert] = {
    str: _expect(str),
    bool: _expect(bool),
    float: _expect(float),
    int: _integer,
    bytes: _bytes,
}


def _foreign(kind: Any, value: Any) -> Any:
    """Convert to a type that msgspec does not know: a pydantic model, or a class of which ``value`` is an instance."""
    if hasattr(kind, "model_validate"):
        try:
            return kind.model_validate(value)
        except ValueError as error:
            raise ValueError(_pydantic_reason(error)) from None
    if isinstance(kind, type) and isinstance(value, kind):
        return value
    raise ValueError(f"a {getattr(kind, '__name__', kind)} cannot be made from a Lua value")


def _pydantic_reason(error: ValueError) -> str:
    """The first error in a pydantic ``ValidationError``, on one line."""
    faults: Any = getattr(error, "errors", lambda **_: [])(include_url=False)
    if not faults:
        return str(error).replace("\n", " ")
    where = ".".join(str(step) for step in faults[0]["loc"])
    return f"{where}: {faults[0]['msg']}" if where else str(faults[0]["msg"])


def _other_empties(value: Any) -> typing.Iterator[Any]:
    """``value`` with its empty tables read as lists, in each combination: Lua writes empty lists and maps alike."""
    if isinstance(value, dict | list):
        count = _count_empties(value)
        if 0 < count <= _MOST_EMPTY:
            choices = sorted(itertools.product((True, False), repeat=count), key=sum, reverse=True)
            for choice in choices[:-1]:  # the last is ``value`` itself
                yield _with_lists(value, iter(choice))
        elif count:
            yield _with_lists(value, itertools.repeat(True))


def _count_empties(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_count_empties, value.values())) if value else 1
    return sum(map(_count_empties, value)) if isinstance(value, list) else 0


def _with_lists(value: Any, choice: typing.Iterator[bool]) -> Any:
    if isinstance(value, dict):
        if not value:
            return [] if next(choice) else {}
        return {key: _with_lists(item, choice) for key, item in value.items()}
    return [_with_lists(item, choice) for item in value] if isinstance(value, list) else value


def fault(error: msgspec.ValidationError, value: Any) -> str:
    """The error in Lua's terms: ``.items[1].price: expected a number, got a string``."""
    text, _, place = str(error).partition(" - at ")
    place = place.strip("`").removeprefix("$")
    where = re.sub(r"\[(\d+)\]", lambda found: f"[{int(found[1]) + 1}]", place).replace("[...]", ".…")
    found = re.fullmatch(r"Expected `(.+)`, got `(.+)`", text)
    missing = re.fullmatch(r"Object missing required field `(.+)`", text)
    if found is not None:
        wanted = " or ".join(_WORDS.get(word, word) for word in found[1].split(" | "))
        got = _WORDS.get(found[2], found[2]) if where else shown(value)
        text = f"expected {wanted}, got {got}"
        if found[2] == "str" and {"int", "float"} & set(found[1].split(" | ")):
            text += "; a string is not converted here: use tonumber(…)"
    elif missing is not None:
        text = f"{missing[1]} is missing"
    else:
        text = text[:1].lower() + text[1:]
        text = re.sub(
            r"^expected `(\w+)`", lambda kind: f"expected {_WORDS.get(kind[1], kind[1])}", text
        )  # with bounds
        if not where and isinstance(value, str | int | float):
            text = f"{text}, got {shown(value)}"
    return f"{' ' if where and where[0] not in '[.' else ''}{where}: {text}"
