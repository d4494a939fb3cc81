from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from host.http.client import HttpClient
from host.http.settings import HttpSettings
from tests.http.servers import CERTIFICATES, FaultServer

WIRES = ("plain", "client-on-pool", "client-on-httpx")


@pytest.fixture
def server() -> Iterator[FaultServer]:
    server = FaultServer()
    yield server
    server.close()


@pytest.fixture
def tls_server() -> Iterator[FaultServer]:
    server = FaultServer(tls=True)
    yield server
    server.close()


@pytest.fixture
def other_tls_server() -> Iterator[FaultServer]:
    """Its certificate is good, but for another name."""
    server = FaultServer(tls=True, certificate="other")
    yield server
    server.close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port whose backlog is full: a connection to it is neither accepted nor refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        callers = []
        for _ in range(4):
            caller = socket.socket()
            caller.setblocking(False)
            caller.connect_ex(("127.0.0.1", port))
            callers.append(caller)
        yield port
        for caller in callers:
            caller.close()


@pytest.fixture
def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(params=WIRES)
async def make_client(request: pytest.FixtureRequest) -> Any:
    """Makes clients that send on each of the three ways, and closes them."""
    clients: list[HttpClient] = []

    def make(*, settings: dict[str, Any] | None = None, **options: Any) -> HttpClient:
        chosen = {"trust_env": False, "ssl_cert_file": str(CERTIFICATES / "ca.pem"), **(settings or {})}
        if request.param == "client-on-pool":
            options.setdefault("event_hooks", {"request": []})  # any hook makes it go through the client
        chosen["transport"] = "httpx" if request.param == "client-on-httpx" else "auto"
        client = HttpClient(HttpSettings(**chosen), **options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def client(make_client: Callable[..., HttpClient]) -> HttpClient:
    return make_client(settings={"connect_timeout": 0.5})
