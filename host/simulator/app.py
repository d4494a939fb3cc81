"""The simulator as an ASGI 3 application. https://asgi.readthedocs.io/en/latest/specs/www.html"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote

from host.simulator.simulator import Simulator

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
MAX_BODY = 64 * 1024 * 1024  # bytes


class SimulatorApp:
    """Answers HTTP with a :class:`Simulator`; the work is short, and done on the loop's own thread.

    ``abort(scope)`` closes a request's connection without an answer, which ASGI itself cannot: see
    :mod:`host.simulator.server`. Without it a simulated reset is a ``ConnectionResetError`` of the
    application.
    """

    def __init__(self, simulator: Simulator, *, abort: Callable[[Scope], None] | None = None) -> None:
        self.simulator = simulator
        self._abort = abort

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            raise ValueError(f"the simulator speaks HTTP, not {scope['type']}")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            await _answer(send, 413, {}, b"", scope["method"])
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
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


async def _body(receive: Receive) -> bytes | None:
    """The request's body, or ``None`` if it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > MAX_BODY:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


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
