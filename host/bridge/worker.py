"""AsyncWorker: a thread with an asyncio loop that answers the calls of all runs, concurrently.

The contract:

- ``submit`` never blocks and may be called from any thread. Each request gets exactly one
  :class:`~host.bridge.request.Reply`, whatever happens: an answer, an error, the deadline, a cancellation,
  ``stop``, the death of the loop's thread, a submit after close, a fork.
- The loop is woken once per batch, and only when it sleeps. It never polls.
- At most ``max_in_flight`` functions run at once. The others wait in the queue, of which ``capacity`` is
  the bound: what is beyond it is parked. Queued or parked, sources are served in turn, one request each, so
  a run with 10,000 calls delays another by one; a deadline that passes is answered at once (``queue``).
- Cancelling answers at once. A read is aborted. A mutation that has started is let finish; what became of
  it goes to ``on_orphan``.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import ContextVar
from time import monotonic
from typing import Any, TypeVar

from host.bridge.deadlines import Deadlines
from host.bridge.fairness import FairQueue
from host.bridge.loops import LoopFactory, eager_task, new_loop
from host.bridge.request import AsyncRequest, Reply
from host.bridge.stats import WorkerStats
from host.errors import (
    CallError,
    CallTimeout,
    CancelledCall,
    ClosedError,
    FunctionError,
    InvalidCall,
    Outcome,
    UsageError,
)

__all__ = ["AsyncFunction", "AsyncWorker", "Timer"]

T = TypeVar("T")
_log = logging.getLogger(__name__)
AsyncFunction = Callable[[Any, float], Awaitable[Any]]
"""``await function(payload, deadline)`` → value. ``deadline`` is on :func:`time.monotonic`."""

# After its deadline a function is cancelled and has this long to say in which phase it was.
LAST_WORD = 0.1


class _Entry:
    """One request inside the worker. Touched on the loop's thread only."""

    __slots__ = (
        "answered",
        "began",
        "cancelled",
        "deadline",
        "orphan",
        "queued_at",
        "request",
        "slot",
        "task",
    )

    def __init__(self, request: AsyncRequest, now: float) -> None:
        self.request = request
        self.queued_at = now
        self.deadline = request.deadline
        self.slot = 0  # of Deadlines
        self.task: asyncio.Task[None] | None = None
        self.began = False
        self.answered = False
        self.cancelled = False
        self.orphan = False


class Timer:
    """A pending ``call_later``. ``cancel`` may be called from any thread, and more than once."""

    __slots__ = ("_worker", "at", "deliver", "done", "handle")

    def __init__(self, worker: AsyncWorker, at: float, deliver: Callable[[Reply], None]) -> None:
        self._worker = worker
        self.at = at
        self.deliver = deliver
        self.handle: asyncio.TimerHandle | None = None
        self.done = False

    def cancel(self) -> None:
        """``deliver`` is not called any more, unless it is being called right now."""
        if not self.done:
            self.done = True
            self._worker._post(_Forget(self))


class _Forget:
    """Message to the loop: forget a timer, or (``_Cancel``) give up a request."""

    __slots__ = ("what",)

    def __init__(self, what: Any) -> None:
        self.what = what


class _Cancel(_Forget):
    __slots__ = ()


_current: ContextVar[_Entry | None] = ContextVar("host_worker_entry", default=None)


class AsyncWorker:
    """The thread, its loop and its queue. Starts with the first ``submit``; see the module for the contract.

    ``functions`` is looked up by name when a request starts, so it may grow later. ``capacity`` and
    ``max_in_flight`` count requests, ``grace`` is seconds. ``loop_factory`` makes the loop; by default
    uvloop's where it is installed. ``on_orphan(request, reply)`` is called on the loop's thread.
    """

    def __init__(
        self,
        functions: Mapping[str, AsyncFunction],
        *,
        capacity: int = 1024,
        max_in_flight: int = 1000,
        grace: float = 5.0,
        loop_factory: LoopFactory | None = None,
        on_orphan: Callable[[AsyncRequest, Reply], None] | None = None,
        name: str = "host-worker",
    ) -> None:
        if capacity < 1 or max_in_flight < 1:
            raise UsageError(f"capacity and max_in_flight are at least 1, not {capacity} and {max_in_flight}")
        self._functions = functions
        self._capacity = capacity
        self._max_in_flight = max_in_flight
        self._grace = grace
        self._loop_factory = loop_factory or new_loop
        self._on_orphan = on_orphan
        self._name = name
        self._pid = os.getpid()
        self._lock = threading.Lock()  # start and stop only
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closers: list[Callable[[], Awaitable[None]]] = []
        # Shared with the submitting threads. deque.append and popleft are atomic.
        self._incoming: deque[AsyncRequest | Timer | _Forget] = deque()
        self._awake = True  # also before the start: the first drain is scheduled by it
        self._woken_at = 0.0
        self._closed = False  # no new requests
        self._dead = False  # the loop's thread reads the queue no more
        # The loop's own.
        self._queue: FairQueue[_Entry] = FairQueue()
        self._live: dict[AsyncRequest, _Entry] = {}  # not yet answered, and orphans
        self._timers: set[Timer] = set()
        self._deadlines: Deadlines[_Entry] | None = None
        self._in_flight = 0
        self._answered = 0
        self._failed = 0
        self._lag = 0.0
        self._refilling = False
        self._idle: asyncio.Event | None = None

    # -- any thread

    def submit(self, request: AsyncRequest) -> None:
        """Take a request; its one reply goes to ``request.deliver``. Never blocks, never raises."""
        if self._closed or os.getpid() != self._pid:
            request.deliver(Reply(error=self._refusal(request)))
            return
        self._post(request)

    def cancel(self, request: AsyncRequest) -> None:
        """Give up a submitted request. Nothing happens if it has been answered."""
        self._post(_Cancel(request))

    def call_later(self, seconds: float, deliver: Callable[[Reply], None]) -> Timer:
        """Call ``deliver(Reply())`` on the loop's thread after ``seconds``, once, unless cancelled.

        If the worker stops before, the reply's error is a ``ClosedError``.
        """
        timer = Timer(self, monotonic() + seconds, deliver)
        if self._closed or os.getpid() != self._pid:
            timer.done = True
            deliver(Reply(error=self._refusal(None)))
        else:
            self._post(timer)
        return timer

    def on_loop_thread(self) -> bool:
        """Whether the caller runs on the worker's own thread, where waiting for it would deadlock."""
        return self._thread is threading.current_thread()

    def run(self, function: Callable[[], Coroutine[Any, Any, T]], timeout: float | None = None) -> T:
        """Run ``await function()`` on the loop and wait for it: for setting up and tidying, not for calls.

        Raises what it raises, ``TimeoutError``, ``UsageError`` on the loop's thread, ``ClosedError``.
        """
        self.check_may_block("run")
        loop = self.start()
        future = asyncio.run_coroutine_threadsafe(function(), loop)
        try:
            return future.result(timeout)
        except TimeoutError:
            future.cancel()
            raise

    def check_may_block(self, what: str) -> None:
        """Raise ``UsageError`` if the caller is on the loop's thread: waiting here would wait for itself."""
        if self.on_loop_thread():
            raise UsageError(
                f"{what}() blocks and was called on the worker's own thread, which it would wait for",
                hint="await the async form there instead.",
            )

    def add_closer(self, closer: Callable[[], Awaitable[None]]) -> None:
        """Have ``await closer()`` done by ``stop``, after the last call and before the loop ends."""
        self._closers.append(closer)

    def start(self) -> asyncio.AbstractEventLoop:
        """Start the thread if it has not been started, and give its loop. ``ClosedError`` after ``stop``."""
        if os.getpid() != self._pid:
            raise self._refusal(None)
        with self._lock:
            if self._closed:
                raise self._refusal(None)
            if self._thread is None:
                loop = self._loop_factory()
                self._loop = loop
                # A daemon, so that a forgotten worker cannot keep the process alive; the exit hook below
                # stops it while the interpreter is still whole, so it is never killed in mid-call.
                self._thread = threading.Thread(target=self._main, args=(loop,), name=self._name, daemon=True)
                self._thread.start()
                atexit.register(self._at_exit)
        assert self._loop is not None
        return self._loop

    def stop(self, grace: float | None = None) -> None:
        """Refuse new requests, let what is in flight finish for ``grace`` seconds, answer the rest, join.

        What waits in the queue is answered at once with ``ClosedError``, and so is what is in flight when
        the grace has passed. May be called more than once; ``UsageError`` on the loop's own thread.
        """
        if os.getpid() != self._pid:
            self._closed = True
            return
        self.check_may_block("stop")
        with self._lock:
            first, self._closed = not self._closed, True
            thread, loop = self._thread, self._loop
            if thread is None:
                self._dead = True
            elif first and loop is not None and not self._dead:
                seconds = self._grace if grace is None else grace
                with contextlib.suppress(RuntimeError):  # the loop died meanwhile
                    loop.call_soon_threadsafe(self._begin_stop, seconds)
        if thread is None:
            self._answer_the_rest()
        else:
            thread.join()
            atexit.unregister(self._at_exit)

    def stats(self) -> WorkerStats:
        """A look at the worker's health, from any thread."""
        waiting = len(self._queue) + len(self._incoming)
        oldest = min((entry.queued_at for entry in self._queue.heads()), default=None)
        return WorkerStats(
            queue_depth=min(waiting, self._capacity),
            waiting=max(0, waiting - self._capacity),
            in_flight=self._in_flight,
            answered=self._answered,
            failed=self._failed,
            oldest_wait=0.0 if oldest is None else monotonic() - oldest,
            loop_lag=self._lag,
        )

    def _post(self, item: AsyncRequest | Timer | _Forget) -> None:
        # Append first, then look at the flag; the loop clears the flag first, then looks at the deque.
        # So either the loop sees the item or this thread sees that the loop must be woken.
        self._incoming.append(item)
        if not self._awake:
            self._awake = True
            self._woken_at = monotonic()
            loop = self._loop
            assert loop is not None
            try:
                loop.call_soon_threadsafe(self._drain)
            except RuntimeError:  # closed
                self._answer_the_rest()
        elif self._thread is None:
            try:
                self.start()
            except ClosedError:
                self._answer_the_rest()
        if self._dead:
            self._answer_the_rest()

    def _refusal(self, request: AsyncRequest | None) -> ClosedError:
        outcome = None if request is None else _not_sent(request)
        if os.getpid() != self._pid:
            return ClosedError(
                "this host was opened before the process forked, and its worker lives in the parent",
                hint="Open a new Host after the fork.",
                outcome=outcome,
            )
        return ClosedError("the host is closed and takes no more calls", outcome=outcome)

    def _at_exit(self) -> None:
        self.stop(grace=min(self._grace, 1.0))

    def _answer_the_rest(self) -> None:
        """Answer what came too late for a dead loop. Each item is popped by one thread only."""
        while True:
            try:
                item = self._incoming.popleft()
            except IndexError:
                return
            if isinstance(item, _Forget):
                continue
            if isinstance(item, Timer):
                if not item.done:
                    item.done = True
                    _deliver(item.deliver, Reply(error=self._refusal(None)))
            else:
                self._failed += 1
                _deliver(item.deliver, Reply(error=self._refusal(item)))

    # -- the loop's thread

    def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        self._deadlines = Deadlines(loop, self._expire)
        try:
            loop.call_soon(self._drain)
            loop.run_forever()
        finally:
            # Also when run_forever raised: nobody may wait for an answer that cannot come any more.
            self._closed = True
            try:
                self._abandon()
            finally:
                self._dead = True
                self._answer_the_rest()
                with contextlib.suppress(Exception):
                    _close_loop(loop)

    def _drain(self) -> None:
        incoming = self._incoming
        now = monotonic()
        if self._woken_at:
            self._lag = now - self._woken_at
            self._woken_at = 0.0
        while True:
            while incoming:
                item = incoming.popleft()
                if type(item) is AsyncRequest:
                    self._accept(item, now)
                else:
                    self._obey(item)  # type: ignore[arg-type]
            self._awake = False
            if not incoming:
                return
            self._awake = True

    def _obey(self, item: Timer | _Forget) -> None:
        if isinstance(item, Timer):
            if not item.done:
                assert self._loop is not None
                self._timers.add(item)
                item.handle = self._loop.call_later(max(0.0, item.at - monotonic()), self._ring, item)
        elif isinstance(item, _Cancel):
            self._give_up(item.what)
        else:
            self._timers.discard(item.what)
            if item.what.handle is not None:
                item.what.handle.cancel()

    def _ring(self, timer: Timer) -> None:
        self._timers.discard(timer)
        if not timer.done:
            timer.done = True
            _deliver(timer.deliver, Reply())

    def _accept(self, request: AsyncRequest, now: float) -> None:
        if self._closed:
            self._failed += 1
            _deliver(request.deliver, Reply(error=self._refusal(request)))
            return
        entry = _Entry(request, now)
        self._live[request] = entry
        assert self._deadlines is not None
        self._deadlines.add(entry)
        if self._in_flight < self._max_in_flight:
            self._begin(entry)
        else:
            self._queue.put(request.source, entry)

    def _begin(self, entry: _Entry) -> None:
        self._in_flight += 1
        entry.task = eager_task(self._loop, self._call(entry))

    async def _call(self, entry: _Entry) -> None:
        request = entry.request
        try:
            if entry.cancelled:
                return
            entry.began = True
            _current.set(entry)
            function = self._functions.get(request.name)
            if function is None:
                raise _unknown(request.name, self._functions)
            value = await function(request.payload, entry.deadline)
        except BaseException as error:
            # BaseException too: a SystemExit of a function must not end the loop for everyone.
            self._answer(entry, Reply(error=self._translate(entry, error)))
        else:
            self._answer(entry, Reply(value))
        finally:
            self._leave(entry)

    def _leave(self, entry: _Entry) -> None:
        self._in_flight -= 1
        self._live.pop(entry.request, None)
        entry.task = None
        # An eager task may end inside _begin and come here again: the outer round goes on, not deeper.
        if not self._refilling:
            self._refilling = True
            while len(self._queue) and self._in_flight < self._max_in_flight:
                self._begin(self._queue.take())
            self._refilling = False
        if self._idle is not None and not self._in_flight:
            self._idle.set()

    def _answer(self, entry: _Entry, reply: Reply) -> None:
        """The one place that answers. The first answer counts; an orphan's goes to ``on_orphan``."""
        assert self._deadlines is not None
        if entry.orphan:
            entry.orphan = False
            self._deadlines.remove(entry)
            if self._on_orphan is not None:
                with contextlib.suppress(Exception):
                    self._on_orphan(entry.request, reply)
            return
        if entry.answered:
            return
        entry.answered = True
        self._deadlines.remove(entry)
        if reply.error is None:
            self._answered += 1
        else:
            self._failed += 1
        _deliver(entry.request.deliver, reply)

    def _translate(self, entry: _Entry, error: BaseException) -> CallError:
        request = entry.request
        outcome: Outcome | None = "unknown" if request.mutation else None
        if isinstance(error, CallError):
            return error
        if isinstance(error, asyncio.CancelledError):
            if monotonic() >= entry.deadline:
                return _late(entry, "response", f"{request.name}: no answer before the call's deadline")
            return CancelledCall(f"{request.name} was cancelled", outcome=outcome)
        failure = FunctionError(
            f"{request.name} failed: {type(error).__name__}: {error}",
            type=type(error).__name__,
            outcome=outcome,
        )
        failure.__cause__ = error
        return failure

    def _give_up(self, request: AsyncRequest) -> None:
        entry = self._live.get(request)
        if entry is None or entry.answered:
            return
        message = f"{request.name} was cancelled"
        if entry.task is None:
            self._queue.remove(request.source, entry)
            del self._live[request]
            self._answer(entry, Reply(error=CancelledCall(message, outcome=_not_sent(request))))
        elif not entry.began:
            entry.cancelled = True
            self._answer(entry, Reply(error=CancelledCall(message, outcome=_not_sent(request))))
        elif request.mutation:
            message += " after it was started"
            self._answer(entry, Reply(error=CancelledCall(message, outcome="unknown")))
            entry.orphan = True
            assert self._deadlines is not None
            self._deadlines.add(entry)
        else:
            self._answer(entry, Reply(error=CancelledCall(message)))
            entry.task.cancel()

    def _expire(self, entry: _Entry) -> None:
        """The deadline of a queued or running entry has passed."""
        assert self._loop is not None
        request = entry.request
        if entry.task is None:
            self._queue.remove(request.source, entry)
            del self._live[request]
            waited = monotonic() - entry.queued_at
            message = f"{request.name}: waited {waited:.1f} s for a place in flight ({self._max_in_flight} in use)"
            self._answer(entry, Reply(error=_late(entry, "queue", message)))
        elif not entry.began:
            entry.cancelled = True
            message = f"{request.name}: the call's deadline had passed before it could start"
            self._answer(entry, Reply(error=_late(entry, "queue", message)))
        else:
            entry.task.cancel()
            self._loop.call_later(LAST_WORD, self._overdue, entry)

    def _overdue(self, entry: _Entry) -> None:
        text = f"{entry.request.name}: no answer before the call's deadline, and it does not stop"
        self._answer(entry, Reply(error=_late(entry, "response", text)))

    def extend_deadline(self, seconds: float) -> None:
        """Called inside a function, on the loop: put its call's deadline off by ``seconds``.

        For waits that count against the run and not against the call, such as for a rate limit's token.
        """
        entry = _current.get()
        if entry is not None and (not entry.answered or entry.orphan):
            assert self._deadlines is not None
            self._deadlines.remove(entry)
            entry.deadline += seconds
            self._deadlines.add(entry)

    # -- the end

    def _begin_stop(self, grace: float) -> None:
        assert self._loop is not None
        self._stopping = self._loop.create_task(self._finish(grace))  # kept: a loop holds tasks weakly

    async def _finish(self, grace: float) -> None:
        assert self._loop is not None
        try:
            self._drain()
            self._refuse_waiting()
            if self._in_flight:
                self._idle = asyncio.Event()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._idle.wait(), grace)
            tasks = [entry.task for entry in self._live.values() if entry.task is not None]
            self._abandon()
            if tasks:
                await asyncio.wait(tasks, timeout=1.0)
            for closer in reversed(self._closers):
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(closer(), 2.0)
        finally:
            self._loop.stop()

    def _refuse_waiting(self) -> None:
        while len(self._queue):
            entry = self._queue.take()
            del self._live[entry.request]
            self._answer(entry, Reply(error=self._refusal(entry.request)))
        for timer in list(self._timers):
            self._timers.discard(timer)
            if timer.handle is not None:
                timer.handle.cancel()
            if not timer.done:
                timer.done = True
                _deliver(timer.deliver, Reply(error=self._refusal(None)))

    def _abandon(self) -> None:
        """Answer everything that still waits for an answer, and cancel what runs."""
        self._refuse_waiting()
        for entry in list(self._live.values()):
            outcome: Outcome | None = None
            if entry.request.mutation:
                outcome = "unknown" if entry.began else "not_sent"
            message = f"the host closed while {entry.request.name} was in flight"
            self._answer(entry, Reply(error=ClosedError(message, outcome=outcome)))
            if entry.task is not None:
                entry.cancelled = True
                if entry.began:
                    entry.task.cancel()
        if self._deadlines is not None:
            self._deadlines.clear()


def _deliver(deliver: Callable[[Reply], None], reply: Reply) -> None:
    try:
        deliver(reply)
    except Exception:  # the receiver is gone or at fault; the other receivers must not suffer
        _log.exception("the receiver of a reply raised")


def _not_sent(request: AsyncRequest) -> Outcome | None:
    return "not_sent" if request.mutation else None


def _late(entry: _Entry, phase: str, message: str) -> CallTimeout:
    outcome: Outcome | None = None
    if entry.request.mutation:
        outcome = "not_sent" if phase == "queue" else "unknown"
    return CallTimeout(message, phase=phase, outcome=outcome, retryable=True)


def _unknown(name: str, functions: Mapping[str, AsyncFunction]) -> InvalidCall:
    from difflib import get_close_matches  # only needed for this message

    near = get_close_matches(name, list(functions), 1)
    return InvalidCall(
        f"no function is registered as {name!r}",
        hint=f"Did you mean {near[0]!r}?" if near else None,
    )


def _close_loop(loop: asyncio.AbstractEventLoop) -> None:
    """End a stopped loop's tasks, generators and threads, so that none is left behind."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=2.0))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    asyncio.set_event_loop(None)
    loop.close()
