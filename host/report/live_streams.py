"""The process's streams while lines are drawn on its terminal: what is written to them appears above the lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from host.report.live_lines import LiveLines

__all__ = ["beside"]


@contextmanager
def beside(lines: LiveLines) -> Iterator[None]:
    """Route the streams of ``sys`` that are the terminal's through ``lines``, whoever writes to them."""
    before = sys.stdin, sys.stdout, sys.stderr
    stdin, stdout, stderr = before
    if stdin is not None and stdin.isatty():
        sys.stdin = _Input(lines, stdin)
    if stdout.isatty():
        sys.stdout = _Output(lines, stdout)
    if stderr.isatty():
        sys.stderr = _Output(lines, stderr)
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


class _Output:
    """A stream; ``buffer`` is that of its bytes. Everything but writing is left to the stream."""

    def __init__(self, lines: LiveLines, stream: Any) -> None:
        self._lines = lines
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._stream, name)
        return _Output(self._lines, found) if name == "buffer" else found

    def write(self, data: Any) -> Any:
        return self._lines.write(self._stream, data)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)


class _Input:
    """An input stream, or its bytes; nothing is drawn while it is read."""

    def __init__(self, lines: LiveLines, stream: Any) -> None:
        self._lines = lines
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._stream, name)
        return _Input(self._lines, found) if name == "buffer" else found

    def __iter__(self) -> Iterator[Any]:
        return iter(self.readline, self._stream.read(0))

    def read(self, *size: int) -> Any:
        with self._lines.reading():
            return self._stream.read(*size)

    def peek(self, size: int) -> Any:
        with self._lines.reading():
            return self._stream.peek(size)

    def readline(self, *size: int) -> Any:
        with self._lines.reading():
            return self._stream.readline(*size)
