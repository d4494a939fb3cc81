"""Direct: runs a call's function on the loop without a task, for calls by the ten thousand.

A task costs more than what most calls do: it is registered, copies its context, and each wait that is over wakes it a
round of the loop later. Here the first step is made at once, and each next one by whoever ends the wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from host.bridge.in_flight import InFlight
    from host.bridge.request import AsyncRequest

__all__ = ["CoroutineDriver"]


class CoroutineDriver:
    """Runs the function of one call, and ends the call. On the loop's thread only; like a task, it can be cancelled.

    For functions that need no current task: no ``asyncio.timeout``, nothing of httpx. What they await are the loop's
    futures, or what is like one and calls a callback that was added without a context at once.
    """

    __slots__ = ("_calls", "_cancelled", "_coroutine", "_loop", "_request", "_running", "_waits")

    def __init__(self, loop: asyncio.AbstractEventLoop, calls: InFlight, request: AsyncRequest) -> None:
        self._loop = loop
        self._coroutine: Any = None
        self._calls = calls
        self._request = request
        self._waits: Any = None  # what it waits for
        self._running = False
        self._cancelled = False  # while it ran

    def begin(self, function: Callable[[Any, float], Awaitable[Any]]) -> None:
        """Call it, and make its first step."""
        request = self._request
        try:
            made = function(request.payload, request.deadline)
            self._coroutine = made if type(made) is CoroutineType else made.__await__()
        except BaseException as error:
            self._calls.end(request, error=error)
        else:
            self._step()

    def _step(self, error: BaseException | None = None) -> None:
        """Go on until the next wait, or to the end."""
        self._waits = None
        calls = self._calls
        outer, calls.stepping = calls.stepping, self._request
        self._running = True
        try:
            waits = self._coroutine.send(None) if error is None else self._coroutine.throw(error)
            while self._cancelled:  # meanwhile
                self._cancelled = False
                if waits is not None:
                    waits.cancel()
                waits = self._coroutine.throw(asyncio.CancelledError())
        except StopIteration as end:
            calls.end(self._request, end.value)
            return
        except BaseException as failure:
            calls.end(self._request, error=failure)
            return
        finally:
            calls.stepping = outer
            self._running = False
        if waits is None:  # a bare yield: for the others to have their turn
            waits = self._loop.create_future()
            self._loop.call_soon(_end, waits)
        self._waits = waits
        waits._asyncio_future_blocking = False
        waits.add_done_callback(self._wake)

    def cancel(self) -> None:
        """Raise ``CancelledError`` where it waits, now."""
        if self._running:
            self._cancelled = True
            return
        waits = self._waits
        if waits is not None:
            waits.remove_done_callback(self._wake)
            waits.cancel()
        self._step(asyncio.CancelledError())

    def _wake(self, waits: object) -> None:
        # A future that was done already when this call was cancelled still says so in the loop's next round.
        if waits is self._waits:
            self._step()


def _end(waits: asyncio.Future[None]) -> None:
    if not waits.done():
        waits.set_result(None)
