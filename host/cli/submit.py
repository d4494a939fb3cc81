"""``submit``: submit scripts to the workers of a fleet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from host.cli.arguments import SECONDS, scripts_of
from host.cli.batch_options import Batch
from host.cli.commands import EXIT_CODES
from host.cli.host_options import HostOptions, host_options
from host.cli.strict import StrictCommand
from host.cli.submit_options import SubmitOptions, submit_options
from host.errors import UsageError
from host.fleet.setting import database_url
from host.run.options import RunOptions

if TYPE_CHECKING:
    from host.fleet.fleet import Fleet, Placing
    from host.run.script import Script

__all__ = ["command"]


@click.command(
    name="submit",
    cls=StrictCommand,
    epilog=f"""\b
Examples:
  python -m host submit refund.lua ch_123
  python -m host submit remind.lua --each customers.csv --queue mail
  python -m host submit report.lua --cron '30 2 * * *' --timezone Europe/Berlin --name nightly

{EXIT_CODES}""",
)
@click.argument("arguments", metavar="SCRIPT [ARGS]...", nargs=-1, type=click.UNPROCESSED)
@click.option("-e", "code", metavar="CODE", help="Submit the script CODE instead of a file.")
@submit_options
@click.option("--simulate", is_flag=True, help="Run it on workers that simulate the API.")
@click.option(
    "--setup", metavar="MODULE:FUNCTION", help="Function that gives a host the functions and APIs that scripts need."
)
@click.option("--timeout", type=SECONDS, metavar="SECONDS", help="Time limit of each run.")
@host_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    arguments: tuple[str, ...],
    code: str | None,
    submission: SubmitOptions,
    simulate: bool,
    setup: str | None,
    timeout: float | None,
    opening: HostOptions,
) -> int:
    """Submit a script to the fleet of HOST_DATABASE; prints the run's id on stdout.

    The script and what it requires travel with the run, keys do not: workers have theirs. Permissions and budgets given
    here narrow theirs.
    """
    scripts, args = scripts_of(ctx, arguments, code)
    if len(scripts) > 1:
        raise UsageError("submit takes one script; a script's arguments go after --")
    plan = opening.plan()
    database_url(plan.settings.database, "submit")
    submission.check()
    options = RunOptions(
        args=args,
        timeout=timeout,
        run_id=submission.run_id,
        permissions=plan.config.permissions,
        budget=plan.config.budget,
    )
    from host.fleet.fleet import Fleet as Opened  # an extra
    from host.fleet.fleet import Placing as Where
    from host.fleet.fleet import check_syntax

    check_syntax(scripts[0])
    where = Where(queue=submission.queue, priority=submission.priority, at=submission.time, dedup=submission.dedup)
    with plan.open([], simulate=simulate or not plan.settings.has_key, setup=setup) as host:
        parts = host.fleet_parts
        if not simulate and not plan.settings.has_key:
            parts = replace(parts, mode="")
        with closing(Opened(parts)) as fleet:
            return _submit(fleet, scripts[0], options, where, submission)


def _submit(fleet: Fleet, script: Script, options: RunOptions, where: Placing, submission: SubmitOptions) -> int:
    name, each = submission.name, submission.each
    if submission.cron is not None:
        zone = submission.timezone or "UTC"
        first = fleet.schedule(script, options, where, name=name or "", cron=submission.cron, zone=zone)
        click.echo(name)
        click.echo(f"due first at {datetime.fromtimestamp(first, UTC):%Y-%m-%d %H:%M:%S} UTC", err=True)
        return 0
    if each is not None:
        last, number = None, 0
        for last in fleet.submit_many(script, options, where, _rows(script, each), name):
            number += 1
            sys.stdout.write(f"{last}\n")
        click.echo(f"{number} runs submitted", err=True)
    else:
        last = fleet.submit(script, options, where).run_id
        click.echo(last)
    why = None if last is None else fleet.waits(last)
    if why is not None:
        click.echo(f"waiting: {why}", err=True)
    return 0


def _rows(script: Script, file: str) -> Iterator[dict[str, Any]]:
    from host.cli.batch_jobs import Jobs  # for many runs

    return (job["globals"] for job in Jobs(Batch(each=file), [script], (), None))
