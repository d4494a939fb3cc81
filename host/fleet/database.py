"""The fleet's database: PostgreSQL connections with translated errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from time import monotonic, sleep
from typing import Any, Final, TypeVar

from host.durable.database import JournalLost
from host.durable.database_url import without_password
from host.errors import ConfigError, JournalError
from host.fleet.schema import prepare

try:
    import psycopg
    from psycopg import sql

    from host.fleet.connections import Connections, NoneFree
except ImportError as error:
    raise ConfigError(
        f"a fleet needs its extra: {error.name} is not installed", hint="pip install 'luahost[fleet]'"
    ) from error

__all__ = ["FleetDatabase"]

WAIT: Final = 10.0  # seconds for a connection, and for a database that restarts
AGAIN: Final = 0.2  # seconds between attempts
# A broken connection is given up after this time, instead of the 15 minutes that TCP takes by default.
ALIVE: Final[dict[str, Any]] = {
    "connect_timeout": int(WAIT),
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


T = TypeVar("T")


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
        self._connections = Connections(self._connected, size, WAIT)
        with self._translating(), closing(self._connected()) as connection:  # a wrong address is said at once
            prepare(connection)

    def _connected(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True, **ALIVE)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A context with a connection whose statements are committed together, or rolled back on an exception."""
        with self._translating(), self._connections.connection() as connection, connection.transaction():
            yield connection

    def rows(self, statement: str, values: Mapping[str, Any] | Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute one statement; returns its rows."""
        with self._translating(), self._connections.connection() as connection:
            cursor = connection.execute(statement, values)
            return [] if cursor.description is None else cursor.fetchall()

    def patiently(self, work: Callable[[], T]) -> T:
        """Do ``work``, which may be done twice, again if the database restarts meanwhile; returns its result."""
        until = monotonic() + WAIT
        while True:
            try:
                return work()
            except JournalLost:
                if monotonic() >= until:
                    raise
                sleep(AGAIN)

    def listen(self, *channels: str) -> psycopg.Connection[Any]:
        """A separate connection that receives the notifications of ``channels``. The caller closes it."""
        with self._translating():
            connection = self._connected()
            for channel in channels:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            return connection

    def close(self) -> None:
        """Close all connections. A second call does nothing."""
        self._connections.close()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except NoneFree as error:
            raise JournalLost(f"the database {self.name}: no connection was free for {WAIT:g} s") from error
        except psycopg.Error as error:
            state = getattr(error, "sqlstate", None)
            text = f"the database {self.name}: {_reason(error)}"
            if state is None or state.startswith(("08", "57P")):
                raise JournalLost(text) from error
            raise JournalError(text) from error


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
