"""A terminal to run the command line on: a pseudo-terminal, read by an emulator."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pyte

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds until a test gives up


class Terminal:
    """``python -m host …`` on a terminal of so many columns and lines. Close it, or use it with ``with``."""

    def __init__(
        self, *arguments: str, columns: int = 100, lines: int = 30, out: int | None = None, **environment: str | None
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, lines, history=100_000)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self._fd, inner = os.openpty()
        self.resize(columns, lines)
        known = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "host", *arguments],
            stdin=inner,
            stdout=inner if out is None else out,
            stderr=inner,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(2, termios.TIOCSCTTY, 0),
            env={name: value for name, value in known.items() if value is not None},
        )
        os.close(inner)

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size."""
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def type(self, text: str) -> None:
        """Type it."""
        os.write(self._fd, text.encode())

    def until(self, seen: Callable[[list[str]], object]) -> list[str]:
        """Read until the lines on the screen are so; gives them."""
        end = monotonic() + PATIENCE
        while not seen(self.lines):
            assert self._read(end), f"the program ended with {self.process.wait()}; it shows {self.text[-2000:]}"
        return self.lines

    def end(self) -> int:
        """Read until the program has ended; gives its status."""
        end = monotonic() + PATIENCE
        while self._read(end):
            pass
        return self.process.wait()

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without empty lines at its end."""
        shown = [line.rstrip() for line in self.screen.display]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    @property
    def text(self) -> str:
        """All that was ever on it and has not been erased, scrolled away or not."""
        width = self.screen.columns
        past = ["".join(line[i].data for i in range(width)).rstrip() for line in self.screen.history.top]
        return "\n".join([*past, *self.lines])

    def _read(self, end: float) -> bool:
        """More of it; whether there is any."""
        assert select.select([self._fd], [], [], max(0.0, end - monotonic()))[0], (
            f"nothing came; it shows {self.text[-2000:]}"
        )
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError as error:
            if error.errno != errno.EIO:  # nobody has the other side any more
                raise
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._fd)
