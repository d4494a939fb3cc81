"""Collects the rows of one statement, and limits their number and size as they arrive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from host.apis.nearest import short
from host.errors import InvalidCall, LimitError

__all__ = ["RowReader", "columns_of"]

MOST_ROWS = 100_000
MOST_VALUES = 1_000_000  # in all rows, including nulls
MOST_BYTES = 64 << 20
VALUE = 16  # bytes that a value counts in addition to its text

_AS_IT_IS = (str, int, float, bytes, bool, list, dict, date, time, Decimal, UUID)  # datetime is a date


def columns_of(description: Iterable[Sequence[Any]]) -> list[str]:
    """The names of a cursor's columns. Raises ``InvalidCall`` where two have the same: a row has one value by it."""
    names = [str(column[0]) for column in description]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidCall(
            f"the statement gives {names.count(twice)} columns named {short(twice)}, and a row has one value by a name",
            hint=f"Name each of them with AS, such as {short(twice)} AS {short(twice)}_2.",
        )
    return names


class RowReader:
    """Collects rows by column name in ``found``. ``weigh`` raises ``LimitError`` for the first row too many."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self._rows = self._values = self._bytes = 0

    def weigh(self, row: Sequence[Any]) -> None:
        """Count a row as soon as it has arrived."""
        self._rows += 1
        self._values += len(row)
        self._bytes += VALUE * len(row) + sum(len(each) for each in row if isinstance(each, str | bytes | memoryview))
        if self._rows > MOST_ROWS:
            raise LimitError(f"the statement returns more than {MOST_ROWS:,} rows", hint="Ask for fewer with LIMIT.")
        if self._values > MOST_VALUES:
            raise LimitError(
                f"the statement's rows have more than {MOST_VALUES:,} values",
                hint="Ask for fewer rows with LIMIT, or for fewer columns.",
            )
        if self._bytes > MOST_BYTES:
            raise LimitError(f"the statement's rows are more than {MOST_BYTES >> 20} MB")

    def add(self, names: Sequence[str], row: Sequence[Any]) -> None:
        """Add a row, without its nulls."""
        self.found.append({name: _plain(value) for name, value in zip(names, row, strict=True) if value is not None})


def _plain(value: Any) -> Any:
    if isinstance(value, _AS_IT_IS):
        return value
    return bytes(value) if isinstance(value, memoryview) else str(value)
