"""JSON decoded so that nothing is lost: integers that Lua cannot hold come as texts."""

from __future__ import annotations

from typing import Any, NoReturn

import msgspec

from host.apis.validation_error import EXACT
from host.decoding import LARGE, MOST_VALUES, check_json, unpaused
from host.limits import MB

__all__ = ["decode_json"]

# A run of 16 digits, found by turning every digit into a zero: 20 times as fast as a pattern.
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 16


def decode_json(body: bytes, most: int = MOST_VALUES) -> Any:
    """Decoded JSON with integers beyond 2^53 as strings.

    Raises ``ValueError``; ``LimitError`` for more values than ``most``, or too much text.
    """
    if len(body) > LARGE:
        check_json(body, most)
    try:
        return unpaused(_decode if not _has_long_number(body) else _decode_exactly, body)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


_decode = msgspec.json.Decoder().decode


def _decode_exactly(body: bytes) -> Any:
    import json  # for the rare answer with such numbers: msgspec would round or keep them

    return json.loads(body.decode("utf-8"), parse_int=_integer, parse_constant=_no_constant)


def _has_long_number(body: bytes) -> bool:
    if len(body) <= MB:
        return _LONG_NUMBER in body.translate(_DIGITS)
    overlap = len(_LONG_NUMBER) - 1  # in pieces: others get the interpreter in between
    return any(_LONG_NUMBER in body[at : at + MB + overlap].translate(_DIGITS) for at in range(0, len(body), MB))


def _integer(text: str) -> int | str:
    # Python itself refuses to read integers of more than 4,300 digits; as text they are harmless.
    return int(text) if len(text) < 18 and abs(int(text)) <= EXACT else text


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")
