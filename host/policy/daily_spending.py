"""The spending of each day and API key, in a file, so that a daily budget outlives the process.

Plain SQLite: the sums of a day are a few rows, read and written in one immediate transaction, so that hosts in several
processes share the budget.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from host.data_folder import data_file
from host.errors import ConfigError, LimitError
from host.sqlite_file import open_sqlite

if TYPE_CHECKING:
    import sqlite3

__all__ = ["DailyLedger", "default_path"]

_TABLE = """create table if not exists spent (
  account text not null, day text not null, unit text not null, amount integer not null,
  primary key (account, day, unit)
) without rowid"""
_ADD = """insert into spent values (?, ?, ?, ?)
  on conflict (account, day, unit) do update set amount = amount + excluded.amount"""


def default_path() -> Path:
    """``spending.sqlite`` in the host's folder of the user's data."""
    return Path(data_file("spending.sqlite"))


class DailyLedger:
    """A :class:`~host.policy.ledger.SpendingLedger` that starts anew each UTC day. ``account`` identifies a key.

    Raises ``ConfigError`` if the file cannot be used.
    """

    outlives = True

    def __init__(self, path: str | os.PathLike[str], *, today: Callable[[], str] | None = None) -> None:
        import sqlite3  # only for budgets of a day

        self._errors = sqlite3.Error
        self._path = Path(path)
        self._today = today or (lambda: datetime.now(UTC).date().isoformat())
        self._lock = threading.Lock()
        try:
            self._open: sqlite3.Connection = open_sqlite(self._path, "spending")
            self._open.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"the record of spending {self._path} cannot be used: {error}") from error

    def spend(self, account: str, amounts: Mapping[str, int], ceilings: Mapping[str, int]) -> str | tuple[str, int]:
        """See :meth:`host.policy.ledger.SpendingLedger.spend`. Raises ``LimitError`` if it cannot be recorded, so that
        nothing is sent.
        """
        day = self._today()
        with self._lock:
            try:
                return self._spend(account, day, amounts, ceilings)
            except self._errors as error:
                raise LimitError(
                    f"today's budget: the record of spending {self._path} cannot be written: {error}",
                    outcome="not_sent",
                ) from error

    def _spend(
        self, account: str, day: str, amounts: Mapping[str, int], ceilings: Mapping[str, int]
    ) -> str | tuple[str, int]:
        run = self._open.execute
        run("begin immediate")
        try:
            rows = run("select unit, amount from spent where account = ? and day = ?", (account, day))
            spent = dict(rows.fetchall())
            for unit, amount in amounts.items():
                ceiling = ceilings.get(unit)
                if ceiling is not None and spent.get(unit, 0) + amount > ceiling:
                    run("rollback")
                    return unit, spent.get(unit, 0)
            self._open.executemany(_ADD, [(account, day, unit, amount) for unit, amount in amounts.items()])
            run("commit")
        except BaseException:
            if self._open.in_transaction:
                run("rollback")
            raise
        return day

    def give_back(self, account: str, amounts: Mapping[str, int], day: str) -> None:
        """See :meth:`host.policy.ledger.SpendingLedger.give_back`. Where that fails the amounts stay counted."""
        with self._lock, suppress(self._errors):
            self._open.executemany(_ADD, [(account, day, unit, -amount) for unit, amount in amounts.items()])

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        with self._lock:
            self._open.close()
