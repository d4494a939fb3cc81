"""Plans a run: its changes are answered with made-up objects and never sent, while its reads are sent.

It takes the place of a durable run's journal (:class:`host.run.recording.Recording`). Calls of every kind are held at
the one point where they would be submitted, and only reads are sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from host.calls.call import Call
from host.errors import ScriptError
from host.lua import protocol as p
from host.plan.branches import branches_on
from host.plan.held_calls import HeldCalls, PlannedState
from host.plan.plan import Unforeseen

if TYPE_CHECKING:
    from host.bridge.request import Reply
    from host.run.builtins import Tools
    from host.run.job import Why
    from host.run.session import Session

__all__ = ["Planning"]

_RECORDED = ("seed", "note")  # values that differ each time, and must be the same when the plan is applied


class Planning:
    """The plan of one run while it is being made. ``submit`` sends a read; ``state`` is shared by the plan's runs.

    ``values`` are the times and seeds that the script received.
    """

    replaying = False

    def __init__(self, submit: Callable[[Call], None], state: PlannedState | None = None) -> None:
        self.calls = HeldCalls(submit, state)
        self.values: list[tuple[str, bytes]] = []

    def unforeseen(self, script: str, source: bytes) -> tuple[Unforeseen, ...]:
        """All that the plan cannot know, including lines of the script that use made-up members."""
        found = list(self.calls.unforeseen)
        for line, does, member, whose in branches_on(source, self.calls.members, self.calls.used):
            text = f"{does} .{member}, which is not known until {whose} exists; what follows may differ"
            found.append(Unforeseen(f"{script}:{line}", text))
        return tuple(found)

    def begun(self, session: Session) -> None:
        """Do nothing: no other process can end this run."""

    def call(self, session: Session, call: Call, arguments: Any, options: Any, path: bytes, n: int) -> bytes | None:
        """Have a call held when it has been checked and would be sent."""
        if call.kind == p.ONCE:
            return None
        self.calls.openings.asked(call, arguments)
        call.hold = lambda _: self.calls.take(session, call, arguments, options, path.decode())
        return None

    def sleep(self, session: Session, id: int, seconds: float, path: bytes, n: int) -> Any:
        """Sleep as long as asked, so that tasks proceed in the same order as they will in the real run."""

        def rung(reply: Any) -> None:
            session.services.runners.post(session, (id, reply.error))

        return session.services.worker.call_later(seconds, rung)

    def refused(self, id: int, session: Session | None = None, facts: bytes | None = None) -> None:
        """A call was refused: the script gets the error, and nothing is planned."""
        self.calls.openings.answered(id)

    def opened(self, call: Call) -> None:
        """A function returned an iterator."""
        self.calls.openings.opened(call)

    def cancel(self, session: Session, id: int) -> bool:
        """Have the call cancelled as without a plan."""
        return False

    def answered(self, session: Session, id: int, status: int, a: bytes | None, b: Any, call: Any) -> None:
        """An answer is about to reach the script."""
        self.calls.openings.answered(id)

    def unread(self, session: Session, item: Any) -> None:
        """Do nothing with a reply that came after the script had ended."""

    def late(self, session: Session, call: Call, reply: Reply) -> None:
        """Do nothing with the outcome of a read that was given up."""

    def next_answer(self, session: Session) -> tuple[int, int, bytes | None, Any] | None:
        """None: there are no recorded answers."""
        return None

    def tool(self, session: Session, tools: Tools, name: str, a: Any, b: Any) -> bytes | None:
        """``Tools.use``. Times and seeds are stored, so that the script receives the same when the plan is applied."""
        value = b if name == "note" else tools.use(name, a, b)
        if name in _RECORDED and value is not None:
            self.values.append((name if a is None else f"{name}:{a.decode()}", bytes(value)))
        return value

    def visible(self, start: int, data: bytes) -> bytes:
        """All output is shown."""
        return data

    def printed(self, text: str) -> None:
        """Do nothing: the output is not stored."""

    def closing(self, session: Session, error: ScriptError | None) -> ScriptError | None:
        """The error the run ends with."""
        return error

    def end(
        self, session: Session, value: Any, rest: Any, error: Any, *, why: Why | None, then: Callable[[], None]
    ) -> None:
        """Nothing is recorded, so the run has ended."""
        then()
