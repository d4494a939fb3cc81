"""The error for a value that does not fit its schema, and the representation of values in messages."""

from __future__ import annotations

import math
import re
from typing import Any

from host.apis.amounts import is_money, whole_amount_hint
from host.apis.nearest import short
from host.errors import is_private

AMOUNT = "expected an integer in minor units such as cents"
EXACT = 2**53  # largest integer a Lua number holds exactly
# Regular expressions are compiled on first use, since a run without errors never needs them.


class ValidationError(Exception):
    """A value that does not fit its schema. ``path`` holds the names and indices (from 0) to it, outermost first.

    ``expected`` is a phrase such as "expected a string"; ``value`` is the rejected value.
    """

    def __init__(self, expected: str, value: Any = None, *, text: str = "") -> None:
        super().__init__(expected)
        self.path: list[str | int] = []
        self.expected = expected
        self.value = value
        self.text = text  # if not empty, the message after the path, instead of "expected …, got …"
        self.currency: str | None = None  # the currency given beside the value

    def beside(self, siblings: Any) -> ValidationError:
        """Record the currency in ``siblings``, the values beside this one, unless one is known; returns the error."""
        if self.currency is None and isinstance(siblings, dict):
            found = siblings.get("currency")
            self.currency = found if isinstance(found, str) else None
        return self

    def at(self, step: str | int) -> ValidationError:
        """Prepend a name or index to the path; returns the error."""
        self.path.insert(0, step)
        return self

    def where(self) -> str:
        """The path as in Lua, with indices from 1: ``items[1].price``; "" if it is empty."""
        words = [f"[{step + 1}]" if isinstance(step, int) else f".{short(step)}" for step in self.path]
        return "".join(words).removeprefix(".")

    def message(self) -> str:
        """The message: ``recurring.interval: expected one of …, got "mont"``; secret values are not shown."""
        where = self.where()
        if self.text:
            return f"{where}: {self.text}" if where else self.text
        name = next((step for step in reversed(self.path) if isinstance(step, str)), "")
        got = shown(self.value, private=is_private(name))
        return f"{where}: {self.expected}, got {got}{self._hint()}"

    def _hint(self) -> str:
        """A hint for correcting the value, starting with ";", or ""."""
        value, expected = self.value, self.expected
        if isinstance(value, float) and expected.startswith("expected an integer") and math.isfinite(value):
            names = tuple(step for step in self.path if isinstance(step, str))
            return whole_amount_hint(names, value, self.currency)
        if expected == AMOUNT:
            return "; an amount cannot be a string: pass tonumber(…) of it"
        if isinstance(value, str) and re.match(r"expected (an integer|a number)\b", expected):
            names = tuple(step for step in self.path if isinstance(step, str))
            return _text_hint(value, expected, names)
        if isinstance(value, str) and expected == "expected true or false":
            return '; compare the string: value == "true"'
        if isinstance(value, int | float) and not isinstance(value, bool) and expected == "expected true or false":
            return f"; compare the number: value == {number_text(value)}"
        if expected == "expected a table of names and values":
            return '; write {key = "value"}'
        if isinstance(value, dict) and not expected.startswith("expected a table"):
            return object_hint(value)
        return ""


def _text_hint(text: str, expected: str, steps: tuple[str, ...]) -> str:
    """A hint for a string where a number is expected; ``steps`` are the names in its path."""
    if re.match(r"\d{4}-\d\d?-\d\d?", text):
        return "; a time is seconds since 1970: os.time{year = 2026, month = 1, day = 31} returns those of a date"
    if any(map(is_money, steps)):
        return (
            "; an amount is a number of digits alone, an integer of minor units such as cents (2999 for 29.99 usd), "
            "not the text of a price"
        )
    if re.match(r"-?\d+(\.\d+)?\Z", text) and expected.startswith("expected a number"):
        return f"; give a number: tonumber(…) converts it to {text}"
    if (digits := re.match(r"\s*(-?\d+(?:\.\d+)?)\s*%\s*\Z", text)) is not None:
        return (
            "; a string is accepted only if it holds the plain digits of a number: pass the number alone, such "
            f"as {digits[1]}"
        )
    return (
        "; a string is accepted only if it holds the plain digits of an integer, such as 14;  "
        "tonumber(text) converts others, and returns nil if they are not numbers"
    )


def shown(value: Any, *, private: bool = False) -> str:
    """A short representation of ``value`` for messages; with ``private``, numbers and strings are not shown."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number" if private else number_text(value)
    if isinstance(value, str):
        if private:
            return "a string"
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}…"'
    if isinstance(value, bytes):
        return f"a string of {len(value)} bytes that is not UTF-8"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty table"
    if isinstance(value, dict):
        names = ", ".join(str(key) for key in list(value)[:4])
        return f"a table with {names}{', …' if len(value) > 4 else ''}" if value else "an empty table"
    if isinstance(getattr(value, "parts", None), tuple):
        return "an opaque secret, which only headers of http.* to its own API take"
    return f"a {type(value).__name__}"


def number_text(value: float) -> str:
    """The shortest decimal text that parses to the same number, without an exponent."""
    if isinstance(value, float):
        if value.is_integer() and abs(value) <= EXACT:
            return str(int(value))
        text = repr(value)
        if "e" not in text:
            return text
        from decimal import Decimal  # takes 3 ms to import and is rarely needed

        return format(Decimal(text), "f")
    return str(value)


def object_hint(value: Any) -> str:
    """A hint for an answer's table given where an id or a list is expected, or ""."""
    if isinstance(value, dict) and isinstance(value.get("data"), list) and "has_more" in value:
        return "; this is a page of a list, whose items are in its .data"
    if isinstance(value, dict) and isinstance(value.get("id"), str | int):
        return "; this is a whole object: give its .id"
    return ""
