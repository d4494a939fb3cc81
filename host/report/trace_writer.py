"""A file that is complete after each write, so that a killed run leaves one that can be read."""

from __future__ import annotations

import io
import threading
from typing import TextIO

__all__ = ["TraceWriter"]


class TraceWriter:
    """Writes ASCII text to ``stream`` from any thread, followed by ``end``, which the next text overwrites.

    A stream without random access (a pipe) gets ``end`` with :meth:`close`. One that fails (disk
    full, reader gone) is not written to any more; :attr:`failure` holds why.
    """

    def __init__(self, stream: TextIO, end: str = "") -> None:
        self._stream = stream
        self._end = end
        self._lock = threading.Lock()
        self._goes_back = bool(end) and stream.seekable()
        self._place = stream.tell() if self._goes_back else 0
        self.failure: OSError | ValueError | None = None

    def write(self, text: str) -> None:
        """Add ``text``. Never raises."""
        if self.failure is not None:
            return
        try:
            with self._lock:
                if self._goes_back:
                    self._stream.seek(self._place, io.SEEK_SET)
                    self._stream.write(text + self._end)
                    self._place += len(text)
                else:
                    self._stream.write(text)
                self._stream.flush()
        except (OSError, ValueError) as error:
            self.failure = error

    def close(self) -> None:
        """Finish the file."""
        if self._end and not self._goes_back:
            end, self._end = self._end, ""
            self.write(end)
