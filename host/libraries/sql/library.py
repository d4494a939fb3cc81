"""``sql``: granted databases. The host ends each transaction with its run at the latest."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from host.errors import ApiError, DeniedError, InvalidCall
from host.libraries.library import BuiltinParts, Effect, LibraryCall, LibraryFunction, Provider
from host.libraries.sql.database import Connection, GrantedDatabase, Result
from host.policy.permissions import Permissions, sql_place

__all__ = ["Sql", "provider"]


class _Transaction:
    def __init__(self, run_id: str, url: str, connection: Connection, stack: AsyncExitStack) -> None:
        self.run_id = run_id
        self.url = url
        self.connection = connection
        self.stack = stack  # releases the connection
        self.turn = asyncio.Lock()  # held during a statement, since tasks may run statements concurrently


def provider(parts: BuiltinParts) -> Provider:
    """The library of a host."""
    return Sql()


class Sql:
    """The functions of ``sql``. Their first argument is the URL or name of a database, nil for the only one, or
    ``{tx=…}`` for a transaction.
    """

    def __init__(self) -> None:
        self._databases: dict[str, GrantedDatabase] = {}
        self._open: dict[str, _Transaction] = {}
        self._beginning: Counter[str] = Counter()
        self._over: set[str] = set()  # runs that ended while they began a transaction
        self.functions = {
            "sql.query": LibraryFunction(self._query, self._reads),
            "sql.execute": LibraryFunction(self._execute, self._writes),
            "sql.begin": LibraryFunction(self._begin, self._writes),
            "sql.again": LibraryFunction(self._again, "write"),  # called by the host only
            "sql.commit": LibraryFunction(self._commit, "write"),
            "sql.rollback": LibraryFunction(self._rollback, "write"),
            "sql.connect": LibraryFunction(self._connect, "read"),
        }

    def ended(self, run_id: str) -> Callable[[], Awaitable[None]] | None:
        if self._beginning.get(run_id):
            self._over.add(run_id)
        if any(each.run_id == run_id for each in list(self._open.values())):
            return partial(self._abandon, run_id)
        return None

    async def aclose(self) -> None:
        for id in list(self._open):
            await self._end(id)
        for database in self._databases.values():
            await database.aclose()
        self._databases.clear()

    # -- functions

    async def _query(self, asked: LibraryCall, deadline: float) -> Any:
        return (await self._run(asked, write=False)).rows

    async def _execute(self, asked: LibraryCall, deadline: float) -> Any:
        result = await self._run(asked, write=True)
        found: dict[str, Any] = {"affected": result.affected}
        if result.last_id is not None:
            found["last_id"] = result.last_id
        if result.rows:
            found["rows"] = result.rows
        return found

    async def _again(self, asked: LibraryCall, deadline: float) -> Any:
        """Begin a transaction of an interrupted process again. The arguments are the database, id and statements.

        Returns for each statement whether it succeeded, and its result or error message.
        """
        id, statements = asked.args[1:]
        await self._begin(asked, deadline, id)
        found = []
        for name, *arguments in statements:
            each = LibraryCall(name, [{"tx": id}, *arguments], asked.permissions, asked.run_id)
            try:
                found.append((True, await self.functions[name].run(each, deadline)))
            except ApiError as error:
                found.append((False, error.message))
        return found

    async def _run(self, asked: LibraryCall, *, write: bool) -> Result:
        place, statement = asked.argument(0), asked.argument(1)
        if not isinstance(statement, str):
            raise InvalidCall(f"{asked.name} expects a statement as a string")
        if isinstance(place, dict):
            transaction = self._transaction(asked)
            asked.permissions.check_sql(transaction.url, write=write)
            async with transaction.turn:
                if self._open.get(place["tx"]) is not transaction:
                    raise InvalidCall("the transaction has ended")
                return await transaction.connection.run(statement, asked.argument(2), write=write)
        url = self._url(asked.permissions, place, write=write)
        async with self._database(url).connect() as connection:
            return await connection.run(statement, asked.argument(2), write=write)

    async def _connect(self, asked: LibraryCall, deadline: float) -> str:
        return sql_place(self._url(asked.permissions, asked.argument(0), write=False))

    async def _begin(self, asked: LibraryCall, deadline: float, id: str | None = None) -> str:
        url = self._url(asked.permissions, asked.argument(0), write=True)
        run_id = asked.run_id
        self._beginning[run_id] += 1
        try:
            async with AsyncExitStack() as stack:
                connection = await stack.enter_async_context(self._database(url).connect())
                await connection.begin()
                if run_id in self._over:
                    raise InvalidCall("the run has ended")
                id = id or uuid.uuid4().hex
                self._open[id] = _Transaction(run_id, url, connection, stack.pop_all())
        finally:
            self._beginning[run_id] -= 1
            if not self._beginning[run_id]:
                del self._beginning[run_id]
                self._over.discard(run_id)
        return id

    async def _commit(self, asked: LibraryCall, deadline: float) -> None:
        transaction = self._transaction(asked)
        async with transaction.turn:
            try:
                await transaction.connection.commit()
            finally:
                await self._end(asked.args[0]["tx"])

    async def _rollback(self, asked: LibraryCall, deadline: float) -> None:
        place = asked.argument(0)
        transaction = self._open.get(place["tx"]) if isinstance(place, dict) and "tx" in place else None
        if transaction is None or transaction.run_id != asked.run_id:
            return  # it has ended already
        await transaction.connection.interrupt()  # its effect is rolled back anyway
        async with transaction.turn:
            await self._end(place["tx"])

    # -- transactions and databases

    def _reads(self, asked: LibraryCall) -> Effect:
        self._check_beside(asked, write=False)
        return "read"

    def _writes(self, asked: LibraryCall) -> Effect:
        self._check_beside(asked, write=True)
        return "write"

    def _check_beside(self, asked: LibraryCall, *, write: bool) -> None:
        """Raise ``InvalidCall`` for what would wait for a transaction of its own task. The fourth argument lists the
        databases of these."""
        within = asked.argument(3, ())
        if not within:
            return
        mine = self._url(asked.permissions, asked.argument(0), write=write)
        if all(self._url(asked.permissions, each, write=True) != mine for each in within):
            return
        if asked.name == "sql.begin":
            raise InvalidCall(
                "sql.transaction within sql.transaction: a task has one transaction of a database at a time",
                hint="Pass the outer transaction's tx along, and use tx:query and tx:execute.",
            )
        database = self._database(mine)
        if database.is_single or (write and database.is_sqlite):
            method = asked.name.removeprefix("sql.")
            raise InvalidCall(
                f"{asked.name} within sql.transaction would wait for the transaction to end",
                hint=f"tx:{method} makes it part of the transaction.",
            )

    def _transaction(self, asked: LibraryCall) -> _Transaction:
        place = asked.argument(0)
        found = self._open.get(str(place.get("tx"))) if isinstance(place, dict) else None
        if found is None or found.run_id != asked.run_id:
            raise InvalidCall("the transaction has ended")
        return found

    async def _abandon(self, run_id: str) -> None:
        for id, each in list(self._open.items()):
            if each.run_id == run_id:
                await each.connection.interrupt()
                async with each.turn:
                    await self._end(id)

    async def _end(self, id: str) -> None:
        """Release the connection, which rolls back what was not committed."""
        transaction = self._open.pop(id, None)
        if transaction is not None:
            await transaction.stack.aclose()

    def _database(self, url: str) -> GrantedDatabase:
        found = self._databases.get(url)
        if found is None:
            found = self._databases[url] = GrantedDatabase(url)
        return found

    def _url(self, permissions: Permissions, wanted: Any, *, write: bool) -> str:
        """The granted URL, with its password, of the database that a script names."""
        if wanted is not None and not isinstance(wanted, str):
            raise InvalidCall("expected a database's URL, or the name at its end")
        granted = _granted(permissions)
        if wanted is None:
            if len(granted) > 1:
                names = ", ".join(sorted(granted))
                raise InvalidCall(f"several databases are granted ({names}); choose with sql.connect(name)")
            if not granted:
                raise DeniedError(
                    "no database is granted; the permission sql would allow one",
                    hint="Grant it with --allow-sql URL.",
                    outcome="not_sent" if write else None,
                )
            url = next(iter(granted.values()))
        else:
            named = [url for place, url in granted.items() if wanted in (place, *_names(place))]
            if len(named) > 1:
                raise InvalidCall(f"{wanted!r} names several granted databases; use the URL")
            url = named[0] if named else granted.get(sql_place(wanted), wanted)
        permissions.check_sql(url, write=write)
        return url


def _granted(permissions: Permissions) -> dict[str, str]:
    """Granted URLs by their form without a password. If a run narrows its host's grants, the host's URLs are used,
    which have the password.
    """
    found: dict[str, str] = {}
    level: Permissions | None = permissions
    while level is not None:
        for url in level.sql or ():
            try:
                permissions.check_sql(url)
            except DeniedError:
                continue
            found[sql_place(url)] = url
        level = level.within
    return found


def _names(place: str) -> tuple[str, ...]:
    """The names of a database: ``sqlite:////data/shop.sqlite`` → ``shop.sqlite`` and ``shop``."""
    name = place.rpartition("/")[2]
    stem = name.rpartition(".")[0]
    return (name, stem) if stem else (name,)
