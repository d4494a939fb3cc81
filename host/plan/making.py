"""Makes the plans of runs, and applies plans after checking that they still hold."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from host import arguments
from host.durable.binding import HostParts, binding_of
from host.durable.records import Binding
from host.durable.replay import Durable
from host.durable.runs import DurableRuns, Kept
from host.errors import InvalidCall, LimitError, UsageError
from host.lua.values import from_lua, to_lua
from host.plan.applying import Applying
from host.plan.held_calls import PlannedState
from host.plan.plan import Plan
from host.plan.plan_set import PlanSection, PlanSet, PlanTotals
from host.plan.planning import Planning
from host.plan.real_values import RealValues
from host.policy.quota import release
from host.run.once import OnceResults
from host.run.options import RunOptions, job_of
from host.run.script import RunResult, Script

__all__ = ["applied_by", "apply_plans", "check_applicable", "make_plan", "make_plans"]


Wait = Callable[[Script, RunOptions, Kept], RunResult]
"""Runs a script to its end."""


def make_plan(
    parts: HostParts,
    script: Script,
    options: RunOptions,
    wait: Callable[[Kept], RunResult],
    state: PlannedState | None = None,
    once: OnceResults | None = None,
) -> Plan:
    """Run a script to its end with ``wait``, without sending anything that makes changes. Raises ``UsageError``.

    ``state`` and ``once`` are shared by the runs of a plan of several, whose maker gives back what they reserve.
    """
    if state is None:
        state = PlannedState()
        try:
            return make_plan(parts, script, options, wait, state, once)
        finally:
            release(state.reservations)
    try:
        given = to_lua(dict(options.globals or {}))
    except (InvalidCall, LimitError) as error:
        raise UsageError(f"globals: {error.message}") from None
    args = tuple(str(each) for each in options.args)
    planning = Planning(parts.services.pipeline.submit, state)
    kept = Kept(f"plan_{uuid.uuid4().hex[:20]}", script, args, options.globals or {}, planning, once)
    result = wait(kept)
    binding = binding_of(parts)
    return Plan(
        script=script.name,
        source=script.source,
        made_at=datetime.now(UTC).isoformat(),
        folder=None if script.folder is None else str(script.folder.resolve()),
        args=args,
        globals=given,
        base=binding.base,
        mode=binding.mode,
        account=binding.account,
        changes=planning.calls.changes,
        reads=planning.calls.reads,
        unforeseen=planning.unforeseen(script.name, script.source),
        values=tuple(planning.values),
        error=result.error,
    )


def make_plans(parts: HostParts, jobs: Iterable[Any], wait: Wait) -> Iterator[Plan]:
    """Plan runs one after another, as parts of one plan. Raises ``UsageError``."""
    state, once, totals = PlannedState(), OnceResults(), PlanTotals()
    try:
        for job in jobs:
            script, options = job_of(job)
            plan = make_plan(parts, script, options, partial(wait, script, options), state, once)
            totals.add(plan)
            yield plan
    finally:
        release(state.reservations)  # nothing was spent; until here, the runs count together as they will when applied


def apply_plans(
    parts: HostParts, runs: DurableRuns, file: PlanSet | str | os.PathLike[str], options: RunOptions, wait: Wait
) -> Iterator[RunResult]:
    """Apply a plan of several runs, up to the first that fails. Raises ``UsageError`` before any run begins."""
    if not isinstance(file, PlanSet | str | os.PathLike):
        raise arguments.wrong("file", file, "a PlanSet, or the path of a plan's file")
    plans = file if isinstance(file, PlanSet) else PlanSet(file)
    _check_place(plans, parts)
    for script in plans.scripts:
        _check_script(*script)
    runs.batches.open(plans.id)
    real = RealValues(runs.journal, plans.id, plans.shared)

    def each() -> Iterator[RunResult]:
        for section in plans.sections():
            kept = _applied_section(runs, plans.id, section, real)
            result = kept if isinstance(kept, RunResult) else wait(kept.script, options, kept)
            yield replace(result, job=section)
            if not result.ok:
                return

    return each()


def check_applicable(plan: Plan, parts: HostParts) -> None:
    """Raise ``UsageError`` unless the plan is complete, and its account and script are still the same."""
    plan.check_complete()
    _check_place(plan, parts)
    _check_script(plan.script, plan.folder, plan.source)


def _check_place(plan: Plan | PlanSet, parts: HostParts) -> None:
    """Raise ``UsageError`` unless the plan would be applied to the API and account it was made for."""
    here = binding_of(parts)
    differs = Binding(plan.mode, plan.base, plan.account).difference(here)
    if differs == "mode":
        raise UsageError(
            f"the plan is for {_mode(plan.mode)}, and would be applied with {_mode(here.mode)}",
            hint="apply it with the key it was made with"
            if plan.mode != "simulated"
            else "apply it with --simulate (Host(simulate=True))",
        )
    if differs == "base":
        raise UsageError(f"the plan is for {plan.base}, and would be applied to {here.base}")
    if differs is not None:
        raise UsageError("the plan was made with another key", hint="make a new plan with this key")


def _check_script(script: str, folder: str | None, source: bytes) -> None:
    """Raise ``UsageError`` if a plan's script was changed or removed."""
    if folder is not None:
        file = Path(folder) / Path(script).name
        if not file.is_file():
            raise UsageError(f"the plan's script {file} no longer exists")
        if Script.read(file).source != source:
            raise UsageError(f"{file} has changed since the plan was made", hint="make a new plan")


def applied_by(runs: DurableRuns, plan: Plan, script: Script) -> Kept | RunResult:
    """The durable run that applies a plan, or its result if it is done."""
    globals: dict[str, Any] = from_lua(plan.globals)
    kept = runs.begin(script, plan.args, globals, plan.id)
    if isinstance(kept, RunResult):
        return kept
    durable = kept.durable
    assert isinstance(durable, Durable)
    return replace(kept, durable=Applying(durable, plan))


def _applied_section(runs: DurableRuns, id: str, section: PlanSection, real: RealValues) -> Kept | RunResult:
    """:func:`applied_by` for one run of the plan ``id``; ``real`` holds the real values that its runs share."""
    plan = section.plan
    script = Script(plan.script, plan.source, None if plan.folder is None else Path(plan.folder))
    kept = runs.begin(script, plan.args, from_lua(plan.globals), f"{id}.{section.number}", batch=id)
    if isinstance(kept, RunResult):
        return kept
    durable = kept.durable
    assert isinstance(durable, Durable)
    return replace(kept, durable=Applying(durable, plan, real))


def _mode(mode: str) -> str:
    return "the simulator" if mode == "simulated" else f"a {mode} key"
