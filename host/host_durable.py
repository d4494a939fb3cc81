"""A host's durable runs, opened with the first of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from host.durable.binding import HostParts
    from host.durable.runs import DurableRuns
    from host.fleet.fleet import Fleet, FleetParts

__all__ = ["HostDurable"]


class HostDurable:
    """``parts()`` gives what they need of the host; asked once."""

    def __init__(self, parts: Callable[[], HostParts]) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._runs: DurableRuns | None = None
        self._fleet: Fleet | None = None

    @property
    def runs(self) -> DurableRuns:
        """What begins, resumes and looks at durable runs. From any thread."""
        with self._lock:
            if self._runs is None:
                from host.durable.runs import DurableRuns  # most hosts have none

                self._runs = DurableRuns(self._parts())
            return self._runs

    def fleet(self, parts: Callable[[], FleetParts]) -> Fleet:
        """Where they are run by other machines. From any thread."""
        from host.fleet.fleet import Fleet as Opened  # an extra

        with self._lock:
            if self._fleet is None:
                self._fleet = Opened(parts())
            return self._fleet

    def close(self) -> None:
        """Close their journal and the fleet, if they were opened. A second call does nothing."""
        if self._fleet is not None:
            self._fleet.close()
        if self._runs is not None:
            self._runs.close()
