"""The names of a document's operations: each has one of its own, which is no namespace, and aliases that are free."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from host.apis.document import Document
from host.apis.naming import PathNames, given_id, identifier

__all__ = ["OperationNames"]


class OperationNames:
    """Names the operations of ``document`` in the order in which they are taken; ``paths`` names paths."""

    def __init__(self, document: Document, paths: PathNames) -> None:
        self._document = document
        self._paths = paths
        self._of_sdks = _sdk_names(document.root)
        self._taken: set[str] = set()
        self._namespaces: set[str] = set()
        self._wished: list[tuple[str, str]] = []  # alias -> operation, used if the name is free

    def name(self, node: dict[str, Any], path: str, method: str, place: str) -> tuple[str, str]:
        """A free name for an operation, and the one derived from its path."""
        derived = self._paths.id(path, method)
        if sdk := self._of_sdks.get((path, method)):
            derived = f"{derived.rpartition('.')[0] or derived}.{identifier(sdk)}"
        return self._free_name(given_id(node.get("operationId"), path, method), derived, place), derived

    def take(self, id: str, aliases: Iterable[str]) -> None:
        """Note an operation's name, and what else it may be called."""
        self._taken.add(id)
        self._namespaces.update(_namespaces(id))
        self._wished.extend((alias, id) for alias in aliases)

    def aliases(self) -> dict[str, str]:
        """The further names that are free once all operations are named, each with the name it stands for."""
        found: dict[str, str] = {}
        for alias, target in self._wished:
            if self._is_free(alias):
                found.setdefault(alias, target)
        return found

    def _is_free(self, name: str) -> bool:
        return not (name in self._taken or name in self._namespaces or self._is_below(name))

    def _is_below(self, name: str) -> bool:
        """Whether ``name`` lies below an operation: ``a.b.c`` below ``a.b``."""
        return any(above in self._taken for above in _namespaces(name))

    def _free_name(self, given: str, derived: str, place: str) -> str:
        """The document's name if it is free, else the path's, else a numbered one. No name is also a namespace."""
        for name in (given, derived):
            if name and self._is_free(name):
                if given and name != given:
                    self._document.warn(place, f"its operationId is taken; it is called {name}")
                return name
        stem = given or derived
        above = next((name for name in _namespaces(stem) if name in self._taken), None)
        if above is not None:  # nothing can be below an operation: blocks.latest_txs rather than blocks.latest.txs
            stem = f"{above}_{stem[len(above) + 1 :].replace('.', '_')}"
            if self._is_free(stem):
                self._document.warn(place, f"it would lie below the operation {above}; it is called {stem}")
                return stem
        number = 2
        while not self._is_free(f"{stem}_{number}"):
            number += 1
        self._document.warn(place, f"its name is taken; it is called {stem}_{number}")
        return f"{stem}_{number}"


def _namespaces(name: str) -> list[str]:
    """The namespaces of a name: ``a.b.c`` → ``a`` and ``a.b``."""
    return [name[:n] for n, c in enumerate(name) if c == "."]


def _sdk_names(root: dict[str, Any]) -> dict[tuple[str, str], str]:
    """The method names in Stripe's document (``x-stripeOperations``)."""
    found: dict[tuple[str, str], str] = {}
    for schema in ((root.get("components") or {}).get("schemas") or {}).values():
        for each in (schema.get("x-stripeOperations") or ()) if isinstance(schema, dict) else ():
            if each.get("method_on") == "service":
                found.setdefault((each["path"], each["operation"]), each["method_name"])
    return found
