"""A granted database behind SQLAlchemy's async engine: connections, one statement at a time, bounded rows.

SQLite (aiosqlite) and PostgreSQL (psycopg). What a statement may do is up to the database, not to a reading
of its text: SQLite asks :class:`~host.gate.libraries.sqlite.Guard` for each thing a statement does,
PostgreSQL reads in read-only transactions, and both take only one statement at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import date, time
from decimal import Decimal
from time import monotonic
from typing import Any
from uuid import UUID

import msgspec

from host.errors import (
    ApiError,
    CallError,
    CallTimeout,
    ConfigError,
    DeniedError,
    InvalidCall,
    LimitError,
    NetworkError,
)
from host.gate.libraries.sqlite import BUSY, opener
from host.gate.libraries.statement import bound, first_word
from host.gate.permissions import sql_place

try:
    import sqlalchemy as sa
    from sqlalchemy import exc
    from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
    from sqlalchemy.pool import AsyncAdaptedQueuePool
except ImportError as error:  # pragma: no cover - a broken installation
    raise ConfigError("sql needs SQLAlchemy", hint="pip install 'luahost[sql]'") from error

__all__ = ["Connection", "Database", "Result"]

POOL = 5  # connections kept; as many more for a while
MOST_ROWS = 100_000
MOST_BYTES = 64 << 20
VALUE = 16  # bytes a value counts beside its text
BATCH = 256


class Result(msgspec.Struct, frozen=True):
    """``rows`` by column name; ``affected`` rows; ``last_id`` of SQLite's last INSERT."""

    rows: list[dict[str, Any]]
    affected: int = 0
    last_id: int | None = None


class Database:
    """One database by its URL. Made on any thread, used on one loop; ``await aclose()``."""

    def __init__(self, url: str) -> None:
        self.place = sql_place(url)
        try:
            parsed = sa.engine.make_url(url)
        except (exc.ArgumentError, ValueError):
            raise InvalidCall(
                f"{self.place} is no database URL; expected sqlite:///FILE or postgresql://…"
            ) from None
        kind = parsed.get_backend_name()
        self.is_sqlite = kind == "sqlite"
        if kind not in ("sqlite", "postgresql", "postgres"):
            raise InvalidCall(f"{self.place}: databases are sqlite and postgresql, not {kind}")
        if self.is_sqlite:
            memory = parsed.database in (None, "", ":memory:")
            self._engine = create_async_engine(
                "sqlite+aiosqlite://",
                poolclass=AsyncAdaptedQueuePool,
                # A database in memory is its one connection.
                pool_size=1 if memory else POOL,
                max_overflow=0 if memory else POOL,
                connect_args={"async_creator_fn": opener(":memory:" if memory else str(parsed.database))},
            )
        else:
            try:
                self._engine = create_async_engine(
                    parsed.set(drivername="postgresql+psycopg"),
                    isolation_level="AUTOCOMMIT",  # transactions are begun and ended by this file
                    pool_size=POOL,
                    max_overflow=POOL,
                    pool_pre_ping=True,
                    # Prepared at once: PostgreSQL prepares single statements only.
                    connect_args={"prepare_threshold": 0, "connect_timeout": 10},
                )
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
            # Not to be cut short: a connection that is given up half-way would be lost to the pool.
            await asyncio.shield(connection.release())

    async def aclose(self) -> None:
        await self._engine.dispose()

    @contextlib.contextmanager
    def _translated(self, mutation: bool | None) -> Any:
        try:
            yield
        except exc.SQLAlchemyError as error:
            raise _call_error(error, self.place, mutation) from error


class Connection:
    """``await run(…)``; ``begin``, ``commit``, ``rollback``. One statement at a time."""

    def __init__(self, database: Database, made: AsyncConnection) -> None:
        self._database = database
        self._made = made
        self._broken = False
        self._begun = False
        self._task: asyncio.Future[Any] | None = None  # the statement that runs

    async def run(self, statement: str, given: Any, *, write: bool) -> Result:
        """Raises ``CallError``. Cancelled, it interrupts the statement; then the connection is good for
        nothing."""
        text, values = bound(statement, given, "qmark" if self._database.is_sqlite else "format")
        word = first_word(statement)
        refused = _REFUSED.get(word)
        if refused is not None:
            raise InvalidCall(f"{word.upper()} is refused: {refused}")
        values = tuple(_parameter(value, self._database.is_sqlite) for value in values)
        if not self._database.is_sqlite and not self._begun and not write:
            await self._say("BEGIN READ ONLY")
        stream = not write and (self._database.is_sqlite or word in ("select", "with", "values", "table"))
        self._guard("write" if write else "read")
        found: Result = await self._execute(_reader(text, values, stream), write)
        return found

    async def begin(self) -> None:
        # Immediate: SQLite refuses to make a reading transaction a writing one while another writes.
        await self._say("BEGIN IMMEDIATE" if self._database.is_sqlite else "BEGIN")

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
        """Give it back as it was taken, or close it."""
        self._guard("host")
        try:
            if self._begun and not self._broken:
                await self.rollback()
        except CallError:
            self._broken = True
        if self._broken:
            await self._made.invalidate()
        await self._made.close()

    async def _say(self, command: str) -> None:
        self._guard("host")
        await self._execute(lambda sync: sync.exec_driver_sql(command) and None, True)
        self._begun = command.startswith("BEGIN")

    async def _execute(self, work: Callable[[Any], Any], write: bool) -> Any:
        # In a task of its own: when the call is cancelled, the statement is interrupted and then awaited.
        self._task = task = asyncio.ensure_future(self._made.run_sync(work))
        try:
            with self._database._translated(write):
                return await asyncio.shield(task)
        except asyncio.CancelledError:
            await self.interrupt()
            raise

    async def interrupt(self) -> None:
        """Stop the statement that runs, if one does; the connection is then good for nothing."""
        task = self._task
        if task is None or task.done():
            return
        self._broken = True
        driver: Any = (await self._made.get_raw_connection()).driver_connection
        until = monotonic() + BUSY
        while not task.done() and monotonic() < until:
            if self._database.is_sqlite:
                await driver.interrupt()
            else:
                with contextlib.suppress(Exception):  # a server that is gone has stopped it too
                    await driver.cancel_safe(timeout=BUSY)
            # Again if it had not begun: an interrupt between two statements is lost.
            await asyncio.wait([task], timeout=0.05)
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=BUSY)
        if task.done() and not task.cancelled():
            task.exception()  # looked at, so that nobody is told of it

    def _guard(self, mode: str) -> None:
        if self._database.is_sqlite:
            raw = self._made.sync_connection.connection.driver_connection  # type: ignore[union-attr]
            raw.guard.mode = mode  # type: ignore[union-attr]


def _reader(text: str, values: tuple[Any, ...], stream: bool) -> Callable[[Any], Result]:
    def read(sync: sa.Connection) -> Result:
        options = {"stream_results": True, "max_row_buffer": BATCH} if stream else {}
        cursor = sync.exec_driver_sql(text, values, execution_options=options)
        try:
            affected = max(0, cursor.rowcount)
            if not cursor.returns_rows:
                last = getattr(cursor, "lastrowid", None)
                return Result([], affected, last if isinstance(last, int) and last else None)
            rows = _rows(cursor)
            return Result(rows, max(affected, len(rows)))
        finally:
            cursor.close()

    return read


def _rows(cursor: Any) -> list[dict[str, Any]]:
    names = list(cursor.keys())
    rows: list[dict[str, Any]] = []
    size = 0
    while batch := cursor.fetchmany(BATCH):
        for each in batch:
            row = {name: _plain(value) for name, value in zip(names, each, strict=True) if value is not None}
            size += VALUE * len(names)
            size += sum(len(value) for value in row.values() if isinstance(value, str | bytes))
            rows.append(row)
        if len(rows) > MOST_ROWS:
            raise LimitError(
                f"the statement gives more than {MOST_ROWS:,} rows", hint="Ask for fewer with LIMIT."
            )
        if size > MOST_BYTES:
            raise LimitError(f"the statement's rows are more than {MOST_BYTES >> 20} MB")
    return rows


_AS_IT_IS = (str, int, float, bytes, bool, list, dict, date, time, Decimal, UUID)  # datetime is a date


def _plain(value: Any) -> Any:
    if isinstance(value, _AS_IT_IS):
        return value
    return bytes(value) if isinstance(value, memoryview) else str(value)


def _parameter(value: Any, sqlite: bool) -> Any:
    if value is None or isinstance(value, str | int | float | bytes):
        return value
    if isinstance(value, dict | list) and not sqlite:
        if isinstance(value, list):
            return value
        from psycopg.types.json import Jsonb  # there once PostgreSQL is

        return Jsonb(value)
    if isinstance(value, dict | list):
        raise InvalidCall("a table cannot be a parameter of a statement; json.encode it")
    raise InvalidCall("an opaque secret cannot be a parameter of a statement")


_TRANSACTION = "transactions are begun and ended by sql.transaction(function(tx) … end)"
_SESSION = "what it sets would outlast the statement"
_REFUSED = {
    **dict.fromkeys(
        ("begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"), _TRANSACTION
    ),
    **dict.fromkeys(("set", "reset", "discard", "prepare", "deallocate", "execute", "listen"), _SESSION),
    **dict.fromkeys(("attach", "detach"), "it would reach another database"),
    "copy": "it needs a stream of its own",
}


def _call_error(error: exc.SQLAlchemyError, place: str, mutation: bool | None) -> CallError:
    """What a script hears. Never ``str(error)``: it would show the statement with its values."""
    if isinstance(error, exc.TimeoutError):
        return CallTimeout(
            f"{place}: no connection became free", phase="limit", outcome="not_sent" if mutation else None
        )
    original = getattr(error, "orig", None)
    text = str(original or type(error).__name__).strip().partition("\n")[0]
    code = getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None)
    kind = type(original or error).__name__
    if code == "SQLITE_AUTH" or "not authorized" in text:
        hint = "Use sql.execute for what changes something." if mutation is False else None
        return DeniedError(f"{place}: the statement is not allowed here ({text})", hint=hint)
    if mutation is None or (code is None and isinstance(error, exc.OperationalError)):
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
