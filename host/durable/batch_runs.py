"""The durable runs of a batch: each job begun or resumed by itself, and what they do ``once`` shared among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from host import arguments
from host.durable.once_log import OnceLog
from host.errors import HostError, JournalError, ScriptError, UsageError
from host.run.once import OnceResults
from host.run.options import RunOptions, check_id
from host.run.script import RunResult, Script

if TYPE_CHECKING:
    from host.durable.binding import HostParts
    from host.durable.decisions import InDoubt
    from host.durable.runs import DurableRuns, Kept

__all__ = ["BatchRuns"]

BATCHES = 100  # most batches without a live run whose results of ``once`` stay in memory


class BatchRuns:
    """Begins and resumes the ``runs`` of batches. An error of one job becomes its result, and the batch goes on."""

    def __init__(self, runs: DurableRuns, parts: HostParts) -> None:
        self._runs = runs
        self._parts = parts
        self._lock = Lock()
        self._once: dict[str, OnceResults] = {}  # by the batch's id
        self.still_queued: Callable[[str], bool] = lambda run: False
        """Whether a queue will deliver a run again. Raises ``JournalError``."""

    def open(self, batch_id: str, *, force_new: bool = False) -> None:
        """Check that the runs of a batch can be recorded. ``force_new`` deletes the results of its ``once``.

        Raises ``UsageError`` for an invalid id, and ``JournalError``.
        """
        check_id(batch_id, "batch_id")
        OnceLog(self._runs.journal, batch_id).begin(anew=force_new)
        with self._lock:
            self._once.pop(batch_id, None)

    def begin(
        self, job: Any, script: Script, batch_id: str | None, number: int, *, force_new: bool
    ) -> Kept | RunResult:
        """:meth:`DurableRuns.begin` for a job of ``Host.run_many``."""
        said = job if isinstance(job, Mapping) else {}
        run_id = said.get("run_id") or (None if batch_id is None else f"{batch_id}.{number}")
        force_new = force_new or bool(said.get("force_new"))
        try:
            return self._runs.begin(
                script, said.get("args", ()), said.get("globals"), run_id, force_new=force_new, batch=batch_id,
                sinks=arguments.sinks("sinks", said.get("sinks", ())),
            )  # fmt: skip
        except (JournalError, UsageError) as error:
            return self._refused(run_id or "", script.name, error)

    def again(self, kept: Kept) -> Kept | RunResult:
        """:meth:`DurableRuns.delivered_again` for a job of ``Host.run_many``."""
        try:
            return self._runs.delivered_again(kept)
        except (JournalError, UsageError) as error:
            return self._refused(kept.run_id, kept.script.name, error)

    def resume(
        self,
        jobs: Iterable[Mapping[str, Any]],
        *,
        concurrency: int = 100,
        in_doubt: InDoubt = "ask",
        recorded: bool = False,
        other_key: bool = False,
    ) -> Iterator[RunResult]:
        """Resume the runs named by the jobs' ``run_id``, each with its ``timeout``; yields results as they end.

        The result of a run that cannot be resumed has an error of kind ``journal`` or ``usage``.
        """

        def keep(job: Any, script: Script, options: RunOptions, number: int) -> Kept | RunResult:
            try:
                return self._runs.resume(job["run_id"], in_doubt=in_doubt, recorded=recorded, other_key=other_key)
            except (JournalError, UsageError) as error:
                return self._refused(job["run_id"], "", error)

        self._parts.services.worker.check_may_block("resume_batch")
        return self._parts.run_many(iter(jobs), concurrency, keep, self.again)

    def _refused(self, run_id: str, script: str, error: HostError) -> RunResult:
        """The result of a run that was not started; the kind of its error determines the exit code of a command."""
        kind = "usage" if isinstance(error, UsageError) else "journal"
        failure = ScriptError(error.message, script=script, kind=kind, hint=error.hint, cause=error)
        return RunResult(run_id, script, error=failure, simulated=self._parts.services.simulated)

    def once_of(self, run_id: str, batch: str | None, globals: Mapping[str, Any]) -> OnceResults | None:
        """The results of ``once`` of a run's batch: of ``batch``, or else of the batch that its id names."""
        name, _, number = run_id.rpartition(".")
        journal = self._runs.journal
        if batch is None:
            known = number.isdecimal() and name and ("rows" in globals or OnceLog(journal, name).is_there)
            if not known:
                return None
            batch = name
        with self._lock:
            found = self._once.get(batch)
            if found is None:
                if len(self._once) >= BATCHES:
                    self._once = {name: each for name, each in self._once.items() if not each.is_idle}
                log = OnceLog(journal, batch, lambda run: self.still_queued(run))
                found = self._once[batch] = OnceResults(log, self._parts.services.worker.call_later)
            return found

    def stranded(self) -> list[str]:
        """Runs which no process runs, and which claimed a key of ``once`` that runs of this process wait for."""
        with self._lock:
            known = list(self._once.values())
        return [run for run in (each.stranded_on for each in known) if run is not None]
