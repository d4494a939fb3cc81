"""One run: wires the Lua state, the gate and the events together.

The Lua side asks through :meth:`Session._host`; replies come back through the inbox. A session is served by one
runner thread at a time; ``answered`` and ``kill`` may be called from any thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from host.apis.answers import LONGEST_BODY
from host.apis.pages import page_words
from host.calls.pipeline import REQUEST, Call, CallPipeline, wrapped
from host.decoding import LARGE
from host.errors import CallError, CancelledCall, InvalidCall, LimitError, ScriptError
from host.events import CallEnded, CallStarted, Printed, RunEnded, RunStarted, Sink
from host.http.message import Response
from host.limits import MB, Limits
from host.lua import protocol as p
from host.lua.bytecode_cache import Chunks
from host.lua.globals import FILES, OWN, STANDARD
from host.lua.state import HostFunction, LuaState, chunk, home
from host.lua.values import encode_plain, from_lua, result_to_lua, to_lua
from host.policy.budget import Quota
from host.policy.permissions import Permissions
from host.policy.redaction import Redactor
from host.run.builtins import Tools
from host.run.bytes_in_flight import LIGHT, Weight, check_values
from host.run.failure import script_error
from host.run.scheduler import Scheduler
from host.run.script import RunResult, Script, mentioned
from host.run.shortening import brief, cut_texts
from host.run.sources import Sources

if TYPE_CHECKING:
    from host.apis.api import Api
    from host.apis.catalog import Operation
    from host.bridge.worker import AsyncWorker
    from host.run.recording import Recording

CROWD = 200  # runs alive at once from which each is to leave little garbage
THRONG = 1000  # from which each gives back what loading left behind as soon as it waits

Why = Literal["timeout", "interrupted", "closed", "stopped"]

_log = logging.getLogger(__name__)


class Job(msgspec.Struct, frozen=True):
    """What is to be run, and with what."""

    script: Script
    args: tuple[str, ...] = ()
    globals: Mapping[str, Any] = msgspec.field(default_factory=dict)
    limits: Limits = msgspec.field(default_factory=Limits)
    env: Mapping[str, str] = msgspec.field(default_factory=dict)  # the environment names granted to the script
    permissions: Permissions = msgspec.field(default_factory=Permissions)
    meters: tuple[Quota, ...] = ()  # of the budgets its calls are counted against


class State(Protocol):
    """The Lua side of a run: ``host.lua.state.LuaState``, or one in a process of its own."""

    def enter(self, id: int, status: Any = 0, a: bytes | None = None, b: Any = None) -> int: ...

    def collect(self) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


class RunServices(msgspec.Struct, frozen=True):
    """What runs of a host share."""

    gate: CallPipeline
    worker: AsyncWorker
    runners: Scheduler
    sinks: Sequence[Sink] = ()
    simulated: bool = False
    mask: Redactor = msgspec.field(default_factory=Redactor)
    alive: set[Session] = msgspec.field(default_factory=set)  # runs that have not ended
    new_state: Callable[[HostFunction, Limits, bool], State] = LuaState
    chunks: Chunks | None = None  # of states that take bytecode


MOST_PIECES = 10_000  # of output, before they are put together


class _Several(list[Any]):
    """All values of a script that returned more than one."""


class Session:
    """One run, from its start to its :class:`RunResult`, which ``done(session)`` tells once."""

    __slots__ = (
        "_calls",
        "_done",
        "_durable",
        "_ending",
        "_limits",
        "_logged",
        "_open",
        "_output",
        "_printed",
        "_signal",
        "_slice_end",
        "_started",
        "_state",
        "_tools",
        "_weight",
        "_whole",
        "_why",
        "blocked",
        "inbox",
        "job",
        "meters",
        "permissions",
        "result",
        "run_id",
        "scheduled",
        "services",
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
        self._durable = durable
        self.job = job
        self.permissions = job.permissions
        self.meters = job.meters
        self.services = services
        self.inbox: list[Any] = []  # a deque takes 760 bytes, and ten thousand runs may be alive
        self.scheduled = False
        self.blocked: threading.Lock | None = None
        self.result: RunResult | None = None
        self._done = done
        self._limits = job.limits
        self._state: State | None = None
        self._open: dict[int, Any] = {}  # calls and timers without an answer yet
        self._calls = 0
        self._output: list[str] = []
        self._whole = 0  # of them, how many are put together from many
        self._printed = 0
        self._logged = 0  # bytes, of the same limit
        self._signal: threading.Lock | None = None
        self._slice_end = 0.0  # until when its Lua code may go on; 0: to be seen at the next tick
        self._started = 0.0
        self._tools: Tools | None = None
        self._weight: Weight | None = None  # with the first call whose arguments are worth counting
        self._why: Why | None = None
        self._ending: tuple[Any, ScriptError | None, int | None] | None = None

    # -- any thread

    def start(self) -> None:
        """Have a runner begin the run."""
        self.services.runners.post(self, None)

    def kill(self, why: Why) -> None:
        """End the run as soon as its Lua code yields or its budget hook fires."""
        if self._why is None:
            self._why = why
            state = self._state
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
        return self._printed

    @property
    def calls(self) -> int:
        """How many calls were made so far."""
        return self._calls

    @property
    def replaying(self) -> bool:
        """Whether what it does now it did before it broke off."""
        return self._durable is not None and self._durable.replaying

    @property
    def is_ending_by_itself(self) -> bool:
        """Whether the script came to its end, rather than being ended."""
        return self._why is None

    def announce(self, call: Call, arguments: Any) -> None:
        """Tell of a call that was held while the run was replayed, and now goes on."""
        if self.services.sinks:
            shown = self.services.mask.value(_shown(arguments))
            self._emit(CallStarted(self.run_id, time.time(), call.id, call.name, call.line, shown))

    def orphaned(self, call: Any, reply: Any) -> None:
        """What became of a call that was given up while it was under way. On the loop's thread."""
        if self._weight is not None and type(call) is Call:
            self._weight.drop(call.id)
        if self._durable is not None and type(call) is Call:
            self._durable.late(self, call, reply)

    def interpreted(self, call: Call) -> tuple[int, bytes | None, Any]:
        """The answer of a call nobody waits for, as it would have gone into Lua."""
        return self._answer(call)

    # -- the runner's thread

    def serve(self) -> None:
        """Work off the inbox: start, replies, or the end."""
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
                elif self._why is not None:
                    self._abort()
                elif item is not False:
                    self._enter(*self._reply(item))
                if self._ending is not None and self.result is None:
                    self._close()
        except ScriptError as error:
            self._lose(error)
        except Exception as error:
            self._crash(error)

    def _begin(self) -> None:
        job = self.job
        self._started = monotonic()
        if self._why is None:
            if self.services.sinks:
                self._emit(RunStarted(self.run_id, time.time(), job.script.name, self.services.simulated))
            try:
                given = to_lua(dict(job.globals)) if job.globals else None
            except (InvalidCall, LimitError) as error:
                self._ending = (None, ScriptError(f"globals: {error.message}", kind=error.kind), None)
                return
            self._state = self.services.new_state(self._host, job.limits, b"new_" in job.script.source)
            if self._why is not None:  # killed since we looked
                self._state.stop()
            name = b"@" + job.script.name.encode()
            self._tools = Tools(job, given, self.services.mask, self._log)
            alive = len(self.services.alive)
            flags = (p.TRACE if self.services.sinks else 0) | (p.CROWD if alive > CROWD else 0)
            if self._durable is not None:
                flags |= p.DURABLE | p.TRACE
            if given is not None:
                flags |= p.GIVEN
            if job.args and b"..." in job.script.source and "args" not in job.globals:
                flags |= p.ARGUMENTS  # the main chunk gets them too
            source = job.script.source
            if self.services.chunks is not None and (code := self.services.chunks.of(name, source)) is not None:
                source, flags = code, flags | p.BYTECODE
            self._enter(p.START, name, source, flags)
            if alive > THRONG and self._ending is None:
                self._state.collect()
            if self._durable is not None:
                self._replay(self._durable)
        else:
            self._abort()

    def _replay(self, durable: Recording) -> None:
        """Tell the script the answers it was told before, in their order."""
        while durable.replaying and self._ending is None and self._why is None:
            told = durable.next_answer(self)
            if told is None:
                break
            self._open.pop(told[0], None)
            self._enter(*told)

    def _enter(self, id: int, status: Any, a: bytes | None, b: Any) -> None:
        state = self._state
        if state is None:
            return
        self._slice_end = 0.0
        try:
            state.enter(id, status, a, b)
        except MemoryError:
            if self._ending is None:
                self._ending = (None, self._memory_error(), None)

    def _abort(self) -> None:
        """The run is to end while all its tasks wait."""
        kind, message = WHY[self._why or "interrupted"]
        if self._state is None:
            self._ending = (None, ScriptError(message, kind=kind, script=self.job.script.name), None)
            return
        self._enter(p.ABORT, 0, encode_plain({"kind": kind, "message": message}), None)
        if self._ending is None:
            self._ending = (None, ScriptError(message, kind=kind, script=self.job.script.name), None)

    def _close(self) -> None:
        """Cancel what is open, let go of the state, tell the result."""
        assert self._ending is not None
        value, error, status = self._ending
        rest: tuple[Any, ...] = ()
        if self._durable is not None:
            error = self._durable.closing(self, error)
            value = value if error is None else None
        if type(value) is _Several:
            value, *others = value
            rest = tuple(others)
        for entry in list(self._open.values()):
            if isinstance(entry, Call):
                self.services.gate.cancel(entry)
            else:
                entry.cancel()
        self._open.clear()
        self.services.gate.ended(self)
        state, self._state, self._tools = self._state, None, None  # tools lead back here: without, both go at once
        if state is not None:
            state.close()
        duration = monotonic() - self._started if self._started else 0.0
        self.result = RunResult(
            run_id=self.run_id,
            script=self.job.script.name,
            value=value,
            rest=rest,
            output="".join(self._output),
            calls=self._calls,
            duration=duration,
            error=error,
            simulated=self.services.simulated,
            exit_status=status,
        )
        if self.services.sinks:
            self._emit(RunEnded(self.run_id, time.time(), duration, self._calls, error.message if error else None))
        if self._durable is not None:
            interrupted = self._why is not None and self._why != "stopped"
            self._durable.end(self, value, rest, error, interrupted=interrupted, then=lambda: self._done(self))
        else:
            self._done(self)

    def _lose(self, error: ScriptError) -> None:
        """The state's own process failed, or was killed: the run ends with that, or with why it was killed."""
        if self.result is None:
            if self._ending is None:
                if self._why is not None:
                    kind, message = WHY[self._why]
                    error = ScriptError(message, kind=kind)
                error.script = self.job.script.name
                self._ending = (None, error, None)
            self._close()

    def _crash(self, error: Exception) -> None:
        """A fault of the host itself: the run ends with it, the host goes on."""
        if self.result is None:
            failure = ScriptError(
                f"the host failed: {type(error).__name__}: {self.services.mask(str(error))}",
                kind="host",
                script=self.job.script.name,
                cause=error,
            )
            self._ending = (None, failure, None)
            self._close()

    def _memory_error(self) -> ScriptError:
        return ScriptError(
            f"the script used more than its {self._limits.memory // MB} MB of memory",
            kind="limit",
            script=self.job.script.name,
        )

    # -- replies

    def _reply(self, item: Any) -> tuple[int, int, bytes | None, Any]:
        """(id, status, a, b) for enter()."""
        if type(item) is tuple:  # a timer's
            id, error = item
            open_ = self._open.pop(id, None)
            facts = None if error is None else self._facts(error)
            status = p.VALUE if error is None else p.ERROR
            if self._durable is not None and open_ is not None:
                self._durable.answered(self, id, status, facts, None, None)
            return id, status, facts, None
        call: Call = item
        if self._open.pop(call.id, None) is None:
            return call.id, p.VALUE, None, None
        if self._weight is not None and not _goes_on(call):
            self._weight.drop(call.id)
        # An answer recalled from the journal is as it was told; all others are a call's.
        status, a, b = self._answer(call) if type(call) is Call else (item.status, item.a, item.b)
        if self._durable is not None:
            self._durable.answered(self, call.id, status, a, b, call)
        if type(call) is Call:
            call.asked = None  # which leads back to the call: without it, what is answered goes at once
        return call.id, status, a, b

    def _answer(self, call: Call) -> tuple[int, bytes | None, Any]:
        error: CallError | None = None
        result: str | None = None
        try:
            identity: str | int | None
            if call.kind == p.CREATE and self._durable is None:  # few scripts look at more than the id
                created = self.services.gate.created(call)
                if created is not None:
                    identity, answer = created
                    result = str(identity)
                    return p.CREATED, _identity(identity), answer
            answered = call.reply.value if call.reply is not None else None
            if type(answered) is Response and len(answered.body) > LARGE:
                self.services.runners.make_way()  # others need not wait until it is decoded
            value = self.services.gate.value(call)
            if call.kind == p.CREATE:
                identity = value.get(call.api.catalog.id_field) if type(value) is dict and call.api else None
                result = str(identity) if identity is not None else None
                return p.VALUE, _identity(identity), encode_plain(value)
            if call.kind in (p.FUNCTION, p.NEXT):
                return p.VALUE, result_to_lua(call.name, value), None
            if type(value) is dict and type(value.get("id")) is str:
                result = value["id"]
            listed = call.pages or (call.operation is not None and call.operation.paging)
            pages = self._pages(call) if listed else None
            return p.VALUE, None if value is None else encode_plain(value), pages
        except CallError as failure:
            error = failure
            self._tools_remember(failure)
            return p.ERROR, self._facts(failure), None
        finally:
            if self.services.sinks:
                self._told(call, error, result)

    def _tools_remember(self, error: CallError) -> None:
        if error.__cause__ is not None and self._tools is not None:
            self._tools.causes[self.services.mask(error.message)] = error

    def _told(self, call: Call, error: CallError | None, result: str | None) -> None:
        facts = self.services.gate.facts(call)
        url = self.services.mask(facts.pop("url", ""))
        self._emit(
            CallEnded(
                self.run_id,
                time.time(),
                call.id,
                call.name,
                monotonic() - call.started if call.started else 0.0,
                url=url,
                result=result,
                error=None if error is None else self._masked(error.brief()),
                **facts,
            )
        )

    def _facts(self, error: CallError) -> bytes:
        if error.body is None and not error.members:
            return to_lua(self._masked(error.own_facts()))
        # A byte of it can be 72 in Lua, and an error that does not fit would lose its outcome.
        room = max(MB >> 6, self._limits.memory >> 8)
        with suppress(InvalidCall):  # nested too deep
            facts = to_lua(self._masked(error.facts()))
            if len(facts) <= room:
                return facts
        return to_lua(self._masked(error.cut(min(LONGEST_BODY, room >> 2))))

    def _masked(self, facts: dict[str, Any]) -> dict[str, Any]:
        masked: dict[str, Any] = self.services.mask.value(facts)
        return masked

    # -- what the Lua side asks

    def _host(self, code: int, *a: Any) -> Any:
        """The one function of the state. Never raises."""
        try:
            if code == p.CALL:
                at_once = self._call(*a)
                if at_once is not None and self._weight is not None:
                    self._weight.drop(a[0])
                return at_once
            return _ASK[code](self, *a)
        except CallError as error:
            return p.ERROR, self._facts(error)
        except Exception as error:
            return p.ERROR, self._facts(wrapped(error, "host"))

    def _call(
        self,
        id: int,
        kind: int,
        target: bytes,
        payload: bytes | None,
        options: bytes | None,
        path: bytes,
        n: int,
        line: int | None,
    ) -> Any:
        self._slice_end = 0.0
        durable = self._durable
        if kind == p.SLEEP:
            if durable is None:
                self._sleep(id, float(target))
            else:
                self._open[id] = durable.sleep(self, id, float(target), path, n)
            return None
        self._calls += 1
        call = Call(id, kind, target.decode(), self.answered, line)
        call.tell = bool(self.services.sinks) and not self.replaying
        try:
            arguments, chosen = self._arguments(call, payload, options)
            if durable is not None:
                told = durable.call(self, call, arguments, chosen, path, n)
                if told is not None:
                    return p.ERROR, told
            self._open[id] = call
            begin = _BEGIN.get(kind)
            if begin is None:
                raise InvalidCall(f"there is no kind of call {kind}")
            return begin(self, call, arguments, chosen)
        except Exception as failure:
            return self._refused(call, wrapped(failure, "host"))

    def _arguments(self, call: Call, payload: bytes | None, options: bytes | None) -> tuple[Any, Any]:
        """The call's arguments and options, decoded and weighed; sinks are told of it. Raises ``CallError``."""
        if self._calls > self._limits.calls:
            self._calls -= 1
            over = LimitError(f"the run has made its {self._limits.calls:,} calls", operation=call.name)
            over.fatal = True
            raise over
        kind = call.kind
        heavy = (payload is not None and len(payload) > LIGHT) or (options is not None and len(options) > LIGHT)
        if heavy:
            if self._weight is None:
                self._weight = Weight(self._limits.memory)
            self._weight.add(call.id, len(payload or b"") + len(options or b""))
        arguments: Any = from_lua(payload, self._limits.memory) if payload is not None else None
        if call.name.endswith(REQUEST):
            self.services.gate.resolve(call, arguments[0] if kind == p.PAGE else arguments)
        if heavy and kind <= p.CREATE:
            check_values(arguments)
        if call.tell and kind != p.PAGE:  # whether there is a page to ask for shows later
            shown = self.services.mask.value(_shown(brief(arguments) if heavy else arguments))
            self._emit(CallStarted(self.run_id, time.time(), call.id, call.name, call.line, shown))
        return arguments, from_lua(options, self._limits.memory) if options is not None else None

    def _create(self, call: Call, arguments: Any, chosen: Any) -> None:
        self.services.gate.create(self, call, arguments, chosen)

    def _operate(self, call: Call, arguments: Any, _: Any) -> None:
        self.services.gate.operate(self, call, arguments)

    def _function(self, call: Call, arguments: Any, _: Any) -> Any:
        if not self.services.gate.function(self, call, arguments):
            return None
        self._open.pop(call.id, None)  # it has its answer already
        if self._durable is not None:
            self._durable.opened(call)
        self._slice_end = 0.0
        return self._answer(call)

    def _pages(self, call: Call) -> bytes | None:
        """What Lua is told of a list with its page: where that is; of a first page how the list goes on, too."""
        place = self.services.gate.place(call)
        if call.kind == p.PAGE or call.api is None or call.operation is None:
            return None if place is None else encode_plain(place)
        if place is None and call.pages is None:
            return None
        words = call.pages.decode() if call.pages else page_words(call.api.catalog, call.operation)
        return encode_plain([words, None if place is None else place[1]])

    def _next(self, call: Call, arguments: Any, _: Any) -> None:
        self.services.gate.next(self, call, arguments)

    def _page(self, call: Call, arguments: Any, _: Any) -> Any:
        if self.services.gate.page(self, call, *arguments):
            if call.tell:
                shown = _shown(arguments[0])
                self._emit(CallStarted(self.run_id, time.time(), call.id, call.name, call.line, shown))
            return None
        self._open.pop(call.id, None)  # that was the last one: nothing is asked
        self._calls -= 1
        if self._durable is not None:
            self._durable.refused(call.id)
        return p.VALUE, None

    def _refused(self, call: Call, error: CallError) -> tuple[int, bytes]:
        """A call was refused before anything was sent: what the script is told."""
        self._open.pop(call.id, None)
        self.services.gate.refused(error, call)
        facts = self._facts(error)
        if self._durable is not None:
            self._durable.refused(call.id, self, facts if isinstance(error, LimitError) else None)
        if call.tell:
            self._told(call, error, None)
        return p.ERROR, facts

    def _sleep(self, id: int, seconds: float) -> None:
        def rung(reply: Any) -> None:
            self.services.runners.post(self, (id, reply.error))

        self._open[id] = self.services.worker.call_later(seconds, rung)

    def _tick(self) -> Any:
        self.services.runners.tick()
        if self._why is not None:
            kind, message = WHY[self._why]
            return kind.encode(), message.encode()
        now, seconds = monotonic(), self._limits.lua_time
        if not self._slice_end:
            self._slice_end = now + seconds
        elif now > self._slice_end:
            return b"limit", f"the script ran for {seconds:g} s without a call".encode()
        return None

    def _wait(self) -> Any:
        """Blocks the thread until there is a reply. Nothing when the run is being killed."""
        if self._durable is not None and self._durable.replaying:
            told = self._durable.next_answer(self)
            if told is not None:
                self._open.pop(told[0], None)
                return told
        while self._why is None:
            if self.inbox:
                item = self.inbox.pop(0)
                if item is False or item is None:
                    continue
                self._slice_end = 0.0
                return self._reply(item)
            if self._signal is None:
                self._signal = threading.Lock()
                self._signal.acquire()
            self.services.runners.wait(self, self._signal)
        return None

    def _cancel(self, id: int) -> None:
        entry = self._open.get(id)
        if self._durable is not None and self._durable.cancel(self, id):
            return
        if isinstance(entry, Call):
            self.services.gate.cancel(entry)
        elif entry is not None:
            entry.cancel()
            error = CancelledCall("the task was cancelled")
            self.services.runners.post(self, (id, error))

    def _check_output(self) -> None:
        size = self._limits.output
        if self._printed + self._logged > size:
            raise LimitError(f"the script printed more than {size // MB or 1} MB")

    def _out(self, data: bytes) -> bytes | None:
        if not data:
            return None
        self._printed += len(data)
        try:
            self._check_output()
        except LimitError as error:
            return self._facts(error)
        text = self.services.mask(data.decode("utf-8", "surrogateescape"))
        self._output.append(text)
        if len(self._output) - self._whole > MOST_PIECES:  # each takes 50 bytes besides
            self._output[self._whole :] = ["".join(self._output[self._whole :])]
            self._whole += 1
        if self._durable is not None:
            data = self._durable.visible(self._printed - len(data), data)
            if not data:
                return None
            text = self.services.mask(data.decode("utf-8", "surrogateescape"))
        self._emit(Printed(self.run_id, time.time(), text))
        return None

    def _ended(self, value: bytes, status: int | None = None, several: bool = False) -> None:
        try:
            found = from_lua(value, self._limits.memory)
        except LimitError as error:
            error.message = f"the script's returned value: {error.message}"
            return self._failed(to_lua(error.facts()))
        if several and (type(found) is not list or not found):
            raise ValueError("several values that are no list")
        found = self.services.mask.value(found)
        self._ending = (_Several(found) if several else found, None, status)
        return None

    def _failed(self, payload: bytes) -> None:
        facts = cut_texts(from_lua(payload, self._limits.memory))
        tools = self._tools
        sources = tools.sources if tools is not None else Sources(self.job.script)
        causes = tools.causes if tools is not None else {}
        masked = self._masked(facts)
        try:
            error = script_error(masked, self.job.script, causes, self._names, sources, self.services.mask)
        except Exception:  # a fault of ours in a hint must not keep the run from its end
            _log.exception("what to say about an error of %s could not be found", self.job.script.name)
            kind = str(masked.get("kind") or "error")
            error = ScriptError(str(masked.get("message")), script=self.job.script.name, kind=kind, facts=masked)
        self._ending = (None, error, None)

    def _names(self) -> list[str]:
        """Globals a script may have meant."""
        gate = self.services.gate
        names = [*STANDARD, *gate.apis, *gate.functions, *(f"new_{name}" for name in gate.builders)]
        names.extend(gate.libraries.globals)
        for api in gate.apis.values():
            names.extend(f"new_{name}" for name in api.catalog.builder_names())
        return names

    def _name(self, key: bytes) -> Any:
        name = key.decode("utf-8", "replace")
        gate = self.services.gate
        if name in OWN and name not in self.job.globals:
            return b""
        if self._tools is not None and name in self._tools.globals:
            return b"rows" if self._tools.is_row(name) else b"values", to_lua(self._tools.globals[name])
        if name == "args" and self._tools is not None:
            return chunk("args"), self._tools.args()
        if name in FILES:
            return chunk(FILES[name])
        if name.startswith("new_"):
            found = gate.builder(name[4:])
            if found is not None:
                return b"builders", *self._builder(*found)
        if name in gate.functions:
            return b"functions", key, gate.functions[name].iterates
        if name in gate.apis:
            return b"namespaces", key
        library = gate.libraries.globals.get(name)
        if library is not None:
            return b"extension", library.lua.encode(), library.name.encode()
        return None

    def _member(self, path: bytes, key: bytes) -> Any:
        found = self.services.gate.member(path.decode(), key.decode("utf-8", "replace"))
        if isinstance(found, str):
            return p.GROUP, found.encode()
        api, operation, builder = found
        if operation is None:
            return p.MEMBER_OPERATION, f"{api.name}{REQUEST}".encode(), None
        if builder:
            return p.BUILDER, *self._builder(api, operation)
        about = page_words(api.catalog, operation)
        return p.MEMBER_OPERATION, f"{api.name}.{operation.id}".encode(), about.encode() if about else None

    def _builder(self, api: Api, operation: Operation) -> tuple[bytes | None, ...]:
        """What Lua is told of a builder: its operation, what it is about, and the methods that the script mentions."""
        return self.services.gate.told(api, operation, mentioned(self.job.script.source))

    def _method(self, label: bytes, name: bytes) -> Any:
        return self.services.gate.method(label.decode(), name.decode("utf-8", "replace"))

    def _check(self, label: bytes, name: bytes, value: bytes, currency: Any = None, version: Any = None) -> Any:
        said = (currency, version)
        beside, asked = (each.decode("utf-8", "replace") if type(each) is bytes else None for each in said)
        found = from_lua(value, self._limits.memory)
        self.services.gate.check(label.decode(), name.decode("utf-8", "replace"), found, beside, asked)

    def _tool(self, name: bytes, a: Any = None, b: Any = None) -> Any:
        assert self._tools is not None
        if name == b"read" or (type(a) is bytes and len(a) > LARGE):  # until somebody types; until much is decoded
            self.services.runners.make_way()
        if name == b"log":
            self._logged += len(b)
            self._check_output()
        if self._durable is not None:
            answer = self._durable.tool(self, self._tools, name.decode(), a, b)
        else:
            answer = self._tools.use(name.decode(), a, b)
        if name.startswith(b"require"):
            self._tools.given(name, a, answer)
        return p.VALUE, answer

    def _log(self, event: Any) -> None:
        self._emit(event(self.run_id, time.time()))

    def emit(self, event: Any) -> None:
        """Give an event to the sinks. From any thread."""
        self._emit(event)

    def _emit(self, event: Any) -> None:
        for sink in self.services.sinks:
            try:
                sink.emit(event)
            except Exception:  # against its contract; the thread is the loop's, and all runs need it
                _log.exception("a sink raised")


# By the kind of call: sends it, and gives None while it waits for its answer.
_BEGIN: dict[int, Callable[[Session, Call, Any, Any], Any]] = {
    p.OPERATION: Session._operate,
    p.CREATE: Session._create,
    p.PAGE: Session._page,
    p.FUNCTION: Session._function,
    p.NEXT: Session._next,
}

_ASK: dict[int, Callable[..., Any]] = {
    p.TICK: Session._tick,
    p.WAIT: Session._wait,
    p.CANCEL: Session._cancel,
    p.OUT: Session._out,
    p.ENDED: Session._ended,
    p.FAILED: Session._failed,
    p.PRELUDE: lambda _, name: chunk(name.decode()),
    p.NAME: Session._name,
    p.METHOD: Session._method,
    p.CHECK: Session._check,
    p.TOOL: Session._tool,
    p.MEMBER: Session._member,
    p.HOME: lambda _, name: home(name),
}

WHY: dict[str, tuple[str, str]] = {
    "timeout": ("timeout", "the run's time is up"),
    "interrupted": ("interrupted", "the run was interrupted"),
    "closed": ("closed", "the host was closed while the script ran"),
    "stopped": ("interrupted", "the run was stopped"),
}


def _goes_on(call: Any) -> bool:
    """Whether an answered call was given up while its change was being made; its end is told later."""
    reply = call.reply if type(call) is Call else None
    error = None if reply is None else reply.error
    return type(error) is CancelledCall and error.outcome == "unknown"


def _identity(id: str | int | None) -> bytes | None:
    if id is None:
        return None
    return id.encode() if isinstance(id, str) else b"\0%d" % id  # a number stays one


def _shown(arguments: Any) -> dict[str, Any]:
    if isinstance(arguments, dict):
        return arguments
    if isinstance(arguments, list):
        return {str(i): item for i, item in enumerate(arguments, 1)}
    return {}
