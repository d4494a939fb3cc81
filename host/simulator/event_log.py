"""The events of a simulated API: noted as what changed, made into objects when somebody asks for them.

Most runs never ask. So a request leaves only references to the JSON that was kept anyway, and its events are derived,
given ids and stored when events are listed, retrieved or delivered, or the store is a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby, islice
from typing import Any, NamedTuple

from host.simulator.change import Change, Derived
from host.simulator.ids import Ids
from host.simulator.store import Store

__all__ = ["Cause", "EventLog", "Listener"]

Object = dict[str, Any]
Listener = Callable[[Object, str], "list[Callable[[], None]]"]
"""Gives for an event of an account what begins each of its deliveries. Under the simulator's lock: neither may wait."""


class Cause(NamedTuple):
    """What led to events: the request's id and idempotency key (``None`` for what time did), and when, in seconds since
    1970.
    """

    request_id: str | None
    key: str | None
    at: int


class EventLog:
    """The events of one simulator. Used under its lock.

    ``derive(changes)`` gives the events of one request's changes; ``forms(event, account)`` what is kept and delivered
    of each, by kind. ``eager`` has them made at once.
    """

    def __init__(
        self,
        store: Store,
        derive: Callable[[Sequence[Change]], list[Derived]],
        forms: Callable[[Object, str], list[tuple[str, Object]]],
        ids: Ids,
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
        self._open: list[tuple[list[Change], Cause]] = []  # of the request under way
        self._noted: list[Any] = []  # the same, flat (see ``_flat``): most of them are never asked for
        self._listeners: list[Listener] = []

    def note(self, cause: Cause) -> None:
        """Take what has changed since the last time."""
        changes = self._store.take_changes()
        if changes:
            self._open.append((changes, cause))

    def commit(self) -> None:
        """What was noted has happened. Before the store commits."""
        if self._open:
            for changes, cause in self._open:
                self._noted += _flat(changes, cause)
            self._open.clear()
            if self._eager or self._listeners:
                self.settle()

    def rollback(self) -> None:
        """What was noted since the last commit has not happened."""
        self._open.clear()

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with each event from now on, in their order."""
        self.settle()
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Call it no more."""
        self._listeners.remove(listener)

    def settle(self) -> None:
        """Make objects of all that was noted; they can then be listed."""
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
        """Keep a new event, and call the listeners with it."""
        told = [deliver for listener in self._listeners for deliver in listener(event, account)]
        if "pending_webhooks" in event:
            event["pending_webhooks"] = len(told)
        self._store.put(f"{account}/{kind}" if account else kind, event["id"], event)
        for deliver in told:
            deliver()


def _flat(changes: list[Change], cause: Cause) -> tuple[Any, ...]:
    """As plain values: how many changes, the cause, then change by change; a third of the memory."""
    return (len(changes), *cause, *chain.from_iterable(changes))


def _parted(flat: list[Any]) -> Iterator[tuple[list[Change], Cause]]:
    values = iter(flat)
    for count in values:
        cause = Cause(*islice(values, len(Cause._fields)))
        yield [Change(*islice(values, len(Change._fields))) for _ in range(count)], cause
