"""Many runs by one command: several scripts, each repeated, each for every row of a file."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from host.cli.batch_options import Batch
from host.cli.in_flight import UnderWaySink
from host.cli.interrupt import call
from host.cli.output import OutputSink
from host.cli.result_text import as_json as as_json_line
from host.cli.result_text import as_text, ordered
from host.cli.rows import Rows
from host.errors import HostError
from host.report.errors import describe, printable
from host.report.progress import Progress
from host.report.summary import Summary, status_of

if TYPE_CHECKING:
    from host.durable.records import RunRow
    from host.events import Sink
    from host.host import Host
    from host.run.script import RunResult, Script

__all__ = ["run_batch"]

_BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells count
MOST_NAMED = 10  # of the runs that failed as another did


class BatchJob(dict[str, Any]):
    """A job of ``Host.run_many`` that knows which it is. ``line`` is of its row in the file, if any."""

    def __init__(self, number: int, line: int | None, **job: Any) -> None:
        super().__init__(job)
        self.number = number
        self.line = line


class Jobs:
    """All runs there are to be, in order; after :meth:`stop` no more of them begin."""

    def __init__(self, batch: Batch, scripts: Sequence[Script], args: Sequence[str], timeout: float | None) -> None:
        self._scripts = scripts
        self._repeat = batch.repeat or 1
        self._rows = Rows(batch.each) if batch.each is not None else None
        self._common = {"args": args, "timeout": timeout}
        self._stopped = threading.Event()
        self.left: BatchJob | None = None  # the first that did not begin, once all that is known
        self.total = len(scripts) * self._repeat * (1 if self._rows is None else len(self._rows))

    def stop(self) -> None:
        self._stopped.set()

    def __iter__(self) -> Iterator[BatchJob]:
        number = 0
        for line, known in self._known():
            for script in self._scripts:
                for _ in range(self._repeat):
                    number += 1
                    job = BatchJob(number, line, script=script, **known, **self._common)
                    if self._stopped.is_set():
                        self.left = job
                        return
                    yield job

    def _known(self) -> Iterator[tuple[int | None, dict[str, Any]]]:
        """Each row's line, and what the scripts are told of it; once for all without rows."""
        if self._rows is None:
            yield None, {}
            return
        columns, count = list(self._rows.columns), len(self._rows)
        for number, (line, row) in enumerate(self._rows):
            rows = {"first": number == 0, "count": count, "columns": columns}
            yield line, {"globals": {"row": row, "rows": rows}}

    def label(self, job: BatchJob) -> str:
        """How a run is called in messages: ``a.lua #7 (customers.csv:8)``."""
        place = f" ({self.place(job)})" if self._rows is not None else ""
        return f"{job['script'].name} #{job.number}{place}"

    def place(self, job: BatchJob) -> str:
        """``customers.csv:8``, or ``#7`` without rows."""
        return f"#{job.number}" if self._rows is None else f"{self._rows.path}:{job.line}"


class ResumedJobs:
    """The runs of a batch that are to be gone on with; after :meth:`stop` no more of them."""

    def __init__(self, runs: Sequence[RunRow], timeout: float | None) -> None:
        self._runs = runs
        self._timeout = timeout
        self._stopped = threading.Event()
        self.left: BatchJob | None = None  # the first that was not gone on with, once all that is known
        self.total = len(runs)

    def stop(self) -> None:
        self._stopped.set()

    def __iter__(self) -> Iterator[BatchJob]:
        for run in self._runs:
            job = BatchJob(int(run.id.rpartition(".")[2]), None, code="", run_id=run.id, timeout=self._timeout)
            if self._stopped.is_set():
                self.left = job
                return
            yield job

    def label(self, job: BatchJob) -> str:
        """How a run is called in messages."""
        return str(job["run_id"])

    place = label


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
    progress = Progress(sys.stderr, jobs.total)
    stderr: TextIO = progress.beside(sys.stderr)
    under_way = UnderWaySink()

    def stop() -> None:
        jobs.stop()
        host.interrupt()

    output = OutputSink(progress.beside(sys.stdout.buffer), stop)
    report = _BatchReport(jobs, output, stderr, as_json=as_json)
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
    finally:
        progress.close()
        host.close(graces[1] if signal else graces[0])
    if isinstance(output.failure, BrokenPipeError):  # whoever read has left; nobody is there to be told
        return _BROKEN_PIPE
    if output.failure is not None:
        raise HostError(f"stdout cannot be written: {output.failure.strerror}")
    stopped = f"{most} failed (--max-failures {batch.max_failures})" if jobs.left and signal is None else None
    report.summary(summary, interrupted=signal is not None, stopped=stopped)
    if signal is not None and (waiting := str(under_way)):
        click.echo(f"without an answer, so what came of it is unknown: {waiting}", err=True)
    if again is not None and (signal is not None or summary.failed):
        click.echo(f"to go on: {again}", err=True)
    return summary.status if signal is None else 128 + signal


class _Equal:
    """Runs that failed in the same way: the ``first``, and how many ``more``; ``str()`` tells the places of some."""

    def __init__(self, first: str) -> None:
        self.first = first
        self.more = 0
        self._places: list[str] = []

    def add(self, place: str) -> None:
        self.more += 1
        if len(self._places) < MOST_NAMED:
            self._places.append(place)

    def __str__(self) -> str:
        rest = self.more - len(self._places)
        return ", ".join(self._places) + (f" and {rest:,} others" if rest else "")


def _short(message: str) -> str:
    line = printable(message.partition("\n")[0])
    return line if len(line) <= 160 else f"{line[:159]}…"


class _BatchReport:
    """Tells how each run ended: values and JSON on stdout, failures on stderr."""

    def __init__(self, jobs: Jobs | ResumedJobs, output: OutputSink, stderr: TextIO, *, as_json: bool) -> None:
        self._jobs = jobs
        self._output = output
        self._stderr = stderr
        self._as_json = as_json
        self._equal: dict[tuple[str, int | None, str], _Equal] = {}

    def ended(self, result: RunResult, *, failed: bool) -> None:
        job = result.job
        assert isinstance(job, BatchJob)  # run_many gives back what it was given
        if self._as_json:
            self._output.write(as_json_line(_facts(result, job)) + "\n")
        elif failed:
            self._failed(result, job)
        elif result.values and result.exit_status is None:
            self._output.write("".join(f"{as_text(ordered(each))}\n" for each in result.values))

    def _failed(self, result: RunResult, job: BatchJob) -> None:
        """Tell a failure, but one that equals another only at the end, with how often it came."""
        error, label = result.error, self._jobs.label(job)
        said = f"ended with status {result.exit_status}" if error is None else error.message
        line = None if error is None else error.line
        equal = self._equal.get((result.script, line, said))
        if equal is not None:
            equal.add(self._jobs.place(job))
        else:
            self._equal[result.script, line, said] = _Equal(label)
            self._stderr.write(f"{label} failed: {said if error is None else describe(error)}\n")
            self._stderr.flush()

    def summary(self, summary: Summary, *, interrupted: bool, stopped: str | None) -> None:
        left = self._jobs.left
        begun_not = self._jobs.total - summary.runs
        if self._as_json:
            facts = {"event": "summary", **summary.facts(), "not_started": begun_not}
            if stopped is not None and left is not None:
                facts |= {"stopped": stopped, "first_not_started": left.number}
            self._output.write(as_json_line(facts) + "\n")
            return
        for (_, _, said), equal in self._equal.items():
            if equal.more:
                click.echo(f"{equal.more:,} more failed as {equal.first}: {_short(said)} ({equal})", err=True)
        text = str(summary)
        if begun_not:
            text += f" · {begun_not:,} not started{f', from {self._jobs.label(left)} on' if left is not None else ''}"
        if stopped is not None:
            text = f"stopped, as {stopped}: {text}"
        click.echo(f"interrupted: {text}" if interrupted else text, err=True)


def _facts(result: RunResult, job: BatchJob) -> dict[str, Any]:
    """One line of ``--json``."""
    error = result.error
    facts = {
        "event": "result",
        "number": job.number,
        "script": result.script,
        "run_id": result.run_id,
        "ok": status_of(result) == 0,
        "value": ordered(result.value),
        "output": result.output.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        "calls": result.calls,
        "duration": round(result.duration, 6),
        "simulated": result.simulated,
        "error": None if error is None else ordered({**error.facts, "kind": error.kind, "message": error.message}),
    }
    if result.rest:
        facts["values"] = ordered(result.values)
    if job.line is not None:
        facts |= {"line": job.line, "row": job["globals"]["row"]}
    if result.exit_status is not None:
        facts["exit_status"] = result.exit_status
    return facts
