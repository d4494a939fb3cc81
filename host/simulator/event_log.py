"""The events of a simulated API: recorded as changes of objects, and made into event objects only when needed.

Most runs never read events. So a request only records references to JSON that is stored anyway, and its events are
derived, given ids and stored once events are listed, retrieved or delivered, or at once if the store is a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby, islice
from typing import Any, NamedTuple

from host.simulator.change import Change, Derived
from host.simulator.ids import IdGenerator
from host.simulator.store import Store

__all__ = ["Cause", "EventLog", "Listener"]

Object = dict[str, Any]
Listener = Callable[[Object, str], "list[Callable[[], None]]"]
"""Gives, for an event and its account, a function for each of its deliveries that begins it.

All are called under the simulator's lock, and must not block.
"""


class Cause(NamedTuple):
    """What caused events: the request's id and idempotency key, and when (seconds since 1970).

    Both are ``None`` for what the passing of time caused.
    """

    request_id: str | None
    key: str | None
    at: int


class EventLog:
    """The events of one simulator. Not thread-safe: used under the simulator's lock.

    ``derive(changes)`` gives the events for the changes of one request. ``forms(event, account)`` gives the objects
    that are stored and delivered for an event, each with its kind. With ``eager`` events are made at each commit.
    """

    def __init__(
        self,
        store: Store,
        derive: Callable[[Sequence[Change]], list[Derived]],
        forms: Callable[[Object, str], list[tuple[str, Object]]],
        ids: IdGenerator,
        *,
        version: str,
        eager: bool,
    ) -> None:
        self._store = store
        self._derive = derive
        self._forms = forms
        self._ids = ids
        self._version = version
        self._eager = eager
        self._open: list[tuple[list[Change], Cause]] = []  # of the request in progress
        self._noted: list[Any] = []  # of committed requests, flat (see ``_flat``), as most are never read
        self._listeners: list[Listener] = []

    def note(self, cause: Cause) -> None:
        """Record the store's changes since the last call, with their cause."""
        changes = self._store.take_changes()
        if changes:
            self._open.append((changes, cause))

    def commit(self) -> None:
        """Confirm what was recorded since the last commit; to be called before the store commits."""
        if self._open:
            for changes, cause in self._open:
                self._noted += _flat(changes, cause)
            self._open.clear()
            if self._eager or self._listeners:
                self.settle()

    def rollback(self) -> None:
        """Discard what was recorded since the last commit."""
        self._open.clear()

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with each later event, in order."""
        self.settle()
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Stop calling ``listener``."""
        self._listeners.remove(listener)

    def settle(self) -> None:
        """Make and store the events of all that was recorded, so that they can be listed."""
        noted, self._noted = self._noted, []
        for changes, cause in _parted(noted):
            for account, own in groupby(changes, lambda change: change.account):
                for derived in self._derive(list(own)):
                    self._make(derived, cause, account)

    def _make(self, derived: Derived, cause: Cause, account: str) -> None:
        data: Object = {"object": derived.object}
        if derived.previous is not None:
            data["previous_attributes"] = derived.previous
        event: Object = {
            "id": self._ids.new("evt_"),
            "object": "event",
            "api_version": self._version,
            "created": cause.at,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": cause.request_id, "idempotency_key": cause.key},
            "type": derived.type,
        }
        if account or derived.account:
            event["account"] = account or derived.account
        for kind, form in self._forms(event, account):
            self.add(kind, form, account)

    def add(self, kind: str, event: Object, account: str = "") -> None:
        """Store a new event, and begin its deliveries."""
        deliveries = [begin for listener in self._listeners for begin in listener(event, account)]
        if "pending_webhooks" in event:
            event["pending_webhooks"] = len(deliveries)
        self._store.put(f"{account}/{kind}" if account else kind, event["id"], event)
        for begin in deliveries:
            begin()


def _flat(changes: list[Change], cause: Cause) -> tuple[Any, ...]:
    """The values in one sequence, which takes a third of the memory: number of changes, cause, changes."""
    return (len(changes), *cause, *chain.from_iterable(changes))


def _parted(flat: list[Any]) -> Iterator[tuple[list[Change], Cause]]:
    values = iter(flat)
    for count in values:
        cause = Cause(*islice(values, len(Cause._fields)))
        yield [Change(*islice(values, len(Change._fields))) for _ in range(count)], cause
