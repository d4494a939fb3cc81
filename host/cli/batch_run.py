"""Many runs by one command, from the first to the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

import click

from host.cassettes.unasked import unasked_lines
from host.cli.batch_jobs import Jobs, ResumedJobs
from host.cli.batch_options import Batch
from host.cli.batch_report import BatchReport
from host.cli.cassette_options import NO_CASSETTE, CassetteOptions
from host.cli.in_flight import UnderWaySink
from host.cli.interrupt import call
from host.cli.live_or_simulated import not_modelled_lines
from host.cli.one_run import BROKEN_PIPE
from host.cli.output import OutputSink
from host.errors import HostError
from host.report.progress import Progress
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
    sinks: Callable[[TextIO], Sequence[Sink]],
    *,
    results: Callable[[Host, Jobs | ResumedJobs], Iterator[RunResult]],
    as_json: bool,
    graces: tuple[float, float],
    again: str | None,
    cassette: CassetteOptions = NO_CASSETTE,
) -> int:
    """Run all, report each as it ends and all of them at the end, and give the exit code.

    ``results(host, jobs)`` does them; ``sinks(stderr)`` makes those the options ask for; ``graces`` are seconds to
    close in, after all went its way and after an interrupt. ``again`` is the command that goes on with a durable batch.
    """
    progress = Progress(sys.stderr, jobs.total)
    stderr: TextIO = progress.beside(sys.stderr)
    under_way = UnderWaySink()

    def stop() -> None:
        jobs.stop()
        host.interrupt()

    output = OutputSink(progress.beside(sys.stdout.buffer), stop)
    report = BatchReport(jobs, output, stderr, as_json=as_json)
    host = open_host([under_way, *([] if as_json else [output]), *sinks(stderr)])
    summary = Summary()
    most = batch.max_failures.of(jobs.total) if batch.max_failures is not None else None

    def work() -> None:
        for result in results(host, jobs):
            failed = summary.add(result)
            report.ended(result, failed=failed)
            progress.advance(failed=failed)
            if failed and summary.failed == most:
                jobs.stop()

    signal: int | None = None
    try:
        _, signal = call(work, stop)
        if batch.stats:
            from host.report.health import health  # for this option alone

            print(health(host.stats()), file=stderr)
        for line in (*not_modelled_lines(host.not_modelled), *unasked_lines(cassette.replay or "", host.unasked)):
            print(line, file=stderr)
    finally:
        progress.close()
        host.close(graces[1] if signal else graces[0])
    if output.failure is not None:
        if isinstance(output.failure, BrokenPipeError):  # the reader has left; nobody would see a message
            return BROKEN_PIPE
        raise HostError(f"stdout cannot be written: {output.failure.strerror}")
    stopped = f"{most} failed (--max-failures {batch.max_failures})" if jobs.left and signal is None else None
    report.summary(summary, interrupted=signal is not None, stopped=stopped)
    unfinished = signal is not None or summary.failed
    _tell_what_is_left(str(under_way) if signal is not None else "", again if unfinished else None)
    return summary.status if signal is None else 128 + signal


def _tell_what_is_left(waiting: str, again: str | None) -> None:
    """Which calls an interrupt left without an answer, and how to go on."""
    if waiting:
        click.echo(f"without an answer, so what came of it is unknown: {waiting}", err=True)
    if again is not None:
        click.echo(f"to go on: {again}", err=True)
