"""What a run prints, on its way to whoever follows it."""

from __future__ import annotations

import threading
from typing import Final

from host.events import Event, Printed

__all__ = ["KEPT", "OutputKeeper"]

KEPT: Final = 1 << 20  # bytes of each run
_CUT: Final = b"\n[more was printed, and is not kept]\n"


class OutputKeeper:
    """A sink of one run. :meth:`take` gives what came since, to be kept; ``start`` is how much was shown before."""

    def __init__(self, start: int) -> None:
        self._lock = threading.Lock()
        self._start = start
        self._pieces: list[bytes] = []
        self._size = 0
        self._full = start >= KEPT

    def emit(self, event: Event) -> None:
        """Keep a piece of output, up to the limit. On any thread."""
        if not isinstance(event, Printed) or self._full:
            return
        data = event.text.encode("utf-8", "surrogateescape")
        with self._lock:
            room = KEPT - self._start - self._size
            if len(data) > room:
                data, self._full = data[:room] + _CUT, True
            self._pieces.append(data)
            self._size += len(data)

    def take(self) -> tuple[int, bytes]:
        """The place of the first byte that was not taken yet, and what there is from it on."""
        with self._lock:
            found = self._start, b"".join(self._pieces)
            self._start += self._size
            self._pieces, self._size = [], 0
        return found
