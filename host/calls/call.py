"""The record of one call, and the part of its run that it uses."""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import TYPE_CHECKING, Any, Protocol

from host.apis.api import Api
from host.apis.catalog import Operation
from host.bridge.request import AsyncRequest, Reply
from host.calls.keys_in_doubt import Key
from host.errors import CallError, FunctionError, text_of
from host.events import Event, Waiting
from host.http.message import Request
from host.policy.permissions import Permissions
from host.policy.quota import Quota, Reservation, settle

if TYPE_CHECKING:
    from host.apis.raw_request import RawRequest

__all__ = ["DOWNLOAD", "Call", "CallHandler", "CallingRun", "wrapped"]

DOWNLOAD = "api.download"
"""The registered function that answers calls whose answer goes to a file."""


class CallingJob(Protocol):
    """What a call needs to know of what its run may do."""

    @property
    def permissions(self) -> Permissions: ...

    @property
    def quotas(self) -> tuple[Quota, ...]: ...


class CallingRun(Protocol):
    """What a call needs to know of the run it belongs to."""

    run_id: str

    @property
    def job(self) -> CallingJob:
        """What the run is to do, and what it may do."""
        ...

    @property
    def replaying(self) -> bool:
        """Whether the run is repeating what it did before it was interrupted (durable runs)."""
        ...

    def emit(self, event: Event) -> None: ...

    def answered(self, call: Call) -> None:
        """Called when a call of the run has its reply. From any thread."""
        ...


class CallHandler(Protocol):
    """What answers a call in place of the worker."""

    def send(self, call: Call) -> None:
        """Have it answered. Raises nothing."""

    def cancel(self, call: Call) -> None:
        """Give it up; its reply is still delivered."""


class Call(AsyncRequest, eq=False):
    """One call of a script, from its check to the connection and back: the one record that every step works on.

    ``source`` is its run. ``payload`` is passed to its function: for an operation of an API, a :class:`Request`.
    ``reply`` is set exactly once; then the run is notified.
    """

    id: int = 0
    kind: int = 0
    line: int | None = None
    api: Api | None = None
    operation: Operation | None = None
    reply: Reply | None = None
    reservations: tuple[Reservation, ...] = ()  # what it took from budgets
    started: float = 0.0
    reported: bool = False  # whether the run's sinks get its events
    task: bytes = b""  # the path of the script's task, for them
    seconds: float | None = None  # until its deadline, where that is not the usual time
    again: bool = False  # whether the script's own repetition carries the same idempotency key
    web_key: Key | None = None  # of a library's request for which the script gave an idempotency key
    # Of a durable run: what takes the call instead of the registry, its key, and its place in the journal.
    hold: Callable[[Call], None] | None = None
    handler: CallHandler | None = None  # of calls that the worker does not answer
    key: str | None = None
    place: tuple[str, int, bytes] | None = None
    beyond: tuple[str, ...] = ()  # names it sends that its catalog does not know
    asks: RawRequest | None = None  # what was passed to <api>.request
    pages: bytes | None = None  # of <api>.request: how its list is paged
    place_of_page: Any = None  # of a further page of a list: the arguments that ask for it, or its URL

    __repr__ = object.__repr__  # it holds answers as they came

    @property
    def request(self) -> Request | None:
        """The request that is sent, if the call goes to an API."""
        return self.payload if type(self.payload) is Request else None

    def waiting(self, reason: str, seconds: float | None) -> None:
        """Report to the run's sinks what it waits for, on the loop's thread."""
        if self.reported:
            self.source.emit(Waiting(self.source.run_id, time(), self.id, reason, seconds, self.task.decode()))

    def deliver(self, reply: Reply) -> None:
        """Take the worker's one reply, on the loop's thread."""
        self.reply = reply
        if self.reservations:
            settle(self.reservations, reply)
        self.source.answered(self)

    def deliver_error(self, error: CallError) -> None:
        """Answer it with an error found on this side."""
        self.deliver(Reply(error=error))


def wrapped(error: Exception, name: str) -> CallError:
    """Any exception as a ``CallError``."""
    if isinstance(error, CallError):
        return error
    text = text_of(error)
    found = FunctionError(f"{name}: {text}" if text else f"{name} raised {type(error).__name__}")
    found.type = type(error).__name__
    found.__cause__ = error
    return found
