"""The maintenance done by workers: rescuing jobs, submitting scheduled runs, cancelling runs, deleting old ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Final

from host.fleet import claims, lost_jobs
from host.fleet.attendance import Attendance
from host.fleet.database import FleetDatabase
from host.fleet.schedules import submit_due

__all__ = ["Upkeep"]

OFTEN: Final = 1.0  # seconds
DEPTHS: Final = 5.0
SWEEP: Final = 60.0
PIECE: Final = 1000  # runs that are swept away at once


class Upkeep:
    """A worker's periodic maintenance. ``keep`` is the time in seconds for which ended runs are kept."""

    def __init__(self, database: FleetDatabase, lease: float, keep: float, queues: Sequence[str] = ()) -> None:
        self.depths: dict[str, int] = dict.fromkeys(queues, 0)  # runs that wait, by queue
        self._database = database
        self._lease = lease
        self._keep = keep
        self._next: dict[str, float] = {}
        self._unread: dict[str, str] = {}  # schedules that this worker cannot read, and why
        self._counting = 0.0  # seconds that it took to count what waits

    def do(self, running: Mapping[str, Attendance]) -> list[str]:
        """Do the maintenance that is due; returns lines to report. ``running`` are the runs of this worker, by id.

        Raises ``JournalError``.
        """
        told = []
        if self._is_time("rescue", min(OFTEN, self._lease / 3)):
            for run, lost in lost_jobs.rescue(self._database):
                told.append(f"run {run} is taken from {lost}, which was lost")
        if self._is_time("schedules", OFTEN):
            told += self._submit_due()
        if running and self._is_time("cancel", OFTEN):
            for run in claims.to_cancel(self._database, list(running)):
                attendance = running.get(run)
                if attendance is not None:
                    attendance.end("cancelled")
        if self.depths and self._is_time("depths", max(DEPTHS, 100 * self._counting)):
            self._count()
        if self._is_time("sweep", SWEEP):
            self._sweep()
        return told

    @property
    def is_due(self) -> bool:
        """Whether any maintenance is due."""
        return monotonic() >= min(self._next.values(), default=0.0)

    def _is_time(self, what: str, seconds: float) -> bool:
        now = monotonic()
        if now < self._next.get(what, 0.0):
            return False
        self._next[what] = now + seconds
        return True

    def _submit_due(self) -> list[str]:
        """Submit what is due; returns lines about schedules that this worker cannot read, each once."""
        unread = submit_due(self._database)
        told = [f"schedule {name} is left to other workers: {why}" for name, why in unread.items()
                if self._unread.get(name) != why]  # fmt: skip
        self._unread = unread
        return told

    def _count(self) -> None:
        """How many runs wait whose time has come; of a million that takes the database a while, each worker's."""
        start = monotonic()
        rows = self._database.rows(
            "SELECT queue, count(*)::int FROM luahost_job WHERE status = 'queued' AND (due IS NULL OR due <= now()) "
            "AND queue = ANY(%s) GROUP BY queue",
            [list(self.depths)],
        )
        self.depths = {**dict.fromkeys(self.depths, 0), **dict(rows)}
        self._counting = monotonic() - start

    def _sweep(self) -> None:
        """Delete expired runs, dead workers, and texts that nothing refers to."""
        ((swept,),) = self._database.rows(
            "WITH old AS (DELETE FROM luahost_job WHERE id IN (SELECT id FROM luahost_job "
            "WHERE ended < now() - %(keep)s * interval '1 second' LIMIT %(piece)s FOR UPDATE SKIP LOCKED) "
            "RETURNING id, status), "
            "output AS (DELETE FROM luahost_output USING old WHERE run = old.id), "
            "forgotten AS (SELECT id FROM old WHERE status = 'done'), "
            "records AS (DELETE FROM luahost_record USING forgotten WHERE run = forgotten.id), "
            "runs AS (DELETE FROM luahost_run USING forgotten WHERE luahost_run.id = forgotten.id) "
            "SELECT count(*) FROM old",
            {"keep": self._keep, "piece": PIECE},
        )
        if swept == PIECE:  # there are more
            self._next["sweep"] = monotonic() + OFTEN
        self._database.rows(
            "WITH gone AS (DELETE FROM luahost_worker WHERE beat + 10 * lease * interval '1 second' < now() "
            "RETURNING number) DELETE FROM procrastinate_workers USING gone WHERE id = gone.number"
        )
        self._database.rows(
            "DELETE FROM luahost_text WHERE used < now() - %s * interval '1 second' AND NOT EXISTS "
            "(SELECT FROM luahost_job WHERE text = sha256 OR modules::text LIKE '%%' || sha256 || '%%') AND NOT EXISTS "
            "(SELECT FROM luahost_schedule WHERE position(convert_to(sha256, 'UTF8') IN run) > 0)",
            [self._keep],
        )
