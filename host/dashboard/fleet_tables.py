"""What the tables of a fleet say of its queues, workers, schedules and submitted runs, page by page.

They are beside the journal's, in one PostgreSQL database; where they are not, there is no fleet. Times are given as
seconds since 1970, ages by the database's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from host.durable.database import JournalLost
from host.durable.journal import Journal
from host.errors import JournalError

__all__ = ["FleetTables", "QueueCount", "ScheduleRow", "SubmittedRun", "WorkerRow"]

LONGEST_OUTPUT: Final = 64 * 1024  # bytes
PIECES: Final = 256  # of output, read at once


def _seconds(column: str) -> str:
    return f"CAST(EXTRACT(EPOCH FROM {column}) AS DOUBLE PRECISION)"


class QueueCount(msgspec.Struct, frozen=True):
    """``oldest`` is when the one that waits longest could have begun."""

    queue: str
    queued: int
    later: int
    running: int
    oldest: float | None


class WorkerRow(msgspec.Struct, frozen=True):
    """``silent`` is how many seconds ago the worker was last heard of; it is alive within its ``lease``."""

    name: str
    machine: str
    pid: int
    version: str
    queues: Any
    concurrency: int
    running: int
    draining: bool
    started: float
    silent: float
    lease: float

    @property
    def state(self) -> str:
        """What it does."""
        return "lost" if self.silent > self.lease else "draining" if self.draining else "alive"


class ScheduleRow(msgspec.Struct, frozen=True):
    """``due`` is when the next run is."""

    name: str
    cron: str
    zone: str
    due: float
    created: float


class SubmittedRun(msgspec.Struct, frozen=True):
    """What was asked for. ``note`` says why it waits, ``worker`` who has it."""

    id: str
    status: str
    queue: str
    priority: int
    script: str
    batch: str | None
    schedule: str | None
    worker: str | None
    attempts: int
    cancel: bool
    note: str | None
    submitted: float
    due: float | None
    started: float | None
    ended: float | None


_TIMES: Final = {"submitted", "due", "started", "ended", "created", "oldest"}


def _columns(row: type[msgspec.Struct]) -> str:
    return ", ".join(_seconds(name) if name in _TIMES else name for name in row.__struct_fields__)


_SUBMITTED: Final = _columns(SubmittedRun)


class FleetTables:
    """Reads them. ``journal`` is in the same database. Raises :class:`JournalError`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._there = False

    @property
    def there(self) -> bool:
        """Whether there is a fleet."""
        try:
            self._there = self._there or bool(self._read("SELECT version FROM luahost_fleet_version"))
            return self._there
        except JournalLost:
            raise
        except JournalError:  # there is no such table
            return False

    def queues(self, *, after: str, limit: int) -> list[QueueCount]:
        """Queues in which something waits or runs, by name."""
        rows = self._read(
            "SELECT queue, "  # noqa: S608 - texts of this file
            "COUNT(*) FILTER (WHERE status = 'queued' AND (due IS NULL OR due <= now())), "
            "COUNT(*) FILTER (WHERE status = 'queued' AND due > now()), COUNT(*) FILTER (WHERE status = 'running'), "
            f"MIN({_seconds('COALESCE(due, submitted)')}) FILTER (WHERE status = 'queued') "
            "FROM luahost_job WHERE status IN ('queued', 'running') AND queue > :after "
            "GROUP BY queue ORDER BY queue LIMIT :limit",
            after=after, limit=limit,
        )  # fmt: skip
        return [QueueCount(*row) for row in rows]

    def waiting(self, queue: str, *, after: str, limit: int) -> list[SubmittedRun]:
        """What waits or runs in a queue, by id."""
        rows = self._read(
            f"SELECT {_SUBMITTED} FROM luahost_job WHERE status IN ('queued', 'running') AND queue = :queue "  # noqa: S608 - texts of this file
            "AND id > :after ORDER BY id LIMIT :limit",
            queue=queue, after=after, limit=limit,
        )  # fmt: skip
        return [SubmittedRun(*row) for row in rows]

    def workers(self, *, after: str, limit: int) -> list[WorkerRow]:
        """Workers by name, the lost ones included as long as the fleet keeps them."""
        columns = _columns(WorkerRow).replace("silent", _seconds("(now() - beat)"))
        rows = self._read(
            f"SELECT {columns} FROM luahost_worker WHERE name > :after ORDER BY name LIMIT :limit",  # noqa: S608 - texts of this file
            after=after, limit=limit,
        )  # fmt: skip
        return [WorkerRow(*row) for row in rows]

    def schedules(self, *, after: str, limit: int) -> list[ScheduleRow]:
        """Schedules by name."""
        rows = self._read(
            f"SELECT name, cron, zone, {_seconds('next')}, {_seconds('created')} FROM luahost_schedule "  # noqa: S608 - texts of this file
            "WHERE name > :after ORDER BY name LIMIT :limit",
            after=after, limit=limit,
        )  # fmt: skip
        return [ScheduleRow(*row) for row in rows]

    def submitted(self, run: str) -> SubmittedRun | None:
        """What was asked for under this id."""
        rows = self._read(f"SELECT {_SUBMITTED} FROM luahost_job WHERE id = :run", run=run)  # noqa: S608 - texts of this file
        return SubmittedRun(*rows[0]) if rows else None

    def output(self, run: str) -> tuple[str, bool]:
        """The end of what a run printed, and whether there was more before it."""
        rows = self._read(
            "SELECT start, data FROM luahost_output WHERE run = :run ORDER BY start DESC LIMIT :limit",
            run=run, limit=PIECES,
        )  # fmt: skip
        return _end(rows)

    def _read(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._journal.read(sql, values)


def _end(pieces: Sequence[tuple[int, bytes]]) -> tuple[str, bool]:
    kept, length = [], 0
    for _, data in pieces:
        kept.append(data)
        length += len(data)
        if length >= LONGEST_OUTPUT:
            break
    data = b"".join(reversed(kept))
    first = pieces[len(kept) - 1][0] if kept else 0
    return data[-LONGEST_OUTPUT:].decode("utf-8", "replace"), first > 0 or length > LONGEST_OUTPUT
