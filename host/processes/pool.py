"""The worker processes of one host. Each run is given to the least loaded process."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from msgspec.structs import replace

from host import errors
from host.apis.api import Api
from host.errors import ClosedError, ConfigError, HostError, InvalidCall, LimitError, ScriptError
from host.events import Sink
from host.http.limiter import HttpLimits
from host.processes import messages as m
from host.processes.codec import offered
from host.processes.forwarding import Answer, Forwarding
from host.processes.job import start_job
from host.processes.process import WorkerProcess
from host.processes.remote_run import RemoteRun
from host.processes.shared_limits import SharedLimits
from host.remote.job import RemoteJob, text_in
from host.remote.limit_messages import Message
from host.run.job import WHY, Job, Why
from host.run.script import RunResult

__all__ = ["WorkerProcesses"]

START = 60.0  # seconds within which a worker process must be ready
TRIES = 3  # consecutive processes that may fail to start before no more are started


class WorkerProcesses:
    """A pool of ``processes`` worker processes. The constructor returns when all are ready, or raises ``ConfigError``.

    ``opening`` is the first message to each, except its ``room``. ``limits`` and ``in_flight`` (calls) apply to the
    whole host; ``apis`` are the APIs added to it. ``environ`` is the processes' environment, which must not contain
    secrets. If a process dies, its runs end with an error and another process replaces it.
    """

    def __init__(
        self,
        processes: int,
        opening: m.Open,
        *,
        limits: HttpLimits,
        in_flight: int,
        answer: Answer,
        sinks: Sequence[Sink],
        environ: Mapping[str, str],
        apis: Sequence[Api] = (),
    ) -> None:
        self.processes = processes
        self._opening = opening
        self._forwarding = Forwarding(answer, sinks)
        self._environ = environ
        self._lock = threading.Lock()
        self._offers = [offered(api) for api in apis]
        self._processes: dict[int, WorkerProcess] = {}
        self._waiting: deque[RemoteRun] = deque()  # runs for which no process is ready
        self._numbers = count(1)
        self._ids = count(1)
        self._looks: dict[int, SimpleQueue[dict[str, Any]]] = {}
        self._failures = 0
        self._closed = False
        self._opened = False
        self._last = ""  # how the last process ended
        self._counts = SharedLimits(limits, in_flight, self._tell)
        try:
            for process in [self._start() for _ in range(processes)]:
                self._await(process)
        except BaseException:
            self.close(0.0)
            raise
        self._opened = True

    @property
    def pids(self) -> list[int]:
        """The processes there are."""
        with self._lock:
            return [process.pid for process in self._processes.values()]

    # -- runs

    def launch(
        self,
        run_id: str,
        job: Job,
        timeout: float | None,
        finished: Callable[[RunResult], None],
        sinks: Sequence[Sink] = (),
    ) -> RemoteRun:
        """Begin a run; ``finished`` gets its result once, on any thread. Never blocks. ``sinks`` are its own.

        Raises ``ClosedError`` when closed or when no worker process is left, ``UsageError`` for a job that
        cannot be given to another process.
        """
        id = next(self._ids)
        try:
            start = start_job(id, run_id, job, timeout, watched=bool(sinks))
            run = RemoteRun(job.script, start, finished, self, job.once)
        except (InvalidCall, LimitError) as error:  # globals that cannot cross: the run's own failure, as elsewhere
            run = RemoteRun(job.script, m.StartJob(id, run_id, 0, RemoteJob(), {}, False, False), finished, self)
            self._end(run, ScriptError(f"globals: {error.message}", kind=error.kind))
            return run
        with self._lock:
            if self._closed:
                raise ClosedError("the host is closed")
            if not self._processes:
                raise ClosedError(f"no worker process is left: the last {self._last} before it was ready")
            if sinks:
                self._forwarding.own_sinks[run_id] = sinks
            process = min((s for s in self._processes.values() if s.ready), key=_load, default=None)
            if process is None:
                self._waiting.append(run)
            else:
                self._give(process, run)
        return run

    def offer(self, api: Api) -> None:
        """Make an API available to the runs that begin from now on."""
        message = offered(api)
        with self._lock:
            self._offers.append(message)
            for process in self._processes.values():
                if process.initialized:
                    process.send(message)

    def kill(self, run: RemoteRun, why: Why) -> None:
        with self._lock:
            if run.process is not None:
                run.process.send(m.Kill(run.id, why))
                return
            if run not in self._waiting:
                return
            self._waiting.remove(run)
        kind, message = WHY[why]
        self._end(run, ScriptError(message, kind=kind, script=run.script.name))

    def interrupt(self) -> None:
        """End all runs as soon as they yield."""
        self._kill_all("interrupted")

    def stats(self, seconds: float = 1.0) -> list[dict[str, Any]]:
        """The statistics of each process; those that do not answer within ``seconds`` are omitted."""
        answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
        with self._lock:
            asked = [(next(self._ids), process) for process in self._processes.values() if process.ready]
            self._looks.update((id, answers) for id, _ in asked)
        for id, process in asked:
            process.send(m.StatsRequested(id))
        found: list[dict[str, Any]] = []
        deadline = monotonic() + seconds
        while len(found) < len(asked):
            try:
                found.append(answers.get(timeout=max(0.0, deadline - monotonic())))
            except Empty:
                break
        with self._lock:
            for id, _ in asked:
                self._looks.pop(id, None)
        return found

    @property
    def waiting(self) -> int:
        """Runs for which no process is ready."""
        return len(self._waiting)

    def close(self, grace: float) -> None:
        """End all runs, let calls in flight finish for ``grace`` seconds, end the processes. A second call does
        nothing.

        A process that does not end is killed after twice the grace: once for calls, once for threads.
        """
        with self._lock:
            self._closed = True
            processes = list(self._processes.values())
        self._kill_all("closed", only_waiting=True)
        for process in processes:
            process.send(m.Close(grace))
        deadline = monotonic() + 2 * grace + 1.0
        for process in processes:
            if not process.ready or not process.join(max(0.0, deadline - monotonic())):
                process.kill()
        for process in processes:
            process.join()

    def _kill_all(self, why: Why, *, only_waiting: bool = False) -> None:
        with self._lock:
            runs = list(self._waiting)
            if not only_waiting:
                runs += [run for process in self._processes.values() for run in process.runs.values()]
        for run in runs:
            self.kill(run, why)

    # -- processes

    def _start(self) -> WorkerProcess:
        number = next(self._numbers)
        process = WorkerProcess(number, self._environ, self._receive, self._gone)
        with self._lock:
            self._processes[number] = process
            closed = self._closed

        def begin(room: int) -> None:
            with self._lock:  # so that each gets each API once
                process.initialized = True
                process.send(m.Open(**{**_fields(self._opening), "room": room}))
                for offer in self._offers:
                    process.send(offer)

        self._counts.join(number, self.processes, begin)
        process.listen()
        if closed:
            process.kill()
        return process

    def _await(self, process: WorkerProcess) -> None:
        if not process.begun.wait(START):
            raise ConfigError(f"a worker process was not ready within {START:.0f} s")
        if process.refusal is not None:
            known = getattr(errors, process.refusal.name, ConfigError)
            cls = known if isinstance(known, type) and issubclass(known, HostError) else ConfigError
            raise cls(process.refusal.message, hint=process.refusal.hint)
        if not process.ready:
            raise ConfigError(f"a worker process {process.ending()} before it was ready")

    def _give(self, process: WorkerProcess, run: RemoteRun) -> None:
        """Under the lock."""
        run.process = process
        process.runs[run.id] = run
        process.send(replace(run.start, script=process.key_of(run.script)))

    def _tell(self, number: int, message: Message) -> None:
        process = self._processes.get(number)
        if process is not None:
            process.send(message)

    # -- on the processes' threads

    def _receive(self, process: WorkerProcess, message: Any) -> None:
        match message:
            case m.Happened():
                self._forwarding.emit(message)
            case m.JobEnded():
                with self._lock:
                    run = process.runs.pop(message.id, None)
                if run is not None:
                    self._forwarding.own_sinks.pop(run.run_id, None)
                    run.result = message.result.result(run.run_id, run.script.name, text_in(message.output))
                    run.finished(run.result)
            case m.RequestForwarded():
                self._forwarding.ask(process, message)
            case m.OnceForwarded():
                with self._lock:
                    run = process.runs.get(message.job)
                self._forwarding.once(process, message, run)
            case m.Ready() | m.Refused():
                self._take_up(process, message)
            case m.Health(id, stats):
                with self._lock:
                    answers = self._looks.pop(id, None)
                if answers is not None:
                    answers.put(stats)
            case _:
                self._counts.receive(process.number, message)

    def _take_up(self, process: WorkerProcess, message: m.Ready | m.Refused) -> None:
        """A process can work, or cannot."""
        if isinstance(message, m.Refused):
            process.refusal = message
            self._last = f"said {message.message!r}"
        else:
            with self._lock:
                process.ready = True
                self._failures = 0
                while self._waiting:
                    self._give(process, self._waiting.popleft())
        process.begun.set()

    def _gone(self, process: WorkerProcess) -> None:
        with self._lock:
            self._processes.pop(process.number, None)
            runs = list(process.runs.values())
            process.runs.clear()
            closed = self._closed
            if not process.ready:
                self._failures += 1
                if process.refusal is None:
                    self._last = process.ending()
            again = self._opened and not closed and self._failures < TRIES
        self._counts.leave(process.number)
        self._forwarding.gone(process)
        if again:
            try:
                self._start()
            except ConfigError as error:
                self._last = f"could not be started ({error.message})"
        with self._lock:
            if not self._processes:  # no process is left that could run the waiting jobs
                runs += self._waiting
                self._waiting.clear()
        for run in runs:
            self._end(run, _lost(run, process, closed))

    def _end(self, run: RemoteRun, error: ScriptError) -> None:
        self._forwarding.own_sinks.pop(run.run_id, None)
        run.result = RunResult(run.run_id, run.script.name, error=error, simulated=self._opening.simulated)
        run.finished(run.result)


def _load(process: WorkerProcess) -> int:
    return len(process.runs)


def _lost(run: RemoteRun, process: WorkerProcess, closed: bool) -> ScriptError:
    if closed:
        kind, message = WHY["closed"]
        return ScriptError(message, kind=kind, script=run.script.name)
    return ScriptError(
        f"the worker process the script ran in {process.ending()}",
        kind="host",
        script=run.script.name,
        hint="The outcome of its calls in flight is unknown.",
    )


def _fields(opening: m.Open) -> dict[str, Any]:
    return {name: getattr(opening, name) for name in opening.__struct_fields__}
