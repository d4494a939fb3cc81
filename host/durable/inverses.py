"""The operations that reverse others, of any API: one table, for undoing durable runs and for test fixtures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from host.apis.catalog import Catalog, Operation

__all__ = ["INVERSES", "TAKES_BACK", "Inverse", "WayBack", "ways_back"]


class Inverse(NamedTuple):
    """The operation ``verb`` of the same resource, called with ``params``, all of which it must accept.

    After it, the text of the object's ``field`` is one of ``values``; an absent field has the text ``""``. Without a
    ``field`` the object does not show whether it was taken back. An inverse that ``moves_money`` is for test fixtures
    only; undoing a run does not use it.
    """

    verb: str
    field: str = ""
    values: tuple[str, ...] = ()
    params: Mapping[str, Any] | None = None
    moves_money: bool = False


# Last word of an operation → its inverses, most thorough first; if one is refused, the next is tried.
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
# Operations with these endings are inverses themselves and are not taken back.
TAKES_BACK: Final = tuple(f".{each.verb}" for some in INVERSES.values() for each in some if each.params is None)


class WayBack(NamedTuple):
    """One call that may take an object back; ``operation`` does not include the API's name."""

    operation: str
    args: tuple[Any, ...]
    inverse: Inverse


def ways_back(
    catalog: Catalog, operation: str, id: Any, answer: Mapping[str, Any], given: Mapping[str, Any] | None = None
) -> list[WayBack]:
    """The calls that could take back what ``operation`` created, in the order in which to try them.

    ``answer`` is the created object. ``given`` are the arguments of the call by name or position ("1", "2", …); they
    include the id of a parent object, if there is one.
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
    # Otherwise use the DELETE below the collection's path, whatever the OpenAPI document calls that operation.
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
    """The inverse's path arguments: the ids of parent objects, then the object's own. ``None`` if one is unknown."""
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
