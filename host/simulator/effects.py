"""Finds parameters that were neither answered nor used: those a request gave, and that would be dropped in silence.

A parameter is answered if its value is in the answer. Where an operation uses one that the answer does not show as it
was given, the module of its behaviour states so::

    EFFECTS = {"refunds.create": {"payment_intent", "reverse_transfer"}}

Each is a dotted path without the indices of lists (``items.price_data``), and covers all that is below it;
``proration_behavior=none`` covers that value alone. Where the answer has the value under another name, ``SHOWN_AT`` of
the module says where: ``{"invoices.create": {"subscription": "parent.subscription_details.subscription"}}``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from host.simulator.references import BUILT_IN

NOTHING: frozenset[str] = frozenset()
_ABSENT: tuple[Any, ...] = (None, "", [], {})


def dropped(
    given: Mapping[str, Any],
    answer: Any,
    handled: Collection[str] = NOTHING,
    shown_at: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Names (``items[0][price]``) of the given leaves that are neither in ``answer`` nor ``handled``.

    ``handled`` are paths as in ``EFFECTS``, ``shown_at`` is as in ``SHOWN_AT``. The id of a test card counts as
    answered by the id of the object that was made from it.
    """
    members = answer if isinstance(answer, dict) else {}
    places = shown_at or {}
    for name, value in given.items():
        if name in handled:
            continue
        if name in members and _same(value, members[name]):
            continue
        found = _at(members, places[name]) if name in places else members.get(name)
        yield from _leaves(value, found, name, name, handled, places, members)


def _leaves(
    value: Any,
    found: Any,
    path: str,
    label: str,
    handled: Collection[str],
    places: Mapping[str, str],
    members: Mapping[str, Any],
) -> Iterator[str]:
    if isinstance(value, dict) and value:
        inner = found if isinstance(found, dict) else {}
        for key, item in value.items():
            below = f"{path}.{key}"
            if below not in handled:
                at = _at(members, places[below]) if below in places else inner.get(key)
                yield from _leaves(item, at, below, f"{label}[{key}]", handled, places, members)
    elif isinstance(value, list) and value:
        shown = found.get("data") if isinstance(found, dict) else found
        items = shown if isinstance(shown, list) else []
        for n, item in enumerate(value):
            at = items[n] if n < len(items) else None
            if not isinstance(item, dict | list) and any(_same(item, other) for other in items):
                continue
            yield from _leaves(item, at, path, f"{label}[{n}]", handled, places, members)
    elif not _same(value, found) and f"{path}={_word(value)}" not in handled:
        yield label


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _at(members: Mapping[str, Any], place: str) -> Any:
    """The value at a dotted path, or ``None``. For a list on the way, a list of the values in its items."""
    value: Any = members
    for name in place.split("."):
        if isinstance(value, dict) and isinstance(value.get("data"), list) and name not in value:
            value = value["data"]
        if isinstance(value, list):
            value = [item.get(name) if isinstance(item, dict) else None for item in value]
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def _same(given: Any, shown: Any) -> bool:
    """Whether an answered leaf stands for the given one: the object for its id, ``"10.0"`` for 10, null for ""."""
    if given == shown and type(given) is type(shown):
        return True
    if given in _ABSENT:
        return shown in _ABSENT
    if isinstance(given, str) and given.startswith(BUILT_IN) and shown:
        return isinstance(shown, str | dict)
    if isinstance(shown, dict):
        return isinstance(given, str) and shown.get("id") == given
    if isinstance(given, bool) or isinstance(shown, bool):
        return False
    if isinstance(given, int | float | str) and isinstance(shown, int | float | str):
        return given == shown or _number(given) == _number(shown) is not None
    return False


def _number(value: int | float | str) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
