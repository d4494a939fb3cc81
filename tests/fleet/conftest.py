"""One PostgreSQL server for the tests of a process, a database of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from host import Host
from host.simulator.fault_injection import Faults
from host.simulator.server import serve
from tests.fleet.machines import KEY, Ledger, Process, Server, binaries, rows


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    found = Server()
    yield found
    found.close()


@pytest.fixture
def url(server: Server) -> str:
    """A fresh database's."""
    name = f"fleet_{uuid4().hex[:12]}"
    rows(server.url(), f"CREATE DATABASE {name}")
    return server.url(name)


@pytest.fixture
def host(url: str) -> Iterator[Host]:
    """A simulated host of the fleet, with a short lease."""
    with Host(simulate=True, database=url, run_lease=2) as found:
        yield found


@pytest.fixture
def api() -> Iterator[tuple[Ledger, str]]:
    """The API of all workers, and its address."""
    ledger = Ledger()
    ledger.faults = Faults.parse("latency:30ms")
    with serve(ledger) as server:
        yield ledger, server.url


@pytest.fixture
def submitter(url: str, api: tuple[Ledger, str]) -> Iterator[Host]:
    """A host with the API's key."""
    with Host(database=url, stripe_secret_key=KEY, stripe_api_base=api[1], run_lease=2) as found:
        yield found


@pytest.fixture
def worker(url: str, api: tuple[Ledger, str], tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts worker processes."""
    started: list[Process] = []

    def start(**how: Any) -> Process:
        started.append(Process(url, api[1], tmp_path, **how))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def database(url: str) -> str:
    """The same, where a test has other URLs."""
    return url
