"""The rows of ``--each``: one run each, checked all of them before the first run starts."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from host.decoding import check_json
from host.errors import LimitError, UsageError

__all__ = ["Rows"]

Row = tuple[int, dict[str, Any]]

MOST_LINE = 16 << 20  # characters
MOST_FIELDS = 100_000  # in one line; of JSON: values


class Rows:
    """A ``.csv`` file, its first line the names, values texts; or a ``.jsonl`` file of one object a line.

    ``len`` is how many there are; iterating gives (line in the file, row) without holding them all. Raises
    ``UsageError`` naming the line of the first that cannot be used.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        name = path.lower()
        if name.endswith(".csv"):
            self._read: Callable[[TextIO, str], Iterator[Row]] = _csv
        elif name.endswith((".jsonl", ".ndjson")):
            self._read = _jsonl
        else:
            raise UsageError(f"--each {path}: expected a file whose name ends in .csv or .jsonl")
        # A bad row half way would leave half the work done, and nobody knowing which half.
        self._count = sum(1 for _ in self)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        try:
            with open(self.path, encoding="utf-8-sig", newline="") as file:
                yield from self._read(file, self.path)
        except OSError as error:
            raise UsageError(f"--each {self.path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"--each {self.path}:{_line_of(self.path)}: it is not UTF-8 text") from error


def _csv(file: TextIO, path: str) -> Iterator[Row]:
    reader = csv.reader(_narrow(_lines(file, path), path), strict=True)
    try:
        names = next(reader, None)
        if not names:
            raise UsageError(f"--each {path}:1: expected a line with the columns' names")
        for place, name in enumerate(names, 1):
            if not name.strip():
                raise UsageError(f"--each {path}:1: column {place} has no name")
            if name in names[: place - 1]:
                raise UsageError(f"--each {path}:1: two columns are called {name!r}")
        line = reader.line_num
        for values in reader:
            line, first = reader.line_num, line + 1  # a quoted field may hold line breaks
            if not values:
                continue
            if len(values) != len(names):
                found = f"{len(values)} field{'' if len(values) == 1 else 's'}"
                wanted = f"{len(names)} ({', '.join(names)})"
                raise UsageError(f"--each {path}:{first}: {found}, expected {wanted}")
            yield first, dict(zip(names, values, strict=True))
    except csv.Error as error:
        raise UsageError(f"--each {path}:{reader.line_num}: {error}") from error


def _jsonl(file: TextIO, path: str) -> Iterator[Row]:
    for line, text in enumerate(_lines(file, path), 1):
        if not text.strip():
            continue
        try:
            check_json(text.encode("utf-8", "surrogatepass"), MOST_FIELDS)
            row = json.loads(text)
        except LimitError as error:
            raise UsageError(f"--each {path}:{line}: {error.message}") from None
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise UsageError(f"--each {path}:{line}: it is not JSON: {reason}") from error
        if not isinstance(row, dict):
            raise UsageError(f"--each {path}:{line}: expected an object, such as {{\"name\": \"Shirt\"}}")
        yield line, row


def _lines(file: TextIO, path: str) -> Iterator[str]:
    """The lines, none of which is read beyond bounds."""
    line = 1
    while text := file.readline(MOST_LINE + 1):
        if len(text) > MOST_LINE:
            raise UsageError(f"--each {path}:{line}: the line is over {MOST_LINE >> 20} MB")
        yield text
        line += 1


def _narrow(lines: Iterator[str], path: str) -> Iterator[str]:
    """The lines of a table, none of which has so many separators that its fields would take hundreds of megabytes."""
    for line, text in enumerate(lines, 1):
        if len(text) > MOST_FIELDS and max(map(text.count, ",;\t")) > MOST_FIELDS:
            raise UsageError(f"--each {path}:{line}: the line has more than {MOST_FIELDS:,} fields")
        yield text


def _line_of(path: str) -> int:
    """The first line that is not UTF-8."""
    with open(path, "rb") as file:
        for line, data in enumerate(iter(lambda: file.readline(MOST_LINE), b""), 1):
            try:
                data.decode()
            except UnicodeDecodeError:
                return line
    return 1
