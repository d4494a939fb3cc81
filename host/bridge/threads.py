"""A bounded pool of threads for plain functions, awaited from the worker's loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from host.errors import ClosedError

IDLE = 10.0  # seconds without work after which a thread ends

__all__ = ["Threads"]


class _Job:
    __slots__ = ("future", "given_up", "loop", "work")

    def __init__(
        self, work: Callable[[], Any], loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]
    ) -> None:
        self.work = work
        self.loop = loop
        self.future = future
        self.given_up = False


class Threads:
    """At most ``most`` threads; what comes beyond that waits. They are started when needed.

    Daemons, unlike those of ``concurrent.futures``: a function that never returns keeps its thread, but
    neither ``close`` nor the interpreter's end waits for it.
    """

    def __init__(self, most: int = 32, name: str = "host-function") -> None:
        self._most = most
        self._name = name
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._count = 0
        self._idle = 0
        self._waiting = 0  # jobs nobody has taken yet
        self._closed = False

    async def run(self, work: Callable[[], Any]) -> Any:
        """``work()`` on a thread. Cancelling stops the wait: work that has begun goes on unseen."""
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        with self._lock:
            if self._closed:
                raise ClosedError("the host is closed and takes no more calls")
            self._waiting += 1
            self._jobs.put(job)
            if self._waiting > self._idle and self._count < self._most:
                self._count += 1
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
        try:
            return await job.future
        except asyncio.CancelledError:
            job.given_up = True
            raise

    def close(self) -> None:
        """End the threads as they become free. Twice is fine."""
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
                    if self._waiting == 0 or self._closed:
                        self._count -= 1
                        return
                continue
            with self._lock:
                self._idle -= 1
                if job is None:
                    self._count -= 1
                    return
                self._waiting -= 1
            if not job.given_up:
                _do(job)
            job = None  # nothing of a finished call is kept while waiting for the next


def _do(job: _Job) -> None:
    value: Any = None
    failure: BaseException | None = None
    try:
        value = job.work()
    except BaseException as error:
        failure = error
    future = job.future

    def settle() -> None:
        if future.done():
            return
        if failure is None:
            future.set_result(value)
        elif isinstance(failure, StopIteration):  # which a future cannot hold
            future.set_exception(RuntimeError("the function raised StopIteration"))
        else:
            future.set_exception(failure)

    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
        job.loop.call_soon_threadsafe(settle)
