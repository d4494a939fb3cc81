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

from host.bridge.coroutine_driver import CoroutineDriver
from host.bridge.deadlines import Deadlines
from host.bridge.fairness import FairQueue
from host.bridge.loops import eager_task
from host.bridge.request import AsyncRequest, Reply
from host.errors import (
    CallError,
    CallTimeout,
    CancelledCall,
    ClosedError,
    FunctionError,
    InvalidCall,
    Outcome,
    text_of,
)
from host.nearest_name import nearest_name

__all__ = ["AsyncFunction", "InFlight", "deliver", "not_sent"]

AsyncFunction = Callable[[Any, float], Awaitable[Any]]
"""``await function(payload, deadline)`` → value. ``deadline`` is on :func:`time.monotonic`."""

# After its deadline a function is cancelled and has this long to say in which phase it was.
LAST_WORD = 0.1

_log = logging.getLogger(__name__)


_current: ContextVar[AsyncRequest | None] = ContextVar("host_current_call", default=None)


class InFlight:
    """Accepts requests, starts at most ``room`` of them at once, answers each exactly once.

    ``direct`` has the functions that need no task, each with whether that holds now.
    ``room`` may be changed (``refill`` then); ``on_full`` is called for each call that finds no room, ``on_leave``
    for each that has ended, before its room is reused.

    A request is in ``live`` from its acceptance until it is answered and its function has ended. The
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
        self._driver = CoroutineDriver(loop, self, direct)
        self._on_orphan = on_orphan
        self._deadlines: Deadlines[AsyncRequest] = Deadlines(loop, self._expire)
        self._live: dict[AsyncRequest, None] = {}  # in the order of their acceptance
        self._refilling = False
        self._idle: asyncio.Event | None = None  # set when nothing is in flight, once somebody waits for it
        self.queue: FairQueue[AsyncRequest] = FairQueue()
        self.in_flight = 0
        self.answered = 0
        self.failed = 0

    def accept(self, request: AsyncRequest) -> None:
        """Start it, or queue it for its source's turn; its deadline runs in both cases."""
        self._live[request] = None
        self._deadlines.add(request)
        if self.in_flight < self.room:
            self._begin(request)
        else:
            request.queued_at = monotonic()
            self.queue.put(request.source, request)
            if self.on_full is not None:
                self.on_full()

    def give_up(self, request: AsyncRequest) -> None:
        """Cancel: answered at once. A read is aborted, a mutation that has begun runs to its end."""
        if request.answered or request not in self._live:
            return
        message = f"{request.name} was cancelled"
        if not request.began:
            self._unqueue(request)
            self.answer(request, Reply(error=CancelledCall(message, outcome=not_sent(request))))
        elif request.mutation:
            message += " after it was started"
            self.answer(request, Reply(error=CancelledCall(message, outcome="unknown")))
            request.orphan = True
            self._deadlines.add(request)
        else:
            self.answer(request, Reply(error=CancelledCall(message)))
            self._cancel(request)

    @property
    def current(self) -> AsyncRequest | None:
        """The call whose function is running."""
        return self._driver.stepping or _current.get()

    def extend_deadline(self, seconds: float) -> None:
        """Postpone the deadline of the call whose function is running."""
        request = self.current
        if request is not None and (request.orphan or not request.answered):
            self._deadlines.remove(request)
            request.deadline += seconds
            self._deadlines.add(request)

    def answer(self, request: AsyncRequest, reply: Reply) -> None:
        """Deliver the reply unless there was one already; the outcome of an orphan goes to ``on_orphan``."""
        if request.answered:
            if request.orphan:
                request.orphan = False
                self._deadlines.remove(request)
                if self._on_orphan is not None:
                    try:
                        self._on_orphan(request, reply)
                    except BaseException:
                        _log.exception("the outcome of an abandoned call could not be reported")
            return
        request.answered = True
        self._deadlines.remove(request)
        if reply.error is None:
            self.answered += 1
        else:
            self.failed += 1
        try:
            request.deliver(reply)
        except BaseException:  # against its contract; the other calls must not suffer for it
            _log.exception("the receiver of a reply raised")

    def refuse_waiting(self, refusal: Callable[[AsyncRequest], CallError]) -> None:
        """Refuse all calls that have not been started."""
        while self.queue.size:
            request = self.queue.take()
            del self._live[request]
            self.answer(request, Reply(error=refusal(request)))

    async def drain(self, grace: float) -> None:
        """Wait until nothing is in flight, for ``grace`` seconds at most."""
        if self.in_flight:
            self._idle = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace)

    def abandon(self) -> list[asyncio.Task[None]]:
        """Answer everything that still waits with ``ClosedError``; returns the cancelled tasks, which have yet to
        end.
        """
        tasks = []
        for request in list(self._live):
            outcome: Outcome | None = None
            if request.mutation:
                outcome = "unknown" if request.began else "not_sent"
            message = f"the host closed while {request.name} was in flight"
            self.answer(request, Reply(error=ClosedError(message, outcome=outcome)))
            if isinstance(request.running, asyncio.Task):
                tasks.append(request.running)
            self._cancel(request)
        self._deadlines.clear()
        return tasks

    def _begin(self, request: AsyncRequest) -> None:
        self.in_flight += 1
        name = request.function or request.name
        is_direct = self._driver.direct.get(name)
        if is_direct is not None and is_direct() and (function := self._functions.get(name)) is not None:
            self._driver.begin(request, function)
            return
        # This one has a task, whose first step may be made right here.
        outer, self._driver.stepping = self._driver.stepping, None
        task = eager_task(self._loop, self._run(request))
        self._driver.stepping = outer
        if not task.done():
            request.running = task

    def end(self, request: AsyncRequest, value: Any = None, error: BaseException | None = None) -> None:
        """Its function has ended."""
        # BaseException too: a SystemExit in a function must not end the loop for everyone.
        try:
            self.answer(request, Reply(value) if error is None else Reply(error=_translate(request, error)))
        finally:
            self._leave(request)

    async def _run(self, request: AsyncRequest) -> None:
        if request.answered:  # cancelled or expired between being started and its first step
            self._leave(request)
            return
        try:
            request.began = True
            _current.set(request)
            name = request.function or request.name
            function = self._functions.get(name)
            if function is None:
                raise _unknown(name, self._functions)
            value = await function(request.payload, request.deadline)
        except BaseException as error:
            self.end(request, error=error)
        else:
            self.end(request, value)

    def _leave(self, request: AsyncRequest) -> None:
        self.in_flight -= 1
        request.running = None
        self._live.pop(request, None)
        if self.on_leave is not None:
            self.on_leave()
        if self.queue.size:
            self.refill()
        if self._idle is not None and not self.in_flight:
            self._idle.set()

    def refill(self) -> None:
        """Start what waits, as far as there is room."""
        # An eager task may end inside _begin and come here again: the outer call goes on, without deeper recursion.
        if not self._refilling and self.queue.size:
            self._refilling = True
            try:
                while self.queue.size and self.in_flight < self.room:
                    self._begin(self.queue.take())
            finally:
                self._refilling = False

    def _cancel(self, request: AsyncRequest) -> None:
        # A task that has not made its first step would never reach its own end when cancelled; it sees
        # by itself that its call has been answered.
        if not request.began or request.running is None:
            return
        if isinstance(request.running, asyncio.Task):
            request.running.cancel()
        else:
            self._driver.cancel(request)

    def _unqueue(self, request: AsyncRequest) -> None:
        if request.running is None:
            self.queue.remove(request.source, request)
            del self._live[request]

    def _expire(self, request: AsyncRequest) -> None:
        if request.began:
            self._cancel(request)
            self._loop.call_later(LAST_WORD, self._overdue, request)
            return
        self._unqueue(request)
        waited = monotonic() - request.queued_at
        text = f"{request.name}: waited {waited:.3g} s in the queue, with {self.in_flight} calls in flight"
        self.answer(request, Reply(error=_late(request, "queue", text)))

    def _overdue(self, request: AsyncRequest) -> None:
        text = f"{request.name}: no answer before the call's deadline, and it does not stop"
        self.answer(request, Reply(error=_late(request, "response", text)))


def deliver(receiver: Callable[[Reply], None], reply: Reply) -> None:
    """Call a receiver; one that raises against its contract must not harm the other calls."""
    try:
        receiver(reply)
    except BaseException:
        _log.exception("the receiver of a reply raised")


def not_sent(request: AsyncRequest) -> Outcome | None:
    """The outcome of a request that has not been started: only mutations have one."""
    return "not_sent" if request.mutation else None


def _translate(request: AsyncRequest, error: BaseException) -> CallError:
    outcome: Outcome | None = "unknown" if request.mutation else None
    if isinstance(error, CallError):
        return error
    if isinstance(error, asyncio.CancelledError):
        if monotonic() >= request.deadline:
            return _late(request, "response", f"{request.name}: no answer before the call's deadline")
        return CancelledCall(f"{request.name} was cancelled", outcome=outcome)
    kind = type(error).__name__
    failure = FunctionError(f"{request.name} failed: {kind}: {text_of(error)}", type=kind, outcome=outcome)
    failure.__cause__ = error
    return failure


def _late(request: AsyncRequest, phase: str, message: str) -> CallTimeout:
    outcome: Outcome | None = None
    if request.mutation:
        outcome = "not_sent" if phase == "queue" else "unknown"
    return CallTimeout(message, phase=phase, outcome=outcome, retryable=True)


def _unknown(name: str, functions: Mapping[str, AsyncFunction]) -> InvalidCall:
    near = nearest_name(name, functions)
    hint = f"Did you mean {near!r}?" if near else None
    return InvalidCall(f"no function is registered as {name!r}", hint=hint)
