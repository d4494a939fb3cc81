"""A granted database, by SQLAlchemy's async engine: connections, one statement at a time, a limited number of rows.

SQLite (aiosqlite) and PostgreSQL (psycopg). The database itself enforces what a statement may do, rather than an
analysis of its text: SQLite asks :class:`~host.libraries.sql.sqlite.Guard` about each action of a statement, PostgreSQL
reads in read-only transactions, and both accept only one statement at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Any

import msgspec

from host.errors import (
    ApiError,
    CallError,
    CallTimeout,
    ConfigError,
    DeniedError,
    InvalidCall,
    NetworkError,
)
from host.libraries.sql.rows import RowReader, columns_of
from host.libraries.sql.sqlite import BUSY, Guard, Mode, opener
from host.libraries.sql.statement import Words, bound
from host.policy.permissions import sql_place

try:
    import sqlalchemy as sa
    from sqlalchemy import exc
    from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
    from sqlalchemy.pool import AsyncAdaptedQueuePool
except ImportError as error:  # pragma: no cover - a broken installation
    raise ConfigError("sql needs SQLAlchemy", hint="pip install 'luahost[sql]'") from error

__all__ = ["Connection", "GrantedDatabase", "Result"]

POOL = 5  # connections kept open; as many again may be opened for a while
BATCH = 256


class Result(msgspec.Struct, frozen=True):
    """``rows`` by column name, the number of ``affected`` rows, and the ``last_id`` of an INSERT (SQLite)."""

    rows: list[dict[str, Any]]
    affected: int = 0
    last_id: int | None = None


class GrantedDatabase:
    """The database at a URL. It is made on any thread and used on one loop, until ``await aclose()``."""

    def __init__(self, url: str) -> None:
        self.place = sql_place(url)
        try:
            parsed = sa.engine.make_url(url)
        except (exc.ArgumentError, ValueError):
            raise InvalidCall(f"{self.place} is not a database URL; expected sqlite:///… or postgresql://…") from None
        self._driver_errors: tuple[type[Exception], ...] = ()
        kind = parsed.get_backend_name()
        self.is_sqlite = kind == "sqlite"
        if kind not in ("sqlite", "postgresql", "postgres"):
            raise InvalidCall(f"{self.place}: expected a database of sqlite or postgresql, got {kind}")
        self._file = parsed.database if self.is_sqlite and parsed.database not in (None, "", ":memory:") else None
        self.is_single = self.is_sqlite and self._file is None  # a database in memory lives in its only connection
        if self.is_sqlite:
            self._engine = create_async_engine(
                "sqlite+aiosqlite://",
                poolclass=AsyncAdaptedQueuePool,
                pool_size=1 if self.is_single else POOL,
                max_overflow=0 if self.is_single else POOL,
                connect_args={"async_creator_fn": opener(self._file)},
            )
        else:
            try:
                self._engine = create_async_engine(
                    parsed.set(drivername="postgresql+psycopg"),
                    isolation_level="AUTOCOMMIT",  # this module begins and ends transactions
                    pool_size=POOL,
                    max_overflow=POOL,
                    pool_pre_ping=True,
                    # Every statement is prepared, since PostgreSQL prepares single statements only.
                    connect_args={"prepare_threshold": 0, "connect_timeout": 10},
                )
                from psycopg import Error  # installed with the engine's driver

                self._driver_errors = (Error,)
            except ImportError as error:
                raise InvalidCall(
                    f"{self.place} needs PostgreSQL's driver, psycopg", hint="pip install 'luahost[postgres]'"
                ) from error

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """A connection for one statement or one transaction."""
        with self._translated(None):
            made = await self._engine.connect()
        connection = Connection(self, made)
        try:
            yield connection
        finally:
            # Shielded: a connection that is released only partly would be lost to the pool.
            await asyncio.shield(connection.release())

    async def aclose(self) -> None:
        await self._engine.dispose()

    @contextlib.contextmanager
    def _translated(self, mutation: bool | None) -> Any:
        try:
            yield
        except exc.SQLAlchemyError as error:
            made = _call_error(error, getattr(error, "orig", None), self.place, mutation)
            if "no such table" in made.message and self._file is not None and _is_empty(self._file):
                made.hint = "The database is empty: SQLite creates the file that a URL names, if it does not exist."
            raise made from error
        except self._driver_errors as error:  # of PostgreSQL's driver, which is called directly
            raise _call_error(error, error, self.place, mutation) from error


class Connection:
    """A connection, which runs one statement at a time, and begins and ends transactions."""

    def __init__(self, database: GrantedDatabase, made: AsyncConnection) -> None:
        self._database = database
        self._made = made
        self._broken = False
        self._begun = False
        self._task: asyncio.Future[Any] | None = None  # the statement that runs

    async def run(self, statement: str, given: Any, *, write: bool) -> Result:
        """Run a statement. Raises ``CallError``. Cancelling it breaks the connection."""
        sqlite = self._database.is_sqlite
        text, values, words = bound(statement, given, "qmark" if sqlite else "format")
        refused = _REFUSED.get(words.first)
        if refused is not None:
            raise InvalidCall(f"{words.first.upper()} is refused: {refused}")
        values = tuple(_parameter(value, sqlite) for value in values)
        if write and not self._begun and words.may_change_and_give_rows(sqlite=sqlite):
            await self.begin()  # until its rows are read: a change whose rows are refused is rolled back
            found = await self._run(text, values, words, write=True)
            await self.commit()
            return found
        return await self._run(text, values, words, write=write)

    async def _run(self, text: str, values: tuple[Any, ...], words: Words, *, write: bool) -> Result:
        rows = RowReader()
        if self._database.is_sqlite:
            guard = self._guard("write" if write else "read", rows)
            found = await self._execute(lambda: self._made.run_sync(_reader(text, values, rows)), write)
            guard.has_written = guard.has_written or write
            return found
        if not self._begun and not write:
            await self._say("BEGIN READ ONLY")
        return await self._execute(lambda: self._ask(text, values, rows, words.certainly_give_rows), write)

    async def begin(self) -> None:
        # Immediate: SQLite cannot turn a reading transaction into a writing one while another writes.
        await self._say("BEGIN IMMEDIATE" if self._database.is_sqlite else "BEGIN")
        if self._database.is_sqlite:
            self._sqlite().guard.transaction = True

    async def commit(self) -> None:
        if self._broken:
            raise ApiError(f"{self._database.place}: the transaction is lost", outcome="rejected")
        await self._say("COMMIT")
        self._begun = False

    async def rollback(self) -> None:
        if self._begun and not self._broken:
            await self._say("ROLLBACK")
            self._begun = False

    async def release(self) -> None:
        """Return the connection in its initial state to the pool, or close it, so that no run affects the next one."""
        try:
            if self._begun and not self._broken:
                await self.rollback()
            if self._database.is_sqlite:
                self._guard("host")
                self._broken = self._sqlite().guard.release() or self._broken
            elif not self._broken:
                await self._say("DISCARD ALL")
        except CallError:
            self._broken = True
        if self._broken:
            await self._made.invalidate()
        await self._made.close()

    async def _say(self, command: str) -> None:
        if self._database.is_sqlite:
            self._guard("host")
            await self._execute(lambda: self._made.run_sync(_reader(command, (), RowReader())), True)
        else:
            await self._execute(lambda: self._command(command), True)
        self._begun = command.startswith("BEGIN")

    async def _command(self, command: str) -> Result:
        # Not prepared: a statement of the script may have replaced a prepared one.
        await (await self._driver()).execute(command, prepare=False)
        return Result([])

    async def _ask(self, text: str, values: tuple[Any, ...], rows: RowReader, stream: bool) -> Result:
        """Run a statement on PostgreSQL. The rows of a query are read one by one."""
        async with (await self._driver()).cursor() as cursor:
            if stream:
                async with contextlib.aclosing(cursor.stream(text, values)) as coming:
                    await _take(cursor, coming, rows)
                return Result(rows.found, len(rows.found))
            await cursor.execute(text, values)
            if cursor.description is not None:
                await _take(cursor, cursor, rows)
            return Result(rows.found, max(0, cursor.rowcount, len(rows.found)))

    async def _execute(self, work: Callable[[], Awaitable[Result]], write: bool) -> Result:
        # In a task of its own, so that a cancelled call can interrupt the statement and then wait for its end.
        self._task = task = asyncio.ensure_future(work())
        try:
            with self._database._translated(write):
                return await asyncio.shield(task)
        except asyncio.CancelledError:
            await self.interrupt()
            raise
        except DeniedError as error:
            if self._database.is_sqlite and (reason := self._sqlite().guard.reason):
                error.message, error.hint = f"{self._database.place}: {reason}", None
            raise

    async def _driver(self) -> Any:
        return (await self._made.get_raw_connection()).driver_connection

    def _sqlite(self) -> Any:
        return self._made.sync_connection.connection.driver_connection  # type: ignore[union-attr]

    async def interrupt(self) -> None:
        """Stop the statement that is running, if any. The connection cannot be used afterwards."""
        task = self._task
        if task is None or task.done():
            return
        self._broken = True
        driver = await self._driver()
        until = monotonic() + BUSY
        while not task.done() and monotonic() < until:
            if self._database.is_sqlite:
                await driver.interrupt()
            else:
                with contextlib.suppress(Exception):  # if the server is gone, so is the statement
                    await driver.cancel_safe(timeout=BUSY)
            # Repeated, since an interrupt before the statement has begun is lost.
            await asyncio.wait([task], timeout=0.05)
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=BUSY)
        if task.done() and not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log it

    def _guard(self, mode: Mode, rows: RowReader | None = None) -> Guard:
        guard: Guard = self._sqlite().guard
        guard.begin(mode, None if rows is None else rows.weigh)
        return guard


async def _take(cursor: Any, coming: AsyncIterator[Any], rows: RowReader) -> None:
    names: list[str] = []
    async for row in coming:
        names = names or columns_of(cursor.description)
        rows.weigh(row)
        rows.add(names, row)


def _reader(text: str, values: tuple[Any, ...], found: RowReader) -> Callable[[Any], Result]:
    """A statement on SQLite, whose connection counts each row (:mod:`host.libraries.sql.sqlite`)."""

    def read(sync: sa.Connection) -> Result:
        cursor = sync.exec_driver_sql(text, values)
        try:
            affected = max(0, cursor.rowcount)
            if not cursor.returns_rows:
                last = getattr(cursor, "lastrowid", None)
                return Result([], affected, last if isinstance(last, int) and last else None)
            # Not cursor.keys(): SQLAlchemy cuts "a.b" to "b".
            names = columns_of(cursor.cursor.description)
            while batch := cursor.fetchmany(BATCH):
                for row in batch:
                    found.add(names, row)
            return Result(found.found, max(affected, len(found.found)))
        finally:
            cursor.close()

    return read


def _is_empty(file: str) -> bool:
    """Whether a file has no content; ``False`` where it has been removed."""
    try:
        return not os.path.getsize(file)
    except OSError:
        return False


def _parameter(value: Any, sqlite: bool) -> Any:
    if value is None or isinstance(value, str | int | float | bytes):
        return value
    if isinstance(value, dict | list) and not sqlite:
        if isinstance(value, list):
            return value
        from psycopg.types.json import Jsonb  # only with PostgreSQL

        return Jsonb(value)
    if isinstance(value, dict | list):
        raise InvalidCall("a table cannot be a parameter of a statement; use json.encode")
    raise InvalidCall("an opaque secret cannot be a parameter of a statement")


_TRANSACTION = "use sql.transaction(function(tx) … end) for transactions"
_SESSION = "its effect would outlast the statement"
_REFUSED = {
    **dict.fromkeys(("begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"), _TRANSACTION),
    **dict.fromkeys(("set", "reset", "discard", "prepare", "deallocate", "execute", "listen"), _SESSION),
    **dict.fromkeys(("attach", "detach"), "it would reach another database"),
    "copy": "it needs a stream of its own",
}


def _call_error(error: Exception, original: BaseException | None, place: str, mutation: bool | None) -> CallError:
    """The error for the script. It never has ``str(error)``, which would show the statement and its values."""
    if isinstance(error, exc.TimeoutError):
        return CallTimeout(
            f"{place}: no connection became available", phase="limit", outcome="not_sent" if mutation else None
        )
    text = str(original or type(error).__name__).strip().partition("\n")[0]
    code = getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None)
    kind = type(original or error).__name__
    if code == "SQLITE_AUTH" or "not authorized" in text:
        hint = "Use sql.execute for statements that make changes." if mutation is False else None
        return DeniedError(f"{place}: the statement is not allowed here ({text})", hint=hint)
    operational = isinstance(error, exc.OperationalError) or kind in ("OperationalError", "InterfaceError")
    if mutation is None or (code is None and operational):
        return NetworkError(
            f"{place} cannot be reached: {text}", phase="connect", outcome="unknown" if mutation else None
        )
    return ApiError(
        f"{place}: {text}",
        type=kind,
        code=code,
        outcome="rejected" if mutation else None,
        retryable=code in ("SQLITE_BUSY", "SQLITE_LOCKED", "40001", "40P01") or None,
    )
