"""The output of durable runs, saved in the journal beside their records.

It is stored in pieces; each has the offset of its first byte in the run's output. At most :data:`KEPT` bytes of a
run are saved.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from host.durable.database import Statement

if TYPE_CHECKING:
    from host.durable.journal import Journal

__all__ = ["KEEP_OUTPUT", "KEPT", "OutputKeeper", "cut_output", "end_of_output", "joined", "kept_length", "kept_output"]

KEPT: Final = 1 << 20  # most bytes saved of each run
LONGEST_END: Final = 64 * 1024  # most bytes that end_of_output returns
PIECES: Final = 64  # most pieces that end_of_output reads
_CUT: Final = b"\n[more was printed, and is not kept]\n"

KEEP_OUTPUT: Final = (
    "INSERT INTO luahost_output (run, start, data) SELECT :id, :start, :data FROM luahost_run WHERE id = :id "
    "AND owner = :owner AND NOT EXISTS (SELECT 1 FROM luahost_output WHERE run = :id AND start = :start)"
)
"""Saves a piece, if ``owner`` still owns the run."""


class OutputKeeper:
    """Collects the output of one run, secrets masked, until it is saved.

    The first ``start`` bytes of the output are saved already; a resumed run prints them again, and they are skipped.
    """

    __slots__ = ("_full", "_lock", "_pieces", "_seen", "_size", "_start")

    def __init__(self, start: int) -> None:
        self._lock = threading.Lock()
        self._start = start
        self._pieces: list[bytes] = []
        self._size = 0
        self._seen = 0
        self._full = start >= KEPT

    def add(self, text: str) -> None:
        """Collect a piece of output, up to the limit. May be called on any thread."""
        if self._full:
            return
        data = text.encode("utf-8", "surrogateescape")
        with self._lock:
            known = self._start + self._size - self._seen  # bytes that were printed before the run was resumed
            self._seen += len(data)
            data = data[known:]
            if not data:
                return
            room = KEPT - self._start - self._size
            if len(data) > room:
                data, self._full = data[:room] + _CUT, True
            self._pieces.append(data)
            self._size += len(data)

    def take(self) -> tuple[int, bytes]:
        """Remove and return what was collected, with the offset of its first byte."""
        if not self._pieces:
            return self._start, b""
        with self._lock:
            found = self._start, b"".join(self._pieces)
            self._start += self._size
            self._pieces, self._size = [], 0
        return found

    def put_back(self, start: int, data: bytes) -> None:
        """Return what :meth:`take` removed, because it could not be saved."""
        with self._lock:
            self._start = start
            self._pieces.insert(0, data)
            self._size += len(data)


def kept_length(journal: Journal, run: str) -> int:
    """How many bytes of a run's output are saved without a gap, counted from the first."""
    rows = journal.read("SELECT start, length(data) FROM luahost_output WHERE run = :run ORDER BY start", {"run": run})
    at = 0
    for begins, length in rows:
        if begins > at:
            break
        at = max(at, int(begins) + int(length))
    return at


def cut_output(run: str, start: int) -> list[Statement]:
    """Statements that delete a run's saved output from the offset ``start``."""
    values = [{"id": run, "start": start}]
    return [
        ("DELETE FROM luahost_output WHERE run = :id AND start >= :start", values),
        (
            "UPDATE luahost_output SET data = substr(data, 1, CAST(:start - start AS INTEGER)) "
            "WHERE run = :id AND start + length(data) > :start",
            values,
        ),
    ]


def joined(pieces: Iterable[tuple[int, bytes]], start: int = 0) -> tuple[bytes, int]:
    """Join pieces, given in order, from the offset ``start``; returns the bytes and the offset where they end.

    Pieces overlap where a resumed run printed the same bytes again.
    """
    found, at = bytearray(), start
    for begins, data in pieces:
        found += data[max(0, at - begins) :]
        at = max(at, begins + len(data))
    return bytes(found), at


def kept_output(journal: Journal, run: str, start: int = 0) -> tuple[bytes, int]:
    """The saved output of a run from the offset ``start``, and the offset where it ends."""
    rows = journal.read(
        "SELECT start, data FROM luahost_output WHERE run = :run AND start + length(data) > :start ORDER BY start",
        {"run": run, "start": start},
    )
    return joined([(int(begins), bytes(data)) for begins, data in rows], start)


def end_of_output(journal: Journal, run: str) -> tuple[str, bool]:
    """The end of a run's saved output, and whether there is more before it."""
    rows = journal.read(
        "SELECT start, data FROM luahost_output WHERE run = :run ORDER BY start DESC LIMIT :limit",
        {"run": run, "limit": PIECES},
    )
    pieces = [(int(begins), bytes(data)) for begins, data in rows[::-1]]
    first = pieces[0][0] if pieces else 0
    whole, _ = joined(pieces, first)
    return whole[-LONGEST_END:].decode("utf-8", "replace"), first > 0 or len(whole) > LONGEST_END
