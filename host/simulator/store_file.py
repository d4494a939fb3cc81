"""The SQLite file that a store keeps its objects and saved answers in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from host.errors import ConfigError
from host.sqlite_file import fault_of, open_sqlite

SCHEMA_VERSION = 1


class StoreFile:
    """The file; opened and prepared when made. Raises :class:`ConfigError` if it cannot be used."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        import sqlite3  # slow to import, and most stores are in memory

        self.path = os.fspath(path)
        try:
            self._db = open_sqlite(self.path, "simulator")
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
        except sqlite3.Error as error:
            if fault_of(error) == "unwritable":
                raise ConfigError(f"cannot open the simulator's state in {self.path}: {error}") from error
            if fault_of(error) == "locked":
                raise ConfigError(
                    f"the simulator's state in {self.path} is in use by another simulator or program",
                    hint="One has it at a time, until it is closed: wait for that, or name another file.",
                ) from error
            raise ConfigError(
                f"cannot use the simulator's state in {self.path}: {error}", hint="Name a file that does not exist yet."
            ) from error

    def _prepare(self) -> None:
        db = self._db
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version not in (0, SCHEMA_VERSION):
            raise ConfigError(
                f"the simulator's state in {self.path} is of version {version}, "
                f"but this program reads version {SCHEMA_VERSION}"
            )
        db.execute("BEGIN IMMEDIATE")
        db.execute(
            "CREATE TABLE IF NOT EXISTS object (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT "
            "NULL,  place INTEGER NOT NULL, body BLOB NOT NULL, under TEXT NOT NULL, deleted INTEGER NOT "
            "NULL,  UNIQUE (kind, id))"
        )
        db.execute(
            "CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, fingerprint BLOB NOT NULL,"
            " status INTEGER NOT NULL, body BLOB NOT NULL, request_id TEXT NOT NULL, at REAL NOT NULL)"
        )
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")

    def objects(self) -> Iterator[tuple[str, str, int, bytes, str, int]]:
        """(kind, id, place, body, under, deleted) of every object, in the order in which they were first written."""
        yield from self._db.execute("SELECT kind, id, place, body, under, deleted FROM object ORDER BY seq")

    def answers(self) -> Iterator[tuple[Any, ...]]:
        """(key, fingerprint, status, body, request_id, at) of every saved answer."""
        yield from self._db.execute("SELECT key, fingerprint, status, body, request_id, at FROM answer")

    def write(self, objects: list[tuple[Any, ...]], answers: list[tuple[Any, ...]]) -> None:
        """Write rows as :meth:`objects` and :meth:`answers` read them, all or none."""
        db = self._db
        db.execute("BEGIN")
        try:
            db.executemany(
                "INSERT INTO object (kind, id, place, body, under, deleted) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, deleted = excluded.deleted",
                objects,
            )
            db.executemany("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?)", answers)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()
