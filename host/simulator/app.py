"""The simulator as an ASGI 3 application. https://asgi.readthedocs.io/en/latest/specs/www.html"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote

import msgspec

from host.serve.allowed_hosts import host_of_header
from host.simulator.simulator import Simulator

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
MAX_BODY = 64 * 1024 * 1024  # bytes
MAX_HELD = 4 * MAX_BODY  # bytes, of all requests in flight together


class SimulatorApp:
    """Answers HTTP requests with a :class:`Simulator`, on the event loop's own thread, since each takes little time.

    ``abort(scope)`` closes a request's connection without an answer, which ASGI has no message for; see
    :mod:`host.simulator.server`. Without it, the application raises ``ConnectionResetError`` for a simulated reset.
    With ``names``, requests for other hosts are refused with 421, so that a web page whose own host name was made to
    point to this machine (DNS rebinding) reaches nothing. Request bodies may take 64 MB each and 256 MB in all.
    """

    def __init__(
        self,
        simulator: Simulator,
        *,
        abort: Callable[[Scope], None] | None = None,
        names: Container[str] | None = None,
    ) -> None:
        self.simulator = simulator
        self._abort = abort
        self._names = names
        self._held = 0  # bytes of bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            raise ValueError(f"the simulator speaks HTTP, not {scope['type']}")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        name = host_of_header(headers.get("host", ""))
        if self._names is not None and name not in self._names:
            await _refuse(send, 421, f"This server is not {name[:200] or 'without a name'}; see --allow-host", scope)
            return
        parts: list[bytes] = []
        try:
            status = await self._receive(receive, parts)
            if status:
                await _refuse(send, status, _TOO_LARGE[status], scope)
                return
            await self._exchange(scope, receive, send, headers, b"".join(parts))
        finally:
            self._held -= sum(map(len, parts))

    async def _receive(self, receive: Receive, parts: list[bytes]) -> int:
        """Append the request's body to ``parts``. Returns 0, or the status to refuse it with if it is too big."""
        size = 0
        while True:
            message = await receive()
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > MAX_BODY:
                return 413
            if part and self._held + len(part) > MAX_HELD:
                return 503
            parts.append(part)
            self._held += len(part)
            if not message.get("more_body"):
                return 0

    async def _exchange(self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str], body: bytes) -> None:
        exchange = self.simulator.begin(scope["method"], _target(scope), headers, body)
        try:
            if exchange.fault.delay:
                await asyncio.sleep(exchange.fault.delay)
            if exchange.fault.failure == "hang":
                await _disconnected(receive)
                return
        except BaseException:
            exchange.abandon()
            raise
        try:
            status, fields, content = exchange.finish()
        except ConnectionResetError:
            if self._abort is None:
                raise
            self._abort(scope)
            await _disconnected(receive)
            return
        await _answer(send, status, fields, content, scope["method"])


def _target(scope: Scope) -> str:
    raw = scope.get("raw_path")
    path = raw.decode("latin-1").partition("?")[0] if raw else quote(scope["path"])
    query: bytes = scope.get("query_string", b"")
    return f"{path}?{query.decode('latin-1')}" if query else path


_TOO_LARGE = {
    413: f"The request's body is over {MAX_BODY >> 20} MB",
    503: f"The requests in flight have bodies of more than {MAX_HELD >> 20} MB together; try again later",
}


async def _refuse(send: Send, status: int, message: str, scope: Scope) -> None:
    body = msgspec.json.encode({"error": {"type": "invalid_request_error", "message": message}})
    # The rest of the request is not read.
    await _answer(send, status, {"content-type": "application/json", "connection": "close"}, body, scope["method"])


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(send: Send, status: int, headers: Mapping[str, str], body: bytes, method: str) -> None:
    lines = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
