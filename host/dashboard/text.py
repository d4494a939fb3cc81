"""Values as the pages show them: without private members, cut where they are long, times where people live."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from host.durable.audit_trail import decoded
from host.policy.private_members import without_private, without_private_text

__all__ = [
    "clock_time",
    "first_line",
    "iso_time",
    "json_text",
    "local_time",
    "packed_text",
    "seconds",
    "shown_text",
    "visible",
]

LONGEST: Final = 4000  # characters
LONGEST_PACKED: Final = 256 * 1024  # bytes; decoding more would take long, for a few lines of it

# Control characters but for a tab and the end of a line; and those that change the direction of what is read.
_SIGNS: Final = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"},
    **dict.fromkeys([*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD),
}


def visible(text: str) -> str:
    """A text with a sign in place of each character that is not shown, or that moves or reverses what follows."""
    return text.translate(_SIGNS)


def shown_text(text: str, longest: int = LONGEST) -> str:
    """A string without private members, cut."""
    text = without_private_text(text[: 4 * longest])
    return text if len(text) <= longest else f"{text[:longest]}… (cut)"


def json_text(value: Any) -> str:
    """A decoded value as JSON, cut."""
    return shown_text(json.dumps(without_private(value), indent=2, ensure_ascii=False, default=str))


def packed_text(data: bytes) -> str:
    """A value of the journal, as JSON, cut; says so where it is too long, or cannot be read."""
    if len(data) > LONGEST_PACKED:
        return f"({len(data):,} bytes, too long to be shown here)"
    value = decoded(data)
    return json_text(value) if value is not None or data == b"\xc0" else "(cannot be read)"


def local_time(at: float | None) -> str:
    """Seconds since 1970 as this machine's time, to the second."""
    found = _datetime(at)
    return "" if found is None else found.strftime("%Y-%m-%d %H:%M:%S")


def clock_time(at: float | None) -> str:
    """The same, to the millisecond and without its day."""
    found = _datetime(at)
    return "" if found is None else found.strftime("%H:%M:%S.%f")[:-3]


def iso_time(at: float | None) -> str:
    """The same for programs, with its offset."""
    found = _datetime(at)
    return "" if found is None else found.isoformat()


def _datetime(at: float | None) -> datetime | None:
    if not at:
        return None
    try:
        return datetime.fromtimestamp(at).astimezone()
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def seconds(value: float) -> str:
    """A duration as people read it."""
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 120:
        return f"{value:.2f} s"
    return f"{value / 60:.1f} min" if value < 7200 else f"{value / 3600:.1f} h"


def first_line(text: str | None) -> str:
    """The beginning of an error's text, for a row of a table."""
    return "" if text is None else shown_text(text.partition("\n")[0], 200)
