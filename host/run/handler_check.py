"""A handler script looked at before any event comes: what can be found out without running it.

An event would find the same, but only then, and its sender would get a success.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from host.errors import InvalidCall, ScriptError
from host.lua.syntax import syntax_fault
from host.run.event_names import check_name
from host.run.failure import script_error
from host.run.script import Script, excerpt
from host.run.sources import Sources

__all__ = ["check_handlers", "says_on"]

_MARKS = re.compile(
    rb"(?P<comment>--\[(=*)\[.*?\]\2\]|--[^\n]*)|(?P<long>\[(=*)\[.*?\]\4\])"
    rb"|(?P<text>\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')|(?P<name>[A-Za-z_]\w*)|(?P<other>[^\s\w])",
    re.DOTALL,
)
_ELSEWHERE = frozenset((b"require", b"load", b"loadstring", b"_G"))  # may lead to an ``on`` that is not seen here


class _Named(NamedTuple):
    """``on("invoice.paid", …)`` in a string, and in which line."""

    pattern: str
    line: int


def check_handlers(script: Script, events: Sequence[str]) -> None:
    """Raise :class:`ScriptError` with its line for a script that does not compile, that says ``on`` nowhere, or for a
    name of no event among ``events`` (none: any name may be one).
    """
    fault = syntax_fault(script.source, script.name)
    if fault:
        raise script_error({"message": fault, "kind": "syntax"}, script, {}, tuple, Sources(script))
    if not says_on(script.source):
        raise ScriptError(
            'it has no on(…), so it would not handle any event; expected on("invoice.paid", function(event) … end)',
            script=script.name,
            kind="invalid",
        )
    for named in _handled(script.source):
        try:
            check_name(named.pattern, events)
        except InvalidCall as error:
            raise ScriptError(
                error.message,
                script=script.name,
                line=named.line,
                source=excerpt(script.source, named.line),
                kind="invalid",
                hint=error.hint,
            ) from None


def says_on(source: bytes) -> bool:
    """Whether a script may handle any event at all: an empty file, or one that is just being written, does not."""
    names = {mark[1] for mark in _marks(source) if mark[0] == "name"}
    return b"on" in names or bool(names & _ELSEWHERE)


def _marks(source: bytes) -> Iterator[tuple[str, bytes, int]]:
    """The words and signs of a string, comments left out: what each is, itself, and where it begins."""
    for found in _MARKS.finditer(source):
        kind = found.lastgroup or ""
        if kind != "comment":
            yield kind, found[0], found.start()


def _handled(source: bytes) -> Iterator[_Named]:
    """The names that stand as plain texts in ``on("…",``."""
    window = [("", b"", 0)] * 5
    for mark in _marks(source):
        window = [*window[1:], mark]
        (_, dot, _), (kind, word, at), (_, opening, _), (form, text, _), (_, comma, _) = window
        is_on = kind == "name" and word == b"on" and dot not in (b".", b":", b"function")
        if is_on and (opening, form, comma) == (b"(", "text", b",") and b"\\" not in text:
            yield _Named(text[1:-1].decode("utf-8", "replace"), source.count(b"\n", 0, at) + 1)
