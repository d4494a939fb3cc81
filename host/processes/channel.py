"""A bidirectional channel for frames (``host.framing``) over a pair of pipes."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from io import BufferedReader, FileIO
from typing import Any

from host.framing import LostFrame, framed, read_frame

FULL = 8 << 20  # unwritten bytes from which a patient sender waits


class FramePipes:
    """Sends and receives frames: ``send`` from any thread, ``frames`` on one. Owns both descriptors.

    A separate thread writes, many frames at once, so that a sender on a loop's thread never waits for the other
    process. After that process has ended, frames sent are dropped and ``frames`` ends.
    """

    def __init__(self, reading: int, writing: int, name: str) -> None:
        self._in = BufferedReader(FileIO(reading), 1 << 16)
        self._out = writing
        self._changed = threading.Condition()
        self._waiting: list[bytes] = []
        self._size = 0
        self._writing = False
        self._closed = False
        self._writer = threading.Thread(target=self._write, name=f"{name}-writer", daemon=True)
        self._writer.start()

    def send(self, frame: bytes, *, patient: bool = False) -> None:
        """Queue ``frame`` for writing. A ``patient`` sender waits while :data:`FULL` bytes are unwritten.

        Raises ``ValueError`` if the frame is too large.
        """
        parts = framed(frame)
        with self._changed:
            while patient and self._size > FULL and not self._closed:
                self._changed.wait()
            if self._closed:
                return
            self._waiting += parts
            self._size += len(frame)
            if not self._writing:
                self._changed.notify_all()

    def frames(self) -> Iterator[memoryview]:
        """Yield each received frame until the other side has closed the pipe."""
        stream = _Pipe(self._in)
        while True:
            try:
                frame = read_frame(stream)
            except (LostFrame, OSError, ValueError):  # a ValueError: closed meanwhile
                return
            yield frame

    def flush(self, seconds: float) -> bool:
        """Wait at most ``seconds`` until everything is written; returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or not (self._waiting or self._writing), seconds)

    def close(self) -> None:
        """Drop unwritten frames and close the writing side, from any thread but the writer's. May be repeated."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        if self._writer is not threading.current_thread():
            self._writer.join(1.0)

    def close_reading(self) -> None:
        """Close the reading side. Call it on the thread of ``frames``, after that has ended."""
        with contextlib.suppress(OSError):
            self._in.close()

    def _write(self) -> None:
        try:
            while True:
                with self._changed:
                    self._writing = False
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._waiting or self._closed)
                    if self._closed:
                        return
                    batch, self._waiting, self._size = self._waiting, [], 0
                    self._writing = True
                rest = memoryview(b"".join(batch))
                while rest:
                    rest = rest[os.write(self._out, rest) :]
        except OSError:  # the other end was closed
            return
        finally:
            with self._changed:
                self._closed, self._writing = True, False
                self._changed.notify_all()
            os.close(self._out)


class _Pipe:
    """A pipe in the form ``host.framing`` reads; it is buffered, so that one system call reads many frames."""

    def __init__(self, file: BufferedReader[Any]) -> None:
        self._file = file

    def read_some(self, size: int, until: float) -> bytes:
        return self._file.read1(size)

    def read_into(self, rest: memoryview, until: float) -> int:
        return self._file.readinto1(rest)
