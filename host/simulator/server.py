"""The simulator on a port."""

from __future__ import annotations

import asyncio
import socket
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

from host.apis.catalog import Catalog
from host.errors import UsageError
from host.simulator.app import Scope, SimulatorApp
from host.simulator.simulator import Simulator

if TYPE_CHECKING:
    import uvicorn


class SimulatorServer:
    """A simulator served over HTTP/1.1 from a thread of its own, from construction until :meth:`close`.

    ``url`` is its base URL, ``simulator`` what it serves. Also a context manager.
    """

    def __init__(self, simulator: Simulator, host: str, port: int) -> None:
        self.simulator = simulator
        self._socket = _listen(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        name = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"http://{name}:{self.port}"
        ready = threading.Event()
        self._server = _server(simulator, ready)
        self._thread = threading.Thread(target=self._run, args=(ready,), name="simulator", daemon=True)
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
        """Stop serving and join the thread; twice is fine. Connections that hang are cut."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> SimulatorServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(
    source: Catalog | Simulator, *, host: str = "127.0.0.1", port: int = 0, **options: Any
) -> SimulatorServer:
    """Serve a simulator, or one made of a catalog with ``options`` (as :class:`Simulator`'s).

    Port 0 takes a free one. Raises :class:`UsageError` if the address cannot be listened on.
    """
    simulator = source if isinstance(source, Simulator) else Simulator(source, **options)
    return SimulatorServer(simulator, host, port)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error


def _server(simulator: Simulator, ready: threading.Event) -> uvicorn.Server:
    # Loaded here: a run that simulates in its own process has no need of it, and it takes 50 ms.
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    connections: dict[Any, asyncio.Transport] = {}

    class Protocol(H11Protocol):
        """Remembers its connection, so that a simulated reset can cut it."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            connections[transport.get_extra_info("peername")[:2]] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.pop(self.client, None)
            super().connection_lost(exc)

    class Server(uvicorn.Server):
        """Says when it listens."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready.set()

    def abort(scope: Scope) -> None:
        transport = connections.get(tuple(scope["client"]))
        if transport is not None:
            transport.abort()

    config = uvicorn.Config(
        SimulatorApp(simulator, abort=abort),
        http=Protocol,
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return Server(config)
