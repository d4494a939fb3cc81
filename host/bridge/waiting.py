"""Waiting for a value that another thread delivers once: blocking, or on a running loop.

``begin(deliver)`` starts the work and returns a function that gives it up. ``deliver`` may be called on any thread and
before ``begin`` returns; it never raises or blocks; only its first value counts. A wait that is cut short (Ctrl-C,
cancellation) gives the work up, as nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

__all__ = ["Begin", "settle", "wait", "wait_async"]

T = TypeVar("T")
Begin = Callable[[Callable[[T], None]], Callable[[], object]]


def wait(begin: Begin[T]) -> T:
    """The value delivered, blocking this thread until then. Raises what ``begin`` raises."""
    delivered: SimpleQueue[T] = SimpleQueue()
    give_up = begin(delivered.put)
    try:
        return delivered.get()
    except BaseException:
        give_up()
        raise


async def wait_async(begin: Begin[T]) -> T:
    """The same without blocking the running loop."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    give_up = begin(lambda value: settle(future, value))
    try:
        return await future
    except asyncio.CancelledError:
        give_up()
        raise


def settle(future: asyncio.Future[T], value: T) -> None:
    """Set a future of any loop from any thread; nothing happens where it is set already or its loop is closed."""
    with contextlib.suppress(RuntimeError):
        future.get_loop().call_soon_threadsafe(_set, future, value)


def _set(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)
