"""Prepared encoders of form bodies: the second call with the same names and types of arguments only joins texts.

An encoder is prepared for arguments that are scalars or maps of strings. Everything else, and any value that a checker
refuses, is handled by the general code (``prepare.py``), which also makes the error messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Protocol

from host.apis.encode import form_key, form_text, plain, scalar_text
from host.apis.scalars import Checker
from host.apis.validation_error import ValidationError

__all__ = ["FormEntry", "FormShapes"]

MOST_SHAPES = 64  # encoders of one operation
LONGEST_NAMES = 1000  # characters of all names in one
SCALARS = frozenset({str, int, float, bool})


class FormEntry(Protocol):
    """A parameter of a form."""

    is_text: bool  # strings are accepted unchanged
    is_texts: bool  # the strings in a map are accepted unchanged
    key: str
    opening: str
    check: Checker
    write: Callable[[list[str], Any], None]


class _Shape:
    """An encoder. ``template`` has a place for each value; ``maps`` and ``checked`` are indices of arguments."""

    __slots__ = ("checked", "maps", "order", "template")

    def __init__(self, pairs: Sequence[tuple[str, int]], maps: Sequence[int], checked: Sequence[tuple[int, Checker]]):
        self.template = "&".join(key.replace("%", "%%") + "%s" for key, _ in pairs)
        self.maps = tuple(reversed(maps))  # from the last, so that earlier indices stay valid
        self.checked = tuple(checked)
        order = [place for _, place in pairs]
        self.order: Callable[[Any], Any] | None = None if order == sorted(order) else itemgetter(*order)


_UNKNOWN = _Shape((), (), ())  # a shape that was not examined yet


class FormShapes:
    """The prepared encoders of one operation, by its arguments' names and types and the names in maps."""

    __slots__ = ("_entries", "_required", "_shapes")

    def __init__(self, entries: Mapping[str, FormEntry], required: frozenset[str]) -> None:
        self._entries = entries
        self._required = required
        self._shapes: dict[tuple[Any, ...], _Shape | None] = {}

    def body(self, arguments: dict[str, Any]) -> bytes | None:
        """The body of a call with these arguments, or ``None`` if the general code must encode it."""
        texts = list(arguments.values())
        kinds = tuple(map(type, texts))
        key: tuple[Any, ...] = (*arguments, *kinds)
        if dict in kinds:
            if kinds.count(dict) == 1:  # the usual case: metadata
                key = (key, tuple(texts[kinds.index(dict)]))
            else:
                key = (key, *(tuple(each) for each in texts if type(each) is dict))
        shape = self._shapes.get(key, _UNKNOWN)
        if shape is _UNKNOWN:
            shape = self._learn(key, arguments)
        if shape is None:
            return None
        try:
            for place, check in shape.checked:
                texts[place] = scalar_text(check(texts[place], True))
            for place in shape.maps:
                texts[place : place + 1] = texts[place].values()
            joined = "".join(texts)
        except (ValidationError, TypeError):  # a checker refuses it; a map holds a value that is not a string
            return None
        if shape.order is not None:
            texts = shape.order(texts)
        if plain(joined):
            return (shape.template % tuple(texts)).replace(" ", "+").encode("ascii")
        return (shape.template % tuple(map(form_text, texts))).encode("ascii")

    def _learn(self, key: tuple[Any, ...], arguments: dict[str, Any]) -> _Shape | None:
        """Prepare and remember the encoder of a new shape; ``None`` if none can be prepared."""
        shape = None if self._required.difference(arguments) else self._prepared(arguments)
        names = (*arguments, *(name for value in arguments.values() if type(value) is dict for name in value))
        if sum(len(name) for name in names if type(name) is str) <= LONGEST_NAMES:
            if len(self._shapes) >= MOST_SHAPES:
                self._shapes.clear()
            self._shapes[key] = shape
        return shape

    def _prepared(self, arguments: dict[str, Any]) -> _Shape | None:
        pairs: list[tuple[str, int]] = []
        maps: list[int] = []
        checked: list[tuple[int, Checker]] = []
        at = 0  # among the texts
        for place, (name, value) in enumerate(arguments.items()):
            entry = self._entries.get(name)
            kind = type(value)
            if entry is None:
                return None
            if kind is dict and entry.is_texts:
                if not all(type(each) is str for each in value):
                    return None
                places = {each: at + n for n, each in enumerate(value)}
                pairs += ((f"{entry.opening}{form_key(each)}]=", places[each]) for each in sorted(value))
                maps.append(place)
                at += len(value)
                continue
            if kind not in SCALARS or not _is_pair(entry):
                return None
            if not (kind is str and entry.is_text):
                checked.append((place, _scalar(entry.check)))
            pairs.append((entry.key, at))
            at += 1
        return _Shape(pairs, maps, checked)


def _is_pair(entry: FormEntry) -> bool:
    """Whether a scalar is written as a name and encoded text, without a special style. This is tried out."""
    tried = "a b/?&=~é"
    written: list[str] = []
    entry.write(written, tried)
    return written == [entry.key + form_text(tried)]


def _scalar(check: Checker) -> Checker:
    """``check``, which raises ``TypeError`` if it returns anything but a scalar."""

    def checked(value: Any, full: Any) -> Any:
        found = check(value, full)
        if type(found) not in SCALARS:
            raise TypeError
        return found

    return checked
