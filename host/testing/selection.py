"""``-k``: selects tests by an expression of words, ``and``, ``or``, ``not`` and parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable

from host.errors import UsageError

Selection = Callable[[str], bool]

_TOKEN = re.compile(r"\s*(?:(?P<sign>[()])|(?P<word>[^\s()]+))")


def selection(expression: str) -> Selection:
    """A function that tells whether a test's name matches; case does not matter. Raises ``UsageError``."""
    tokens = [found["sign"] or found["word"] for found in _TOKEN.finditer(expression.strip())]
    parser = _Parser(expression, tokens)
    chosen = parser.either()
    parser.expect_end()
    return lambda name: chosen(name.lower())


class _Parser:
    def __init__(self, expression: str, tokens: list[str]) -> None:
        self._expression = expression
        self._tokens = tokens[::-1]

    def either(self) -> Selection:
        sides = [self._both()]
        while self._take("or"):
            sides.append(self._both())
        return lambda name: any(side(name) for side in sides)

    def _both(self) -> Selection:
        sides = [self._one()]
        while self._take("and"):
            sides.append(self._one())
        return lambda name: all(side(name) for side in sides)

    def _one(self) -> Selection:
        if self._take("not"):
            inner = self._one()
            return lambda name: not inner(name)
        if self._take("("):
            inner = self.either()
            if not self._take(")"):
                raise self._fault("a ) is missing")
            return inner
        if not self._tokens or self._tokens[-1] in (")", "and", "or"):
            raise self._fault("a word is missing")
        word = self._tokens.pop().lower()
        return lambda name: word in name

    def expect_end(self) -> None:
        if self._tokens:
            raise self._fault(f"{self._tokens[-1]!r} is unexpected; join words with and, or")

    def _take(self, token: str) -> bool:
        if self._tokens and self._tokens[-1] == token:
            self._tokens.pop()
            return True
        return False

    def _fault(self, what: str) -> UsageError:
        return UsageError(f"-k {self._expression!r}: {what}")
