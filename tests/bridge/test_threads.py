"""Threads for plain functions, and the loop's executor made of them."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

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


async def test_closed_threads_take_nothing_more() -> None:
    """Twice is fine."""
    threads = Threads(1)
    threads.close()
    threads.close()
    with pytest.raises(ClosedError):
        await threads.run(int)
