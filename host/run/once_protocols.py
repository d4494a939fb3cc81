"""What a run asks of ``once``, and what that asks of a durable batch's log. For type checkers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from host.errors import CallError, HostError

__all__ = ["Deliver", "OnceAnswers", "OnceRecord", "RunState"]

Deliver = Callable[[bytes | CallError | None], None]
"""Takes the results as MessagePack, an error, or ``None``: the caller is to do it. Called once, from any thread."""

RunState = Literal["running", "queued", "broken off", "over"]
"""``queued``: it was interrupted and will continue by itself. One that is ``over`` never does what it began."""


class OnceAnswers(Protocol):
    """Who answers a run's ``once``. None of the methods blocks for another run, or raises."""

    def ask(self, run: str, key: str, deliver: Deliver) -> None:
        """What ``key`` gave, as soon as that is known; or that it is for ``run`` to do."""

    def done(self, run: str, key: str, value: bytes, deliver: Deliver) -> None:
        """``run`` has done it; the value is delivered to it once that is recorded."""

    def failed(self, run: str, key: str, message: str, deliver: Deliver) -> None:
        """``run`` could not do it."""

    def withdraw(self, deliver: Deliver) -> None:
        """Whoever asked has stopped waiting; one without an answer yet gets none."""


class OnceRecord(Protocol):
    """The results of ``once`` in a durable batch's journal. The methods raise ``JournalError``."""

    def read(self) -> list[tuple[str, str, bytes | None]]:
        """Key, the run that does it, and its value once done; the latest entry for a key counts."""

    def begun(self, run: str, then: Callable[[HostError | None], None]) -> None:
        """Call ``then`` once it is on the disk that this process has ``run``, or known that it has not."""

    def claim(self, key: str, run: str) -> bool:
        """Record that ``run`` does it, once it has :meth:`begun`; ``False`` if anything was recorded since
        :meth:`read`."""

    def keep(self, key: str, run: str, value: bytes, then: Callable[[HostError | None], None]) -> None:
        """Record a value; ``then`` once it is on the disk, or cannot be."""

    def state(self, run: str) -> RunState:
        """The state of a run of another process."""

    def resume(self, run: str) -> str:
        """The command that resumes a run."""
