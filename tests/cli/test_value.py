"""The value a script returned, as text and as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from host.cli.result_text import as_json, as_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("prod_1", "prod_1"),
        (5, "5"),
        (2.5, "2.5"),
        (True, "true"),
        (b"\xffab", "\\xffab"),
        (float("inf"), "inf"),
        ([1, 2], "[\n  1,\n  2\n]"),
        ({"naïve": None}, '{\n  "naïve": null\n}'),
    ],
)
def test_text_is_for_reading(value: Any, text: str) -> None:
    """Texts come bare, scalars as Lua writes them, tables indented."""
    assert as_text(value) == text


@pytest.mark.parametrize("value", ["a\nb", 5, 2.5, True, None, [1, [2]], {"a": {"b": [None]}}, "💶", 2**60])
def test_json_reads_back_and_is_one_line(value: Any) -> None:
    """What --json prints is the value, on one line."""
    text = as_json(value)
    assert "\n" not in text
    assert json.loads(text) == value


def test_what_json_has_no_form_for_goes_as_text() -> None:
    """Infinity, not-a-number and bytes do not make the line invalid JSON."""
    value = {"a": [float("inf"), float("nan")], "b": b"\xff"}
    assert json.loads(as_json(value)) == {"a": ["inf", "nan"], "b": "\\xff"}
