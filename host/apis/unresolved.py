"""Reports operations whose requests or answers depend on unresolvable references."""

from __future__ import annotations

from collections.abc import Iterator

from host.apis.catalog import Catalog, Operation, Schema
from host.apis.document import Document

__all__ = ["UnresolvedSchemas"]


class UnresolvedSchemas:
    """Finds the missing schemas that operations depend on, at any depth, and reports them to ``document``."""

    def __init__(self, lookup: Catalog, document: Document) -> None:
        self._lookup = lookup
        self._document = document

    def warn(self, operation: Operation) -> None:
        """Add a warning for each missing schema of the operation, with its effect on calls."""
        place = f"{operation.method} {operation.path}"
        asked = self._missing(param.schema for param in operation.params.values())
        for reason in asked:
            self._document.warn(place, f"a value of the schema that is not known is refused: {reason}")
        if operation.result is not None:
            for reason in self._missing(iter((operation.result,))):
                if reason not in asked:
                    self._document.warn(place, f"a part of its answer is not known: {reason}")

    def _missing(self, schemas: Iterator[Schema]) -> dict[str, None]:
        found: dict[str, None] = {}
        seen: set[str] = set()
        waiting = list(schemas)
        while waiting:
            schema = waiting.pop()
            if schema.ref:
                if schema.ref in seen:
                    continue
                seen.add(schema.ref)
                schema = self._lookup.schema(schema.ref)
            if schema.missing:
                found[schema.missing] = None
            waiting.extend(schema.properties.values())
            waiting.extend(schema.any_of)
            waiting.extend(each for each in (schema.items, schema.additional) if each is not None)
            if schema.ref:
                waiting.append(schema)
        return found
