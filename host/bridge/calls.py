"""The loop's side of the worker: every call from its acceptance to its one answer.

All of this runs on the loop's thread, so it needs no lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from time import monotonic
from types import MappingProxyType
from typing import Any

import msgspec

from host.bridge.direct import Direct
from host.bridge.fairness import FairQueue
from host.bridge.loops import eager_task
from host.bridge.request import AsyncRequest, Reply
from host.deadlines import Deadlines
from host.errors import (
    CallError,
    CallTimeout,
    CancelledCall,
    ClosedError,
    FunctionError,
    InvalidCall,
    Outcome,
)

__all__ = ["AsyncFunction", "Calls", "deliver", "not_sent"]

AsyncFunction = Callable[[Any, float], Awaitable[Any]]
"""``await function(payload, deadline)`` → value. ``deadline`` is on :func:`time.monotonic`."""

# After its deadline a function is cancelled and has this long to say in which phase it was.
LAST_WORD = 0.1

_log = logging.getLogger(__name__)


class Call(msgspec.Struct, eq=False):
    """One request inside the worker.

    ``task`` is set while it is in flight, ``began`` when the function was entered (from then on something
    may have been sent). ``orphan``: answered as cancelled, but the function goes on.
    """

    request: AsyncRequest
    queued_at: float
    deadline: float
    slot: int = 0  # of Deadlines
    task: asyncio.Task[None] | Direct | None = None
    began: bool = False
    answered: bool = False
    orphan: bool = False

    __repr__ = object.__repr__


_current: ContextVar[Call | None] = ContextVar("host_current_call", default=None)


class Calls:
    """Accepts requests, starts at most ``room`` of them at once, answers each exactly once.

    ``direct`` has the functions that need no task, each with whether that holds now.
    ``room`` may be changed (``refill`` then); ``on_full`` is told of each call that finds none, ``on_leave``
    of each that has ended, before its place is given on.

    A call is in ``live`` from its acceptance until it is answered and its function has ended. The
    invariant that makes "exactly once" true: only :meth:`answer` delivers, and ``answered`` guards it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        functions: Mapping[str, AsyncFunction],
        max_in_flight: int,
        on_orphan: Callable[[AsyncRequest, Reply], None] | None,
        direct: Mapping[str, Callable[[], bool]] = MappingProxyType({}),
    ) -> None:
        self._loop = loop
        self._functions = functions
        self.room = max_in_flight
        self.on_full: Callable[[], None] | None = None
        self.on_leave: Callable[[], None] | None = None
        self._direct = direct
        self.stepping: Call | None = None  # the one whose function makes a step right now, without a task
        self._on_orphan = on_orphan
        self._deadlines: Deadlines[Call] = Deadlines(loop, self._expire)
        self._live: dict[AsyncRequest, Call] = {}
        self._refilling = False
        self._idle: asyncio.Event | None = None  # set when nothing is in flight, once somebody waits for it
        self.queue: FairQueue[Call] = FairQueue()
        self.in_flight = 0
        self.answered = 0
        self.failed = 0

    def accept(self, request: AsyncRequest, now: float) -> None:
        """Start it, or have it wait for its source's turn; its deadline runs in both cases."""
        call = self._live[request] = Call(request, now, request.deadline)
        self._deadlines.add(call)
        if self.in_flight < self.room:
            self._begin(call)
        else:
            self.queue.put(request.source, call)
            if self.on_full is not None:
                self.on_full()

    def give_up(self, request: AsyncRequest) -> None:
        """Cancel: answered at once. A read is aborted, a mutation that has begun is let finish."""
        call = self._live.get(request)
        if call is None or call.answered:
            return
        message = f"{request.name} was cancelled"
        if not call.began:
            self._unqueue(call)
            self.answer(call, Reply(error=CancelledCall(message, outcome=not_sent(request))))
        elif request.mutation:
            message += " after it was started"
            self.answer(call, Reply(error=CancelledCall(message, outcome="unknown")))
            call.orphan = True
            self._deadlines.add(call)
        else:
            self.answer(call, Reply(error=CancelledCall(message)))
            self._cancel(call)

    def extend_deadline(self, seconds: float) -> None:
        """Put off the deadline of the call whose function asks."""
        call = self.stepping or _current.get()
        if call is not None and (call.orphan or not call.answered):
            self._deadlines.remove(call)
            call.deadline += seconds
            self._deadlines.add(call)

    def answer(self, call: Call, reply: Reply) -> None:
        """Deliver the reply unless there was one; what became of an orphan goes to ``on_orphan``."""
        if call.answered:
            if call.orphan:
                call.orphan = False
                self._deadlines.remove(call)
                if self._on_orphan is not None:
                    try:
                        self._on_orphan(call.request, reply)
                    except Exception:
                        _log.exception("what was to be told of a call given up is lost")
            return
        call.answered = True
        self._deadlines.remove(call)
        if reply.error is None:
            self.answered += 1
        else:
            self.failed += 1
        deliver(call.request.deliver, reply)

    def refuse_waiting(self, refusal: Callable[[AsyncRequest], CallError]) -> None:
        """Answer what has not been started."""
        while len(self.queue):
            call = self.queue.take()
            del self._live[call.request]
            self.answer(call, Reply(error=refusal(call.request)))

    async def drain(self, grace: float) -> None:
        """Wait until nothing is in flight, for ``grace`` seconds at most."""
        if self.in_flight:
            self._idle = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace)

    def abandon(self) -> list[asyncio.Task[None]]:
        """Answer everything that still waits with ``ClosedError``; the tasks, cancelled, still to end."""
        tasks = []
        for call in list(self._live.values()):
            outcome: Outcome | None = None
            if call.request.mutation:
                outcome = "unknown" if call.began else "not_sent"
            message = f"the host closed while {call.request.name} was in flight"
            self.answer(call, Reply(error=ClosedError(message, outcome=outcome)))
            if isinstance(call.task, asyncio.Task):
                tasks.append(call.task)
            self._cancel(call)
        self._deadlines.clear()
        return tasks

    def _begin(self, call: Call) -> None:
        self.in_flight += 1
        name = call.request.name
        is_direct = self._direct.get(name)
        if is_direct is not None and is_direct() and (function := self._functions.get(name)) is not None:
            call.began = True
            call.task = direct = Direct(self._loop, self, call)
            direct.begin(function)
            return
        outer, self.stepping = self.stepping, None  # this one has a task, whose first step may be made right here
        task = eager_task(self._loop, self._run(call))
        self.stepping = outer
        if not task.done():
            call.task = task

    def end(self, call: Call, value: Any = None, error: BaseException | None = None) -> None:
        """Its function has ended."""
        # BaseException too: a SystemExit in a function must not end the loop for everyone.
        try:
            self.answer(call, Reply(value) if error is None else Reply(error=_translate(call, error)))
        finally:
            self._leave(call)

    async def _run(self, call: Call) -> None:
        request = call.request
        if call.answered:  # cancelled or expired between its turn and its first step
            self._leave(call)
            return
        try:
            call.began = True
            _current.set(call)
            function = self._functions.get(request.name)
            if function is None:
                raise _unknown(request.name, self._functions)
            value = await function(request.payload, call.deadline)
        except BaseException as error:
            self.end(call, error=error)
        else:
            self.end(call, value)

    def _leave(self, call: Call) -> None:
        self.in_flight -= 1
        call.task = None
        self._live.pop(call.request, None)
        if self.on_leave is not None:
            self.on_leave()
        self.refill()
        if self._idle is not None and not self.in_flight:
            self._idle.set()

    def refill(self) -> None:
        """Start what waits, as far as there is room."""
        # An eager task may end inside _begin and come here again: the outer round goes on, not deeper.
        if not self._refilling and len(self.queue):
            self._refilling = True
            try:
                while len(self.queue) and self.in_flight < self.room:
                    self._begin(self.queue.take())
            finally:
                self._refilling = False

    def _cancel(self, call: Call) -> None:
        # A task that has not made its first step would never reach its own end when cancelled; it sees
        # by itself that its call has been answered.
        if call.began and call.task is not None:
            call.task.cancel()

    def _unqueue(self, call: Call) -> None:
        if call.task is None:
            self.queue.remove(call.request.source, call)
            del self._live[call.request]

    def _expire(self, call: Call) -> None:
        request = call.request
        if call.began:
            self._cancel(call)
            self._loop.call_later(LAST_WORD, self._overdue, call)
            return
        self._unqueue(call)
        waited = monotonic() - call.queued_at
        text = f"{request.name}: waited {waited:.3g} s in the queue, with {self.in_flight} calls in flight"
        self.answer(call, Reply(error=_late(call, "queue", text)))

    def _overdue(self, call: Call) -> None:
        text = f"{call.request.name}: no answer before the call's deadline, and it does not stop"
        self.answer(call, Reply(error=_late(call, "response", text)))


def deliver(receiver: Callable[[Reply], None], reply: Reply) -> None:
    """Call a receiver; one that raises against its contract must not harm the other calls."""
    try:
        receiver(reply)
    except Exception:
        _log.exception("the receiver of a reply raised")


def not_sent(request: AsyncRequest) -> Outcome | None:
    """The outcome of a request that has not been started: only mutations have one."""
    return "not_sent" if request.mutation else None


def _translate(call: Call, error: BaseException) -> CallError:
    request = call.request
    outcome: Outcome | None = "unknown" if request.mutation else None
    if isinstance(error, CallError):
        return error
    if isinstance(error, asyncio.CancelledError):
        if monotonic() >= call.deadline:
            return _late(call, "response", f"{request.name}: no answer before the call's deadline")
        return CancelledCall(f"{request.name} was cancelled", outcome=outcome)
    kind = type(error).__name__
    failure = FunctionError(f"{request.name} failed: {kind}: {error}", type=kind, outcome=outcome)
    failure.__cause__ = error
    return failure


def _late(call: Call, phase: str, message: str) -> CallTimeout:
    outcome: Outcome | None = None
    if call.request.mutation:
        outcome = "not_sent" if phase == "queue" else "unknown"
    return CallTimeout(message, phase=phase, outcome=outcome, retryable=True)


def _unknown(name: str, functions: Mapping[str, AsyncFunction]) -> InvalidCall:
    from difflib import get_close_matches  # only this message needs it

    near = get_close_matches(name, list(functions), 1)
    hint = f"Did you mean {near[0]!r}?" if near else None
    return InvalidCall(f"no function is registered as {name!r}", hint=hint)
