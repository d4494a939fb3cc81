"""Requests and responses, as plain frozen values.

They cross threads and processes, so they hold no httpx object and no secret: the key is named
(``credential``), and the client puts it on the wire.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from host.errors import Outcome
from host.http.answer_head import Head, fields_of

__all__ = [
    "Attempt",
    "BodySink",
    "Headers",
    "OnWait",
    "Request",
    "Response",
    "Send",
    "host_of",
    "is_line",
    "not_sent",
    "origin_of",
]

Headers = tuple[tuple[str, str], ...]


class BodySink(Protocol):
    """Takes the body of a 2xx answer as it comes, instead of memory. ``begin`` again when a request is repeated."""

    @property
    def largest(self) -> int:
        """How many bytes of the decoded body there may be."""
        ...

    async def begin(self) -> None: ...

    async def write(self, data: bytes) -> None: ...


class Request(msgspec.Struct, frozen=True):
    """One HTTP request, complete except for the key.

    ``url`` is absolute, query included. ``mutation`` is False for what is safe to repeat by HTTP's own
    rules (GET, HEAD). ``operation`` is the name users know (``stripe.products.create``).
    ``credential`` names the API whose key is added, ``None`` for no key. ``sink`` takes the body of a 2xx
    answer: what sends the request may stream it there, or leave it in the answer. It stays in its process.
    """

    method: str
    url: str
    headers: Headers = ()
    content: bytes = b""
    operation: str = ""
    mutation: bool = False
    credential: str | None = None
    idempotency_key: str | None = None
    timeout: float | None = None  # seconds for the answer, this call only
    retries: int | None = None  # overrides the policy's number of retries, this call only
    run_id: str = ""  # of the run it belongs to, where it is recorded or replayed
    sink: BodySink | None = None


class Attempt(msgspec.Struct, frozen=True):
    """One request of a call that was then retried: its outcome, and when it was sent.

    ``began`` is on :func:`time.monotonic` (0: it was not sent), the others as of :class:`Response`.
    """

    began: float
    elapsed: float
    status: int | None
    error: str | None  # its kind
    waited: float
    held: float
    connected: float = 0.0


class Response(msgspec.Struct, frozen=True):
    """One HTTP answer, body read to its end and decoded from its content coding.

    ``head`` are its headers by lower-case name, or as they came: see :attr:`headers`. ``elapsed`` is seconds from the
    first byte sent to the last read, ``attempts`` how many requests it took, ``waited`` seconds spent waiting for a
    rate limit (which do not count against the call's deadline), ``held`` those for a permit or a breaker (which do).
    ``in_doubt``: an earlier attempt of this mutation may have taken effect. ``began`` is when the last attempt
    was sent, on :func:`time.monotonic`, ``connected`` how long its new connection took to open (0: it had one),
    ``earlier`` the attempts before it.
    """

    status: int
    head: dict[str, str] | Head = {}
    body: bytes = b""
    elapsed: float = 0.0
    attempts: int = 1
    url: str = ""
    waited: float = 0.0
    held: float = 0.0
    in_doubt: bool = False
    began: float = 0.0
    connected: float = 0.0
    earlier: tuple[Attempt, ...] = ()

    @property
    def headers(self) -> dict[str, str]:
        """Its headers by lower-case name. Of most answers nobody asks for them."""
        head = self.head
        return fields_of(head) if type(head) is list else head  # type: ignore[return-value]


OnWait = Callable[[str, float | None], None]
"""``on_wait(reason, seconds)``: the request being sent waits, as :class:`host.events.Waiting` has it."""

Send = Callable[[Request, float], Awaitable[Response]]
"""``await send(request, deadline)`` → answer, or raises a :class:`~host.errors.CallError`."""


def not_sent(request: Request) -> Outcome | None:
    """The outcome of a request that has not left: only mutations have one."""
    return "not_sent" if request.mutation else None


@functools.lru_cache(maxsize=512)
def host_of(url: str) -> str:
    """Host and port of an absolute URL, without user and password, as limits and messages use it."""
    start = url.find("//") + 2
    end = url.find("/", start)
    netloc = url[start:] if end < 0 else url[start:end]
    return netloc.rpartition("@")[2].partition("?")[0]


@functools.lru_cache(maxsize=512)
def origin_of(url: str) -> str:
    """An absolute URL up to its path, query or fragment, as it stands."""
    found = re.match(r"[^/?#]*//[^/?#]*", url)
    return url if found is None else found.group()


def is_line(text: str) -> bool:
    """Whether it can be sent as a header's value: one line of ASCII."""
    return text.isascii() and "\n" not in text and "\r" not in text and "\0" not in text
