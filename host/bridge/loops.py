"""Which loop the worker runs, and how a task starts on it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's loop where it is installed, else asyncio's."""
    try:
        import uvloop  # optional: no wheels on Windows and PyPy
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


if sys.version_info >= (3, 12):

    def eager_task(
        loop: asyncio.AbstractEventLoop | None, coroutine: Coroutine[Any, Any, None]
    ) -> asyncio.Task[None]:
        """Start a task at once, up to its first wait: one round of the loop less for each call."""
        return asyncio.Task(coroutine, loop=loop, eager_start=True)

else:

    def eager_task(
        loop: asyncio.AbstractEventLoop | None, coroutine: Coroutine[Any, Any, None]
    ) -> asyncio.Task[None]:
        """Start a task on the loop's next round (before Python 3.12 it cannot be sooner)."""
        assert loop is not None
        return loop.create_task(coroutine)


def close_loop(loop: asyncio.AbstractEventLoop) -> None:
    """End a stopped loop's tasks, generators and threads, so that none is left behind, and close it."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    try:
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=2.0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
