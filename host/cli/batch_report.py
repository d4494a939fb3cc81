"""What a batch prints of its runs: each as it ends, equal failures once, and a summary at the end."""

from __future__ import annotations

from typing import Any, TextIO

import click

from host.cli.batch_jobs import BatchJob, Jobs, ResumedJobs
from host.cli.output import OutputSink
from host.cli.result_text import as_json as as_json_line
from host.cli.result_text import as_line, ordered
from host.report.errors import describe, printable
from host.report.summary import Summary, status_of
from host.run.script import RunResult

__all__ = ["BatchReport"]

MOST_NAMED = 10  # of runs that failed in the same way as another


class _Equal:
    """Runs that failed in the same way: the ``first``, and how many ``more``; ``str()`` names the places of some."""

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


class BatchReport:
    """Prints how each run ended: values and JSON on stdout, failures on stderr.

    JSON is in the order of the jobs, all else as runs end."""

    def __init__(self, jobs: Jobs | ResumedJobs, output: OutputSink, stderr: TextIO, *, as_json: bool) -> None:
        self._jobs = jobs
        self._output = output
        self._stderr = stderr
        self._as_json = as_json
        self._equal: dict[tuple[str, int | None, str], _Equal] = {}
        self._next = 0  # the place of the run whose JSON is to be written next
        self._held: dict[int, str] = {}  # that of runs which ended before it, by their places

    def ended(self, result: RunResult, *, failed: bool) -> None:
        job = result.job
        assert isinstance(job, BatchJob)  # run_many gives back what it was given
        if self._as_json:
            self._in_order(job.place, as_json_line(_facts(result, job)) + "\n")
        elif failed:
            self._failed(result, job)
        elif result.values and result.exit_status is None:
            text = "".join(f"{as_line(ordered(each))}\n" for each in result.values)
            self._output.write_lines(self._jobs.name(job), text)
        self._jobs.names.forget(result.run_id)

    def _in_order(self, place: int, line: str) -> None:
        """Write a run's line after those of all runs before it."""
        self._held[place] = line
        while self._next in self._held:
            self._output.write(self._held.pop(self._next))
            self._next += 1

    def _failed(self, result: RunResult, job: BatchJob) -> None:
        """Print a failure; one that equals an earlier one only at the end, with how often it came."""
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
        not_started = self._jobs.total - summary.runs
        if self._as_json:
            for place in sorted(self._held):  # behind a run that has no result
                self._output.write(self._held.pop(place))
            facts = {"event": "summary", **summary.facts(), "not_started": not_started}
            if stopped is not None and left is not None:
                facts |= {"stopped": stopped, "first_not_started": left.number}
            self._output.write(as_json_line(facts) + "\n")
            return
        for (_, _, said), equal in self._equal.items():
            if equal.more:
                click.echo(f"{equal.more:,} more failed as {equal.first}: {_short(said)} ({equal})", err=True)
        text = str(summary)
        if not_started:
            text += f" · {not_started:,} not started{f', from {self._jobs.label(left)} on' if left is not None else ''}"
        if stopped is not None:
            text = f"stopped because {stopped}: {text}"
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
