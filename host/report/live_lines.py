"""Lines at the bottom of a terminal that are drawn in place, below all other output.

The cursor rests before the first of them, so that they are gone with "erase to the end of the screen", also after the
window's size has changed. It is never hidden and no mode is set: a process that is killed leaves nothing to clean up.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, NamedTuple, TextIO

from host.report.cells import fit

__all__ = ["Lines", "LiveLines"]

DELAY = 1.0  # seconds before the first drawing: what is over by then shows no lines
PAUSE = 0.1  # seconds between two
SHARE = 20  # drawing takes at most this fraction of the time, 1/SHARE
STUCK = 0.5  # seconds to wait for a terminal that takes nothing (Ctrl-S) before leaving it as it is
_ERASE = "\r\x1b[J"
_USUAL = os.terminal_size((80, 24))

Lines = Callable[[int, int], list[str]]
"""``lines(width, height)``: the lines to show now, at most ``width`` cells wide and ``height`` of them."""


class _Drawing(NamedTuple):
    size: os.terminal_size
    text: str
    below: int  # lines under the first


class LiveLines:
    """Draws ``lines`` on ``stream``, on a separate thread between :meth:`start` and :meth:`close`.

    All other output to the terminal is written through :meth:`beside`. While a line there is unfinished, and
    while the terminal is read from (:meth:`reading`), nothing is drawn. ``size()`` is the terminal's.
    """

    def __init__(
        self,
        stream: TextIO,
        lines: Lines,
        *,
        size: Callable[[], os.terminal_size] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._stream = stream
        self._lines = lines
        self._size = size or (lambda: _size_of(stream))
        self._clock = clock
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._drawn: _Drawing | None = None  # the last one
        self._shown = False  # it is on the screen
        self._rests = 0.0  # until then output does not cause a new drawing
        self._begun = False  # a line written beside has no end yet
        self._styled = False  # something written beside may have left colours on
        self._readers = 0

    def start(self) -> None:
        """Draw from a second later on."""
        self._thread = threading.Thread(target=self._turn, name="host-live-lines", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Remove the lines for good. From any thread; a second call does nothing."""
        self._ended.set()
        if self._lock.acquire(timeout=STUCK):
            try:
                self._erase()
            finally:
                self._lock.release()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(STUCK)

    def draw(self) -> None:
        """Draw the current lines."""
        with self._lock:
            if not self._may_draw() or not _in_front(self._stream):
                return
            columns, rows = size = self._size()
            most = max(1, min(rows - 1, max(3, rows // 2)))
            lines = [fit(line, columns - 1) for line in self._lines(columns - 1, most)[:most]]
            text = "\x1b[K\r\n".join(lines)
            drawing = _Drawing(size, text, len(lines) - 1)
            if not self._shown or drawing != self._drawn:
                self._paint(drawing)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While the terminal is read from: what is typed shows where the cursor is."""
        with self._lock:
            self._readers += 1
            self._erase()
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                self._begun = False  # whoever typed ended the line

    def write(self, stream: Any, data: Any) -> Any:
        """Write to a stream that shows on the same terminal."""
        with self._lock:
            self._erase()
            written = stream.write(data)
            stream.flush()
            if data:
                self._begun = data[-1:] not in ("\n", b"\n")
                self._styled = self._styled or ("\x1b" in data if isinstance(data, str) else b"\x1b" in data)
            drawn = self._drawn  # as it was: looking anew for each line would cost
            soon = self._clock() < self._rests
            if drawn is not None and not soon and self._may_draw() and drawn.size == self._size():
                self._paint(drawn)
        return written

    def _turn(self) -> None:
        pause = DELAY
        while not self._ended.wait(pause):
            began = self._clock()
            self.draw()
            pause = max(PAUSE, SHARE * (self._clock() - began))

    # -- under the lock

    def _may_draw(self) -> bool:
        return not (self._ended.is_set() or self._begun or self._readers)

    def _paint(self, drawing: _Drawing) -> None:
        up = f"\x1b[{drawing.below}A" if drawing.below > 0 else ""
        plain = "\x1b[0m" if self._styled else ""
        self._styled = False
        began = self._clock()
        self._write(f"{plain}\r{drawing.text}\x1b[J{up}\r")
        self._drawn, self._shown = drawing, True
        self._rests = (ended := self._clock()) + SHARE * (ended - began)

    def _erase(self) -> None:
        if self._shown:
            self._shown = False
            self._write(_ERASE)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the terminal is gone; the runs go on
            self._ended.set()


def _size_of(stream: TextIO) -> os.terminal_size:
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return _USUAL
    return os.terminal_size((size.columns or _USUAL.columns, size.lines or _USUAL.lines))


def _in_front(stream: TextIO) -> bool:
    """Whether this is the terminal's foreground process: one in the background would draw over a shell's prompt."""
    try:
        return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except (AttributeError, OSError, ValueError):  # not the terminal of its session, or no such thing here
        return True
