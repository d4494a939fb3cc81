"""The newest runs of a journal, as many as are asked for, of however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from host.durable.journal import Journal
from host.durable.run_list import RunFilter, RunSummary, recorded_calls, run_page, state_of
from host.errors import UsageError

__all__ = ["calls_of", "newest", "state_of"]

RUNS_PER_QUERY: Final = 500  # runs whose calls are counted by one query


def newest(store: Journal, *, failed: bool, before: str | None, limit: int) -> list[RunSummary]:
    """At most ``limit`` runs, of those begun before one if that is said. Raises ``UsageError`` for one there is not."""
    after = None
    if before is not None:
        found = store.run(before)
        if found is None:
            raise UsageError(f"--before {before}: there is no run {before} in the journal {store.name}")
        after = found.created, found.id
    return run_page(store, RunFilter(state="failed" if failed else ""), after=after, limit=limit)


def calls_of(store: Journal, runs: Sequence[RunSummary]) -> dict[str, int]:
    """How many calls are recorded of those that are not done."""
    left = [run.id for run in runs if run.status != "done"]
    pieces = (left[at : at + RUNS_PER_QUERY] for at in range(0, len(left), RUNS_PER_QUERY))
    return {run: calls for piece in pieces for run, calls in recorded_calls(store, piece).items()}
