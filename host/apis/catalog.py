"""The catalog: one API as frozen data, compiled once from its OpenAPI document.

Builders, namespaces, checks, encoding, the simulator and the editor types all read this and nothing else.
Parts are decoded on first use, so that a script pays only for the operations it uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from host.apis.facts import Auth, Facts, Ways
from host.errors import CatalogError

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"})  # RFC 9110, 9.2.1; QUERY: OpenAPI 3.2
Location = Literal["path", "query", "header", "cookie", "body"]
BodyKind = Literal["form", "json", "multipart", "text", "binary"]
Paging = Literal["cursor", "search", "token", "url", "link", "offset", "number"]

FORMAT = 2  # of the compiled file; raised when an older host could not read a newer file


class Schema(msgspec.Struct, frozen=True, omit_defaults=True):
    """The shape of a value, reduced to what checking, encoding and simulating need.

    ``type``: "string" "integer" "number" "boolean" "object" "array", or "" for anything. ``ref`` names a
    shared schema (``Catalog.schema``); all other fields are then unset, but for ``nullable``,
    ``emptyable``, ``expandable``, ``read_only`` and ``default``.
    ``any_of`` lists alternatives. ``additional`` is the schema of a map's values; ``open_map`` says that
    further members of any shape are allowed. ``closed_enum`` is False where new values may appear (then an
    unknown value is let through).
    """

    type: str = ""
    format: str = ""
    enum: tuple[Any, ...] = ()
    closed_enum: bool = True
    properties: dict[str, Schema] = {}
    required: tuple[str, ...] = ()
    additional: Schema | None = None
    open_map: bool = False
    items: Schema | None = None
    any_of: tuple[Schema, ...] = ()
    ref: str = ""
    nullable: bool = False
    emptyable: bool = False  # "" is accepted, and unsets the value
    read_only: bool = False
    expandable: bool = False  # an id, or the object when asked for with expand
    list_of: str = ""  # a page of that object
    id_prefix: str = ""
    deleted: str = ""  # name of the schema of its deleted form
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None  # exclusive bounds, of numbers that need not be integers
    below: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    default: Any = None
    example: Any = None
    missing: str = ""  # why the shape is unknown, such as a broken reference; no value can be checked by it


class Param(msgspec.Struct, frozen=True, omit_defaults=True):
    """One parameter of an operation: a path, query, header or cookie value, or a member of the body."""

    name: str  # the wire name
    location: Location
    schema: Schema
    required: bool = False
    # OpenAPI's: form, simple, deepObject, spaceDelimited, pipeDelimited, label, matrix; json; "" of a member of a body
    # whose content type says how it is written
    style: str = ""
    explode: bool = True
    content_type: str = ""  # of a body's member, if documented; may be several, and ranges
    allow_reserved: bool = False  # reserved characters are not percent-encoded
    headers: tuple[Param, ...] = ()  # of a part of a multipart body


class BodyForm(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of several ways to write an operation's body."""

    kind: BodyKind
    content_types: tuple[str, ...]  # as in ``Operation``
    params: dict[str, Param] = {}  # its members, by the names of ``Operation.params``
    whole: bool = False
    extra: Schema | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of several successes of an operation."""

    status: str  # "200", "2XX", "default"
    content_types: tuple[str, ...] = ()  # none: it has no content
    schema: Schema | None = None  # of JSON, or of each of its lines


class Operation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operation. ``id`` is its dotted name below the API: ``prices.create``."""

    id: str
    method: str  # GET, POST, …
    path: str  # /v1/customers/{customer}/tax_ids
    params: dict[str, Param] = {}  # by the name a script uses, in the document's order; path ones first
    body: BodyKind | None = None
    content_type: str = ""  # of the body; a range if the call must choose
    content_types: tuple[str, ...] = ()  # all types and ranges that the body may have, if more than one
    forms: tuple[BodyForm, ...] = ()  # all forms of the body, the default first, if there are several
    files: bool = False  # one of its members may be a file
    whole_body: bool = False  # the body is not an object of named members: it is the parameter "body"
    extra: Schema | None = None  # of further members of the body; None: none are allowed
    server: str = ""  # its base URL, if it is not the API's
    result: Schema | None = None  # of the 2xx answer; None: no content
    returns_id: bool = False  # by its schema the answer has an id
    accept: str = ""  # the media type to request, if it is not plain JSON
    answers: tuple[Answer, ...] = ()  # all successes, unless there is only one of plain JSON
    may_be_empty: bool = False  # the document also has a success without content
    paging: Paging | None = None
    page_items: str = "data"  # the member (dotted) that holds a page's items; "": the answer is the list itself
    page_next: str = ""  # the member (dotted) that leads to the next page: its token or URL; of "number" its own number
    page_param: str = ""  # the parameter it goes to: "page", "cursor"; the offset, the page's number, the last id
    page_more: str = (
        ""  # the member (dotted) that says whether there is more, or that there is not ("done"); "": "has_more"
    )
    page_total: str = ""  # the member (dotted) with the number of all items; of "number" that of all pages
    page_first: int = 1  # the number of the first page
    page_id: str = ""  # the member (dotted) of an item that is its id, where that is not the API's usual one
    keyed: bool = False  # takes the API's idempotency header
    builder: str = ""  # "customer_tax_id" where new_customer_tax_id() makes it, else ""
    resource: str = ""  # singular name for messages: "price"
    security: Ways | None = None  # None: the API's default
    deprecated: bool = False
    unusable: str = ""  # why it cannot be called, if its request is not known

    @property
    def path_params(self) -> tuple[str, ...]:
        """Names of the path parameters, in the order of the path."""
        return tuple(name for name, param in self.params.items() if param.location == "path")

    @property
    def mutation(self) -> bool:
        """Whether it changes something at the API."""
        return self.method not in SAFE


class Webhook(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request that the API makes: one of the document's ``webhooks`` (``id`` is its name there), or a callback
    (``id`` is the operation's and the callback's name: ``imports.create.onDone``).
    """

    id: str
    body: Schema | None = None  # of its JSON; None: the document does not say


class _CatalogFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """The compiled file. Its parts stay undecoded, and are not copied, until they are needed."""

    format: int
    facts: Facts
    operations: dict[str, memoryview]
    schemas: dict[str, memoryview]
    builders: dict[str, str]  # builder -> operation id
    aliases: dict[str, str]  # other operation id -> operation id
    webhooks: dict[str, memoryview] = {}


class _FileFormat(msgspec.Struct, frozen=True):
    format: int = 0


_read_file = msgspec.msgpack.Decoder(_CatalogFile)
_read_format = msgspec.msgpack.Decoder(_FileFormat)
_read_operation = msgspec.msgpack.Decoder(Operation)
_read_schema = msgspec.msgpack.Decoder(Schema)
_read_webhook = msgspec.msgpack.Decoder(Webhook)
_write = msgspec.msgpack.Encoder().encode


class _Route(msgspec.Struct, frozen=True):
    method: str
    path: str


_route_decoder = msgspec.msgpack.Decoder(_Route)


def _read_route(raw: memoryview) -> tuple[str, str]:
    found = _route_decoder.decode(raw)
    return found.method, found.path


class Catalog:
    """One API. Frozen to its users; safe to share between threads.

    Operations and schemas are decoded on first use and cached. ``plans`` is a cache in which other modules of this
    package store what they derive from an operation or schema, by any key; filling an entry twice is harmless.
    """

    __slots__ = ("_children", "_file", "_operations", "_resolved", "_schemas", "facts", "plans")

    def __init__(self, file: _CatalogFile) -> None:
        self._file = file
        self.facts = file.facts
        self.plans: dict[Any, Any] = {}
        self._operations: dict[str, Operation] = {}
        self._schemas: dict[str, Schema] = {}
        self._resolved: dict[tuple[str, bool, bool], Schema] = {}
        self._children: dict[str, tuple[str, ...]] = {}

    @classmethod
    def build(
        cls,
        facts: Facts,
        operations: Mapping[str, Operation],
        schemas: Mapping[str, Schema],
        aliases: Mapping[str, str] | None = None,
        webhooks: Mapping[str, Webhook] | None = None,
    ) -> Catalog:
        """Build a catalog from its parts. The builders are taken from the operations."""
        builders = {op.builder: name for name, op in operations.items() if op.builder}
        return cls(
            _CatalogFile(
                format=FORMAT,
                facts=facts,
                operations={name: memoryview(_write(op)) for name, op in operations.items()},
                schemas={name: memoryview(_write(schema)) for name, schema in schemas.items()},
                builders=builders,
                aliases=dict(aliases or {}),
                webhooks={name: memoryview(_write(webhook)) for name, webhook in (webhooks or {}).items()},
            )
        )

    @classmethod
    def load(cls, source: bytes | str | Path) -> Catalog:
        """Read a compiled catalog from its bytes or its file. Raises ``CatalogError``."""
        if isinstance(source, bytes):
            data, label = source, "catalog"
        else:
            label = f"catalog {source}"
            try:
                data = Path(source).read_bytes()
            except OSError as error:
                raise CatalogError(f"{label} cannot be read: {error.strerror}") from error
        try:
            if (found := _read_format.decode(data).format) != FORMAT:
                raise CatalogError(f"{label} has format {found}, this host reads {FORMAT}", hint="Compile it again.")
            return cls(_read_file.decode(data))
        except msgspec.MsgspecError as error:
            raise CatalogError(f"{label} is damaged: {error}", hint="Compile it again.") from error

    def with_facts(self, facts: Facts) -> Catalog:
        """The same API with other facts. It shares the other parts."""
        return Catalog(msgspec.structs.replace(self._file, facts=facts))

    def with_operations(self, changed: Mapping[str, Operation]) -> Catalog:
        """The same API with some of its operations replaced, by their names."""
        operations = {**self._file.operations, **{id: memoryview(_write(op)) for id, op in changed.items()}}
        return Catalog(msgspec.structs.replace(self._file, operations=operations))

    def dump(self) -> bytes:
        """The bytes of the compiled file. Equal catalogs have equal bytes."""
        return _write(self._file)

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def title(self) -> str:
        return self.facts.title

    @property
    def version(self) -> str:
        return self.facts.version

    @property
    def base_url(self) -> str:
        return self.facts.base_url

    @property
    def auth(self) -> Mapping[str, Auth]:
        return self.facts.auth

    @property
    def default_security(self) -> Ways:
        return self.facts.default_security

    @property
    def idempotency_header(self) -> str | None:
        return self.facts.idempotency_header

    @property
    def id_field(self) -> str:
        return self.facts.id_field

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the compiler omitted or guessed, each with its place in the document."""
        return self.facts.warnings

    def operation(self, id: str) -> Operation | None:
        """The operation with a dotted name or alias, or ``None``."""
        found = self._operations.get(id)
        if found is None:
            raw = self._file.operations.get(id)
            if raw is None:
                target = self._file.aliases.get(id)
                return self.operation(target) if target is not None else None
            found = self._operations[id] = _read_operation.decode(raw)
        return found

    def operation_ids(self) -> tuple[str, ...]:
        """All operations' names, in the document's order, without aliases."""
        return tuple(self._file.operations)

    def routes(self) -> list[tuple[str, str, str]]:
        """(id, method, path) of all operations, in the document's order, without decoding the rest of them."""
        return [(id, *_read_route(raw)) for id, raw in self._file.operations.items()]

    def aliases(self) -> Mapping[str, str]:
        """Further names of operations, each with the name it stands for."""
        return self._file.aliases

    def webhook(self, id: str) -> Webhook | None:
        """The request of that name that the API makes."""
        raw = self._file.webhooks.get(id)
        return None if raw is None else _read_webhook.decode(raw)

    def webhook_ids(self) -> tuple[str, ...]:
        """The names of all requests that the API makes, in the document's order."""
        return tuple(self._file.webhooks)

    def builder(self, name: str) -> Operation | None:
        """The create operation behind ``new_<name>()``."""
        target = self._file.builders.get(name)
        return self.operation(target) if target is not None else None

    def builder_names(self) -> tuple[str, ...]:
        return tuple(self._file.builders)

    def schema(self, ref: str) -> Schema:
        """The shared schema of that name. Raises ``CatalogError`` if there is none."""
        found = self._schemas.get(ref)
        if found is None:
            raw = self._file.schemas.get(ref)
            if raw is None:
                raise CatalogError(f"{self.name} has no schema {ref!r}")
            found = self._schemas[ref] = _read_schema.decode(raw)
        return found

    def schema_names(self) -> tuple[str, ...]:
        return tuple(self._file.schemas)

    def resolve(self, schema: Schema) -> Schema:
        """Follow the references of a schema, keeping ``nullable`` and ``emptyable`` of each step."""
        if not schema.ref:
            return schema
        key = (schema.ref, schema.nullable, schema.emptyable)
        found = self._resolved.get(key)
        if found is None:
            nullable, emptyable, seen, found = schema.nullable, schema.emptyable, set(), schema
            while found.ref and found.ref not in seen:
                seen.add(found.ref)
                found = self.schema(found.ref)
                nullable, emptyable = nullable or found.nullable, emptyable or found.emptyable
            if found.ref:  # refers only to itself, so it says nothing
                found = Schema()
            if (nullable, emptyable) != (found.nullable, found.emptyable):
                found = msgspec.structs.replace(found, nullable=nullable, emptyable=emptyable)
            self._resolved[key] = found
        return found

    def needed(self, schema: Schema) -> tuple[str, ...]:
        """The members of an object that a request must have: required, not read-only, and without a default."""
        found = []
        for name in schema.required:
            member = schema.properties.get(name)
            if member is not None and (member.read_only or self.default_of(member) is not None):
                continue
            found.append(name)
        return tuple(found)

    def default_of(self, schema: Schema) -> Any:
        """The API's default for a missing value, or ``None`` if the document has none."""
        return self.resolve(schema).default if schema.default is None else schema.default

    def children(self, prefix: str = "") -> tuple[str, ...]:
        """The next segments below a dotted prefix: namespaces and operations, sorted, each once."""
        found = self._children.get(prefix)
        if found is None:
            start = f"{prefix}." if prefix else ""
            names = (*self._file.operations, *self._file.aliases)
            below = {n[len(start) :].split(".", 1)[0] for n in names if n.startswith(start)}
            found = self._children[prefix] = tuple(sorted(below))
        return found
