"""The short way out: HTTP/1.1 straight on the loop, answers parsed by httptools (llhttp). TLS is the loop's.

What it does not do, the client leaves to httpx's own transport: proxies and HTTP/2. One
exchange at a time on a connection; connections are kept per origin and used again, the last one first.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from contextvars import Context
from time import monotonic
from types import coroutine
from typing import Any
from urllib.parse import quote, urlsplit

import httptools

from host.bridge.deadlines import Deadlines
from host.http.message import is_line, origin_of
from host.http.settings import HttpSettings
from host.http.transport_errors import OversizedError, TransportFault

__all__ = ["ConnectionPool"]

BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
MOST_HEAD = 1 << 18  # bytes of an answer's head, and of its trailers
MOST_PIECES = 512  # of a body, before they are joined: small chunks cost more than what is in them
MOST_CODINGS = 3  # on top of one another
LONGEST_KEEPALIVE = 32767  # seconds between probes, as Linux has it
YOUTH = 1.0  # seconds for which a connection needs no probes: many together are opened sooner without
UNASKED = "it ended the connection before it was asked anything"
_OF_CODING = frozenset({b"content-encoding", b"content-length"})
_IN_URL = "!#$%&'()*+,/:;=?@[]~"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")


_NAMES: dict[tuple[bytes, ...], tuple[str, ...]] = {}  # of answers' heads, in lower case, by what was sent


def _fields(names: list[bytes], values: list[bytes]) -> dict[str, str]:
    """An answer's headers by lower-case name, those of one name joined; without what is no ASCII text."""
    sent = tuple(names)
    lower = _NAMES.get(sent)
    if lower is None:
        lower = tuple(name.decode("latin-1").lower() for name in sent)
        if len(_NAMES) < 256 and len(sent) < 100 and max(map(len, sent), default=0) < 100:
            _NAMES[sent] = lower
    joined = b"\n".join(values)
    texts = joined.decode("ascii").split("\n") if joined.isascii() else ()
    if len(texts) == len(values):
        fields = dict(zip(lower, texts, strict=True))
        if len(fields) == len(values):
            return fields
    fields = {}
    for name, value in zip(lower, values, strict=True):
        if value.isascii():
            text = value.decode("ascii")
            fields[name] = f"{fields[name]}, {text}" if name in fields else text
    return fields


class _Lines(dict[tuple[str, str], str]):
    """Headers as they are sent, by name and value: most are the same in each request."""

    def __missing__(self, header: tuple[str, str]) -> str:
        name, value = header
        if not _TOKEN.match(name):
            raise TransportError("invalid", "a header's name is not one word of ASCII")
        if not is_line(value):
            raise TransportError("invalid", f"its header {name!r} is not one line of ASCII text")
        line = f"{name}: {value}\r\n"
        if len(line) < 512:
            if len(self) >= 256:  # not many are kept: an idempotency key comes once
                self.clear()
            self[header] = line
        return line


class TransportError(Exception):
    """What went wrong, as the map of faults names it."""

    def __init__(self, fault: TransportFault, detail: str = "") -> None:
        super().__init__(detail)
        self.fault: TransportFault = fault
        self.detail = detail


class _Awaited:
    """What one coroutine at a time waits for, in a task or without.

    Like the loop's future, but a callback that was added without a context is called at once, by whoever ends the
    wait: that spares each exchange a round of the loop.
    """

    __slots__ = ("_asyncio_future_blocking", "_callback", "_context", "_loop", "deadline", "failure", "pending", "slot")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asyncio_future_blocking = False
        self._callback: Callable[[Any], object] | None = None
        self._context: Context | None = None
        self.pending = False
        self.failure: BaseException | None = None
        self.deadline = 0.0
        self.slot = 0  # of Deadlines

    def __await__(self) -> Generator[Any, Any, None]:
        if self.pending:
            self._asyncio_future_blocking = True
            yield self
        self.result()

    def end(self, failure: BaseException | None = None) -> None:
        """It is there, or it has failed: whoever waits goes on."""
        if self.pending:
            self.pending, self.failure = False, failure
            self.wake()

    def expire(self) -> None:
        """Its deadline has passed."""
        self.end(TransportError("connect_timeout"))

    def wake(self) -> None:
        """Have whoever waits go on."""
        callback, self._callback = self._callback, None
        if callback is None:
            return
        if self._context is None:
            callback(self)
        else:
            self._loop.call_soon(callback, self, context=self._context)

    # -- as a task sees it

    def result(self) -> None:
        if self.failure is not None:
            raise self.failure

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context | None = None) -> None:
        self._callback, self._context = callback, context

    def remove_done_callback(self, callback: Callable[[Any], object]) -> int:
        self._callback = None
        return 1

    def cancel(self, msg: object = None) -> bool:
        was_pending = self.pending
        self.end(asyncio.CancelledError())
        return was_pending

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop


class _Connection(asyncio.Protocol, _Awaited):
    """One connection: one exchange at a time, whose answer is awaited on it."""

    __slots__ = (
        "bodiless",
        "body",
        "closed",
        "framed",
        "head",
        "headed",
        "idle_since",
        "length",
        "limit",
        "names",
        "parser",
        "raw",
        "request",
        "reusable",
        "size",
        "status",
        "transport",
        "values",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        super().__init__(loop)
        self.limit = limit
        self.parser = httptools.HttpResponseParser(self)
        self.transport: Any = None
        self.closed = False
        self.idle_since = 0.0
        self.bodiless = False
        self.request: tuple[bytes, ...] = ()

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # the loop has set TCP_NODELAY
        if self.closed:  # nobody waits for it any more
            self.close()

    def data_received(self, data: bytes) -> None:
        if not self.pending or self.request:  # nobody asked: what comes now belongs to nothing
            self._refuse()
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.fail(TransportError("malformed", "it wants another protocol"))
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, OversizedError | TransportError):
                self.fail(cause)
            else:
                self.fail(TransportError("malformed", str(error)))
        if not self.pending:
            self.wake()
            return
        self.raw += len(data)
        if self.raw > MOST_HEAD:
            self._bound()

    def _refuse(self) -> None:
        self.fail(TransportError("connect", UNASKED))

    def _bound(self) -> None:
        # The parser keeps a header's line until it is whole, and tells nothing of a chunk's extensions.
        if not self.headed and self.raw > 2 * MOST_HEAD:
            self.fail(TransportError("malformed", "its head is over 256 KB"))
        elif self.raw > 2 * (self.limit + MOST_HEAD):
            self.fail(OversizedError(f"more than {self.limit} bytes"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.pending:
            return
        if self.request:
            self._refuse()
        elif not self.headed:
            fault: TransportFault = "truncated" if self.status else "reset"
            self.fail(TransportError(fault, "" if exc is None else str(exc)))
        elif not self.framed and exc is None:  # the body ends with the connection (RFC 9112, 6.3)
            self.reusable = False
            self.end()
        else:
            self.fail(TransportError("truncated"))

    # -- httptools' side

    def on_message_begin(self) -> None:
        if not self.pending:  # what follows an answer is not this request's
            raise TransportError("malformed", "more than one answer")
        self.names: list[bytes] = []
        self.values: list[bytes] = []
        self.body: list[bytes | bytearray] = []
        self.headed = self.framed = False
        self.status = self.size = self.length = 0

    def on_status(self, status: bytes) -> None:
        self.status = self.parser.get_status_code()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.headed:  # a trailer's, which belongs to nothing (RFC 9110, 6.5.1)
            self.size += len(name) + len(value)
            if self.size > MOST_HEAD:
                raise TransportError("malformed", "what follows its body is over 256 KB")
            return
        self.names.append(name)
        self.values.append(value)

    def on_headers_complete(self) -> None:
        names, values = self.names, self.values
        # A head in one piece is small enough.
        if self.raw and sum(map(len, names)) + sum(map(len, values)) > MOST_HEAD:
            raise TransportError("malformed", "its head is over 256 KB")
        self.head = fields = _fields(names, values)
        self.status = self.parser.get_status_code()
        self.headed = self.status >= 200
        self.framed = "content-length" in fields or "transfer-encoding" in fields
        if self.bodiless and self.headed:
            # llhttp cannot be told that this answer has no body: it is complete, and so is the connection.
            self.reusable = self.pending = False

    def on_body(self, data: bytes) -> None:
        if self.bodiless:
            return
        self.length += len(data)
        if self.length > self.limit:
            raise OversizedError(f"more than {self.limit} bytes")
        self.body.append(data)
        if len(self.body) > MOST_PIECES:
            first, *rest = self.body
            whole = first if isinstance(first, bytearray) else bytearray(first)
            whole += b"".join(rest)
            self.body = [whole]

    def on_message_complete(self) -> None:
        if self.status < 200 or not self.pending:  # 100 Continue: the answer follows
            return
        self.reusable = bool(self.parser.should_keep_alive())
        self.framed = True
        self.pending = False  # who waits goes on once the parser has returned

    # -- the wire's side

    def ask(self, head: bytes, content: bytes, *, bodiless: bool) -> None:
        """Have a request to write; the connection is awaited for its answer."""
        self.request = (head + content,) if len(content) < 65536 else (head, content)
        self.bodiless = bodiless
        self.headed = False
        self.raw = self.status = 0
        self.failure = None
        self.pending = True

    def write(self) -> None:
        """Write it, unless it has been given up."""
        if self.closed:
            return
        if self.transport.is_closing():
            self._refuse()
            return
        request, self.request = self.request, ()
        for part in request:
            self.transport.write(part)

    def expire(self) -> None:
        self.fail(TransportError("pool" if self.request else "response_timeout"))  # the loop was busy until now

    def fail(self, error: Exception) -> None:
        self.close()
        self.end(error)

    def close(self) -> None:
        """End the connection now. What is still unsent is dropped."""
        self.closed = True
        if self.transport is not None:
            self.transport.abort()


class ConnectionPool:
    """Exchanges over its own pool of connections. On one loop only."""

    def __init__(self, settings: HttpSettings, roots: bytes | None) -> None:
        self._settings = settings
        self._roots = roots
        self._limit = settings.max_answer_bytes
        self._idle: dict[str, list[_Connection]] = {}  # by origin, the last used at the end
        self._origins: dict[str, tuple[str, int, bool, str]] = {}
        self._known: dict[tuple[str, str], tuple[str, str]] = {}  # the first requests' origin and how they begin
        self._open: set[_Connection] = set()
        self._context: ssl.SSLContext | None = None
        self._line = _Lines().__getitem__
        self._unsent: list[_Connection] = []  # whose requests are to be written in the loop's next round
        self._young: list[_Connection] = []  # not yet kept alive by the system
        self._sweep: asyncio.TimerHandle | None = None
        self._deadlines: Deadlines[_Awaited] | None = None  # of what is awaited; made on the loop
        self.codings = "Accept-Encoding: gzip, deflate\r\n"
        self._common = f"User-Agent: {settings.user_agent}\r\n{self.codings}"

    @coroutine
    def exchange(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        content: bytes,
        seconds: float,
        prepared: tuple[str, str] | None = None,
    ) -> Generator[Any, Any, tuple[int, Any, bytes]]:
        """Send and read the answer to its end: status, headers by lower-case name, decoded body.

        ``prepared`` is the origin and how the head begins, for a caller that writes ``Host`` and ``User-Agent``
        itself; it gets the headers as a list of byte pairs as they came, less what told of an undone coding.
        """
        origin, begin = prepared or self._known.get((method, url)) or self._begin(method, url)
        lines = "".join(map(self._line, headers))
        length = ""
        if content or method not in BODILESS:  # RFC 9110, 8.6; some servers insist
            length = f"Content-Length: {len(content)}\r\n"
        head = f"{begin}{lines}{length}\r\n".encode("ascii")
        deadlines = self._deadlines
        if deadlines is None:
            deadlines = self._deadlines = Deadlines(asyncio.get_running_loop(), lambda late: late.expire())
        idle = self._idle.get(origin)
        connection = self._take(idle) if idle else None
        if connection is None:
            start = monotonic()
            connecting = self._connect(origin, min(seconds, self._settings.connect_timeout), deadlines)
            connection = yield from connecting
            seconds -= monotonic() - start
        connection.deadline = monotonic() + seconds
        deadlines.add(connection)
        try:
            connection.ask(head, content, bodiless=method == "HEAD")
            if len(self._open) == 1 or (idle and len(self._open) - len(idle) == 1):
                connection.write()  # it is alone
            else:
                if not self._unsent:
                    asyncio.get_running_loop().call_soon(self._write)
                self._unsent.append(connection)
            if connection.pending:  # as "await connection" does, without an iterator for it
                connection._asyncio_future_blocking = True
                yield connection
            if connection.failure is not None:
                raise connection.failure
            status, fields, parts = connection.status, connection.head, connection.body
        except BaseException:
            connection.pending = False
            connection.close()
            self._open.discard(connection)
            raise
        finally:
            deadlines.remove(connection)
        if connection.reusable and not connection.closed:
            self._give_back(origin, connection)
        else:
            connection.close()
            self._open.discard(connection)
        body = bytes(parts[0]) if len(parts) == 1 else b"".join(parts)  # bytes() of bytes is itself
        coding = fields.get("content-encoding") if body else None
        if coding:
            body = _decoded(body, coding, self._limit)
        if prepared is not None:
            undone = _OF_CODING if coding else ()
            raw = zip(connection.names, connection.values, strict=True)
            return status, [(name, value) for name, value in raw if name.lower() not in undone], body
        return status, fields, body

    def _write(self) -> None:
        """Write all requests of this round of the loop, one right after the other.

        Each write of its own wakes who is at the other end, if that sleeps, and costs twice as much.
        """
        unsent, self._unsent = self._unsent, []
        for connection in unsent:
            try:
                connection.write()
            except Exception as error:  # of the loop's; the others are to be written all the same
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
            unsent = TransportError("connect", "the client was closed before it was asked anything")
            connection.fail(unsent if connection.request else TransportError("closed"))
        self._open.clear()
        self._idle.clear()
        self._young.clear()
        await asyncio.sleep(0)  # the loop closes the sockets in its next round

    def _begin(self, method: str, url: str) -> tuple[str, str]:
        """A request's origin and its head up to its own headers."""
        origin = origin_of(url)
        target = url[len(origin) :].partition("#")[0]
        if not target.startswith("/"):
            target = f"/{target}"
        if not target.isascii():
            target = quote(target, safe=_IN_URL)
        place = self._origins.get(origin) or self._learn(origin)
        begin = f"{method} {target} HTTP/1.1\r\nHost: {place[3]}\r\n{self._common}"
        if len(self._known) < 256 and len(url) < 256:
            self._known[method, url] = origin, begin
        return origin, begin

    # -- the pool

    def _take(self, idle: list[_Connection]) -> _Connection | None:
        while idle:
            connection = idle.pop()
            if not connection.closed and not connection.transport.is_closing():
                return connection
            self._open.discard(connection)
        return None

    def _give_back(self, origin: str, connection: _Connection) -> None:
        connection.idle_since = monotonic()
        idle = self._idle.get(origin)
        if idle is None:
            idle = self._idle[origin] = []
        idle.append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._settings.idle, self._close_idle)

    def _close_idle(self) -> None:
        """Close what nobody has used for the idle time, and look again when the next is due."""
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

    def _learn(self, origin: str) -> tuple[str, int, bool, str]:
        parts = urlsplit(origin)
        secure = parts.scheme == "https"
        host = parts.hostname or ""
        try:
            ascii_host = host if host.isascii() else host.encode("idna").decode()
        except UnicodeError:
            raise TransportError("dns", "the name is not one that can be looked up") from None
        port = parts.port or (443 if secure else 80)
        shown = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
        name = shown if port == (443 if secure else 80) else f"{shown}:{port}"
        if len(self._origins) > 1000:
            self._origins.clear()
        place = self._origins[origin] = (ascii_host, port, secure, name)
        return place

    async def _connect(self, origin: str, seconds: float, deadlines: Deadlines[_Awaited]) -> _Connection:
        host, port, secure, _ = self._origins.get(origin) or self._learn(origin)
        loop = asyncio.get_running_loop()
        extra: dict[str, Any] = {}
        if secure:
            extra = {"ssl": self._tls(), "server_hostname": host}
        connection = _Connection(loop, self._limit)
        opening = _Awaited(loop)
        opening.pending, opening.deadline = True, monotonic() + seconds
        deadlines.add(opening)
        # In a task of its own: what there is to connect needs one to run in.
        task = loop.create_task(loop.create_connection(lambda: connection, host, port, **extra))
        task.add_done_callback(lambda task: opening.end(None if task.cancelled() else task.exception()))
        try:
            await opening
        except BaseException as error:
            task.cancel()
            connection.close()
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
        if not self._young:
            loop.call_later(YOUTH, self._keep_alive)
        self._young.append(connection)
        return connection

    def _keep_alive(self) -> None:
        """Have the system see that the connections of the last second which are still open stay so."""
        young, self._young = self._young, []
        seconds = min(max(1, int(self._settings.keepalive)), LONGEST_KEEPALIVE)
        for connection in young:
            if not (connection.closed or connection.transport.is_closing()):
                with suppress(OSError):  # it goes without
                    _keep_alive(connection.transport.get_extra_info("socket"), seconds)

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


#: Options that say how soon a silent peer is asked, where the system has them.
_KEEPALIVE = [getattr(socket, name) for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL") if hasattr(socket, name)]


def _keep_alive(made: Any, seconds: int) -> None:
    if made is None:
        return
    # The loop's own view of the socket makes a new object for each option.
    with_options = socket.SocketType(made.family, socket.SOCK_STREAM, 0, made.fileno())
    try:
        with_options.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in _KEEPALIVE:
            with_options.setsockopt(socket.IPPROTO_TCP, option, seconds)
    finally:
        with_options.detach()


def _decoded(body: bytes, codings: str, limit: int) -> bytes:
    names = [each.strip().lower() for each in codings.split(",")]
    if len(names) > MOST_CODINGS:
        raise TransportError("coding", f"{len(names)} codings on top of one another")
    for coding in reversed(names):
        if coding in ("gzip", "x-gzip"):
            bits = 31
        elif coding == "deflate":  # RFC 9110, 8.4.1.2: zlib's format; some send it bare
            bits = 15 if body[:1] and (body[0] & 15) == 8 else -15
        elif coding in ("identity", ""):
            continue
        else:
            raise TransportError("coding", f"{coding[:20]} was not asked for")
        decoder = zlib.decompressobj(bits)
        try:
            plain = decoder.decompress(body, limit + 1)
            while bits == 31 and decoder.eof and decoder.unused_data and len(plain) <= limit:
                body = decoder.unused_data  # a gzip file may have several members
                decoder = zlib.decompressobj(31)
                plain += decoder.decompress(body, limit + 1)
            body = plain
        except zlib.error as error:
            raise TransportError("coding", str(error)) from error
        if len(body) > limit:
            raise OversizedError(f"more than {limit} bytes")
        if not decoder.eof:
            raise TransportError("coding", "it ends too early")
    return body
