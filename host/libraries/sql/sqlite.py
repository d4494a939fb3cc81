"""SQLite connections that restrict what a script's statements may do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Literal

from host.sqlite_file import USES, open_sqlite

__all__ = ["BUSY", "Guard", "Mode", "opener"]

BUSY = USES["scripts"].busy
LARGEST = 64 << 20  # bytes of one value

# Actions of statements, about which SQLite asks the authorizer (sqlite3_set_authorizer).
_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_NEVER = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT}
_FUNCTIONS = {
    "load_extension",
    "regexp",
    "fts3_tokenizer",
}  # regexp is SQLAlchemy's, in Python, and may run for ever
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
_OF_BEFORE = {"last_insert_rowid", "changes", "total_changes"}  # report on earlier statements

Mode = Literal["read", "write", "host"]


class Guard:
    """Decides what statements on one SQLite connection may do, by the mode: ``read``, ``write``, or ``host`` for all.

    In a ``transaction`` on a database in a file, statements may make temporary objects. The connection is then closed
    with the transaction, since nothing else removes them reliably. ``reason`` says why the last statement was refused,
    if SQLite itself does not.
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
        """Set the mode of the next statement. ``weigh`` is called with each of its rows, and may raise."""
        self.mode, self.reason, self._weigh = mode, "", weigh

    def release(self) -> bool:
        """Reset the state when the connection is released. Returns true if it must be closed."""
        spoiled = self._has_temporary
        self.transaction = self.has_written = self._has_temporary = False
        self._weigh = None
        return spoiled

    def row(self, _: Any, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """SQLite's ``row_factory``, called with each row."""
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
                f"{function}() would report on another run's statement; use last_id and affected of sql.execute, "
                "or call it in a transaction after a change"
            )
            return False
        return True

    def _temporary(self) -> int:
        if self._memory or not self.transaction:
            self.reason = "temporary objects belong to one connection, and each statement may use another"
            self.reason += "; a database in memory needs none" if self._memory else "; make them in sql.transaction"
            return sqlite3.SQLITE_DENY
        self._has_temporary = True
        return sqlite3.SQLITE_OK


def opener(path: str | None) -> Callable[..., Any]:
    """A function that makes guarded aiosqlite connections to the file ``path`` (``None``: a database in memory)."""
    import aiosqlite  # imported with the first SQLite database

    def connect() -> sqlite3.Connection:
        made = open_sqlite(path or ":memory:", "scripts")
        made.text_factory = _text
        for limit, value in _LIMITS:
            made.setlimit(limit, value)
        return made

    async def open_(*_: Any, **__: Any) -> Any:
        connection: Any = aiosqlite.Connection(connect, 64)
        connection.guard = guard = Guard(memory=path is None)
        connection._thread.daemon = True  # as SQLAlchemy does: an open host must not keep the process alive
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
    """Decode a string; one that is not UTF-8 stays bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
