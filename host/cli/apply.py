"""``apply``: make the changes of a plan, and no others."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack

import click

from host.cli.arguments import SECONDS
from host.cli.commands import EXIT_CODES
from host.cli.host_options import HostOptions, host_options
from host.cli.one_run import run_one
from host.cli.report_options import Reporting, report_options
from host.cli.strict import GIVEN, StrictCommand
from host.errors import UsageError
from host.plan.plan import Plan
from host.plan.plan_set import PlanSet

__all__ = ["command"]


@click.command(
    name="apply",
    cls=StrictCommand,
    epilog=f"""\b
Examples:
  python -m host plan refund.lua --out refund.plan
  python -m host apply refund.plan

{EXIT_CODES}""",
)
@click.argument("file", metavar="FILE")
@click.option("--simulate", is_flag=True, help="Apply a plan made with --simulate; not needed, as the plan says so.")
@click.option("--timeout", type=SECONDS, metavar="SECONDS", help="As for run.")
@report_options
@host_options
@click.pass_context
def command(
    ctx: click.Context,
    file: str,
    simulate: bool,
    timeout: float | None,
    reporting: Reporting,
    opening: HostOptions,
) -> int:
    """Make the changes of a plan written by plan --out, in a durable run.

    The run is stopped at the first change that is not the plan's next. Run again after a crash, the command continues
    where it broke off.
    """
    found = PlanSet(file) if PlanSet.is_one(file) else Plan.load(file)
    if simulate and found.mode != "simulated":
        raise UsageError(f"--simulate: the plan {file} is for {found.base}, not for the simulator")
    plan = opening.plan()
    simulated = found.mode == "simulated"
    if simulated and not simulate:
        click.echo(f"the plan {file} was made with the simulator and is applied there", err=True)
    again = f"python -m host apply {shlex.join(ctx.meta[GIVEN])}"
    with ExitStack() as stack:
        if isinstance(found, PlanSet):
            from host.cli.plan_many import apply_all  # most plans are of one script

            return apply_all(
                found,
                lambda sinks: plan.open(sinks, simulate=simulated),
                reporting.sinks(stack, sys.stderr, plan.settings, name=str),
                timeout=timeout,
                reporting=reporting,
                again=again,
            )
        return run_one(
            lambda sinks: plan.open(sinks, simulate=simulated),
            lambda host: host.apply(found, timeout=timeout),
            lambda: reporting.sinks(stack, sys.stderr, plan.settings),
            name=found.script,
            reporting=reporting,
            timeout=timeout,
            again=again,
        )
