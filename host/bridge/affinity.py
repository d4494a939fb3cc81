"""Which thread the loop is on, and which calls depend on that."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

__all__ = ["LoopThread", "ThreadAffinity"]


class LoopThread(Protocol):
    """An owner of threads that turn the loop and do other work between its rounds."""

    def launch(self) -> None:
        """Have a thread turn the loop (``AsyncWorker.turn``) for the first time."""

    def pin(self) -> None:
        """Keep the loop on its thread from now on, and do nothing else there."""

    def ensure_turning(self) -> None:
        """There is something for the loop to do: make sure that it is turned soon. From any thread."""

    def step_aside(self) -> None:
        """The calling thread is about to block: if it has the loop, have another one take over."""


class ThreadAffinity:
    """``movable`` are functions that may continue on another thread, ``direct`` those that need no task, each with
    whether that holds now. ``pinned``: the loop stays on the thread it is on.
    """

    __slots__ = ("direct", "movable", "pinned", "thread", "turned_by")

    def __init__(self) -> None:
        self.turned_by: LoopThread | None = None  # None: a thread of the worker's own
        self.movable: set[str] = set()
        self.direct: dict[str, Callable[[], bool]] = {}
        self.pinned = False
        self.thread = 0  # id of the thread that turns the loop

    def pin(self) -> None:
        """Keep the loop on the thread it is on when it next turns: something on it may depend on that."""
        if not self.pinned:
            if self.turned_by is not None:
                self.turned_by.pin()
            self.pinned = True  # only now: a thread that sees it may submit what depends on it

    def take(self) -> None:
        """The calling thread turns the loop from now on."""
        self.thread = threading.get_ident()

    def step_aside(self) -> None:
        """The calling thread is about to wait for this loop or another: if it turns this one, another thread takes
        over.
        """
        if self.turned_by is not None:
            self.turned_by.step_aside()
