"""Bounds the time a regular expression from a document can take, by limiting the length of the text it is applied to.

Python's matcher backtracks: ``(a|aa)+$`` takes exponential time in the length of the text. Documents are not trusted,
so a pattern is used only if the number of attempts is bounded by a small power of the text's length.
"""

from __future__ import annotations

import re
from functools import lru_cache
from re import _constants as c  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

__all__ = ["longest"]

STEPS = 1_000_000  # matcher steps that one check may take (docs/benchmarks.md)
OTHER = 128  # represents all characters beyond ASCII
_ALL = frozenset(range(OTHER + 1))
_REPEATS = (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT)
_LOOKS = (c.ASSERT, c.ASSERT_NOT, c.GROUPREF, c.GROUPREF_EXISTS)

Set = frozenset[int]


@lru_cache(1024)
def longest(pattern: str) -> int:
    """The maximum length of a string, in characters, to which ``pattern`` may be applied.

    0 if its time is not polynomially bounded, or if it is not a valid pattern.
    """
    try:
        parsed = list(parser.parse(pattern))
        deepest = _walk(parsed, [])
    except (re.error, RecursionError, OverflowError, _EndlessError):
        return 0
    anchored = bool(parsed) and parsed[0] == (c.AT, c.AT_BEGINNING)
    power = deepest + (not anchored)
    return 1 << 30 if power <= 1 else int(STEPS ** (1 / power))


class _EndlessError(Exception):
    """A repeat whose body can match the same text in more than one way, or a construct that is not analysed."""


def _walk(items: Any, open_: list[Set]) -> int:
    """The largest number of adjacent repeats that can match the same characters: the degree of the time bound.

    ``open_`` holds the character sets of the repeats that may still match the next character; it is updated in place
    to those after ``items``. Raises ``_EndlessError``.
    """
    most = len(open_)
    for op, value in items:
        if op in _REPEATS:
            least, times, body = value
            own = _characters(body)
            inside = _body(body) if times > 1 else _walk(body, list(open_)) - len(open_)
            if least:
                open_[:] = [each for each in open_ if each & own]
            if least != times:  # a repeat of variable length
                open_.append(own)
            most = max(most, len(open_) + inside)
        elif op is c.SUBPATTERN:
            most = max(most, _walk(value[3], open_))
        elif op is c.BRANCH:
            before, open_[:] = list(open_), []
            for branch in value[1]:
                end = list(before)
                most = max(most, _walk(branch, end))
                open_.extend(each for each in end if each not in open_)
        elif op in _LOOKS:
            raise _EndlessError
        elif op is not c.AT:
            own = _characters([(op, value)])
            open_[:] = [each for each in open_ if each & own]
    return most


def _body(body: Any) -> int:
    """The number of nested repeats in a repeated body. Raises ``_EndlessError`` if the body matches ambiguously."""
    if _may_be_empty(body):
        raise _EndlessError
    ends: list[Set] = []
    inside = _walk(body, ends)
    first = _first(body)
    if any(end & first for end in ends):  # the last characters could also begin the next iteration
        raise _EndlessError
    _check_branches(body)
    return inside


def _check_branches(items: Any) -> None:
    for op, value in items:
        if op is c.BRANCH:
            seen: Set = frozenset()
            for branch in value[1]:
                first = _first(branch)
                if first & seen or _may_be_empty(branch):
                    raise _EndlessError
                seen |= first
                _check_branches(branch)
        elif op is c.SUBPATTERN:
            _check_branches(value[3])
        elif op in _REPEATS:
            if value[0] != value[1] and _overlaps_follower(items, value):
                raise _EndlessError
            _check_branches(value[2])


def _overlaps_follower(items: Any, repeat: Any) -> bool:
    """Whether a repeat within a repeated body could also match what follows it, which makes the body ambiguous."""
    place = next(n for n, (_, value) in enumerate(items) if value is repeat)
    return bool(_first(items[place + 1 :]) & _characters(repeat[2])) if place + 1 < len(items) else False


def _may_be_empty(items: Any) -> bool:
    for op, value in items:
        if op in _REPEATS:
            if value[0] > 0 and not _may_be_empty(value[2]):
                return False
        elif op is c.SUBPATTERN:
            if not _may_be_empty(value[3]):
                return False
        elif op is c.BRANCH:
            if not any(_may_be_empty(branch) for branch in value[1]):
                return False
        elif op is not c.AT and op not in _LOOKS:
            return False
    return True


def _first(items: Any) -> Set:
    """The characters with which a match may begin."""
    found: Set = frozenset()
    for op, value in items:
        if op is c.AT:
            continue
        if op in _REPEATS:
            found |= _first(value[2])
            if value[0] == 0 or _may_be_empty(value[2]):
                continue
        elif op is c.SUBPATTERN:
            found |= _first(value[3])
            if _may_be_empty(value[3]):
                continue
        elif op is c.BRANCH:
            found = found.union(*(_first(branch) for branch in value[1]))
            if any(_may_be_empty(branch) for branch in value[1]):
                continue
        else:
            found |= _characters([(op, value)])
        break
    return found


def _characters(items: Any) -> Set:
    """All characters that a match may contain."""
    found: set[int] = set()
    for op, value in items:
        if op is c.LITERAL:
            found.add(min(value, OTHER))
        elif op is c.IN:
            found |= _class(value)
        elif op in _REPEATS:
            found |= _characters(value[2])
        elif op is c.SUBPATTERN:
            found |= _characters(value[3])
        elif op is c.BRANCH:
            found = found.union(*(_characters(branch) for branch in value[1]))
        elif op is not c.AT:
            found |= _ALL
    return frozenset(found)


def _class(members: Any) -> Set:
    found: set[int] = set()
    for op, value in members:
        if op is c.LITERAL:
            found.add(min(value, OTHER))
        elif op is c.RANGE:
            found |= set(range(min(value[0], OTHER), min(value[1], OTHER) + 1))
        elif op is c.CATEGORY:
            found |= _CATEGORIES.get(value, _ALL)
    if members and members[0][0] is c.NEGATE:
        return _ALL - (found - {OTHER})
    return frozenset(found)


_CATEGORIES: dict[Any, Set] = {
    c.CATEGORY_DIGIT: frozenset({*range(48, 58), OTHER}),
    c.CATEGORY_WORD: frozenset({*(n for n in range(128) if chr(n).isalnum() or n == 95), OTHER}),
    c.CATEGORY_SPACE: frozenset({*(n for n in range(128) if chr(n).isspace()), OTHER}),
}
