"""Swagger 2.0 documents: what goes over the wire and comes back is what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from host.apis.cache import catalog_of
from host.apis.catalog import Catalog, Operation, Schema
from host.apis.openapi import compile
from host.apis.prepare import prepare
from host.errors import InvalidCall
from host.http.message import Request


def swagger(paths: dict[str, Any], **more: Any) -> Catalog:
    """A catalog of a few paths."""
    root = {"swagger": "2.0", "info": {"title": "Old", "version": "1"}, "host": "old.test", "paths": paths, **more}
    return compile(root, "old")


def one(*parameters: dict[str, Any], method: str = "post", more: dict[str, Any] | None = None, **node: Any) -> Catalog:
    """A catalog of one operation ``a``."""
    return swagger({"/a": {method: {"operationId": "a", "parameters": list(parameters), **node}}}, **(more or {}))


def of(catalog: Catalog, id: str = "a") -> Operation:
    operation = catalog.operation(id)
    assert operation is not None
    return operation


def made(catalog: Catalog, **arguments: Any) -> Request:
    return prepare(catalog, of(catalog), arguments, base_url=catalog.base_url, boundary="b")


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ({}, "https://old.test"),
        ({"schemes": ["http"]}, "http://old.test"),
        ({"schemes": ["http", "https"], "basePath": "/v1"}, "https://old.test/v1"),
        ({"schemes": ["wss"], "basePath": "/"}, "https://old.test"),
        ({"host": "old.test:8080", "basePath": "/v2/"}, "https://old.test:8080/v2"),
        ({"host": None, "basePath": "/v1"}, ""),
    ],
)
def test_the_server_is_host_base_path_and_scheme(said: dict[str, Any], url: str) -> None:
    """https where it is among the schemes or none is given."""
    assert swagger({"/a": {"get": {}}}, **said).base_url == url


def test_an_operation_may_have_a_scheme_of_its_own() -> None:
    """It is another server then."""
    catalog = swagger({"/a": {"get": {"operationId": "a", "schemes": ["http"]}}, "/b": {"get": {}}})
    assert of(catalog).server == "http://old.test"


@pytest.mark.parametrize(
    ("format", "query"),
    [(None, "ids=1,2"), ("csv", "ids=1,2"), ("multi", "ids=1&ids=2"), ("ssv", "ids=1%202"), ("pipes", "ids=1%7C2")],
)
def test_lists_in_the_query_follow_their_collection_format(format: str | None, query: str) -> None:
    """Commas where nothing is said."""
    param = {"name": "ids", "in": "query", "type": "array", "items": {"type": "integer"}}
    sent = made(one(param | ({"collectionFormat": format} if format else {}), method="get"), ids=[1, 2])
    assert sent.url.partition("?")[2].replace("|", "%7C") == query


@pytest.mark.parametrize("format", ["tsv", "multi"])
def test_a_list_that_cannot_be_written_is_named(format: str) -> None:
    """Tabs, and several headers of one name, have no counterpart: never sent as something else."""
    where = "query" if format == "tsv" else "header"
    param = {"name": "ids", "in": where, "type": "array", "items": {}, "collectionFormat": format}
    catalog = one(param, method="get")
    assert catalog.warnings == (
        f"GET /a: the parameter 'ids' is left out: collectionFormat {format!r} has no counterpart",
    )
    with pytest.raises(InvalidCall, match="ids"):
        made(catalog, ids=[1])


def test_parameters_keep_their_limits() -> None:
    """What a parameter says of its value is checked; a default makes it one that may be left out."""
    limits = {"type": "integer", "minimum": 1, "maximum": 5, "exclusiveMaximum": True}
    param = {"name": "n", "in": "query", "required": True, **limits}
    catalog = one(param, {"name": "d", "in": "query", "required": True, "type": "string", "default": "x"}, method="get")
    assert made(catalog, n=4).url == "https://old.test/a?n=4"
    for bad in (0, 5, "x"):
        with pytest.raises(InvalidCall, match="n:"):
            made(catalog, n=bad)


FIELD = {"name": "f", "in": "formData", "type": "string"}
FILE = {"name": "file", "in": "formData", "type": "file"}
MULTI, FORM = "multipart/form-data", "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("fields", "consumes", "sent"),
    [
        ([FIELD], None, FORM),
        ([FIELD], ["application/json"], FORM),
        ([FIELD], [MULTI], MULTI),
        ([FIELD], [FORM, "application/json"], FORM),
        ([FIELD, FILE], None, MULTI),
        ([FIELD, FILE], [FORM, MULTI], MULTI),
        ([FIELD, FILE], [FORM], MULTI),
    ],
)
def test_form_data_is_a_form_or_multipart(fields: list[dict[str, Any]], consumes: Any, sent: str) -> None:
    """A file needs multipart; else it is what the operation (or the document) consumes."""
    catalog = one(*fields, **({} if consumes is None else {"consumes": consumes}))
    assert of(catalog).content_type == sent
    assert list(of(catalog).params) == [field["name"] for field in fields]
    assert b"x" in made(catalog, f="x").content
    if consumes is not None:
        assert of(one(*fields, more={"consumes": consumes})).content_type == sent


def test_fields_of_a_form_are_required_and_lists_written_as_they_say() -> None:
    """multi repeats the name."""
    tags = {"name": "tags", "in": "formData", "type": "array", "items": {"type": "string"}, "collectionFormat": "multi"}
    catalog = one({**FIELD, "required": True}, tags)
    assert made(catalog, f="x", tags=["a", "b"]).content == b"f=x&tags=a&tags=b"
    with pytest.raises(InvalidCall, match="f is missing"):
        made(catalog, tags=["a"])


def test_a_body_is_what_the_operation_consumes() -> None:
    """Its definitions are followed, cycles too; JSON where nothing is said."""
    node = {
        "type": "object",
        "required": ["kind"],
        "discriminator": "kind",
        "properties": {
            "kind": {"type": "string"},
            "next": {"$ref": "#/definitions/Node%20x"},
            "note": {"type": "string", "x-nullable": True},
        },
    }
    body = {"name": "anything", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Node%20x"}}
    catalog = one(body, more={"definitions": {"Node x": node}})
    assert json.loads(made(catalog, kind="a", next={"kind": "b"}).content) == {"kind": "a", "next": {"kind": "b"}}
    with pytest.raises(InvalidCall, match="next: kind"):
        made(catalog, kind="a", next={})
    assert catalog.schema("Node x").properties["note"].nullable
    assert of(one(body, consumes=["application/vnd.x+json"])).content_type == "application/vnd.x+json"


def test_parameters_and_responses_are_shared() -> None:
    """By reference, of a path, of another file; one of the operation goes before the path's."""
    shared = {
        "parameters": {
            "Q": {"name": "q", "in": "query", "type": "integer"},
            "B": {"name": "b", "in": "body", "schema": {"properties": {"x": {"type": "string"}}}},
        },
        "responses": {"R": {"description": "", "schema": {"type": "array", "items": {"$ref": "#/definitions/D"}}}},
        "definitions": {"D": {"properties": {"id": {"type": "string"}}}},
    }
    item = {
        "parameters": [{"$ref": "#/parameters/Q"}, {"name": "p", "in": "query", "type": "integer"}],
        "post": {
            "operationId": "a",
            "parameters": [{"$ref": "#/parameters/B"}, {"name": "p", "in": "query", "type": "string"}],
            "responses": {"200": {"$ref": "#/responses/R"}},
        },
    }
    catalog = swagger({"/a": item}, **shared)
    assert {name: param.schema.type for name, param in of(catalog).params.items()} == {
        "q": "integer",
        "p": "string",
        "x": "string",
    }
    assert of(catalog).result == Schema(type="array", items=Schema(ref="D"))
    assert catalog.warnings == ()


@pytest.mark.parametrize(
    ("schema", "produces", "shape"),
    [
        ({"type": "file"}, ["application/json", "image/png"], Schema(type="string", format="binary")),
        ({"type": "file"}, None, Schema(type="string", format="binary")),
        ({"type": "string"}, ["text/plain"], Schema(type="string")),
        ({"type": "integer"}, None, Schema(type="integer")),
        (None, None, None),
    ],
)
def test_answers_are_what_the_operation_produces(schema: Any, produces: Any, shape: Schema | None) -> None:
    """Files are bytes, texts texts, the rest JSON; without a schema there is no content."""
    answer = {"description": "", **({} if schema is None else {"schema": schema})}
    more = {} if produces is None else {"produces": produces}
    assert of(one(method="get", responses={"200": answer}, **more)).result == shape


@pytest.mark.parametrize(
    ("scheme", "kind"),
    [
        ({"type": "basic"}, "basic"),
        ({"type": "apiKey", "in": "header", "name": "X"}, "header"),
        ({"type": "apiKey", "in": "query", "name": "x"}, "query"),
        ({"type": "oauth2", "flow": "application", "tokenUrl": "https://t.test", "scopes": {"a": ""}}, "oauth2"),
        ({"type": "oauth2", "flow": "accessCode", "tokenUrl": "https://t.test", "scopes": {}}, "oauth2"),
    ],
)
def test_security_schemes_are_those_of_openapi_3(scheme: dict[str, Any], kind: str) -> None:
    """Client credentials keep their token URL and scopes."""
    catalog = swagger({"/a": {"get": {}}}, securityDefinitions={"k": scheme}, security=[{"k": []}])
    assert catalog.auth["k"].kind == kind
    if scheme.get("flow") == "application":
        assert (catalog.auth["k"].token_url, catalog.auth["k"].scopes) == ("https://t.test", ("a",))


def test_what_leads_nowhere_is_refused_here_too() -> None:
    """Parameters, bodies and definitions that are not there."""
    broken = {"$ref": "#/parameters/none"}
    assert "cannot be called" in one(broken).warnings[0]
    body = {"name": "b", "in": "body", "schema": {"$ref": "#/definitions/none"}}
    with pytest.raises(InvalidCall, match="cannot be called: its body is not known"):
        made(one(body), x=1)


def test_other_files_are_followed(tmp_path: Path) -> None:
    """A parameter in another file, whose schema is beside it there."""
    param = {"name": "b", "in": "body", "schema": {"$ref": "#/defs/X"}}
    shared = {"p": param, "defs": {"X": {"properties": {"n": {"type": "integer"}}}}}
    root = {
        "swagger": "2.0",
        "host": "old.test",
        "paths": {"/a": {"post": {"operationId": "a", "parameters": [{"$ref": "s.json#/p"}]}}},
    }
    (tmp_path / "s.json").write_text(json.dumps(shared))
    (tmp_path / "api.json").write_text(json.dumps(root))
    catalog = catalog_of(tmp_path / "api.json", "old", tmp_path / "cache")
    assert catalog.warnings == ()
    assert json.loads(made(catalog, n=1).content) == {"n": 1}
    assert list(catalog.facts.files) == ["s.json"]


@pytest.mark.parametrize(
    "damage",
    [
        {"paths": {"/a": {"get": 5}, "/b": {"get": {}}}},
        {"paths": {"/a": 5, "/b": {"get": {}}}},
        {"parameters": 5, "definitions": [], "securityDefinitions": "x", "consumes": "y", "schemes": 3, "info": None},
        {"paths": {"/a": {"get": {"parameters": [5, {"in": "query"}], "responses": {"200": 5, "201": None}}}}},
        {"securityDefinitions": {"k": 5}},
        {"paths": {"/a": {"get": {"parameters": [{"in": "query", "name": "q", "type": "array", "items": 5}]}}}},
        {
            "paths": {
                "/a": {
                    "post": {
                        "parameters": [{"in": "formData"}, {"in": "body"}, {}],
                        "responses": {"200": {"headers": 5}},
                    }
                }
            }
        },
    ],
)
def test_damage_in_one_place_leaves_the_rest(damage: dict[str, Any]) -> None:
    """Parts of the wrong type are passed over or named, never a Python error."""
    assert swagger(**{"paths": {"/a": {"get": {}}}, **damage}).operation_ids()
