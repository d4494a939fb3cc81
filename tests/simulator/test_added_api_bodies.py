"""What the host sends to an added API its simulator reads back, whatever the body is written as."""

from __future__ import annotations

from typing import Any

import pytest

from host import Host

TEXT = {"type": "string"}
MEMBERS: dict[str, Any] = {
    "name": TEXT,
    "count": {"type": "integer"},
    "tags": {"type": "array", "items": TEXT},
    "numbers": {"type": "array", "items": {"type": "integer"}},
    "meta": {"type": "object", "additionalProperties": TEXT},
    "rows": {"type": "array", "items": {"type": "object", "properties": {"a": TEXT}}},
}
CODE = """local made = x.things.create{name = "n & m", count = 5, tags = {"a", "[b]"}, numbers = {1, 2},
    meta = {k = "v"}, rows = {{a = "1"}}}
local found = x.things.retrieve(made.id)
return {found.name, found.count, found.tags, found.numbers, found.meta, found.rows}"""
READ_BACK = ["n & m", 5, ["a", "[b]"], [1, 2], {"k": "v"}, [{"a": "1"}]]
ENCODINGS: dict[str, dict[str, Any]] = {
    "none": {},
    "json": {name: {"contentType": "application/json"} for name in MEMBERS},
    "style": {"tags": {"style": "form"}, "numbers": {"style": "pipeDelimited"}, "meta": {"style": "deepObject"}},
}


def things(content: dict[str, Any]) -> dict[str, Any]:
    """A document with a create of this body, and a retrieve."""
    answer = {
        "200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/T"}}}}
    }
    id = {"name": "id", "in": "path", "required": True, "schema": TEXT}
    create = {"operationId": "things.create", "requestBody": {"content": content}, "responses": answer}
    retrieve = {"operationId": "things.retrieve", "parameters": [id], "responses": answer}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "servers": [{"url": "https://things.test"}],
        "paths": {"/things": {"post": create}, "/things/{id}": {"get": retrieve}},
        "components": {"schemas": {"T": {"type": "object", "properties": {"id": TEXT, **MEMBERS}}}},
    }


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "kind", ["application/json", "text/json", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_a_body_reads_back_from_the_simulator(kind: str, encoding: str) -> None:
    """JSON, forms and parts, by each of the encodings that a document may have for its members."""
    media = {"schema": {"type": "object", "properties": MEMBERS}, "encoding": ENCODINGS[encoding]}
    with Host(simulate=True) as host:
        host.add_api("x", things({kind: media}))
        assert host.run_source(CODE).raise_for_error().value == READ_BACK


def test_a_file_beside_json_reaches_the_simulator() -> None:
    """Where an operation takes JSON or multipart, each call goes as what it gives."""
    file = {"type": "string", "format": "binary"}
    content = {
        "application/json": {"schema": {"type": "object", "properties": MEMBERS}},
        "multipart/form-data": {"schema": {"type": "object", "properties": {"name": TEXT, "file": file}}},
    }
    with Host(simulate=True) as host:
        host.add_api("x", things(content))
        assert host.run_source(CODE).raise_for_error().value == READ_BACK
        code = 'return x.things.retrieve(x.things.create{name = "n", file = {content = "z", name = "a.png"}}.id).name'
        assert host.run_source(code).raise_for_error().value == "n"


def test_an_answer_that_is_a_file_is_refused_and_no_json_in_its_place() -> None:
    """The simulator has no file to give: nothing is made, and nothing is written where a script wants it."""
    document = things({"application/json": {"schema": {"type": "object", "properties": MEMBERS}}})
    picture = {"200": {"description": "", "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}}
    id = {"name": "id", "in": "path", "required": True, "schema": TEXT}
    document["paths"]["/things/{id}/picture"] = {
        "get": {"operationId": "things.picture", "parameters": [id], "responses": picture}
    }
    with Host(simulate=True) as host:
        host.add_api("x", document)
        error = host.run_source('x.things.picture(x.things.create{name = "n"}.id)').error
    assert error is not None
    assert (error.status, "a file as the answer" in error.message) == (501, True)
