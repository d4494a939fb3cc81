"""The events of one handler script in the journal, each of them once, however often it is delivered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from host.bridge.waiting import wait_async
from host.durable.journal import Journal
from host.durable.tables import insert
from host.errors import HostError
from host.webhooks.event import ReceivedEvent

__all__ = ["DueEvent", "Inbox"]

_ADD: Final = f"{insert('luahost_event')} ON CONFLICT (inbox, id) DO NOTHING"
_COLUMNS: Final = "id, type, payload, attempts"
_WAITING: Final = "inbox = :inbox AND status = 'waiting'"
_FIRST: Final = "ORDER BY created, received, id LIMIT :most"
_DUE: Final = f"SELECT {_COLUMNS} FROM luahost_event WHERE {_WAITING} AND due <= :now {_FIRST}"  # noqa: S608
# Of each object only its oldest waiting event may be handled, and only once that one is due.
_DUE_ORDERED: Final = (
    f"SELECT {_COLUMNS} FROM luahost_event AS e WHERE {_WAITING} AND due <= :now AND (object = '' OR NOT EXISTS ("  # noqa: S608
    "SELECT 1 FROM luahost_event AS f WHERE f.inbox = e.inbox AND f.status = 'waiting' AND f.object = e.object AND ("
    "f.created < e.created OR (f.created = e.created AND (f.received < e.received OR "
    f"(f.received = e.received AND f.id < e.id)))))) {_FIRST}"
)
_NEXT: Final = f"SELECT MIN(due) FROM luahost_event WHERE {_WAITING}"  # noqa: S608
_COUNT: Final = "SELECT status, COUNT(*) FROM luahost_event WHERE inbox = :inbox GROUP BY status"
_END: Final = (
    "UPDATE luahost_event SET status = :status, attempts = :attempts, due = :due "
    "WHERE inbox = :inbox AND id = :id AND status = 'waiting'"
)
_FAIL: Final = "UPDATE luahost_run SET status = 'failed' WHERE id = :run AND status = 'interrupted'"
_LEAVE: Final = (
    "UPDATE luahost_event SET due = CASE WHEN due > :due THEN due ELSE :due END "
    "WHERE inbox = :inbox AND id = :id AND status = 'waiting'"
)
_SEEN: Final = "SELECT seen FROM luahost_cursor WHERE inbox = :inbox"
_SEE: Final = (
    "INSERT INTO luahost_cursor (inbox, seen) VALUES (:inbox, :seen) ON CONFLICT (inbox) DO UPDATE "
    "SET seen = CASE WHEN excluded.seen > luahost_cursor.seen THEN excluded.seen ELSE luahost_cursor.seen END"
)


class DueEvent(NamedTuple):
    """An event to be handled now. ``attempts`` is the number of failed attempts so far."""

    id: str
    type: str
    payload: str
    attempts: int


class Inbox:
    """The events of the inbox ``name``. Thread-safe; raises ``JournalError``."""

    def __init__(self, journal: Journal, name: str) -> None:
        self._journal = journal
        self.name = name

    async def add(self, events: list[ReceivedEvent], *, status: str = "waiting") -> None:
        """Record ``events``, and return once they are committed. Those recorded before stay as they are.

        With the status ``done`` they are never handled.
        """
        now = self._journal.clock()
        values = [
            {
                "inbox": self.name, "id": each.id, "type": each.type, "object": each.object, "payload": each.payload,
                "created": each.created, "received": now, "status": status, "attempts": 0, "due": 0.0,
            }
            for each in events
        ]  # fmt: skip
        if values:
            await self._write((_ADD, values))

    def due(self, most: int, *, ordered: bool) -> list[DueEvent]:
        """Up to ``most`` due events, the oldest first. If ``ordered``, only the oldest waiting event of each object."""
        values = {"inbox": self.name, "now": self._journal.clock(), "most": most}
        return [DueEvent(*row) for row in self._journal.read(_DUE_ORDERED if ordered else _DUE, values)]

    def next_due(self) -> float | None:
        """Seconds until an event is due, negative if one is due already; ``None`` if none is waiting."""
        ((found,),) = self._journal.read(_NEXT, {"inbox": self.name})
        return None if found is None else found - self._journal.clock()

    def counts(self) -> dict[str, int]:
        """How many events are ``waiting``, ``done`` and ``failed``."""
        return {status: int(n) for status, n in self._journal.read(_COUNT, {"inbox": self.name})}

    async def end(self, event: DueEvent) -> None:
        """Record that ``event`` was handled."""
        await self._write((_END, [self._values(event, status="done", attempts=event.attempts, due=0.0)]))

    async def give_up(self, event: DueEvent, run: str) -> None:
        """Record that ``event`` failed for the last time, and that its ``run`` failed, also where that timed out."""
        ended = self._values(event, status="failed", attempts=event.attempts + 1, due=0.0)
        await self._write((_END, [ended]), (_FAIL, [{"run": run}]))

    async def put_off(self, event: DueEvent, seconds: float) -> None:
        """Record a failed attempt, and have the event handled again in ``seconds``."""
        due = self._journal.clock() + seconds
        await self._write((_END, [self._values(event, status="waiting", attempts=event.attempts + 1, due=due)]))

    async def leave(self, event: DueEvent, seconds: float) -> None:
        """Look at the event again in ``seconds``, or later if the process that handles it has said so."""
        await self._write((_LEAVE, [self._values(event, due=self._journal.clock() + seconds)]))

    def seen(self) -> float | None:
        """The time up to which events were fetched, by the sender's clock; ``None`` before the first time."""
        rows = self._journal.read(_SEEN, {"inbox": self.name})
        return float(rows[0][0]) if rows else None

    async def see(self, until: float) -> None:
        """Record the time up to which events were fetched. It never goes back."""
        await self._write((_SEE, [{"inbox": self.name, "seen": until}]))

    def _values(self, event: DueEvent, **changed: object) -> dict[str, object]:
        return {"inbox": self.name, "id": event.id, **changed}

    async def _write(self, *statements: tuple[str, list[dict[str, object]]]) -> None:
        def begin(tell: Callable[[HostError | None], None]) -> Callable[[], object]:
            self._journal.write(list(statements), tell)
            return lambda: None  # a write cannot be cancelled

        if (error := await wait_async(begin)) is not None:
            raise error
