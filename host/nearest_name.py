"""The name somebody may have meant: for messages that say "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["LONGEST", "nearest_name"]

LONGEST = 100  # characters of a name that are compared: a script may make one of megabytes


def nearest_name(word: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The one of ``names`` most like ``word``, at least by ``cutoff`` (0 to 1), or ``None``."""
    if len(word) > LONGEST:
        return None
    from difflib import get_close_matches  # for messages alone

    near = get_close_matches(word, list(names), 1, cutoff)
    return near[0] if near else None
