"""Bytes held by the arguments of a run's calls in flight: they do not count as the script's own memory."""

from __future__ import annotations

import threading
from typing import Any

from host.errors import InvalidCall, LimitError
from host.limits import MB

LIGHT = 4096  # smaller arguments are not counted: even with as many calls as there may be tasks they are little
MOST_VALUES = 250_000  # in the arguments of one call of an API: each is checked and encoded by itself


class Weight:
    """Bytes of arguments by call, ``most`` in all. ``drop`` is called on the run's thread or the loop's."""

    __slots__ = ("_by_call", "_lock", "_most", "_total")

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_call: dict[int, int] = {}
        self._total = 0
        self._lock = threading.Lock()

    def add(self, id: int, size: int) -> None:
        """Count a call before it is sent. Raises ``LimitError`` where it would be too much at once."""
        with self._lock:
            if self._total + size > self._most:
                raise LimitError(
                    "the arguments of the run's calls in flight would exceed its memory limit,  "
                    f"{self._most // MB or 1} MB",
                    hint="Wait for some calls before the next: map(list, fn, {limit = 8}).",
                )
            self._by_call[id] = size
            self._total += size

    def drop(self, id: int) -> None:
        """A call is over. It need not have been counted."""
        with self._lock:
            self._total -= self._by_call.pop(id, 0)


def check_values(arguments: Any) -> None:
    """Raise ``InvalidCall`` for more values than any API takes in one call."""
    left = MOST_VALUES
    waiting = [arguments]
    while waiting:
        each = waiting.pop()
        kind = type(each)
        if kind is dict or kind is list:
            left -= len(each)
            if left < 0:
                raise InvalidCall(f"a call takes at most {MOST_VALUES:,} values, these are more")
            waiting.extend(each.values() if kind is dict else each)
