"""Serves an ASGI application on a port, from a thread of its own. The only module that imports uvicorn."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from host.errors import UsageError

if TYPE_CHECKING:
    import uvicorn

__all__ = ["Abort", "App", "Scope", "Server"]

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
"""An ASGI 3 application. https://asgi.readthedocs.io/en/latest/specs/www.html"""
Abort = Callable[[Scope], None]
"""Aborts the connection that a request arrived on."""

REQUEST_TIMEOUT = 60.0  # seconds a client may take for a request, its body included
MOST_CONNECTIONS = 20_000


class Server:
    """Serves HTTP/1.1 on a thread of its own, from construction until :meth:`close`. Also a context manager.

    ``app(abort)`` returns the application. Port 0 takes a free port; the attributes ``host`` and ``port`` are the
    address in use, and ``url`` is its base URL. A client that takes more than ``REQUEST_TIMEOUT`` seconds for a request
    is disconnected. Raises :class:`UsageError` if the address cannot be listened on.
    """

    def __init__(self, app: Callable[[Abort], App], host: str, port: int, *, thread: str = "host-serve") -> None:
        self._socket = _listen(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        name = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"http://{name}:{self.port}"
        ready = threading.Event()
        try:
            self._server = _server(app, ready)
        except BaseException:  # raised by ``app``
            self._socket.close()
            raise
        self._thread = threading.Thread(target=self._run, args=(ready,), name=thread, daemon=True)
        self._thread.start()
        ready.wait()

    def _run(self, ready: threading.Event) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            ready.set()

    def wait(self) -> None:
        """Block until the server ends. The caller handles a ``KeyboardInterrupt``."""
        self._thread.join()

    def close(self) -> None:
        """Stop serving, abort open connections and join the thread. A second call does nothing."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error


# The two functions below import uvicorn, which is slow to import: a simulator in the same process does not need it.


def _protocol(connections: dict[Any, asyncio.Transport]) -> type[asyncio.Protocol]:
    """A protocol for HTTP/1.1 that keeps its open connections in ``connections``, by the client's address."""
    from uvicorn.protocols.http.h11_impl import H11Protocol, h11  # type: ignore[attr-defined]

    class Protocol(H11Protocol):
        """Registers its connection, so that it can be aborted, and aborts one whose request takes too long."""

        _slow: asyncio.TimerHandle | None = None
        _since = 0.0  # when it began to wait for the current request (the loop's time)

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            connections[transport.get_extra_info("peername")[:2]] = transport
            super().connection_made(transport)
            self._since = self.loop.time()
            self._slow = self.loop.call_later(REQUEST_TIMEOUT, self._look)

        def connection_lost(self, exc: Exception | None) -> None:
            if self._slow is not None:
                self._slow.cancel()
            connections.pop(self.client, None)
            super().connection_lost(exc)

        def on_response_complete(self) -> None:
            self._since = self.loop.time()
            super().on_response_complete()

        def _look(self) -> None:
            reading = self.conn.their_state in (h11.IDLE, h11.SEND_BODY)
            if reading and self.loop.time() - self._since >= REQUEST_TIMEOUT:
                self.transport.abort()
            else:
                self._slow = self.loop.call_later(REQUEST_TIMEOUT, self._look)

    return Protocol


def _server(app: Callable[[Abort], App], ready: threading.Event) -> uvicorn.Server:
    import uvicorn

    connections: dict[Any, asyncio.Transport] = {}

    class Uvicorn(uvicorn.Server):
        """Sets ``ready`` when it listens."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready.set()

    def abort(scope: Scope) -> None:
        transport = connections.get(tuple(scope["client"]))
        if transport is not None:
            transport.abort()

    config = uvicorn.Config(
        app(abort),
        http=_protocol(connections),
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        limit_concurrency=MOST_CONNECTIONS,
    )
    return Uvicorn(config)
