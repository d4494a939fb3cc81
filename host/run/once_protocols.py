"""What a run asks of ``once``, and what that asks of a durable batch's log. For type checkers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from host.errors import CallError, HostError

__all__ = ["OnceAnswers", "OnceRecord", "RunState", "Told"]

Told = Callable[[bytes | CallError | None], None]
"""Told the results as MessagePack, an error, or ``None``: it is for the caller to do. From any thread, once."""

RunState = Literal["running", "queued", "broken off", "over"]
"""``queued``: it broke off, and goes on by itself. One that is ``over`` never does what it began."""


class OnceAnswers(Protocol):
    """Who tells a run what was done once. None of them blocks for another run, or raises."""

    def ask(self, run: str, key: str, tell: Told) -> None:
        """What ``key`` gave, as soon as that is known; or that it is for ``run`` to do."""

    def done(self, run: str, key: str, value: bytes, tell: Told) -> None:
        """``run`` has done it; it is told the value once that is kept."""

    def failed(self, run: str, key: str, message: str, tell: Told) -> None:
        """``run`` could not do it."""

    def withdraw(self, tell: Told) -> None:
        """Who asked waits no more; is told nothing if it was not told yet."""


class OnceRecord(Protocol):
    """Where a durable batch keeps it; raises ``JournalError``."""

    def read(self) -> list[tuple[str, str, bytes | None]]:
        """Key, run that does it, and value once it is done; a later entry for a key counts."""

    def claim(self, key: str, run: str) -> bool:
        """Have it recorded that ``run`` does it; not if anything was recorded since :meth:`read`."""

    def keep(self, key: str, run: str, value: bytes, then: Callable[[HostError | None], None]) -> None:
        """Record a value; ``then`` once it is on the disk, or cannot be."""

    def state(self, run: str) -> RunState:
        """How a run stands that is not one of this process."""

    def resume(self, run: str) -> str:
        """The command that goes on with a run."""
