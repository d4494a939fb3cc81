"""The database of a journal: one small interface for the two kinds of database, and its errors.

SQLite is used through Python's own module, which needs no dependency and is quicker than SQLAlchemy to load and for
each row. Every other database is used through SQLAlchemy. The statements are the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from host.errors import JournalError
from host.sqlite_file import USES

Statement = tuple[str, Sequence[Mapping[str, Any]]]
"""SQL with ``:name`` parameters, and the values for each execution."""


class MustChange(str):
    """SQL that must change a row. If it changes none, another process has written meanwhile: nothing is committed."""

    __slots__ = ()


LOCKED: Final = USES["journal"].busy  # seconds to wait for another process's transaction, in any database


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
    binary: str  # its type of columns for bytes

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


def check_changed(name: str, sql: str, changed: int) -> None:
    """Raise :class:`Conflict` if ``sql`` is a :class:`MustChange` statement and changed no row."""
    if changed < 1 and isinstance(sql, MustChange):
        raise Conflict(f"the journal {name}: another process has changed the same row")
