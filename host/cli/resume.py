"""``resume``: continue a durable run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from host.cli.batch_options import Batch
from host.cli.commands import EXIT_CODES
from host.cli.host_options import HostOptions, host_options
from host.cli.journal_options import runs_of
from host.cli.one_run import GRACE, GRACE_DURABLE, run_one
from host.cli.report_options import Reporting, report_options
from host.cli.rerun_hints import resume_hint
from host.cli.resume_options import ResumeOptions, resume_options
from host.cli.strict import StrictCommand
from host.errors import UsageError
from host.settings import Settings

if TYPE_CHECKING:
    from host.durable.records import RunRow
    from host.events import Sink
    from host.host import Host

__all__ = ["command"]


@click.command(
    name="resume",
    cls=StrictCommand,
    epilog=f"""\b
Examples:
  python -m host resume run_5d0c0a1b2c3d4e5f6a7b
  python -m host resume nightly-2026-03-01 --in-doubt 'call 3 of task 1=done:"re_1"'
  python -m host resume nightly-2026-03-01 --in-doubt skip

{EXIT_CODES}""",
)
@click.argument("run_id", metavar="ID")
@resume_options
@report_options
@host_options
@click.pass_context
def command(
    ctx: click.Context,
    run_id: str,
    options: ResumeOptions,
    reporting: Reporting,
    opening: HostOptions,
) -> int:
    """Continue a durable run: what it did is answered from the journal, the rest is done now.

    If ID is a batch, all its unfinished runs are resumed.
    """
    how = options.arguments()
    plan = opening.plan()
    runs = _recorded(plan.settings, run_id)
    simulate = runs[0].mode == "simulated"
    if simulate:
        click.echo(f"run {run_id} is simulated and continues to be", err=True)
    again = resume_hint(ctx, plan.settings, run_id)
    is_batch = runs[0].id != run_id
    if is_batch and (options.force_new or not isinstance(how["in_doubt"], str)):
        raise UsageError(
            f"{run_id} is a batch: --force-new and decisions on single calls apply to one of its runs",
            hint=f"resume {runs[0].id}, say; --in-doubt skip and --in-doubt repeat apply to all",
        )

    def open_host(sinks: Sequence[Sink]) -> Host:
        return plan.open(sinks, simulate=simulate)

    with ExitStack() as stack:
        if is_batch:
            return _resume_batch(
                runs,
                open_host,
                lambda host, jobs: host.durable_runs.batches.resume(jobs, **how),
                lambda: reporting.sinks(stack, sys.stderr, plan.settings, name=str),
                timeout=options.timeout,
                reporting=reporting,
                again=again,
            )
        return run_one(
            open_host,
            lambda host: host.resume(run_id, force_new=options.force_new, timeout=options.timeout, **how),
            lambda: reporting.sinks(stack, sys.stderr, plan.settings),
            name=run_id,
            reporting=reporting,
            timeout=options.timeout,
            again=again,
        )


def _recorded(settings: Settings, run_id: str) -> list[RunRow]:
    """The run of an id, or the runs of a batch."""
    from host.durable.chosen_journal import open_journal

    store = open_journal(settings.journal, existing=settings.journal != settings.database)
    try:
        return runs_of(store, run_id)
    finally:
        store.close()


def _resume_batch(
    runs: list[RunRow],
    open_host: Any,
    results: Any,
    sinks: Any,
    *,
    timeout: float | None,
    reporting: Reporting,
    again: str,
) -> int:
    from host.cli.batch_jobs import ResumedJobs
    from host.cli.batch_run import run_batch

    left = [run for run in runs if run.status != "done"]
    click.echo(f"{len(runs) - len(left)} of {len(runs)} runs of this batch are done", err=True)
    return run_batch(
        Batch(),
        ResumedJobs(left, timeout),
        open_host,
        sinks,
        results=results,
        reporting=reporting,
        graces=(GRACE, GRACE_DURABLE),
        again=again,
    )
