"""Which loop the worker runs, and how a task starts on it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVarTuple, Unpack

from host.bridge.threads import DaemonExecutor

Ts = TypeVarTuple("Ts")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


if sys.platform == "win32":
    from asyncio import ProactorEventLoop as AsyncioLoop
else:
    from asyncio import SelectorEventLoop as AsyncioLoop


class PatientLoop(AsyncioLoop):
    """asyncio's loop, whose ``close`` waits for the threads that are just waking it.

    ``call_soon_threadsafe`` releases the interpreter lock while it writes to the loop's own socket. A
    thread of a native library (pyreqwest's) that is there when the interpreter ends comes back to
    one that is gone, and aborts the process: ``PyGILState_Release: thread state must be current``, status
    134, in a third of all short runs on one core. uvloop keeps the lock, so it needs no such care.
    """

    def __init__(self) -> None:
        super().__init__()
        self._inside: set[object] = set()

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        mark = object()
        self._inside.add(mark)
        try:
            return super().call_soon_threadsafe(callback, *args, context=context)
        finally:
            self._inside.discard(mark)

    def close(self) -> None:
        while self._inside:
            time.sleep(0.0001)  # lets that thread take the lock
        super().close()


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's loop where it is installed, else asyncio's. Also after the main thread's end."""
    loop: asyncio.AbstractEventLoop
    try:
        import uvloop  # optional: no wheels on Windows and PyPy
    except ImportError:
        loop = PatientLoop()
    else:
        loop = uvloop.new_event_loop()
    loop.set_default_executor(DaemonExecutor())
    return loop


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
