"""Many runs by one command: several scripts, each repeated, each for every row of a file."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from host.cli.batch import Batch
from host.cli.interrupt import call
from host.cli.output import OutputSink
from host.cli.rows import Rows
from host.cli.underway import UnderWaySink
from host.cli.value import as_json as as_json_line
from host.cli.value import as_text
from host.errors import HostError
from host.heap import share_heap
from host.report.errors import describe
from host.report.progress import Progress
from host.report.summary import Summary, status_of

if TYPE_CHECKING:
    from host.events import Sink
    from host.gate.journal.records import Run
    from host.host import Host
    from host.run.script import RunResult, Script

__all__ = ["run_batch"]

_BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells count


class Job(dict[str, Any]):
    """A job of ``Host.run_many`` that knows which it is. ``line`` is of its row in the file, if any."""

    def __init__(self, number: int, line: int | None, **job: Any) -> None:
        super().__init__(job)
        self.number = number
        self.line = line


class Jobs:
    """All runs there are to be, in order; after :meth:`stop` no more of them begin."""

    def __init__(
        self, batch: Batch, scripts: Sequence[Script], args: Sequence[str], timeout: float | None
    ) -> None:
        self._scripts = scripts
        self._repeat = batch.repeat or 1
        self._rows = Rows(batch.each) if batch.each is not None else None
        self._common = {"args": args, "timeout": timeout}
        self._stopped = threading.Event()
        self.total = len(scripts) * self._repeat * (1 if self._rows is None else len(self._rows))

    def stop(self) -> None:
        self._stopped.set()

    def __iter__(self) -> Iterator[Job]:
        number = 0
        rows: Any = [(None, None)] if self._rows is None else self._rows
        for line, row in rows:
            known = {} if row is None else {"globals": {"row": row}}
            for script in self._scripts:
                for _ in range(self._repeat):
                    if self._stopped.is_set():
                        return
                    number += 1
                    yield Job(number, line, script=script, **known, **self._common)

    def label(self, job: Job) -> str:
        """How a run is called in messages: ``a.lua #7 (customers.csv:8)``."""
        place = f" ({self._rows.path}:{job.line})" if self._rows is not None else ""
        return f"{job['script'].name} #{job.number}{place}"


class ResumedJobs:
    """The runs of a batch that are to be gone on with; after :meth:`stop` no more of them."""

    def __init__(self, runs: Sequence[Run], timeout: float | None) -> None:
        self._runs = runs
        self._timeout = timeout
        self._stopped = threading.Event()
        self.total = len(runs)

    def stop(self) -> None:
        self._stopped.set()

    def __iter__(self) -> Iterator[Job]:
        for run in self._runs:
            if self._stopped.is_set():
                return
            yield Job(int(run.id.rpartition(".")[2]), None, code="", run_id=run.id, timeout=self._timeout)

    def label(self, job: Job) -> str:
        """How a run is called in messages."""
        return str(job["run_id"])


def run_batch(
    batch: Batch,
    jobs: Jobs | ResumedJobs,
    open_host: Callable[[Sequence[Sink]], Host],
    sinks: Callable[[TextIO], Sequence[Sink]],
    *,
    results: Callable[[Host, Jobs | ResumedJobs], Iterator[RunResult]],
    timeout: float | None,
    as_json: bool,
    graces: tuple[float, float],
    again: str | None,
) -> int:
    """Run all, report each as it ends and all of them at the end, and give the exit code.

    ``results(host, jobs)`` does them; ``sinks(stderr)`` makes those the options ask for; ``graces`` are seconds to
    close in, after all went its way and after an interrupt. ``again`` is the command that goes on with a durable batch.
    """
    share_heap()
    progress = Progress(sys.stderr, jobs.total)
    stderr: TextIO = progress.beside(sys.stderr)
    under_way = UnderWaySink()

    def stop() -> None:
        jobs.stop()
        host.interrupt()

    output = OutputSink(progress.beside(sys.stdout.buffer), stop)
    report = _Report(jobs, output, stderr, as_json=as_json)
    host = open_host([under_way, *([] if as_json else [output]), *sinks(stderr)])
    summary = Summary()

    def work() -> None:
        for result in results(host, jobs):
            failed = summary.add(result)
            report.ended(result, failed=failed)
            progress.advance(failed=failed)

    signal: int | None = None
    try:
        _, signal = call(work, stop)
        if batch.stats:
            from host.report.health import health  # for this option alone

            print(health(host.stats()), file=stderr)
    finally:
        progress.close()
        host.close(graces[1] if signal else graces[0])
    if isinstance(output.failure, BrokenPipeError):  # whoever read has left; nobody is there to be told
        return _BROKEN_PIPE
    if output.failure is not None:
        raise HostError(f"stdout cannot be written: {output.failure.strerror}")
    report.summary(summary, interrupted=signal is not None)
    if signal is not None and (waiting := str(under_way)):
        click.echo(f"without an answer, so what came of it is unknown: {waiting}", err=True)
    if again is not None and (signal is not None or summary.failed):
        click.echo(f"to go on: {again}", err=True)
    return summary.status if signal is None else 128 + signal


class _Report:
    """Tells how each run ended: values and JSON on stdout, failures on stderr."""

    def __init__(self, jobs: Jobs | ResumedJobs, output: OutputSink, stderr: TextIO, *, as_json: bool) -> None:
        self._jobs = jobs
        self._output = output
        self._stderr = stderr
        self._as_json = as_json

    def ended(self, result: RunResult, *, failed: bool) -> None:
        job = result.job
        assert isinstance(job, Job)  # run_many gives back what it was given
        if self._as_json:
            self._output.write(as_json_line(_facts(result, job)) + "\n")
        elif failed:
            error = result.error
            text = f"ended with status {result.exit_status}" if error is None else describe(error)
            self._stderr.write(f"{self._jobs.label(job)} failed: {text}\n")
            self._stderr.flush()
        elif result.value is not None and result.exit_status is None:
            self._output.write(as_text(result.value) + "\n")

    def summary(self, summary: Summary, *, interrupted: bool) -> None:
        begun_not = self._jobs.total - summary.runs
        if self._as_json:
            facts = {"event": "summary", **summary.facts(), "not_started": begun_not}
            self._output.write(as_json_line(facts) + "\n")
            return
        text = str(summary) + (f" · {begun_not:,} not started" if begun_not else "")
        click.echo(f"interrupted: {text}" if interrupted else text, err=True)


def _facts(result: RunResult, job: Job) -> dict[str, Any]:
    """One line of ``--json``."""
    error = result.error
    facts = {
        "event": "result",
        "number": job.number,
        "script": result.script,
        "run_id": result.run_id,
        "ok": status_of(result) == 0,
        "value": result.value,
        "output": result.output.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        "calls": result.calls,
        "duration": round(result.duration, 6),
        "simulated": result.simulated,
        "error": None if error is None else {**error.facts, "kind": error.kind, "message": error.message},
    }
    if job.line is not None:
        facts |= {"line": job.line, "row": job["globals"]["row"]}
    if result.exit_status is not None:
        facts["exit_status"] = result.exit_status
    return facts
