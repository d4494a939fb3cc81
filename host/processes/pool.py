"""The worker processes of one host: each run goes to the one with the least to do, its result comes back."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from host import errors
from host.apis.api import Api
from host.bridge.request import Reply
from host.errors import ClosedError, ConfigError, HostError, InvalidCall, LimitError, ScriptError
from host.events import Event, Sink
from host.http.limiter import HttpLimits
from host.http.message import Request
from host.processes import messages as m
from host.processes.codec import call_failure, event_of, offered, run_result
from host.processes.job import JobMessage, order
from host.processes.once import OnceAsked
from host.processes.process import WorkerProcess
from host.processes.shared_limits import SharedLimits
from host.run.job import WHY, Job, Why
from host.run.once import OnceAnswers
from host.run.script import RunResult, Script

__all__ = ["Answer", "RemoteRun", "WorkerProcesses"]

_log = logging.getLogger(__name__)

START = 60.0  # seconds for a worker process to be ready
TRIES = 3  # processes in a row that end before they are ready, until no other is started

Answer = Callable[[Request, float, Callable[[Reply], None]], None]
"""``answer(request, seconds, deliver)``: have the parent's simulator answer. Never blocks."""


class RemoteRun:
    """A run in another process, as its :class:`~host.run.session.Session` looks from outside.

    ``order`` is what its process is told, but for the script's key.
    """

    __slots__ = ("_shards", "finished", "id", "once", "order", "result", "script", "shard")

    def __init__(
        self,
        id: int,
        script: Script,
        order: JobMessage,
        finished: Callable[[RunResult], None],
        shards: WorkerProcesses,
        once: OnceAnswers | None = None,
    ) -> None:
        self.id = id
        self.once = once
        self.script = script
        self.order = order
        self.finished = finished
        self.result: RunResult | None = None
        self.shard: WorkerProcess | None = None
        self._shards = shards

    def kill(self, why: Why) -> None:
        """End the run as soon as its Lua code yields or its budget hook fires. From any thread."""
        self._shards.kill(self, why)


class WorkerProcesses:
    """``processes`` of them, started and ready when this returns; raises ``ConfigError`` if they cannot be.

    ``opening`` is what each is told first, with ``room`` still to be filled in. ``limits`` and ``in_flight``
    are those of the whole host, ``apis`` what was added to it. One that dies ends its runs with an error, and
    another takes its place.
    ``environ`` is their environment, which is to hold nothing secret.
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
        self._answer = answer
        self._sinks = tuple(sinks)
        self._own_sinks: dict[str, Sequence[Sink]] = {}  # of single runs, by id
        self._environ = environ
        self._lock = threading.Lock()
        self._offers = [offered(api) for api in apis]
        self._shards: dict[int, WorkerProcess] = {}
        self._waiting: deque[RemoteRun] = deque()  # runs for which no process is ready
        self._numbers = count(1)
        self._ids = count(1)
        self._looks: dict[int, SimpleQueue[dict[str, Any]]] = {}
        self._failures = 0
        self._closed = False
        self._opened = False
        self._last = ""  # how the last process ended
        self._once = OnceAsked()
        self._counts = SharedLimits(limits, in_flight, self._tell)
        try:
            for shard in [self._start() for _ in range(processes)]:
                self._await(shard)
        except BaseException:
            self.close(0.0)
            raise
        self._opened = True

    @property
    def pids(self) -> list[int]:
        """The processes there are."""
        with self._lock:
            return [shard.pid for shard in self._shards.values()]

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
            run = RemoteRun(
                id, job.script, order(id, run_id, job, timeout, watched=bool(sinks)), finished, self, job.once
            )
        except (InvalidCall, LimitError) as error:  # globals that cannot cross: the run's own failure, as elsewhere
            run = RemoteRun(id, job.script, JobMessage(id, run_id), finished, self)
            self._end(run, ScriptError(f"globals: {error.message}", kind=error.kind))
            return run
        with self._lock:
            if self._closed:
                raise ClosedError("the host is closed")
            if not self._shards:
                raise ClosedError(f"no worker process is left: the last {self._last} before it was ready")
            if sinks:
                self._own_sinks[run_id] = sinks
            shard = min((s for s in self._shards.values() if s.ready), key=_load, default=None)
            if shard is None:
                self._waiting.append(run)
            else:
                self._give(shard, run)
        return run

    def offer(self, api: Api) -> None:
        """Have the runs that begin from now on know an API."""
        message = offered(api)
        with self._lock:
            self._offers.append(message)
            for shard in self._shards.values():
                if shard.told:
                    shard.send(message)

    def kill(self, run: RemoteRun, why: Why) -> None:
        with self._lock:
            if run.shard is not None:
                run.shard.send(m.Kill(run.id, why))
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
        """What each process says of itself; of one that does not answer within ``seconds`` nothing."""
        answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
        with self._lock:
            asked = [(next(self._ids), shard) for shard in self._shards.values() if shard.ready]
            self._looks.update((id, answers) for id, _ in asked)
        for id, shard in asked:
            shard.send(m.StatsAsked(id))
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
        """End all runs, let calls in flight finish for ``grace`` seconds, end the processes. Twice is fine.

        A process that does not end is killed after twice the grace: once for calls, once for threads.
        """
        with self._lock:
            self._closed = True
            shards = list(self._shards.values())
        self._kill_all("closed", only_waiting=True)
        for shard in shards:
            shard.send(m.Close(grace))
        deadline = monotonic() + 2 * grace + 1.0
        for shard in shards:
            if not shard.ready or not shard.join(max(0.0, deadline - monotonic())):
                shard.kill()
        for shard in shards:
            shard.join()

    def _kill_all(self, why: Why, *, only_waiting: bool = False) -> None:
        with self._lock:
            runs = list(self._waiting)
            if not only_waiting:
                runs += [run for shard in self._shards.values() for run in shard.runs.values()]
        for run in runs:
            self.kill(run, why)

    # -- processes

    def _start(self) -> WorkerProcess:
        number = next(self._numbers)
        shard = WorkerProcess(number, self._environ, self._receive, self._gone)
        with self._lock:
            self._shards[number] = shard
            closed = self._closed

        def begin(room: int) -> None:
            with self._lock:  # so that each gets each API once
                shard.told = True
                shard.send(m.Open(**{**_fields(self._opening), "room": room}))
                for offer in self._offers:
                    shard.send(offer)

        self._counts.join(number, self.processes, begin)
        shard.listen()
        if closed:
            shard.kill()
        return shard

    def _await(self, shard: WorkerProcess) -> None:
        if not shard.begun.wait(START):
            raise ConfigError(f"a worker process was not ready within {START:.0f} s")
        if shard.refusal is not None:
            known = getattr(errors, shard.refusal.name, ConfigError)
            cls = known if isinstance(known, type) and issubclass(known, HostError) else ConfigError
            raise cls(shard.refusal.message, hint=shard.refusal.hint)
        if not shard.ready:
            raise ConfigError(f"a worker process {shard.ending()} before it was ready")

    def _give(self, shard: WorkerProcess, run: RemoteRun) -> None:
        """Under the lock."""
        run.shard = shard
        shard.runs[run.id] = run
        shard.send(run.order.message(shard.key_of(run.script)))

    def _tell(self, number: int, message: m.Message) -> None:
        shard = self._shards.get(number)
        if shard is not None:
            shard.send(message)

    # -- on the shards' threads

    def _receive(self, shard: WorkerProcess, message: Any) -> None:
        match message:
            case m.Happened():
                self._emit(event_of(message))
            case m.JobEnded():
                with self._lock:
                    run = shard.runs.pop(message.id, None)
                if run is not None:
                    self._own_sinks.pop(run.order.run_id, None)
                    run.result = run_result(message, run.order.run_id, run.script.name, self._opening.simulated)
                    run.finished(run.result)
            case m.RequestForwarded():
                self._ask(shard, message)
            case m.OnceForwarded():
                self._once_asked(shard, message)
            case m.Ready() | m.Refused():
                self._take_up(shard, message)
            case m.Health(id, stats):
                with self._lock:
                    answers = self._looks.pop(id, None)
                if answers is not None:
                    answers.put(stats)
            case _:
                self._counts.receive(shard.number, message)

    def _take_up(self, shard: WorkerProcess, message: m.Ready | m.Refused) -> None:
        """A process can work, or cannot."""
        if isinstance(message, m.Refused):
            shard.refusal = message
            self._last = f"said {message.message!r}"
        else:
            with self._lock:
                shard.ready = True
                self._failures = 0
                while self._waiting:
                    self._give(shard, self._waiting.popleft())
        shard.begun.set()

    def _once_asked(self, shard: WorkerProcess, message: m.OnceForwarded) -> None:
        with self._lock:
            run = shard.runs.get(message.job)
        if run is not None and run.once is not None:
            self._once.receive(shard.number, message, run.once, run.order.run_id, shard.send)

    def _emit(self, event: Event) -> None:
        for sink in (*self._sinks, *self._own_sinks.get(event.run_id, ())):
            try:
                sink.emit(event)
            except Exception:  # against its contract; the process that reported it is not to blame
                _log.exception("a sink raised")

    def _ask(self, shard: WorkerProcess, asked: m.RequestForwarded) -> None:
        def deliver(reply: Reply) -> None:
            if reply.error is not None:
                failure = call_failure(reply.error)
                shard.send(m.Answered(asked.id, 0, {}, b"", failure))
            else:
                answer = reply.value
                shard.send(m.Answered(asked.id, answer.status, answer.headers, answer.body, None))

        request = Request(
            asked.method,
            asked.url,
            tuple(asked.headers),
            asked.content,
            asked.operation,
            asked.mutation,
            asked.credential,
        )
        self._answer(request, asked.seconds, deliver)

    def _gone(self, shard: WorkerProcess) -> None:
        with self._lock:
            self._shards.pop(shard.number, None)
            runs = list(shard.runs.values())
            shard.runs.clear()
            closed = self._closed
            if not shard.ready:
                self._failures += 1
                if shard.refusal is None:
                    self._last = shard.ending()
            again = self._opened and not closed and self._failures < TRIES
        self._counts.leave(shard.number)
        self._once.gone(shard.number)
        if again:
            try:
                self._start()
            except ConfigError as error:
                self._last = f"could not be started ({error.message})"
        with self._lock:
            if not self._shards:  # nobody will take what waits
                runs += self._waiting
                self._waiting.clear()
        for run in runs:
            self._end(run, _lost(run, shard, closed))

    def _end(self, run: RemoteRun, error: ScriptError) -> None:
        self._own_sinks.pop(run.order.run_id, None)
        run.result = RunResult(run.order.run_id, run.script.name, error=error, simulated=self._opening.simulated)
        run.finished(run.result)


def _load(shard: WorkerProcess) -> int:
    return len(shard.runs)


def _lost(run: RemoteRun, shard: WorkerProcess, closed: bool) -> ScriptError:
    if closed:
        kind, message = WHY["closed"]
        return ScriptError(message, kind=kind, script=run.script.name)
    return ScriptError(
        f"the worker process the script ran in {shard.ending()}",
        kind="host",
        script=run.script.name,
        hint="What came of the calls it had under way is not known.",
    )


def _fields(opening: m.Open) -> dict[str, Any]:
    return {name: getattr(opening, name) for name in opening.__struct_fields__}
