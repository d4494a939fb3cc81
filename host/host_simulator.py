"""The simulator of a simulated host: the program's, or one of its own that is made when needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from host.errors import UsageError

if TYPE_CHECKING:
    from host.apis.catalog import Catalog
    from host.http.sender import Sender
    from host.simulator.simulator import Simulator

__all__ = ["HostSimulator"]


class HostSimulator:
    """``simulator`` is ``None`` until there is one. ``is_own``: nobody gave it, so its objects may be put on disk."""

    def __init__(self, given: Simulator | None, *, lenient: bool) -> None:
        self._lenient = lenient
        self.simulator = given
        self.is_own = given is None

    def client(self, catalog: Catalog) -> Any:
        """What answers in place of an HTTP client."""
        from host.simulator.inprocess import SimulatedClient
        from host.simulator.simulator import Simulator

        if self.simulator is None:
            self.simulator = Simulator(catalog, lenient=self._lenient)
        return SimulatedClient({"stripe": self.simulator})

    def keep(self, path: str, catalog: Catalog, sender: Sender) -> None:
        """Have the simulator keep its objects in a file; nothing may have been asked of it yet."""
        from host.simulator.simulator import Simulator
        from host.simulator.store import Store

        assert self.simulator is not None
        if self.simulator.ledger():
            raise UsageError(
                "this host's simulator holds objects already, and a durable run needs them on disk from the start",
                hint="run durable runs first, or give Host(simulator=Simulator(…, store=Store(path)))",
            )
        self.simulator = Simulator(catalog, store=Store(path), lenient=self._lenient)
        sender.client.replace("stripe", self.simulator)
