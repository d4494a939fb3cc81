"""A run whose requests are recorded or replayed. It takes the place of a durable run's journal.

Calls are made as usual, but carry the name of their run. Values that differ from run to run (clock, random seeds) go
through the same method as in a durable run, and tables have the same fixed order.
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

_DRAWN: Final = {"seed": "random", "signature": "signature"}  # labels by the tool's name; a note has its own label


class TapedRun:
    """See :class:`host.run.recording.Recording`. ``submit`` submits a call."""

    replaying = False  # in the journal's sense: every call is made

    def __init__(self, tape: Tape, run_id: str, submit: Callable[[Call], None]) -> None:
        self._tape = tape
        self._run_id = run_id
        self._submit = submit
        self.name = tape.begin(run_id)
        self._keys = tape.keys(self.name)
        self._stopped: ScriptError | None = None

    def begun(self, session: Session) -> None:
        """Do nothing: no other process can end this run."""

    def call(self, session: Session, call: Call, arguments: Any, options: Any, path: bytes, n: int) -> bytes | None:
        """Derive a call's idempotency key from its place, and note its run in its request."""
        call.key = derived_key(self._keys, path.decode().split("."), n)
        call.hold = self._hand_over
        return None

    def _hand_over(self, call: Call) -> None:
        if type(call.payload) is Request:
            call.payload = replace(call.payload, run_id=self._run_id)
        self._submit(call)

    def sleep(self, session: Session, id: int, seconds: float, path: bytes, n: int) -> Any:
        """Sleep as long as asked, so that tasks proceed in the same order as in the recording."""

        def rung(reply: Any) -> None:
            session.services.runners.post(session, (id, reply.error))

        return session.services.worker.call_later(seconds, rung)

    def refused(self, id: int, session: Session | None = None, facts: bytes | None = None) -> None:
        """Do nothing: a refused call is refused each time."""

    def opened(self, call: Call) -> None:
        """Do nothing: the program's functions are called on replay, too."""

    def cancel(self, session: Session, id: int) -> bool:
        """Have the call cancelled as without a cassette."""
        return False

    def answered(self, session: Session, id: int, status: int, a: bytes | None, b: Any, call: Any) -> None:
        """An answer is about to reach the script. A request that is not recorded ends the run at its line."""
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
            hint="if this is intended, record the cassette again: --record FILE, Host(record=FILE)",
        )
        if not self._tape.goes_on:
            session.kill("stopped")

    def unread(self, session: Session, item: Any) -> None:
        """Do nothing with a reply that came after the script had ended."""

    def late(self, session: Session, call: Call, reply: Reply) -> None:
        """Do nothing with the outcome of a call that was given up."""

    def next_answer(self, session: Session) -> tuple[int, int, bytes | None, Any] | None:
        """None: there are no answers in a journal."""
        return None

    def tool(self, session: Session, tools: Tools, name: str, a: Any, b: Any) -> bytes | None:
        """``Tools.use``. Values that differ each time are recorded in the cassette, or come from it."""
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
        """Do nothing: the output is not stored."""

    def closing(self, session: Session, error: ScriptError | None) -> ScriptError | None:
        """The error the run ends with: that of a request that was not recorded, even if the script has caught it."""
        return error if self._tape.goes_on else self._stopped or error

    def end(
        self, session: Session, value: Any, rest: Any, error: Any, *, why: Why | None, then: Callable[[], None]
    ) -> None:
        """Continue immediately: the cassette is written when its host closes."""
        then()
