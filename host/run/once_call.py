"""A call of ``once``: it is answered by whoever shares the results of a batch, in place of the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from host.bridge.request import Reply
from host.calls.call import Call
from host.errors import CallError, HostError, InvalidCall, OnceError
from host.lua.values import SecretText, from_lua

if TYPE_CHECKING:
    from host.run.once_protocols import Deliver, OnceAnswers

__all__ = ["OnceCall", "once_payload"]


def once_payload(answers: OnceAnswers, run: str, what: str, key: str, rest: Any = b"") -> tuple[str, str, bytes]:
    """What a run says of ``once``. Raises ``InvalidCall`` for results that cannot be given to others."""
    said = rest.encode() if isinstance(rest, str) else rest
    if what == "done" and _holds_secret(from_lua(said)):
        text = "what once's function returned holds a secret, which is not given to other runs"
        answers.failed(run, key, text, lambda _: None)
        raise InvalidCall(text)
    return what, key, said


def _holds_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_secret, value.values()))
    return any(map(_holds_secret, value)) if isinstance(value, list) else isinstance(value, SecretText)


class OnceCall:
    """Takes a call of ``once`` in place of the worker."""

    __slots__ = ("_answers", "_deliver", "_run")

    def __init__(self, answers: OnceAnswers, run: str) -> None:
        self._answers = answers
        self._run = run
        self._deliver: Deliver | None = None

    def send(self, call: Call) -> None:
        """Have it answered. Raises nothing."""

        def deliver(answer: bytes | CallError | None) -> None:
            call.deliver(Reply(error=answer) if isinstance(answer, CallError) else Reply(answer))

        what, key, rest = call.payload
        self._deliver = deliver
        try:
            if what == "ask":
                self._answers.ask(self._run, key, deliver)
            elif what == "done":
                self._answers.done(self._run, key, rest, deliver)
            else:
                self._answers.failed(self._run, key, rest.decode("utf-8", "replace"), deliver)
        except HostError as error:  # the journal cannot be read
            deliver(OnceError(error.message, hint=error.hint))

    def cancel(self, call: Call) -> None:
        """Give it up; its answer still comes."""
        if self._deliver is not None:
            self._answers.withdraw(self._deliver)
