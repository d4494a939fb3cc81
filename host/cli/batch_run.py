"""Many runs by one command, from the first to the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from host.cassettes.unreplayed import unreplayed_lines
from host.cli.batch_jobs import Jobs, ResumedJobs
from host.cli.batch_options import Batch
from host.cli.batch_report import BatchReport
from host.cli.cassette_options import NO_CASSETTE, CassetteOptions
from host.cli.in_flight import UnderWaySink
from host.cli.interrupt import call
from host.cli.live_or_simulated import not_modelled_lines
from host.cli.live_view import LiveView, watch_batch
from host.cli.one_run import BROKEN_PIPE
from host.cli.output import NamedOutputSink, OutputSink
from host.cli.report_options import Reporting
from host.errors import HostError
from host.report.summary import Summary

if TYPE_CHECKING:
    from host.events import Sink
    from host.host import Host
    from host.run.script import RunResult

__all__ = ["run_batch"]


def run_batch(
    batch: Batch,
    jobs: Jobs | ResumedJobs,
    open_host: Callable[[Sequence[Sink]], Host],
    sinks: Callable[[], Sequence[Sink]],
    *,
    results: Callable[[Host, Jobs | ResumedJobs], Iterator[RunResult]],
    reporting: Reporting,
    graces: tuple[float, float],
    again: str | None,
    cassette: CassetteOptions = NO_CASSETTE,
) -> int:
    """Run all, report each as it ends and all of them at the end, and return the exit code.

    ``results(host, jobs)`` runs them; ``sinks()`` makes the sinks the options ask for; ``graces`` are seconds to
    close in, after a normal end and after an interrupt. ``again`` is the command that resumes a durable batch.
    """
    with watch_batch(jobs.total, jobs.names.long, quiet=reporting.quiet) as view:
        return _run_seen(
            view,
            batch,
            jobs,
            open_host,
            sinks(),
            results=results,
            as_json=reporting.as_json,
            graces=graces,
            again=again,
            cassette=cassette,
        )


def _run_seen(
    view: LiveView,
    batch: Batch,
    jobs: Jobs | ResumedJobs,
    open_host: Callable[[Sequence[Sink]], Host],
    more: Sequence[Sink],
    *,
    results: Callable[[Host, Jobs | ResumedJobs], Iterator[RunResult]],
    as_json: bool,
    graces: tuple[float, float],
    again: str | None,
    cassette: CassetteOptions,
) -> int:
    under_way = UnderWaySink()

    def stop() -> None:
        view.close()  # a second signal ends the process immediately
        jobs.stop()
        host.interrupt()

    plain = batch.no_prefix or as_json
    output = OutputSink(sys.stdout.buffer, stop) if plain else NamedOutputSink(sys.stdout.buffer, stop, jobs.names)
    report = BatchReport(jobs, output, sys.stderr, as_json=as_json)
    host = open_host([under_way, *([] if as_json else [output]), *more, *view.sinks])
    summary = Summary()
    most = batch.max_failures.of(jobs.total) if batch.max_failures is not None else None

    def work() -> None:
        for result in results(host, jobs):
            failed = summary.add(result)
            report.ended(result, failed=failed)
            view.advance(failed)
            if failed and summary.failed == most:
                jobs.stop()

    signal: int | None = None
    try:
        try:
            _, signal = call(work, stop)
        finally:
            view.close()
        if batch.stats:
            from host.report.health import health  # for this option alone

            click.echo(health(host.stats()), err=True)
        for line in (*not_modelled_lines(host.not_modelled), *unreplayed_lines(cassette.replay or "", host.unasked)):
            click.echo(line, err=True)
    finally:
        host.close(graces[1] if signal else graces[0])
    if output.failure is not None:
        if isinstance(output.failure, BrokenPipeError):  # the reader has left; nobody would see a message
            return BROKEN_PIPE
        raise HostError(f"stdout cannot be written: {output.failure.strerror}")
    stopped = f"{most} failed (--max-failures {batch.max_failures})" if jobs.left and signal is None else None
    report.summary(summary, interrupted=signal is not None, stopped=stopped)
    unfinished = signal is not None or summary.failed
    _say_what_is_left(str(under_way) if signal is not None else "", again if unfinished else None)
    return summary.status if signal is None else 128 + signal


def _say_what_is_left(waiting: str, again: str | None) -> None:
    """Which calls an interrupt left without an answer, and how to continue."""
    if waiting:
        click.echo(f"without an answer, so the outcome is unknown: {waiting}", err=True)
    if again is not None:
        click.echo(f"to continue: {again}", err=True)
