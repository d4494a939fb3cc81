"""The threads that run scripts: as few as possible, one more when one is held up.

A session with something to do (a start, a reply) stands in one queue; a runner thread takes it, lets it run until
all its tasks wait, and takes the next. So one thread serves thousands of scripts. When a script keeps its thread
(a long computation, a wait where Lua cannot yield), another thread takes over the queue.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Protocol

HELD = 0.02  # seconds in one session after which a runner counts as held up
BATCH = 16  # sessions served after which it is the loop's turn, though more are waiting
IDLE = 10.0  # seconds without work after which a runner's thread ends


class Runnable(Protocol):
    """What runners run. ``scheduled`` and ``blocked`` belong to :class:`Runners` and its lock."""

    inbox: list[Any]
    scheduled: bool
    blocked: threading.Lock | None

    def serve(self) -> None:
        """Work off the inbox. Called by one thread at a time; must not raise."""


class Loop(Protocol):
    """The worker, as runners see it: they take turns with it, batch by batch (``AsyncWorker``)."""

    def batch(self, on: bool) -> None: ...
    def flush(self) -> None: ...
    def pass_turn(self) -> None: ...
    def give_turn(self) -> None: ...
    def soon(self, callback: Callable[[], None]) -> None: ...
    def on_loop_thread(self) -> bool: ...


class _Runner:
    __slots__ = ("session", "signal", "since", "thread")

    def __init__(self) -> None:
        self.signal = threading.Lock()
        self.signal.acquire()
        self.session: Runnable | None = None
        self.since = 0.0
        self.thread: threading.Thread | None = None


class Runners:
    """Runs sessions on up to ``most`` threads, normally on one."""

    def __init__(self, loop: Loop | None = None, *, most: int = 64, name: str = "host-runner") -> None:
        self._loop = loop
        self._rousing = False  # the loop will rouse a runner when its batch is done
        self._lock = threading.Lock()
        self._ready: deque[Runnable] = deque()
        self._idle: list[_Runner] = []
        self._busy: set[_Runner] = set()
        self._blocked = 0
        self._most = most
        self._name = name
        self._closed = False
        self._watching = False

    def post(self, session: Runnable, item: Any) -> None:
        """Put ``item`` in the session's inbox and see that a thread serves it. From any thread; never blocks long."""
        session.inbox.append(item)
        with self._lock:
            if session.scheduled:
                wake = session.blocked
                session.blocked = None
            else:
                session.scheduled = True
                self._ready.append(session)
                if self._idle and self._loop is not None and self._loop.on_loop_thread():
                    if not self._rousing:
                        self._rousing = True
                        self._loop.soon(self._rouse_now)
                    return
                wake = self._rouse()
        if wake is not None:
            wake.release()

    def _rouse_now(self) -> None:
        with self._lock:
            self._rousing = False
            wake = self._rouse() if self._ready else None
        if wake is not None:
            wake.release()
            assert self._loop is not None
            self._loop.give_turn()

    def flush(self) -> None:
        """Have the loop begin what sessions have submitted so far; done by itself when there is nothing else to do."""
        if self._loop is not None:
            self._loop.flush()

    def wait(self, session: Runnable, signal: threading.Lock) -> None:
        """Block the calling runner until the session's inbox has something. Others take over its queue."""
        self.flush()
        with self._lock:
            if session.inbox:
                return
            session.blocked = signal
            self._blocked += 1
            wake = self._rouse() if self._ready else None
        if wake is not None:
            wake.release()
        signal.acquire()
        with self._lock:
            self._blocked -= 1

    @contextmanager
    def held(self) -> Iterator[None]:
        """While the calling runner waits for something else than its session's inbox, others take over its queue."""
        self.flush()
        with self._lock:
            self._blocked += 1
            wake = self._rouse() if self._ready else None
        if wake is not None:
            wake.release()
        try:
            yield
        finally:
            with self._lock:
                self._blocked -= 1

    def close(self, grace: float) -> bool:
        """End the threads once the queue is empty; gives whether all ended within ``grace`` seconds."""
        with self._lock:
            self._closed = True
            runners = [*self._idle, *self._busy]
            for runner in self._idle:
                runner.signal.release()
            self._idle.clear()
        deadline = monotonic() + grace
        ended = True
        for runner in runners:
            if runner.thread is not None and runner.thread is not threading.current_thread():
                runner.thread.join(max(0.0, deadline - monotonic()))
                ended = ended and not runner.thread.is_alive()
        return ended

    @property
    def threads(self) -> int:
        """How many runner threads there are."""
        return len(self._idle) + len(self._busy)

    # -- under the lock

    def _rouse(self) -> threading.Lock | None:
        """See that somebody takes the head of the queue; gives a lock to release once ours is free."""
        if len(self._busy) <= self._blocked:
            return self._one_more()
        if not self._watching:
            self._watching = True
            threading.Thread(target=self._watch, name=f"{self._name}-watch", daemon=True).start()
        return None

    def _one_more(self) -> threading.Lock | None:
        """One more runner at work: an idle one, whose lock is to be released, or a new one."""
        if self._idle:
            runner = self._idle.pop()
            self._busy.add(runner)
            return runner.signal
        self._start()
        return None

    def _start(self) -> None:
        if len(self._busy) >= self._most + self._blocked:
            return
        runner = _Runner()
        # Daemons: a script that never yields must not keep the process from ending.
        runner.thread = threading.Thread(target=self._run, args=(runner,), name=self._name, daemon=True)
        self._busy.add(runner)
        runner.thread.start()

    def _is_spare(self, runner: _Runner) -> bool:
        """Whether another runner sees to the queue: two at once only take the interpreter from each other."""
        if len(self._busy) - self._blocked < 2 or self._closed:
            return False
        soon = monotonic() - HELD
        return any(each is not runner and each.session is not None and each.since > soon for each in self._busy)

    # -- threads

    def _run(self, runner: _Runner) -> None:
        if self._loop is None:
            return self._serve(runner)
        self._loop.batch(True)
        try:
            self._serve(runner)
        finally:
            self._loop.batch(False)

    def _serve(self, runner: _Runner) -> None:
        session: Runnable | None = None
        served = 0
        while True:
            with self._lock:
                if session is not None:
                    runner.session = None
                    if session.inbox:
                        self._ready.append(session)
                    else:
                        session.scheduled = False
                if self._ready and not self._is_spare(runner):
                    session = runner.session = self._ready.popleft()
                    runner.since = monotonic()
                else:
                    session = None
                    self._busy.discard(runner)
                    if self._closed:
                        return
                    self._idle.append(runner)
            if session is not None:
                session.serve()
                served += 1
                if served >= BATCH:
                    served = 0
                    if self._loop is not None:
                        self._loop.pass_turn()
                continue
            served = 0
            self.flush()
            if not runner.signal.acquire(timeout=IDLE):
                with self._lock:
                    if runner in self._idle:
                        self._idle.remove(runner)
                        return
                runner.signal.acquire()  # roused in the last moment: the release is on its way

    def _watch(self) -> None:
        """While sessions stand in the queue: start one more thread when every runner is held up."""
        pause = threading.Event()
        quiet = 0
        while True:
            pause.wait(HELD)
            with self._lock:
                quiet = 0 if self._ready else quiet + 1
                if quiet > 50 or self._closed:
                    self._watching = False
                    return
                now = monotonic()
                wake = None
                if self._ready and all(now - runner.since > HELD for runner in self._busy):
                    wake = self._one_more()
            if wake is not None:
                wake.release()
