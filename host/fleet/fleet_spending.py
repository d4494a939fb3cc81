"""Daily budgets across all workers: the amounts spent with each key, in the fleet's database.

Each counted call is one transaction. Amounts are not leased in batches, because those leased by a lost worker could
neither be returned nor counted correctly.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from datetime import date
from time import monotonic
from typing import Any, Final

import psycopg

from host.errors import ConfigError, LimitError
from host.fleet import permit_tables as sql
from host.fleet.permit_database import connect

__all__ = ["FleetLedger"]

PAUSE: Final = 1.0  # seconds after a failure before the database is used again


class FleetLedger:
    """A :class:`~host.policy.ledger.SpendingLedger` per UTC day, by the database's clock.

    The constructor raises ``ConfigError`` if the database cannot be used.
    """

    outlives = True

    def __init__(self, url: str, *, clock: Callable[[], float] = monotonic) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._closed = False
        self._open: psycopg.Connection[Any] | None = None
        try:
            self._connection()
        except psycopg.Error as error:
            raise ConfigError(f"the fleet's budgets cannot be kept in the database: {error}") from None

    def spend(self, account: str, amounts: Mapping[str, int], ceilings: Mapping[str, int]) -> str | tuple[str, int]:
        """See :meth:`host.policy.ledger.SpendingLedger.spend`. Raises ``LimitError`` if the amounts cannot be recorded,
        so that nothing is sent."""
        with self._lock:
            if self._clock() < self._not_before:
                raise _away("it was not reached a moment ago")
            try:
                return self._spend(account, amounts, ceilings)
            except psycopg.Error as error:
                self._drop()
                raise _away(str(error).strip().partition("\n")[0]) from error

    def _spend(self, account: str, amounts: Mapping[str, int], ceilings: Mapping[str, int]) -> str | tuple[str, int]:
        connection = self._connection()
        with connection.transaction():
            day = _locked_day(connection, account)
            spent = dict(connection.execute(sql.SPENT, {"account": account, "day": day}).fetchall())
            for unit, amount in amounts.items():
                ceiling = ceilings.get(unit)
                if ceiling is not None and spent.get(unit, 0) + amount > ceiling:
                    return unit, int(spent.get(unit, 0))
            _add(connection, account, day, amounts)
        return day.isoformat()

    def give_back(self, account: str, amounts: Mapping[str, int], day: str) -> None:
        """See :meth:`host.policy.ledger.SpendingLedger.give_back`. On failure the amounts remain counted."""
        with self._lock, contextlib.suppress(psycopg.Error):
            if self._clock() < self._not_before:
                return
            taken = {unit: -amount for unit, amount in amounts.items()}
            _add(self._connection(), account, date.fromisoformat(day), taken)

    def close(self) -> None:
        """Close the connection. A second call does nothing."""
        with self._lock:
            self._closed = True
            if self._open is not None:
                self._open.close()

    def _connection(self) -> psycopg.Connection[Any]:
        if self._closed:
            raise psycopg.OperationalError("the budget is closed")
        if self._open is None or self._open.closed:
            self._open = connect(self._url, "luahost budgets")
            sql.make_permit_tables(self._open)
        return self._open

    def _drop(self) -> None:
        self._not_before = self._clock() + PAUSE
        if self._open is not None:
            self._open.close()
            self._open = None


def _locked_day(connection: psycopg.Connection[Any], account: str) -> date:
    row = connection.execute(sql.LOCK_ACCOUNT, {"account": account}).fetchone()
    assert row is not None
    found: date = row[0]
    return found


def _add(connection: psycopg.Connection[Any], account: str, day: date, amounts: Mapping[str, int]) -> None:
    values = {"account": account, "day": day, "units": list(amounts), "amounts": list(amounts.values())}
    connection.execute(sql.SPEND, values)


def _away(why: str) -> LimitError:
    return LimitError(f"today's budget: the fleet's database cannot be reached: {why}", outcome="not_sent")
