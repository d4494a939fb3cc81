"""One account's part of a store: the store's methods, for the objects of that account alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from host.simulator.store import INTERNAL, Store, StoredObject


class Partition:
    """The objects of ``account`` in ``store``, where their kinds begin with the account's id (``acct_1/charge``)."""

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._prefix = f"{account}/"

    def _kind(self, kind: str) -> str:
        return INTERNAL + self._prefix + kind[1:] if kind.startswith(INTERNAL) else self._prefix + kind

    def get(self, kind: str, id: str) -> dict[str, Any] | None:
        """See :meth:`Store.get`."""
        return self._store.get(self._kind(kind), id)

    def record(self, kind: str, id: str) -> StoredObject | None:
        """See :meth:`Store.record`."""
        return self._store.record(self._kind(kind), id)

    def put(self, kind: str, id: str, value: dict[str, Any], *, under: str = "", deleted: bool = False) -> bytes:
        """See :meth:`Store.put`."""
        return self._store.put(self._kind(kind), id, value, under=under, deleted=deleted)

    def announce(self, type: str, kind: str, id: str) -> None:
        """See :meth:`Store.announce`."""
        self._store.announce(type, self._kind(kind), id)

    def newest(self, kind: str, before: int | None = None) -> Iterator[tuple[str, StoredObject]]:
        """See :meth:`Store.newest`."""
        return self._store.newest(self._kind(kind), before)

    def oldest(self, kind: str, after: int = -1) -> Iterator[tuple[str, StoredObject]]:
        """See :meth:`Store.oldest`."""
        return self._store.oldest(self._kind(kind), after)

    def each(self, kind: str) -> Iterator[dict[str, Any]]:
        """See :meth:`Store.each`."""
        return self._store.each(self._kind(kind))

    def having(self, kind: str, member: str, value: Any) -> list[dict[str, Any]]:
        """See :meth:`Store.having`."""
        return self._store.having(self._kind(kind), member, value)

    def count(self, kind: str) -> int:
        """See :meth:`Store.count`."""
        return self._store.count(self._kind(kind))

    def rollback(self) -> None:
        """Roll back the changes of all accounts since the last commit."""
        self._store.rollback()
