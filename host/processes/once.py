"""``once`` across worker processes: the parent holds the results of a batch, and its children request them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

from host.errors import CallError
from host.processes import messages as m
from host.remote.limit_messages import Message
from host.remote.result import call_error, call_failure

if TYPE_CHECKING:
    from host.run.once_protocols import Deliver, OnceAnswers

__all__ = ["OnceAsked", "RemoteOnce"]


class RemoteOnce:
    """The child's side: sends requests to the parent. ``of(job)`` is the interface for one of its runs."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._numbers = count(1)
        self._open: dict[int, Deliver] = {}

    def of(self, job: int) -> OnceOfRun:
        """For the run that is this job of the parent's."""
        return OnceOfRun(self, job)

    def say(self, job: int, what: str, key: str, rest: bytes, deliver: Deliver) -> None:
        """Send the parent a request or a report about a run; ``deliver`` gets the answer."""
        number = next(self._numbers)
        self._open[number] = deliver
        self._send(m.OnceForwarded(number, job, what, key, rest))

    def withdraw(self, job: int, deliver: Deliver) -> None:
        """Cancel the request: the parent answers it at once, because the run no longer waits."""
        for number, each in list(self._open.items()):
            if each is deliver:
                self._send(m.OnceForwarded(number, job, "withdraw", "", b""))

    def receive(self, answered: m.OnceAnswered) -> None:
        """The parent's answer. From the reading thread."""
        deliver = self._open.pop(answered.id, None)
        if deliver is not None:
            deliver(answered.value if answered.error is None else call_error(answered.error))


class OnceOfRun:
    """See :class:`host.run.once_protocols.OnceAnswers`."""

    __slots__ = ("_job", "_parent")

    def __init__(self, parent: RemoteOnce, job: int) -> None:
        self._parent = parent
        self._job = job

    def ask(self, run: str, key: str, deliver: Deliver) -> None:
        """Request the result of ``key``, or the instruction to execute it."""
        self._parent.say(self._job, "ask", key, b"", deliver)

    def done(self, run: str, key: str, value: bytes, deliver: Deliver) -> None:
        """Report the result of ``key``."""
        self._parent.say(self._job, "done", key, value, deliver)

    def failed(self, run: str, key: str, message: str, deliver: Deliver) -> None:
        """Report that executing ``key`` failed."""
        self._parent.say(self._job, "failed", key, message.encode("utf-8", "replace"), deliver)

    def withdraw(self, deliver: Deliver) -> None:
        """The run no longer waits for the answer."""
        self._parent.withdraw(self._job, deliver)


class OnceAsked:
    """In the parent: answers the children, each of which ``send(message)`` reaches."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, int], Deliver] = {}

    def receive(
        self, child: int, asked: m.OnceForwarded, answers: OnceAnswers, run: str, send: Callable[[Message], None]
    ) -> None:
        """Handle a request or report of ``run``. Called on the thread that reads from its process."""
        place = child, asked.id
        if asked.what == "withdraw":
            deliver = self._open.get(place)
            if deliver is not None:
                answers.withdraw(deliver)
            return

        def answered(answer: bytes | CallError | None) -> None:
            self._open.pop(place, None)
            error = call_failure(answer) if isinstance(answer, CallError) else None
            send(m.OnceAnswered(asked.id, None if isinstance(answer, CallError) else answer, error))

        self._open[place] = answered
        if asked.what == "ask":
            answers.ask(run, asked.key, answered)
        elif asked.what == "done":
            answers.done(run, asked.key, asked.rest, answered)
        else:
            answers.failed(run, asked.key, asked.rest.decode("utf-8", "replace"), answered)

    def gone(self, child: int) -> None:
        """A process has ended, and its runs with it: drop the requests that came from it."""
        for place in [each for each in self._open if each[0] == child]:
            self._open.pop(place, None)
