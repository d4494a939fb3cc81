"""Deliveries that are still to be made, kept in a store that is a file, so that they outlive the process."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from host.simulator.partition import Partition
from host.simulator.simulator import Simulator
from host.simulator.store import Store

__all__ = ["LeftDelivery", "PendingDeliveries"]

_KIND: Final = "~delivery"
Object = dict[str, Any]


class LeftDelivery(NamedTuple):
    """One that an earlier process did not make. ``endpoint`` is the id of the object that says where it goes, or "" for
    ``url``; ``attempts`` have failed, the next is due at ``due`` (seconds since 1970).
    """

    slot: str
    event: Object
    endpoint: str
    url: str
    attempts: int
    due: float


class PendingDeliveries:
    """Notes of deliveries by slots, which are used again: there are as many as were ever pending at once."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self.is_kept = simulator.store.path is not None
        self._free: list[str] = []
        self._slots = 0

    def left(self) -> list[LeftDelivery]:
        """Those of an earlier process, in the order of their slots."""
        return self._simulator.between_requests(self._read)

    def _read(self, store: Store) -> list[LeftDelivery]:
        found = []
        while (note := store.get(_KIND, str(self._slots))) is not None:
            slot = str(self._slots)
            self._slots += 1
            part = Partition(store, note["account"]) if note.get("account") else store
            event = part.get(note["kind"], note["event"]) if note else None
            if event is None:
                self._free.append(slot)
            else:
                found.append(LeftDelivery(slot, event, note["endpoint"], note["url"], note["attempts"], note["due"]))
        return found

    def add(self, event: Object, account: str, endpoint: str, url: str) -> str:
        """Note one; returns its slot. Under the simulator's lock: committed with what made the event."""
        if not self.is_kept:
            return ""
        slot = self._free.pop() if self._free else str(self._slots)
        if slot == str(self._slots):
            self._slots += 1
        kind = "event" if event["object"] == "event" else event["object"]
        note: Object = {"kind": kind, "event": event["id"], "account": account, "endpoint": endpoint, "url": url}
        self._simulator.store.put(_KIND, slot, {**note, "attempts": 0, "due": 0.0})
        return slot

    def failed(self, slot: str, attempts: int, due: float) -> None:
        """Note when it is to be tried again."""
        if slot:
            self._simulator.between_requests(lambda store: self._put_off(store, slot, attempts, due))

    def _put_off(self, store: Store, slot: str, attempts: int, due: float) -> None:
        note = store.get(_KIND, slot)
        assert note is not None
        store.put(_KIND, slot, {**note, "attempts": attempts, "due": due})

    def ended(self, slot: str) -> None:
        """It was made, or is given up."""
        if slot:
            self._simulator.between_requests(lambda store: self._end(store, slot))

    def _end(self, store: Store, slot: str) -> None:
        store.put(_KIND, slot, {})
        self._free.append(slot)
