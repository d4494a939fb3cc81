"""Which thread turns the loop and which serves the scripts: the pattern is Leader/Followers.

A session with something to do (a start, a reply) waits in one queue; a thread takes it, lets it run until all its
tasks wait, and takes the next. So one thread serves thousands of scripts.

One thread, the leader, turns the loop of the worker, serves the sessions that this made ready, and turns the loop
again: a call costs no switch of threads at all. When a session holds up the leader (a long computation, a wait where
Lua cannot yield), a follower takes over the loop and the queue, and the former leader finishes its session and becomes
a follower. This holds as long as what runs on the loop may continue on any thread. Once the loop is pinned to its
thread (``AsyncWorker.pin``), the leader does nothing but turn it, and followers serve the sessions, taking turns with
it (``host/bridge/turns.py``).

    a thread is …   it does                                   until                                          then it is
    leader          turns the loop (``_turning``)             a round is over, or it is interrupted          serving
    serving         the sessions that are ready, in a round   none is, ``ROUND`` were, or LONG has passed    leader
                                                              its session holds it: HELD (the watch), LONG   busy
                                                              and others wait (``tick``), or it blocks
    busy            its one session; pinned: also the queue   the session ends or waits for a reply          idle
    idle            waits for its signal                      it is to take over the loop                    leader
                                                              a session is ready and none sees to it         busy
                                                              IDLE has passed                                gone

Schmidt, O'Ryan, Kircher, Pyarali: "Leader/Followers", in Pattern-Oriented Software Architecture 2.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Protocol

from host.bridge.turns import Turns
from host.errors import ClosedError

HELD = 0.02  # seconds in one session after which a thread counts as held up
LONG = 0.005  # after which it is the loop's turn, though more sessions are waiting, or one still computes
BATCH = 16  # sessions served after which it is the turn of the loop where that has a thread of its own
ROUND = 64  # the same where it has none
IDLE = 10.0  # seconds without work after which a thread ends

_log = logging.getLogger(__name__)


class Runnable(Protocol):
    """What runners run. ``scheduled`` and ``blocked`` belong to :class:`Scheduler` and its lock."""

    inbox: list[Any]
    scheduled: bool
    blocked: threading.Lock | None

    def serve(self) -> None:
        """Work off the inbox. Called by one thread at a time; must not raise."""


class Loop(Protocol):
    """The worker, as runners see it (``AsyncWorker``)."""

    @property
    def is_busy(self) -> bool: ...
    def attach(self, threads: Any) -> None: ...
    def start(self) -> Any: ...
    @property
    def finished(self) -> bool: ...
    @property
    def turns(self) -> Turns: ...
    def take(self) -> None: ...
    def leave(self) -> None: ...
    def turn(self, wait: bool) -> None: ...
    def end(self) -> None: ...
    def interrupt(self) -> None: ...
    def give_turn(self) -> None: ...
    def soon(self, callback: Callable[[], None]) -> None: ...
    def on_loop_thread(self) -> bool: ...


class _Runner:
    """A thread. ``session`` is what it serves, since ``since``; ``leads``: it has the loop, or is to take it over."""

    __slots__ = ("leads", "session", "signal", "since", "thread")

    def __init__(self) -> None:
        self.signal = threading.Lock()
        self.signal.acquire()
        self.session: Runnable | None = None
        self.since = 0.0
        self.leads = False
        self.thread: threading.Thread | None = None


class Scheduler:
    """Runs sessions on up to ``most`` threads, normally on one, and turns the loop of a worker, if there is one."""

    def __init__(self, loop: Loop | None = None, *, most: int = 64, name: str = "host-runner") -> None:
        self._loop = loop
        self._rousing = False  # the loop will rouse a runner when its batch is done
        self._lock = threading.Lock()
        self._ready: deque[Runnable] = deque()
        self._after: list[Callable[[], None]] = []  # callbacks for when this round's sessions have been served
        self._idle: list[_Runner] = []
        self._busy: set[_Runner] = set()  # but for the leader
        self._blocked = 0
        self._most = most
        self._name = name
        self._closed = False
        self._watching = False
        self._leader: _Runner | None = None
        self._turning = False  # the leader is in the loop, or about to enter it, and has not been interrupted yet
        self._pinned = loop is None
        if loop is not None:
            loop.attach(self)

    def post(self, session: Runnable, item: Any) -> None:
        """Put ``item`` in the session's inbox and make sure that a thread serves it. From any thread; never blocks
        long.
        """
        session.inbox.append(item)
        if self._leader is None and not self._pinned:
            self._start()
        wake: threading.Lock | None = None
        interrupt = False
        lock = self._lock
        lock.acquire()  # "with" costs twice as much, and this is done for each answer
        try:
            if session.scheduled:
                wake = session.blocked
                session.blocked = None
            else:
                session.scheduled = True
                self._ready.append(session)
                if not self._pinned:
                    interrupt = self._call_leader()
                elif self._idle and self._loop is not None and self._loop.on_loop_thread():
                    if not self._rousing:
                        self._rousing = True
                        self._loop.soon(self._rouse_now)
                    return
                else:
                    wake = self._rouse()
        finally:
            lock.release()
        if wake is not None:
            wake.release()
        if interrupt:
            assert self._loop is not None
            self._loop.interrupt()

    def afterwards(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once the sessions that are ready now have been served, or one computes for long; at once
        if called on any other thread.

        For waking a thread: two threads of Python at once only take the interpreter from each other.
        """
        with self._lock:
            leads = self._serving() is not None
            if leads:
                self._after.append(callback)
        if not leads:
            callback()

    def flush(self) -> None:
        """Have the loop begin what sessions have submitted so far; done by itself when there is nothing else to do."""
        if self._loop is not None:
            self._loop.turns.flush()

    def tick(self) -> None:
        """The calling thread's session is computing, perhaps for long: make sure that others are not kept waiting."""
        leader = self._leader
        if leader is None or leader.thread is not threading.current_thread():
            self.flush()
        elif monotonic() - leader.since > LONG:
            if self._after:
                self._call_after()
            if self._ready or (self._loop is not None and self._loop.is_busy):
                self.step_aside()

    def make_way(self) -> None:
        """The calling thread's session is about to block: others take over."""
        self.step_aside()
        self.flush()

    def wait(self, session: Runnable, signal: threading.Lock) -> None:
        """Block the calling thread until the session's inbox has something. Others take over."""
        self.make_way()
        with self._lock:
            if session.inbox:
                return
            session.blocked = signal
            wake, interrupt = self._make_room()
        self._call(wake, interrupt)
        signal.acquire()
        with self._lock:
            self._blocked -= 1

    @contextmanager
    def held(self) -> Iterator[None]:
        """While the calling thread waits for something other than its session's inbox, others take over."""
        self.make_way()
        with self._lock:
            wake, interrupt = self._make_room()
        self._call(wake, interrupt)
        try:
            yield
        finally:
            with self._lock:
                self._blocked -= 1

    def close(self, grace: float) -> bool:
        """End the threads once the queue is empty; returns whether all ended within ``grace`` seconds."""
        with self._lock:
            self._closed = True
            runners = [*self._idle, *self._busy]
            if self._leader is not None:
                runners.append(self._leader)
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
        """How many threads there are to run scripts."""
        return len(self._idle) + len(self._busy) + (self._leader is not None and not self._pinned)

    # -- as the worker sees it (host.bridge.worker.LoopThread)

    def launch(self) -> None:
        """Start the loop's thread."""
        with self._lock:
            wake = self._hand_over()
        if wake is not None:
            wake.release()

    def _round(self) -> bool:
        """Serve some of what is ready; whether this thread still has the loop."""
        runner, loop = self._leader, self._loop
        assert runner is not None
        assert loop is not None
        session: Runnable | None = None
        wake: threading.Lock | None = None
        served, begun = 0, 0.0
        lock, ready = self._lock, self._ready
        while True:
            lock.acquire()  # as in ``post``
            try:
                if session is not None:
                    runner.session = None
                    self._put_back(session)
                    if self._leader is not runner:
                        if ready and not self._pinned and self._call_leader():
                            loop.interrupt()  # what came for the session meanwhile is the other thread's
                        return False
                if not ready or self._pinned or len(self._busy) >= self._most + self._blocked:
                    wake = self._rouse() if ready and self._pinned else None
                    self._turning = True
                    break
                if served == ROUND or (served and runner.since - begun > LONG):
                    self._turning = False
                    break
                session = runner.session = ready.popleft()
                runner.since = now = monotonic()
                if not self._watching and (ready or loop.is_busy):
                    self._watch_over()
            finally:
                lock.release()
            if not served:
                begun = now
            served += 1
            session.serve()
        if wake is not None:
            wake.release()
        return True

    def pin(self) -> None:
        """The loop stays on its thread: sessions are served on others from now on."""
        with self._lock:
            self._pinned = True
            wake = self._rouse() if self._ready else None
        if wake is not None:
            wake.release()

    def ensure_turning(self) -> None:
        """There is something for the loop to do: make sure that no session keeps it waiting long."""
        leader = self._leader
        if self._turning or self._watching or leader is None or leader.thread is threading.current_thread():
            return  # the loop is turning, or will turn soon without help
        with self._lock:
            if not self._watching:
                self._watch_over()

    def step_aside(self) -> None:
        """If the calling thread has the loop, another one takes it over: this one is about to block, or computes."""
        leader = self._serving()
        if leader is None:
            return
        with self._lock:
            wake = self._hand_over() if self._leader is leader else None  # the watch may have been there first
        if wake is not None:
            wake.release()

    def _start(self) -> None:
        assert self._loop is not None
        try:
            self._loop.start()
        except ClosedError:
            self.pin()  # there is no loop to turn any more

    def _rouse_now(self) -> None:
        with self._lock:
            self._rousing = False
            wake = self._rouse() if self._ready else None
        if wake is not None:
            wake.release()
            assert self._loop is not None
            self._loop.give_turn()

    def _serving(self) -> _Runner | None:
        """The leader, if that is the calling thread and it serves a session."""
        leader = self._leader
        if leader is None or leader.session is None or leader.thread is not threading.current_thread():
            return None
        return leader

    def _call(self, wake: threading.Lock | None, interrupt: bool) -> None:
        if wake is not None:
            wake.release()
        if interrupt:
            assert self._loop is not None
            self._loop.interrupt()

    def _call_after(self) -> None:
        with self._lock:
            after, self._after = self._after, []
        for callback in after:
            callback()

    # -- under the lock

    def _put_back(self, session: Runnable) -> None:
        if session.inbox:
            self._ready.append(session)
        else:
            session.scheduled = False

    def _call_leader(self) -> bool:
        """Have the leader take the head of the queue; ``True`` if it is in the loop and must be interrupted."""
        if self._turning:
            self._turning = False
            return True
        leader = self._leader
        if (
            not self._watching
            and leader is not None
            and (leader.session is not None or leader.thread is not threading.current_thread())
        ):  # a session that begins a run may go on to wait for it in its own way
            self._watch_over()
        return False

    def _make_room(self) -> tuple[threading.Lock | None, bool]:
        """The calling thread blocks, so there may be one more: what :meth:`_call` is to be told once ours is free."""
        self._blocked += 1
        if not self._ready:
            return None, False
        return (self._rouse(), False) if self._pinned else (None, self._call_leader())

    def _hand_over(self) -> threading.Lock | None:
        """Give the loop to another thread; returns a lock to release once ours is free."""
        before, known = self._leader, bool(self._idle)
        runner = self._leader = self._idle.pop() if known else _Runner()
        runner.leads = True
        if not known:
            try:
                self._begin(runner)
            except RuntimeError:  # the system has no more threads
                self._leader = before
                if before is None:
                    raise
                return None
        if before is not None:
            before.leads = False
            self._busy.add(before)
        self._turning = False
        return runner.signal if known else None

    def _is_full(self) -> bool:
        """Whether so many sessions hold threads that no more are begun; the loop has one of its own then."""
        return len(self._busy) >= self._most + self._blocked

    def _rouse(self) -> threading.Lock | None:
        """Make sure that a thread takes the head of the queue; returns a lock to release once ours is free."""
        if len(self._busy) <= self._blocked:
            return self._one_more()
        if not self._watching:
            self._watch_over()
        return None

    def _one_more(self) -> threading.Lock | None:
        """Put one more runner to work: an idle one, whose lock is to be released, or a new one."""
        if self._idle:
            runner = self._idle.pop()
            self._busy.add(runner)
            return runner.signal
        if not self._is_full():
            runner = _Runner()
            self._busy.add(runner)
            self._begin(runner)
        return None

    def _begin(self, runner: _Runner) -> None:
        # Daemons: a script that never yields must not keep the process from ending.
        runner.thread = threading.Thread(target=self._run, args=(runner,), name=self._name, daemon=True)
        runner.thread.start()

    def _is_spare(self, runner: _Runner) -> bool:
        """Whether another runner serves the queue: two at once would only compete for the interpreter."""
        if not self._pinned:
            return True  # the leader does
        if len(self._busy) - self._blocked < 2 or self._closed:
            return False
        soon = monotonic() - HELD
        return any(each is not runner and each.session is not None and each.since > soon for each in self._busy)

    def _watch_over(self) -> None:
        self._watching = True
        threading.Thread(target=self._watch, name=f"{self._name}-watch", daemon=True).start()

    # -- threads

    def _run(self, runner: _Runner) -> None:
        while True:
            if runner.leads:
                self._lead(runner)
            if self._loop is not None:
                self._loop.turns.batch(True)
            try:
                self._serve(runner)
            finally:
                if self._loop is not None:
                    self._loop.turns.batch(False)
            if not runner.leads:
                return

    def _lead(self, runner: _Runner) -> None:
        """The leader's thread: serve what is ready and turn the loop, until its end or another has taken it over."""
        assert self._loop is not None
        threading.current_thread().name = f"{self._name}-loop"
        try:
            self._turn_and_serve(self._loop)
        except BaseException:  # a SystemExit in a task, say; the calls have their answers, and the runs still end
            _log.exception("the loop has died")
        threading.current_thread().name = self._name
        with self._lock:
            if runner.leads:  # not taken over: the loop is at its end
                runner.leads = False
                self._leader = None
                self._pinned = True
                self._busy.add(runner)

    def _turn_and_serve(self, loop: Loop) -> None:
        loop.take()
        taken_over = False
        try:
            while not loop.finished:
                leads = self._round()
                if self._after:
                    self._call_after()
                if not leads:
                    taken_over = True
                    return
                try:
                    loop.turn(self._turning)
                except (SystemExit, KeyboardInterrupt):  # asyncio lets these of a task or callback through
                    _log.exception("what a function left behind on the loop would end a program; the loop goes on")
        finally:
            if taken_over:
                loop.leave()
            else:
                loop.end()

    def _serve(self, runner: _Runner) -> None:
        """Serve sessions, and wait for more, until the thread is to end or to take over the loop."""
        session: Runnable | None = None
        served = 0
        while True:
            interrupt = False
            with self._lock:
                if session is not None:
                    runner.session = None
                    self._put_back(session)
                if self._ready and not self._is_spare(runner):
                    session = runner.session = self._ready.popleft()
                    runner.since = monotonic()
                else:
                    session = None
                    if not self._rest(runner):
                        return
                    interrupt = self._see_to_the_queue()
            if interrupt:
                assert self._loop is not None
                self._loop.interrupt()
            if session is not None:
                session.serve()
                served += 1
                if served >= BATCH:
                    served = 0
                    if self._loop is not None:
                        self._loop.turns.pass_on()
                continue
            served = 0
            self.flush()
            if not self._roused(runner) or runner.leads:
                return

    def _rest(self, runner: _Runner) -> bool:
        """Mark it idle, so that it may be woken; ``False`` once all is closed. Under the lock."""
        self._busy.discard(runner)
        if not self._closed:
            self._idle.append(runner)
        return not self._closed

    def _see_to_the_queue(self) -> bool:
        """Have a thread serve what is ready; ``True`` if the loop must be interrupted for it. Under the lock."""
        if self._ready and not self._pinned:
            return self._call_leader()
        if self._ready and not self._watching:
            self._watch_over()  # who sees to the queue may be held up before it comes to it
        return False

    def _roused(self, runner: _Runner) -> bool:
        """Wait to be woken; ``False`` if that has not happened for ``IDLE`` seconds, so that the thread may end."""
        if not runner.signal.acquire(timeout=IDLE):
            with self._lock:
                if runner in self._idle:
                    self._idle.remove(runner)
                    return False
            runner.signal.acquire()  # roused in the last moment: the release is on its way
        return True

    def _watch(self) -> None:
        """While there is something to do: one more thread when all are held up, or one to take over the loop."""
        pause = threading.Event()
        quiet = 0
        while True:
            pause.wait(HELD)
            with self._lock:
                leader = self._leader
                serving = leader is not None and leader.session is not None
                quiet = 0 if self._ready or serving else quiet + 1
                if quiet > 50 or self._closed:
                    self._watching = False
                    return
                now = monotonic()
                wake = None
                if leader is not None and serving and now - leader.since > HELD:
                    wake = self._hand_over()
                elif self._pinned and self._ready and all(now - runner.since > HELD for runner in self._busy):
                    wake = self._one_more()
            if wake is not None:
                wake.release()
