"""How far many runs are, as one line at the bottom of a terminal.

[##########··········]  512/1,000  3 failed  204/s  2 s left
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, TextIO

__all__ = ["Beside", "Progress"]

WIDTH = 20  # characters of the bar
PAUSE = 0.1  # seconds between two drawings
_CLEAR = "\r\x1b[K"


class Progress:
    """Draws on ``stream`` when that is a terminal; else nothing is written. Thread-safe.

    What else goes to the terminal meanwhile is written through :meth:`beside`, so as not to run into it.
    """

    def __init__(self, stream: TextIO, total: int, *, clock: Callable[[], float] = monotonic) -> None:
        self._stream = stream
        self._total = total
        self._clock = clock
        self._lock = threading.RLock()
        self._began = clock()
        self._drawn = float("-inf")
        self._done = self._failed = 0
        self._shown = False
        self._live = stream.isatty()

    def advance(self, *, failed: bool = False) -> None:
        """One run more has ended."""
        with self._lock:
            self._done += 1
            self._failed += failed
            if self._live and (now := self._clock()) - self._drawn >= PAUSE:
                self._drawn = now
                self._write(_CLEAR + self._text(now))
                self._shown = True

    def close(self) -> None:
        """Take the line away for good."""
        with self.hidden():
            self._live = False

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """While something else is written; the next :meth:`advance` draws the line again."""
        with self._lock:
            if self._shown:
                self._write(_CLEAR)
                self._shown, self._drawn = False, float("-inf")
            yield

    def beside(self, stream: Any) -> Any:
        """``stream``, to be written to while the line is there."""
        return Beside(self, stream) if self._live else stream

    def _text(self, now: float) -> str:
        share = self._done / self._total if self._total else 1.0
        bar = "#" * int(share * WIDTH)
        parts = [f"[{bar:·<{WIDTH}}]", f"{self._done:,}/{self._total:,}"]
        if self._failed:
            parts.append(f"{self._failed:,} failed")
        seconds = now - self._began
        if seconds > 0 and self._done:
            rate = self._done / seconds
            parts += [f"{rate:,.0f}/s", f"{(self._total - self._done) / rate:,.0f} s left"]
        return "  ".join(parts)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the terminal is gone; the runs go on
            self._live = False


class Beside:
    """A stream whose writing hides the progress line."""

    def __init__(self, progress: Progress, stream: Any) -> None:
        self._progress = progress
        self._stream = stream

    def write(self, data: Any) -> Any:
        with self._progress.hidden():
            written = self._stream.write(data)
            self._stream.flush()
        return written

    def flush(self) -> None:
        self._stream.flush()
