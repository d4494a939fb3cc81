"""Text as a terminal shows it: measured in cells: an ideograph takes two, a combining accent none."""

from __future__ import annotations

from unicodedata import category, combining, east_asian_width

from host.report.errors import printable

__all__ = ["fit", "width"]

_EMOJI = "\ufe0f"  # has the character before it shown as an emoji, which takes two cells


def width(text: str) -> int:
    """How many cells a printable text takes, at most: terminals differ for a few characters."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def fit(text: str, cells: int) -> str:
    """``text`` as one printable line of no more cells, "…" at its end where it was cut."""
    line = printable(text.replace("\n", " "))
    if width(line) <= cells:
        return line
    room, kept = cells - 1, []
    for sign in line:
        room -= _cells(sign)
        if room < 0:
            break
        kept.append(sign)
    return "".join(kept) + "…" if cells > 0 else ""


def _cells(sign: str) -> int:
    if sign == _EMOJI:
        return 1
    if combining(sign) or category(sign) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(sign) in ("W", "F") else 1
