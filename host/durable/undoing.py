"""Undoing a durable run with further durable runs, as many as are needed.

The first attempt is named ``ID.undo``, the next ``ID.undo.2`` and so on (``ID.undo:2``, ``ID.undo:2.2`` for a run that
was started over). An interrupted attempt is resumed; what it could not take back is left for the next one. The value
of an attempt lists what it took back, so the journal always shows what a run did and what is left of that.
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
    """The part of a host that undoing uses."""

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
        steps = [step for each in made for step in _reported(each)]
        undone = {step["call"] for step in steps if step["ok"]}
        self.perhaps = bool(undone) or any(step["unknown"] for step in steps)
        entries = trail_of(journal.records(run.id))
        self.left: list[Reversal] = reversals(entries, apis, refunds=refunds, undone=undone)

    @property
    def steps(self) -> list[Reversal]:
        """The reversals left that can be attempted."""
        return [each for each in self.left if each.tries]


def undo(host: RunsScripts, run_id: str, *, refunds: bool, beside: bool = False) -> RunResult:
    """Take back what is left of a run. The result has the ``exit_status`` 1 if something could not be taken back.

    With ``beside`` other runs are undone too, and each step is shown with its run. Raises ``UsageError`` if the run is
    still being run or does not exist.
    """
    durable = host.durable_runs
    journal = durable.existing_journal
    run = journal.run(run_id)
    if run is None or journal.is_running(run):
        raise UsageError(f"run {run_id} is still running" if run else f"there is no run {run_id}")
    durable.check_bound(run)
    before = run.status
    state = Undoing(journal, run, durable.apis, refunds=refunds)
    result = RunResult(run_id, run.script, simulated=host.simulated)
    failed = False
    while state.unfinished or state.steps:
        if before not in (UNDONE, PARTLY_UNDONE):
            journal.mark(run, PARTLY_UNDONE)
        if state.unfinished:  # its steps may be repeated: a second time they change nothing
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
    """The runs that undid a run, or attempted to."""
    return _next_attempt(journal, run)[1]


def taken_back(journal: Journal, run: RunRow) -> set[str]:
    """The calls of a run that were taken back (``TrailEntry.call``)."""
    return {step["call"] for each in attempts(journal, run) for step in _reported(each) if step["ok"]}


def _reported(attempt: RunRow) -> list[dict[str, Any]]:
    """The steps that a completed attempt reports in its value; an attempt of an earlier version reports none."""
    return from_lua(attempt.value) or [] if attempt.status == "done" else []


def _ended(result: RunResult, failed: bool) -> RunResult:
    return replace(result, value=None, exit_status=1 if failed else None)


def _next_attempt(journal: Journal, run: RunRow) -> tuple[str, list[RunRow]]:
    """The name of the next attempt, and the earlier attempts."""
    found: list[RunRow] = []
    for name in _names(run):
        attempt = journal.run(name)
        if attempt is None:
            return name, found
        if attempt.created >= run.created:  # otherwise it undid an earlier run of the same id
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
