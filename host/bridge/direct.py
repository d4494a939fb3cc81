"""Direct: runs a coroutine on the loop without a task, for calls by the ten thousand.

A task costs more than what most calls do: it is registered, copies its context, and each wait that is over wakes it a
round of the loop later. Here the first step is made at once, and each next one by whoever ends the wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from host.bridge.calls import Call, Calls

__all__ = ["Direct"]


class Direct:
    """Runs the coroutine of one call. On the loop's thread only; like a task, it can be cancelled.

    For coroutines that need no current task: no ``asyncio.timeout``, nothing of httpx. What they await are the loop's
    futures, or what is like one and calls a callback that was added without a context at once.
    """

    __slots__ = ("_call", "_calls", "_cancelled", "_coroutine", "_loop", "_running", "_waits")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None], calls: Calls, call: Call
    ) -> None:
        self._loop = loop
        self._coroutine = coroutine
        self._calls = calls
        self._call = call
        self._waits: Any = None  # what it waits for
        self._running = False
        self._cancelled = False  # while it ran

    def step(self, error: BaseException | None = None) -> None:
        """Go on until the next wait, or to the end."""
        self._waits = None
        calls = self._calls
        outer, calls.stepping = calls.stepping, self._call
        self._running = True
        try:
            while True:
                waits = self._coroutine.send(None) if error is None else self._coroutine.throw(error)
                if not self._cancelled:
                    break
                self._cancelled = False
                if waits is not None:
                    waits.cancel()
                error = asyncio.CancelledError()
        except StopIteration:
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
        self.step(asyncio.CancelledError())

    def _wake(self, waits: object) -> None:
        # A future that was done already when this call was cancelled still says so in the loop's next round.
        if waits is self._waits:
            self.step()


def _end(waits: asyncio.Future[None]) -> None:
    if not waits.done():
        waits.set_result(None)
