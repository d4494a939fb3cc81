"""Threads for plain functions, and the loop's executor made of them."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError
from queue import Empty
from typing import Any

import pytest

from host.bridge import threads as module
from host.bridge.threads import DaemonExecutor, Threads, in_thread
from host.errors import ClosedError


async def test_in_thread_gives_what_the_work_gives() -> None:
    """Its value or its exception, from another thread, which ends then."""
    assert await in_thread(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 / 0)
    assert not [each for each in threading.enumerate() if each.name == "host-thread" and not each.daemon]


async def test_a_loop_uses_the_executor() -> None:
    """to_thread and run_in_executor go through it, also many at once."""
    executor = DaemonExecutor(most=2)
    loop = asyncio.get_running_loop()
    found = await asyncio.gather(*(loop.run_in_executor(executor, pow, n, 2) for n in range(50)))
    assert found == [n * n for n in range(50)]
    with pytest.raises(ZeroDivisionError):
        await loop.run_in_executor(executor, divmod, 1, 0)
    executor.shutdown()


def test_shutdown_waits_for_what_is_under_way_and_cancels_the_rest() -> None:
    """As that of concurrent.futures."""
    executor = DaemonExecutor(most=1)
    began, go = threading.Event(), threading.Event()

    def work() -> int:
        began.set()
        go.wait(30)
        return 1

    first, second = executor.submit(work), executor.submit(work)
    assert began.wait(30)
    stopping = threading.Thread(target=executor.shutdown, kwargs={"cancel_futures": True})
    stopping.start()
    with pytest.raises(CancelledError):
        second.result(30)
    go.set()
    stopping.join(30)
    assert first.result(0) == 1
    with pytest.raises(ClosedError):
        executor.submit(work)


def test_shutdown_does_not_wait_for_work_that_never_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread is left to it, a daemon's."""
    monkeypatch.setattr(module, "LEFT", 0.01)
    executor, never = DaemonExecutor(), threading.Event()
    future = executor.submit(never.wait, 60)
    executor.shutdown()
    assert not future.done()
    never.set()
    assert future.result(30)


def test_what_comes_as_a_thread_gives_up_waiting_is_done_though_all_is_closed() -> None:
    """A thread that has just had nothing to do for long does not end before it."""
    threads = Threads(1)
    jobs, done = threads._jobs, threading.Semaphore(0)

    class Jobs:
        put, waits = jobs.put, 0

        def get(self, timeout: float) -> Any:
            self.waits += 1
            if self.waits == 2:
                threads.begin(done.release)
                threads.close()
                raise Empty
            return jobs.get(timeout=20)

    threads._jobs = Jobs()  # type: ignore[assignment]
    threads.begin(done.release)
    assert done.acquire(timeout=20)
    assert done.acquire(timeout=20)


async def test_closed_threads_take_nothing_more() -> None:
    """Twice is fine."""
    threads = Threads(1)
    threads.close()
    threads.close()
    with pytest.raises(ClosedError):
        await threads.run(int)
