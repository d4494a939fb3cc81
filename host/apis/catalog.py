"""The catalog: one API as frozen data, compiled once from its OpenAPI document.

Builders, namespaces, checks, encoding, the simulator and the editor types all read this and nothing else.
Parts are decoded when first asked for, so that a script pays for the operations it uses.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Location = Literal["path", "query", "header", "cookie", "body"]
BodyKind = Literal["form", "json", "multipart", "text", "binary"]
Paging = Literal["cursor", "search", "url"]


class Schema(msgspec.Struct, frozen=True, omit_defaults=True):
    """The shape of a value, reduced to what checking, encoding and simulating need.

    ``type``: "string" "integer" "number" "boolean" "object" "array", or "" for anything. ``ref`` names a
    shared schema (``Catalog.schema``); all other fields are then unset, but for ``nullable``.
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
    emptyable: bool = False  # "" is accepted and unsets the value
    read_only: bool = False
    expandable: bool = False  # an id, or the object when asked for with expand
    list_of: str = ""  # a page of that object
    id_prefix: str = ""
    deleted: str = ""  # name of the schema of its deleted form
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    default: Any = None
    example: Any = None


class Param(msgspec.Struct, frozen=True, omit_defaults=True):
    """One parameter of an operation: a path, query, header or cookie value, or a member of the body."""

    name: str  # as the wire names it
    location: Location
    schema: Schema
    required: bool = False
    style: str = ""  # OpenAPI's: form, simple, deepObject, spaceDelimited, pipeDelimited, label, matrix
    explode: bool = True


class Operation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operation. ``id`` is its dotted name below the API: ``prices.create``."""

    id: str
    method: str  # GET, POST, …
    path: str  # /v1/customers/{customer}/tax_ids
    params: dict[str, Param] = {}  # by the name a script uses, in the document's order; path ones first
    body: BodyKind | None = None
    content_type: str = ""
    whole_body: bool = False  # the body is not an object of named members: it is the parameter "body"
    server: str = ""  # where it lives if not at the API's base URL
    result: Schema | None = None  # of the 2xx answer; None: no content
    returns_id: bool = False  # the answer has an id by its schema
    paging: Paging | None = None
    builder: str = ""  # "customer_tax_id" where new_customer_tax_id() makes it, else ""
    resource: str = ""  # singular name for messages: "price"
    security: tuple[str, ...] | None = None  # names of Auth schemes, None: the API's default
    deprecated: bool = False

    @property
    def path_params(self) -> tuple[str, ...]:
        """Names of the path parameters in the order the path has them."""
        return tuple(name for name, param in self.params.items() if param.location == "path")

    @property
    def mutation(self) -> bool:
        """Whether it changes something at the API."""
        return self.method not in ("GET", "HEAD", "OPTIONS")


class Auth(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a key goes on a request."""

    kind: Literal["bearer", "basic", "header", "query", "cookie", "oauth2"]
    name: str = ""  # of the header, query parameter or cookie
    token_url: str = ""
    scopes: tuple[str, ...] = ()
