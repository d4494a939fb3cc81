"""Members of a JSON value by a path: ``data.object.id``, ``action``, ``commits.0.id``."""

from __future__ import annotations

from typing import Any

__all__ = ["at"]


def at(value: Any, path: str) -> Any:
    """The value at ``path`` (names and list indices from 0, separated by dots), or ``None`` if there is none."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
