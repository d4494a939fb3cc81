"""An ASGI application on a port: listens, says when it is ready, ends when asked to. The only importer of uvicorn."""

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
"""Cuts the connection a request came on."""

PATIENCE = 60.0  # seconds a client may take for a request, its body included
MOST_CONNECTIONS = 20_000


class Server:
    """Serves over HTTP/1.1 from a thread of its own, from construction until :meth:`close`. Also a context manager.

    ``app(abort)`` gives the application; ``url`` is the base URL. Port 0 takes a free one; ``host`` and ``port`` are
    then those listened on. A client that takes too long for a request is cut off. Raises :class:`UsageError` if the
    address cannot be listened on.
    """

    def __init__(self, app: Callable[[Abort], App], host: str, port: int, *, thread: str = "host-serve") -> None:
        self._socket = _listen(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        name = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"http://{name}:{self.port}"
        ready = threading.Event()
        try:
            self._server = _server(app, ready)
        except BaseException:  # the application's own
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
        """Block until the server ends; an interrupt of the waiting thread is its caller's to handle."""
        self._thread.join()

    def close(self) -> None:
        """Stop serving and join the thread; a second call does nothing. Connections that hang are cut."""
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


# Both load uvicorn themselves: a run that simulates in its own process has no need of it, and it is slow to import.


def _protocol(connections: dict[Any, asyncio.Transport]) -> type[asyncio.Protocol]:
    """HTTP/1.1 that keeps its connections in ``connections``, by the client's address."""
    from uvicorn.protocols.http.h11_impl import H11Protocol, h11  # type: ignore[attr-defined]

    class Protocol(H11Protocol):
        """Remembers its connection, so that it can be cut; ends one whose request takes too long."""

        _slow: asyncio.TimerHandle | None = None
        _since = 0.0  # from when on a request is waited for

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            connections[transport.get_extra_info("peername")[:2]] = transport
            super().connection_made(transport)
            self._since = self.loop.time()
            self._slow = self.loop.call_later(PATIENCE, self._look)

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
            if reading and self.loop.time() - self._since >= PATIENCE:
                self.transport.abort()
            else:
                self._slow = self.loop.call_later(PATIENCE, self._look)

    return Protocol


def _server(app: Callable[[Abort], App], ready: threading.Event) -> uvicorn.Server:
    import uvicorn

    connections: dict[Any, asyncio.Transport] = {}

    class Uvicorn(uvicorn.Server):
        """Says when it listens."""

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
