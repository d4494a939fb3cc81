"""The operations that reverse others, of any API: one table, for undoing durable runs and for test fixtures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from host.apis.catalog import Catalog, Operation

__all__ = ["INVERSES", "TAKES_BACK", "Inverse", "WayBack", "ways_back"]


class Inverse(NamedTuple):
    """The operation ``verb`` of the same resource, with ``params``, which it must have.

    An object that was taken back shows it by ``field``, whose text then is one of ``values`` (absent means empty);
    without a ``field`` it does not show it. ``moves_money``: for tests only, a run's undoing leaves it alone.
    """

    verb: str
    field: str = ""
    values: tuple[str, ...] = ()
    params: Mapping[str, Any] | None = None
    moves_money: bool = False


# Last word of an operation → its inverses, most thorough first: the next is tried if one is refused.
INVERSES: Final[Mapping[str, tuple[Inverse, ...]]] = {
    "create": (
        Inverse("delete", "deleted", ("true",)),
        Inverse("cancel", "status", ("canceled", "cancelled", "incomplete_expired", "released")),
        Inverse("void_invoice", "status", ("void",)),
        Inverse("void_credit_note", "status", ("void",)),
        Inverse("void_grant"),
        Inverse("expire", "status", ("expired",)),
        Inverse("deactivate", "status", ("inactive",)),
        Inverse("archive"),
        Inverse("uninstall"),
        Inverse("reverse", moves_money=True),
        # A product that has prices cannot be deleted, and prices cannot be either.
        Inverse("update", "active", ("false",), {"active": False}),
    ),
    "attach": (Inverse("detach", "customer", ("",)),),
}
# Operations with these endings leave nothing to be taken back.
TAKES_BACK: Final = tuple(f".{each.verb}" for some in INVERSES.values() for each in some if each.params is None)


class WayBack(NamedTuple):
    """One call that may take an object back; ``operation`` is without the API's name."""

    operation: str
    args: tuple[Any, ...]
    inverse: Inverse


def ways_back(
    catalog: Catalog, operation: str, id: Any, answer: Mapping[str, Any], given: Mapping[str, Any] | None = None
) -> list[WayBack]:
    """The calls that could take back what ``operation`` made, in the order to try them.

    ``answer`` is the object made, ``given`` are the arguments of that call, by name or position: below another object,
    its id is one of them.
    """
    made = catalog.operation(operation)
    if made is None:
        return []
    ways: dict[str, WayBack] = {}
    for inverse, found in _inverses(catalog, made, operation):
        args = _path_arguments(found, made, id, answer, given or {})
        if args is not None and found.id not in ways:
            params = () if inverse.params is None else (dict(inverse.params),)
            ways[found.id] = WayBack(found.id, (*args, *params), inverse)
    return list(ways.values())


def _inverses(catalog: Catalog, made: Operation, operation: str) -> Iterator[tuple[Inverse, Operation]]:
    resource, _, verb = operation.rpartition(".")
    named = False
    for inverse in INVERSES.get(verb, ()):
        found = catalog.operation(f"{resource}.{inverse.verb}")
        if found is not None and all(name in found.params for name in inverse.params or ()):
            named = True
            yield inverse, found
    # Else the DELETE of what a POST to a collection made, by its path, whatever the document calls it.
    if not named and made.method == "POST":
        for id, method, path in catalog.routes():
            collection, _, last = path.rpartition("/")
            if method == "DELETE" and collection == made.path.rstrip("/") and last.startswith("{"):
                deletes = catalog.operation(id)
                assert deletes is not None
                yield INVERSES["create"][0], deletes


def _path_arguments(
    inverse: Operation, made: Operation, id: Any, answer: Mapping[str, Any], given: Mapping[str, Any]
) -> list[Any] | None:
    """The inverse's path arguments: the thing's id last, before it those of what it is below."""
    names, own = _placeholders(inverse.path), _placeholders(made.path)
    if not names:
        return None
    found = []
    for name in names[:-1]:
        place = str(own.index(name) + 1) if name in own else ""
        value = next((each[key] for each, key in ((given, name), (given, place), (answer, name)) if key in each), None)
        if not isinstance(value, str | int):
            return None
        found.append(value)
    return [*found, id]


def _placeholders(path: str) -> list[str]:
    return re.findall(r"\{([^{}]+)\}", path)
