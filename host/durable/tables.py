"""The tables of a journal, of each version; creates them, and updates those of an earlier version."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from host.durable.database import Damaged, JournalDatabase, NoJournal, Statement
from host.durable.records import VERSION
from host.errors import JournalError

__all__ = ["CHANGES", "INDEXES", "TABLES", "insert", "prepare"]

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


def insert(table: str) -> str:
    """The statement that adds a row, with a parameter for each column of ``table``."""
    names = [name for name in TABLES[table] if name.isidentifier()]
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)})"  # noqa: S608 - names of this file


def prepare(database: JournalDatabase, *, existing: bool = False) -> None:
    """Create missing tables, and update those of an earlier version.

    Raises :class:`JournalError` for a journal of a later version, and for missing tables with ``existing``.
    """
    binary = database.binary
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
        rows = _created(database, made)
    for (version,) in rows:
        if version > VERSION:
            raise JournalError(
                f"the journal {database.name} was written by a later version of this program "
                f"(its tables are version {version}, this one knows {VERSION})",
                hint="update luahost, or name another journal",
            )
        if version < VERSION:
            _bring_up(database, version, binary)


def _created(database: JournalDatabase, made: list[Statement]) -> list[tuple[Any, ...]]:
    """Create the tables; returns the version of those that another process has created at the same moment, if any.

    What is created at the same moment is the fleet's part of them, by its one first worker, or all, by another journal:
    after two failures they are there.
    """
    for attempt in range(3):
        try:
            database.write(made)
            break
        except JournalError:
            with contextlib.suppress(JournalError):
                if rows := database.read("SELECT version FROM luahost_version"):
                    return rows
            if attempt == 2:
                raise
    return []


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
