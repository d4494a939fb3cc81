"""The jobs of a batch: each script, repeated, for every row of a file; or the runs left of a recorded one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from host.cli.batch_options import Batch
from host.cli.rows import Rows
from host.cli.run_names import RunNames

if TYPE_CHECKING:
    from host.durable.records import RunRow
    from host.run.script import Script

__all__ = ["BatchJob", "Jobs", "ResumedJobs"]


class BatchJob(dict[str, Any]):
    """A job of ``Host.run_many`` with its number. ``line`` is that of its row in the file, if any.

    ``place`` is its position among those run now, from 0.
    """

    def __init__(self, number: int, line: int | None, place: int, **job: Any) -> None:
        super().__init__(job)
        self.number = number
        self.line = line
        self.place = place


class Jobs:
    """All runs of the batch, in order; after :meth:`stop` no more of them begin."""

    def __init__(self, batch: Batch, scripts: Sequence[Script], args: Sequence[str], timeout: float | None) -> None:
        self._scripts = scripts
        self._repeat = batch.repeat or 1
        self._rows = Rows(batch.each) if batch.each is not None else None
        self._common = {"args": args, "timeout": timeout}
        self._stopped = threading.Event()
        self.left: BatchJob | None = None  # the first that did not begin, once known
        self.names = RunNames()
        self.total = len(scripts) * self._repeat * (1 if self._rows is None else len(self._rows))

    @property
    def rows(self) -> str | None:
        """The file of the rows, if there is one."""
        return None if self._rows is None else self._rows.path

    def stop(self) -> None:
        self._stopped.set()

    def __iter__(self) -> Iterator[BatchJob]:
        number = 0
        for line, known in self._known():
            for script in self._scripts:
                for _ in range(self._repeat):
                    number += 1
                    job = BatchJob(number, line, number - 1, script=script, **known, **self._common)
                    job["sinks"] = [self.names.sink(self.name(job), _about(known))]
                    if self._stopped.is_set():
                        self.left = job
                        return
                    yield job

    def _known(self) -> Iterator[tuple[int | None, dict[str, Any]]]:
        """Each row's line, and what the scripts get from it; one entry for all where there are no rows."""
        if self._rows is None:
            yield None, {}
            return
        columns, count = list(self._rows.columns), len(self._rows)
        for number, (line, row) in enumerate(self._rows):
            rows = {"first": number == 0, "count": count, "columns": columns}
            yield line, {"globals": {"row": row, "rows": rows}}

    def name(self, job: BatchJob) -> str:
        """What a run is called before its lines: ``customers.csv:8``, ``#7``; with its script where there are more."""
        parts = [job["script"].name] if len(self._scripts) > 1 else []
        if self._rows is not None:
            parts.append(f"{PurePath(self._rows.path).name}:{job.line}")
        if self._rows is None or self._repeat > 1:
            parts.append(f"#{job.number}")
        return " ".join(parts)

    def label(self, job: BatchJob) -> str:
        """How a run is called in messages: ``a.lua #7 (customers.csv:8)``."""
        place = f" ({self.place(job)})" if self._rows is not None else ""
        return f"{job['script'].name} #{job.number}{place}"

    def place(self, job: BatchJob) -> str:
        """``customers.csv:8``, or ``#7`` without rows."""
        return f"#{job.number}" if self._rows is None else f"{self._rows.path}:{job.line}"


def _about(known: dict[str, Any]) -> str:
    """The value by which people recognise the row: its first."""
    row = known.get("globals", {}).get("row", {})
    return str(next(iter(row.values()), "")) if row else ""


class ResumedJobs:
    """The runs of a batch that are to be resumed; after :meth:`stop` no more of them."""

    def __init__(self, runs: Sequence[RunRow], timeout: float | None) -> None:
        self._runs = runs
        self._timeout = timeout
        self._stopped = threading.Event()
        self.left: BatchJob | None = None  # the first that was not resumed, once known
        self.names = RunNames()  # which are their ids
        self.total = len(runs)

    def stop(self) -> None:
        self._stopped.set()

    def __iter__(self) -> Iterator[BatchJob]:
        for place, run in enumerate(self._runs):
            job = BatchJob(int(run.id.rpartition(".")[2]), None, place, code="", run_id=run.id, timeout=self._timeout)
            if self._stopped.is_set():
                self.left = job
                return
            yield job

    def label(self, job: BatchJob) -> str:
        """How a run is called in messages."""
        return str(job["run_id"])

    place = name = label
