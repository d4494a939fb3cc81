"""Schemas: parts of an allOf, alternatives, defaults."""

from __future__ import annotations

import json
from typing import Any

import pytest

from host.apis.catalog import Catalog, Operation
from host.apis.prepare import prepare
from host.errors import InvalidCall
from tests.apis.documents import small, takes


def of(catalog: Catalog, id: str) -> Operation:
    operation = catalog.operation(id)
    assert operation is not None
    return operation


@pytest.mark.parametrize(
    ("parts", "is_open"),
    [
        ([{"type": "object", "additionalProperties": True}], True),
        ([{"type": "object", "additionalProperties": {}}], True),
        ([{"type": "object", "properties": {"b": {}}, "additionalProperties": True}], True),
        ([{"allOf": [{"additionalProperties": True}]}], True),
        ([{"unevaluatedProperties": True}], True),
        ([{"type": "object"}], False),
        ([{"type": "object", "additionalProperties": False}], False),
        ([{"properties": {"b": {}}}], False),
    ],
)
def test_an_open_part_of_allof_leaves_it_open(parts: list[dict[str, Any]], is_open: bool) -> None:
    """Members that no part names are sent where one says that there are others, as a body and as a member."""
    schema = {"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, *parts]}
    catalog = small(
        {"/a": {"post": {"operationId": "a", "requestBody": takes({"properties": {"m": schema, "n": {}}})}}}
    )
    for members in ({"a": "x"}, {"a": "x", "other": 1}):
        if "other" in members and not is_open:
            with pytest.raises(InvalidCall, match="other"):
                prepare(catalog, of(catalog, "a"), {"m": members}, base_url="https://small.test")
        else:
            sent = prepare(catalog, of(catalog, "a"), {"m": members}, base_url="https://small.test")
            assert json.loads(sent.content) == {"m": members}
    whole = small({"/a": {"post": {"operationId": "a", "requestBody": takes(schema)}}})
    assert (of(whole, "a").extra is not None) is is_open


def test_parts_of_allof_keep_their_limits() -> None:
    """A part with nothing but a limit is not passed over; of two limits the tighter one holds."""
    schema = {"allOf": [{"$ref": "#/components/schemas/N"}, {"minimum": 5}, {"minimum": 3, "maximum": 9}]}
    post = {"operationId": "a", "requestBody": takes({"properties": {"n": schema}})}
    catalog = small({"/a": {"post": post}}, components={"schemas": {"N": {"type": "integer", "maximum": 7}}})
    for good, n in ((False, 4), (True, 5), (True, 7), (False, 8)):
        try:
            prepare(catalog, of(catalog, "a"), {"n": n}, base_url="https://small.test")
        except InvalidCall:
            assert not good
        else:
            assert good


def test_an_integer_of_several_parts_has_the_bounds_of_all() -> None:
    """A number beside an integer is an integer; exclusive bounds without a type hold for it."""
    parts = [{"type": "number", "minimum": 1}, {"type": "integer"}, {"exclusiveMinimum": 2, "exclusiveMaximum": 4.5}]
    post = {"operationId": "a", "requestBody": takes({"properties": {"n": {"allOf": parts}}})}
    shape = of(small({"/a": {"post": post}}), "a").params["n"].schema
    assert (shape.type, shape.minimum, shape.maximum, shape.above, shape.below) == ("integer", 3, 4, None, None)


def test_what_has_a_default_may_be_left_out() -> None:
    """Required with a default: of a parameter, a member of the body and one deeper in it, also by reference."""
    mode = {"type": "string", "default": "fast"}
    inner = {
        "type": "object",
        "required": ["mode", "x"],
        "properties": {"mode": {"$ref": "#/components/schemas/M"}, "x": {}},
    }
    body = {"type": "object", "required": ["mode", "inner"], "properties": {"mode": mode, "inner": inner}}
    query = {"name": "q", "in": "query", "required": True, "schema": {"$ref": "#/components/schemas/M"}}
    paths = {"/a": {"post": {"operationId": "a", "parameters": [query], "requestBody": takes(body)}}}
    catalog = small(paths, components={"schemas": {"M": mode}})
    sent = prepare(catalog, of(catalog, "a"), {"inner": {"x": 1}}, base_url="https://small.test")
    assert (sent.url, json.loads(sent.content)) == ("https://small.test/a", {"inner": {"x": 1}})
    with pytest.raises(InvalidCall, match="x is missing"):
        prepare(catalog, of(catalog, "a"), {"inner": {}}, base_url="https://small.test")


def test_alternatives_of_another_type_than_the_schema_itself_are_taken() -> None:
    """OpenAI's chunking_strategy is an object, it says, and one of its alternatives a text."""
    schema = {"type": "object", "oneOf": [{"type": "string", "enum": ["auto"]}, {"properties": {"a": {}}}]}
    catalog = small({"/a": {"post": {"operationId": "a", "requestBody": takes({"properties": {"s": schema}})}}})
    sent = prepare(catalog, of(catalog, "a"), {"s": "auto"}, base_url="https://small.test")
    assert json.loads(sent.content) == {"s": "auto"}
