"""The plan of several runs by one command: made, printed and written run by run; and applied."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from host.cli.interrupt import call
from host.cli.one_run import GRACE_DURABLE
from host.cli.output import OutputSink
from host.cli.report_options import Reporting
from host.cli.result_text import as_json as as_json_line
from host.cli.result_text import as_text, ordered
from host.errors import HostError, ScriptError, UsageError
from host.plan.plan_set import PlanSection, PlanSet, PlanTotals, PlanWriter
from host.plan.rendering import PlanRenderer

if TYPE_CHECKING:
    from host.cli.batch_jobs import BatchJob, Jobs
    from host.cli.host_options import HostPlan
    from host.events import Sink
    from host.host import Host
    from host.run.script import RunResult

__all__ = ["apply_all", "print_plans"]


def print_plans(opening: HostPlan, jobs: Jobs, simulate: bool, reporting: Reporting, out: str | None) -> int:
    """Make and print the plan of all jobs; returns the exit code."""
    if out is not None and jobs.rows is not None and os.path.realpath(out) == os.path.realpath(jobs.rows):
        raise UsageError(f"--out {out} is the file of the rows; write the plan to another file")
    totals, failures = PlanTotals(), list[ScriptError]()
    with ExitStack() as stack:
        shown = OutputSink(sys.stderr.buffer, lambda: stop())
        sinks = reporting.sinks(stack, sys.stderr, opening.settings, name=str)
        host = opening.open([shown, *sinks], simulate=simulate)
        stack.callback(host.close, 0.2)
        writer = None if out is None else stack.enter_context(PlanWriter(out))
        renderer = PlanRenderer(jobs.total, as_json=reporting.as_json)

        def stop() -> None:
            jobs.stop()
            host.interrupt()

        def work() -> None:
            known = list[str]()  # the place of each job, as the host takes it
            for number, plan in enumerate(host.plan_many(_noting(jobs, known)), 1):
                section = PlanSection(number, known.pop(0), plan)
                totals.add(plan)
                click.echo(renderer.section(section), nl=False)
                if plan.error is not None:
                    failures.append(plan.error)
                elif writer is not None and not failures:
                    writer.add(section)

        _, signal = call(work, stop)
        if signal:
            return 128 + signal
        click.echo(renderer.end(totals), nl=False)
        if failures:
            click.echo("the plan is incomplete, and is not written" if out else "the plan is incomplete", err=True)
            raise failures[0]
        if writer is not None and out is not None:
            writer.finish()
            click.echo(f"to make these changes: python -m host apply {shlex.quote(out)}", err=True)
    return 0


def _noting(jobs: Jobs, known: list[str]) -> Iterator[BatchJob]:
    for job in jobs:
        known.append("" if job.line is None else jobs.place(job))
        yield job


def apply_all(
    found: PlanSet,
    open_host: Callable[[Sequence[Sink]], Host],
    sinks: Sequence[Sink],
    *,
    timeout: float | None,
    reporting: Reporting,
    again: str,
) -> int:
    """Apply the plan of several runs up to the first that fails; returns the exit code."""
    output = OutputSink(sys.stdout.buffer, lambda: host.interrupt())
    host = open_host([output, *sinks])
    done = 0
    last: list[RunResult] = []

    def work() -> None:
        nonlocal done
        for result in host.apply_many(found, timeout=timeout):
            last[:] = [result]
            if result.error is not None:
                return
            done += 1
            _show(result, output, reporting)

    try:
        _, signal = call(work, host.interrupt)
    finally:
        host.close(GRACE_DURABLE)
    if output.failure is not None and not isinstance(output.failure, BrokenPipeError):
        raise HostError(f"stdout cannot be written: {output.failure.strerror}")
    click.echo(f"{done:,} of {found.runs:,} runs of the plan applied", err=True)
    if signal:
        click.echo(f"to continue: {again}", err=True)
        return 128 + signal
    error = last[0].error if last else None
    if error is not None:
        section: PlanSection = last[0].job
        click.echo(f"stopped at run {section.number}, {section.label}", err=True)
        if error.kind != "unplanned":
            error.hint = "\n".join(filter(None, [error.hint, f"to continue: {again}"]))
        raise error
    return 0


def _show(result: RunResult, output: OutputSink, reporting: Reporting) -> None:
    if reporting.as_json:
        section: PlanSection = result.job
        said = {"event": "result", "number": section.number, "row": section.row, "run_id": result.run_id}
        value = ordered(result.values if result.rest else result.value)
        output.write(as_json_line({**said, "value": value}) + "\n")
    else:
        output.write("".join(f"{as_text(ordered(each))}\n" for each in result.values))
