"""A terminal to run the command line on: a pseudo-terminal, read by an emulator."""

from __future__ import annotations

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
TIMEOUT = 60.0  # seconds until a test gives up


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
        # The first terminal that a new session opens is its own, whose Ctrl-C it gets.
        opened = 'exec "$@" 0<>"$0" 2>&0' if out is not None else 'exec "$@" 0<>"$0" 1>&0 2>&0'
        self.process = subprocess.Popen(
            ["sh", "-c", opened, os.ttyname(inner), sys.executable, "-m", "host", *arguments],
            stdout=out,
            start_new_session=True,
            env={name: value for name, value in known.items() if value is not None},
        )
        self._inner = inner  # held, as a terminal that nobody has open yet cannot be read
        self._ended = os.pidfd_open(self.process.pid)

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size."""
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def type(self, text: str) -> None:
        """Type it."""
        os.write(self._fd, text.encode())

    def until(self, seen: Callable[[list[str]], object]) -> list[str]:
        """Read until the lines on the screen are so; gives them."""
        end = monotonic() + TIMEOUT
        while not seen(self.lines):
            assert self._read(end), f"the program ended with {self.process.wait()}; it shows {self.text[-2000:]}"
        return self.lines

    def end(self) -> int:
        """Read until the program has ended; gives its status."""
        end = monotonic() + TIMEOUT
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
        ready = select.select([self._fd, self._ended], [], [], max(0.0, end - monotonic()))[0]
        assert ready, f"nothing came; it shows {self.text[-2000:]}"
        if self._fd not in ready:
            return False
        data = os.read(self._fd, 1 << 16)
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for each in (self._fd, self._inner, self._ended):
            os.close(each)
