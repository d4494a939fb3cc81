"""Names of events as handlers give them: ``invoice.paid``, ``customer.*``, ``*``."""

from __future__ import annotations

from collections.abc import Sequence

from host.apis.nearest import meant, short
from host.errors import InvalidCall

__all__ = ["check_name", "matches"]

_UNLISTED = ("v1.", "v2.")  # thin events, which the catalog does not list


def matches(pattern: str, name: str) -> bool:
    """Whether ``pattern`` is ``name``; each ``*`` in it stands for any text, dots included.

    Takes time in proportion to both, whatever they are.
    """
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == name
    last = rest.pop()
    if len(name) < len(first) + len(last) or not name.startswith(first) or not name.endswith(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in rest:
        at = name.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def check_name(pattern: str, known: Sequence[str]) -> None:
    """Raise :class:`InvalidCall` naming the nearest one for an unknown event, whose handler would never run.

    ``known`` are the API's events; without any, every name may be one.
    """
    if not known or pattern.startswith(_UNLISTED) or any(matches(pattern, name) for name in known):
        return
    raise InvalidCall(
        f'on: there is no event "{short(pattern)}"{meant(pattern, known)}',
        hint="an event that is newer than the catalog is named with a *, such as invoice.*",
    )
