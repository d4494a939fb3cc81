"""The database of a journal: its tables, and one small interface for the two kinds of database.

SQLite is used through Python's own module, which needs no dependency and is quicker than SQLAlchemy to load and for
each row. Every other database is used through SQLAlchemy. The statements are the same for both.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from host.durable.file_watch import Watch
from host.durable.records import VERSION
from host.errors import ConfigError, JournalError
from host.sqlite_file import USES, fault_of, open_sqlite

Statement = tuple[str, Sequence[Mapping[str, Any]]]
"""SQL with ``:name`` parameters, and the values for each execution."""


class MustChange(str):
    """SQL that must change a row. If it changes none, another process has written meanwhile: nothing is committed."""

    __slots__ = ()


LOCKED: Final = USES["journal"].busy  # seconds to wait for another process's transaction, in any database

# Column → its type. BLOB is the one type whose name differs.
TABLES: Final[dict[str, dict[str, str]]] = {
    "luahost_run": {
        "id": "TEXT PRIMARY KEY",
        "script": "TEXT NOT NULL",
        "source": "BLOB NOT NULL",
        "folder": "TEXT",
        "args": "BLOB NOT NULL",
        "globals": "BLOB NOT NULL",
        "base": "TEXT NOT NULL",
        "mode": "TEXT NOT NULL",
        "account": "TEXT NOT NULL",
        "simulator": "TEXT",
        "generation": "INTEGER NOT NULL",
        "status": "TEXT NOT NULL",
        "created": "DOUBLE PRECISION NOT NULL",
        "updated": "DOUBLE PRECISION NOT NULL",
        "owner": "TEXT",
        "lease": "DOUBLE PRECISION NOT NULL",
        "printed": "BIGINT NOT NULL",
        "calls": "BIGINT NOT NULL",
        "value": "BLOB NOT NULL",
        "error": "TEXT",
        "exit_status": "INTEGER",
    },
    "luahost_record": {
        "run": "TEXT NOT NULL",
        "seq": "BIGINT NOT NULL",
        "kind": "TEXT NOT NULL",
        "path": "TEXT NOT NULL",
        "n": "BIGINT NOT NULL",
        "at": "DOUBLE PRECISION NOT NULL",
        "name": "TEXT NOT NULL",
        "line": "INTEGER",
        "digest": "BLOB NOT NULL",
        "data": "BLOB NOT NULL",
        "PRIMARY KEY": "(run, seq)",
    },
    "luahost_event": {
        "inbox": "TEXT NOT NULL",
        "id": "TEXT NOT NULL",
        "type": "TEXT NOT NULL",
        "object": "TEXT NOT NULL",
        "payload": "TEXT NOT NULL",
        "created": "DOUBLE PRECISION NOT NULL",
        "received": "DOUBLE PRECISION NOT NULL",
        "status": "TEXT NOT NULL",
        "attempts": "INTEGER NOT NULL",
        "due": "DOUBLE PRECISION NOT NULL",
        "PRIMARY KEY": "(inbox, id)",
    },
    "luahost_cursor": {"inbox": "TEXT PRIMARY KEY", "seen": "DOUBLE PRECISION NOT NULL"},
    "luahost_output": {
        "run": "TEXT NOT NULL",
        "start": "BIGINT NOT NULL",
        "data": "BLOB NOT NULL",
        "PRIMARY KEY": "(run, start)",
    },
    "luahost_cancel": {
        "run": "TEXT NOT NULL",
        "owner": "TEXT NOT NULL",
        "at": "DOUBLE PRECISION NOT NULL",
        "PRIMARY KEY": "(run, owner)",
    },
    "luahost_version": {"version": "INTEGER NOT NULL"},
}
# The second makes lists of many runs quick. A journal created before this index existed does without it: adding it
# would need a new version of the tables, which earlier versions of this program could not open.
INDEXES: Final = {
    "luahost_event_due": "luahost_event (inbox, status, due)",
    "luahost_run_created": "luahost_run (created, id)",
}


def _made(table: str) -> str:
    columns = ", ".join(f"{name} {kind}" for name, kind in TABLES[table].items())
    return f"CREATE TABLE IF NOT EXISTS {table} ({columns})"


def _indexed() -> list[str]:
    return [f"CREATE INDEX IF NOT EXISTS {name} ON {on}" for name, on in INDEXES.items()]


# Version → the statements that bring the previous version's tables up to it.
CHANGES: Final[dict[int, list[str]]] = {
    2: ["ALTER TABLE luahost_run ADD COLUMN exit_status INTEGER"],
    3: [],  # no new columns: records and statuses that an earlier version would misread
    4: [_made("luahost_event"), _made("luahost_cursor"), *_indexed()],
    5: [_made("luahost_output"), _made("luahost_cancel")],
}


class Conflict(JournalError):
    """A row with this key exists already, or a row to be changed is not as it was: another process has written."""


class JournalLost(JournalError):
    """The journal can no longer be written: its file was deleted, replaced or truncated, or its server is gone."""


class NoJournal(JournalError):
    """There is none where one was to be read."""

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="The first durable run makes it; --journal and HOST_JOURNAL name another one.")


class Damaged(JournalError):
    """The file is not a journal, is incomplete, or contains a record that cannot be read."""


class JournalDatabase(Protocol):
    """A database of journals, thread-safe. Raises :class:`JournalError`; :class:`Conflict` if a key exists already."""

    name: str  # for messages, without a password
    now: str  # SQL for seconds since 1970, by the clock that all users of the database share

    def clock(self) -> float:
        """Seconds since 1970, by the same clock."""

    def measure_clock(self) -> None:
        """Measure again how far that clock differs from this machine's, if it is another one."""

    def write(self, statements: Sequence[Statement]) -> int:
        """Execute statements in one transaction, which is on disk when this returns.

        Returns how many rows the last statement changed. Raises :class:`Conflict` if a :class:`MustChange` statement
        changed none.
        """

    def read(self, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query."""

    def close(self) -> None:
        """Close it; a second call does nothing."""


def insert(table: str) -> str:
    """The statement that adds a row, with a parameter for each column of ``table``."""
    names = [name for name in TABLES[table] if name.isidentifier()]
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)})"  # noqa: S608 - names of this file


def check_changed(name: str, sql: str, changed: int) -> None:
    """Raise :class:`Conflict` if ``sql`` is a :class:`MustChange` statement and changed no row."""
    if changed < 1 and isinstance(sql, MustChange):
        raise Conflict(f"the journal {name}: another process has changed the same row")


def without_password(url: str) -> str:
    """A database's URL with its password masked."""
    if "://" not in url:
        return url
    hidden = re.sub(r"(://[^:/?#@\s]*):[^/?#\s]*@", r"\1:***@", url)
    return re.sub(r"([?&](?:password|passwd|pwd)=)[^&]*", r"\1***", hidden, flags=re.IGNORECASE)


def open_database(url: str, *, existing: bool = False) -> JournalDatabase:
    """Open a path, ``sqlite:///PATH`` or any URL that SQLAlchemy accepts; create the tables if they are missing.

    With ``existing`` nothing is created; :class:`NoJournal` is raised where there is no journal.
    """
    database: JournalDatabase
    if "://" not in url or url.startswith(("sqlite:///", "sqlite+pysqlite:///")):
        path = url.removeprefix("sqlite:///").removeprefix("sqlite+pysqlite:///")
        if not path or path == ":memory:":
            raise ConfigError(f"the journal {url!r} names no file, and only a file outlives the process")
        if existing and not os.path.exists(path):
            raise NoJournal(f"there is no journal {path}: the file does not exist")
        database = SQLite(path)
    else:
        from host.durable.sqlalchemy_database import Engine  # an optional dependency

        database = Engine(url)
    try:
        prepare(database, existing=existing)
    except BaseException:
        database.close()
        raise
    return database


def prepare(database: JournalDatabase, *, existing: bool = False) -> None:
    """Create missing tables, and update those of an earlier version.

    Raises :class:`JournalError` for a journal of a later version, and for missing tables with ``existing``.
    """
    binary = "BLOB" if isinstance(database, SQLite) else database.binary  # type: ignore[attr-defined]
    try:
        rows = database.read("SELECT version FROM luahost_version")
    except JournalError as error:
        if isinstance(error, Damaged) or (existing and "luahost_version" not in error.message):
            raise
        rows = []
    if not rows and existing and not _is_fleet(database):
        raise NoJournal(f"there is no journal in {database.name}")
    if not rows:
        made: list[Statement] = [
            (sql, [{}]) for sql in (*(_made(table).replace("BLOB", binary) for table in TABLES), *_indexed())
        ]
        made.append(
            (
                "INSERT INTO luahost_version (version) SELECT :version "
                "WHERE NOT EXISTS (SELECT 1 FROM luahost_version)",
                [{"version": VERSION}],
            )
        )
        try:
            database.write(made)
        except JournalError:  # another process, or the fleet in this one, creates them at the same moment
            with contextlib.suppress(JournalError):
                rows = database.read("SELECT version FROM luahost_version")
            if not rows:
                database.write(made)
    for (version,) in rows:
        if version > VERSION:
            raise JournalError(
                f"the journal {database.name} was written by a later version of this program "
                f"(its tables are version {version}, this one knows {VERSION})",
                hint="update luahost, or name another journal",
            )
        if version < VERSION:
            _bring_up(database, version, binary)


def _is_fleet(database: JournalDatabase) -> bool:
    """Whether it is a fleet's, whose first worker makes the journal."""
    with contextlib.suppress(JournalError):
        return bool(database.read("SELECT version FROM luahost_fleet_version"))
    return False


def _bring_up(database: JournalDatabase, version: int, binary: str) -> None:
    """Update the tables of an earlier version, in one transaction."""
    changes = [sql.replace("BLOB", binary) for step in range(version + 1, VERSION + 1) for sql in CHANGES[step]]
    made: list[Statement] = [(sql, [{}]) for sql in changes]
    made.append(("UPDATE luahost_version SET version = :version", [{"version": VERSION}]))
    try:
        database.write(made)
    except JournalError:  # another process does so at the same moment
        if database.read("SELECT version FROM luahost_version") != [(VERSION,)]:
            database.write(made)


class SQLite:
    """A SQLite file, through Python's own module; ``host.sqlite_file`` opens it.

    All its users run on one machine and use that machine's clock: the parameter ``:now`` of each statement.
    """

    now = ":now"

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
