"""Runs that somebody wants ended: asked for in the journal by any process, and seen by the one that has the run."""

from __future__ import annotations

from typing import Final

from host.durable.journal import Journal
from host.durable.records import RunRow
from host.durable.run_list import state_of
from host.errors import UsageError

__all__ = ["cancel", "is_cancelled"]

_ASK: Final = (
    "INSERT INTO luahost_cancel (run, owner, at) SELECT id, owner, {now} FROM luahost_run "
    "WHERE id = :id AND owner = :owner AND status = 'running' "
    "AND NOT EXISTS (SELECT 1 FROM luahost_cancel WHERE run = :id AND owner = :owner)"
)


def cancel(journal: Journal, run: RunRow) -> None:
    """Have the process that runs a run end it, within a second or two. Raises ``UsageError`` for one that none runs."""
    if not journal.is_running(run):
        raise UsageError(f"run {run.id} is {state_of(run, journal.clock())}, and cannot be cancelled")
    journal.write_now([(journal.timed(_ASK), [{"id": run.id, "owner": run.owner, "now": journal.clock()}])])


def is_cancelled(journal: Journal, run: RunRow) -> bool:
    """Whether that was asked for, and the run has not ended yet."""
    values = {"id": run.id, "owner": run.owner or ""}
    return bool(journal.read("SELECT 1 FROM luahost_cancel WHERE run = :id AND owner = :owner", values))
