"""One run, from its start to its result: connects the Lua state, its calls and its events.

The Lua side asks through :class:`LuaRequests`; replies come back through the inbox. A session is served by one thread
at a time; ``answered`` and ``kill`` may be called from any thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from host.calls.call import Call
from host.errors import InvalidCall, LimitError, ScriptError, text_of
from host.events import RunEnded, RunStarted, want_detail, want_lines
from host.limits import MB
from host.lua import protocol as p
from host.lua.values import encode_plain, to_lua
from host.run.builtins import Tools
from host.run.job import WHY, Job, RunServices, Why
from host.run.lua_requests import LuaRequests, Several
from host.run.output import Output
from host.run.run_calls import RunCalls
from host.run.script import RunResult

if TYPE_CHECKING:
    from host.run.recording import Recording

__all__ = ["Session"]

FRUGAL_FROM = 200  # runs alive at once from which each is to leave little garbage
FREEING_FROM = 1000  # from which each gives back what loading left behind as soon as it waits

_log = logging.getLogger(__name__)


class Session:
    """One run, from its start to its :class:`RunResult`, which ``done(session)`` reports once.

    ``why`` is set if the run is to end before its script does; ``ending`` is its end: value, error, exit status.
    """

    __slots__ = (
        "_calls",
        "_done",
        "_durable",
        "_lua",
        "_started",
        "blocked",
        "ending",
        "inbox",
        "job",
        "output",
        "result",
        "run_id",
        "scheduled",
        "services",
        "why",
    )

    def __init__(
        self,
        run_id: str,
        job: Job,
        services: RunServices,
        done: Callable[[Session], None],
        durable: Recording | None = None,
    ) -> None:
        self.run_id = run_id
        self.job = job
        self.services = services
        self.inbox: list[Any] = []  # a deque takes much more memory, and ten thousand runs may be alive
        self.scheduled = False
        self.blocked: threading.Lock | None = None
        self.result: RunResult | None = None
        self.output = Output(job.limits.output, services.redactor)
        self.why: Why | None = None
        self.ending: tuple[Any, ScriptError | None, int | None] | None = None
        self._durable = durable
        self._done = done
        self._calls = RunCalls(self, services, job.limits, durable)
        self._lua = LuaRequests(self, self._calls, durable)
        self._started = 0.0

    # -- any thread

    def start(self) -> None:
        """Have a runner begin the run."""
        self.services.runners.post(self, None)

    def kill(self, why: Why) -> None:
        """End the run as soon as its Lua code yields or its budget hook fires."""
        if self.why is None:
            self.why = why
            state = self._lua.state
            if state is not None:
                state.stop()
            self.services.runners.post(self, False)

    def answered(self, call: Call) -> None:
        """A call has its reply."""
        self.services.runners.post(self, call)

    # -- for the journal of a durable run

    @property
    def printed(self) -> int:
        """Bytes of output so far."""
        return self.output.printed

    @property
    def calls(self) -> int:
        """How many calls were made so far."""
        return self._calls.count

    @property
    def replaying(self) -> bool:
        """Whether what it does now it did before it broke off."""
        return self._durable is not None and self._durable.replaying

    @property
    def is_ending_by_itself(self) -> bool:
        """Whether the script came to its own end instead of being stopped."""
        return self.why is None

    def announce(self, call: Call, arguments: Any) -> None:
        """Report a call that was held while the run was replayed, and now goes on."""
        if self.services.sinks:
            self._calls.announce(call, arguments)

    def orphaned(self, call: Any, reply: Any) -> None:
        """The outcome of a call that was given up while it was in flight. On the loop's thread."""
        if type(call) is not Call:
            return
        self._calls.drop(call.id)
        if self._durable is not None:
            self._durable.late(self, call, reply)

    def interpreted(self, call: Call) -> tuple[int, bytes | None, Any]:
        """The answer to a call that nobody waits for any more, as Lua would have got it."""
        return self._calls.answer(call)

    # -- the runner's thread

    def serve(self) -> None:
        """Process the inbox: the start, replies, or the end."""
        inbox = self.inbox
        try:
            while inbox:
                item = inbox.pop(0)
                if self.result is not None:
                    if self._durable is not None:
                        self._durable.unread(self, item)
                    continue
                if item is None:
                    self._begin()
                elif self.why is not None:
                    self._abort()
                elif item is not False:
                    id, status, a, b = self._calls.reply(item)
                    self._enter(id, status, a, b)
                if self.ending is not None and self.result is None:
                    self._close()
        except ScriptError as error:
            self._lose(error)
        except BaseException as error:  # the thread is the host's: whatever it is, it ends this run and no other
            self._crash(error)

    def _begin(self) -> None:
        job = self.job
        self._started = monotonic()
        if self._durable is not None:
            self._durable.begun(self)
        if self.why is None:
            if self.services.sinks:
                self._announce_run()
            try:
                given = to_lua(dict(job.globals)) if job.globals else None
            except (InvalidCall, LimitError) as error:
                self.ending = (None, ScriptError(f"globals: {error.message}", kind=error.kind), None)
                return
            self._lua.state = self.services.new_state(self._lua.answer, job.limits, b"new_" in job.script.source)
            if self.why is not None:  # killed since we looked
                self._lua.state.stop()
            name = b"@" + job.script.name.encode("utf-8", "surrogateescape")
            self._lua.tools = Tools(job, given, self.services.redactor, self._log, self.services.pipeline.names)
            alive = len(self.services.alive)
            flags = self._flags(alive) | (0 if given is None else p.GIVEN)
            source = job.script.source
            if self.services.chunks is not None and (code := self.services.chunks.of(name, source)) is not None:
                source, flags = code, flags | p.BYTECODE
            self._enter(p.START, name, source, flags)
            if alive > FREEING_FROM and self.ending is None:
                self._lua.state.collect()
            if self._durable is not None:
                self._replay(self._durable)
        else:
            self._abort()

    def _flags(self, alive: int) -> int:
        """The flags that the Lua side is started with."""
        job = self.job
        flags = (p.TRACE if self.services.sinks else 0) | (p.FRUGAL if alive > FRUGAL_FROM else 0)
        if self.services.sinks and want_lines(self.services.sinks):
            flags |= p.COUNT_LINES
        if self._durable is not None:
            flags |= p.DURABLE | p.TRACE
        if job.args and b"..." in job.script.source and "args" not in job.globals:
            flags |= p.ARGUMENTS  # the main chunk gets them too
        return flags

    def _announce_run(self) -> None:
        script, services, source = self.job.script, self.services, None
        if want_detail(services.sinks):
            source = services.redactor(script.source.decode("utf-8", "replace"))
        self.emit(RunStarted(self.run_id, time.time(), script.name, services.simulated, source, self.job.traceparent))

    def _replay(self, durable: Recording) -> None:
        """Give the script the recorded answers, in their order."""
        while durable.replaying and self.ending is None and self.why is None:
            answer = durable.next_answer(self)
            if answer is None:
                break
            self._calls.open.pop(answer[0], None)
            self._enter(*answer)

    def _enter(self, id: int, status: Any, a: bytes | None, b: Any) -> None:
        state = self._lua.state
        if state is None:
            return
        self._lua.slice_end = 0.0
        try:
            state.enter(id, status, a, b)
        except MemoryError:
            if self.ending is None:
                self.ending = (None, self._memory_error(), None)

    def _abort(self) -> None:
        """End the run while all its tasks wait."""
        kind, message = WHY[self.why or "interrupted"]
        if self._lua.state is None:
            self.ending = (None, ScriptError(message, kind=kind, script=self.job.script.name), None)
            return
        self._enter(p.ABORT, 0, encode_plain({"kind": kind, "message": message}), None)
        if self.ending is None:
            self.ending = (None, ScriptError(message, kind=kind, script=self.job.script.name), None)

    def _close(self) -> None:
        """Cancel what is open, release the state, report the result."""
        assert self.ending is not None
        value, error, status = self.ending
        rest: tuple[Any, ...] = ()
        if self._durable is not None:
            error = self._durable.closing(self, error)
            value = value if error is None else None
        if type(value) is Several:
            value, *others = value
            rest = tuple(others)
        self._calls.close()
        self._lua.close()
        duration = monotonic() - self._started if self._started else 0.0
        self.result = RunResult(
            run_id=self.run_id,
            script=self.job.script.name,
            value=value,
            rest=rest,
            output=self.output.whole(),
            calls=self.calls,
            duration=duration,
            error=error,
            simulated=self.services.simulated,
            exit_status=status,
        )
        if self.services.sinks:
            self.emit(RunEnded(self.run_id, time.time(), duration, self.calls, error.message if error else None))
        if self._durable is None:
            self._calls.forget_session()
            self._done(self)
        else:
            self._durable.end(self, value, rest, error, why=self.why, then=lambda: self._done(self))

    def _lose(self, error: ScriptError) -> None:
        """The process of the Lua state failed or was killed: end the run with that, or with the reason it was killed
        for.
        """
        if self.result is None:
            if self.ending is None:
                if self.why is not None:
                    kind, message = WHY[self.why]
                    error = ScriptError(message, kind=kind)
                error.script = self.job.script.name
                self.ending = (None, error, None)
            self._close()

    def _crash(self, error: BaseException) -> None:
        """The host itself failed: end the run with that error; the host goes on."""
        if self.result is None:
            failure = ScriptError(
                f"the host failed: {type(error).__name__}: {self.services.redactor(text_of(error))}",
                kind="host",
                script=self.job.script.name,
                cause=error,
            )
            self.ending = (None, failure, None)
            self._close()

    def _memory_error(self) -> ScriptError:
        return ScriptError(
            f"the script used more than its {self.job.limits.memory // MB} MB of memory",
            kind="limit",
            script=self.job.script.name,
        )

    def _log(self, event: Any) -> None:
        self.emit(event(self.run_id, time.time()))

    def emit(self, event: Any) -> None:
        """Give an event to the sinks. From any thread."""
        for sink in self.services.sinks:
            try:
                sink.emit(event)
            except BaseException:  # against its contract; the thread is the loop's, and all runs need it
                _log.exception("a sink raised")
