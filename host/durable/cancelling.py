"""Cancelling runs from outside: any process adds a request to the journal, and the run's own process reads it."""

from __future__ import annotations

from typing import Final

from host.durable.journal import Journal
from host.durable.records import RunRow
from host.durable.run_list import state_of
from host.errors import UsageError

__all__ = ["cancel", "is_cancelled"]

_REQUEST: Final = (
    "INSERT INTO luahost_cancel (run, owner, at) SELECT id, owner, {now} FROM luahost_run "
    "WHERE id = :id AND owner = :owner AND status = 'running' "
    "AND NOT EXISTS (SELECT 1 FROM luahost_cancel WHERE run = :id AND owner = :owner)"
)


def cancel(journal: Journal, run: RunRow) -> None:
    """Request that the process which runs a run end it; that takes a second or two.

    Raises ``UsageError`` if no process runs it.
    """
    if not journal.is_running(run):
        raise UsageError(f"run {run.id} is {state_of(run, journal.clock())}, and cannot be cancelled")
    journal.write_now([(journal.timed(_REQUEST), [{"id": run.id, "owner": run.owner, "now": journal.clock()}])])


def is_cancelled(journal: Journal, run: RunRow) -> bool:
    """Whether the run's cancellation was requested and its process has not handled the request yet."""
    values = {"id": run.id, "owner": run.owner or ""}
    return bool(journal.read("SELECT 1 FROM luahost_cancel WHERE run = :id AND owner = :owner", values))
