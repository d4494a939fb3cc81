"""Timers that any thread sets and cancels, and the loop rings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from host.bridge.calls import deliver
from host.bridge.request import Reply
from host.errors import CallError

__all__ = ["Timer", "Timers"]


class Timer:
    """A pending ``call_later``. ``cancel`` may be called from any thread, and more than once."""

    __slots__ = ("_forget", "at", "done", "handle", "receiver")

    def __init__(self, at: float, receiver: Callable[[Reply], None], forget: Callable[[Timer], None]) -> None:
        self.at = at
        self.receiver = receiver
        self.handle: asyncio.TimerHandle | None = None
        self.done = False
        self._forget = forget

    def cancel(self) -> None:
        """The receiver is not called any more, unless it is being called right now."""
        if not self.done:
            self.done = True
            self._forget(self)

    def ring(self, reply: Reply) -> None:
        if not self.done:
            self.done = True
            deliver(self.receiver, reply)


class Timers:
    """The loop's side. The loop has a timer of its own for each: precise to its resolution, 1 ms."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pending: set[Timer] = set()

    def set(self, timer: Timer) -> None:
        if not timer.done:
            self._pending.add(timer)
            timer.handle = self._loop.call_later(max(0.0, timer.at - monotonic()), self._ring, timer)

    def forget(self, timer: Timer) -> None:
        self._pending.discard(timer)
        if timer.handle is not None:
            timer.handle.cancel()

    def close(self, refusal: Callable[[], CallError]) -> None:
        """Ring all that are pending, with an error."""
        for timer in list(self._pending):
            self.forget(timer)
            timer.ring(Reply(error=refusal()))

    def _ring(self, timer: Timer) -> None:
        # A loop may ring a moment early, because it rounds to milliseconds; a sleep is never shorter.
        left = timer.at - monotonic()
        if left > 0:
            timer.handle = self._loop.call_later(left + 0.0005, self._ring, timer)
            return
        self._pending.discard(timer)
        timer.ring(Reply())
