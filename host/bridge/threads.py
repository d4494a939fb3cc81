"""Bounded pools of threads for plain functions, awaited from a loop.

Not those of ``concurrent.futures``, which take no work once the main thread has ended: other threads of the program
may continue then, and start runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from concurrent.futures.thread import ThreadPoolExecutor  # at once: later it can no longer be imported
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from host.bridge.waiting import wait_async
from host.errors import ClosedError

IDLE = 10.0  # seconds without work after which a thread ends
LEFT = 2.0  # seconds that work may take once its loop ends; then its thread is left to it

__all__ = ["DaemonExecutor", "Threads", "in_thread"]

P = ParamSpec("P")
T = TypeVar("T")


class _Job:
    """Work to be done on a thread; ``deliver`` gets its value, or what it raised."""

    __slots__ = ("deliver", "given_up", "work")

    def __init__(self, work: Callable[[], Any], deliver: Callable[[tuple[Any, BaseException | None]], None]) -> None:
        self.work = work
        self.deliver = deliver
        self.given_up = False

    def __call__(self) -> None:
        """Do the work and deliver its outcome, unless the caller has gone."""
        if self.given_up:
            return
        try:
            done = self.work(), None
        except BaseException as error:
            self.deliver((None, error))
        else:
            self.deliver(done)

    def give_up(self) -> None:
        """Do not start it any more."""
        self.given_up = True


class Threads:
    """At most ``most`` threads; what comes beyond that waits. They are started when needed.

    Daemons, unlike those of ``concurrent.futures``: a function that never returns keeps its thread, but
    neither ``close`` nor the interpreter's end waits for it.
    """

    def __init__(self, most: int = 32, name: str = "host-function") -> None:
        self._most = most
        self._name = name
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._count = 0
        self._idle = 0
        self._waiting = 0  # jobs that no thread has taken yet
        self._closed = False

    async def run(self, work: Callable[[], Any]) -> Any:
        """``work()`` on a thread. Cancelling stops the wait: work that has begun continues in the background."""

        def begin(deliver: Callable[[tuple[Any, BaseException | None]], None]) -> Callable[[], object]:
            job = _Job(work, deliver)
            self.begin(job)
            return job.give_up

        value, failure = await wait_async(begin)
        try:
            if isinstance(failure, StopIteration):  # which no coroutine can raise
                raise RuntimeError("the function raised StopIteration") from failure
            if failure is not None:
                raise failure
            return value
        finally:
            del failure  # it refers to this frame

    def begin(self, job: Callable[[], None]) -> None:
        """Have ``job()`` called on a thread. It must not raise. Raises ``ClosedError``."""
        with self._lock:
            if self._closed:
                raise ClosedError("the host is closed and takes no more calls")
            self._waiting += 1
            self._jobs.put(job)
            if self._waiting > self._idle and self._count < self._most:
                self._count += 1
                threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def close(self) -> None:
        """End the threads as they become free. A second call does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for _ in range(self._count):
                    self._jobs.put(None)

    @property
    def count(self) -> int:
        """How many threads there are."""
        return self._count

    def _work(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            try:
                job = self._jobs.get(timeout=IDLE)
            except Empty:
                with self._lock:
                    self._idle -= 1
                    if self._waiting == 0 and not self._closed:  # closed: what tells it to end comes after all jobs
                        self._count -= 1
                        return
                continue
            with self._lock:
                self._idle -= 1
                if job is None:
                    self._count -= 1
                    return
                self._waiting -= 1
            job()
            job = None  # nothing of a finished call is kept while waiting for the next


class DaemonExecutor(ThreadPoolExecutor):
    """A loop's executor, of the threads above."""

    def __init__(self, most: int = 32) -> None:
        super().__init__(1)  # which starts no thread before its own submit
        self._daemons = Threads(most, "host-executor")
        self._under_way: set[futures.Future[Any]] = set()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> futures.Future[T]:
        """A future for the result of ``fn(…)`` on a thread."""
        future: futures.Future[T] = futures.Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                value = fn(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(value)

        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        self._daemons.begin(job)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accept no more work; ``wait`` for work that is running, but not for ever: some never returns."""
        if cancel_futures:
            for future in list(self._under_way):
                future.cancel()
        self._daemons.close()
        if wait:
            futures.wait(list(self._under_way), LEFT)


async def in_thread(work: Callable[[], T]) -> T:
    """``work()`` on a thread of its own, as :func:`asyncio.to_thread`."""
    threads = Threads(1, "host-thread")
    try:
        found: T = await threads.run(work)
        return found
    finally:
        threads.close()
