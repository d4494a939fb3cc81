"""``runs undo``: take back what a run, or a whole batch, created."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from host.cli.host_options import api_option, documents
from host.cli.journal_options import journal_options, opened, runs_of
from host.cli.one_run import run_one
from host.cli.report_options import Reporting
from host.cli.strict import StrictCommand
from host.config_file import read_config
from host.errors import UsageError

if TYPE_CHECKING:
    from host.durable.records import RunRow
    from host.durable.undo import Reversal
    from host.host import Host
    from host.run.script import RunResult

__all__ = ["command", "same_simulator"]


@click.command(name="undo", cls=StrictCommand)
@click.argument("run_id", metavar="ID")
@click.option("--dry-run", is_flag=True, help="Print what would be done, without doing it.")
@click.option("--refunds", is_flag=True, help="Refund payments.")
@api_option
@click.option("--config", metavar="FILE", help="Read FILE instead of host.toml in the current folder.")
@journal_options
def command(
    run_id: str,
    dry_run: bool,
    refunds: bool,
    apis: tuple[str, ...],
    config: str | None,
    journal: str | None,
    env_file: str | None,
) -> int:
    """Take back what a run created, the last first: delete, cancel, archive, refund.

    ID is a run or a batch. Run again it does what is left, and nothing twice: it is durable itself.
    """
    from host.host import Host

    with opened(journal, env_file, config) as (store, settings):
        runs = runs_of(store, run_id)
        under_way = [run.id for run in runs if store.is_running(run)]
        again = store.command("runs undo", run_id) + (" --refunds" if refunds else "")
        more = [("--env-file", env_file), ("--config", config), *(("--api", api) for api in apis)]
        again += "".join(f" {option} {shlex.quote(value)}" for option, value in more if value)
    if under_way:
        raise UsageError(f"run {under_way[0]} is still running")
    how: dict[str, Any] = {
        "simulate": runs[0].mode == "simulated",
        "env_file": env_file,
        "config": read_config(config),
        "apis": documents(apis),
        "journal": journal,
    }
    runs.reverse()

    def work(host: Host) -> RunResult:
        return _undo_all(host, runs, refunds=refunds)

    with ExitStack() as stack:
        if dry_run:
            with Host(**how) as looking:
                for run in runs:
                    _announce(looking, run, refunds=refunds, would=True)
            return 0
        return run_one(
            lambda sinks: Host(sinks=sinks, **how, **same_simulator(runs[0], stack)),
            work,
            lambda: Reporting().sinks(stack, sys.stderr, settings),
            name=f"undo {run_id}",
            reporting=Reporting(),
            again=again,
        )


def _undo_all(host: Host, runs: list[RunRow], *, refunds: bool) -> RunResult:
    """One run after the other, the last first. Returns the first result that is not a success, or the last."""
    from host.durable.undoing import undo

    worst: RunResult | None = None
    for run in runs:
        nothing = _announce(host, run, refunds=refunds, would=False)
        result = undo(host, run.id, refunds=refunds, beside=len(runs) > 1)
        if nothing:
            click.echo(nothing, err=True)
        if result.error is not None:
            return result
        if worst is None or (result.exit_status and not worst.exit_status):
            worst = result
    assert worst is not None
    return worst


def _announce(host: Host, run: RunRow, *, refunds: bool, would: bool) -> str:
    """Print what would be done (``would``), and what cannot be. Returns what to print if there is nothing to do."""
    from host.durable.undoing import Undoing

    durable = host.durable_runs
    durable.check_bound(run)
    state = Undoing(durable.journal, run, durable.apis, refunds=refunds)
    for each in state.left:
        what = f"{each.entry.operation} {each.entry.id}"
        if not each.tries:
            click.echo(f"CANNOT undo {what}{_where(each, run)}: {each.why}", err=not would)
        elif would:
            how = ", or ".join(operation for operation, _ in each.tries)
            click.echo(f"would undo {what} {each.entry.amount} by {how}")
        if each.note:
            click.echo(f"note: {what}: {each.note}", err=not would)
    refused = any(not each.tries for each in state.left)
    nothing = f"nothing {'else can' if refused else 'is left that could'} be undone of {run.id}"
    if would and not state.steps:
        click.echo(nothing)
    return "" if state.steps or state.unfinished else nothing


def _where(reversal: Reversal, run: RunRow) -> str:
    return "" if reversal.entry.id else f" (of {run.script} line {reversal.entry.line}, run {run.id})"


def same_simulator(run: RunRow, stack: ExitStack) -> dict[str, Any]:
    """A simulated run is undone where its objects are."""
    if run.simulator is None:
        return {}
    from host.apis.stripe import load
    from host.simulator.simulator import Simulator
    from host.simulator.store import Store

    simulator = Simulator(load(), store=Store(run.simulator))
    stack.callback(simulator.close)
    return {"simulator": simulator}
