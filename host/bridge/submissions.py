"""Submissions of all threads on their way to the loop: none is lost, and the loop is woken once per batch."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from time import monotonic

from host.bridge.request import AsyncRequest
from host.bridge.timers import Timer
from host.bridge.turns import Turns
from host.errors import ClosedError

__all__ = ["GiveUp", "Submissions", "Submitted"]


class GiveUp:
    """Message to the loop: give up a request."""

    __slots__ = ("request",)

    def __init__(self, request: AsyncRequest) -> None:
        self.request = request


Submitted = AsyncRequest | Timer | GiveUp


class Submissions:
    """``items`` are added by any thread and taken by the loop; a deque's append and popleft are atomic.

    ``start()`` makes the loop, ``drain()`` has it take the items; ``refuse_late()`` answers what came after its end.
    ``awake``: the loop looks at the items before it sleeps. ``lag`` is how long it took to react when it was last
    woken, ``refused`` counts requests that were not taken. ``ensure_turning``, set where other threads turn the loop,
    has them take up what was submitted.
    """

    __slots__ = (
        "_drain",
        "_refuse_late",
        "_start",
        "awake",
        "dead",
        "ensure_turning",
        "items",
        "lag",
        "loop",
        "refused",
        "turns",
        "woken_at",
    )

    def __init__(self, start: Callable[[], object], drain: Callable[[], None], refuse_late: Callable[[], None]) -> None:
        self._start = start
        self._drain = drain
        self._refuse_late = refuse_late
        self.items: deque[Submitted] = deque()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.ensure_turning: Callable[[], None] | None = None
        self.awake = True  # True before the start too: the first drain comes with it
        self.dead = False  # items are no longer taken
        self.woken_at = 0.0
        self.lag = 0.0
        self.refused = 0
        self.turns = Turns(self._wake)  # with threads that submit in batches

    def post(self, item: Submitted) -> None:
        """Hand something to the loop. From any thread."""
        # Append first, then look at the flag; the loop clears the flag first, then looks at the items.
        # So either the loop sees the item or this thread sees that the loop must be woken.
        self.items.append(item)
        if not self.awake:
            if not self.turns.defer():
                self._wake()
        elif self.loop is None:
            with contextlib.suppress(ClosedError):  # stopped before it was started: it is dead
                self._start()
        elif self.ensure_turning is not None:
            self.ensure_turning()
        if self.dead:
            self._refuse_late()

    def _wake(self) -> None:
        if self.awake:
            return
        self.awake = True
        self.woken_at = monotonic()
        assert self.loop is not None
        with contextlib.suppress(RuntimeError):  # closed: it is dead
            self.loop.call_soon_threadsafe(self._drain)
