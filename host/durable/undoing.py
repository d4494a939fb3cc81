"""Undoing a durable run: by further durable runs, as many as it takes.

An attempt is named ``ID.undo``, the next ``ID.undo.2`` and so on (``ID.undo:2``, ``ID.undo:2.2`` of a run that was
started over). One that broke off is resumed; what it leaves is for the next one. Its value says what was
taken back, so that what a run did and what is left of it can always be read from the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from msgspec.structs import replace

from host.apis.api import Api
from host.durable.audit_trail import trail_of
from host.durable.journal import Journal
from host.durable.records import RunRow
from host.durable.undo import Reversal, reversals
from host.durable.undo_script import UndoScript
from host.errors import UsageError
from host.lua.values import from_lua
from host.run.script import RunResult, Script

if TYPE_CHECKING:
    from host.durable.runs import DurableRuns

__all__ = ["PARTLY_UNDONE", "UNDONE", "Undoing", "attempts", "taken_back", "undo"]

UNDONE, PARTLY_UNDONE = "undone", "partly undone"


class RunsScripts(Protocol):
    """A host, as far as undoing needs one: it runs scripts and has durable runs."""

    @property
    def simulated(self) -> bool: ...

    @property
    def durable_runs(self) -> DurableRuns: ...

    @property
    def run(self) -> Callable[..., RunResult]: ...

    @property
    def resume(self) -> Callable[..., RunResult]: ...


class Undoing:
    """What has been taken back of a run, and what is left, according to the journal."""

    def __init__(self, journal: Journal, run: RunRow, apis: Mapping[str, Api], *, refunds: bool) -> None:
        self.run = run
        self.name, made = _next_attempt(journal, run)
        self.unfinished = [each for each in made if each.status in ("running", "interrupted", "cancelled")]
        said = [step for each in made for step in _said(each)]
        undone = {step["call"] for step in said if step["ok"]}
        self.perhaps = bool(undone) or any(step["unknown"] for step in said)
        entries = trail_of(journal.records(run.id))
        self.left: list[Reversal] = reversals(entries, apis, refunds=refunds, undone=undone)

    @property
    def steps(self) -> list[Reversal]:
        """What is left that can be done."""
        return [each for each in self.left if each.tries]


def undo(host: RunsScripts, run_id: str, *, refunds: bool, beside: bool = False) -> RunResult:
    """Take back what is left of a run. The result has an ``exit_status`` of 1 where something could not be.

    ``beside``: there are other runs, so that each step is shown with its run. Raises ``UsageError`` for a run under
    way.
    """
    durable = host.durable_runs
    journal = durable.existing_journal
    run = journal.run(run_id)
    if run is None or journal.is_running(run):
        raise UsageError(f"run {run_id} is still being run" if run else f"there is no run {run_id}")
    durable.check_bound(run)
    before = run.status
    state = Undoing(journal, run, durable.apis, refunds=refunds)
    result = RunResult(run_id, run.script, simulated=host.simulated)
    failed = False
    while state.unfinished or state.steps:
        if before not in (UNDONE, PARTLY_UNDONE):
            journal.mark(run, PARTLY_UNDONE)
        if state.unfinished:  # its steps may be done twice: the second time there is nothing left to do
            again, fresh = state.unfinished[0].id, False
            result = host.resume(again, in_doubt="repeat")
        else:
            fresh = True
            steps = UndoScript.of(state.steps, run_id if beside else "").steps
            script = Script.of(UndoScript.SOURCE, state.name)
            result = host.run(script, globals={"steps": steps}, durable=True, run_id=state.name)
        if result.error is not None:
            return result
        state = Undoing(journal, run, durable.apis, refunds=refunds)
        failed = bool(state.steps)
        if fresh or not failed:
            break
    if state.perhaps:
        journal.mark(run, PARTLY_UNDONE if state.left else UNDONE)
    elif before not in (UNDONE, PARTLY_UNDONE):
        journal.mark(run, before)  # nothing was done
    return _ended(result, failed)


def attempts(journal: Journal, run: RunRow) -> list[RunRow]:
    """The runs that took back what a run did, or tried to."""
    return _next_attempt(journal, run)[1]


def taken_back(journal: Journal, run: RunRow) -> set[str]:
    """The calls of a run that were taken back (``Entry.call``)."""
    return {step["call"] for each in attempts(journal, run) for step in _said(each) if step["ok"]}


def _said(attempt: RunRow) -> list[dict[str, Any]]:
    """What a completed attempt reports about its steps; one of an earlier version reports nothing."""
    return from_lua(attempt.value) or [] if attempt.status == "done" else []


def _ended(result: RunResult, failed: bool) -> RunResult:
    return replace(result, value=None, exit_status=1 if failed else None)


def _next_attempt(journal: Journal, run: RunRow) -> tuple[str, list[RunRow]]:
    """A name that is free, and the attempts there were."""
    found: list[RunRow] = []
    for name in _names(run):
        attempt = journal.run(name)
        if attempt is None:
            return name, found
        if attempt.created >= run.created:  # else of a run that had the same id once
            found.append(attempt)
    raise AssertionError("names do not end")


def _names(run: RunRow) -> Iterator[str]:
    id = run.id.partition("~")[0]
    first = f"{id}.undo" if run.generation == 1 else f"{id}.undo:{run.generation}"
    yield first
    number = 2
    while True:
        yield f"{first}.{number}"
        number += 1
