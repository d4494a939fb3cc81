"""The interface between a session and the log of its run, if it has one: a durable run's calls are recorded and
replayed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from host.bridge.request import Reply
from host.calls.call import Call
from host.errors import ScriptError

if TYPE_CHECKING:
    from host.run.builtins import Tools
    from host.run.job import Why
    from host.run.session import Session

__all__ = ["Pending", "Recording"]


class Pending(Protocol):
    """A sleep in progress."""

    def cancel(self) -> None:
        """End it without a reply."""


class Recording(Protocol):
    """Asked at each call, answer and tool of a durable run; see :class:`host.durable.replay.Durable`, which is one."""

    replaying: bool

    def begun(self, session: Session) -> None:
        """The run begins, or is about to end before it does."""

    def call(self, session: Session, call: Call, arguments: Any, options: Any, path: bytes, n: int) -> bytes | None:
        """Take note of a call before it is checked. Returns the facts of its refusal if a budget refused it in an
        earlier process.
        """

    def sleep(self, session: Session, id: int, seconds: float, path: bytes, n: int) -> Pending:
        """Take note of a sleep, and start it unless it is over already; returns what cancels it."""

    def refused(self, id: int, session: Session | None = None, facts: bytes | None = None) -> None:
        """A call was refused; ``facts`` are of a refusal by what is left of a budget."""

    def opened(self, call: Call) -> None:
        """A function gave an iterator."""

    def cancel(self, session: Session, id: int) -> bool:
        """Give a call up; returns whether nothing else is to be done about it now."""

    def answered(self, session: Session, id: int, status: int, a: bytes | None, b: Any, call: Any) -> None:
        """An answer is about to be given to the script."""

    def unread(self, session: Session, item: Any) -> None:
        """A reply came after the script had ended."""

    def late(self, session: Session, call: Call, reply: Reply) -> None:
        """Record the outcome of a change whose caller no longer waits. On any thread."""

    def next_answer(self, session: Session) -> tuple[int, int, bytes | None, Any] | None:
        """The next recorded answer for ``enter``; ``None`` once they are used up and the run is live."""

    def tool(self, session: Session, tools: Tools, name: str, a: Any, b: Any) -> bytes | None:
        """``Tools.use``, recorded or from the record."""

    def visible(self, start: int, data: bytes) -> bytes:
        """The part of ``data``, which begins at byte ``start`` of all output, that was not shown before."""

    def printed(self, text: str) -> None:
        """More output, secrets masked, whether it was shown before or not."""

    def closing(self, session: Session, error: ScriptError | None) -> ScriptError | None:
        """The error a run is ending with: its own, or why it was stopped."""

    def end(
        self,
        session: Session,
        value: Any,
        rest: tuple[Any, ...],
        error: ScriptError | None,
        *,
        why: Why | None,
        then: Callable[[], None],
    ) -> None:
        """Record how the run ended, ``why`` before its script did, if so; then call ``then``."""
