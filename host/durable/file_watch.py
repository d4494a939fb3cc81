"""Whether a journal's file is still the one that was opened.

A file that was deleted, renamed or replaced accepts writes without an error, but they are lost. A truncated file is
written beyond its end, and an overwritten one is no longer a database. So the file at the path is checked before and
after each transaction.
"""

from __future__ import annotations

import os
from typing import Final

__all__ = ["Watch"]

_BEGINS: Final = {  # what the files begin with, unless they are empty: https://www.sqlite.org/fileformat.html
    "": (b"SQLite format 3\0",),
    "-wal": (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"),
}
_BESIDE: Final = ("-wal", "-shm")  # SQLite keeps both as long as a connection in WAL mode is open


class Watch:
    """The identity and size of a SQLite file in WAL mode, and of the files beside it. For one thread at a time."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)  # the program may change its working directory
        self._seen: dict[str, os.stat_result] = {}
        self.fault()

    def fault(self) -> str | None:
        """What happened to the files since the last check, or ``None``. Call it before a transaction and after it."""
        for end in ("", *_BESIDE):
            try:
                now = os.stat(self._path + end)
            except OSError:
                if end in self._seen:
                    return f"{_named(end)} was deleted or moved"
                continue
            before = self._seen.setdefault(end, now)
            if (now.st_dev, now.st_ino) != (before.st_dev, before.st_ino):
                return f"{_named(end)} was replaced by another one"
            if now.st_size < before.st_size:
                return f"{_named(end)} was cut short by another program"
            # A file that is cut short within a transaction is longer again after it, but begins with zeros.
            if end in _BEGINS and now.st_mtime_ns != before.st_mtime_ns and not self._begins(end):
                return f"{_named(end)} was overwritten by another program"
            self._seen[end] = now
        return None

    def _begins(self, end: str) -> bool:
        """Whether a file begins as SQLite's do; a new one may be empty."""
        expected = _BEGINS[end]
        try:
            with open(self._path + end, "rb", buffering=0) as file:
                return file.read(len(expected[0])) in (*expected, b"")
        except OSError:
            return False


def _named(end: str) -> str:
    return "its file" if not end else f"its {end} file"
