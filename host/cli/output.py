"""What a script prints, on stdout at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import BinaryIO

from host.events import Event, Printed

__all__ = ["OutputSink"]


class OutputSink:
    """Writes :class:`Printed` events to ``stream`` and flushes, byte for byte as the script wrote them.

    When the reader has left (a closed pipe) or the disk is full, :attr:`failure` is set, ``on_failure`` is
    called once, and nothing more is written.
    """

    def __init__(self, stream: BinaryIO, on_failure: Callable[[], None]) -> None:
        self._stream = stream
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self.failure: OSError | None = None

    def emit(self, event: Event) -> None:
        if isinstance(event, Printed):
            self.write(event.text)

    def write(self, text: str) -> None:
        """``text`` may hold lone surrogates for bytes that are no UTF-8."""
        if self.failure is not None:
            return
        try:
            with self._lock:
                self._stream.write(text.encode("utf-8", "surrogateescape"))
                self._stream.flush()
        except OSError as error:
            self.failure = error
            self._on_failure()
