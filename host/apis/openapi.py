"""Compiles an OpenAPI 3.0, 3.1 or 3.2 document, or one of Swagger 2.0, to a :class:`~host.apis.catalog.Catalog`.

Parts that cannot be used are named in ``catalog.warnings``. A fault that makes the whole document unusable raises
``CatalogError``. See docs/catalog.md for what is read and how things are named.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from host.apis.bodies import Body, read_body, read_params
from host.apis.catalog import BodyForm, Catalog, Operation, Param, Schema
from host.apis.document import Document, read_document
from host.apis.facts import Facts
from host.apis.keywords import UnreadKeywords
from host.apis.list_items import list_member
from host.apis.media_types import concrete, is_range
from host.apis.naming import PathNames, creates, identifier, names_item
from host.apis.openapi_versions import opened
from host.apis.operation_names import OperationNames
from host.apis.pagination import PageHints, detect_paging, page_hints
from host.apis.references import FileSource, UnresolvedReference
from host.apis.responses import SuccessReader, with_content
from host.apis.schemas import SchemaCompiler
from host.apis.security import SecurityReader
from host.apis.unresolved import UnresolvedSchemas
from host.apis.webhook_reader import WebhookReader
from host.errors import CatalogError

__all__ = ["compile", "read_document"]

METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace", "query")
NO_BODY = ("get", "head", "trace")  # a body has no meaning there: OpenAPI 3.1.1, "Operation Object"
_METHOD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, 5.6.2
LONGEST_URL = 10_000  # characters of a server
Adjust = Callable[[Operation], Operation]


class _Method(NamedTuple):
    """An operation of a path in the document."""

    name: str  # as in requests: GET
    node: dict[str, Any]


def compile(
    document: dict[str, Any],
    name: str,
    *,
    facts: Facts | None = None,
    open_enums: bool = False,
    adjust: Adjust | None = None,
    files: FileSource | None = None,
) -> Catalog:
    """The catalog of ``document``, called ``name`` by scripts.

    ``facts`` overrides what the document says (each field that is set). ``open_enums`` lets values that an
    enum does not list through. ``adjust`` has the last word on each operation. ``files`` says where the files are that
    the document refers to. Raises ``CatalogError``.
    """
    if name != identifier(name):
        raise CatalogError(f"{name!r} cannot name an API in Lua; {identifier(name)!r} can")
    try:
        return _Compiler(opened(document, files), name, facts, open_enums, adjust).run()
    except RecursionError:
        raise CatalogError("the document's schemas refer to one another in circles, or too deeply") from None


class _Compiler:
    def __init__(
        self, source: Document, name: str, facts: Facts | None, open_enums: bool, adjust: Adjust | None
    ) -> None:
        self.source = source
        self.name = name
        self.given = facts
        self.adjust = adjust
        self.unread = UnreadKeywords()
        self.schemas = SchemaCompiler(source, open_enums=open_enums, note=self.unread.note)
        root = source.root
        self.security = SecurityReader(source)
        self.responses = SuccessReader(source, self.schemas, self.unread)
        self.base_url = self._server(root.get("servers"), "servers")
        paths = {path: self._item(path) for path in root["paths"]}
        self.paths = {path: item for path, item in paths.items() if item}
        self.methods = {path: self._methods(path, item) for path, item in self.paths.items()}
        self.names = PathNames(self.methods, self._all_lists())
        self.operation_names = OperationNames(source, self.names)
        self.idempotency_header: str | None = None
        self.page_hints: dict[str, PageHints] = {}  # by operation
        self.webhooks = WebhookReader(source, self.schemas, self.unread)

    def run(self) -> Catalog:
        found: dict[str, Operation] = {}
        for path, item in self.paths.items():
            for method in self.methods[path]:
                try:
                    operation, more = self._operation(path, method, item)
                except (AttributeError, TypeError, ValueError) as error:  # a part of the wrong type
                    self.source.warn(f"{method.upper()} {path}", f"left out: it is malformed ({error})")
                    continue
                found[operation.id] = operation
                self.operation_names.take(operation.id, more)
        self.webhooks.document()
        shared = self.schemas.finish()
        operations = self._finish(found, shared)
        self._note_rest()
        self.unread.warn(self.source)
        if not operations and not self.webhooks.found:
            raise CatalogError("the document has no operation that can be used")
        return Catalog.build(self._facts(), operations, shared, self.operation_names.aliases(), self.webhooks.found)

    def _item(self, path: str) -> dict[str, Any]:
        try:
            if not path.startswith("/"):
                raise CatalogError(f"{path}: a path begins with /")
            if any(character <= " " or character == "\x7f" for character in path):
                raise CatalogError(f"{path}: a path has no spaces, line breaks or control characters")
            own = self.source.root["paths"][path]
            item = self.source.follow(own, path)
            return item if item is own or self.source.is_old else {**item, **own}
        except CatalogError as error:
            if not path.startswith("x-"):
                self.source.warn(path, f"left out: {error.message.removeprefix(f'{path}: ')}")
            return {}

    def _methods(self, path: str, item: dict[str, Any]) -> dict[str, _Method]:
        """A path's operations by method, in lower case; a reference to one is followed."""
        given = {method: (method.upper(), item[method]) for method in METHODS if method in item}
        more = item.get("additionalOperations")  # OpenAPI 3.2
        for name, node in more.items() if isinstance(more, dict) else ():
            if isinstance(name, str) and _METHOD.fullmatch(name) and name.lower() not in given:
                given[name.lower()] = (name, node)
            else:
                self.source.warn(
                    path, f"the additional operation {name!r} is left out: it is not a method, or is given twice"
                )
        found: dict[str, _Method] = {}
        for method, (name, node) in given.items():
            place = f"{method.upper()} {path}"
            try:
                found[method] = _Method(name, self.source.follow(node, place))
            except UnresolvedReference as error:
                self.source.refuse(place, error.message.removeprefix(f"{place}: "))
                found[method] = _Method(name, {})
            except CatalogError as error:
                self.source.warn(place, f"left out: it is malformed ({error.message.removeprefix(f'{place}: ')})")
        return found

    def _operation(self, path: str, method: str, item: dict[str, Any]) -> tuple[Operation, list[str]]:
        place = f"{method.upper()} {path}"
        name, node = self.methods[path][method]
        self.unread.note("operation", node, place)
        successes = self.responses.read(node, place)
        id, derived = self.operation_names.name(node, path, method, place)
        params, keyed = read_params(self.source, self.schemas, path, item, node, place)
        self.idempotency_header = self.idempotency_header or keyed
        body = self._body(method, node, place, params)
        form = body.form if body else None
        if body:
            params |= body.params
        builder = method == "post" and creates(id, derived, path) and not names_item(path)
        operation = Operation(
            id=id,
            method=name,
            path=path,
            params=params,
            body=form.kind if form else None,
            content_type=concrete(form.content_types[0], form.kind) if form else "",
            content_types=form.content_types if form and _is_choice(form) else (),
            forms=body.forms if body else (),
            files=body.takes_files if body else False,
            whole_body=form.whole if form else False,
            extra=form.extra if form else None,
            server=self._own_server(node, item, place),
            result=successes.result,
            accept=successes.accept,
            answers=successes.answers,
            may_be_empty=successes.may_be_empty,
            builder=self.names.resource(path, id) if builder else "",
            resource=self.names.resource(path, id),
            security=self.security.ways(node["security"], place) if "security" in node else None,
            deprecated=node.get("deprecated") is True,
            keyed=keyed is not None,
            unusable=self.source.why_unusable(place),
        )
        self.webhooks.callbacks(id, node, place)
        self.page_hints[id] = page_hints(lambda raw: self.source.follow(raw, place), node, item)
        more = [alias for alias in node.get("x-sdk-aliases") or () if isinstance(alias, str)]
        original = node.get("operationId")
        if isinstance(original, str) and original == identifier(original):
            more.append(original)
        return operation, [*more, derived]

    def _body(self, method: str, node: dict[str, Any], place: str, params: dict[str, Param]) -> Body | None:
        if "requestBody" not in node:
            return None
        if method in NO_BODY:
            if _has_members(node["requestBody"]):
                self.source.warn(place, f"its request body is not sent: a body has no meaning with {method.upper()}")
            return None
        try:
            content = with_content(self.source, node["requestBody"], f"{place} requestBody")
            self.unread.note_body(content, place)
            body = read_body(self.source, self.schemas, {"requestBody": content}, place, params)
        except UnresolvedReference as error:
            self.source.refuse(place, f"its body is not known: {error.message.removeprefix(f'{place} requestBody: ')}")
            return None
        for param in body.form.params.values() if body is not None and body.form.whole else ():
            if reason := self.schemas.inline(param.schema, place).missing:
                self.source.refuse(place, f"its body is not known: {reason}")
        return body

    def _all_lists(self) -> dict[str, bool]:
        found = {path: self._lists(path, item) for path, item in self.paths.items()}
        return {path: lists for path, lists in found.items() if lists is not None}

    def _lists(self, path: str, item: dict[str, Any]) -> bool | None:
        """Whether GET answers with a list; ``None`` if the document does not say."""
        if "get" not in self.methods[path]:
            return None
        result = self.responses.read(self.methods[path]["get"].node, f"GET {path}").result
        shape = self.schemas.inline(result, path) if result else None
        if shape is None or not (shape.type or shape.list_of):
            return None
        return shape.type == "array" or bool(shape.list_of) or list_member(shape) is not None

    def _finish(self, found: dict[str, Operation], shared: dict[str, Schema]) -> dict[str, Operation]:
        """Complete the operations with what needs all shared schemas (ids, paging), and assign builder names."""
        lookup = Catalog.build(Facts(name=self.name), {}, shared)
        builders: set[str] = set()
        unresolved = UnresolvedSchemas(lookup, self.source) if self.schemas.unresolved else None
        operations: dict[str, Operation] = {}
        for id, operation in found.items():
            result = lookup.resolve(operation.result) if operation.result else None
            changes: dict[str, Any] = detect_paging(operation, result, lookup, self.page_hints.get(id))
            changes["params"] = _with_defaults(operation.params, lookup)
            if operation.forms:
                replace = msgspec.structs.replace
                changes["forms"] = tuple(replace(f, params=_with_defaults(f.params, lookup)) for f in operation.forms)
            if operation.unusable:
                self.source.warn(f"{operation.method} {operation.path}", f"cannot be called: {operation.unusable}")
            elif unresolved is not None:
                unresolved.warn(operation)
            changes["returns_id"] = result is not None and _has_id(result, lookup)
            if operation.builder and operation.builder in builders:
                changes["builder"] = identifier(id.removesuffix(".create").replace(".", "_"))
            builders.add(changes.get("builder", operation.builder))
            operation = msgspec.structs.replace(operation, **changes)
            operations[id] = self.adjust(operation) if self.adjust else operation
        return operations

    def _note_rest(self) -> None:
        root = self.source.root
        self.unread.note("document", root, "#")
        schemes = (root.get("components") or {}).get("securitySchemes") or {}
        for name, scheme in schemes.items() if isinstance(schemes, dict) else ():
            self.unread.note("security scheme", scheme, f"#/components/securitySchemes/{name}")

    def _facts(self) -> Facts:
        info = self.source.root.get("info") or {}
        facts = Facts(
            name=self.name,
            title=str(info.get("title") or self.name),
            version=str(info.get("version") or ""),
            base_url=self.base_url,
            auth=self.security.schemes,
            default_security=self.security.default,
            idempotency_header=self.idempotency_header,
            warnings=tuple(self.source.warnings),
            files=self.source.references.files,
        )
        if self.given is None:
            return facts
        default = Facts(name=self.name)
        changed = {
            field: value
            for field in Facts.__struct_fields__
            if (value := getattr(self.given, field)) != getattr(default, field)
        }
        return msgspec.structs.replace(facts, **changed)

    def _server(self, servers: Any, place: str) -> str:
        if not isinstance(servers, list) or not servers or not isinstance(servers[0], dict):
            return ""
        url = str(servers[0].get("url") or "")
        for name, variable in (servers[0].get("variables") or {}).items():
            url = url.replace(f"{{{name}}}", str((variable or {}).get("default", "")))
            if len(url) > LONGEST_URL:
                self.source.warn(place, f"the server's URL is longer than {LONGEST_URL:,} characters")
                return ""
        if "{" in url:
            self.source.warn(place, f"the server {url} has a variable without a default")
        if not url.startswith(("https://", "http://")):
            if url and url != "/":
                self.source.warn(place, f"the server {url!r} is not absolute; give the API a base URL")
            return ""
        return url.rstrip("/")

    def _own_server(self, node: dict[str, Any], item: dict[str, Any], place: str) -> str:
        own = self._server(node.get("servers") or item.get("servers"), place)
        return own if own != self.base_url else ""


def _is_choice(form: BodyForm) -> bool:
    return len(form.content_types) > 1 or is_range(form.content_types[0])


def _has_members(body: Any) -> bool:
    """Whether a request body can have content; Stripe's document has empty ones on every GET."""
    media = body.get("content") if isinstance(body, dict) else None
    if not isinstance(media, dict):
        return True
    schemas = [each.get("schema") for each in media.values() if isinstance(each, dict)]
    return any(not isinstance(each, dict) or each.keys() - {"type"} - _empty(each) for each in schemas)


def _empty(schema: dict[str, Any]) -> set[str]:
    return {key for key, value in schema.items() if value in ({}, [], False)}


def _has_id(schema: Schema, lookup: Catalog) -> bool:
    if schema.any_of:
        return all(_has_id(lookup.resolve(each), lookup) for each in schema.any_of)
    return "id" in schema.properties and not schema.list_of


def _with_defaults(params: dict[str, Param], lookup: Catalog) -> dict[str, Param]:
    """Parameters, of which those with a default are not required, even if the document says so."""
    return {
        name: msgspec.structs.replace(param, required=False)
        if param.required and param.location != "path" and lookup.default_of(param.schema) is not None
        else param
        for name, param in params.items()
    }
