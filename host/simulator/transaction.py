"""What a request changes happens with its events, or not at all."""

from __future__ import annotations

from host.simulator.event_log import Cause, EventLog
from host.simulator.store import Store


class RequestTransaction:
    """The changes under way of one simulator. Used under its lock. An API without ``events`` has none to announce."""

    def __init__(self, store: Store, events: EventLog | None) -> None:
        self._store = store
        self._events = events

    def note(self, cause: Cause) -> None:
        """What has changed since the last time was led to by ``cause``."""
        if self._events is not None:
            self._events.note(cause)
        else:
            self._store.take_changes()

    def commit(self, cause: Cause) -> None:
        """It has happened."""
        self.note(cause)
        if self._events is not None:
            self._events.commit()
        self._store.commit()

    def rollback(self) -> None:
        """Nothing since the last commit has happened."""
        if self._events is not None:
            self._events.rollback()
        self._store.rollback()
