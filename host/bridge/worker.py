"""AsyncWorker: an asyncio loop on a thread that answers the calls of all runs, concurrently.

The contract:

- ``submit`` never blocks and may be called from any thread. Each request gets exactly one
  :class:`~host.bridge.request.Reply`, whatever happens: an answer, an error, the deadline, a cancellation,
  ``stop``, the death of the loop's thread, a submit after close, a fork.
- The loop is woken once per batch, and only when it sleeps. It never polls.
- At most ``max_in_flight`` functions run at once. The others wait in the queue, of which ``capacity`` is
  the bound: what is beyond it is parked. Queued or parked, sources are served in turn, one request each, so
  a run with 10,000 calls delays another by one; a deadline that passes is answered at once (``queue``).
- Cancelling answers at once. A read is aborted. A mutation that has started runs to its end; its
  outcome goes to ``on_orphan``.

The loop may be turned by other threads, which do their own work between two of its rounds (``attach``;
``host/run/scheduler.py`` says which thread has it). That is done only as long as everything on the loop may continue
on any thread; the first call of a function that is not ``movable`` pins the loop to its thread for good.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from time import monotonic
from typing import Any, TypeVar, TypeVarTuple, Unpack

import msgspec

from host.bridge.affinity import LoopThread, ThreadAffinity
from host.bridge.blocking import refuse_own_thread, warn_of_another_loop
from host.bridge.in_flight import AsyncFunction, InFlight, deliver, not_sent
from host.bridge.loops import LoopFactory, close_loop, new_loop
from host.bridge.request import AsyncRequest, Reply
from host.bridge.stats import WorkerStats
from host.bridge.submissions import GiveUp, Submissions, Submitted
from host.bridge.timers import Timer, Timers
from host.bridge.turns import Turns
from host.errors import ClosedError, UsageError

__all__ = ["AsyncFunction", "AsyncWorker", "Timer"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _Options(msgspec.Struct, frozen=True):
    """The options of a worker; see :class:`AsyncWorker`."""

    capacity: int
    max_in_flight: int
    grace: float
    loop_factory: LoopFactory
    on_orphan: Callable[[AsyncRequest, Reply], None] | None
    name: str


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
        self._options = _Options(capacity, max_in_flight, grace, loop_factory or new_loop, on_orphan, name)
        self._pid = os.getpid()
        self._lock = threading.Lock()  # start and stop only
        self._affinity = ThreadAffinity()
        self._thread: threading.Thread | None = None  # the loop's, unless a scheduler turns it
        self.finished = False  # the loop has finished: whoever turns it then calls :meth:`end`
        self._over = threading.Event()  # it has
        self._loop: asyncio.AbstractEventLoop | None = None
        self._calls: InFlight | None = None  # the loop's own
        self._timers: Timers | None = None  # the loop's own
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._submissions = Submissions(self.start, self._drain, self._answer_late)
        self._closed = False  # takes no new requests

    def attach(self, threads: LoopThread) -> None:
        """Have ``threads`` turn the loop instead of a thread of this worker's. To be called before the start."""
        self._affinity.turned_by = threads
        self._submissions.ensure_turning = threads.ensure_turning

    @property
    def turns(self) -> Turns:
        """The turns taken with threads that submit in batches."""
        return self._submissions.turns

    def submit(self, request: AsyncRequest) -> None:
        """Take a request; its one reply goes to ``request.deliver``. Never blocks, never raises."""
        if self._closed or os.getpid() != self._pid:
            self._refuse(request)
            return
        affinity = self._affinity
        if not affinity.pinned and (request.function or request.name) not in affinity.movable:
            affinity.pin()
        self._submissions.post(request)

    def movable(self, name: str) -> None:
        """Say that calls of the function ``name`` do not depend on the thread they run on."""
        self._affinity.movable.add(name)

    def direct(self, name: str, holds: Callable[[], bool]) -> None:
        """Say that calls of the function ``name`` need no task while ``holds()``; see ``coroutine_driver.py``."""
        self._affinity.direct[name] = holds

    def pin(self) -> None:
        """Keep the loop on the thread it is on when it next turns: something on it may depend on that."""
        self._affinity.pin()

    def give_turn(self) -> None:
        """On the loop's thread: wait for a batching thread's flush, then begin what it has submitted."""
        self.turns.give()
        self._drain()

    def soon(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called after what the loop is doing now. On the loop's own thread only."""
        assert self._loop is not None
        self._loop.call_soon(callback)

    def cancel(self, request: AsyncRequest) -> None:
        """Give up a submitted request. Nothing happens if it has been answered."""
        self._post(GiveUp(request))

    def call_later(self, seconds: float, receiver: Callable[[Reply], None]) -> Timer:
        """Call ``receiver(Reply())`` on the loop's thread after ``seconds``, once, unless cancelled.

        If the worker stops before that, the reply's error is a ``ClosedError``.
        """
        timer = Timer(monotonic() + seconds, receiver, self._post)
        if self._closed or os.getpid() != self._pid:
            timer.ring(Reply(error=self._refusal()))
        else:
            self._submissions.post(timer)
        return timer

    def extend_deadline(self, seconds: float) -> None:
        """Called inside a function, on the loop: postpone its call's deadline by ``seconds``.

        For waits that count against the run and not against the call, such as for a rate limit's token.
        """
        if self._calls is not None and self.on_loop_thread():
            self._calls.extend_deadline(seconds)

    @property
    def current(self) -> AsyncRequest | None:
        """Inside a function, on the loop: the call it answers."""
        return self._calls.current if self._calls is not None and self.on_loop_thread() else None

    def on_loop_thread(self) -> bool:
        """Whether the caller runs on the loop, where waiting for it would deadlock."""
        return self._loop is not None and asyncio._get_running_loop() is self._loop

    def interrupt(self) -> None:
        """Have the thread that turns the loop turn to its other work soon. From any thread."""
        loop = self._loop
        assert loop is not None
        if threading.get_ident() == self._affinity.thread:
            loop.stop()
        else:
            with contextlib.suppress(RuntimeError):  # closed
                loop.call_soon_threadsafe(loop.stop)

    @property
    def is_busy(self) -> bool:
        """Whether calls are in flight or waiting, or timers are set. From any thread."""
        calls, timers = self._calls, self._timers
        return bool(self._submissions.items or (calls and calls.in_flight) or (timers and timers.pending))

    def step_aside(self) -> None:
        """The calling thread is about to wait for this loop or another: if it turns this one, another thread takes
        over.
        """
        self._affinity.step_aside()

    def check_may_block(self, what: str, instead: str = "") -> None:
        """Raise ``UsageError`` if the caller is on the loop's thread: it would wait for itself.

        In another running loop, which then stands still, a ``RuntimeWarning`` says what to do ``instead``.
        """
        self.step_aside()
        if self.on_loop_thread():
            raise refuse_own_thread(what, instead)
        if instead:
            warn_of_another_loop(what, instead)

    def run(self, function: Callable[[], Coroutine[Any, Any, T]], timeout: float | None = None) -> T:
        """Run ``await function()`` on the loop and wait for it: for setup and cleanup, not for calls.

        Raises what it raises, ``TimeoutError``, ``UsageError`` on the loop's thread, ``ClosedError``.
        """
        self.check_may_block("run")
        self.pin()
        loop = self.start()
        future = asyncio.run_coroutine_threadsafe(function(), loop)
        if self._submissions.ensure_turning is not None:
            self._submissions.ensure_turning()
        try:
            return future.result(timeout)
        except TimeoutError:
            future.cancel()
            raise

    def share_room(self, share: Callable[[InFlight], None]) -> None:
        """Have ``share(calls)`` called on the loop: it may change ``calls.room`` from then on."""
        self.start()
        assert self._calls is not None
        self.call_soon(share, self._calls)

    def call_soon(self, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
        """Have ``callback(*args)`` called on the loop. From any thread."""
        self.start().call_soon_threadsafe(callback, *args)
        if self._submissions.ensure_turning is not None:
            self._submissions.ensure_turning()

    def after(self, seconds: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
        """Have ``callback(*args)`` called after ``seconds``, if the loop still turns then. On its own thread only.

        For cleanup: unlike :meth:`call_later` it does not make the worker busy, nor is ``callback`` called when it
        ends.
        """
        assert self._loop is not None
        self._loop.call_later(seconds, callback, *args)

    def add_closer(self, closer: Callable[[], Awaitable[None]]) -> None:
        """Have ``stop`` await ``closer()``, after the last call and before the loop ends."""
        self._closers.append(closer)

    def start(self) -> asyncio.AbstractEventLoop:
        """Start the thread if it has not been started, and return its loop. ``ClosedError`` after ``stop``."""
        if os.getpid() != self._pid:
            raise self._refusal()
        with self._lock:
            if self._closed:
                raise self._refusal()
            if self._loop is None:
                options = self._options
                loop = self._loop = self._submissions.loop = options.loop_factory()
                self._calls = InFlight(
                    loop, self._functions, options.max_in_flight, options.on_orphan, self._affinity.direct
                )
                self._timers = Timers(loop)
                # A daemon, so that a forgotten worker cannot keep the process alive; the exit hook
                # stops it while the interpreter is still whole, so it is not killed in mid-call.
                if self._affinity.turned_by is not None:
                    self._affinity.turned_by.launch()
                else:
                    self._thread = threading.Thread(target=self._turn_alone, name=options.name, daemon=True)
                    self._thread.start()
                atexit.register(self._at_exit)
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
            loop = self._loop
            if first and loop is not None:
                seconds = self._options.grace if grace is None else grace
                with contextlib.suppress(RuntimeError):  # the loop died by itself
                    loop.call_soon_threadsafe(self._begin_stop, seconds)
        if loop is None:
            self._submissions.dead = True
            self._answer_late()
            return
        if self._submissions.ensure_turning is not None:
            self._submissions.ensure_turning()
        self._over.wait()
        if self._thread is not None:
            self._thread.join()
        atexit.unregister(self._at_exit)

    def stats(self) -> WorkerStats:
        """The worker's health. From any thread."""
        calls, waiting, oldest = self._calls, len(self._submissions.items), None
        if calls is not None:
            waiting += len(calls.queue)
            oldest = min((call.queued_at for call in calls.queue.heads()), default=None)
        return WorkerStats(
            queue_depth=min(waiting, self._options.capacity),
            waiting=max(0, waiting - self._options.capacity),
            in_flight=calls.in_flight if calls else 0,
            answered=calls.answered if calls else 0,
            failed=self._submissions.refused + (calls.failed if calls else 0),
            oldest_wait=0.0 if oldest is None else monotonic() - oldest,
            loop_lag=self._submissions.lag,
        )

    def _post(self, item: Timer | GiveUp) -> None:
        # Nothing to cancel on a loop that never ran, or that belongs to another process.
        if self._loop is not None and os.getpid() == self._pid:
            self._submissions.post(item)

    def _refusal(self, request: AsyncRequest | None = None) -> ClosedError:
        outcome = None if request is None else not_sent(request)
        if os.getpid() != self._pid:
            return ClosedError(
                "this host was opened before the process forked, and its worker lives in the parent",
                hint="Open a new Host after the fork.",
                outcome=outcome,
            )
        return ClosedError("the host is closed and takes no more calls", outcome=outcome)

    def _refuse(self, request: AsyncRequest) -> None:
        self._submissions.refused += 1
        deliver(request.deliver, Reply(error=self._refusal(request)))

    def _answer_late(self) -> None:
        """Answer what was submitted too late for the loop. Each item is popped by one thread only."""
        while True:
            try:
                item = self._submissions.items.popleft()
            except IndexError:
                return
            if isinstance(item, Timer):
                item.ring(Reply(error=self._refusal()))
            elif isinstance(item, AsyncRequest):
                self._refuse(item)

    def _at_exit(self) -> None:
        self.stop(grace=min(self._options.grace, 1.0))

    # -- on the loop's thread

    def turn(self, wait: bool) -> None:
        """One round: begin what was submitted, then let the loop turn, until it is interrupted if it may ``wait``."""
        loop = self._loop
        assert loop is not None
        asyncio._set_running_loop(loop)  # calls begin as in a round of it
        try:
            self._drain()
        finally:
            asyncio._set_running_loop(None)
        if not wait:
            loop.stop()  # one round only
        try:
            loop.run_forever()
        finally:
            self._submissions.awake = True  # its thread looks for other work, and at the submissions before it sleeps

    def take(self) -> None:
        """The calling thread turns the loop from now on."""
        self._affinity.take()
        asyncio.set_event_loop(self._loop)

    def leave(self) -> None:
        """Another thread has taken over the loop from the calling one."""
        asyncio.set_event_loop(None)

    def _turn_alone(self) -> None:
        """The loop's own thread, where no scheduler turns it. One turn is enough: nothing interrupts it."""
        self.take()
        try:
            self.turn(wait=True)
        finally:
            self.end()

    def end(self) -> None:
        """Answer what is left and close the loop, on its thread.

        This happens even when the loop raised: no caller may be left waiting for an answer that cannot come.
        """
        loop = self._loop
        assert loop is not None
        try:
            self._closed = self.finished = True
            self._refuse_waiting()
            assert self._calls is not None
            self._calls.abandon()
            self._submissions.dead = True
            self._answer_late()
            close_loop(loop)
        finally:
            self._over.set()

    def _drain(self) -> None:
        assert self._calls is not None
        submissions = self._submissions
        incoming, accept = submissions.items, self._calls.accept
        if submissions.woken_at:
            submissions.lag, submissions.woken_at = monotonic() - submissions.woken_at, 0.0
        while True:
            while incoming:
                item = incoming.popleft()
                if not isinstance(item, AsyncRequest):
                    self._obey(item)
                elif self._closed:
                    self._refuse(item)
                else:
                    accept(item)
            submissions.awake = False
            if not incoming:
                break
            submissions.awake = True
        if submissions.turns.passed:
            assert self._loop is not None
            self._loop.call_soon(self._hand_back)

    def _hand_back(self) -> None:
        if self.turns.hand_back():
            self.give_turn()

    def _obey(self, item: Submitted) -> None:
        assert self._calls is not None
        assert self._timers is not None
        if isinstance(item, GiveUp):
            self._calls.give_up(item.request)
        elif isinstance(item, Timer):
            if item.done:
                self._timers.forget(item)
            else:
                self._timers.set(item)

    def _begin_stop(self, grace: float) -> None:
        assert self._loop is not None
        self._stopping = self._loop.create_task(self._finish(grace))  # kept: the loop holds it weakly

    async def _finish(self, grace: float) -> None:
        assert self._loop is not None
        assert self._calls is not None
        try:
            self._drain()
            self._refuse_waiting()
            await self._calls.drain(grace)
            if tasks := self._calls.abandon():
                await asyncio.wait(tasks, timeout=1.0)
            for closer in reversed(self._closers):
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(closer(), 2.0)
        finally:
            self.finished = True
            self._loop.stop()

    def _refuse_waiting(self) -> None:
        assert self._calls is not None
        assert self._timers is not None
        self._calls.refuse_waiting(self._refusal)
        self._timers.close(self._refusal)
