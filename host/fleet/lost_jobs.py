"""Jobs that nobody works on: returned to the queue, or ended if their run was cancelled meanwhile.

Their worker was lost, or does not know of them. Workers do this for all runs. For a cancelled run, whoever looks at it
does, so that it ends also where no worker is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from host.fleet.database import FleetDatabase

__all__ = ["end_cancelled", "rescue", "return_unknown"]

# A run that was begun is judged by its own lease, one that was only taken by the heartbeat of its worker.
_RESCUE: Final = """
WITH lost AS (
    SELECT job.id AS job, run.id AS run, run.worker, run.cancel
    FROM procrastinate_jobs job JOIN luahost_job run ON run.id = job.args ->> 'run'
    LEFT JOIN luahost_run recorded ON recorded.id = run.id
    LEFT JOIN luahost_worker worker ON worker.number = job.worker_id
    WHERE job.status = 'doing' AND (run.cancel OR NOT %(cancelled_only)s) AND CASE
        WHEN recorded.owner IS NOT NULL THEN recorded.lease < extract(epoch FROM clock_timestamp())
        ELSE worker.number IS NULL OR worker.beat < now() - worker.lease * interval '1 second' END
    FOR UPDATE OF job SKIP LOCKED
), queued AS (
    UPDATE luahost_job SET status = CASE WHEN lost.cancel THEN 'cancelled' ELSE 'queued' END,
        ended = CASE WHEN lost.cancel THEN now() END, note = 'the worker ' || lost.worker || ' was lost'
    FROM lost WHERE id = lost.run AND status = 'running'
), recorded AS (
    UPDATE luahost_run SET status = 'cancelled', owner = NULL, lease = 0,
        updated = extract(epoch FROM clock_timestamp())
    FROM lost WHERE id = lost.run AND lost.cancel AND status = 'running'
        AND (owner IS NULL OR luahost_run.lease < extract(epoch FROM clock_timestamp()))
)
SELECT run, worker, cancel, CASE WHEN cancel THEN procrastinate_finish_job_v1(job, 'aborted', true)
    ELSE procrastinate_retry_job_v2(job, now(), NULL, NULL, NULL) END FROM lost
"""


_UNKNOWN: Final = """
WITH unknown AS (
    SELECT id AS job, args ->> 'run' AS run FROM procrastinate_jobs
    WHERE worker_id = %(number)s AND status = 'doing' AND NOT args ->> 'run' = ANY(%(known)s) FOR UPDATE
), queued AS (
    UPDATE luahost_job SET status = 'queued', note = 'the answer to its claim was lost'
    FROM unknown WHERE id = unknown.run AND status = 'running' AND worker = %(name)s
)
SELECT procrastinate_retry_job_v2(job, now(), NULL, NULL, NULL) FROM unknown
"""


def rescue(database: FleetDatabase) -> list[tuple[str, str]]:
    """Return the jobs of lost workers to the queue, and end those that were cancelled; returns (run, worker) pairs."""
    return [(run, worker) for run, worker, *_ in database.rows(_RESCUE, {"cancelled_only": False})]


def end_cancelled(database: FleetDatabase) -> list[str]:
    """End the cancelled runs whose worker was lost; returns their ids. The journal's tables have to be there."""
    return [run for run, *_ in database.rows(_RESCUE, {"cancelled_only": True})]


def return_unknown(database: FleetDatabase, name: str, number: int, known: Sequence[str]) -> int:
    """Return the jobs that the worker ``name`` has but for the runs it knows: the answer to its claim was lost.

    Returns how many there were.
    """
    return len(database.rows(_UNKNOWN, {"name": name, "number": number, "known": list(known)}))
