"""Cancels batches of submitted runs, which may have millions of them, in pieces ordered by id."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from host.fleet.database import FleetDatabase
from host.fleet.jobs import CHANNEL
from host.fleet.lost_jobs import end_cancelled

__all__ = ["Cancelled", "cancel_batch"]

PIECE: Final = 10_000  # runs

_CANCEL: Final = """
WITH piece AS MATERIALIZED (
    SELECT id FROM luahost_job WHERE batch = %(batch)s AND id > %(after)s ORDER BY id LIMIT %(piece)s
), cancelled AS (
    UPDATE luahost_job job SET cancel = true, status = 'cancelled', ended = now()
    FROM piece WHERE job.id = piece.id AND job.status = 'queued' RETURNING job.id
), ending AS (
    UPDATE luahost_job job SET cancel = true
    FROM piece WHERE job.id = piece.id AND job.status = 'running' RETURNING pg_notify(%(channel)s, 'cancel:' || job.id)
)
SELECT max(id), (SELECT count(*) FROM cancelled), (SELECT count(*) FROM ending) FROM piece
"""

# Removed here, because otherwise workers would have to claim each job to find that it is cancelled.
_UNQUEUE: Final = """
DELETE FROM procrastinate_jobs job USING luahost_job run
WHERE run.batch = %(batch)s AND run.status = 'cancelled' AND job.status = 'todo' AND job.args ->> 'run' = run.id
"""


class Cancelled(NamedTuple):
    """The number of runs that were cancelled, and of running runs that are being ended by their workers."""

    waiting: int
    running: int


def cancel_batch(database: FleetDatabase, batch: str) -> Cancelled | None:
    """Cancel the unfinished runs of a batch; ``None`` if there is no such batch. May be repeated after a failure."""
    values: dict[str, Any] = {"batch": batch, "after": "", "piece": PIECE, "channel": CHANNEL}
    waiting = running = 0
    while True:
        ((last, cancelled, ending),) = database.rows(_CANCEL, values)
        if last is None:
            break
        waiting, running, values["after"] = waiting + cancelled, running + ending, last
    if not values["after"]:
        return None
    if waiting:
        database.rows(_UNQUEUE, {"batch": batch})
    lost = 0 if not running else sum(run.startswith(f"{batch}.") for run in end_cancelled(database))
    return Cancelled(waiting + lost, running - lost)
