"""Stores the state of the simulated API: objects by kind and id, answers by idempotency key, and a ledger.

Objects are stored as the JSON that answers have, in memory and in a file, so that retrieving one copies nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from host.simulator.api_error import SimulatedError
from host.simulator.change import Change
from host.simulator.store_file import StoreFile

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
MOST_OBJECTS = 1_000_000
MOST_BYTES = 1 << 30  # of JSON
EVENTS = frozenset({"event", "v2.core.event"})
INTERNAL = "~"  # begins the kinds of the simulator's own records, which are no objects of the API and in no ledger


class StoredObject(NamedTuple):
    """One object as JSON: its index in its kind's order of creation, and the collection it was created ``under``."""

    place: int
    body: bytes
    under: str
    deleted: bool = False


class SavedAnswer(NamedTuple):
    """The first answer to an idempotency key. ``at`` is in seconds since 1970."""

    fingerprint: bytes
    status: int
    body: bytes
    request_id: str
    at: float


class Kind:
    """The objects of one kind, in order of creation, with an index for each member that they were searched by.

    ``is_listed`` is False for the simulator's own records, and for events.
    """

    __slots__ = ("indexes", "is_listed", "order", "records")

    def __init__(self, *, is_listed: bool) -> None:
        self.is_listed = is_listed
        self.order: list[str] = []
        self.records: dict[str, StoredObject] = {}
        self.indexes: dict[str, dict[Any, dict[str, None]]] = {}


class Store:
    """Objects and saved answers, in memory and, with ``path``, also in an SQLite file.

    Not thread-safe: used under the simulator's lock. The changes of a request are made durable by :meth:`commit` or
    undone by :meth:`rollback`. A committed change survives the death of the process (kill -9), but is not synced to the
    disk, so a power cut may lose the last ones. Only one process at a time can use the file. Raises
    :class:`ConfigError` if the file cannot be used. There is room for ``most`` objects and saved answers, and for
    ``most_bytes`` of their JSON; after that, requests that create or enlarge something are refused.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        most: int = MOST_OBJECTS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._bytes = 0
        self._kinds: dict[str, Kind] = {}
        self._answers: dict[str, SavedAnswer] = {}
        self._ledger: list[tuple[str, str]] = []
        self._undo: list[tuple[str, str, StoredObject | None]] = []
        self._has_events = False
        self._changes: list[Change] = []  # since they were last taken
        self._saved: list[str] = []
        self._file = StoreFile(path) if path is not None else None
        if self._file is not None:
            self._load(self._file)

    @property
    def path(self) -> str | None:
        """The path of the file, or ``None`` for a store in memory."""
        return None if self._file is None else self._file.path

    def get(self, kind: str, id: str) -> dict[str, Any] | None:
        """A copy of the object, its deleted form included, or ``None``."""
        record = self.record(kind, id)
        return None if record is None else _decode(record.body)

    def record(self, kind: str, id: str) -> StoredObject | None:
        """The object as it is stored, or ``None``."""
        found = self._kinds.get(kind)
        return None if found is None else found.records.get(id)

    def put(
        self,
        kind: str,
        id: str,
        value: dict[str, Any],
        *,
        under: str = "",
        deleted: bool = False,
    ) -> bytes:
        """Create or replace an object; returns its JSON. ``under`` is used only when it is created.

        Changes are recorded, and new objects entered in the ledger, unless they are the simulator's own records or
        events (see :meth:`keep_events`). Raises :class:`SimulatedError` (507) if the store is full.
        """
        group = self._kinds.get(kind)
        if group is None:
            group = self._kinds[kind] = Kind(is_listed=self._is_listed(kind))
        old = group.records.get(id)
        body = _encode(value)
        grown = len(body) - (0 if old is None else len(old.body))
        if grown > 0 and not deleted:
            self.check_room(grown, objects=old is None)
        self._bytes += grown
        for member, index in group.indexes.items():
            _enter(index, value.get(member), id)
        if old is None:
            group.records[id] = StoredObject(len(group.order), body, under, deleted)
            group.order.append(id)
            if group.is_listed:
                self._ledger.append((kind, id))
        else:
            group.records[id] = StoredObject(old.place, body, old.under, deleted)
        self._undo.append((kind, id, old))
        if group.is_listed:
            self._note(kind, id, None if old is None else old.body, body, deleted)
        return body

    def announce(self, type: str, kind: str, id: str) -> None:
        """Record an event about an object that no change of it would show."""
        record = self.record(kind, id)
        assert record is not None
        self._note(kind, id, record.body, record.body, announced=type)

    def _note(
        self, kind: str, id: str, before: bytes | None, after: bytes, deleted: bool = False, announced: str = ""
    ) -> None:
        bare = kind.removeprefix(
            INTERNAL
        )  # an event may be about one of the simulator's own records, such as the balance
        account, _, own = bare.rpartition("/") if bare.startswith("acct_") else ("", "", kind)
        self._changes.append(Change(own, id, before, after, deleted, announced, account))

    def keep_events(self) -> None:
        """From now on, take objects of :data:`EVENTS` for events, which are in no ledger and are no changes."""
        self._has_events = True
        for kind, group in self._kinds.items():
            group.is_listed = self._is_listed(kind)
        self._ledger = [(kind, id) for kind, id in self._ledger if self._kinds[kind].is_listed]

    def _is_listed(self, kind: str) -> bool:
        """Whether objects of the kind are neither the simulator's own records nor events."""
        if INTERNAL in kind:
            return False
        return not (self._has_events and (kind.rpartition("/")[2] if kind.startswith("acct_") else kind) in EVENTS)

    def take_changes(self) -> list[Change]:
        """Return the changes since the last call, in order."""
        taken, self._changes = self._changes, []
        return taken

    def newest(self, kind: str, before: int | None = None) -> Iterator[tuple[str, StoredObject]]:
        """Objects that are not deleted, newest first; with ``before`` only those created before that index."""
        group = self._kinds.get(kind)
        if group is None:
            return
        start = len(group.order) if before is None else before
        for place in range(start - 1, -1, -1):
            id = group.order[place]
            record = group.records[id]
            if not record.deleted:
                yield id, record

    def oldest(self, kind: str, after: int = -1) -> Iterator[tuple[str, StoredObject]]:
        """Objects that are not deleted, oldest first; only those created after the index ``after``."""
        group = self._kinds.get(kind)
        if group is None:
            return
        for place in range(after + 1, len(group.order)):
            id = group.order[place]
            record = group.records[id]
            if not record.deleted:
                yield id, record

    def each(self, kind: str) -> Iterator[dict[str, Any]]:
        """Copies of the objects that are not deleted, newest first."""
        for _, record in self.newest(kind):
            yield _decode(record.body)

    def having(self, kind: str, member: str, value: Any) -> list[dict[str, Any]]:
        """Copies of the objects that are not deleted and whose ``member`` is ``value``, oldest first; uses an index."""
        group = self._kinds.get(kind)
        if group is None:
            return []
        index = group.indexes.get(member)
        if index is None:
            index = group.indexes[member] = {}
            for id in group.order:
                _enter(index, _decode(group.records[id].body).get(member), id)
        # Values change and changes are rolled back, so an entry of the index may be out of date.
        records = [group.records[id] for id in index.get(value, ()) if id in group.records]
        found = (_decode(r.body) for r in sorted(records, key=lambda r: r.place) if not r.deleted)
        return [item for item in found if item.get(member) == value]

    def ledger(self) -> list[tuple[str, str]]:
        """The (kind, id) of every object ever created, in order, including deleted ones."""
        return list(self._ledger)

    def count(self, kind: str) -> int:
        """How many objects of ``kind`` were ever created."""
        group = self._kinds.get(kind)
        return 0 if group is None else len(group.order)

    def answer(self, key: str, *, since: float) -> SavedAnswer | None:
        """The answer saved under ``key`` at ``since`` or later; an older one is discarded."""
        found = self._answers.get(key)
        if found is not None and found.at < since:
            self._drop_answer(key)
            return None
        return found

    def save_answer(self, key: str, answer: SavedAnswer) -> None:
        """Save the answer to ``key``, durable with the next :meth:`commit`. Call :meth:`check_room` before."""
        self._bytes += len(answer.body)
        self._answers[key] = answer
        self._saved.append(key)

    def check_room(self, size: int = 0, *, objects: bool = True) -> None:
        """Raise :class:`SimulatedError` (507) without room for ``size`` more bytes, or one more object or answer."""
        if objects and len(self._ledger) + len(self._answers) >= self._most:
            full = f"{self._most:,} objects and answers to idempotency keys"
        elif self._bytes + size > self._most_bytes:
            full = f"{self._most_bytes >> 20:,} MB"
        else:
            return
        raise SimulatedError(507, f"The simulator's store is full: it holds {full}. Start a new one.", type="api_error")

    def _drop_answer(self, key: str) -> None:
        found = self._answers.pop(key, None)
        if found is not None:
            self._bytes -= len(found.body)

    def commit(self) -> None:
        """Make the changes since the last commit durable, all or none of them."""
        if self._file is not None and (self._undo or self._saved):
            changed = dict.fromkeys((kind, id) for kind, id, _ in self._undo)
            self._file.write(
                [(kind, id, *self._kinds[kind].records[id]) for kind, id in changed],
                [(key, *self._answers[key]) for key in dict.fromkeys(self._saved)],
            )
        self._undo.clear()
        self._saved.clear()

    def rollback(self) -> None:
        """Undo the changes since the last commit."""
        for kind, id, old in reversed(self._undo):
            group = self._kinds[kind]
            self._bytes -= len(group.records[id].body) - (0 if old is None else len(old.body))
            if old is None:
                del group.records[id]
                group.order.pop()
                if group.is_listed:
                    self._ledger.pop()
            else:
                group.records[id] = old
        self._undo.clear()
        self._changes.clear()
        for key in self._saved:
            self._drop_answer(key)
        self._saved.clear()

    def close(self) -> None:
        """Close the file, if any; a second call does nothing."""
        if self._file is not None:
            self._file.close()

    def _load(self, file: StoreFile) -> None:
        for kind, id, place, body, under, deleted in file.objects():
            group = self._kinds.get(kind)
            if group is None:
                group = self._kinds[kind] = Kind(is_listed=self._is_listed(kind))
            group.order.append(id)
            group.records[id] = StoredObject(place, body, under, bool(deleted))
            self._bytes += len(body)
            if group.is_listed:
                self._ledger.append((kind, id))
        for key, *rest in file.answers():
            self._answers[key] = SavedAnswer(*rest)
            self._bytes += len(self._answers[key].body)


def _enter(index: dict[Any, dict[str, None]], value: Any, id: str) -> None:
    if value is not None and not isinstance(value, dict | list):
        index.setdefault(value, {})[id] = None
