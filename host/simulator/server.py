"""Serves a simulator on a port."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from host.apis.catalog import Catalog
from host.serve.allowed_hosts import OwnNames
from host.serve.server import Abort, Server
from host.simulator.app import SimulatorApp
from host.simulator.simulator import Simulator

__all__ = ["SimulatorServer", "serve"]


class SimulatorServer(Server):
    """Serves ``simulator`` over HTTP/1.1, from construction until ``close()``.

    It answers requests for the hosts ``localhost``, IP addresses, ``host`` and ``names``, and no others.
    """

    def __init__(self, simulator: Simulator, host: str, port: int, names: Iterable[str] = ()) -> None:
        self.simulator = simulator
        own = OwnNames([host, *names])

        def app(abort: Abort) -> SimulatorApp:  # called once the port is known, and before any request
            simulator.origin = self.url
            return SimulatorApp(simulator, abort=abort, names=own)

        super().__init__(app, host, port, thread="simulator")


def serve(
    source: Catalog | Simulator,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    names: Iterable[str] = (),
    **options: Any,
) -> SimulatorServer:
    """Serve a simulator, or a new one of a catalog, with ``options`` of :class:`Simulator`.

    Port 0 takes a free port. ``names`` are further host names of the server, such as a container's. Raises
    :class:`UsageError` if the address cannot be listened on.
    """
    simulator = source if isinstance(source, Simulator) else Simulator(source, **options)
    return SimulatorServer(simulator, host, port, names)
