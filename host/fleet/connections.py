"""Connections to the fleet's database that are opened when they are needed, and kept for the next use.

``psycopg_pool`` opens them in the background, with pauses that grow as long as the server is away: after a minute
without it, it would be noticed up to a minute late that it is back. Here whoever needs a connection opens it, and
hears at once that there is no server.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

__all__ = ["Connections", "NoneFree"]

Connection = psycopg.Connection[Any]


class NoneFree(Exception):
    """All connections were in use for too long."""


class Connections:
    """At most ``size`` connections made by ``connect()``. Thread-safe.

    A connection that the server closed while nobody used it is replaced before its next use.
    """

    def __init__(self, connect: Callable[[], Connection], size: int, wait: float) -> None:
        self._connect = connect
        self._wait = wait
        self._free = threading.BoundedSemaphore(size)
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A context with a connection. Raises :class:`NoneFree` after ``wait`` seconds, and ``psycopg.Error``."""
        if not self._free.acquire(timeout=self._wait):
            raise NoneFree
        try:
            connection = self._kept() or self._connect()
            try:
                yield connection
            finally:
                self._keep(connection)
        finally:
            self._free.release()

    def close(self) -> None:
        """Close the connections, those in use after their use. A second call does nothing."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for each in idle:
            each.close()

    def _kept(self) -> Connection | None:
        """The connection that was used last, or ``None`` if there is none."""
        while True:
            with self._lock:
                if self._closed:
                    raise psycopg.OperationalError("the connections to the database are closed")
                if not self._idle:
                    return None
                found = self._idle.pop()
            if _is_open(found):
                return found
            found.close()

    def _keep(self, connection: Connection) -> None:
        with self._lock:
            if not self._closed and connection.info.transaction_status == TransactionStatus.IDLE:
                self._idle.append(connection)
                return
        connection.close()


def _is_open(connection: Connection) -> bool:
    """Whether the server has not closed an idle connection, as far as is known here; nothing is sent."""
    with suppress(psycopg.Error):
        for _ in range(2):  # the first reads what the server said last, the second finds the end behind it
            connection.pgconn.consume_input()
        return True
    return False
