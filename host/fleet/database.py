"""The fleet's database: a pool of connections to PostgreSQL, errors translated. The only importer of psycopg here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from host.durable.database import JournalLost, without_password
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
# A connection that is cut is given up after that long, rather than after the quarter of an hour TCP takes by itself.
ALIVE: Final[dict[str, Any]] = {
    "connect_timeout": int(WAIT),
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class FleetDatabase:
    """Each statement is committed by itself unless it is in :meth:`transaction`. Thread-safe.

    Raises :class:`JournalLost` where the server is away, :class:`JournalError` for the rest.
    """

    errors = (psycopg.Error,)
    """What a connection of :meth:`listen` raises."""

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
            with self._direct() as connection:  # a wrong address is reported at once, not after retries
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
        """A connection whose statements are committed together, or not at all."""
        with self._translating(), self._pool.connection() as connection, connection.transaction():
            yield connection

    def rows(self, statement: str, values: Mapping[str, Any] | Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Do one statement; returns its rows."""
        with self._translating(), self._pool.connection() as connection:
            cursor = connection.execute(statement, values)
            return [] if cursor.description is None else cursor.fetchall()

    def listen(self, *channels: str) -> psycopg.Connection[Any]:
        """A connection of its own that gets notifications."""
        with self._translating():
            connection = psycopg.connect(self.url, autocommit=True, **ALIVE)
            for channel in channels:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            return connection

    def close(self) -> None:
        """Let go of all connections. A second call does nothing."""
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
