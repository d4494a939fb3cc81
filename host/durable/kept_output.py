"""What durable runs print, as it is kept beside their records: in pieces by their first byte, up to a limit."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from host.durable.database import Statement

if TYPE_CHECKING:
    from host.durable.journal import Journal

__all__ = ["KEEP_OUTPUT", "KEPT", "OutputKeeper", "cut_output", "end_of_output", "joined", "kept_length", "kept_output"]

KEPT: Final = 1 << 20  # bytes of each run
LONGEST_END: Final = 64 * 1024  # bytes that are shown of the end
PIECES: Final = 64  # that are read for it
_CUT: Final = b"\n[more was printed, and is not kept]\n"

KEEP_OUTPUT: Final = (
    "INSERT INTO luahost_output (run, start, data) SELECT :id, :start, :data FROM luahost_run WHERE id = :id "
    "AND owner = :owner AND NOT EXISTS (SELECT 1 FROM luahost_output WHERE run = :id AND start = :start)"
)
"""Keeps a piece, if the run is still its owner's."""


class OutputKeeper:
    """Takes all output of one run, secrets masked, in its order. The first ``start`` bytes of it are kept already."""

    __slots__ = ("_full", "_lock", "_pieces", "_seen", "_size", "_start")

    def __init__(self, start: int) -> None:
        self._lock = threading.Lock()
        self._start = start
        self._pieces: list[bytes] = []
        self._size = 0
        self._seen = 0
        self._full = start >= KEPT

    def add(self, text: str) -> None:
        """Keep a piece of output, up to the limit. On any thread."""
        if self._full:
            return
        data = text.encode("utf-8", "surrogateescape")
        with self._lock:
            known = self._start + self._size - self._seen  # of what was printed before the run was taken up again
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
        """The place of the first byte that was not taken yet, and what there is from it on."""
        if not self._pieces:
            return self._start, b""
        with self._lock:
            found = self._start, b"".join(self._pieces)
            self._start += self._size
            self._pieces, self._size = [], 0
        return found

    def put_back(self, start: int, data: bytes) -> None:
        """What was taken could not be written down."""
        with self._lock:
            self._start = start
            self._pieces.insert(0, data)
            self._size += len(data)


def kept_length(journal: Journal, run: str) -> int:
    """How many bytes of a run's output are kept, from its first on."""
    rows = journal.read("SELECT start, length(data) FROM luahost_output WHERE run = :run ORDER BY start", {"run": run})
    at = 0
    for begins, length in rows:
        if begins > at:
            break
        at = max(at, int(begins) + int(length))
    return at


def cut_output(run: str, start: int) -> list[Statement]:
    """What forgets a run's output from that byte on."""
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
    """What pieces in their order hold from the byte ``start`` on, and where that ends. They overlap where a run that
    was taken up again printed the same again."""
    found, at = bytearray(), start
    for begins, data in pieces:
        found += data[max(0, at - begins) :]
        at = max(at, begins + len(data))
    return bytes(found), at


def kept_output(journal: Journal, run: str, start: int = 0) -> tuple[bytes, int]:
    """What a run printed from that byte on, as far as it is kept; and where that ends."""
    rows = journal.read(
        "SELECT start, data FROM luahost_output WHERE run = :run AND start + length(data) > :start ORDER BY start",
        {"run": run, "start": start},
    )
    return joined([(int(begins), bytes(data)) for begins, data in rows], start)


def end_of_output(journal: Journal, run: str) -> tuple[str, bool]:
    """The end of what a run printed, and whether there was more before it."""
    rows = journal.read(
        "SELECT start, data FROM luahost_output WHERE run = :run ORDER BY start DESC LIMIT :limit",
        {"run": run, "limit": PIECES},
    )
    pieces = [(int(begins), bytes(data)) for begins, data in rows[::-1]]
    first = pieces[0][0] if pieces else 0
    whole, _ = joined(pieces, first)
    return whole[-LONGEST_END:].decode("utf-8", "replace"), first > 0 or len(whole) > LONGEST_END
