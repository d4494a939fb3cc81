"""Planned values: placeholders in a plan for values only the API can give, and their replacement by real ones."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from host.apis.json_values import decode_json
from host.errors import LimitError

__all__ = [
    "PlannedNames",
    "holds_planned",
    "json_plain",
    "kind_and_number",
    "member",
    "planned_in",
    "planned_members",
    "with_real_values",
]

_NAME: Final = re.compile(r"planned_[A-Za-z0-9_]*?_\d+")
_IN_TEXT: Final = re.compile(rf"{_NAME.pattern}|\b214\d{{7}}\b")
_AS_JSON: Final = "()"  # follows the name of a member whose text is JSON
_NO_WORD: Final = re.compile(r"[^A-Za-z0-9]+")
_FIRST_NUMBER: Final = 2_140_000_000  # planned numbers fit into 32 bits, which an API may require
_NUMBERS: Final = 7_000_000


class PlannedNames:
    """Makes the planned values of one plan: ``planned_customer_1``, ``planned_customer_2`` …"""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def new(self, kind: str) -> str:
        """A unique text ``planned_<kind>_<number>``."""
        word = _NO_WORD.sub("_", kind).strip("_").lower() or "value"
        self._counts[word] += 1
        return f"planned_{word}_{self._counts[word]}"

    def number(self) -> int:
        """A unique number, for an API whose ids are integers."""
        self._counts[""] += 1
        return _FIRST_NUMBER + self._counts[""]


def holds_planned(value: Any) -> bool:
    """Whether a value contains a planned text, at any depth."""
    if isinstance(value, str):
        return _NAME.search(value) is not None
    if isinstance(value, dict):
        return any(map(holds_planned, value.values()))
    return isinstance(value, list) and any(map(holds_planned, value))


def planned_in(value: Any) -> Iterator[str | int]:
    """Each planned value in ``value``, at any depth and also within texts."""
    if isinstance(value, str):
        yield from (_value(found[0]) for found in _IN_TEXT.finditer(value))
    elif isinstance(value, dict):
        for each in value.values():
            yield from planned_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from planned_in(each)
    elif _is_planned(value):
        yield value


def planned_members(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, planned value) for each planned value in an answer. The path of the answer itself is ``""``."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from planned_members(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from planned_members(each, f"{path}.{place}" if path else str(place))
    elif _is_planned(value):
        yield path, value
    elif isinstance(value, bytes):
        yield from planned_members(_decoded(value), f"{path}{_AS_JSON}")


def member(value: Any, path: str) -> Any:
    """The value at a path of :func:`planned_members`, or ``None`` if there is none."""
    for step in path.split(".") if path else ():
        name = step.removesuffix(_AS_JSON)
        if isinstance(value, list):
            value = value[int(name)] if name.isdigit() and int(name) < len(value) else None
        else:
            value = value.get(name) if isinstance(value, dict) else None
        if name != step:
            value = _decoded(value)
    return value


def _decoded(body: Any) -> Any:
    try:
        return decode_json(body.encode() if isinstance(body, str) else body)
    except (ValueError, TypeError, LimitError):
        return None


def _is_planned(value: Any) -> bool:
    if isinstance(value, str):
        return _NAME.fullmatch(value) is not None
    return type(value) is int and _FIRST_NUMBER < value < _FIRST_NUMBER + _NUMBERS


def with_real_values(value: Any, real: Mapping[Any, Any]) -> Any:
    """``value`` with its planned values replaced by those real ones that are known."""
    if isinstance(value, str):
        if value in real:
            return real[value]
        return _IN_TEXT.sub(lambda found: str(real.get(_value(found[0]), found[0])), value)
    if isinstance(value, dict):
        return {name: with_real_values(each, real) for name, each in value.items()}
    if isinstance(value, list):
        return [with_real_values(each, real) for each in value]
    return real.get(value, value) if type(value) is int else value


def _value(text: str) -> str | int:
    return int(text) if text.isdigit() else text


def kind_and_number(planned: str | int) -> tuple[str, int]:
    """``planned_price_2`` → ``("planned_price", 2)``. The numbers of a kind are assigned in order."""
    if isinstance(planned, int):
        return "", planned
    kind, _, number = planned.rpartition("_")
    return kind, int(number)


def json_plain(value: Any) -> Any:
    """``value`` as it is stored in a plan, which is JSON."""
    if isinstance(value, dict):
        return {name if isinstance(name, str) else str(name): json_plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [json_plain(each) for each in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return int(value) if value.is_integer() else value
    return value
