"""A run's returned value: converted to the type the embedding program asked for, and serialized for the journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from host.errors import ScriptError
from host.lua.values import encode_plain, from_lua
from host.run.script import RunResult

__all__ = ["Convert", "decoded", "read", "reader", "written"]

Convert = Callable[[Any], Any]
_SEVERAL = b"\xc1"  # begins nothing in MessagePack


def reader(kind: Any) -> Convert | None:
    """A function that converts a value to the type ``kind``; ``None`` if ``kind`` is ``None``.

    Raises ``UsageError`` for something that is not a type, or a type no Lua value can be converted to.
    """
    if kind is None:
        return None
    from host.functions.converters import converter  # for who asks for a type

    return converter(kind, "returns")


def decoded(result: RunResult, convert: Convert | None) -> RunResult:
    """``result`` with its value converted (docs/values.md), or with an error that says where it does not fit."""
    if convert is None or result.error is not None:
        return result
    from host.functions.converters import fault

    try:
        return replace(result, value=convert(result.value))
    except msgspec.ValidationError as error:
        message = f"the script's returned value{fault(error, result.value)}"
        error_of_run = ScriptError(message, script=result.script, kind="invalid")
        return replace(result, value=None, error=error_of_run)


def written(value: Any, rest: tuple[Any, ...]) -> bytes:
    """A run's returned values, which are plain, as they are written down and carried."""
    return _SEVERAL + encode_plain([value, *rest]) if rest else encode_plain(value)


def read(data: bytes) -> tuple[Any, tuple[Any, ...]]:
    """The reverse of :func:`written`: the first value, and the others."""
    if data[:1] != _SEVERAL:
        return from_lua(data), ()
    first, *others = from_lua(data[1:])
    return first, tuple(others)
