"""``plan``: what a script would change."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from host.cli.arguments import scripts_of
from host.cli.batch_options import Batch
from host.cli.commands import EXIT_CODES
from host.cli.host_options import HostOptions, HostPlan, host_options
from host.cli.interrupt import call
from host.cli.live_or_simulated import choose
from host.cli.output import OutputSink
from host.cli.plan_options import PlanOptions, plan_options
from host.cli.report_options import Reporting, report_options
from host.cli.strict import GIVEN, StrictCommand
from host.plan.rendering import as_json, as_text

if TYPE_CHECKING:
    from host.plan.plan import Plan
    from host.run.script import Script

__all__ = ["command", "print_any"]


@click.command(
    name="plan",
    cls=StrictCommand,
    epilog=f"""\b
Examples:
  python -m host plan refund.lua -- 2026-03
  python -m host plan refund.lua --out refund.plan -- 2026-03
  python -m host apply refund.plan
  python -m host plan refund.lua --each customers.csv --out refunds.plan

{EXIT_CODES}""",
)
@click.argument("arguments", metavar="SCRIPT [ARGS]...", nargs=-1, type=click.UNPROCESSED)
@plan_options
@report_options
@host_options
@click.pass_context
def command(
    ctx: click.Context,
    arguments: tuple[str, ...],
    options: PlanOptions,
    reporting: Reporting,
    opening: HostOptions,
) -> int:
    """Show what Lua scripts would change, and change nothing.

    The script runs; its reads are sent, and a change is answered with a made-up object whose id begins with
    planned_. What the script prints goes to stderr.
    """
    scripts, args = scripts_of(ctx, arguments, options.code)
    plan = opening.plan()
    mode = choose(
        plan.settings,
        simulate=options.simulate,
        at_terminal=sys.stdout.isatty() and sys.stderr.isatty(),
        command=shlex.join(ctx.meta[GIVEN]),
        other_apis=plan.has_other_apis,
        verb="plan",
    )
    if mode.notice:
        click.echo(mode.notice, err=True)
    return print_any(plan, scripts, args, options, mode.simulate, reporting)


def print_any(
    opening: HostPlan,
    scripts: list[Script],
    args: tuple[str, ...],
    options: PlanOptions,
    simulate: bool,
    reporting: Reporting,
) -> int:
    """Make and print the plan of one run or several; returns the exit code."""
    if options.each is None and len(scripts) == 1:
        return print_plan(opening, scripts[0], args, options, simulate, reporting)
    from host.cli.batch_jobs import Jobs  # most plans are of one script
    from host.cli.plan_many import print_plans

    jobs = Jobs(Batch(each=options.each), scripts, args, options.timeout)
    return print_plans(opening, jobs, simulate, reporting, options.out)


def print_plan(
    opening: HostPlan,
    script: Script,
    args: tuple[str, ...],
    options: PlanOptions,
    simulate: bool,
    reporting: Reporting,
) -> int:
    """Make and print the plan of one script; returns the exit code."""
    with ExitStack() as stack:
        shown = OutputSink(sys.stderr.buffer, lambda: host.interrupt())
        host = opening.open([shown, *reporting.sinks(stack, sys.stderr, opening.settings)], simulate=simulate)
        stack.callback(host.close, 0.2)
        found: Plan
        limit, out = options.timeout, options.out
        found, signal = call(lambda: host.plan(script, args=args, timeout=limit), host.interrupt, limit=limit)
        click.echo(as_json(found) if reporting.as_json else as_text(found), nl=reporting.as_json)
        if signal:
            return 128 + signal
        if found.error is not None:
            raise found.error
        if out is not None:
            found.save(out)
            click.echo(f"to make these changes: python -m host apply {shlex.quote(out)}", err=True)
    return 0
