"""How a program sees what a script would change, and has just that changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, Unpack

from host import arguments
from host.errors import UsageError
from host.events import Logged
from host.host_runs import RunsOfHost
from host.run.options import RunKeywords, RunOptions, ScriptLike, script_of
from host.run.script import RunResult, Script

if TYPE_CHECKING:
    from host.durable.binding import HostParts
    from host.plan.plan import Plan
    from host.plan.plan_set import PlanSet

__all__ = ["PlansOfHost"]

_NOT_PLANNED = ("durable", "run_id", "force_new")


class PlansOfHost(RunsOfHost):
    """The part of :class:`~host.host.Host` that plans scripts."""

    _durable_parts: Callable[[], HostParts]

    def plan(self, script: ScriptLike, **options: Unpack[RunKeywords]) -> Plan:
        """What a script would change, found by running it with nothing sent that changes anything.

        Reads are sent; a change is answered with a made-up object whose id begins with ``planned_``
        (docs/planning.md). ``options`` are those of :meth:`run`, but for what makes a run durable. Raises
        ``UsageError``; a script's own failure is the plan's ``error``.
        """
        from host.plan.making import make_plan  # few hosts plan

        for name in _NOT_PLANNED:
            if options.get(name):
                raise UsageError(f"plan: {name} is for runs; a plan is applied by a durable run of its own")
        chosen = RunOptions.of("plan", options)
        self._engine.worker.check_may_block(
            "plan", "Plan in a thread of its own: await asyncio.to_thread(host.plan, …)."
        )
        self._check_plannable()
        source = script_of(script)
        return make_plan(self._durable_parts(), source, chosen, lambda kept: self._runs.wait(source, chosen, kept))

    def apply(
        self,
        plan: Plan | str | os.PathLike[str],
        *,
        timeout: float | None = None,
        permissions: Any = None,
        budget: Any = None,
        limits: Mapping[str, Any] | Any = None,
    ) -> RunResult:
        """Make the changes of a plan, or of a plan's file, by a durable run that is stopped at any other change.

        The run is named after the plan: applied again after a crash it continues, applied again when it is done it
        gives its result. Raises ``UsageError`` for a plan of other keys, of another mode or of a script that has
        changed.
        """
        from host.plan.making import applied_by, check_applicable  # few hosts plan
        from host.plan.plan import Plan

        if not isinstance(plan, Plan | str | os.PathLike):
            raise arguments.wrong("plan", plan, "a Plan, or the path of its file")
        found = plan if isinstance(plan, Plan) else Plan.load(plan)
        self._engine.worker.check_may_block("apply", "Apply it in a thread of its own.")
        self._check_plannable()
        check_applicable(found, self._durable_parts())
        chosen = RunOptions.of(
            "apply", {"timeout": timeout, "permissions": permissions, "budget": budget, "limits": limits}
        )
        script = Script(found.script, found.source, None if found.folder is None else Path(found.folder))
        kept = applied_by(self.durable_runs, found, script)
        if not isinstance(kept, RunResult):
            return self._runs.wait(kept.script, chosen, kept)
        text = "this plan was applied before: this is that run's result, and nothing is done again"
        for sink in self._runs.services.sinks:
            sink.emit(Logged(found.id, time(), "warn", text))
        return kept

    def plan_many(self, jobs: Iterable[ScriptLike | Mapping[str, Any]]) -> Iterator[Plan]:
        """The plans of many runs, one after the other, each given as it is made; jobs are as for :meth:`run_many`.

        They are one plan: what one makes up the later ones see, and what is done ``once`` is done by the first.
        :class:`~host.plan.plan_set.PlanWriter` writes them to a file. Raises ``UsageError``, also beyond 100,000
        changes in all.
        """
        from host.plan.making import make_plans  # few hosts plan

        if isinstance(jobs, str | bytes | Mapping) or not isinstance(jobs, Iterable):
            raise arguments.wrong("jobs", jobs, "a list of jobs, or what gives them one by one")
        self._engine.worker.check_may_block("plan_many", "Plan in a thread of its own.")
        self._check_plannable()
        return make_plans(self._durable_parts(), jobs, self._runs.wait)

    def apply_many(
        self,
        file: PlanSet | str | os.PathLike[str],
        *,
        timeout: float | None = None,
        permissions: Any = None,
        budget: Any = None,
        limits: Mapping[str, Any] | Any = None,
    ) -> Iterator[RunResult]:
        """Make the changes of a plan of several runs, one run after the other; returns each result as it ends.

        ``job`` of a result is its :class:`~host.plan.plan_set.PlanSection`. It ends with the first run that fails, as
        one does at a change that is not the plan's next. Given again after a crash, it continues; what is done gives
        its result. The options are those of :meth:`apply`, for each run. Raises ``UsageError`` as that does.
        """
        from host.plan.making import apply_plans  # few hosts plan

        self._engine.worker.check_may_block("apply_many", "Apply it in a thread of its own.")
        self._check_plannable()
        said: RunKeywords = {"timeout": timeout, "permissions": permissions, "budget": budget, "limits": limits}
        chosen = RunOptions.of("apply_many", said)
        return apply_plans(self._durable_parts(), self.durable_runs, file, chosen, self._runs.wait)

    def _check_plannable(self) -> None:
        self._runs.check_open()
        if self._runs.worker_processes is not None:
            raise UsageError("planning needs a host of one process: omit processes=… (--processes)")
        if self._runs.tape is not None:
            raise UsageError("a plan is neither recorded nor replayed: omit record=… and replay=… (--record, --replay)")
