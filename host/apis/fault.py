"""A value that does not fit, told by its path, and values shown in messages."""

from __future__ import annotations

import re
from typing import Any

from host.apis.nearest import short
from host.errors import is_private

EXACT = 2**53  # largest integer a Lua number holds exactly
# Patterns are compiled where they are first used: a run without errors never needs them.
_MONEY = r"(^|_)amount(_|$)"


class Fault(Exception):
    """A value that does not fit; ``path`` leads to it, outermost first."""

    def __init__(self, expected: str, value: Any = None, *, text: str = "") -> None:
        super().__init__(expected)
        self.path: list[str | int] = []
        self.expected = expected
        self.value = value
        self.text = text  # the whole message after the path, where "expected …, got …" does not fit

    def at(self, step: str | int) -> Fault:
        self.path.insert(0, step)
        return self

    def where(self) -> str:
        words = [f"[{step + 1}]" if isinstance(step, int) else f".{short(step)}" for step in self.path]
        return "".join(words).removeprefix(".")

    def message(self) -> str:
        """``recurring.interval: expected one of …, got "mont"``; values of secrets are not shown."""
        where = self.where()
        if self.text:
            return f"{where}: {self.text}" if where else self.text
        name = next((step for step in reversed(self.path) if isinstance(step, str)), "")
        got = shown(self.value, private=is_private(name))
        if self.expected.startswith("expected an integer") and isinstance(self.value, float):
            got += _minor_units(name, self.value)
        return f"{where}: {self.expected}, got {got}"


def shown(value: Any, *, private: bool = False) -> str:
    """A value short enough for a message."""
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
    """The shortest digits that read back the same, never with an exponent."""
    if isinstance(value, float):
        if value.is_integer() and abs(value) <= EXACT:
            return str(int(value))
        text = repr(value)
        if "e" not in text:
            return text
        from decimal import Decimal  # three milliseconds to import, and rarely needed

        return format(Decimal(text), "f")
    return str(value)


def _minor_units(name: str, value: float) -> str:
    if not re.search(_MONEY, name):
        return ""
    cents = round(value * 100)
    exact = f": write {cents} for {number_text(value)}" if abs(value * 100 - cents) < 1e-6 else ""
    return f"; amounts are in minor units such as cents{exact}"
