"""One connection of the pool: one exchange at a time, whose answer is awaited on it."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

from host.http.response_reader import ResponseReader
from host.http.reusable_future import ReusableFuture
from host.http.transport_errors import TransportError

__all__ = ["UNASKED", "PooledConnection", "keep_alive"]

LONGEST_KEEPALIVE = 32767  # seconds between probes, as Linux has it
UNASKED = "it closed the connection before a request was sent"


class PooledConnection(asyncio.Protocol, ReusableFuture):
    """``request`` is what remains to be written; ``reader`` reads the answer."""

    __slots__ = ("closed", "idle_since", "reader", "request", "transport")

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        super().__init__(loop)
        self.reader = ResponseReader(limit)
        self.transport: Any = None
        self.closed = False
        self.idle_since = 0.0
        self.request: tuple[bytes, ...] = ()

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open; the loop has set TCP_NODELAY."""
        self.transport = transport
        if self.closed:  # the waiter has given up
            self.close()

    def data_received(self, data: bytes) -> None:
        """Bytes have come: they are part of the awaited answer, or the connection is closed."""
        if not self.pending or self.request:  # unsolicited: it belongs to no request
            self._refuse()
            return
        reader = self.reader
        fault = reader.feed(data)
        if fault is not None:
            self.fail(fault)
        elif reader.complete:
            self.pending = False
            self.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self.closed = True
        if not self.pending:
            return
        if self.request:
            self._refuse()
            return
        fault = self.reader.lost(exc)
        if fault is None:
            self.end()
        else:
            self.fail(fault)

    # -- the pool's side

    def ask(self, head: bytes, content: bytes, is_head: bool) -> None:
        """Set the next request to write; then await the connection for its answer. ``is_head``: it is a HEAD."""
        self.request = (head + content,) if len(content) < 65536 else (head, content)
        self.reader.expect(is_head)
        self.failure = None
        self.pending = True

    def write(self) -> None:
        """Write the request, unless it has been given up."""
        if self.closed:
            return
        if self.transport.is_closing():
            self._refuse()
            return
        request, self.request = self.request, ()
        for part in request:
            self.transport.write(part)

    def expire(self) -> None:
        """Its deadline has passed."""
        self.fail(self.expired())

    def expired(self) -> TransportError:
        """The fault of an exchange whose time is up."""
        return TransportError("pool" if self.request else "response_timeout")  # "pool": the loop was busy until now

    def fail(self, error: Exception) -> None:
        """Close it, and fail the exchange that waits for its answer."""
        self.close()
        self.end(error)

    def close(self) -> None:
        """Close it at once."""
        self.closed = True
        if self.transport is not None:
            self.transport.abort()

    def _refuse(self) -> None:
        self.fail(TransportError("connect", UNASKED))


#: Options for how soon a silent peer is probed, where the system has them.
_KEEPALIVE = [getattr(socket, name) for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL") if hasattr(socket, name)]


def keep_alive(connection: PooledConnection, interval: float) -> None:
    """Have the system probe a silent peer every ``interval`` seconds, where it can."""
    if connection.closed or connection.transport.is_closing():
        return
    made = connection.transport.get_extra_info("socket")
    if made is not None:
        with suppress(OSError):  # it works without
            _set_options(made, min(max(1, int(interval)), LONGEST_KEEPALIVE))


def _set_options(made: Any, seconds: int) -> None:
    # The loop's own socket object creates a new object for each option.
    with_options = socket.SocketType(made.family, socket.SOCK_STREAM, 0, made.fileno())
    try:
        with_options.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in _KEEPALIVE:
            with_options.setsockopt(socket.IPPROTO_TCP, option, seconds)
    finally:
        with_options.detach()
