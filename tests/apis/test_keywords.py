"""Every keyword of OpenAPI 3.0, 3.1, 3.2 and JSON Schema 2020-12 is read, named in the warnings, or for people only."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest

from host.apis.catalog import Catalog
from host.apis.keywords import ANNOTATIONS, UNREAD
from host.apis.openapi import compile

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
NUMBER, LIST, OBJECT = {"type": "number"}, {"type": "array"}, {"type": "object"}
MORE = {"content": {"application/json": {"schema": {**OBJECT, "properties": {"z": TEXT}}}}}
ANSWER = {"200": {"description": "x", **MORE}}

# By object of the specifications: each keyword with a value that changes what is sent, taken or given, if it is read;
# a pair says what else the object has then.
KEYWORDS: dict[str, dict[str, Any]] = {
    "document": {
        "$self": "https://self.test/a",
        "jsonSchemaDialect": "https://d.test",
        "servers": [{"url": "https://other.test"}],
        "webhooks": {"w": {"post": {}}},
        "security": [{"k": []}],
        "tags": [{"name": "t"}],
        "externalDocs": {"url": "https://x.test"},
    },
    "path item": {
        "$ref": "#/components/pathItems/more",
        "summary": "s",
        "description": "d",
        **{method: {"operationId": f"{method}_it"} for method in ("get", "put", "delete", "options", "head", "patch")},
        "trace": {"operationId": "trace_it"},
        "query": {"operationId": "query_it"},
        "additionalOperations": {"COPY": {"operationId": "copy_it"}},
        "servers": [{"url": "https://other.test"}],
        "parameters": [{"name": "more", "in": "query", "schema": TEXT}],
    },
    "operation": {
        "tags": ["t"],
        "summary": "s",
        "description": "d",
        "externalDocs": {"url": "https://x.test"},
        "operationId": "named",
        "parameters": [{"name": "more", "in": "query", "schema": TEXT}],
        "requestBody": MORE,
        "responses": {"200": {"content": {"application/json": {"schema": LIST}}}},
        "callbacks": {"c": {"{$request.body#/url}": {"post": {"requestBody": MORE}}}},
        "deprecated": True,
        "security": [{"k": []}],
        "servers": [{"url": "https://other.test"}],
    },
    "parameter": {
        "name": "renamed",
        "in": "header",
        "description": "d",
        "required": True,
        "deprecated": True,
        "style": "pipeDelimited",
        "explode": False,
        "schema": INTEGER,
        "example": "e",
        "examples": {"e": {"value": "e"}},
        "content": ({"application/json": {"schema": INTEGER}}, {"schema": None}),
    },
    "request body": {
        "description": "d",
        "required": (True, {"content": {"application/json": {"schema": LIST}}}),
        "content": {"application/json": {"schema": LIST}},
    },
    "media type": {
        "schema": LIST,
        "itemSchema": TEXT,
        "example": {},
        "examples": {"e": {"value": {}}},
        "encoding": {"a": {"contentType": "text/csv"}},
        "prefixEncoding": [{}],
        "itemEncoding": {},
    },
    "encoding": {
        "contentType": "text/csv",
        "style": "deepObject",
        "explode": False,
        "encoding": {},
        "prefixEncoding": [{}],
        "itemEncoding": {},
    },
    "response": {
        "description": "d",
        "summary": "s",
        "headers": {"X": {"schema": TEXT}},
        "content": {"application/json": {"schema": LIST}},
        "links": {"l": {"operationId": "a"}},
    },
    "security scheme": {
        "type": "openIdConnect",
        "description": "d",
        "name": "renamed",
        "in": "query",
        "scheme": ("basic", {"type": "http"}),
        "bearerFormat": "JWT",
        "flows": ({"clientCredentials": {"tokenUrl": "https://t.test", "scopes": {"s": "x"}}}, {"type": "oauth2"}),
        "openIdConnectUrl": "https://x.test",
        "oauth2MetadataUrl": "https://x.test",
        "deprecated": True,
    },
    "schema": {
        # JSON Schema 2020-12: core
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$vocabulary": {"https://v.test": True},
        "$comment": "c",
        "$ref": "#/components/schemas/S",
        "$dynamicRef": "#dynamic",
        # applicators
        "prefixItems": ([TEXT], LIST),
        "items": (TEXT, LIST),
        "contains": (TEXT, LIST),
        "additionalProperties": (TEXT, OBJECT),
        "properties": ({"p": TEXT}, OBJECT),
        "patternProperties": ({"^p": TEXT}, OBJECT),
        "dependentSchemas": ({"p": {"required": ["q"]}}, OBJECT),
        "propertyNames": ({"pattern": "^p"}, OBJECT),
        "if": TEXT,
        "then": TEXT,
        "else": TEXT,
        "allOf": [TEXT],
        "anyOf": [TEXT, INTEGER],
        "oneOf": [TEXT, INTEGER],
        "not": TEXT,
        "unevaluatedItems": (False, LIST),
        "unevaluatedProperties": (TEXT, OBJECT),
        # validation
        "type": "boolean",
        "enum": ["e"],
        "const": "e",
        "multipleOf": (2, INTEGER),
        "maximum": (2, NUMBER),
        "exclusiveMaximum": (2, NUMBER),
        "minimum": (2, NUMBER),
        "exclusiveMinimum": (2, NUMBER),
        "maxLength": (2, TEXT),
        "minLength": (2, TEXT),
        "pattern": ("^p", TEXT),
        "maxItems": (2, LIST),
        "minItems": (2, LIST),
        "uniqueItems": (True, LIST),
        "maxContains": (2, LIST),
        "minContains": (2, LIST),
        "maxProperties": (2, OBJECT),
        "minProperties": (2, OBJECT),
        "required": (["r"], OBJECT),
        "dependentRequired": ({"p": ["q"]}, OBJECT),
        "format": ("date-time", TEXT),
        "contentEncoding": ("base64", {**TEXT, "contentMediaType": "image/png"}),
        "contentMediaType": ("image/png", TEXT),
        "contentSchema": (INTEGER, TEXT),
        # annotations
        "title": "t",
        "description": "d",
        "default": ("d", TEXT),
        "deprecated": True,
        "readOnly": True,
        "writeOnly": True,
        "examples": ["e"],
        # OpenAPI's own
        "nullable": (True, TEXT),
        "discriminator": {"propertyName": "p"},
        "xml": {"name": "x"},
        "externalDocs": {"url": "https://x.test"},
        "example": ("e", TEXT),
        # earlier drafts
        "dependencies": ({"p": ["q"]}, OBJECT),
        "additionalItems": (False, LIST),
        "$recursiveRef": "#",
        "$recursiveAnchor": True,
    },
}
# They only name something: they are read where something refers to them (tests/apis/test_references.py).
NAMES = {"$id", "$anchor", "$dynamicAnchor", "$defs", "definitions"}
# Read by whoever prepares requests, and walked by their own tests.
ELSEWHERE = {("parameter", "allowEmptyValue"), ("parameter", "allowReserved"), ("encoding", "headers")}


def document() -> dict[str, Any]:
    """One of each object, without what is optional."""
    media = {"schema": {**OBJECT, "properties": {"a": {}, "b": TEXT}}}
    return {
        "openapi": "3.2.0",
        "info": {"title": "t", "version": "1"},
        "paths": {
            "/a": {
                "post": {
                    "parameters": [{"name": "q", "in": "query", "schema": {}}],
                    "requestBody": {"content": {"multipart/form-data": media}},
                    "responses": copy.deepcopy(ANSWER),
                }
            }
        },
        "components": {
            "schemas": {"S": {**TEXT, "$dynamicAnchor": "dynamic"}},
            "pathItems": {"more": {"put": {"operationId": "more"}}},
            "securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        },
    }


def place_of(root: dict[str, Any], kind: str) -> dict[str, Any]:
    item = root["paths"]["/a"]
    operation = item["post"]
    media = operation["requestBody"]["content"]["multipart/form-data"]
    if kind == "encoding":
        media["encoding"] = {"b": {}}
    places: dict[str, Any] = {
        "document": root,
        "path item": item,
        "operation": operation,
        "parameter": operation["parameters"][0],
        "request body": operation["requestBody"],
        "media type": media,
        "encoding": media.get("encoding", {}).get("b"),
        "response": operation["responses"]["200"],
        "security scheme": root["components"]["securitySchemes"]["k"],
        "schema": media["schema"]["properties"]["a"],
    }
    found: dict[str, Any] = places[kind]
    return found


def compiled(kind: str, members: dict[str, Any]) -> Catalog:
    root = document()
    place = place_of(root, kind)
    place.update(members)
    for name in [name for name, value in place.items() if value is None]:
        del place[name]
    return compile(root, "api")


def said(catalog: Catalog) -> bytes:
    """All of a catalog but its warnings."""
    facts = msgspec.structs.replace(catalog.facts, warnings=())
    return catalog.with_facts(facts).dump()


CASES = [(kind, key, value) for kind, keys in KEYWORDS.items() for key, value in keys.items()]


@pytest.mark.parametrize(("kind", "key", "value"), CASES, ids=[f"{kind}-{key}" for kind, key, _ in CASES])
def test_a_keyword_is_read_or_named(kind: str, key: str, value: Any) -> None:
    """What changes nothing in the catalog is named in a warning, unless it is only for people."""
    value, beside = value if isinstance(value, tuple) else (value, {})
    without, given = compiled(kind, beside), compiled(kind, {**beside, key: value})
    new = [each for each in given.warnings if each not in without.warnings]
    if key in UNREAD.get(kind, {}):
        assert any(repr(key) in each for each in new)
    elif key in ANNOTATIONS.get(kind, ()):
        assert said(given) == said(without)
        assert new == []
    elif key != "$self":  # says where references lead
        assert said(given) != said(without)


def test_the_tables_name_no_keyword_that_is_not_walked() -> None:
    """What stands in them is a keyword of that object."""
    for table in (UNREAD, ANNOTATIONS):
        for kind, keys in table.items():
            assert set(keys) <= set(KEYWORDS[kind]), kind


def test_a_keyword_is_named_once_with_its_number() -> None:
    """However often it stands in a document."""
    names = {name: {"not": {"type": "integer"}} for name in "abc"}
    catalog = compiled("schema", {"type": "object", "properties": names})
    named = [each for each in catalog.warnings if "'not'" in each]
    assert len(named) == 1
    assert "3 in the document" in named[0]
