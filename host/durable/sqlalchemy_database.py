"""Journals in any database SQLAlchemy knows; PostgreSQL is the tested one. The one file that imports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic, time
from typing import Any, Final

from host.durable.database import LOCKED, Conflict, JournalLost, Statement, check_changed
from host.durable.database_url import without_password
from host.errors import ConfigError, JournalError

try:
    import sqlalchemy as sa
    from sqlalchemy import exc
except ImportError as error:
    raise ConfigError("journals other than SQLite files need SQLAlchemy", hint="pip install sqlalchemy") from error


_SERVER_TIME: Final = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


# Options of libpq: a broken connection is given up after ten seconds; TCP by itself takes a quarter of an hour.
_ALIVE: Final[dict[str, Any]] = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Engine:
    """The database at a URL. It is as durable as its server: PostgreSQL syncs each commit unless configured not to.

    With PostgreSQL, times are those of the server's clock. Its users run on many machines, and one whose clock is
    wrong must not hold a lease for longer than the others, or end theirs.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = sa.engine.make_url(url)
        except exc.ArgumentError as error:
            raise ConfigError(
                "the journal's URL cannot be read; expected a path, sqlite:///FILE or postgresql://USER@HOST/NAME"
            ) from error
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.name = without_password(parsed.render_as_string(hide_password=True))
        self.binary = "BYTEA" if parsed.get_backend_name() == "postgresql" else "BLOB"
        try:
            # One connection of the writer, one for a command that reads or takes a lease meanwhile.
            connecting = _ALIVE if parsed.drivername == "postgresql+psycopg" else {}
            self._engine = sa.create_engine(parsed, pool_size=2, pool_timeout=LOCKED, connect_args=connecting)
            self._alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")  # the same connections
        except (exc.ArgumentError, ImportError) as error:
            raise ConfigError(
                f"the journal {self.name} cannot be used: {error}",
                hint="pip install 'luahost[postgres]' brings PostgreSQL's driver"
                if parsed.get_backend_name() == "postgresql"
                else f"the driver of {parsed.drivername[:40]} is a package of its own: see SQLAlchemy's documentation",
            ) from error
        self._texts: dict[str, sa.TextClause] = {}
        self._serves_time = parsed.get_backend_name() == "postgresql"
        self.now = _SERVER_TIME if self._serves_time else ":now"
        self._measured: tuple[float, float] | None = None  # the server's time, and when that was by our monotonic clock

    def clock(self) -> float:
        if not self._serves_time:
            return time()
        if self._measured is None:
            self.measure_clock()
            assert self._measured is not None
        measured, when = self._measured
        return measured + (monotonic() - when)

    def measure_clock(self) -> None:
        if self._serves_time:
            self._measured = float(self.read(f"SELECT {self.now}")[0][0]), monotonic()

    def write(self, statements: Sequence[Statement]) -> int:
        try:
            if len(statements) == 1 and len(statements[0][1]) == 1:  # by itself: neither BEGIN nor COMMIT is needed
                with self._alone.connect() as connection:
                    return self._done(connection, *statements[0])
            return self._transaction(statements)
        except exc.SQLAlchemyError as error:
            raise self._translated(error) from error

    def _transaction(self, statements: Sequence[Statement]) -> int:
        """Execute statements in one transaction, again on a new connection if the old one broke before the commit."""
        for is_second in (False, True):
            changed, committing = 0, False
            try:
                with self._engine.begin() as connection:
                    for sql, values in statements:
                        changed = self._done(connection, sql, values)
                    committing = True
            except exc.DBAPIError as error:
                if is_second or committing or not error.connection_invalidated:
                    raise
            else:
                break
        return changed

    def _done(self, connection: sa.Connection, sql: str, values: Sequence[Mapping[str, Any]]) -> int:
        changed = connection.execute(self._text(sql), [dict(each) for each in values]).rowcount
        check_changed(self.name, sql, changed)
        return changed

    def read(self, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        try:
            try:
                return self._rows(sql, values)
            except exc.DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                return self._rows(sql, values)
        except exc.SQLAlchemyError as error:
            raise self._translated(error) from error

    def _rows(self, sql: str, values: Mapping[str, Any] | None) -> list[tuple[Any, ...]]:
        with self._alone.connect() as connection:
            rows = connection.execute(self._text(sql), dict(values or {}))
            return [tuple(bytes(item) if isinstance(item, memoryview) else item for item in row) for row in rows]

    def close(self) -> None:
        self._engine.dispose()

    def _text(self, sql: str) -> sa.TextClause:
        found = self._texts.get(sql)
        if found is None:
            found = self._texts[sql] = sa.text(sql)
        return found

    def _translated(self, error: exc.SQLAlchemyError) -> JournalError:
        # Not str(error): it would show the statement with its values.
        reason = str(getattr(error, "orig", None) or type(error).__name__).strip().partition("\n")[0]
        if isinstance(error, exc.IntegrityError):
            return Conflict(f"the journal {self.name}: {reason}")
        if isinstance(error, exc.OperationalError):
            text = f"the journal {self.name} cannot be reached or written: {reason}"
            # Without an SQLSTATE no server has answered; class 08 is a connection's, 57P a server that goes down.
            state = getattr(error.orig, "sqlstate", None)
            gone = error.connection_invalidated or state is None or state.startswith(("08", "57P"))
            return JournalLost(text) if gone else JournalError(text)
        return JournalError(f"the journal {self.name} failed: {reason}")
