"""Runs the functions of calls on the loop without a task, for tens of thousands of calls.

A task costs more than what most calls do: it is registered, copies its context, and the end of each wait wakes it a
round of the loop later. Here the first step is made at once, and each later one by the code that ends the wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import CoroutineType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from host.bridge.in_flight import InFlight
    from host.bridge.request import AsyncRequest

__all__ = ["CoroutineDriver"]


class CoroutineDriver:
    """Runs functions of calls, and ends the calls. On the loop's thread only; like tasks, they can be cancelled.

    For functions that need no current task: no ``asyncio.timeout``, nothing of httpx. What they await are the loop's
    futures, or objects like them that call a callback added without a context at once. ``direct`` names them,
    each with whether that holds now.
    """

    __slots__ = ("_calls", "_loop", "_waiting", "_wake", "direct", "stepping")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, calls: InFlight, direct: Mapping[str, Callable[[], bool]]
    ) -> None:
        self._loop = loop
        self._calls = calls
        self.direct = direct
        self._waiting: dict[Any, AsyncRequest] = {}  # by what they wait for
        self._wake = self._woken  # one bound method for all waits
        self.stepping: AsyncRequest | None = None  # the one whose function makes a step right now

    def begin(self, request: AsyncRequest, function: Callable[[Any, float], Awaitable[Any]]) -> None:
        """Call its function, and make the first step."""
        request.began = True
        try:
            made = function(request.payload, request.deadline)
            request.running = made if type(made) is CoroutineType else made.__await__()
        except BaseException as error:
            self._calls.end(request, error=error)
        else:
            self._step(request)

    def cancel(self, request: AsyncRequest) -> None:
        """Raise ``CancelledError`` at once where it waits."""
        waits, request.waits = request.waits, None
        if waits is None:  # it is making a step
            request.cancelled = True
            return
        del self._waiting[waits]
        waits.remove_done_callback(self._wake)
        waits.cancel()
        self._step(request, asyncio.CancelledError())

    def _woken(self, waits: Any) -> None:
        # A future that was done already when its call was cancelled still says so in the loop's next round.
        request = self._waiting.pop(waits, None)
        if request is not None:
            request.waits = None
            self._step(request)

    def _step(self, request: AsyncRequest, error: BaseException | None = None) -> None:
        """Run until the next wait, or to the end."""
        outer, self.stepping = self.stepping, request
        coroutine = request.running
        try:
            waits = coroutine.send(None) if error is None else coroutine.throw(error)
            while request.cancelled:  # meanwhile
                request.cancelled = False
                if waits is not None:
                    waits.cancel()
                waits = coroutine.throw(asyncio.CancelledError())
        except StopIteration as end:
            self._calls.end(request, end.value)
            return
        except BaseException as failure:
            self._calls.end(request, error=failure)
            return
        finally:
            self.stepping = outer
        if waits is None:  # a bare yield: for the others to have their turn
            waits = self._loop.create_future()
            self._loop.call_soon(_end, waits)
        request.waits = waits
        self._waiting[waits] = request
        waits._asyncio_future_blocking = False
        waits.add_done_callback(self._wake)


def _end(waits: asyncio.Future[None]) -> None:
    if not waits.done():
        waits.set_result(None)
