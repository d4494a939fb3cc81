"""``run``: scripts by one command, once or for each row of a file."""

from __future__ import annotations

import re
import shlex
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

import click
from msgspec import structs

from host.cli.arguments import SECONDS, scripts_of
from host.cli.batch_options import CONCURRENCY, Batch, batch_options
from host.cli.cassette_options import CassetteOptions, cassette_options
from host.cli.commands import EXIT_CODES
from host.cli.durable_options import DurableOptions, durable_options
from host.cli.host_options import HostOptions, HostPlan, host_options
from host.cli.live_or_simulated import Mode, choose
from host.cli.one_run import GRACE, GRACE_DURABLE, GRACE_INTERRUPTED, run_one
from host.cli.report_options import Reporting, report_options
from host.cli.rerun_hints import batch_hint, resume_hint
from host.cli.strict import GIVEN, StrictCommand
from host.errors import UsageError

if TYPE_CHECKING:
    from host.cli.batch_jobs import Jobs

__all__ = ["command"]

_EPILOG = f"""\b
Examples:
  python -m host run --simulate lua_scripts/payment.lua
  python -m host run -e 'return stripe.products.list{{limit = 3}}' --json

  python -m host run refund.lua --each customers.csv --jobs 20 --json

Options may come before or after the script; unknown ones are refused. Arguments of the
script that look like options go after --.

{EXIT_CODES}"""


@click.command(name="run", cls=StrictCommand, epilog=_EPILOG)
@click.argument("arguments", metavar="SCRIPT [ARGS]...", nargs=-1, type=click.UNPROCESSED)
@click.option("-e", "code", metavar="CODE", help="Run the script CODE instead of a file.")
@click.option("--simulate", is_flag=True, help="Call the built-in simulator; no key is needed or used.")
@click.option("--timeout", type=SECONDS, metavar="SECONDS", help="Time limit of the whole run.")
@click.option("--require-live", "require", flag_value="live", help="Run only with a live key.")
@click.option("--require-test", "require", flag_value="test", help="Run only with a test key or the simulator.")
@click.option("--dry-run", is_flag=True, help="Change nothing, and show what would change: the same as plan.")
@report_options
@host_options
@durable_options
@batch_options
@cassette_options
@click.pass_context
def command(
    ctx: click.Context,
    arguments: tuple[str, ...],
    code: str | None,
    simulate: bool,
    timeout: float | None,
    require: Literal["live", "test"] | None,
    dry_run: bool,
    reporting: Reporting,
    opening: HostOptions,
    durable: DurableOptions,
    batch: Batch,
    cassette: CassetteOptions,
) -> int:
    """Run a Lua script. SCRIPT is a file, or - for standard input.

    Several names that end in .lua are several scripts, run concurrently; what follows -- goes to each.

    Without a key (STRIPE_SECRET_KEY) a run at a terminal is simulated; elsewhere it is refused.
    """
    scripts, args = scripts_of(ctx, arguments, code)
    plan = opening.plan()
    cassette.refuse_with(durable=durable.durable, processes=batch.processes != 1, dry_run=dry_run)
    mode = _mode(ctx, plan, opening, simulate, require, cassette)
    if dry_run:
        from host.cli.plan import print_any  # few runs are
        from host.cli.plan_options import PlanOptions

        if structs.replace(batch, each=None) != Batch() or durable.run_id is not None:
            raise UsageError(
                "--dry-run plans run after run: leave --repeat, --jobs, --processes, --max-failures, --stats, "
                "--durable and --run-id out"
            )
        return print_any(plan, scripts, args, PlanOptions(each=batch.each, timeout=timeout), mode.simulate, reporting)
    if batch.asked or len(scripts) > 1:
        from host.cli.batch_jobs import Jobs  # most commands run one script

        jobs = Jobs(batch, scripts, args, timeout)
        return _run_many(ctx, plan, jobs, mode.simulate, reporting, durable, batch, cassette)
    again = None
    if durable.run_id is not None:
        again = resume_hint(ctx, plan.settings, durable.run_id)
        click.echo(f"durable run {durable.run_id}; if it is interrupted: {again}", err=True)
    with ExitStack() as stack:
        return run_one(
            lambda sinks: plan.open(sinks, simulate=mode.simulate, processes=batch.processes, **cassette.arguments()),
            lambda host: host.run(scripts[0], args=args, timeout=timeout, **durable.arguments()),
            lambda: reporting.sinks(stack, sys.stderr, plan.settings),
            name=scripts[0].name,
            reporting=reporting,
            timeout=timeout,
            stats=batch.stats,
            again=again,
            cassette=cassette,
        )


def _mode(
    ctx: click.Context,
    plan: HostPlan,
    opening: HostOptions,
    simulate: bool,
    require: Literal["live", "test"] | None,
    cassette: CassetteOptions,
) -> Mode:
    """Whether the run is simulated, after printing why where that was not asked for. Raises ``UsageError``."""
    if cassette.replay is not None:
        cassette.refuse_with(**{f"require_{require}": require is not None})
        mode = Mode(simulate=simulate)
    else:
        mode = choose(
            plan.settings,
            simulate=simulate,
            at_terminal=sys.stdout.isatty() and sys.stderr.isatty(),
            command=_without_passwords(shlex.join(ctx.meta[GIVEN])),
            require=require,
            other_apis=plan.has_other_apis,
        )
    if opening.settings.get("lenient") and not mode.simulate:
        raise UsageError("--lenient concerns the simulator, and this run is not simulated; add --simulate")
    if mode.notice:
        click.echo(mode.notice, err=True)
    return mode


def _run_many(
    ctx: click.Context,
    plan: HostPlan,
    jobs: Jobs,
    simulate: bool,
    reporting: Reporting,
    durable: DurableOptions,
    batch: Batch,
    cassette: CassetteOptions,
) -> int:
    from host.cli.batch_run import run_batch

    again = None
    if durable.run_id is not None:
        again = batch_hint(durable.run_id, ctx.meta[GIVEN])
        click.echo(f"durable batch {durable.run_id}; if it is interrupted: {again}", err=True)
    with ExitStack() as stack:
        return run_batch(
            batch,
            jobs,
            lambda sinks: plan.open(sinks, simulate=simulate, processes=batch.processes, **cassette.arguments()),
            lambda: reporting.sinks(stack, sys.stderr, plan.settings, name=jobs.names),
            results=lambda host, jobs: host.run_many(
                jobs,
                concurrency=batch.jobs or CONCURRENCY,
                batch_id=durable.run_id,
                force_new=durable.force_new,
            ),
            reporting=reporting,
            graces=(GRACE, GRACE_INTERRUPTED if again is None else GRACE_DURABLE),
            again=again,
            cassette=cassette,
        )


def _without_passwords(command: str) -> str:
    """The command as it was given, to be shown: URLs of databases may hold a password."""
    return re.sub(r"(://[^\s:/@]*):[^\s/@]*@", r"\1:…@", command)
