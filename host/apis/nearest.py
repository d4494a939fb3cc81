"""Suggestions: finds the valid name or value nearest to an invalid one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from host.nearest_name import LONGEST, nearest_name


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """The name most likely meant, or ``None``. For names, of which an unknown one is certainly wrong."""
    names = {name.lower(): name for name in valid}
    low = word.lower()
    found = nearest_name(low, names, 0.7)
    if found:
        return names[found]
    parts = [name for name in names if 3 < len(low) <= LONGEST and (low in name.split("_") or name in low)]
    if parts:
        return names[min(parts, key=len)]
    found = nearest_name(low, names, 0.55)
    return names[found] if found else None


def misspelt(word: str, valid: Iterable[str]) -> str | None:
    """The value of which ``word`` is a misspelling, or ``None``.

    For open enums: an unknown value may be a new one, so only one or two edits count (one up to five
    letters), and a difference in digits alone (a date, a version) never does.
    """
    if len(word) > LONGEST:
        return None
    digits = re.sub(r"\d", "0", word)
    for value in valid:
        if re.sub(r"\d", "0", value) != digits and _within(word, value, 1 if len(word) <= 5 else 2):
            return value
    return None


def _within(a: str, b: str, most: int) -> bool:
    """Whether ``a`` becomes ``b`` by at most that many edits; exchanged neighbours are one edit."""
    if abs(len(a) - len(b)) > most:
        return False
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, before, row = before, row, [i] + [0] * len(b)
        for j, y in enumerate(b, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                row[j] = min(row[j], last[j - 2] + 1)
        if min(row) > most:
            return False
    return row[-1] <= most


def short(name: str) -> str:
    """A name, cut to a length fit for messages."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def meant(word: str, valid: Iterable[str]) -> str:
    """``; did you mean "currency"?`` or nothing, to end a message with."""
    found = nearest(word, valid)
    return f'; did you mean "{found}"?' if found else ""
