"""What is shown of a run's values: the texts of errors and events are cut, for no limit counts them."""

from __future__ import annotations

from itertools import islice
from typing import Any

LONGEST = 64 << 10  # characters of one text of an error
BRIEF = 1000  # characters of a string among the arguments of a call that are more than a few
MOST = 100  # items of a list or map among these


def cut(text: str, most: int = LONGEST) -> str:
    """``text``, or its beginning and how long it is."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def cut_texts(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of an error, with no text that is longer than ``LONGEST``."""
    return {name: cut(value) if type(value) is str else value for name, value in facts.items()}


def brief(value: Any, depth: int = 4) -> Any:
    """Arguments of a call for an event, where they are too large to be shown whole."""
    if type(value) is str:
        return cut(value, BRIEF)
    if type(value) is bytes:
        return value if len(value) <= BRIEF else f"… ({len(value):,} bytes)"
    if type(value) is list:
        if depth == 0:
            return f"… ({len(value):,} items)"
        items = [brief(item, depth - 1) for item in value[:MOST]]
        return items if len(value) <= MOST else [*items, f"… ({len(value) - MOST:,} more)"]
    if type(value) is dict:
        if depth == 0:
            return f"… ({len(value):,} entries)"
        named = {
            cut(name, BRIEF) if type(name) is str else name: brief(item, depth - 1)
            for name, item in islice(value.items(), MOST)
        }
        return named if len(value) <= MOST else {**named, "…": f"{len(value) - MOST:,} more"}
    return value
