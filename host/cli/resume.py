"""``resume``: continue a durable run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from host.cli.arguments import SECONDS
from host.cli.batch_options import Batch
from host.cli.commands import EXIT_CODES
from host.cli.host_options import HostOptions, host_options
from host.cli.journal_options import runs_of
from host.cli.one_run import GRACE, GRACE_DURABLE, run_one
from host.cli.report_options import Reporting, report_options
from host.cli.rerun_hints import resume_hint
from host.cli.strict import StrictCommand
from host.durable.decisions import FOR_ALL, InDoubt
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
@click.option(
    "--in-doubt",
    metavar="DECISION",
    multiple=True,
    help="What to do about a change that was sent, has no recorded answer and is not safe to repeat: "
    "CALL=skip, CALL=repeat or CALL=done[:JSON] for each as the message names it; "
    "skip, repeat or ask (the default) for all.",
)
@click.option("--recorded", is_flag=True, help="Run the script's text as it was recorded, not its file.")
@click.option("--force-new", is_flag=True, help="Start over with new keys: what was done is done again.")
@click.option("--other-key", is_flag=True, help="The present key is another one of the same account.")
@click.option("--timeout", type=SECONDS, metavar="SECONDS", help="As for run.")
@report_options
@host_options
@click.pass_context
def command(
    ctx: click.Context,
    run_id: str,
    in_doubt: tuple[str, ...],
    recorded: bool,
    force_new: bool,
    other_key: bool,
    timeout: float | None,
    reporting: Reporting,
    opening: HostOptions,
) -> int:
    """Continue a durable run: what it did is answered from the journal, the rest is done now.

    ID may be a batch: then all its runs that are not done are resumed.
    """
    decided = decisions_of(in_doubt)
    plan = opening.plan()
    runs = _recorded(plan.settings, run_id)
    simulate = runs[0].mode == "simulated"
    if simulate:
        click.echo(f"run {run_id} is simulated, and goes on so", err=True)
    again = resume_hint(ctx, plan.settings, run_id)
    how: dict[str, Any] = {"in_doubt": decided, "recorded": recorded, "other_key": other_key}
    is_batch = runs[0].id != run_id
    if is_batch and (force_new or not isinstance(decided, str)):
        raise UsageError(
            f"{run_id} is a batch: --force-new and decisions by call are for one of its runs",
            hint=f"resume {runs[0].id}, say; --in-doubt skip and --in-doubt repeat are for all",
        )

    def open_host(sinks: Sequence[Sink]) -> Host:
        return plan.open(sinks, simulate=simulate)

    with ExitStack() as stack:
        if is_batch:
            return _resume_batch(
                runs,
                open_host,
                lambda host, jobs: host.durable_runs.resume_batch(jobs, **how),
                lambda: reporting.sinks(stack, sys.stderr, plan.settings, name=str),
                timeout=timeout,
                reporting=reporting,
                again=again,
            )
        return run_one(
            open_host,
            lambda host: host.resume(run_id, force_new=force_new, timeout=timeout, **how),
            lambda: reporting.sinks(stack, sys.stderr, plan.settings),
            name=run_id,
            reporting=reporting,
            timeout=timeout,
            again=again,
        )


def _recorded(settings: Settings, run_id: str) -> list[RunRow]:
    """The run of an id, or the runs of a batch."""
    from host.durable.runs import open_journal

    store = open_journal(settings.journal, existing=True)
    try:
        return runs_of(store, run_id)
    finally:
        store.close()


def decisions_of(said: tuple[str, ...]) -> InDoubt:
    """The decisions of all ``--in-doubt`` options."""
    named: dict[str, str] = {}
    for each in said:
        call, equals, decision = each.partition("=")
        if not equals:
            if len(said) > 1:
                raise UsageError(f"--in-doubt {each} is for all calls, and stands alone; for one: CALL={each}")
            if each not in FOR_ALL:
                raise UsageError(
                    f"--in-doubt is {each!r}; expected ask, skip, repeat, or CALL=skip|repeat|done[:JSON]",
                    hint="CALL is the name the message gives it, such as 'call 1 of task 1'",
                )
            return each
        if named.setdefault(call, decision) != decision:
            raise UsageError(f"--in-doubt says two things of {call}: {named[call]} and {decision}")
    return named or "ask"


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
