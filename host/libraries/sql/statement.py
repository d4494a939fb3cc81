"""Parses an SQL statement: its words, and ``?`` and ``:name`` converted to the driver's placeholders.

String literals, quoted names, comments and PostgreSQL's dollar quotes are skipped, so that nothing in them is taken for
a placeholder. Values never become part of the statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from host.apis.nearest import meant, short
from host.errors import InvalidCall

__all__ = ["Words", "bound"]

Style = Literal["qmark", "format"]

# The parts of a statement. Order matters: parts that may contain something like a placeholder come first.
_PARTS = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\* )
  | (?P<escaped> \b[eE]'(?:[^'\\]|\\.|'')*(?:'|$) )
  | (?P<text> '(?:[^']|'')*(?:'|$) )
  | (?P<name> "(?:[^"]|"")*(?:"|$) | `[^`]*(?:`|$) )
  | (?P<dollar> (?<![\w$]) \$(?P<tag>(?:[A-Za-z_]\w*)?)\$ )
  | (?P<cast> ::+ | \?\? )
  | (?P<named> :[A-Za-z_]\w* )
  | (?P<place> \? )
  | (?P<word> [A-Za-z_]\w* )
  | (?P<percent> % )
    """,
    re.VERBOSE | re.DOTALL,
)
_FOLLOW = re.compile(r"/\*|\*/")


_CHANGES = frozenset({"insert", "update", "delete", "merge", "into"})
_QUERIES = ("select", "values", "table")


class Words:
    """The words of a statement, in lower case and in order: what it does, as far as they tell."""

    __slots__ = ("_all",)

    def __init__(self, words: list[str]) -> None:
        self._all = words

    @property
    def first(self) -> str:
        """The first one, ``""`` if there is none: ``/* all */ SELECT …`` → ``select``."""
        return self._all[0] if self._all else ""

    @property
    def certainly_give_rows(self) -> bool:
        """Whether PostgreSQL certainly returns rows, so that they can be read one at a time."""
        if self.first in _QUERIES:
            return "into" not in self._all
        if self.first == "with":
            return not _CHANGES.intersection(self._all)
        return self.first in _CHANGES and "returning" in self._all  # a reserved word, so it cannot be a column

    def may_change_and_give_rows(self, *, sqlite: bool) -> bool:
        """Whether rows may come of what may also change something: PostgreSQL's functions may in a SELECT."""
        return "returning" in self._all or (not sqlite and self.first in (*_QUERIES, "with"))


def bound(statement: str, given: Any, style: Style) -> tuple[str, tuple[Any, ...], Words]:
    """The statement with the driver's placeholders, its values in their order, and its words.

    ``given`` is a list for ``?``, a map for ``:name``, or None. ``??`` stands for the operator ``?``. Raises
    ``InvalidCall`` if placeholders and values do not match.
    """
    if isinstance(given, dict) and not given:
        given = None
    if given is not None and not isinstance(given, list | dict):
        raise InvalidCall("the parameters of a statement are a table: a list for ?, names for :name")
    names = given if isinstance(given, dict) else {}
    mark = "?" if style == "qmark" else "%s"
    out: list[str] = []
    values: list[Any] = []
    used: set[str] = set()
    count = 0
    pieces = list(_parts(statement))
    for kind, text in pieces:
        if kind == "place":
            count += 1
            if isinstance(given, list) and count <= len(given):
                values.append(given[count - 1])
            out.append(mark)
        elif kind == "named":
            used.add(text[1:])
            values.append(_by_name(text[1:], names))
            out.append(mark)
        elif kind == "cast" and text == "??":
            out.append("?")
        else:
            out.append(text.replace("%", "%%") if style == "format" else text)
    if count != (len(given) if isinstance(given, list) else 0):
        have = f"{len(given)} parameters" if isinstance(given, list) else "no list of parameters"
        raise InvalidCall(f"the statement has {count} placeholders (?), but there are {have}")
    if unused := sorted(set(names) - used):
        raise InvalidCall(f"the statement has no :{unused[0]}, which is among the parameters")
    return "".join(out), tuple(values), Words([text.lower() for kind, text in pieces if kind == "word"])


def _by_name(name: str, names: dict[str, Any]) -> Any:
    if name not in names:
        raise InvalidCall(
            f"the statement has {short(f':{name}')}, but the parameters have no {short(name)}{meant(name, names)}"
        )
    return names[name]


def _parts(statement: str) -> Iterator[tuple[str, str]]:
    """The parts of a statement in order, as (kind, text): ``word``, ``place``, ``text`` … or ``""``."""
    at = 0
    while at < len(statement):
        found = _PARTS.search(statement, at)
        if found is None:
            yield "", statement[at:]
            return
        if found.start() > at:
            yield "", statement[at : found.start()]
        kind = found.lastgroup or ""
        kind = "dollar" if kind == "tag" else kind
        end = found.end()
        if kind == "comment" and found.group().startswith("/*"):
            end = _comment_end(statement, end)
        elif kind == "dollar":
            close = statement.find(found.group(), end)
            end = len(statement) if close < 0 else close + len(found.group())
        yield kind, statement[found.start() : end]
        at = end


def _comment_end(statement: str, at: int) -> int:
    """The end of a comment that began before ``at``. Comments nest in PostgreSQL; SQLite's end at the first ``*/``."""
    depth = 1
    for mark in _FOLLOW.finditer(statement, at):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(statement)
