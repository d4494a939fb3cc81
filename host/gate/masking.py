"""Keeps known secrets out of anything that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from host.settings import Secret

SHORTEST = 6  # a shorter secret would mask innocent text


class Mask:
    """Replaces every known secret in a text by its mask."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._masks = {s.reveal(): str(s) for s in secrets if len(s.reveal()) >= SHORTEST}
        longest_first = sorted(self._masks, key=len, reverse=True)
        self._find = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        if self._find is None:
            return text
        return self._find.sub(lambda found: self._masks[found.group()], text)
