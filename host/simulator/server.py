"""The simulator on a port."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from host.apis.catalog import Catalog
from host.errors import UsageError
from host.simulator.app import Scope, SimulatorApp, host_name
from host.simulator.simulator import Simulator

if TYPE_CHECKING:
    import uvicorn

PATIENCE = 60.0  # seconds a client may take for a request, its body included
MOST_CONNECTIONS = 20_000


class SimulatorServer:
    """A simulator served over HTTP/1.1 from a thread of its own, from construction until :meth:`close`.

    ``url`` is its base URL, ``simulator`` what it serves. Also a context manager. It answers requests for
    ``localhost``, for addresses, for ``host`` and for ``names``, no others.
    """

    def __init__(self, simulator: Simulator, host: str, port: int, names: Iterable[str] = ()) -> None:
        self.simulator = simulator
        self._socket = _listen(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        name = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"http://{name}:{self.port}"
        ready = threading.Event()
        self._server = _server(simulator, ready, OwnNames([host, *names]))
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
    source: Catalog | Simulator,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    names: Iterable[str] = (),
    **options: Any,
) -> SimulatorServer:
    """Serve a simulator, or one made of a catalog with ``options`` (as :class:`Simulator`'s).

    Port 0 takes a free one; ``names`` are the server's beside its own (a container's).
    Raises :class:`UsageError` if the address cannot be listened on.
    """
    simulator = source if isinstance(source, Simulator) else Simulator(source, **options)
    return SimulatorServer(simulator, host, port, names)


class OwnNames:
    """Names a server is asked for by right: ``localhost``, what it was told, and addresses, which no web page can make
    point here (DNS rebinding).
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {"localhost", *(host_name(name) for name in names)}

    def __contains__(self, name: object) -> bool:
        return name in self._names or _is_address(str(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error


def _server(simulator: Simulator, ready: threading.Event, names: OwnNames) -> uvicorn.Server:
    # Loaded here: a run that simulates in its own process has no need of it, and it takes 50 ms.
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol, h11  # type: ignore[attr-defined]

    connections: dict[Any, asyncio.Transport] = {}

    class Protocol(H11Protocol):
        """Remembers its connection, so that a simulated reset can cut it; ends one whose request takes too long."""

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
        SimulatorApp(simulator, abort=abort, names=names),
        http=Protocol,
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        limit_concurrency=MOST_CONNECTIONS,
    )
    return Server(config)
