"""Combines compiled schemas that apply to one value together: the parts of an ``allOf``, and what stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from host.apis.catalog import Schema
from host.apis.document import Document
from host.apis.schema_nodes import whole_bounds

__all__ = ["COMPARED", "SchemaMerger", "bare", "distinct", "says_nothing"]

COMPARED = 64  # comparisons of values that count as one compiled schema
MOST_ALTERNATIVES = 64  # alternatives of a merged schema; with more of them it accepts anything

# How to combine the limits of two schemas that both apply.
_TIGHTER: dict[str, Callable[[list[Any]], Any]] = {
    **dict.fromkeys(("minimum", "above", "min_length"), max),
    **dict.fromkeys(("maximum", "below", "max_length"), min),
}


class SchemaMerger:
    """Merges schemas of ``document``.

    ``inline(schema, place)`` returns what a reference refers to, compiled; ``spend(work, place)`` adds to the work done
    and raises ``CatalogError`` if that is too much.
    """

    def __init__(
        self,
        document: Document,
        inline: Callable[[Schema, str], Schema],
        spend: Callable[[int, str], None],
    ) -> None:
        self._document = document
        self._inline = inline
        self._spend = spend

    def merge(self, a: Schema, b: Schema, place: str) -> Schema:
        """A schema for the values that satisfy both ``a`` and ``b``."""
        self._spend(1 + len(a.properties) + len(b.properties) + len(a.enum) * len(b.enum) // COMPARED, place)
        if a.missing or b.missing:
            return Schema(missing=a.missing or b.missing)
        if a.any_of or b.any_of:
            if max(1, len(a.any_of)) * max(1, len(b.any_of)) > MOST_ALTERNATIVES:
                self._document.warn(place, "has too many alternatives to combine; anything is accepted")
                return Schema()
            each = tuple(
                self.merge(self._inline(x, place), self._inline(y, place), place)
                for x in (a.any_of or (a,))
                for y in (b.any_of or (b,))
            )
            return Schema(any_of=each, nullable=a.nullable and b.nullable)
        if a.type and b.type and a.type != b.type:
            if {a.type, b.type} != {"integer", "number"}:
                self._document.warn(place, f"requires both {a.type} and {b.type}; {a.type} is used")
                return a
            a, b = replace(a, type="integer"), replace(b, type="integer")
        if a == Schema():
            return b
        return self._merge_members(a, b, place)

    def _merge_members(self, a: Schema, b: Schema, place: str) -> Schema:
        changes = {name: getattr(b, name) for name in Schema.__struct_fields__}
        default = Schema()
        for name in Schema.__struct_fields__:
            if changes[name] == getattr(default, name):
                changes[name] = getattr(a, name)
        properties = dict(a.properties)
        for name, each in b.properties.items():
            mine = properties.get(name)
            if mine is None or mine == each or says_nothing(mine):
                properties[name] = each
            elif not says_nothing(each):
                properties[name] = self.merge(self._inline(mine, place), self._inline(each, place), place)
        changes["properties"] = properties
        changes["required"] = tuple(dict.fromkeys((*a.required, *b.required)))
        if a.enum and b.enum:
            changes["enum"] = tuple(value for value in a.enum if value in b.enum)
        changes["nullable"] = a.nullable and b.nullable
        for name, tighter in _TIGHTER.items():
            both = [limit for limit in (getattr(a, name), getattr(b, name)) if limit is not None]
            changes[name] = tighter(both) if both else None
        if changes["type"] == "integer":
            changes.update(whole_bounds(changes))
        # An object without members of its own stays open only if no part has members.
        changes["open_map"] = a.open_map and b.open_map
        if a.additional is not None and b.additional is not None and says_nothing(b.additional):
            changes["additional"] = a.additional
        return Schema(**changes)

    def alternative(self, base: Schema, each: Schema, place: str) -> Schema:
        """An alternative merged with ``base``, the keywords beside it.

        If ``base`` only has a type that contradicts the alternative's, the alternative takes precedence.
        """
        if base.type and each.type and base.type != each.type and replace(base, type="", open_map=False) == Schema():
            self._document.warn(
                place, f"has alternatives of the type {each.type} beside the type {base.type}; both are accepted"
            )
            return each
        return self.merge(base, each, place)


def says_nothing(schema: Schema) -> bool:
    limited = schema.pattern or any(getattr(schema, name) is not None for name in _TIGHTER)
    return bare(schema) and not schema.required and not limited


def bare(schema: Schema) -> bool:
    """Whether a schema has at most ``required`` and limits, but no type, members, values or alternatives."""
    return not (schema.type or schema.ref or schema.any_of or schema.enum or schema.properties or schema.missing)


def distinct(schemas: list[Schema]) -> list[Schema]:
    found: list[Schema] = []
    for each in schemas:
        if each not in found:
            found.append(each)
    return found
