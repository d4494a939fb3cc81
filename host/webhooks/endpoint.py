"""The ASGI application that receives events. It verifies and records an event, then answers; it is handled later."""

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

MOST_BYTES: Final = 1 << 20  # of a request's body
HEALTH: Final = "/healthz"
QUIET: Final = 10.0  # seconds between two warnings about requests without a valid signature
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_log = logging.getLogger(__name__)


class _Answer(Exception):
    """Raised to answer a request with ``status`` and one line of text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class WebhookEndpoint:
    """Records received events in ``inbox``.

    It answers at ``path`` (``None``: at every path). A request must be signed with one of ``secrets``; if there are
    none, requests are not verified. ``came()`` is called when an event has been recorded. Once ``closed()`` returns
    true, events are refused with 503.
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
        self._warned_at = -QUIET
        self._refused = 0  # requests since the last warning

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3: https://asgi.readthedocs.io/en/latest/specs/www.html."""
        if scope["type"] != "http":
            raise RuntimeError(f"a webhook endpoint answers HTTP requests only, not {scope['type']}")
        try:
            await self._take(scope, receive)
            status, text = 200, '{"received": true}'
        except _Answer as answer:
            status, text = answer.status, str(answer)
        except SignatureError as error:
            self._warn_refused(error.message)
            status, text = 400, error.message
        except InvalidCall as error:
            status, text = 400, error.message
        except HostError as error:  # with 503 the sender tries again
            _log.error("an event could not be recorded: %s", error.message)
            status, text = 503, "the event could not be recorded"
        kind = b"application/json" if status == 200 and text.startswith("{") else b"text/plain; charset=utf-8"
        body = text.encode()
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _warn_refused(self, reason: str) -> None:
        """Log a refused request, at most once in :data:`QUIET` seconds, since anyone may send such requests."""
        self._refused += 1
        now = self._clock()
        if now - self._warned_at >= QUIET:
            more = f" ({self._refused:,} since the last warning)" if self._refused > 1 else ""
            _log.warning("refused a request: %s%s", reason, more)
            self._warned_at, self._refused = now, 0

    async def _take(self, scope: Scope, receive: Receive) -> None:
        if self._closed():
            raise _Answer(503, "events are no longer accepted here")
        if self._path is not None and scope["path"] == HEALTH and scope["method"] in ("GET", "HEAD"):
            raise _Answer(200, "ok")
        if self._path is not None and scope["path"].rstrip("/") != self._path.rstrip("/"):
            raise _Answer(404, "there is nothing here; the endpoint has another path")
        if scope["method"] != "POST":
            raise _Answer(405, "expected an event sent with POST")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _body(headers, receive)
        if self._secrets:  # over the raw bytes, before they are decoded
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
            raise _Answer(400, "the connection was closed before the end of the body")
        part = message.get("body", b"")
        size += len(part)
        if size > MOST_BYTES:
            raise _Answer(413, f"expected at most {MOST_BYTES:,} bytes")
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
