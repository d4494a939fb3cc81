"""The ASGI application that senders reach: verified, recorded, then answered; handled afterwards."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

from host.errors import HostError, InvalidCall, SignatureError
from host.serve.server import Scope
from host.webhooks.inbox import Inbox
from host.webhooks.senders import WebhookSender

__all__ = ["MOST_BYTES", "WebhookEndpoint"]

MOST_BYTES: Final = 1 << 20  # of a body
HEALTH: Final = "/healthz"
QUIET: Final = 10.0  # seconds between two warnings of requests that prove nothing
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_log = logging.getLogger(__name__)


class _Answer(Exception):
    """How a request is answered: ``status`` and a text of one line."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class WebhookEndpoint:
    """Takes events into ``inbox``.

    ``path`` is the one it answers at (``None``: every one), ``secrets`` those a signature may be of (none: it believes
    whoever reaches it), ``came()`` is called when there is something to handle, ``closed()`` says
    that no more is taken.
    """

    def __init__(
        self,
        inbox: Inbox,
        sender: WebhookSender,
        secrets: Sequence[str],
        *,
        path: str | None = None,
        tolerance: float = 300.0,
        came: Callable[[], None],
        closed: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._inbox = inbox
        self._sender = sender
        self._secrets = tuple(secrets)
        self._path = path
        self._tolerance = tolerance
        self._came = came
        self._closed = closed
        self._clock = clock
        self._told_at = -QUIET
        self._refused = 0  # requests since a warning

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3: https://asgi.readthedocs.io/en/latest/specs/www.html."""
        if scope["type"] != "http":
            raise RuntimeError(f"an endpoint of webhooks answers HTTP only, not {scope['type']}")
        try:
            await self._take(scope, receive)
            status, text = 200, '{"received": true}'
        except _Answer as answer:
            status, text = answer.status, str(answer)
        except SignatureError as error:
            self._tell_refused(error.message)
            status, text = 400, error.message
        except InvalidCall as error:
            status, text = 400, error.message
        except HostError as error:  # the sender is to try again
            _log.error("an event could not be recorded: %s", error.message)
            status, text = 503, "the event could not be recorded"
        kind = b"application/json" if status == 200 and text.startswith("{") else b"text/plain; charset=utf-8"
        body = text.encode()
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _tell_refused(self, reason: str) -> None:
        """Warn of a request that proves nothing, at most once in :data:`QUIET` seconds: anybody may send them."""
        self._refused += 1
        now = self._clock()
        if now - self._told_at >= QUIET:
            more = f" ({self._refused:,} since the last warning)" if self._refused > 1 else ""
            _log.warning("refused a request: %s%s", reason, more)
            self._told_at, self._refused = now, 0

    async def _take(self, scope: Scope, receive: Receive) -> None:
        if self._closed():
            raise _Answer(503, "events are no longer taken here")
        if self._path is not None and scope["path"] == HEALTH and scope["method"] in ("GET", "HEAD"):
            raise _Answer(200, "ok")
        if self._path is not None and scope["path"].rstrip("/") != self._path.rstrip("/"):
            raise _Answer(404, "nothing is here; the endpoint is another path")
        if scope["method"] != "POST":
            raise _Answer(405, "events are sent with POST")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _body(headers, receive)
        if self._secrets:  # on the bytes that came, before anything reads them
            self._sender.verify(headers, body, self._secrets, self._clock(), self._tolerance)
        if (asked := self._sender.answer(body)) is not None:
            raise _Answer(200, asked)
        await self._inbox.add([self._sender.event(headers, body)])
        self._came()


async def _body(headers: dict[str, str], receive: Receive) -> bytes:
    said = headers.get("content-length", "0")
    if said.isdecimal() and int(said[:20]) > MOST_BYTES:
        raise _Answer(413, f"expected at most {MOST_BYTES:,} bytes")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise _Answer(415, "expected a body that is not compressed")
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Answer(400, "the body broke off")
        part = message.get("body", b"")
        size += len(part)
        if size > MOST_BYTES:
            raise _Answer(413, f"expected at most {MOST_BYTES:,} bytes")
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
