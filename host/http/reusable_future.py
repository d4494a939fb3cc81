"""A future that is used again and again, awaited by one coroutine at a time, in a task or without."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any

from host.http.transport_errors import TransportError

__all__ = ["ReusableFuture"]


class ReusableFuture:
    """A future that can be used again, for one coroutine at a time.

    A callback that was added without a context is called at once, by the code that ends the wait: that
    spares each exchange a round of the loop.
    """

    __slots__ = ("_asyncio_future_blocking", "_callback", "_context", "_loop", "deadline", "failure", "pending", "slot")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asyncio_future_blocking = False
        self._callback: Callable[[Any], object] | None = None
        self._context: Context | None = None
        self.pending = False
        self.failure: BaseException | None = None
        self.deadline = 0.0
        self.slot = 0.0  # of Deadlines

    def __await__(self) -> Generator[Any, Any, None]:
        if self.pending:
            self._asyncio_future_blocking = True
            yield self
        self.result()

    def end(self, failure: BaseException | None = None) -> None:
        """End the wait, with a failure or without: the waiter resumes."""
        if self.pending:
            self.pending, self.failure = False, failure
            self.wake()

    def expire(self) -> None:
        """Its deadline has passed: fail the wait."""
        self.end(TransportError("connect_timeout"))

    def wake(self) -> None:
        """Resume the waiter."""
        callback, self._callback = self._callback, None
        if callback is None:
            return
        if self._context is None:
            callback(self)
        else:
            self._loop.call_soon(callback, self, context=self._context)

    # -- as a task sees it

    def result(self) -> None:
        if self.failure is not None:
            raise self.failure

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context | None = None) -> None:
        self._callback, self._context = callback, context

    def remove_done_callback(self, callback: Callable[[Any], object]) -> int:
        self._callback = None
        return 1

    def cancel(self, msg: object = None) -> bool:
        was_pending = self.pending
        self.end(asyncio.CancelledError())
        return was_pending

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop
