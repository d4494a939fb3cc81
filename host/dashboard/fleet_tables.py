"""What the tables of a fleet say of its queues, workers, schedules and submitted runs, page by page.

Times are given as seconds since 1970, ages by the database's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from host.fleet.database import FleetDatabase  # an extra
    from host.fleet.jobs import JobRow

__all__ = ["FleetTables", "QueueCount", "ScheduleRow", "SubmittedRun", "WorkerRow"]


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
    """Reads them. Raises :class:`JournalError`."""

    def __init__(self, database: FleetDatabase) -> None:
        self._database = database

    def queues(self, *, after: str, limit: int) -> list[QueueCount]:
        """Queues in which something waits or runs, by name."""
        rows = self._read(
            "SELECT queue, "  # noqa: S608 - texts of this file
            "COUNT(*) FILTER (WHERE status = 'queued' AND (due IS NULL OR due <= now())), "
            "COUNT(*) FILTER (WHERE status = 'queued' AND due > now()), COUNT(*) FILTER (WHERE status = 'running'), "
            f"MIN({_seconds('COALESCE(due, submitted)')}) FILTER (WHERE status = 'queued') "
            "FROM luahost_job WHERE status IN ('queued', 'running') AND queue > %(after)s "
            "GROUP BY queue ORDER BY queue LIMIT %(limit)s",
            after=after, limit=limit,
        )  # fmt: skip
        return [QueueCount(*row) for row in rows]

    def waiting(self, queue: str, *, after: str, limit: int) -> list[SubmittedRun]:
        """What waits or runs in a queue, by id."""
        rows = self._read(
            f"SELECT {_SUBMITTED} FROM luahost_job WHERE status IN ('queued', 'running') AND queue = %(queue)s "  # noqa: S608 - texts of this file
            "AND id > %(after)s ORDER BY id LIMIT %(limit)s",
            queue=queue, after=after, limit=limit,
        )  # fmt: skip
        return [SubmittedRun(*row) for row in rows]

    def workers(self, *, after: str, limit: int) -> list[WorkerRow]:
        """Workers by name, the lost ones included as long as the fleet keeps them."""
        columns = _columns(WorkerRow).replace("silent", _seconds("(now() - beat)"))
        rows = self._read(
            f"SELECT {columns} FROM luahost_worker WHERE name > %(after)s ORDER BY name LIMIT %(limit)s",  # noqa: S608 - texts of this file
            after=after, limit=limit,
        )  # fmt: skip
        return [WorkerRow(*row) for row in rows]

    def schedules(self, *, after: str, limit: int) -> list[ScheduleRow]:
        """Schedules by name."""
        rows = self._read(
            f"SELECT name, cron, zone, {_seconds('next')}, {_seconds('created')} FROM luahost_schedule "  # noqa: S608 - texts of this file
            "WHERE name > %(after)s ORDER BY name LIMIT %(limit)s",
            after=after, limit=limit,
        )  # fmt: skip
        return [ScheduleRow(*row) for row in rows]

    def submitted(self, run: str) -> JobRow | None:
        """What was asked for under this id."""
        from host.fleet.jobs import job

        return job(self._database, run)

    def why(self, found: JobRow) -> str | None:
        """Why a run waits, as far as that is known."""
        from host.fleet.jobs import waiting

        return waiting(self._database, found)

    def cancel(self, run: str) -> None:
        """Cancel a run, or have its worker end it. Raises ``UsageError`` for one that has ended."""
        from host.fleet.jobs import cancel

        cancel(self._database, run)

    def retry(self, run: str) -> None:
        """Have a run that ended without being done go on. Raises ``UsageError`` for another."""
        from host.fleet.jobs import retry

        retry(self._database, run)

    def _read(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._database.rows(sql, values)
