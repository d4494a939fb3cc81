"""Did-you-mean: the valid name or value nearest to one that is not."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 100  # characters of a name that are compared or shown: a script may make one of megabytes


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """The name most likely meant, or None. For names: an unknown one is wrong anyway."""
    if len(word) > LONGEST:
        return None
    import difflib  # only where an error is made; importing it costs a millisecond

    names = {name.lower(): name for name in valid}
    found = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.7)
    if found:
        return names[found[0]]
    low = word.lower()
    parts = [name for name in names if len(low) > 3 and (low in name.split("_") or name in low)]
    if parts:
        return names[min(parts, key=len)]
    found = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.55)
    return names[found[0]] if found else None


def misspelt(word: str, valid: Iterable[str]) -> str | None:
    """The value ``word`` is a slip of the keyboard away from, or None.

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
    """A name, cut where nobody reads on."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def meant(word: str, valid: Iterable[str]) -> str:
    """``; did you mean "currency"?`` or nothing, to end a message with."""
    found = nearest(word, valid)
    return f'; did you mean "{found}"?' if found else ""
