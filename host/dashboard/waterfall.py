"""Where the bars of a run's calls stand: parts of a thousand of the time that the calls of a page took.

The time between a run's breaking off and its being taken up again is left out, which may be days.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from host.durable.call_log import LogEntry

__all__ = ["WIDTH", "Bar", "bars"]

WIDTH: Final = 1000.0
NARROWEST: Final = 3.0


class Bar(msgspec.Struct, frozen=True):
    """``x`` and ``width`` are in parts of ``WIDTH``, ``start`` and ``seconds`` in seconds from the first bar's start.

    ``kind`` says how to draw it: of a read only the end is known for certain.
    """

    kind: Literal["change", "read", "sleep"]
    x: float
    width: float
    start: float
    seconds: float


def bars(entries: Sequence[LogEntry]) -> list[Bar | None]:
    """One for each entry, ``None`` where nothing is known of its time."""
    spans: list[tuple[float, float] | None] = []
    left_out, latest = 0.0, None
    for entry in entries:
        if entry.kind == "resumed" and entry.ended is not None and latest is not None:
            left_out += max(0.0, entry.ended - left_out - latest)
        span = _span(entry)
        if span is not None:
            span = span[0] - left_out, span[1] - left_out
            latest = span[1] if latest is None else max(latest, span[1])
        spans.append(span)
    known = [span for span in spans if span is not None]
    if not known:
        return [None] * len(entries)
    low, high = min(start for start, _ in known), max(end for _, end in known)
    scale = WIDTH / max(high - low, 1e-6)
    return [_bar(entry, span, low, scale) for entry, span in zip(entries, spans, strict=True)]


def _span(entry: LogEntry) -> tuple[float, float] | None:
    if entry.kind not in ("change", "read", "sleep"):
        return None
    times = [at for at in (entry.began, entry.ended, entry.after if entry.began is None else None) if at is not None]
    return (min(times), max(times)) if times else None


def _bar(entry: LogEntry, span: tuple[float, float] | None, low: float, scale: float) -> Bar | None:
    if span is None or entry.kind not in ("change", "read", "sleep"):
        return None
    x, end = (span[0] - low) * scale, (span[1] - low) * scale
    width = max(end - x, NARROWEST)
    return Bar(entry.kind, min(x, WIDTH - width), width, span[0] - low, span[1] - span[0])
