"""Lua values <-> plain Python values, through MessagePack bytes. The whole table is docs/values.md.

From Lua: nil and ``json.null`` → ``None``, booleans, integral numbers → ``int``, others → ``float``, strings
→ ``str`` (``bytes`` where they are not UTF-8), lists → ``list``, other tables → ``dict``, opaque secrets →
:class:`SecretText`. To Lua: the reverse; an ``int`` beyond 2^53 goes as a string of digits, and what has a
usual plain form (dates, decimals, enums, models …) in that form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from host.decoding import LEAST_VALUES, check_msgpack, most_values, too_many, unpaused
from host.errors import FunctionError, InvalidCall, LimitError

EXACT = 2**53
MAX_DEPTH = 128
LITTLE = 4096  # bytes too few to decode to anything large
LONGEST_NUMBER = 64  # characters of a float's digits
MOST_GIVEN = 2_000_000  # values from the host in one piece: they are in memory already, and encoded quickly
MOST_STEPS = 12  # of a path in a message


class SecretText(msgspec.Struct, frozen=True):
    """Text around secrets that only the host resolves: odd parts are text, even ones names of secrets."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(part if i % 2 == 0 else "[secret]" for i, part in enumerate(self.parts))


def _extension(code: int, data: memoryview) -> Any:
    if code == 1 and len(data) <= LONGEST_NUMBER:
        return float(bytes(data))
    if code == 2:
        if len(data) > LITTLE:
            check_msgpack(data, LEAST_VALUES)
        return SecretText(tuple(msgspec.msgpack.decode(data, type=list[str])))
    raise InvalidCall(f"a value of an unknown form ({code}) came from the script")


_decode = msgspec.msgpack.Decoder(ext_hook=_extension).decode
_encode = msgspec.msgpack.Encoder().encode


def from_lua(data: bytes, memory: int | None = None) -> Any:
    """Plain values from the bytes the Lua side made, of a run with that much ``memory`` (``None``: the host's own).

    Raises ``InvalidCall`` for bytes it would not make, ``LimitError`` for more values than such a run may have.
    """
    try:
        if len(data) < LITTLE:
            return _decode(data)
        check_msgpack(data, MOST_GIVEN if memory is None else most_values(memory))
        return unpaused(_decode, data)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InvalidCall("a value from the script could not be read") from error


def to_lua(value: Any) -> bytes:
    """Bytes for the Lua side of any value that has a plain form (docs/values.md).

    Raises ``InvalidCall`` naming the place and the type of what cannot cross.
    """
    try:
        return _encode(plain(value))
    except UnicodeEncodeError:
        raise InvalidCall("a text with lone surrogates, which is no Unicode, cannot cross to Lua") from None


def result_to_lua(name: str, value: Any) -> bytes:
    """``to_lua`` for what a registered function gave. Raises ``FunctionError`` that names it."""
    try:
        return to_lua(value)
    except InvalidCall as error:
        raise FunctionError(f"{name}: its result cannot cross to Lua: {error.message}") from None
    except LimitError as error:
        raise LimitError(f"{name}: its result: {error.message}", hint=error.hint) from None


def encode_plain(value: Any) -> bytes:
    """``to_lua`` for a value known to be plain: it is not walked."""
    return _encode(value)


def plain(value: Any) -> Any:
    """``value`` as None, bool, int within 2^53, float, str, bytes, list and dict.

    Raises ``InvalidCall`` naming the place and the type of what cannot cross, ``LimitError`` for too many values.
    """
    try:
        return _plain(value, 0, [MOST_GIVEN])
    except _CannotCross as error:
        raise InvalidCall(error.message()) from None


class _CannotCross(Exception):
    """``path`` leads to the value that cannot cross, outermost step first."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path: list[str] = []

    def message(self) -> str:
        steps = self.path if len(self.path) <= MOST_STEPS else [*self.path[:MOST_STEPS], "…"]
        return f"{''.join(steps).removeprefix('.') or 'the value'} {self.what}"


_AS_IS = frozenset({type(None), str, bool, float, bytes})


def _plain(value: Any, depth: int, left: list[int]) -> Any:
    kind = type(value)
    if kind in _AS_IS:
        return value
    if kind is int:
        return value if -EXACT <= value <= EXACT else str(value)
    if depth >= MAX_DEPTH:
        raise _CannotCross(f"is nested more than {MAX_DEPTH} deep (or contains itself)")
    if kind is dict:
        return _map(value, depth, left)
    if kind is list or kind is tuple:
        return _list(value, depth, left)
    return _plain(_simpler(value), depth + 1, left)


def _map(value: dict[Any, Any], depth: int, left: list[int]) -> dict[Any, Any]:
    _count(2 * len(value), left)
    out: dict[Any, Any] = {}
    for key, item in value.items():
        name = key if type(key) is str else _key(key)
        if type(item) in _AS_IS:
            out[name] = item
            continue
        try:
            out[name] = _plain(item, depth + 1, left)
        except _CannotCross as error:
            error.path.insert(0, f".{name}")
            raise
    return out


def _list(value: Any, depth: int, left: list[int]) -> list[Any]:
    _count(len(value), left)
    out: list[Any] = []
    try:
        for item in value:
            out.append(item if type(item) in _AS_IS else _plain(item, depth + 1, left))
    except _CannotCross as error:
        error.path.insert(0, f"[{len(out) + 1}]")
        raise
    return out


def _count(values: int, left: list[int]) -> None:
    left[0] -= values
    if left[0] < 0:
        raise too_many(MOST_GIVEN, "a value")


def _key(key: Any) -> str | int | float:
    name = key if type(key) in (int, float, bool) else _simpler(key, key=True)
    if type(name) is int:
        return name if -EXACT <= name <= EXACT else str(name)
    if type(name) is str or (type(name) is float and name == name):
        return name
    raise _CannotCross(f"has a key that is {_a(key)}, which Lua cannot take")


def _simpler(value: Any, *, key: bool = False) -> Any:
    """A value converted one step towards a plain one. Models and dataclasses become dicts of their fields."""
    kind = type(value)
    if hasattr(kind, "model_dump") and hasattr(kind, "__pydantic_fields__"):
        return value.model_dump(by_alias=True)
    if isinstance(value, msgspec.Struct):
        config = kind.__struct_config__
        fields = zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True)
        tag = {config.tag_field: config.tag} if config.tag_field else {}
        return tag | {name: getattr(value, field) for name, field in fields if _is_set(value, field)}
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in kind.__dataclass_fields__ if hasattr(value, name)}
    for base in kind.__mro__:
        form = _FORMS.get((base.__module__, base.__qualname__))
        if form is not None:
            return form(value)
    if isinstance(value, Mapping):
        return dict(value)
    if key:
        return value
    raise _CannotCross(f"is {_a(value)}, which cannot cross to Lua")


def _is_set(value: Any, field: str) -> bool:
    return getattr(value, field) is not msgspec.UNSET


def _a(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _sorted(value: Any) -> list[Any]:
    """A set as a list, in an order that is the same every time where its items can be compared."""
    try:
        return sorted(value)
    except TypeError:
        return list(value)


# Named, not imported: a script that meets no date must not wait for the module. Subclasses count too.
_FORMS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("datetime", "datetime"): lambda value: value.isoformat().replace("+00:00", "Z"),
    ("datetime", "date"): lambda value: value.isoformat(),
    ("datetime", "time"): lambda value: value.isoformat(),
    ("datetime", "timedelta"): lambda value: value.total_seconds(),
    ("decimal", "Decimal"): str,
    ("uuid", "UUID"): str,
    ("enum", "Enum"): lambda value: value.value,
    ("builtins", "str"): str.__str__,
    ("builtins", "int"): int.__int__,
    ("builtins", "float"): float.__float__,
    ("builtins", "bytes"): lambda value: bytes(memoryview(value)),
    ("builtins", "bytearray"): bytes,
    ("builtins", "memoryview"): bytes,
    ("builtins", "list"): tuple,
    ("builtins", "tuple"): list,
    ("builtins", "set"): _sorted,
    ("builtins", "frozenset"): _sorted,
    ("builtins", "dict"): dict,
}
