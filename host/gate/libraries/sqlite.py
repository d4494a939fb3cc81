"""SQLite connections that do for a script what it may do, and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["BUSY", "Guard", "opener"]

BUSY = 5.0  # seconds a statement waits for another connection's lock
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


class Guard:
    """Says what statements on one SQLite connection may do: ``read``, ``write``, or all that the host
    does."""

    def __init__(self) -> None:
        self.mode = "host"

    def __call__(self, action: int, first: str | None, second: str | None, *_: Any) -> int:
        if self.mode == "host":
            return sqlite3.SQLITE_OK
        if action in _NEVER:
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_PRAGMA:
            name = (first or "").lower()
            mine = name in _PRAGMAS or (name in _PRAGMAS_READ and second is None)
            mine = mine or (self.mode == "write" and name in ("user_version", "application_id"))
            return sqlite3.SQLITE_OK if mine else sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FUNCTIONS:
            return sqlite3.SQLITE_DENY
        if self.mode == "read" and action not in _READS:
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK


def opener(path: str) -> Callable[..., Any]:
    """What makes aiosqlite's connections to a file, guarded before a script's first statement."""
    import aiosqlite  # loaded with the first SQLite database

    def connect() -> sqlite3.Connection:
        # No statement cache: a cached statement would not be asked about again in another mode.
        made = sqlite3.connect(path, timeout=BUSY, isolation_level=None, cached_statements=0)
        made.execute("PRAGMA foreign_keys = ON")
        made.text_factory = _text
        for limit, value in _LIMITS:
            made.setlimit(limit, value)
        return made

    async def open_(*_: Any, **__: Any) -> Any:
        connection: Any = aiosqlite.Connection(connect, 64)
        connection.guard = guard = Guard()
        connection._thread.daemon = True  # as SQLAlchemy does: a host left open must not keep the process
        await connection
        await connection.set_authorizer(guard)
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
