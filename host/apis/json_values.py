"""Decodes JSON without loss: integers that Lua cannot represent become text."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import Any, NoReturn

import msgspec

from host.apis.validation_error import EXACT
from host.decoding import LARGE, MOST_VALUES, check_json, unpaused
from host.limits import MB

__all__ = ["decode_json"]

# A run of 16 digits is found by replacing every digit with zero, much faster than by a regular expression.
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 16


def decode_json(body: bytes, most: int = MOST_VALUES) -> Any:
    """Decoded JSON with integers beyond 2^53 as strings. A byte order mark before it is skipped (RFC 8259, 8.1).

    Raises ``ValueError``, and ``LimitError`` for more values than ``most`` or too much text.
    """
    if len(body) > LARGE:
        check_json(body, most)
    try:
        return unpaused(_decode if not _has_long_number(body) else _decode_exactly, body)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except ValueError:
        if body.startswith(BOM_UTF8):
            return decode_json(body[len(BOM_UTF8) :], most)
        raise


_decode = msgspec.json.Decoder().decode


def _decode_exactly(body: bytes) -> Any:
    import json  # for the rare body with such numbers, which msgspec would round or keep

    return json.loads(body.decode("utf-8"), parse_int=_integer, parse_constant=_no_constant)


def _has_long_number(body: bytes) -> bool:
    if len(body) <= MB:
        return _LONG_NUMBER in body.translate(_DIGITS)
    overlap = len(_LONG_NUMBER) - 1  # in pieces, so that other threads get the interpreter's lock in between
    return any(_LONG_NUMBER in body[at : at + MB + overlap].translate(_DIGITS) for at in range(0, len(body), MB))


def _integer(text: str) -> int | str:
    # Python refuses to parse integers of more than 4,300 digits, which are harmless as text.
    return int(text) if len(text) < 18 and abs(int(text)) <= EXACT else text


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")
