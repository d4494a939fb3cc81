"""Actions that are scheduled for later, on the ordinary clock and on test clocks.

An entry holds a time, an action, and the object and account it is for; there is one entry for each action and object.
Entries are kept in the store, so they survive a restart, and are rolled back with the request that made them.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Container, Mapping
from typing import Any, Protocol

from host.simulator.store import Store


class Movable(Protocol):
    """A request's context that can be had for another time."""

    def at(self, now: int, clock: str) -> Any: ...


class Timed(Protocol):
    """A request's context: its time (seconds since 1970), the clock it is by, and the account."""

    now: int
    clock: str

    @property
    def account(self) -> str: ...


Action = Callable[[Any, str], Any]
KIND = "~due"
ORDINARY = ""  # the clock of objects that are on no test clock


class Agenda:
    """Entries by clock, and the functions that carry them out.

    An action is called with the request's context, its ``now`` set to the entry's time, and the object's id; it checks
    whether the object still needs it. Among entries of the same second, those whose action is in ``early`` run first.
    ``soonest`` is the time at which the next entry on the ordinary clock is due (infinity if there is none).
    ``done(at)`` is called after each action.
    """

    def __init__(
        self,
        store: Store,
        actions: Mapping[str, Action],
        early: Container[str] = (),
        done: Callable[[int], None] = lambda at: None,
    ) -> None:
        self._store = store
        self._actions = actions
        self._early = early
        self._done = done
        self._heaps: dict[str, list[tuple[int, bool, int, str]]] = {}
        self._sequence = 0
        self.soonest: float = math.inf
        for entry in store.each(KIND):
            self._push(entry)

    def add(self, call: Timed, at: int, action: str, id: str) -> None:
        """Schedule ``action`` for the object ``id`` at ``at`` (seconds since 1970), by the clock of ``call``.

        An entry that already exists for the two is moved to the new time.
        """
        key = _key(call.account, action, id)
        found = self._store.get(KIND, key)
        sequence = found["sequence"] if found is not None and not found["done"] else 0
        if found is not None and not found["done"] and (found["at"], found["clock"]) == (at, call.clock):
            return
        if not sequence:
            self._sequence += 1
            sequence = self._sequence
        entry = {
            "at": at,
            "account": call.account,
            "action": action,
            "id": id,
            "clock": call.clock,
            "sequence": sequence,
            "done": False,
        }
        self._store.put(KIND, key, entry)
        self._push(entry)

    def drop(self, action: str, id: str, account: str = "") -> None:
        """Remove the entry, if there is one."""
        key = _key(account, action, id)
        found = self._store.get(KIND, key)
        if found is not None and not found["done"]:
            self._store.put(KIND, key, {**found, "done": True})

    def forget(self, clock: str) -> None:
        """Remove all entries of a test clock that is being deleted."""
        for *_, key in self._heaps.pop(clock, []):
            found = self._store.get(KIND, key)
            if found is not None and found["clock"] == clock:
                self._store.put(KIND, key, {**found, "done": True})

    def run(self, call: Movable, clock: str, until: int) -> None:
        """Carry out, in order, the actions due on ``clock`` by ``until`` (included), each at its own time.

        If one raises, the caller rolls back; then all entries are still due.
        """
        heap = self._heaps.setdefault(clock, [])
        taken: list[tuple[int, bool, int, str]] = []
        try:
            while heap and heap[0][0] <= until:
                taken.append(heapq.heappop(heap))
                self._carry_out(call, clock, taken[-1])
        except BaseException:
            for each in taken:
                heapq.heappush(heap, each)
            raise
        if clock == ORDINARY:
            self.soonest = heap[0][0] if heap else math.inf

    def _carry_out(self, call: Movable, clock: str, due: tuple[int, bool, int, str]) -> None:
        at, _, _, key = due
        entry = self._store.get(KIND, key)
        if entry is None or entry["done"] or (entry["at"], entry["clock"]) != (at, clock):
            return
        self._store.put(KIND, key, {**entry, "done": True})
        then = call.at(at, clock).within(entry["account"])
        self._actions[entry["action"]](then, entry["id"])
        self._done(at)

    def _push(self, entry: dict[str, Any]) -> None:
        if entry["done"]:
            return
        self._sequence = max(self._sequence, entry["sequence"])
        key = _key(entry["account"], entry["action"], entry["id"])
        late = entry["action"] not in self._early
        heapq.heappush(self._heaps.setdefault(entry["clock"], []), (entry["at"], late, entry["sequence"], key))
        if entry["clock"] == ORDINARY:
            self.soonest = min(self.soonest, entry["at"])


def _key(account: str, action: str, id: str) -> str:
    return f"{account}/{action}:{id}"
