"""SQLite connections that do for a script what it may do, and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Literal

from host.sqlite_file import USES, open_sqlite

__all__ = ["BUSY", "Guard", "Mode", "opener"]

BUSY = USES["scripts"].busy
LARGEST = 64 << 20  # bytes of one value

# What SQLite asks before each thing a statement does (sqlite3_set_authorizer).
_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_NEVER = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT}
_FUNCTIONS = {
    "load_extension",
    "regexp",
    "fts3_tokenizer",
}  # regexp is SQLAlchemy's, in Python: it can run away
_PRAGMAS = {
    "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
    "foreign_key_check", "integrity_check", "quick_check", "collation_list", "function_list",
}  # fmt: skip
_PRAGMAS_READ = {
    "user_version",
    "application_id",
    "encoding",
    "page_count",
    "page_size",
    "foreign_keys",
    "data_version",
}


_TEMPORARY = {
    getattr(sqlite3, f"SQLITE_{verb}_TEMP_{what}")
    for verb in ("CREATE", "DROP")
    for what in ("INDEX", "TABLE", "TRIGGER", "VIEW")
}
_OF_BEFORE = {"last_insert_rowid", "changes", "total_changes"}  # report on the connection's earlier statements

Mode = Literal["read", "write", "host"]


class Guard:
    """Says what statements on one SQLite connection may do: ``read``, ``write``, or all that the host does.

    In a ``transaction`` of a file's they may make temporary objects: the connection is then closed with it, as nothing
    else surely removes them. ``reason`` says why the last statement was refused, where SQLite itself does not.
    """

    def __init__(self, memory: bool = False) -> None:
        self.mode: Mode = "host"
        self.transaction = False
        self.has_written = False
        self.reason = ""
        self._memory = memory
        self._has_temporary = False
        self._weigh: Callable[[Sequence[Any]], None] | None = None

    def begin(self, mode: Mode, weigh: Callable[[Sequence[Any]], None] | None = None) -> None:
        """The next statement is asked for in ``mode``; ``weigh`` gets each of its rows, and may raise."""
        self.mode, self.reason, self._weigh = mode, "", weigh

    def release(self) -> bool:
        """Whoever had the connection gives it back; True where it is to be closed."""
        spoiled = self._has_temporary
        self.transaction = self.has_written = self._has_temporary = False
        self._weigh = None
        return spoiled

    def row(self, _: Any, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """SQLite's ``row_factory``: each row as it is made."""
        if self._weigh is not None:
            self._weigh(row)
        return row

    def __call__(self, action: int, first: str | None, second: str | None, database: str | None, by: str | None) -> int:
        if self.mode == "host":
            return sqlite3.SQLITE_OK
        if action in _NEVER:
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_PRAGMA:
            name = (first or "").lower()
            mine = name in _PRAGMAS or (name in _PRAGMAS_READ and second is None)
            mine = mine or (self.mode == "write" and name in ("user_version", "application_id"))
            return sqlite3.SQLITE_OK if mine else sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_FUNCTION and not self._may_call((second or "").lower(), by):
            return sqlite3.SQLITE_DENY
        if self.mode == "read" and action not in _READS:
            return sqlite3.SQLITE_DENY
        if action not in _READS and (action in _TEMPORARY or database == "temp"):
            return self._temporary()
        return sqlite3.SQLITE_OK

    def _may_call(self, function: str, by: str | None) -> bool:
        if function in _FUNCTIONS:
            return False
        if function in _OF_BEFORE and by is None and not (self.transaction and self.has_written):
            self.reason = (
                f"{function}() would report on another run's statement; sql.execute gives last_id and affected, "
                "and in a transaction that has changed something it may be asked"
            )
            return False
        return True

    def _temporary(self) -> int:
        if self._memory or not self.transaction:
            self.reason = "temporary objects are of one connection, and each statement may get another"
            self.reason += "; a database in memory needs none" if self._memory else "; make them in sql.transaction"
            return sqlite3.SQLITE_DENY
        self._has_temporary = True
        return sqlite3.SQLITE_OK


def opener(path: str | None) -> Callable[..., Any]:
    """What makes aiosqlite's connections to a file (``None``: to one database in memory), guarded before a script's
    first statement."""
    import aiosqlite  # loaded with the first SQLite database

    def connect() -> sqlite3.Connection:
        made = open_sqlite(path or ":memory:", "scripts")
        made.text_factory = _text
        for limit, value in _LIMITS:
            made.setlimit(limit, value)
        return made

    async def open_(*_: Any, **__: Any) -> Any:
        connection: Any = aiosqlite.Connection(connect, 64)
        connection.guard = guard = Guard(memory=path is None)
        connection._thread.daemon = True  # as SQLAlchemy does: a host left open must not keep the process
        await connection
        await connection.set_authorizer(guard)
        connection.row_factory = guard.row
        return connection

    return open_


_LIMITS: Sequence[tuple[int, int]] = (
    (sqlite3.SQLITE_LIMIT_LENGTH, LARGEST),
    (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 1 << 20),
    (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
    (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000),
    (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
)


def _text(data: bytes) -> str | bytes:
    """A text as SQLite has it: bytes where it is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
