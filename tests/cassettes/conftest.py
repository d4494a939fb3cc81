"""Cassettes in a folder of the test, a simulator's server to record from, and a network that can be cut."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host import Host, RunResult
from host.apis.stripe import load
from host.simulator.server import SimulatorServer, serve
from host.simulator.simulator import Simulator

KEY = "sk_test_0123456789abcdefghijklmn"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key and no address of this machine's."""
    for name in ("STRIPE_SECRET_KEY", "STRIPE_BASE_URL", "STRIPE_API_BASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    """The simulator on a port."""
    with serve(Simulator(load())) as running:
        yield running


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """Where a test's cassette is, or will be."""
    return tmp_path / "shop.jsonl"


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Any]]:
    """``cut()`` cuts the network: whatever connects from now on fails, and is in the list it gives."""

    def now() -> list[Any]:
        tried: list[Any] = []

        def refuse(self: socket.socket, address: Any) -> None:
            tried.append(address)
            raise AssertionError(f"the network is cut, and {address} was connected to")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket.socket, "connect_ex", refuse)
        return tried

    return now


@pytest.fixture
def record(cassette: Path) -> Callable[..., RunResult]:
    """``record(code, **options)``: what a script gives that is recorded from a simulator of its own."""

    def run(code: str, **options: Any) -> RunResult:
        with Host(**{"simulate": True, "record": cassette, **options}) as host:
            return host.run_source(code).raise_for_error()

    return run


@pytest.fixture
def replay(cassette: Path) -> Callable[..., RunResult]:
    """``replay(code, **options)``: what a script gives that is answered from the cassette."""

    def run(code: str, **options: Any) -> RunResult:
        with Host(replay=cassette, **options) as host:
            return host.run_source(code)

    return run
