"""Reopens the iterators of functions and the database transactions that were open when a run's process ended.

Neither outlives its process. When a durable run is resumed they are opened again, and their earlier steps are repeated.
These must give the same results as before, since the script has acted on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from host.bridge.request import Reply
from host.calls.call import Call
from host.durable.records import RecordedReply
from host.errors import FunctionError, InvalidCall
from host.functions.functions import Function
from host.functions.iterators import IteratorStep as Item
from host.lua import protocol as p
from host.lua.values import from_lua, result_to_lua

__all__ = ["Reopening", "Transaction", "undone_by_its_end"]


class Transaction:
    """A transaction that was open: its database, its id in the script, and the statements it executed so far."""

    def __init__(self, id: str, arguments: list[Any]) -> None:
        self.id = id
        self.waiting: list[Call] = []  # calls that wait until its statements were repeated
        self.stands = False  # whether they were
        self._place = arguments[0] if arguments else None
        self._done: list[tuple[str, list[Any], RecordedReply]] = []

    def did(self, name: str, arguments: list[Any], recorded: RecordedReply) -> None:
        """Note a statement of the transaction, and its recorded result."""
        self._done.append((name, arguments[1:], recorded))

    def again(self) -> list[Any]:
        """The arguments of ``sql.again``."""
        return [self._place, self.id, [[name, *arguments] for name, arguments, _ in self._done]]

    def differs(self, reply: Reply) -> str | None:
        """The first statement whose result in ``reply`` differs from the recorded one, or ``None``."""
        for (name, arguments, recorded), (ok, value) in zip(self._done, reply.value, strict=True):
            try:
                same = (recorded.status != p.ERROR) == ok and (not ok or result_to_lua(name, value) == recorded.a)
            except FunctionError:
                same = False
            if not same:
                return str(arguments[0]) if arguments else name
        return None


class Reopening:
    """Notes the answers of a run during replay, and determines what must be reopened for a later call."""

    def __init__(self) -> None:
        self._items: dict[Any, list[bytes]] = {}  # an iterator's number → the digests of the items it gave
        self._transactions: dict[str, Transaction] = {}

    def opened(self, number: Any) -> None:
        """Note that a function gave the script the iterator ``number``."""
        self._items[number] = []

    def note_reply(self, call: Call, arguments: Any, recorded: RecordedReply) -> None:
        """Note that a call is answered from the journal."""
        if call.kind == p.NEXT:
            if recorded.status != p.ERROR and recorded.a is not None:
                self._items.setdefault(arguments[0], []).append(_digest(recorded.a))
        elif call.kind == p.FUNCTION and call.name.startswith("sql."):
            if call.name == "sql.begin":
                if recorded.status != p.ERROR and recorded.a is not None:
                    id = str(from_lua(recorded.a))
                    self._transactions[id] = Transaction(id, arguments)
                return
            found = self._transactions.get(_transaction(arguments) or "")
            if found is None:
                return
            if call.name in _ENDS:
                del self._transactions[found.id]
            else:
                found.did(call.name, arguments, recorded)

    def iterator(self, call: Call, arguments: Any, functions: Mapping[str, Function]) -> InvalidCall | None:
        """Have the iterator of a call repeat the items it gave before. Returns the error if it must not be repeated."""
        if call.kind != p.NEXT or arguments[0] not in self._items:
            return None
        function = functions.get(call.name)
        if function is None or function.effect == "write":
            return InvalidCall(
                f"{call.name}: this iterator was open when the run was interrupted, and iterating again might do "
                "again what it does",
                hint='register it with effect="read", or take its items into a list before changing anything',
            )
        were = self._items.pop(arguments[0])
        if were and isinstance(call.payload, Item):
            call.payload.stream.catch_up(were, lambda item, was: _digest(result_to_lua(call.name, item)) == was)
        return None

    def transaction(self, call: Call, arguments: Any) -> Transaction | None:
        """The transaction that must be begun again before a call, or ``None``."""
        if not self._transactions or call.kind != p.FUNCTION:
            return None
        found = self._transactions.get(_transaction(arguments) or "")
        if found is not None and call.name == "sql.rollback":  # the database rolled back when the process ended
            del self._transactions[found.id]
            return None
        return found

    def reopened(self, transaction: Transaction) -> None:
        """Note that a transaction's statements were repeated."""
        transaction.stands = True
        self._transactions.pop(transaction.id, None)


def undone_by_its_end(name: str, arguments: Any) -> bool:
    """Whether the end of the process undoes a call: one of a transaction that was not committed."""
    if name in ("sql.begin", "sql.rollback"):
        return True
    return name in ("sql.execute", "sql.query") and _transaction(arguments) is not None


_ENDS = ("sql.commit", "sql.rollback")


def _transaction(arguments: Any) -> str | None:
    place = arguments[0] if isinstance(arguments, list) and arguments else None
    return str(place["tx"]) if isinstance(place, dict) and "tx" in place else None


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()
