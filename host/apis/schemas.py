"""Compiles the schemas of an OpenAPI document to :class:`~host.apis.catalog.Schema`.

References are kept as references, so cyclic schemas are possible. Keywords that are not supported (``not``, ``if``,
``dependentSchemas`` …) are ignored: checking is then more permissive than the document, and the API itself decides.
JSON Schema: https://json-schema.org/draft/2020-12 · OpenAPI 3.0.3 and 3.1.0, "Schema Object".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from host.apis.catalog import Schema
from host.apis.document import Document, cut
from host.apis.references import UnresolvedReference
from host.apis.schema_merging import COMPARED, SchemaMerger, bare, distinct, says_nothing
from host.apis.schema_nodes import (
    SHARED,
    bounds_of,
    escaped,
    format_of,
    implied_type,
    page_of,
    shared_name,
    storable,
)
from host.errors import CatalogError

TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array"})
MOST_WORK = 2_000_000  # schemas compiled or merged per document; the largest known ones need a small part of it
MOST_NESTED = 48  # nesting levels of schemas

# Keywords that change the shape if they stand beside a reference (since OpenAPI 3.1).
_SHAPING = frozenset(
    """type format enum const properties required additionalProperties patternProperties unevaluatedProperties items
    allOf anyOf oneOf pattern minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength contentMediaType
    contentEncoding""".split()  # noqa: SIM905 read as words
)
_ABSENT = object()
Note = Callable[[str, Any, str], None]


def _pass_over(kind: str, node: Any, place: str) -> None:
    """The default ``note``: does nothing."""


class SchemaCompiler:
    """Compiles schema nodes, and on :meth:`finish` the shared schemas they refer to, into ``shared``.

    ``note(kind, node, place)`` is called for each node. With ``open_enums``, enums accept values not listed.
    """

    def __init__(self, document: Document, *, open_enums: bool = False, note: Note = _pass_over) -> None:
        self.document = document
        self._note = note
        self.open_enums = open_enums
        self.shared: dict[str, Schema] = {}
        self.unresolved = False  # whether any schema has an unresolvable reference
        self._pending: dict[str, str] = {}  # name -> canonical reference
        self._merging: list[str] = []
        self._work = 0
        self._depth = 0
        self._merger = SchemaMerger(document, self.inline, self._spend)

    def _spend(self, work: int, place: str) -> None:
        """Add to the work done, in schemas, and raise ``CatalogError`` beyond :data:`MOST_WORK`.

        A small document can require exponential work: nine nested ``allOf`` of nine parts are 400 million schemas.
        """
        self._work += work
        if self._work > MOST_WORK:
            raise CatalogError(
                f"{cut(place)}: the document has more than {MOST_WORK:,} schemas to compile and compare, "
                "with its allOf, alternatives and references written out",
                hint="It may be made to exhaust whoever reads it.",
            )

    def compile(self, node: Any, place: str) -> Schema:
        """The compiled schema of ``node``; ``place`` is its JSON pointer, for messages.

        A malformed node is reported as a warning and accepts anything. Raises ``CatalogError`` if the document is too
        large or too deeply nested.
        """
        if node is True or node == {}:
            return Schema()
        if node is False:
            return Schema(missing="the document says that no value is right here")
        if not isinstance(node, dict):
            self.document.warn(place, f"expected a schema, found {type(node).__name__}; anything is accepted")
            return Schema()
        self._note("schema", node, place)
        self._spend(1, place)
        if self._depth >= MOST_NESTED:
            raise CatalogError(f"{cut(place)}: schemas are nested more than {MOST_NESTED} deep")
        self._depth += 1
        try:
            for key in ("$ref", "$dynamicRef"):
                if key in node:
                    return self._reference(node, key, place)
            return self._composed(node, place)
        except UnresolvedReference as error:
            return self._missing(error.message, place)
        except (AttributeError, TypeError, ValueError) as error:  # a part of the wrong type
            self.document.warn(place, f"is not a schema ({error}); anything is accepted")
            return Schema()
        finally:
            self._depth -= 1

    def _composed(self, node: dict[str, Any], place: str) -> Schema:
        schema = self._plain(node, place)
        if parts := node.get("allOf"):
            schema = self._all_of(schema, parts, f"{place}/allOf")
        for key in ("anyOf", "oneOf"):
            if node.get(key):
                schema = self._alternatives(schema, node[key], f"{place}/{key}")
        return self._marks(schema, node)

    def finish(self) -> dict[str, Schema]:
        """Compile all shared schemas and all referenced ones, and return them by name."""
        components = self.document.root.get("components")
        for name in (components or {}).get("schemas") or {}:
            self._pending.setdefault(name, SHARED + escaped(name))
        done: set[str] = set()
        while todo := [item for item in self._pending.items() if item[0] not in done]:
            for name, pointer in todo:
                done.add(name)
                schema = self._target(pointer)
                if not schema.deleted and f"deleted_{name}" in self._pending:
                    schema = replace(schema, deleted=f"deleted_{name}")
                self.shared[name] = schema
        return self.shared

    def _target(self, pointer: str) -> Schema:
        """The compiled shared schema at ``pointer``. A schema that only refers to itself is marked as missing."""
        node = self.document.references.find(pointer)
        try:
            self.document.follow(node, pointer)
        except UnresolvedReference as error:
            return self._missing(error.message.removeprefix(f"{pointer}: "), pointer)
        except CatalogError:
            pass  # a boolean schema, or a fault that compile() reports
        return self.compile(node, pointer)

    def _missing(self, reason: str, place: str) -> Schema:
        self.document.warn(place, reason)
        self.unresolved = True
        return Schema(missing=reason)

    def _reference(self, node: dict[str, Any], key: str, place: str) -> Schema:
        """A reference with its sibling keywords: since OpenAPI 3.1 all of them apply, in 3.0 only a few."""
        try:
            canonical = self.document.references.canonical(node, key)
            target = self.document.references.find(canonical)
        except UnresolvedReference as error:
            return self._missing(error.message, place)
        if not isinstance(target, dict | bool):
            return self._missing(f"the reference {node[key]!r} leads to a {type(target).__name__}, not a schema", place)
        name = shared_name(canonical)
        self._pending.setdefault(name, canonical)
        found = Schema(
            ref=name,
            nullable=node.get("nullable") is True,
            emptyable=bool(node.get("x-emptyable")),
            read_only=node.get("readOnly") is True,
        )
        if self.document.is_old:
            return found
        if "default" in node:
            found = replace(found, default=storable(node["default"]))
        same = target if isinstance(target, dict) else {}
        beside = {name: each for name, each in node.items() if name in _SHAPING and each != same.get(name, _ABSENT)}
        if not beside:
            return found
        if isinstance(same.get("type"), str):
            beside.setdefault("type", same["type"])
        return self._both(found, self._composed(beside, place), place)

    def _both(self, reference: Schema, beside: Schema, place: str) -> Schema:
        merged = self._merger.merge(self.inline(reference, place), beside, place)
        return replace(merged, read_only=reference.read_only, default=reference.default or merged.default)

    def _plain(self, node: dict[str, Any], place: str) -> Schema:
        types = node.get("type")
        names = [types] if isinstance(types, str) else list(types or ())
        nullable = "null" in names or node.get("nullable") is True
        names = [name for name in names if name != "null"]
        for name in names:
            if name not in TYPES:
                self.document.warn(place, f"has the unknown type {name!r}; anything is accepted")
                names = []
        if len(names) > 1:
            each = tuple(self._typed(name, node, place) for name in names)
            return Schema(any_of=each, nullable=nullable)
        return self._typed(names[0] if names else implied_type(node), node, place, nullable)

    def _typed(self, type: str, node: dict[str, Any], place: str, nullable: bool = False) -> Schema:
        values = node.get("enum") or (() if "const" not in node else (node["const"],))
        enum = tuple(value for value in values if value is not None)
        emptyable = bool(node.get("x-emptyable")) or (type == "string" and "" in enum)
        members: dict[str, Any] = {}
        if type == "object":
            members = self._object(node, place)
        elif type == "array" and "items" in node and "prefixItems" not in node:  # else ``items`` is only for the rest
            members["items"] = self.compile(node["items"], f"{place}/items")
        return Schema(
            type=type,
            format=format_of(node),
            enum=tuple(storable(value) for value in enum if value != ""),
            closed_enum=not (self.open_enums and enum),
            nullable=nullable or (None in values and len(values) > 1),
            emptyable=emptyable,
            pattern=node.get("pattern") or "",
            **bounds_of(type, node),
            min_length=node.get("minLength") or None,
            max_length=node.get("maxLength"),
            default=storable(node.get("default")),
            **members,
        )

    def _object(self, node: dict[str, Any], place: str) -> dict[str, Any]:
        properties = {
            name: self.compile(each, f"{place}/properties/{escaped(name)}")
            for name, each in self._members(node.get("properties") or {}, place).items()
        }
        required = node.get("required")
        found: dict[str, Any] = {
            "properties": properties,
            "required": tuple(required) if isinstance(required, list) else (),
        }
        more = node.get("additionalProperties", node.get("unevaluatedProperties"))
        patterns = [each for each in (node.get("patternProperties") or {}).values() if isinstance(each, dict)]
        if isinstance(more, dict) and more:
            found["additional"] = self.compile(more, f"{place}/additionalProperties")
        elif len(patterns) == 1 and more is None:
            found["additional"] = self.compile(patterns[0], f"{place}/patternProperties")
        elif more is True or more == {} or patterns:
            found["additional"] = Schema()
        elif more is None and not properties:
            found["open_map"] = True  # unless another part of an allOf has members
        return found

    def _members(self, properties: dict[str, Any], place: str) -> dict[str, Any]:
        """The members' schemas by name, with a ``$ref`` in ``properties`` itself resolved.

        JSON Schema does not define such a ``$ref``, but some documents have it.
        """
        if not isinstance(properties.get("$ref"), str):
            return properties
        more = {name: each for name, each in properties.items() if name != "$ref"}
        return {**self.document.follow(properties, f"{place}/properties"), **more}

    def _all_of(self, base: Schema, parts: list[Any], place: str) -> Schema:
        compiled = [self.compile(part, f"{place}/{n}") for n, part in enumerate(parts)]
        meaning = [each for each in (*compiled, base) if not says_nothing(each)]
        if len(meaning) == 1:  # commonly used to add a description to a reference
            return replace(meaning[0], nullable=meaning[0].nullable or base.nullable)
        merged = Schema()
        for each in meaning:
            merged = self._merger.merge(merged, self.inline(each, place), place)
        return replace(merged, nullable=merged.nullable or base.nullable)

    def inline(self, schema: Schema, place: str) -> Schema:
        """The schema with its reference, if it is one, replaced by the compiled target, for merging."""
        if not schema.ref:
            return schema
        if schema.ref in self._merging:
            self.document.warn(place, f"allOf includes {schema.ref!r} in itself; that part is left out")
            return Schema()
        self._merging.append(schema.ref)
        try:
            pointer = self._pending[schema.ref]
            target = self.compile(self.document.references.find(pointer), pointer)
            return self.inline(target, place)
        finally:
            self._merging.pop()

    def _alternatives(self, base: Schema, parts: list[Any], place: str) -> Schema:
        nullable, emptyable, found = base.nullable, base.emptyable, list[Schema]()
        for n, part in enumerate(parts):
            if part == {"type": "null"} or (isinstance(part, dict) and part.get("enum") == [None]):
                nullable = True
            elif isinstance(part, dict) and part.get("enum") == [""]:
                emptyable = True
            else:
                each = self.compile(part, f"{place}/{n}")
                nullable, emptyable = nullable or each.nullable, emptyable or each.emptyable
                nested = each.any_of and not each.list_of and not each.expandable
                found.extend(each.any_of if nested else (each,))
        self._spend(len(found) ** 2 // COMPARED, place)
        found = distinct(found)
        if not says_nothing(base):
            # Alternatives that only list required members are not checked.
            kept = [each for each in found if not bare(each)]
            found = [self._merger.alternative(base, self.inline(each, place), place) for each in kept]
            if not found:
                return replace(base, nullable=nullable, emptyable=emptyable)
        if len(found) == 1:
            return replace(found[0], nullable=nullable, emptyable=emptyable)
        return Schema(any_of=tuple(found), nullable=nullable, emptyable=emptyable)

    def _marks(self, schema: Schema, node: dict[str, Any]) -> Schema:
        """``schema`` with the annotations of ``node`` that do not change its shape, such as ``readOnly``."""
        changes: dict[str, Any] = {}
        if node.get("x-expandable") or node.get("x-expansionResources"):
            changes["expandable"] = True
        if node.get("x-emptyable"):
            changes["emptyable"] = True
        if node.get("readOnly") is True:
            changes["read_only"] = True
        if "example" in node and not schema.ref:
            changes["example"] = storable(node["example"])
        if node.get("nullable") is True:
            changes["nullable"] = True
        if page := node.get("x-list-of") or page_of(schema):
            changes["list_of"] = page
        if prefix := node.get("x-id-prefix"):
            changes["id_prefix"] = prefix
        if deleted := node.get("x-deleted"):
            changes["deleted"] = deleted
        return replace(schema, **changes) if changes else schema
