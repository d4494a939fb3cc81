"""The runs of a host: starts them in this process or a worker process, waits for them, and ends them with the host."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from msgspec.structs import replace

from host.bridge.waiting import Begin, wait, wait_async
from host.calls.traced_pipeline import traced
from host.errors import ClosedError
from host.events import Sink
from host.limits import Limits
from host.policy.policy import HostPolicy
from host.run.job import Job, RunServices, Why
from host.run.once import OnceResults
from host.run.options import RunOptions, job_of
from host.run.script import RunResult, Script
from host.run.session import Session
from host.telemetry import current_traceparent

if TYPE_CHECKING:
    from host.cassettes.tape import Tape
    from host.durable.runs import Kept
    from host.processes.pool import WorkerProcesses
    from host.processes.remote_run import RemoteRun
    from host.run.once_protocols import OnceAnswers
    from host.run.recording import Recording

__all__ = ["Finished", "Runs"]

Finished = Callable[[RunResult], None]
"""Called with a run's result, once, on whatever thread."""

Keep = Callable[[Any, Script, RunOptions, int], "Kept | RunResult | None"]
Again = Callable[["Kept"], "Kept | RunResult"]


class BegunJob(NamedTuple):
    """A job of :meth:`Runs.many`: what was given, as it is begun."""

    given: Any
    script: Script
    options: RunOptions
    kept: Kept | RunResult | None


_NONE: Any = object()


class Runs:
    """All runs of one host. ``services`` may be exchanged, and ``worker_processes`` set, before the first.

    ``sends_traceparent``: what is sent by runs that are traced says so.
    """

    def __init__(
        self,
        services: RunServices,
        rules: HostPolicy,
        limits: Limits,
        tape: Tape | None = None,
        *,
        sends_traceparent: bool = True,
    ) -> None:
        pipeline = traced(services.pipeline, services.sinks) if sends_traceparent else services.pipeline
        self.services = services if pipeline is services.pipeline else replace(services, pipeline=pipeline)
        self.sends_traceparent = sends_traceparent
        self.tape = tape
        self.worker_processes: WorkerProcesses | None = None
        self.closed = False
        self._rules = rules
        self._limits = limits
        self._lock = threading.Lock()
        self._pid = os.getpid()
        # Random once per host, not per run: os.urandom releases the GIL, which a busy thread may then hold for a while.
        self._mark = f"run_{os.urandom(6).hex()}"
        self._numbers = count(1)

    @property
    def forked(self) -> bool:
        """Whether this process is a fork of the one the host was opened in."""
        return os.getpid() != self._pid

    @property
    def has_lost_its_threads(self) -> bool:
        """Whether the host's threads no longer run: in a fork, and once the interpreter deletes its modules."""
        return self.forked or sys.is_finalizing()

    def check_open(self) -> None:
        """Raises ``ClosedError`` on a closed host, in a process forked since it was opened, and in an exiting one."""
        if sys.is_finalizing():
            raise ClosedError(
                "the interpreter is exiting, and runs no threads any more",
                hint="A __del__ may be called as late as this, a function of atexit is not: run scripts there.",
            )
        if self.forked:
            raise ClosedError("this host was opened before the process forked", hint="Open a new Host after the fork.")
        if self.closed:
            raise ClosedError("the host is closed")

    def begin(
        self,
        script: Script,
        options: RunOptions,
        finished: Finished,
        *,
        kept: Kept | None = None,
        run_id: str | None = None,
        rules: HostPolicy | None = None,
        once: OnceAnswers | None = None,
    ) -> Session | RemoteRun:
        """Begin a run. ``kept`` is the record of a durable run, ``once`` the shared results of its batch. Never blocks.

        Raises ``ClosedError``, and ``UsageError`` for invalid options.
        """
        self.check_open()
        args, globals = options.args, options.globals
        durable: Recording | None = None
        if kept is not None:
            args, globals, durable, run_id = kept.args, kept.globals, kept.durable, kept.run_id
            once = kept.once
        run_id = run_id or options.run_id or f"{self._mark}{next(self._numbers):08x}"
        limits = options.limits or self._limits
        seconds = options.timeout if options.timeout is not None else limits.run_time
        granted, meters, env = (rules or self._rules).of_run(options.permissions, options.budget)
        traceparent = options.traceparent
        if traceparent is None and (options.sinks or self.services.sinks):
            traceparent = current_traceparent()
        job = Job(script, tuple(args), dict(globals or {}), limits, env, granted, meters, once, traceparent)
        if isinstance(once, OnceResults):
            once.begun(run_id)
            finished = _ending(once, finished)
        if durable is None and self.tape is not None:
            from host.cassettes.taped_run import TapedRun  # few hosts record or replay

            durable = TapedRun(self.tape, run_id, self.services.pipeline.submit)
        if self.worker_processes is not None:
            return self.worker_processes.launch(run_id, job, seconds, finished, options.sinks)

        services = self._services_with(options.sinks)
        timer: list[Any] = []

        def done(session: Session) -> None:
            services.alive.discard(session)
            for each in timer:
                each.cancel()
            assert session.result is not None
            finished(session.result)

        session = Session(run_id, job, services, done, durable)
        with self._lock:
            self.check_open()
            services.alive.add(session)
        if seconds is not None:
            timer.append(services.worker.call_later(seconds, lambda _: session.kill("timeout")))
        session.start()
        return session

    def _services_with(self, sinks: Sequence[Sink]) -> RunServices:
        """The host's services for a run that has sinks of its own."""
        services = self.services
        if not sinks:
            return services
        sinks = (*sinks, *services.sinks)
        pipeline = traced(services.pipeline, sinks) if self.sends_traceparent else services.pipeline
        return replace(services, sinks=sinks, pipeline=pipeline)

    def wait(self, script: Script, options: RunOptions, kept: Kept | None = None) -> RunResult:
        """Begin a run and wait for its result."""
        return wait(self._begins(script, options, kept))

    async def wait_async(self, script: Script, options: RunOptions, kept: Kept | None = None) -> RunResult:
        """The same without blocking the running loop. Cancelling it ends the run."""
        return await wait_async(self._begins(script, options, kept))

    def _begins(self, script: Script, options: RunOptions, kept: Kept | None) -> Begin[RunResult]:
        def begin(tell: Finished) -> Callable[[], object]:
            session = self.begin(script, options, tell, kept=kept)
            return lambda: session.kill("interrupted")

        return begin

    def many(self, jobs: Iterator[Any], concurrency: int, keep: Keep, again: Again) -> Iterator[RunResult]:
        """Run jobs, ``concurrency`` at once; yields results as they end. If the caller stops, the rest is ended.

        ``keep(job, script, options, number)`` records a job, counted from 1, that is to be. ``again(kept)`` looks for
        what became of one that proves to be another process's.
        """
        finished: SimpleQueue[tuple[BegunJob, RunResult] | None] = SimpleQueue()  # None: another run may begin
        running: set[Session | RemoteRun] = set()
        open_runs = 0
        more, number = True, 0
        once = OnceResults()

        def begin(job: BegunJob) -> None:
            nonlocal once, running
            if isinstance(job.kept, RunResult):
                finished.put((job, job.kept))
                return

            def tell(result: RunResult) -> None:
                self.services.runners.afterwards(lambda: finished.put((job, result)))

            once = _batch_of(job.kept, once, lambda: finished.put(None))
            script = job.script if job.kept is None else job.kept.script
            running = set(filter(_goes_on, running)) if len(running) > 2 * concurrency else running
            running.add(self.begin(script, job.options, tell, kept=job.kept, once=once))

        try:
            while more or open_runs:
                while more and open_runs - once.stranded < concurrency:
                    given = next(jobs, _NONE)
                    if given is _NONE:
                        more = False
                        once.expect(None)
                        break
                    number += 1
                    script, options = job_of(given)
                    kept = keep(given, script, options, number)
                    open_runs += 1
                    begin(BegunJob(given, script, options, kept))
                if not open_runs or (ended := finished.get()) is None:
                    continue
                job, result = ended
                if _is_taken_over(job.kept):
                    begin(job._replace(kept=again(job.kept)))
                    continue
                open_runs -= 1
                yield replace(result, job=job.given)
        finally:
            once.expect(None)
            for session in filter(_goes_on, running):
                session.kill("interrupted")

    def end(self, why: Why) -> None:
        """End all runs of this process as soon as they yield."""
        for session in list(self.services.alive):
            session.kill(why)

    def interrupt(self) -> None:
        """End all runs as soon as they yield."""
        if self.worker_processes is not None:
            self.worker_processes.interrupt()
        self.end("interrupted")

    def close(self, grace: float) -> None:
        """Stop accepting runs and end those in progress. A second call does nothing."""
        with self._lock:
            first, self.closed = not self.closed, True
        if first and not self.has_lost_its_threads:
            if self.worker_processes is not None:
                self.worker_processes.close(grace)
            self.end("closed")


def _batch_of(kept: Kept | None, once: OnceResults, wake: Callable[[], None]) -> OnceResults:
    """The ``once`` results of a durable batch. Runs may wait for one not begun yet; ``wake`` then has it begun."""
    if kept is None or kept.once is None or kept.once is once:
        return once
    kept.once.expect(wake)
    return kept.once


def _ending(once: OnceResults, finished: Finished) -> Finished:
    """Has what a run did for its batch end with it."""

    def ended(result: RunResult) -> None:
        once.ended(result.run_id)
        finished(result)

    return ended


def _goes_on(run: Session | RemoteRun) -> bool:
    return run.result is None


def _is_taken_over(kept: Kept | RunResult | None) -> TypeGuard[Kept]:
    return kept is not None and not isinstance(kept, RunResult) and kept.is_taken_over
