"""The descriptions of operations, parameters and schemas in a document, for listings and editors, not for runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from host.apis.catalog import Catalog, Operation
from host.apis.document import Document
from host.apis.schema_nodes import shared_name
from host.errors import CatalogError

__all__ = ["Described", "DescribedOperation", "Descriptions", "describe"]

MOST_NESTED = 48  # nested schemas, the same number that is compiled


class Described(msgspec.Struct, frozen=True, omit_defaults=True):
    """The description of a value, those of its members, and the shared schemas that have further ones."""

    text: str = ""
    members: dict[str, Described] = {}
    refs: tuple[str, ...] = ()


class DescribedOperation(msgspec.Struct, frozen=True, omit_defaults=True):
    """``name`` is the ``operationId``; ``params`` are by their names in scripts."""

    summary: str = ""
    text: str = ""
    name: str = ""
    params: dict[str, Described] = {}


class Descriptions(msgspec.Struct, frozen=True):
    """The descriptions of one API."""

    operations: dict[str, DescribedOperation] = {}
    schemas: dict[str, Described] = {}

    def operation(self, id: str) -> DescribedOperation:
        """The descriptions of an operation."""
        return self.operations.get(id) or DescribedOperation()

    def param(self, id: str, name: str) -> Described:
        """The descriptions of a parameter."""
        return self.operation(id).params.get(name) or Described()

    def text(self, described: Described) -> str:
        """The value's own description, or else that of its schema."""
        return described.text or next((each.text for each in self._behind(described) if each.text), "")

    def member(self, described: Described, name: str) -> Described:
        """The description of a member, from the value's own schema or a shared one."""
        found = (each.members.get(name) for each in (described, *self._behind(described)))
        return next((each for each in found if each is not None), Described())

    def of_schema(self, ref: str) -> Described:
        """The descriptions of a shared schema."""
        return self.schemas.get(ref) or Described()

    def _behind(self, described: Described) -> Iterator[Described]:
        seen: set[str] = set()
        waiting = list(described.refs)
        while waiting:
            ref = waiting.pop(0)
            if ref not in seen and ref in self.schemas:
                seen.add(ref)
                yield self.schemas[ref]
                waiting.extend(self.schemas[ref].refs)


def describe(source: Document, catalog: Catalog) -> Descriptions:
    """The descriptions in ``source``, by the names in ``catalog``, which was compiled from it."""
    return _Describer(source, catalog).run()


class _Describer:
    def __init__(self, source: Document, catalog: Catalog) -> None:
        self._source = source
        self._catalog = catalog
        self._waiting: dict[str, str] = {}  # shared schemas by name: where they are
        self._schemas: dict[str, Described] = {}

    def run(self) -> Descriptions:
        operations = {}
        for id in self._catalog.operation_ids():
            operation = self._catalog.operation(id)
            assert operation is not None
            operations[id] = self._operation(operation)
        while new := [name for name in self._waiting if name not in self._schemas]:
            for name in new:
                self._shared(name)
        said = {id: each for id, each in operations.items() if each != DescribedOperation()}
        return Descriptions(said, {name: each for name, each in self._schemas.items() if each != Described()})

    def _operation(self, operation: Operation) -> DescribedOperation:
        try:
            item = self._source.follow(self._source.root["paths"][operation.path], operation.path)
            more = item.get("additionalOperations")
            node = item.get(operation.method.lower()) or (more or {}).get(operation.method) or {}
            node = self._source.follow(node, operation.path)
        except (CatalogError, AttributeError):
            return DescribedOperation()
        params: dict[str, Described] = {}
        for raw in (*_list(item.get("parameters")), *_list(node.get("parameters"))):
            self._param(operation, raw, params)
        self._body(operation, node, params)
        return DescribedOperation(
            summary=_text(node.get("summary")),
            text=_text(node.get("description")),
            name=_text(node.get("operationId")),
            params={name: each for name, each in params.items() if each != Described()},
        )

    def _param(self, operation: Operation, raw: Any, params: dict[str, Described]) -> None:
        try:
            node = self._source.follow(raw, operation.path)
        except CatalogError:
            return
        schema = self._schema(node.get("schema"))
        described = msgspec.structs.replace(schema, text=_text(node.get("description")) or schema.text)
        for name, param in operation.params.items():
            if param.name == node.get("name") and param.location == node.get("in"):
                params[name] = described

    def _body(self, operation: Operation, node: dict[str, Any], params: dict[str, Described]) -> None:
        try:
            body = self._source.follow(node["requestBody"], operation.path) if "requestBody" in node else {}
        except CatalogError:
            return
        content = body.get("content")
        media = content.get(operation.content_type) if isinstance(content, dict) else None
        if media is None and isinstance(content, dict):
            media = next(iter(content.values()), None)
        whole = self._schema(media.get("schema") if isinstance(media, dict) else None)
        for name, param in operation.params.items():
            if param.location != "body":
                continue
            if operation.whole_body:
                params[name] = msgspec.structs.replace(whole, text=_text(body.get("description")) or whole.text)
            else:
                params[name] = self._member(whole, param.name)

    def _member(self, whole: Described, name: str) -> Described:
        """A member of the body, possibly in a shared schema."""
        seen: set[str] = set()
        waiting = [whole]
        while waiting:
            each = waiting.pop(0)
            if name in each.members:
                return each.members[name]
            for ref in each.refs:
                if ref not in seen:
                    seen.add(ref)
                    waiting.append(self._shared(ref))
        return Described()

    def _shared(self, name: str) -> Described:
        found = self._schemas.get(name)
        if found is None:
            found = self._schemas[name] = self._schema(self._source.references.find(self._waiting[name]))
        return found

    def _schema(self, node: Any, depth: int = 0) -> Described:
        if not isinstance(node, dict) or depth > MOST_NESTED:
            return Described()
        refs: list[str] = []
        members: dict[str, Described] = {}
        text = _text(node.get("description")) or _text(node.get("title") if "properties" in node else None)
        if isinstance(node.get("$ref"), str) and (ref := self._reference(node)):
            refs.append(ref)
        properties = node.get("properties")
        for name, each in properties.items() if isinstance(properties, dict) else ():
            if (found := self._schema(each, depth + 1)) != Described():
                members[name] = found
        parts = [*_list(node.get("allOf")), *_list(node.get("anyOf")), *_list(node.get("oneOf"))]
        for part in (*parts, node.get("items"), node.get("additionalProperties")):
            inner = self._schema(part, depth + 1)
            refs.extend(inner.refs)
            members = {**inner.members, **members}
            text = text or inner.text
        return Described(text, members, tuple(dict.fromkeys(refs)))

    def _reference(self, node: dict[str, Any]) -> str:
        canonical = self._source.references.canonical(node)
        try:
            self._source.references.find(canonical)
        except CatalogError:
            return ""
        name = shared_name(canonical)
        self._waiting.setdefault(name, canonical)
        return name


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
