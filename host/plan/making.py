"""Makes the plan of a run, and says where a plan may be applied."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from host.durable.binding import HostParts, binding_of
from host.durable.replay import Durable
from host.durable.runs import DurableRuns, Kept
from host.errors import InvalidCall, LimitError, UsageError
from host.lua.values import from_lua, to_lua
from host.plan.applying import Applying
from host.plan.plan import Plan
from host.plan.planning import Planning
from host.run.script import RunResult, Script

if TYPE_CHECKING:
    from host.run.options import RunOptions

__all__ = ["applied_by", "check_applicable", "make_plan"]


def make_plan(parts: HostParts, script: Script, options: RunOptions, wait: Callable[[Kept], RunResult]) -> Plan:
    """Run a script with nothing sent that changes anything; ``wait`` runs it to its end. Raises ``UsageError``."""
    try:
        given = to_lua(dict(options.globals or {}))
    except (InvalidCall, LimitError) as error:
        raise UsageError(f"globals: {error.message}") from None
    args = tuple(str(each) for each in options.args)
    planning = Planning(parts.services.gate.submit)
    kept = Kept(f"plan_{uuid.uuid4().hex[:20]}", script, args, options.globals or {}, planning)
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


def check_applicable(plan: Plan, parts: HostParts) -> None:
    """Raise ``UsageError`` unless the plan's changes would go where it was made for, by the script it was made of."""
    plan.check_complete()
    here = binding_of(parts)
    if here.mode != plan.mode:
        raise UsageError(
            f"the plan is for {_mode(plan.mode)}, and would be applied with {_mode(here.mode)}",
            hint="apply it with the key it was made with"
            if plan.mode != "simulated"
            else "apply it with --simulate (Host(simulate=True))",
        )
    if here.base != plan.base:
        raise UsageError(f"the plan is for {plan.base}, and would be applied to {here.base}")
    if here.account != plan.account:
        raise UsageError("the plan was made with another key", hint="make it anew with the present one")
    if plan.folder is not None:
        file = Path(plan.folder) / Path(plan.script).name
        if not file.is_file():
            raise UsageError(f"the plan's script {file} is not there any more")
        if Script.read(file).source != plan.source:
            raise UsageError(f"{file} has changed since the plan was made", hint="make the plan anew")


def applied_by(runs: DurableRuns, plan: Plan, script: Script) -> Kept | RunResult:
    """The durable run that applies a plan, or its result if it is done."""
    globals: dict[str, Any] = from_lua(plan.globals)
    kept = runs.begin(script, plan.args, globals, plan.id)
    if isinstance(kept, RunResult):
        return kept
    durable = kept.durable
    assert isinstance(durable, Durable)
    return replace(kept, durable=Applying(durable, plan))


def _mode(mode: str) -> str:
    return "the simulator" if mode == "simulated" else f"a {mode} key"
