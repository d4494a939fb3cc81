"""The line of a call that a function made by ``return f(x)``: Lua keeps no frame of such a function.

The failure is then shown at the line that called the function. The call itself is looked for in the source of what that
line calls; where it is not found for certain, the line stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

__all__ = ["naming", "tail_call"]

DEEPEST: Final = 4  # functions that call each other so
LONGEST: Final = 500  # characters of a line that are looked at
BODY: Final = 500  # lines of a function that are looked at

Text = tuple[str, list[str]]  # a chunk's name and its lines


def tail_call(texts: list[Text], script: str, line: int, facts: dict[str, Any], message: str) -> tuple[str, int] | None:
    """Script and line of the call that failed, if ``line`` of ``script`` only led to it."""
    words = list(_words(facts, message))
    rows = next((rows for name, rows in texts if name == script), [])
    here = _near(rows, line)
    own = re.match(r"bad argument #\d+ to '(\w{1,60})'", message)
    if own is not None and _calls(own[1], here):  # Lua names it as the line does that called the function
        for name, body in _definitions(texts, own[1]):
            returned = [n for n, row in body if re.search(r"\breturn\s+[\w.:]+\s*[({]", row)]
            return (name, returned[0]) if len(returned) == 1 else None
    if not words or not here or any(_calls(word, here) for word in words):
        return None
    return _within(texts, here, words, DEEPEST)


def naming(rows: list[str], line: int, facts: dict[str, Any], message: str) -> bool:
    """Whether a line names what failed."""
    here = _near(rows, line)
    told = re.match(r"([\w.]{1,60})(?: failed)?: |[\w ]{1,20}: the result of ([\w.]{1,60}) ", message)
    own = [] if told is None else [(told[1] or told[2]).rpartition(".")[2]]
    return any(_calls(word, here) for word in (*_words(facts, message), *own))


def _words(facts: dict[str, Any], message: str) -> Iterator[str]:
    """Names that what failed may be called by in the source."""
    param = facts.get("param")
    if isinstance(param, str) and facts.get("kind") == "invalid":
        first = re.match(r"\w{1,60}", param)
        if first is not None:
            yield first[0]
            yield first[0].rpartition("_")[2]
    operation = facts.get("operation")
    if isinstance(operation, str):
        yield operation.rpartition(".")[2][:100]
    named = re.match(r"bad argument #\d+ to '([\w.]{1,60})'|([\w.]{1,60})(?:, argument \d+,)? expects ", message)
    if named is not None:
        yield (named[1] or named[2]).rpartition(".")[2]


def _near(rows: list[str], line: int) -> str:
    """The line, and those that continue its chain of methods."""
    if not 0 < line <= len(rows):
        return ""
    text = rows[line - 1][:LONGEST]
    for row in rows[line : line + 20]:
        if not re.match(r"\s*[:.]", row):
            break
        text += row[:LONGEST]
    return text


def _calls(word: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", text) is not None


def _within(texts: list[Text], here: str, words: list[str], depth: int) -> tuple[str, int] | None:
    """The call in one of the functions that ``here`` calls, or in what these return a call of."""
    for called in dict.fromkeys(re.findall(r"([A-Za-z_]\w{0,60})\s*[({\"']", here)):
        for script, body in _definitions(texts, called):
            for word in words:
                named = [n for n, row in body if re.search(rf"\b{re.escape(word)}\s*[({{\"'\[,)]", row)]
                returned = [n for n in named if "return" in dict(body)[n]] or named
                if len(returned) == 1:
                    return script, returned[0]
            if depth:
                for _, row in body:
                    onward = re.search(r"\breturn\b(.*)", row)
                    found = onward and f"{called}(" not in row and _within(texts, onward[1], words, depth - 1)
                    if found:
                        return found
    return None


def _definitions(texts: Iterable[Text], name: str) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Where functions of that name are defined: the chunk and the numbered lines of the body."""
    for script, rows in texts:
        for number, row in enumerate(rows, 1):
            if name not in row or not re.search(
                rf"\bfunction\s+(?:\w+[.:]){{0,3}}{name}\s*\(|\b{name}\s*=\s*function\b", row[:LONGEST]
            ):
                continue
            indent = len(row) - len(row.lstrip())
            body = [(number, row[:LONGEST])]
            if not re.search(r"\bend\s*[,;)]*\s*$", row):
                for n, each in enumerate(rows[number : number + BODY], number + 1):
                    if each.strip() and len(each) - len(each.lstrip()) <= indent:
                        break
                    body.append((n, each[:LONGEST]))
            yield script, body
