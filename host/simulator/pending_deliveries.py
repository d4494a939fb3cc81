"""Records deliveries that are still to be made in a store that is a file, so that they survive the process."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from host.simulator.partition import Partition
from host.simulator.simulator import Simulator
from host.simulator.store import Store

__all__ = ["PendingDeliveries", "PendingDelivery"]

_KIND: Final = "~delivery"
Object = dict[str, Any]


class PendingDelivery(NamedTuple):
    """A delivery that an earlier process left pending.

    ``slot`` is where it is recorded. ``endpoint`` is the id of the webhook endpoint or event destination, or "" for an
    address from the command line; ``url`` is its address. ``attempts`` have failed, and the next is due at ``due``
    (seconds since 1970).
    """

    slot: str
    event: Object
    endpoint: str
    url: str
    attempts: int
    due: float


class PendingDeliveries:
    """The records of pending deliveries, each in a numbered slot.

    Slots are reused, so there are as many as deliveries were ever pending at the same time. ``is_kept`` says whether
    the store is a file; if not, nothing is recorded.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self.is_kept = simulator.store.path is not None
        self._free: list[str] = []
        self._slots = 0

    def left(self) -> list[PendingDelivery]:
        """The deliveries that an earlier process left pending, in the order of their slots. To be called first."""
        return self._simulator.between_requests(self._read)

    def _read(self, store: Store) -> list[PendingDelivery]:
        found = []
        while (note := store.get(_KIND, str(self._slots))) is not None:
            slot = str(self._slots)
            self._slots += 1
            part = Partition(store, note["account"]) if note.get("account") else store
            event = part.get(note["kind"], note["event"]) if note else None
            if event is None:
                self._free.append(slot)
            else:
                found.append(PendingDelivery(slot, event, note["endpoint"], note["url"], note["attempts"], note["due"]))
        return found

    def add(self, event: Object, account: str, endpoint: str, url: str) -> str:
        """Record a delivery and return its slot ("" where the store is no file).

        To be called under the simulator's lock: it is committed together with what caused the event.
        """
        if not self.is_kept:
            return ""
        slot = self._free.pop() if self._free else str(self._slots)
        if slot == str(self._slots):
            self._slots += 1
        found: Object = {"kind": event["object"], "event": event["id"], "account": account}
        self._simulator.store.put(_KIND, slot, {**found, "endpoint": endpoint, "url": url, "attempts": 0, "due": 0.0})
        return slot

    def failed(self, slot: str, attempts: int, due: float) -> None:
        """Record how many attempts have failed, and when the next one is due."""
        if slot:
            self._simulator.between_requests(lambda store: self._put_off(store, slot, attempts, due))

    def _put_off(self, store: Store, slot: str, attempts: int, due: float) -> None:
        note = store.get(_KIND, slot)
        assert note is not None
        store.put(_KIND, slot, {**note, "attempts": attempts, "due": due})

    def ended(self, slot: str) -> None:
        """Free the slot of a delivery that was made or given up."""
        if slot:
            self._simulator.between_requests(lambda store: self._end(store, slot))

    def _end(self, store: Store, slot: str) -> None:
        store.put(_KIND, slot, {})
        self._free.append(slot)
