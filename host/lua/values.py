"""Lua values <-> plain Python values, through MessagePack bytes.

From Lua: nil and ``json.null`` → ``None``, booleans, integral numbers → ``int``, others → ``float``, strings →
``str`` (``bytes`` where they are not UTF-8), lists → ``list``, other tables → ``dict``, opaque secrets →
:class:`SecretText`. To Lua: the reverse; an ``int`` beyond 2^53 goes as a string of digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from host.errors import InvalidCall

EXACT = 2**53
MAX_DEPTH = 128


@dataclass(frozen=True, slots=True)
class SecretText:
    """Text around secrets that only the host resolves: odd parts are text, even ones names of secrets."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(part if i % 2 == 0 else "[secret]" for i, part in enumerate(self.parts))


def _extension(code: int, data: memoryview) -> Any:
    if code == 1:
        return float(bytes(data))
    if code == 2:
        return SecretText(tuple(msgspec.msgpack.decode(data, type=list[str])))
    raise InvalidCall(f"a value of an unknown form ({code}) came from the script")


_decode = msgspec.msgpack.Decoder(ext_hook=_extension).decode
_encode = msgspec.msgpack.Encoder().encode


def from_lua(data: bytes) -> Any:
    """Plain values from the bytes the Lua side made. Raises ``InvalidCall`` for bytes it would not make."""
    try:
        return _decode(data)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InvalidCall("a value from the script could not be read") from error


def to_lua(value: Any) -> bytes:
    """Bytes for the Lua side. ``value`` holds None, bool, int, float, str, bytes, list, tuple, dict.

    Raises ``InvalidCall`` naming the place and the type of what cannot cross.
    """
    return _encode(plain(value))


def encode_plain(value: Any) -> bytes:
    """``to_lua`` for what is known to be plain already: no walk."""
    return _encode(value)


def plain(value: Any, path: str = "", depth: int = 0) -> Any:
    """``value`` with what Lua numbers cannot hold as strings; refuses what cannot cross."""
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is float or kind is bytes:
        return value
    if kind is int:
        return value if -EXACT <= value <= EXACT else str(value)
    if depth >= MAX_DEPTH:
        raise InvalidCall(f"{path or 'the value'} is nested more than {MAX_DEPTH} deep (or contains itself)")
    if isinstance(value, dict):
        out = {}
        for key, item in value.items():
            if not isinstance(key, str | int | float) or isinstance(key, bool):
                raise InvalidCall(f"{path or 'the value'} has a key of type {type(key).__name__}, which Lua cannot take")
            name = f"{path}.{key}" if path else str(key)
            out[key] = plain(item, name, depth + 1)
        return out
    if isinstance(value, list | tuple):
        return [plain(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value, 1)]
    if isinstance(value, str | bool | float | bytes):  # subclasses, such as a StrEnum
        return kind.__mro__[-2](value) if kind.__mro__[-2] in (str, float, bytes) else value
    if isinstance(value, int):
        return plain(int(value), path, depth)
    raise InvalidCall(f"{path or 'the value'} is a {kind.__name__}, which cannot cross to Lua")
