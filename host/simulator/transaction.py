"""Commits the changes of a request together with their events, or rolls both back."""

from __future__ import annotations

from host.simulator.event_log import Cause, EventLog
from host.simulator.store import Store


class RequestTransaction:
    """The uncommitted changes of one simulator, used under its lock. ``events`` is ``None`` for an API without them."""

    def __init__(self, store: Store, events: EventLog | None) -> None:
        self._store = store
        self._events = events

    def note(self, cause: Cause) -> None:
        """Record ``cause`` as the cause of the changes since the last call."""
        if self._events is not None:
            self._events.note(cause)
        else:
            self._store.take_changes()

    def commit(self, cause: Cause) -> None:
        """Commit the changes, with ``cause`` as the cause of those not recorded yet."""
        self.note(cause)
        if self._events is not None:
            self._events.commit()
        self._store.commit()

    def rollback(self) -> None:
        """Roll back everything since the last commit."""
        if self._events is not None:
            self._events.rollback()
        self._store.rollback()
