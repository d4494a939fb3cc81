"""A run that is planned: its changes are answered with made-up objects and never sent, its reads are.

It stands where a durable run's journal stands (:class:`host.run.recording.Recording`): each call of any kind is held
at the one place where calls are submitted, and only a read is let through.
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

_RECORDED = ("seed", "note")  # what differs each time, and is to be the same when the plan is applied


class Planning:
    """The plan of one run, while it is made. ``submit`` hands a read over, ``state`` is of the runs planned before it.

    ``values`` are the times and seeds the script was given.
    """

    replaying = False

    def __init__(self, submit: Callable[[Call], None], state: PlannedState | None = None) -> None:
        self.calls = HeldCalls(submit, state)
        self.values: list[tuple[str, bytes]] = []

    def unforeseen(self, script: str, source: bytes) -> tuple[Unforeseen, ...]:
        """What the plan cannot know, also where the script's text decides by what was made up."""
        found = list(self.calls.unforeseen)
        for line, does, member, whose in branches_on(source, self.calls.members, self.calls.used):
            text = f"{does} .{member}, which nobody knows before {whose} is there; what follows may come otherwise"
            found.append(Unforeseen(f"{script}:{line}", text))
        return tuple(found)

    def begun(self, session: Session) -> None:
        """Nobody ends it from elsewhere."""

    def call(self, session: Session, call: Call, arguments: Any, options: Any, path: bytes, n: int) -> bytes | None:
        """Have a call held once it was checked and would be sent."""
        if call.kind == p.ONCE:
            return None
        self.calls.openings.asked(call, arguments)
        call.hold = lambda _: self.calls.take(session, call, arguments, options, path.decode())
        return None

    def sleep(self, session: Session, id: int, seconds: float, path: bytes, n: int) -> Any:
        """A sleep takes its time: tasks that wait for each other do so in the order they will."""

        def rung(reply: Any) -> None:
            session.services.runners.post(session, (id, reply.error))

        return session.services.worker.call_later(seconds, rung)

    def refused(self, id: int, session: Session | None = None, facts: bytes | None = None) -> None:
        """A call was not let through: the script gets the error, and nothing is planned."""
        self.calls.openings.answered(id)

    def opened(self, call: Call) -> None:
        """A function gave an iterator."""
        self.calls.openings.opened(call)

    def cancel(self, session: Session, id: int) -> bool:
        """A call is given up as it would be without a plan."""
        return False

    def answered(self, session: Session, id: int, status: int, a: bytes | None, b: Any, call: Any) -> None:
        """An answer is about to be given to the script."""
        self.calls.openings.answered(id)

    def unread(self, session: Session, item: Any) -> None:
        """A reply that came when the script had ended."""

    def late(self, session: Session, call: Call, reply: Reply) -> None:
        """The outcome of a read that was given up."""

    def next_answer(self, session: Session) -> tuple[int, int, bytes | None, Any] | None:
        """Nothing is recorded."""
        return None

    def tool(self, session: Session, tools: Tools, name: str, a: Any, b: Any) -> bytes | None:
        """``Tools.use``; times and seeds are kept, so that applying the plan gives the same."""
        value = b if name == "note" else tools.use(name, a, b)
        if name in _RECORDED and value is not None:
            self.values.append((name if a is None else f"{name}:{a.decode()}", bytes(value)))
        return value

    def visible(self, start: int, data: bytes) -> bytes:
        """All output is shown."""
        return data

    def printed(self, text: str) -> None:
        """It is kept by nobody."""

    def closing(self, session: Session, error: ScriptError | None) -> ScriptError | None:
        """The error a run is ending with."""
        return error

    def end(
        self, session: Session, value: Any, rest: Any, error: Any, *, why: Why | None, then: Callable[[], None]
    ) -> None:
        """Give the budgets back what was not spent."""
        for reservation in self.calls.reservations:
            if reservation.spent:
                reservation.quota.ledger.give_back(reservation.account, reservation.amounts)
        then()
