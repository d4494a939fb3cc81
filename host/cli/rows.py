"""The rows of ``--each``: one run each, all checked before the first run starts."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TextIO

from host.decoding import check_json
from host.errors import LimitError, UsageError

__all__ = ["Rows"]

Row = tuple[int, dict[str, Any]]

MOST_LINE = 16 << 20  # characters
_SEPARATORS = {",": "','", ";": "';'", "\t": "tab"}
MOST_FIELDS = 100_000  # in one line; of JSON: values


class Rows:
    """A ``.csv`` or ``.tsv`` file, its first line the names, values texts; or a ``.jsonl`` file of one object a line.

    ``len`` is how many there are; iterating gives (line in the file, row) without holding them all. ``columns`` are the
    names that any row has. Raises ``UsageError`` naming the line of the first bad one.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        name = path.lower()
        if name.endswith((".csv", ".tsv")):
            self._read: Callable[[TextIO, str], Iterator[Row]] = _csv
        elif name.endswith((".jsonl", ".ndjson")):
            self._read = _jsonl
        else:
            hint = "to convert a JSON list: jq -c '.[]' rows.json > rows.jsonl" if name.endswith(".json") else None
            raise UsageError(f"--each {path}: expected a file whose name ends in .csv, .tsv or .jsonl", hint=hint)
        # A bad row half way would leave half the work done, and nobody knowing which half.
        self.columns: dict[str, None] = {}
        self._count = 0
        for _, row in self:
            self._count += 1
            if not row.keys() <= self.columns.keys():
                self.columns |= dict.fromkeys(row)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        try:
            encoding = _encoding(self.path)
            with open(self.path, encoding=encoding, newline="") as file:
                yield from self._read(file, self.path)
        except OSError as error:
            raise UsageError(f"--each {self.path} cannot be read: {error.strerror}") from error
        except UnicodeError as error:
            raise UsageError(
                f"--each {self.path}:{_line_of(self.path)}: it is not UTF-8 text",
                hint='save it as UTF-8 ("CSV UTF-8" in spreadsheets)',
            ) from error


def _csv(file: TextIO, path: str) -> Iterator[Row]:
    lines = _narrow(_lines(file, path), path)
    first = next(lines, "")
    if found := re.fullmatch(r'"?sep=(.)"?\s*', first):  # as spreadsheets write it above the names
        separator, above, first = found[1], 1, next(lines, "")
    else:
        separator, above = "\t" if path.lower().endswith(".tsv") else _separator(first, path), 0
    reader = csv.reader(chain([first] if first else [], lines), strict=True, delimiter=separator)
    try:
        names = next(reader, None)
        _check_names(names, f"--each {path}:{above + 1}")
        assert names
        line = reader.line_num
        for values in reader:
            line, begun = reader.line_num, line + 1  # a quoted field may hold line breaks
            if not values:
                continue
            if len(values) != len(names):
                fields = f"{len(values)} field{'' if len(values) == 1 else 's'}"
                wanted = f"{len(names)} ({', '.join(names)})"
                raise UsageError(f"--each {path}:{above + begun}: {fields}, expected {wanted}")
            yield above + begun, dict(zip(names, values, strict=True))
    except csv.Error as error:
        raise UsageError(f"--each {path}:{above + reader.line_num}: {error}") from error


def _separator(names: str, path: str) -> str:
    """The separator of the columns, from the line of their names."""
    bare = re.sub(r'"(?:[^"]|"")*(?:"|$)', "", names)
    found = [sign for sign in _SEPARATORS if sign in bare]
    if len(found) > 1:
        signs = " and ".join(_SEPARATORS[sign] for sign in found)
        raise UsageError(
            f"--each {path}:1: the line of names has {signs}: either could separate the columns",
            hint="put names that contain one in double quotes",
        )
    return found[0] if found else "|" if "|" in bare else ","


def _check_names(names: list[str] | None, place: str) -> None:
    if not names:
        raise UsageError(f"{place}: expected a line with the columns' names")
    for number, name in enumerate(names, 1):
        if not name.strip():
            raise UsageError(f"{place}: column {number} has no name")
        if name != name.strip():
            raise UsageError(f"{place}: column {number} is called {name!r}, with leading or trailing whitespace")
        if name in names[: number - 1]:
            raise UsageError(f"{place}: two columns are called {name!r}")


def _jsonl(file: TextIO, path: str) -> Iterator[Row]:
    for line, text in enumerate(_lines(file, path), 1):
        if not text.strip():
            continue
        try:
            check_json(text.encode("utf-8", "surrogatepass"), MOST_FIELDS)
            row = json.loads(text, object_pairs_hook=_members, parse_constant=_no_number)
        except LimitError as error:
            raise UsageError(f"--each {path}:{line}: {error.message}") from None
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise UsageError(f"--each {path}:{line}: it is not JSON: {reason}") from error
        if not isinstance(row, dict):
            raise UsageError(f'--each {path}:{line}: expected an object, such as {{"name": "Shirt"}}')
        yield line, row


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two members of an object are called {twice!r}")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a valid number")


def _lines(file: TextIO, path: str) -> Iterator[str]:
    """The lines, none of which is read beyond the limit."""
    line = 1
    while text := file.readline(MOST_LINE + 1):
        if len(text) > MOST_LINE:
            raise UsageError(f"--each {path}:{line}: the line is over {MOST_LINE >> 20} MB")
        if "\0" in text:
            raise UsageError(f"--each {path}:{line}: it holds a NUL character", hint="save it as UTF-8")
        yield text
        line += 1


def _encoding(path: str) -> str:
    """UTF-8, with or without a byte order mark; UTF-16 where a mark says so, as spreadsheets write "Unicode text"."""
    with open(path, "rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _narrow(lines: Iterator[str], path: str) -> Iterator[str]:
    """The lines of a table, none of which has so many separators that its fields would take hundreds of megabytes."""
    for line, text in enumerate(lines, 1):
        if len(text) > MOST_FIELDS and max(map(text.count, ",;\t|")) > MOST_FIELDS:
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
