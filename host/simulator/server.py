"""The simulator on a port."""

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
    """A simulator served over HTTP/1.1, from construction until ``close()``. ``simulator`` is what it serves.

    It answers requests for ``localhost``, for addresses, for ``host`` and for ``names``, no others.
    """

    def __init__(self, simulator: Simulator, host: str, port: int, names: Iterable[str] = ()) -> None:
        self.simulator = simulator
        own = OwnNames([host, *names])

        def app(abort: Abort) -> SimulatorApp:  # made when it is known where it is, and nothing is answered yet
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
    """Serve a simulator, or one made of a catalog with ``options`` (as :class:`Simulator`'s).

    Port 0 takes a free one; ``names`` are the server's beside its own (a container's).
    Raises :class:`UsageError` if the address cannot be listened on.
    """
    simulator = source if isinstance(source, Simulator) else Simulator(source, **options)
    return SimulatorServer(simulator, host, port, names)
