"""The record of one call, and what it knows of its run."""

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
from host.policy.budget import Quota, Reservation, settle
from host.policy.permissions import Permissions

if TYPE_CHECKING:
    from host.apis.raw_request import RawRequest

__all__ = ["Call", "CallHandler", "CallingRun", "wrapped"]


class CallingJob(Protocol):
    """What a call needs to know of what its run may do."""

    @property
    def permissions(self) -> Permissions: ...

    @property
    def meters(self) -> tuple[Quota, ...]: ...


class CallingRun(Protocol):
    """What a call needs to know of the run it belongs to."""

    run_id: str

    @property
    def job(self) -> CallingJob:
        """What it is to do, and may."""
        ...

    @property
    def replaying(self) -> bool:
        """Whether what it does now it did before it broke off (durable runs)."""
        ...

    def emit(self, event: Event) -> None: ...

    def answered(self, call: Call) -> None:
        """A call of it has its reply. From any thread."""
        ...


class CallHandler(Protocol):
    """What answers a call in place of the worker."""

    def send(self, call: Call) -> None:
        """Have it answered. Raises nothing."""

    def cancel(self, call: Call) -> None:
        """Give it up; its answer still comes."""


class Call(AsyncRequest, eq=False):
    """One call of a script, from its check to the connection and back: the record that all on its way work on.

    ``source`` is its run. ``payload`` is what its function gets: of an API's operation a :class:`Request`. ``reply`` is
    set exactly once, then the run is told.
    """

    id: int = 0
    kind: int = 0
    line: int | None = None
    api: Api | None = None
    operation: Operation | None = None
    reply: Reply | None = None
    claims: tuple[Reservation, ...] = ()  # what it took from budgets
    started: float = 0.0
    tell: bool = False  # whether the run's sinks are told of it
    task: bytes = b""  # the path of the script's task, for them
    seconds: float | None = None  # until its deadline, where that is not the usual time
    again: bool = False  # the script's own repeat of it carries the same idempotency key
    web_key: Key | None = None  # of a library's request that has an idempotency key of the script's
    # Of a durable run: what takes the call instead of the registry, its key, and its place in the journal.
    hold: Callable[[Call], None] | None = None
    handler: CallHandler | None = None  # of calls that are none of the worker's
    key: str | None = None
    place: tuple[str, int, bytes] | None = None
    beyond: tuple[str, ...] = ()  # names it sends that its catalog does not know
    asks: RawRequest | None = None  # what <api>.request asks for
    pages: bytes | None = None  # of <api>.request: how the list it gives goes on
    place_of_page: Any = None  # of a further page of a list: the arguments that lead to it, or its URL

    __repr__ = object.__repr__  # it holds answers as they came

    @property
    def request(self) -> Request | None:
        """What is sent for it, where that goes to an API."""
        return self.payload if type(self.payload) is Request else None

    def waiting(self, reason: str, seconds: float | None) -> None:
        """Tell the run's sinks what it waits for, on the loop's thread."""
        if self.tell:
            self.source.emit(Waiting(self.source.run_id, time(), self.id, reason, seconds, self.task.decode()))

    def deliver(self, reply: Reply) -> None:
        """Take the worker's one reply, on the loop's thread."""
        self.reply = reply
        if self.claims:
            settle(self.claims, reply)
        self.source.answered(self)

    def deliver_error(self, error: CallError) -> None:
        """Answers it with an error found on this side."""
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
