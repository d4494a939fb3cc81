"""Deadlines of many waits with one timer.

A timer of the loop for each call would cost more than the rest of the handoff. Here deadlines are grouped
in slots of ``RESOLUTION`` seconds; adding and removing are dictionary operations, and the loop has one timer, for the
earliest slot that is in use. A deadline fires at most ``RESOLUTION`` late, never early.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Generic, Protocol, TypeVar

RESOLUTION = 0.01


class Due(Protocol):
    """What has a deadline (on :func:`time.monotonic`) and records its slot; 0 means none."""

    deadline: float
    slot: float


D = TypeVar("D", bound=Due)


class Deadlines(Generic[D]):
    """Calls ``expire(item)`` on the loop when an item's deadline has passed, once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, expire: Callable[[D], None]) -> None:
        self._loop = loop
        self._expire = expire
        self._slots: dict[float, dict[D, None]] = {}  # by whole numbers
        self._order: list[float] = []  # heap of the slots in use
        self._timer: asyncio.TimerHandle | None = None
        self._timer_slot = 0.0

    def add(self, item: D) -> None:
        deadline = item.deadline
        if deadline == inf:
            item.slot = 0.0
            return
        item.slot = slot = deadline // RESOLUTION + 1.0
        items = self._slots.get(slot)
        if items is not None:
            items[item] = None
        else:
            self._slots[slot] = {item: None}
            heapq.heappush(self._order, slot)
            if self._timer is None or slot < self._timer_slot:
                self._set_timer(slot)

    def remove(self, item: D) -> None:
        """Remove an item, if it is here."""
        items = self._slots.get(item.slot)
        if items:
            items.pop(item, None)

    def keep(self, item: D) -> None:
        """Add an item that waits again and again, and is not removed in between: nothing is done where it is here for
        an earlier deadline. ``expire`` is called at that one, and adds it once more if it waits for a later one.
        """
        if not item.slot or item.deadline < (item.slot - 1) * RESOLUTION:
            self.remove(item)
            self.add(item)

    def clear(self) -> None:
        self._slots.clear()
        self._order.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, slot: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_slot = slot
        self._timer = self._loop.call_later(max(0.0, slot * RESOLUTION - monotonic()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        due = monotonic() // RESOLUTION
        expired: list[D] = []
        # Slots that have emptied meanwhile are skipped here, so an answered call leaves nothing behind
        # but its slot's number, at most one for each RESOLUTION of time.
        while self._order and (self._order[0] <= due or not self._slots[self._order[0]]):
            expired += self._slots.pop(heapq.heappop(self._order))
        if self._order:
            self._set_timer(self._order[0])
        for item in expired:
            item.slot = 0.0
            self._expire(item)
