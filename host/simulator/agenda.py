"""What is due later by the clock: money that becomes available, debits that settle, refunds that fail."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

from host.simulator.store import Store

if TYPE_CHECKING:
    from host.simulator.context import RequestContext

KIND = "~due"
NEVER = 1 << 62


class AgendaItem(NamedTuple):
    """One thing to do: ``action`` with the object ``subject``, at ``at`` seconds, in ``account``'s world."""

    at: int
    id: str
    action: str
    subject: str
    account: str


class Agenda:
    """Things to do, in the order of their time. Kept in the store, so that it is rolled back and lasts with it.

    Not thread-safe: the simulator holds its lock.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._heap = [(value["at"], value["id"]) for value in store.each(KIND)]
        heapq.heapify(self._heap)

    @property
    def next(self) -> int:
        """When something is due; :data:`NEVER` if nothing is."""
        return self._heap[0][0] if self._heap else NEVER

    def add(self, call: RequestContext, at: int, action: str, subject: str) -> None:
        """At ``at`` do ``action`` with the object of that id."""
        id = call.world.ids.new("")
        self._store.put(KIND, id, {"id": id, "at": at, "action": action, "subject": subject, "account": call.account})
        heapq.heappush(self._heap, (at, id))

    def take(self, now: int) -> AgendaItem | None:
        """The first thing that is due, off the list; what was rolled back is passed over."""
        while self.next <= now:
            at, id = heapq.heappop(self._heap)
            record = self._store.record(KIND, id)
            if record is None or record.deleted:
                continue
            value = self._store.get(KIND, id) or {}
            self._store.put(KIND, id, value, deleted=True)
            return AgendaItem(at, id, value["action"], value["subject"], value["account"])
        return None
