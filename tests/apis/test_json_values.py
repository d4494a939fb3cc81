"""JSON that servers send: byte order marks, long integers, and what is not JSON."""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_LE

import pytest

from host.apis.json_values import decode_json


@pytest.mark.parametrize("text", ['{"id": "x"}', '{"n": 90071992547409930}', "[]"])
def test_a_byte_order_mark_is_skipped(text: str) -> None:
    """Servers of some frameworks put one before JSON; RFC 8259 lets a reader skip it."""
    assert decode_json(BOM_UTF8 + text.encode()) == decode_json(text.encode())


def test_integers_that_lua_cannot_hold_are_text() -> None:
    """Up to 2^53 an integer stays one; a longer one keeps its digits."""
    text = '{"exact": 9007199254740992, "beyond": 9007199254740993, "long": 123456789012345678901234567890}'
    assert decode_json(text.encode()) == {
        "exact": 2**53,
        "beyond": "9007199254740993",
        "long": "123456789012345678901234567890",
    }


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"a": NaN}', b'{"a": 1', BOM_UTF8, BOM_UTF16_LE + "{}".encode("utf-16-le"), b"[" * 100_000],
)
def test_what_is_not_json_is_a_value_error(body: bytes) -> None:
    """Also half a document, a mark alone, another encoding, and brackets without an end."""
    with pytest.raises(ValueError, match=r"."):
        decode_json(body)
