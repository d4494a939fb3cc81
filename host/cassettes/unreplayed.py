"""Reports recorded requests that were not replayed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["unreplayed_lines"]

_MOST = 20


def unreplayed_lines(file: object, found: Sequence[str]) -> Iterator[str]:
    """A heading and a line for each, up to a limit; nothing if there are none."""
    if found:
        yield f"recorded in {file}, but not requested:"
        yield from (f"  {each}" for each in found[:_MOST])
    if len(found) > _MOST:
        yield f"  and {len(found) - _MOST:,} more"
