"""The host's own connection pool: HTTP/1.1 directly on the event loop, which also does TLS.

Proxies and HTTP/2 are left to httpx's own transport. One exchange at a time on a
connection; connections are kept per origin and reused, the last used first.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Generator, Sequence
from time import monotonic
from types import coroutine
from typing import Any

from host.bridge.deadlines import Deadlines
from host.http.answer_head import Head, fields_of
from host.http.connection import UNASKED, PooledConnection, keep_alive
from host.http.request_head import HeaderLines, RequestHeads
from host.http.reusable_future import ReusableFuture
from host.http.settings import HttpSettings
from host.http.transport_errors import OversizedError, TransportError, TransportFault

__all__ = ["ConnectionPool"]

BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
_OF_CODING = frozenset({b"content-encoding", b"content-length"})


class ConnectionPool:
    """Exchanges over its own pool of connections. On one loop only."""

    def __init__(self, settings: HttpSettings, roots: bytes | None) -> None:
        self._settings = settings
        self._roots = roots
        self._limit = settings.max_answer_bytes
        self._idle: dict[str, list[PooledConnection]] = {}  # by origin, the last used at the end
        self._open: set[PooledConnection] = set()
        self._context: ssl.SSLContext | None = None
        self._line = HeaderLines().__getitem__
        self._unsent: list[PooledConnection] = []  # whose requests are to be written in the loop's next round
        self._sweep: asyncio.TimerHandle | None = None
        self._deadlines: Deadlines[ReusableFuture] | None = None  # of what is awaited; made on the loop
        self.connected = 0.0  # as of host.http.client.Transport
        self.codings = "Accept-Encoding: gzip, deflate\r\n"
        self._heads = RequestHeads(f"User-Agent: {settings.user_agent}\r\n{self.codings}")

    @coroutine
    def exchange(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        content: bytes,
        deadline: float,
        prepared: tuple[str, str] | None = None,
    ) -> Generator[Any, Any, tuple[int, Head, bytes]]:
        """Send and read the answer to its end: status, headers as they came, decoded body.

        ``prepared`` is the origin and how the head begins, for a caller that writes ``Host`` and ``User-Agent``
        itself; it does not get the headers that name a coding undone here.
        """
        origin, begin = prepared or self._heads.known.get((method, url)) or self._heads.begin(method, url)
        lines = "".join(map(self._line, headers))
        is_sized = content or method not in BODILESS  # RFC 9110, 8.6; some servers insist
        length = f"Content-Length: {len(content)}\r\n" if is_sized else ""
        head = f"{begin}{lines}{length}\r\n".encode("ascii")
        deadlines = self._deadlines or self._begin_deadlines()
        idle = self._idle.get(origin)
        connection = self._take(idle) if idle else None
        took = 0.0
        if connection is None:
            start = monotonic()
            longest = min(deadline - start, self._settings.connect_timeout)
            connection = yield from self._connect(origin, longest, deadlines)
            took = monotonic() - start
        connection.deadline = deadline
        deadlines.keep(connection)
        try:
            connection.ask(head, content, method == "HEAD")
            if len(self._open) == 1 or (idle and len(self._open) - len(idle) == 1):
                connection.write()  # no other request is waiting
            else:
                self._write_soon(connection)
            if connection.pending:  # as "await connection" does, without an iterator for it
                connection._asyncio_future_blocking = True
                yield connection
            if connection.failure is not None:
                raise connection.failure
        except BaseException as error:
            self._abandon(connection, error)
            raise
        self.connected, reader = took, connection.reader
        came, body = reader.head, reader.whole()
        if reader.reusable and not connection.closed:
            self._give_back(origin, connection)
        else:
            self._drop(connection)
        if reader.coded and body and (coding := fields_of(came).get("content-encoding")):
            body = _decoded(body, coding, self._limit)
            if prepared is not None:
                came = [pair for pair in came if pair[0].lower() not in _OF_CODING]
        return reader.status, came, body

    def _begin_deadlines(self) -> Deadlines[ReusableFuture]:
        self._deadlines = Deadlines(asyncio.get_running_loop(), self._expire)
        return self._deadlines

    def _expire(self, late: ReusableFuture) -> None:
        """A deadline has passed: of what is awaited, or of an earlier exchange on that connection."""
        if not late.pending:
            return
        if monotonic() >= late.deadline:
            late.expire()
        elif self._deadlines is not None:
            self._deadlines.add(late)

    def _write_soon(self, connection: PooledConnection) -> None:
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._write)
        self._unsent.append(connection)

    def _write(self) -> None:
        """Write all requests of this round of the loop, one directly after the other.

        A write at any other time wakes the peer if it sleeps, which costs as much as the write.
        """
        unsent, self._unsent = self._unsent, []
        for connection in unsent:
            try:
                connection.write()
            except Exception as error:  # raised by the loop; the others must still be written
                connection.fail(TransportError("reset", str(error)))

    def fault_of(self, error: Exception) -> tuple[TransportFault, str] | None:
        if isinstance(error, TransportError):
            return error.fault, error.detail
        return None

    async def aclose(self) -> None:
        """Close every connection."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for connection in list(self._open):
            unsent = TransportError("connect", "the client was closed before a request was sent")
            connection.fail(unsent if connection.request else TransportError("closed"))
        self._open.clear()
        self._idle.clear()
        await asyncio.sleep(0)  # the loop closes the sockets in its next round

    # -- the pool

    def _drop(self, connection: PooledConnection) -> None:
        connection.close()
        self._open.discard(connection)
        if self._deadlines is not None:
            self._deadlines.remove(connection)

    def _abandon(self, connection: PooledConnection, error: BaseException) -> None:
        connection.pending = False
        self._drop(connection)
        if isinstance(error, asyncio.CancelledError) and monotonic() >= connection.deadline:
            raise connection.expired() from None  # both times were up before the loop saw either

    def _take(self, idle: list[PooledConnection]) -> PooledConnection | None:
        while idle:
            connection = idle.pop()
            if not connection.closed and not connection.transport.is_closing():
                return connection
            self._open.discard(connection)
        return None

    def _give_back(self, origin: str, connection: PooledConnection) -> None:
        connection.idle_since = monotonic()
        idle = self._idle.get(origin)
        if idle is None:
            idle = self._idle[origin] = []
        idle.append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._settings.idle, self._close_idle)

    def _close_idle(self) -> None:
        """Close connections unused for the idle time, and look again when the next is due."""
        self._sweep = None
        now, next_due = monotonic(), None
        for origin, idle in list(self._idle.items()):
            keep = []
            for connection in idle:
                due = connection.idle_since + self._settings.idle
                if connection.closed or due <= now:
                    connection.close()
                    self._open.discard(connection)
                else:
                    keep.append(connection)
                    next_due = due if next_due is None else min(due, next_due)
            if keep:
                self._idle[origin] = keep
            else:
                del self._idle[origin]
        if next_due is not None:
            self._sweep = asyncio.get_running_loop().call_later(next_due - now, self._close_idle)

    # -- connecting

    async def _connect(self, origin: str, seconds: float, deadlines: Deadlines[ReusableFuture]) -> PooledConnection:
        host, port, secure, _ = self._heads.origin(origin)
        loop = asyncio.get_running_loop()
        extra: dict[str, Any] = {}
        if secure:
            extra = {"ssl": self._tls(), "server_hostname": host}
        connection = PooledConnection(loop, self._limit)
        opening = ReusableFuture(loop)
        opening.pending, opening.deadline = True, monotonic() + seconds
        deadlines.add(opening)
        # In a separate task, which connecting needs.
        task = loop.create_task(loop.create_connection(lambda: connection, host, port, **extra))
        task.add_done_callback(lambda task: opening.end(None if task.cancelled() else task.exception()))
        try:
            await opening
        except BaseException as error:
            task.cancel()
            connection.close()
            if isinstance(error, asyncio.CancelledError) and monotonic() >= opening.deadline:
                raise TransportError("connect_timeout") from None
            if isinstance(error, socket.gaierror):
                raise TransportError("dns", error.strerror or "") from error
            if isinstance(error, OSError):
                raise _connect_error(error, secure) from error
            raise
        finally:
            deadlines.remove(opening)
        if connection.closed or connection.transport.is_closing():
            raise TransportError("connect", UNASKED)
        self._open.add(connection)
        keep_alive(connection, self._settings.keepalive)
        return connection

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            from host.http.tls import client_context  # certifi: only https needs it

            self._context = client_context(self._settings.verify, self._roots)
        return self._context


def _connect_error(error: OSError, secure: bool) -> TransportError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return TransportError("tls", f"its certificate is not trusted: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return TransportError("tls", error.reason or "the handshake failed")
    if secure and isinstance(error, ConnectionResetError | ConnectionAbortedError):
        return TransportError("tls", "it closed the connection in the handshake")
    return TransportError("connect", error.strerror or str(error))


def _decoded(body: bytes, codings: str, limit: int) -> bytes:
    """A body without its content codings."""
    from host.http.content_coding import CodingError, decoder  # few answers are coded

    pieces, size = [], 0
    try:
        undo = decoder(codings)
        if undo is None:
            return body
        for piece in undo.feed(body):
            size += len(piece)
            if size > limit:
                raise OversizedError(f"more than {limit} bytes")
            pieces.append(piece)
        undo.finish()
    except CodingError as error:
        raise TransportError("coding", str(error)) from error
    return b"".join(pieces)
