"""The ownership of jobs: claiming them from the queue, ending or returning them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from host.durable.database import Statement
from host.fleet.database import FleetDatabase
from host.fleet.jobs import error_text
from host.remote.job import RemoteJob
from host.remote.result import Failure, RemoteResult

__all__ = [
    "TakenJob",
    "claim",
    "claim_run",
    "ending",
    "give_back",
    "let_go",
    "put_off",
    "refuse",
    "requeueing",
    "to_cancel",
]

_TAKEN: Final = (
    "queue",
    "script",
    "text",
    "modules",
    "args",
    "globals",
    "options",
    "need",
    "attempts",
    "traceparent",
    "batch",
)

# One statement takes the job from the queue and records its owner, so that every taken job has a known owner. A run
# that was cancelled or has ended is not marked.
_MARKED: Final = """
), taken AS (
    UPDATE luahost_job SET status = 'running', worker = %(name)s, attempts = attempts + 1, job = fetched.job,
        started = COALESCE(started, now()), note = NULL
    FROM fetched WHERE id = fetched.run AND status IN ('queued', 'running') AND NOT cancel
    RETURNING id, {columns}
)
SELECT fetched.job, fetched.run, {columns} FROM fetched LEFT JOIN taken ON taken.id = fetched.run
""".format(columns=", ".join(_TAKEN))  # noqa: S608 - names of this file

_CLAIM: Final = f"""
WITH fetched AS MATERIALIZED (
    SELECT id AS job, args ->> 'run' AS run
    FROM procrastinate_fetch_job_v2(%(queues)s::varchar[], %(number)s) WHERE id IS NOT NULL
{_MARKED}"""  # noqa: S608 - texts of this file

# Claims one run that others wait for, regardless of its position in the queue.
_CLAIM_RUN: Final = f"""
WITH fetched AS MATERIALIZED (
    UPDATE procrastinate_jobs SET status = 'doing', worker_id = %(number)s
    WHERE id = (
        SELECT job.id FROM luahost_job run JOIN procrastinate_jobs job ON job.id = run.job
        WHERE run.id = %(run)s AND run.status = 'queued' AND job.status = 'todo'
            AND (job.scheduled_at IS NULL OR job.scheduled_at <= now())
            AND job.queue_name = ANY(%(queues)s::varchar[])
        FOR UPDATE OF job SKIP LOCKED LIMIT 1)
    RETURNING id AS job, args ->> 'run' AS run
{_MARKED}"""  # noqa: S608 - texts of this file

# Part of the transaction that ends the run. One statement, so that the queue is unchanged if this worker no longer owns
# the run.
_END: Final = """
WITH ended AS (
    UPDATE luahost_job SET status = :status, ended = now(), value = :value, error = CAST(:error AS JSONB),
        exit_status = :exit_status, calls = :calls, seconds = :seconds, simulated = :simulated, note = NULL
    WHERE id = :id RETURNING id
)
SELECT procrastinate_finish_job_v1(job.id, 'succeeded', true)
FROM ended JOIN procrastinate_jobs job ON job.id = :job AND job.status IN ('todo', 'doing')
"""

_REQUEUE: Final = """
WITH queued AS (
    UPDATE luahost_job SET status = 'queued', note = :note WHERE id = :id RETURNING id
)
SELECT procrastinate_retry_job_v2(job.id, now() + :seconds * interval '1 second', NULL, NULL, NULL)
FROM queued JOIN procrastinate_jobs job ON job.id = :job AND job.status = 'doing'
"""

_PUT_OFF: Final = """
WITH queued AS (
    UPDATE luahost_job SET status = 'queued', note = %(note)s
    WHERE id = %(id)s AND status = 'running' AND worker = %(name)s RETURNING id
)
SELECT procrastinate_retry_job_v2(job.id, now() + %(seconds)s * interval '1 second', NULL, NULL, NULL)
FROM procrastinate_jobs job WHERE job.id = %(job)s AND job.status = 'doing' AND job.worker_id = %(number)s
"""


class TakenJob(RemoteJob, frozen=True, kw_only=True):
    """A job taken from the queue. ``script`` is ``None`` if the run must not be run any more."""

    job: int
    run: str
    queue: str = ""
    script: str | None = None
    text: str = ""
    modules: Mapping[str, str] = msgspec.field(default_factory=dict)
    need: str = ""
    attempts: int = 0
    batch: str | None = None

    @property
    def pause(self) -> float:
        """Seconds until a run that broke off is taken again: none at first, so that whatever recurs takes no worker."""
        return min(60.0, max(0.0, self.attempts - 2.0))


def claim(database: FleetDatabase, queues: list[str], name: str, number: int) -> TakenJob | None:
    """Take the next due job of ``queues`` for the worker ``name`` (``number`` in the queue), or return ``None``."""
    return _taken(database.rows(_CLAIM, {"queues": queues, "number": number, "name": name}))


def claim_run(database: FleetDatabase, run: str, queues: list[str], name: str, number: int) -> TakenJob | None:
    """Take the job of one run; ``None`` unless it is due and waits in one of ``queues``."""
    return _taken(database.rows(_CLAIM_RUN, {"run": run, "queues": queues, "number": number, "name": name}))


def _taken(rows: list[tuple[Any, ...]]) -> TakenJob | None:
    if not rows:
        return None
    job, run, *taken = rows[0]
    there = dict(zip(_TAKEN, taken, strict=True)) if taken[1] is not None else {}
    return TakenJob(job=job, run=run, **there)


def ending(claimed: TakenJob, status: str, result: RemoteResult) -> list[Statement]:
    """The statements a run's owner commits with its end: they store the outcome and remove the job from the queue."""
    values = {
        "id": claimed.run, "job": claimed.job, "status": status,
        "value": result.value, "error": None if result.error is None else error_text(result.error),
        "exit_status": result.exit_status, "calls": result.calls, "seconds": result.seconds,
        "simulated": result.simulated,
    }  # fmt: skip
    return [(_END, [values])]


def requeueing(claimed: TakenJob, note: str) -> list[Statement]:
    """The statements a run's owner commits to return an unfinished run, so that another worker resumes it."""
    return [(_REQUEUE, [{"id": claimed.run, "job": claimed.job, "note": note, "seconds": claimed.pause}])]


def let_go(database: FleetDatabase, claimed: TakenJob, number: int) -> None:
    """Release a job that was taken but whose run was not marked.

    It is removed from the queue if the run must not be run any more, else returned at once. The latter happens if the
    run was submitted while jobs were being taken: the function that takes them sees it, but the enclosing statement
    has an older snapshot.
    """
    values = {"run": claimed.run, "job": claimed.job, "number": number}
    if database.rows(
        "SELECT 1 FROM luahost_job WHERE id = %(run)s AND status IN ('queued', 'running') AND NOT cancel", values
    ):
        database.rows(
            "SELECT procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL) FROM procrastinate_jobs "
            "WHERE id = %(job)s AND status = 'doing' AND worker_id = %(number)s",
            values,
        )
        return
    database.rows(
        "WITH ended AS (UPDATE luahost_job SET status = 'cancelled', ended = now() "
        "WHERE id = %(run)s AND cancel AND status IN ('queued', 'running')) "
        "SELECT procrastinate_finish_job_v1(%(job)s, 'aborted', true)",
        values,
    )


def put_off(database: FleetDatabase, claimed: TakenJob, name: str, number: int, seconds: float, note: str) -> None:
    """Return a job that cannot be run now to the queue, due again in ``seconds``, with the reason in ``note``."""
    values = {"id": claimed.run, "job": claimed.job, "name": name, "number": number, "seconds": seconds, "note": note}
    database.rows(_PUT_OFF, values)


def give_back(database: FleetDatabase, claimed: TakenJob, name: str, number: int, owner: str, note: str) -> None:
    """Release a run whose records can no longer be written, so that another worker can resume it at once."""
    with database.transaction() as connection:
        connection.execute(
            "UPDATE luahost_run SET owner = NULL, lease = 0 WHERE id = %s AND owner = %s", [claimed.run, owner]
        )
        values = {"id": claimed.run, "job": claimed.job, "name": name, "number": number, "note": note}
        connection.execute(_PUT_OFF, {**values, "seconds": claimed.pause})


def refuse(database: FleetDatabase, claimed: TakenJob, name: str, reason: str) -> None:
    """Stop a run that no worker can run, and record the reason."""
    database.rows(
        "WITH ended AS (UPDATE luahost_job SET status = 'stopped', ended = now(), error = %(error)s::jsonb "
        "WHERE id = %(run)s AND status = 'running' AND worker = %(name)s RETURNING id) "
        "SELECT procrastinate_finish_job_v1(%(job)s, 'failed', true) FROM ended",
        {
            "run": claimed.run, "job": claimed.job, "name": name,
            "error": error_text(Failure(reason, claimed.script or "", kind="usage")),
        },
    )  # fmt: skip


def to_cancel(database: FleetDatabase, runs: Sequence[str]) -> list[str]:
    """Those of ``runs`` whose cancellation was requested, or that were ended because their worker seemed lost."""
    rows = database.rows("SELECT id FROM luahost_job WHERE id = ANY(%s) AND cancel", [list(runs)])
    return [str(run) for (run,) in rows]
