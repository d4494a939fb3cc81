"""Timers that any thread sets and cancels, and the loop fires."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from time import monotonic

from host.bridge.in_flight import deliver
from host.bridge.request import Reply
from host.errors import CallError

__all__ = ["Timer", "Timers"]


class Timer:
    """A pending ``call_later``. ``cancel`` may be called from any thread, and more than once."""

    __slots__ = ("_forget", "at", "done", "place", "receiver")

    def __init__(self, at: float, receiver: Callable[[Reply], None], forget: Callable[[Timer], None]) -> None:
        self.at = at
        self.receiver = receiver
        self.done = False
        self.place = 0  # for Timers: 1 in the heap, 2 in the heap and known to be cancelled
        self._forget = forget

    def cancel(self) -> None:
        """Cancel it: the receiver is not called any more, unless it is being called right now."""
        if not self.done:
            self.done = True
            self._forget(self)

    def ring(self, reply: Reply) -> None:
        if not self.done:
            self.done = True
            deliver(self.receiver, reply)


class Timers:
    """The loop's side: all timers in one heap, and one of the loop's for the first. Precise to its resolution, 1 ms."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Timer]] = []
        self._numbers = count()  # so that timers due at the same time need not be comparable
        self._cancelled = 0  # how many in the heap are known to be
        self._handle: asyncio.TimerHandle | None = None
        self._set_for = 0.0

    @property
    def pending(self) -> int:
        """How many are set and have neither fired nor been cancelled."""
        return len(self._heap) - self._cancelled

    def set(self, timer: Timer) -> None:
        if not timer.done:
            timer.place = 1
            heapq.heappush(self._heap, (timer.at, next(self._numbers), timer))
            if self._handle is None or timer.at < self._set_for:
                self._wait_for(timer.at, 0.0)

    def forget(self, timer: Timer) -> None:
        """A timer was cancelled. It leaves the heap when it is due, or when most of the heap is cancelled."""
        if timer.place != 1:
            return
        timer.place = 2
        self._cancelled += 1
        if self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].place == 1]
            heapq.heapify(self._heap)
            self._cancelled = 0
            if not self._heap:
                self._stop()

    def close(self, refusal: Callable[[], CallError]) -> None:
        """Fire all that are pending, with an error."""
        heap, self._heap, self._cancelled = self._heap, [], 0
        self._stop()
        for _, _, timer in heap:
            timer.ring(Reply(error=refusal()))

    def _stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _wait_for(self, at: float, more: float) -> None:
        self._stop()
        self._set_for = at
        self._handle = self._loop.call_later(max(0.0, at - monotonic()) + more, self._ring)

    def _ring(self) -> None:
        self._handle = None
        while self._heap:
            at, _, timer = self._heap[0]
            # A loop may fire slightly early, because it rounds to milliseconds; a sleep is never shorter.
            if at > monotonic():
                self._wait_for(at, 0.0005)
                return
            heapq.heappop(self._heap)
            if timer.place == 2:
                self._cancelled -= 1
            timer.place = 0
            timer.ring(Reply())
