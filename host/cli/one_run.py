"""One run on one host, from its start to the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from traceback import print_exception
from typing import TYPE_CHECKING

import click

from host.cassettes.unreplayed import unreplayed_lines
from host.cli.cassette_options import NO_CASSETTE, CassetteOptions
from host.cli.in_flight import UnderWaySink
from host.cli.interrupt import call
from host.cli.live_or_simulated import not_modelled_lines
from host.cli.live_view import LiveView, watch_run
from host.cli.output import OutputSink
from host.cli.report_options import Reporting
from host.cli.result_text import as_json as as_json_line
from host.cli.result_text import as_text, ordered
from host.errors import HostError

if TYPE_CHECKING:
    from host.events import Sink
    from host.host import Host
    from host.run.script import RunResult

__all__ = ["BROKEN_PIPE", "GRACE", "GRACE_DURABLE", "GRACE_INTERRUPTED", "run_one"]

BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells count
GRACE = 5.0  # seconds for what is under way when a script has ended
GRACE_INTERRUPTED = 0.2  # the same after Ctrl-C, which ends the process within a second
GRACE_DURABLE = 5.0  # the same for a durable run, whose changes under way are to be recorded


def run_one(
    open_host: Callable[[Sequence[Sink]], Host],
    work: Callable[[Host], RunResult],
    sinks: Callable[[], Sequence[Sink]],
    *,
    name: str,
    reporting: Reporting,
    timeout: float | None = None,
    stats: bool = False,
    again: str | None = None,
    cassette: CassetteOptions = NO_CASSETTE,
) -> int:
    """Do one run on one host, and return the exit code.

    ``sinks()`` makes the sinks the options ask for, ``name`` names the run at a terminal, ``again`` is the command
    that resumes a durable run.
    """
    with watch_run(name, quiet=reporting.quiet) as view:
        return _run_seen(
            view,
            open_host,
            work,
            sinks(),
            reporting=reporting,
            timeout=timeout,
            stats=stats,
            again=again,
            cassette=cassette,
        )


def _run_seen(
    view: LiveView,
    open_host: Callable[[Sequence[Sink]], Host],
    work: Callable[[Host], RunResult],
    more: Sequence[Sink],
    *,
    reporting: Reporting,
    timeout: float | None,
    stats: bool,
    again: str | None,
    cassette: CassetteOptions,
) -> int:
    output = OutputSink(sys.stdout.buffer, lambda: host.interrupt())
    under_way = UnderWaySink()
    host = open_host([output, under_way, *more, *view.sinks])
    signal: int | None = None

    def stop() -> None:
        view.close()  # a second signal ends the process immediately
        host.interrupt()

    try:
        try:
            result, signal = call(lambda: work(host), stop, limit=timeout)
        finally:
            view.close()
        if stats:
            from host.report.health import health  # for this option alone

            click.echo(health(host.stats()), err=True)
        for line in (*not_modelled_lines(host.not_modelled), *unreplayed_lines(cassette.replay or "", host.unasked)):
            click.echo(line, err=True)
        if again is not None and " resume " in again and result.error is not None and result.error.hint:
            # what the journal names a run by, with all else that the run needs
            bare = host.durable_runs.journal.command("resume", result.run_id)
            result.error.hint = result.error.hint.replace(bare, again)
    finally:
        host.close(GRACE if not signal else GRACE_DURABLE if again else GRACE_INTERRUPTED)
    error = result.error
    if error is not None and error.kind == "unplanned":
        again = None  # it would come to the same change again
    if again is not None and error is not None and not signal and error.kind not in ("diverged", "in doubt"):
        error.hint = "\n".join(filter(None, [error.hint, f"to continue: {again}"]))
    status = _finish(result, output, under_way, signal, reporting)
    if again is not None and error is not None:
        click.echo(f"to continue: {again}", err=True)
    return status


def _finish(
    result: RunResult,
    output: OutputSink,
    under_way: UnderWaySink,
    signal: int | None,
    reporting: Reporting,
) -> int:
    """Report how it ended, and return the exit code."""
    error = result.error
    if error is None and result.exit_status is None and (reporting.as_json or result.values):
        if reporting.as_json:
            output.write(as_json_line(ordered(result.values if result.rest else result.value)) + "\n")
        else:
            output.write("".join(f"{as_text(ordered(each))}\n" for each in result.values))
    if isinstance(output.failure, BrokenPipeError):  # the reader has left; nobody would see a message
        return BROKEN_PIPE
    if output.failure is not None:
        raise HostError(f"stdout cannot be written: {output.failure.strerror}")
    if error is None:
        return result.exit_status or 0
    if signal is not None and error.kind == "interrupted":
        where = f" at {error.script}:{error.line}" if error.line is not None else ""
        click.echo(f"interrupted{where}, after {result.calls} call{'' if result.calls == 1 else 's'}", err=True)
        if waiting := str(under_way):
            click.echo(f"without an answer, so the outcome is unknown: {waiting}", err=True)
        return 128 + signal
    if reporting.debug:
        print_exception(error.cause or error)
    raise error
