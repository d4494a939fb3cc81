"""Which loop the worker runs, and how a task starts on it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from host.bridge.threads import DaemonExecutor

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


if sys.platform == "win32":
    from asyncio import ProactorEventLoop as AsyncioLoop
else:
    from asyncio import SelectorEventLoop as AsyncioLoop


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's loop where it is installed, else asyncio's. Also after the main thread's end."""
    loop: asyncio.AbstractEventLoop
    try:
        import uvloop  # optional: no wheels on Windows and PyPy
    except ImportError:
        loop = AsyncioLoop()
    else:
        loop = uvloop.new_event_loop()
    loop.set_default_executor(DaemonExecutor())
    return loop


if sys.version_info >= (3, 12):

    def eager_task(loop: asyncio.AbstractEventLoop | None, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task at once, up to its first wait: one round of the loop less for each call."""
        return asyncio.Task(coroutine, loop=loop, eager_start=True)

else:

    def eager_task(loop: asyncio.AbstractEventLoop | None, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
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
            _complete(loop, asyncio.wait(tasks, timeout=2.0))
        _complete(loop, loop.shutdown_asyncgens())
        with contextlib.suppress(RuntimeError):  # Python 3.12 starts a thread for it, at its end in vain
            _complete(loop, loop.shutdown_default_executor())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _complete(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, object]) -> None:
    """As ``run_until_complete``, but whatever else stops the loop, now or since before, only ends a round."""
    task = loop.create_task(coroutine)
    task.add_done_callback(lambda _: loop.stop())
    while not task.done():
        loop.run_forever()
    task.result()
