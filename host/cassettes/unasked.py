"""What is said at the end of recorded requests that nobody asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["unasked_lines"]

_MOST = 20


def unasked_lines(file: object, found: Sequence[str]) -> Iterator[str]:
    """A heading and a line each, up to some; nothing where all were asked for."""
    if found:
        yield f"recorded in {file}, and not asked for:"
        yield from (f"  {each}" for each in found[:_MOST])
    if len(found) > _MOST:
        yield f"  and {len(found) - _MOST:,} more"
