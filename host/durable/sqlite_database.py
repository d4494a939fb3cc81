"""A journal in a SQLite file, through Python's own module."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from host.durable.database import LOCKED, Conflict, Damaged, JournalLost, Statement, check_changed
from host.durable.file_watch import Watch
from host.errors import JournalError
from host.sqlite_file import fault_of, open_sqlite

__all__ = ["SQLite"]


class SQLite:
    """A SQLite file, through Python's own module; ``host.sqlite_file`` opens it.

    All its users run on one machine and use that machine's clock: the parameter ``:now`` of each statement.
    """

    now = ":now"
    binary = "BLOB"

    def __init__(self, path: str) -> None:
        import sqlite3  # loads a library of 1.5 MB, for durable runs only

        self._sqlite3 = sqlite3
        self.name = path
        self._lock = threading.RLock()
        try:
            self._db = open_sqlite(path, "journal")
        except OSError as error:
            raise JournalError(f"the journal {path} cannot be opened: {error.strerror}") from error
        except sqlite3.Error as error:
            raise self._translated(error) from error
        self._watch = Watch(path)

    def clock(self) -> float:
        return time.time()

    def measure_clock(self) -> None:
        """Does nothing: the clock is this machine's."""

    def write(self, statements: Sequence[Statement]) -> int:
        with self._lock:
            db = self._db
            self._check_there()
            try:
                db.execute("BEGIN IMMEDIATE")
                changed = 0
                for sql, values in statements:
                    changed = db.executemany(sql, values).rowcount if values != [{}] else db.execute(sql).rowcount
                    check_changed(self.name, sql, changed)
                db.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(self._sqlite3.Error):
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                if isinstance(error, self._sqlite3.Error):
                    raise self._translated(error) from error
                raise
            self._check_there()
            return changed

    def _check_there(self) -> None:
        fault = self._watch.fault()
        if fault is not None:
            raise JournalLost(
                f"the journal {self.name} is no longer there: {fault} while it was in use",
                hint="restore the file, or check what was done and start over: what was done since is not recorded",
            )

    def read(self, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._db.execute(sql, values or {}).fetchall()
            except self._sqlite3.Error as error:
                raise self._translated(error) from error

    def close(self) -> None:
        with self._lock, contextlib.suppress(self._sqlite3.Error):
            self._db.close()

    def _translated(self, error: Exception) -> JournalError:
        if isinstance(error, self._sqlite3.IntegrityError):
            return Conflict(f"the journal {self.name}: {error}")
        match fault_of(error):
            case "damaged":
                return Damaged(
                    f"the journal {self.name} is damaged: {error}",
                    hint="keep the file: sqlite3 FILE .recover reads what is left; name another with --journal",
                )
            case "full":
                return JournalError(f"the journal {self.name} cannot be written: the disk is full")
            case "locked":
                return JournalError(
                    f"the journal {self.name} has been locked by another program for more than {LOCKED:.0f} s"
                )
            case "unwritable":
                return JournalError(f"the journal {self.name} cannot be written: {error}")
            case "other":
                return JournalError(f"the journal {self.name} failed: {error}")
