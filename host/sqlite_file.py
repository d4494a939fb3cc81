"""How SQLite is opened, for each use the host has of it: one table, one function."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    import sqlite3

__all__ = ["USES", "SqliteFault", "SqliteUse", "fault_of", "open_sqlite"]

SqliteFault = Literal["damaged", "full", "locked", "unwritable", "other"]


class SqliteUse(NamedTuple):
    """``busy`` is how many seconds a statement waits for another connection's lock, ``pragmas`` are set at once.

    ``private``: a new file, and a new folder for it, are their owner's alone. ``cached``: prepared statements kept.
    """

    busy: float
    pragmas: tuple[str, ...]
    private: bool = False
    cached: int = 128


USES: Final[Mapping[str, SqliteUse]] = {
    # Each commit is on the disk before it returns: neither kill -9 nor a power cut loses what a run has done. Answers
    # hold what an API said of customers, so nobody else may read them.
    "journal": SqliteUse(10.0, ("journal_mode = WAL", "synchronous = FULL"), private=True),
    # Counts of several processes. A power cut may lose the last sums, a crash of the process none.
    "spending": SqliteUse(10.0, ("journal_mode = WAL", "synchronous = NORMAL"), private=True),
    # One process has the file for as long as it lives, so waiting for it would be in vain. What is written outlives the
    # process; it is not forced to the disk, because a simulator's objects can be made again.
    "simulator": SqliteUse(0.0, ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = OFF")),
    # A script's own database, as its owner set it up. A cached statement would not be asked about again when the next
    # script may do less.
    "scripts": SqliteUse(5.0, ("foreign_keys = ON",), cached=0),
}


def open_sqlite(path: str | os.PathLike[str], use: str) -> sqlite3.Connection:
    """A connection for a use of ``USES``, for any thread, one at a time; transactions are begun and ended by its owner.

    Raises ``OSError`` where a private file cannot be made, ``sqlite3.Error`` where SQLite cannot open or set it up.
    """
    import sqlite3  # a library of 1.5 MB, and most runs keep nothing

    how = USES[use]
    if how.private:
        _make_private(os.fspath(path))
    made = sqlite3.connect(
        path, timeout=how.busy, isolation_level=None, check_same_thread=False, cached_statements=how.cached
    )
    try:
        for pragma in how.pragmas:
            made.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        made.close()
        raise
    return made


def _make_private(path: str) -> None:
    """Make the file where it is new; SQLite gives those beside it the same mode.

    Only there: closing a file drops all locks the process has on it (sqlite.org/howtocorrupt.html, 2.2).
    """
    os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600))
    except FileExistsError:
        return


def fault_of(error: Exception) -> SqliteFault:
    """What is wrong with the file, by SQLite's own code."""
    import sqlite3  # loaded by whoever has such an error

    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of an extended code says where
    faults: dict[int, SqliteFault] = {
        sqlite3.SQLITE_NOTADB: "damaged",
        sqlite3.SQLITE_CORRUPT: "damaged",
        sqlite3.SQLITE_FULL: "full",
        sqlite3.SQLITE_BUSY: "locked",
        sqlite3.SQLITE_LOCKED: "locked",
        sqlite3.SQLITE_READONLY: "unwritable",
        sqlite3.SQLITE_PERM: "unwritable",
        sqlite3.SQLITE_CANTOPEN: "unwritable",
    }
    return faults.get(code, "other")
