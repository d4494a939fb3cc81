"""The fleet's database: a pool of PostgreSQL connections with translated errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from host.durable.database import JournalLost
from host.durable.database_url import without_password
from host.errors import ConfigError, JournalError
from host.fleet.schema import prepare

try:
    import psycopg
    from psycopg import sql
    from psycopg_pool import ConnectionPool, PoolTimeout
except ImportError as error:
    raise ConfigError(
        f"a fleet needs its extra: {error.name} is not installed", hint="pip install 'luahost[fleet]'"
    ) from error

__all__ = ["FleetDatabase"]

WAIT: Final = 10.0  # seconds for a connection
# A broken connection is given up after this time, instead of the 15 minutes that TCP takes by default.
ALIVE: Final[dict[str, Any]] = {
    "connect_timeout": int(WAIT),
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class FleetDatabase:
    """Executes statements, each in its own transaction unless within :meth:`transaction`. Thread-safe.

    Methods raise :class:`JournalLost` if the server cannot be reached, :class:`JournalError` for other failures.
    """

    errors = (psycopg.Error,)
    """The exceptions that a connection of :meth:`listen` raises."""

    def __init__(self, url: str, *, size: int = 4) -> None:
        self.url = url
        self.name = without_password(url)
        try:
            psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.Error as error:
            raise ConfigError(f"HOST_DATABASE cannot be read: {_reason(error)}") from error
        self._pool = ConnectionPool(
            url,
            min_size=0,
            max_size=size,
            timeout=WAIT,
            open=False,
            kwargs={"autocommit": True, **ALIVE},
        )
        try:
            with self._direct() as connection:  # reports a wrong address at once, not after the pool's retries
                prepare(connection)
        except BaseException:
            self._pool.close()
            raise
        self._pool.open()

    @contextmanager
    def _direct(self) -> Iterator[Any]:
        with self._translating():
            connection = psycopg.connect(self.url, autocommit=True, **ALIVE)
            try:
                yield connection
            finally:
                connection.close()

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A context with a connection whose statements are committed together, or rolled back on an exception."""
        with self._translating(), self._pool.connection() as connection, connection.transaction():
            yield connection

    def rows(self, statement: str, values: Mapping[str, Any] | Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute one statement; returns its rows."""
        with self._translating(), self._pool.connection() as connection:
            cursor = connection.execute(statement, values)
            return [] if cursor.description is None else cursor.fetchall()

    def listen(self, *channels: str) -> psycopg.Connection[Any]:
        """A separate connection that receives the notifications of ``channels``. The caller closes it."""
        with self._translating():
            connection = psycopg.connect(self.url, autocommit=True, **ALIVE)
            for channel in channels:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            return connection

    def close(self) -> None:
        """Close all connections. A second call does nothing."""
        self._pool.close()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise JournalLost(f"the database {self.name} cannot be reached") from error
        except psycopg.Error as error:
            state = getattr(error, "sqlstate", None)
            text = f"the database {self.name}: {_reason(error)}"
            if state is None or state.startswith(("08", "57P")):
                raise JournalLost(text) from error
            raise JournalError(text) from error


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
