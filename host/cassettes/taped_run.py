"""A run whose requests are recorded or replayed: stands where a durable run's journal stands.

Its calls go their way; they only say whose they are. What differs from run to run (clock, random seeds) goes through
the same entry as a durable run's, and tables have the same fixed order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from host.calls.call import Call
from host.cassettes.tape import Tape, UnrecordedRequest
from host.errors import ScriptError
from host.http.idempotency import derived_key
from host.http.message import Request

if TYPE_CHECKING:
    from host.bridge.request import Reply
    from host.run.builtins import Tools
    from host.run.job import Why
    from host.run.session import Session

__all__ = ["TapedRun"]

_DRAWN: Final = {"seed": "random", "signature": "signature"}  # by the tool's name; a note is called what it notes


class TapedRun:
    """``submit`` hands a call over. See :class:`host.run.recording.Recording`."""

    replaying = False  # of the journal's kind: each call is made

    def __init__(self, tape: Tape, run_id: str, submit: Callable[[Call], None]) -> None:
        self._tape = tape
        self._run_id = run_id
        self._submit = submit
        self.name = tape.begin(run_id)
        self._keys = tape.keys(self.name)
        self._stopped: ScriptError | None = None

    def begun(self, session: Session) -> None:
        """Nobody ends it from elsewhere."""

    def call(self, session: Session, call: Call, arguments: Any, options: Any, path: bytes, n: int) -> bytes | None:
        """Give a call the key of its place, and have its request say whose it is."""
        call.key = derived_key(self._keys, path.decode().split("."), n)
        call.hold = self._hand_over
        return None

    def _hand_over(self, call: Call) -> None:
        if type(call.payload) is Request:
            call.payload = replace(call.payload, run_id=self._run_id)
        self._submit(call)

    def sleep(self, session: Session, id: int, seconds: float, path: bytes, n: int) -> Any:
        """A sleep takes its time: tasks that wait for each other do so in the order they did."""

        def rung(reply: Any) -> None:
            session.services.runners.post(session, (id, reply.error))

        return session.services.worker.call_later(seconds, rung)

    def refused(self, id: int, session: Session | None = None, facts: bytes | None = None) -> None:
        """A call was not let through; it will not be either time."""

    def opened(self, call: Call) -> None:
        """A function gave an iterator: functions are the program's, and run."""

    def cancel(self, session: Session, id: int) -> bool:
        """A call is given up as it would be without a cassette."""
        return False

    def answered(self, session: Session, id: int, status: int, a: bytes | None, b: Any, call: Any) -> None:
        """An answer is about to be given to the script: a request that is not recorded ends the run at its line."""
        error = call.reply.error if type(call) is Call and call.reply is not None else None
        if not isinstance(error, UnrecordedRequest) or self._stopped is not None:
            return
        script, line = session.job.script, call.line
        self._stopped = ScriptError(
            error.message,
            kind="diverged",
            script=script.name,
            line=line,
            source=script.lines(line) if line is not None else "",
            hint="if this is as it should be, record the cassette anew: --record FILE, Host(record=FILE)",
        )
        if not self._tape.goes_on:
            session.kill("stopped")

    def unread(self, session: Session, item: Any) -> None:
        """A reply that came when the script had ended."""

    def late(self, session: Session, call: Call, reply: Reply) -> None:
        """The outcome of a call that was given up."""

    def next_answer(self, session: Session) -> tuple[int, int, bytes | None, Any] | None:
        """There is no answer to replay."""
        return None

    def tool(self, session: Session, tools: Tools, name: str, a: Any, b: Any) -> bytes | None:
        """``Tools.use``; what differs each time comes from the cassette, or goes there."""
        if name == "note":
            return self._tape.drawn(self.name, a.decode(), lambda: b)
        label = _DRAWN.get(name)
        if label is None:
            return tools.use(name, a, b)
        return self._tape.drawn(self.name, label, lambda: tools.use(name, a, b))

    def visible(self, start: int, data: bytes) -> bytes:
        """All output is shown."""
        return data

    def printed(self, text: str) -> None:
        """It is kept by nobody."""

    def closing(self, session: Session, error: ScriptError | None) -> ScriptError | None:
        """The error a run is ending with: a request that was not recorded, whatever the script made of it."""
        return error if self._tape.goes_on else self._stopped or error

    def end(
        self, session: Session, value: Any, rest: Any, error: Any, *, why: Why | None, then: Callable[[], None]
    ) -> None:
        """The cassette is written when its host closes."""
        then()
