"""Queries and commands for submitted runs, which any machine may use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from host.durable.kept_output import joined
from host.errors import HostError, ScriptError, UsageError
from host.fleet.database import FleetDatabase
from host.fleet.lost_jobs import end_cancelled
from host.fleet.needs import Needs
from host.fleet.schema import ENDED
from host.fleet.submission import unmet
from host.remote.job import text_in
from host.remote.result import Failure, RemoteResult, script_error
from host.run.script import RunResult

__all__ = [
    "CHANNEL",
    "JobRow",
    "cancel",
    "error_text",
    "is_to_come",
    "job",
    "not_begun",
    "output",
    "result",
    "retry",
    "statuses",
    "waiting",
]

CHANNEL: Final = "luahost_fleet"
"""The channel for notifications to workers: ``cancel:RUN`` or ``schedule``."""

_COLUMNS: Final = (
    "id, batch, status, queue, priority, extract(epoch FROM due)::float8, script, need, schedule, dedup, "
    "extract(epoch FROM submitted)::float8, extract(epoch FROM started)::float8, extract(epoch FROM ended)::float8, "
    "worker, attempts, cancel, note, value, error, exit_status, calls, seconds, simulated"
)

_ALIVE: Final = "SELECT 1 FROM luahost_worker WHERE name = %s AND beat + lease * interval '1 second' > now()"


# A run that was cancelled while it waited still has its job, which no worker has seen since: it is used again. The lock
# on it keeps a worker from removing it meanwhile.
_RETRY: Final = """
WITH again AS (
    UPDATE luahost_job SET status = 'queued', cancel = false, ended = NULL, error = NULL, note = NULL, due = NULL
    WHERE id = %(id)s AND status IN ('failed', 'stopped', 'cancelled') RETURNING id, queue, need, priority
), waiting AS (
    UPDATE procrastinate_jobs job SET scheduled_at = NULL FROM again
    WHERE job.queue_name = again.queue || '#' || again.need AND job.status = 'todo' AND job.args ->> 'run' = again.id
    RETURNING job.id
)
SELECT id, CASE WHEN NOT EXISTS (SELECT FROM waiting) THEN cardinality(procrastinate_defer_jobs_v1(ARRAY[ROW(
    queue || '#' || need, 'luahost.run', priority, NULL, NULL, jsonb_build_object('run', id), NULL
    )::procrastinate_job_to_defer_v1])) END
FROM again
"""


class JobRow(msgspec.Struct, frozen=True):
    """A submitted run; times are seconds since 1970."""

    id: str
    batch: str | None
    status: str
    queue: str
    priority: int
    due: float | None
    script: str
    need: str
    schedule: str | None
    dedup: str | None
    submitted: float
    started: float | None
    ended: float | None
    worker: str | None
    attempts: int
    cancel: bool
    note: str | None
    value: bytes | None
    error: dict[str, Any] | None
    exit_status: int | None
    calls: int | None
    seconds: float | None
    simulated: bool | None

    @property
    def has_ended(self) -> bool:
        """Whether the run has ended and will not continue by itself."""
        return self.status in ENDED

    @property
    def is_ending(self) -> bool:
        """Whether the run is to be ended by its worker because it was cancelled."""
        return self.cancel and self.status == "running"

    @property
    def failure(self) -> Failure | None:
        """The stored form of the error the run ended with, or ``None``."""
        return None if self.error is None else msgspec.convert(self.error, Failure)

    @property
    def ended_with(self) -> ScriptError | None:
        """The error the run ended with, or ``None``."""
        return None if self.failure is None else script_error(self.failure)


def job(database: FleetDatabase, run_id: str) -> JobRow | None:
    """The submitted run with that id, or ``None``. One that was cancelled ends here if its worker was lost."""
    found = _row(database, run_id)
    if found is not None and found.is_ending and end_cancelled(database):
        return _row(database, run_id)
    return found


def _row(database: FleetDatabase, run_id: str) -> JobRow | None:
    rows = database.rows(f"SELECT {_COLUMNS} FROM luahost_job WHERE id = %s", [run_id])  # noqa: S608 - own names
    return JobRow(*rows[0]) if rows else None


def is_to_come(database: FleetDatabase, run_id: str) -> bool:
    """Whether a submitted run is queued or running, so that it continues by itself."""
    rows = database.rows("SELECT 1 FROM luahost_job WHERE id = %s AND NOT status = ANY(%s)", [run_id, list(ENDED)])
    return bool(rows)


def not_begun(database: FleetDatabase, *, statuses: Sequence[str] = (), limit: int = 1000) -> list[JobRow]:
    """At most ``limit`` submitted runs that are not in the journal, newest first; all statuses if none are given."""
    rows = database.rows(
        f"SELECT {_COLUMNS} FROM luahost_job job WHERE status <> 'done' AND (%s OR status = ANY(%s)) "  # noqa: S608
        "AND (SELECT run.id FROM luahost_run run WHERE run.id = job.id) IS NULL "  # row by row, newest first
        "ORDER BY submitted DESC, job.id LIMIT %s",
        [not statuses, list(statuses), limit],
    )
    return [JobRow(*row) for row in rows]


def statuses(database: FleetDatabase, runs: Sequence[str]) -> dict[str, str]:
    """The statuses of those ``runs`` that were submitted, by id. Cancelled ones end as in :func:`job`."""
    rows = database.rows("SELECT id, status, cancel FROM luahost_job WHERE id = ANY(%s)", [list(runs)])
    found = {id: status for id, status, _ in rows}
    if any(cancel and status == "running" for _, status, cancel in rows):
        found.update((run, "cancelled") for run in end_cancelled(database) if run in found)
    return found


def output(database: FleetDatabase, run_id: str, start: int = 0) -> tuple[bytes, int]:
    """The kept output of a run from byte offset ``start``, and the offset of its end."""
    rows = database.rows(
        "SELECT start, data FROM luahost_output WHERE run = %s AND start + length(data) > %s ORDER BY start",
        [run_id, start],
    )
    return joined([(int(begins), bytes(data)) for begins, data in rows], start)


def result(database: FleetDatabase, found: JobRow) -> RunResult:
    """The result of a run that has ended."""
    error = found.failure
    if error is None and found.status == "cancelled":
        error = Failure("the run was cancelled", found.script, kind="cancelled")
    printed = output(database, found.id)[0]
    given = RemoteResult(
        found.value or b"\xc0", error, found.exit_status, found.calls or 0, found.seconds or 0.0, bool(found.simulated)
    )
    return given.result(found.id, found.script, text_in(printed))


def error_text(error: Failure) -> str:
    """A run's error as JSON that PostgreSQL accepts."""
    return msgspec.json.encode(_clean(msgspec.to_builtins(error, builtin_types=(bytes,), enc_hook=str))).decode()


def _clean(value: Any) -> Any:
    """``value`` without NUL characters and lone surrogates, which PostgreSQL rejects, in its texts."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {_clean(str(name)): _clean(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def waiting(database: FleetDatabase, found: JobRow) -> str | None:
    """The reason why a run waits, if known: no suitable worker, or its own worker is gone."""
    if found.status == "queued":
        return _unmet(database, found) or found.note
    if found.status != "running" or database.rows(_ALIVE, [found.worker]):
        return None
    why = _unmet(database, found)
    return f"its worker {found.worker} is gone{f', and {why}' if why else '; another one continues the run'}"


def _unmet(database: FleetDatabase, found: JobRow) -> str | None:
    rows = database.rows("SELECT needs FROM luahost_need WHERE id = %s", [found.need])
    needs = msgspec.convert(rows[0][0], Needs) if rows else Needs()
    return unmet(database, needs, found.queue)


def cancel(database: FleetDatabase, run_id: str) -> str:
    """Cancel a run, or have its worker end it; returns its status afterwards.

    Raises ``UsageError`` if the run does not exist or has ended.
    """
    rows = database.rows(
        "UPDATE luahost_job SET cancel = true, status = CASE status WHEN 'queued' THEN 'cancelled' ELSE status END, "
        "ended = CASE status WHEN 'queued' THEN now() ELSE ended END "
        "WHERE id = %s AND status IN ('queued', 'running') RETURNING status, pg_notify(%s, 'cancel:' || id)",
        [run_id, CHANNEL],
    )
    if not rows:
        raise _not(database, run_id, "cancelled")
    ((status, _),) = rows
    return "cancelled" if status == "running" and run_id in end_cancelled(database) else str(status)


def retry(database: FleetDatabase, run_id: str) -> None:
    """Queue a run again that failed, was stopped or was cancelled. Raises ``UsageError`` for any other run."""
    job(database, run_id)
    rows = database.rows(_RETRY, {"id": run_id})
    if not rows:
        raise _not(database, run_id, "tried again")


def _not(database: FleetDatabase, run_id: str, what: str) -> HostError:
    found = job(database, run_id)
    if found is None:
        return UsageError(f"no run {run_id} was submitted to this fleet", hint="runs list shows those there are")
    return UsageError(f"run {run_id} is {found.status}, and cannot be {what}")
