"""``submit``: have scripts run by the workers of a fleet."""

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
from host.cli.policy_options import Granting, granting_options
from host.cli.strict import StrictCommand
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
@click.option("-e", "code", metavar="CODE", help="Submit this text instead of a file.")
@click.option("--queue", metavar="Q", default="default", show_default=True, help="Of workers that take from it.")
@click.option("--priority", type=int, metavar="N", default=0, show_default=True, help="A higher one goes first.")
@click.option("--at", metavar="TIME", help="Not before, such as 2026-03-01T12:00Z; without a zone: this machine's.")
@click.option("--cron", metavar="EXPR", help="Again and again, such as '30 2 * * 1-5'; --name names the schedule.")
@click.option("--timezone", metavar="ZONE", help="Of --cron (default UTC), such as Europe/Berlin.")
@click.option("--name", metavar="N", help="Of a schedule, or of a batch: its runs are N.1, N.2 …")
@click.option("--dedup", metavar="KEY", help="Stands for one run: submitted again, its id is given.")
@click.option("--each", metavar="FILE", help="A run for each row of a .csv, .tsv or .jsonl file: the global row.")
@click.option("--run-id", metavar="ID", help="The run's id (default: a new one).")
@click.option("--simulate", is_flag=True, help="For workers that simulate.")
@click.option("--setup", metavar="MODULE:FUNCTION", help="Gives a host the functions and APIs scripts need.")
@click.option("--timeout", type=SECONDS, metavar="SECONDS", help="End each run after this long.")
@host_options
@granting_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    arguments: tuple[str, ...],
    code: str | None,
    each: str | None,
    run_id: str | None,
    simulate: bool,
    setup: str | None,
    timeout: float | None,
    opening: HostOptions,
    granting: Granting,
    **placing: Any,
) -> int:
    """Submit a script to the fleet of HOST_DATABASE; gives the run's id on stdout.

    The script and what it requires travel with the run, keys do not: workers have theirs. Permissions and budgets said
    here narrow theirs.
    """
    scripts, args = scripts_of(ctx, arguments, code)
    if len(scripts) > 1:
        raise UsageError("submit takes one script; arguments of a script go behind --")
    plan = opening.plan(granting)
    database_url(plan.settings.database, "submit")
    _check(each, run_id, **placing)
    options = RunOptions(
        args=args, timeout=timeout, run_id=run_id, permissions=plan.config.permissions, budget=plan.config.budget
    )
    from host.fleet.fleet import Fleet as Opened  # an extra
    from host.fleet.fleet import Placing as Where

    where = Where(queue=placing["queue"], priority=placing["priority"], at=_time(placing["at"]), dedup=placing["dedup"])
    with plan.open([], simulate=simulate or not plan.settings.has_key, setup=setup) as host:
        parts = host.fleet_parts
        if not simulate and not plan.settings.has_key:
            parts = replace(parts, mode="")
        with closing(Opened(parts)) as fleet:
            return _submit(fleet, scripts[0], options, where, each, **placing)


def _submit(
    fleet: Fleet,
    script: Script,
    options: RunOptions,
    where: Placing,
    each: str | None,
    *,
    cron: str | None,
    timezone: str | None,
    name: str | None,
    **_: Any,
) -> int:
    if cron is not None:
        first = fleet.schedule(script, options, where, name=name or "", cron=cron, zone=timezone or "UTC")
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


def _check(
    each: str | None, run_id: str | None, *, cron: str | None, timezone: str | None, name: str | None,
    dedup: str | None, at: str | None, **_: Any,
) -> None:  # fmt: skip
    """Raise ``UsageError`` for options that do not go together."""
    several = [option for option, said in (("--cron", cron), ("--each", each)) if said is not None]
    if len(several) > 1:
        raise UsageError("--cron and --each exclude each other")
    if cron is not None and name is None:
        raise UsageError("--cron needs --name: it names the schedule, which runs cancel removes")
    if timezone is not None and cron is None:
        raise UsageError("--timezone is that of --cron")
    if name is not None and not several:
        raise UsageError("--name names a schedule (--cron) or a batch (--each); --run-id names a run")
    for option, said in (("--dedup", dedup), ("--run-id", run_id)):
        if said is not None and several:
            raise UsageError(f"{option} is for one run; with {several[0]}, --name makes it one batch or schedule")
    if at is not None and cron is not None:
        raise UsageError("--cron says when; leave --at out")


def _time(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise UsageError(f"--at {text}: expected a time such as 2026-03-01T12:00Z") from None
