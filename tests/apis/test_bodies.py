"""Bodies by the rules of OpenAPI 3.0.4 and 3.1.1, "Encoding Object": what a document says is what is sent."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from host.errors import InvalidCall
from tests.apis.requests_of import content_type, document_of, parts_of, sent

TEXT = {"type": "string"}
FILE = {"type": "string", "format": "binary"}
PAIR = {"type": "object", "properties": {"a": TEXT, "b": {"type": "integer"}}}
LIST = {"type": "array", "items": TEXT}
PAIRS = {"type": "array", "items": PAIR}
FORM = "application/x-www-form-urlencoded"
FORM_DATA = "multipart/form-data"


def body(kind: str, schema: dict[str, Any], encoding: dict[str, Any] | None = None) -> dict[str, Any]:
    """The content of a request body whose one member is ``m``."""
    media: dict[str, Any] = {"schema": {"type": "object", "properties": {"m": schema}}}
    return {kind: media | ({"encoding": {"m": encoding}} if encoding else {})}


PARTS: list[tuple[dict[str, Any], dict[str, Any] | None, Any, list[tuple[str, str, str | None]]]] = [
    (TEXT, None, "a b", [("m", "a b", None)]),
    ({"type": "integer"}, None, 5, [("m", "5", None)]),
    ({"type": "boolean"}, None, True, [("m", "true", None)]),
    (LIST, None, ["a", "b"], [("m", "a", None), ("m", "b", None)]),
    (LIST, None, [], []),
    (PAIR, None, {"a": "x", "b": 1}, [("m", '{"a":"x","b":1}', "application/json")]),
    (PAIRS, None, [{"a": "x"}, {"a": "y"}], [("m", '[{"a":"x"},{"a":"y"}]', "application/json")]),
    ({}, None, {"any": [1]}, [("m", '{"any":[1]}', "application/json")]),
    (LIST, {"contentType": "application/json"}, ["a", "b"], [("m", '["a","b"]', "application/json")]),
    (LIST, {"contentType": "application/json"}, [], [("m", "[]", "application/json")]),
    (TEXT, {"contentType": "application/json"}, "a", [("m", '"a"', "application/json")]),
    (PAIR, {"contentType": "application/vnd.x+json"}, {"a": "x"}, [("m", '{"a":"x"}', "application/vnd.x+json")]),
    (
        PAIR,
        {"contentType": "application/json; charset=utf-8"},
        {"a": "é"},
        [("m", '{"a":"Ã©"}', "application/json; charset=utf-8")],
    ),
    (TEXT, {"contentType": "text/plain; charset=utf-8"}, "a", [("m", "a", "text/plain; charset=utf-8")]),
    (TEXT, {"contentType": "application/xml"}, "<a/>", [("m", "<a/>", "application/xml")]),
    (LIST, {"contentType": "text/csv"}, ["a", "b"], [("m", "a", "text/csv"), ("m", "b", "text/csv")]),
    (PAIR, {"style": "deepObject", "explode": True}, {"a": "x", "b": 1}, [("m[a]", "x", None), ("m[b]", "1", None)]),
    (PAIR, {"style": "form"}, {"a": "x&y", "b": 1}, [("a", "x&y", None), ("b", "1", None)]),
    (PAIR, {"style": "form", "explode": False}, {"a": "x", "b": 1}, [("m", "a,x,b,1", None)]),
    (LIST, {"style": "form"}, ["a b", "c"], [("m", "a b", None), ("m", "c", None)]),
    (LIST, {"style": "pipeDelimited"}, ["a", "b"], [("m", "a|b", None)]),
    (LIST, {"style": "spaceDelimited"}, ["a", "b"], [("m", "a b", None)]),
    (LIST, {"explode": False}, ["a", "b"], [("m", "a,b", None)]),
]


@pytest.mark.parametrize(("schema", "encoding", "value", "parts"), PARTS)
def test_a_part_is_what_its_encoding_says(
    schema: dict[str, Any],
    encoding: dict[str, Any] | None,
    value: Any,
    parts: list[tuple[str, str, str | None]],
) -> None:
    """Tables and lists of them are JSON, other lists a part per item; a content type or a style says otherwise."""
    catalog = document_of(body(FORM_DATA, schema, encoding))
    found = parts_of(sent(catalog, {"m": value})) if parts else []
    assert [(part.name, part.content, part.kind) for part in found] == parts
    if not parts:
        assert b"name=" not in sent(catalog, {"m": value}).content


FORMS: list[tuple[dict[str, Any], dict[str, Any] | None, Any, list[tuple[str, str]]]] = [
    (TEXT, None, "a&b=é", [("m", "a&b=é")]),
    (LIST, None, ["a", "b c"], [("m", "a"), ("m", "b c")]),
    (LIST, None, [], []),
    (PAIR, None, {"a": "x", "b": 1}, [("m", '{"a":"x","b":1}')]),
    (PAIRS, None, [{"a": "x"}], [("m", '[{"a":"x"}]')]),
    (PAIRS, {"contentType": "application/json"}, [{"a": "x"}], [("m", '[{"a":"x"}]')]),
    (LIST, {"contentType": "application/json"}, ["a"], [("m", '["a"]')]),
    (TEXT, {"contentType": "application/json"}, "a", [("m", '"a"')]),
    (TEXT, {"contentType": "text/plain"}, "a", [("m", "a")]),
    (PAIR, {"style": "deepObject", "explode": True}, {"a": "x", "b": 1}, [("m[a]", "x"), ("m[b]", "1")]),
    (PAIR, {"style": "deepObject", "contentType": "application/json"}, {"a": "x"}, [("m[a]", "x")]),
    (PAIR, {"style": "form"}, {"a": "x", "b": 1}, [("a", "x"), ("b", "1")]),
    (PAIR, {"explode": False}, {"a": "x", "b": 1}, [("m", "a,x,b,1")]),
    (LIST, {"style": "form", "explode": True}, ["a", "b"], [("m", "a"), ("m", "b")]),
    (LIST, {"style": "form", "explode": False}, ["a", "b"], [("m", "a,b")]),
    (LIST, {"style": "spaceDelimited"}, ["a", "b"], [("m", "a b")]),
    (LIST, {"style": "pipeDelimited"}, ["a", "b"], [("m", "a|b")]),
    (LIST, {"style": "pipeDelimited", "explode": True}, ["a", "b"], [("m", "a"), ("m", "b")]),
    (TEXT, {"allowReserved": True}, "a/b?c=d&e", [("m", "a/b?c=d&e")]),
]


@pytest.mark.parametrize(("schema", "encoding", "value", "pairs"), FORMS)
def test_a_form_member_is_what_its_encoding_says(
    schema: dict[str, Any], encoding: dict[str, Any] | None, value: Any, pairs: list[tuple[str, str]]
) -> None:
    """By style, explode and allowReserved where one is there, else by content type: JSON for tables."""
    request = sent(document_of(body(FORM, schema, encoding)), {"m": value})
    assert parse_qsl(request.content.decode(), keep_blank_values=True, strict_parsing=bool(pairs)) == pairs
    assert content_type(request) == FORM


def test_the_examples_of_the_specification() -> None:
    """OpenAPI 3.1.1, "URL Encoded Form with JSON Values": the table compact, its signs percent-encoded."""
    schema = {"type": "object", "properties": {"id": {**TEXT, "format": "uuid"}, "address": {"type": "object"}}}
    address = {"streetAddress": "123 Example Dr.", "city": "Somewhere", "state": "CA", "zip": "99999+1234"}
    id = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
    request = sent(document_of({FORM: {"schema": schema}}), {"address": address, "id": id})
    pairs = dict(parse_qsl(request.content.decode(), strict_parsing=True))
    assert list(pairs) == ["id", "address"]
    assert pairs["id"] == id
    assert json.loads(pairs["address"]) == address
    assert b"%2B1234" in request.content
    assert b"123+Example" in request.content


def test_reserved_characters_stay_where_the_document_lets_them() -> None:
    """As RFC 6570's reserved expansion has it, less what would end the member."""
    request = sent(document_of(body(FORM, TEXT, {"allowReserved": True})), {"m": "a/b?c=d,e%2F+&#[]é 50%"})
    assert request.content == b"m=a/b?c=d,e%2F%2B%26%23%5B%5D%C3%A9%2050%25"


MEMBERS = ("attributes", "title", "folder", "owner", "colour", "size", "zeta", "file")


@pytest.mark.parametrize("kind", [FORM_DATA, FORM])
def test_members_go_in_the_documents_order(kind: str) -> None:
    """Whatever order a table has them in; those the document does not name come last, in their own."""
    schema = {"type": "object", "properties": dict.fromkeys(MEMBERS, TEXT), "additionalProperties": TEXT}
    catalog = document_of({kind: {"schema": schema}})
    values = {name: name[0] for name in (*MEMBERS, "b", "a")}
    bodies = {sent(catalog, dict(given)).content for given in (values.items(), reversed(values.items()))}
    assert len(bodies) == 1
    (content,) = bodies
    places = [content.index(f"{name}=" if kind == FORM else f'"{name}"'.encode()) if kind != FORM else
              f"&{content.decode()}".index(f"&{name}=") for name in (*MEMBERS, "a", "b")]  # fmt: skip
    assert places == sorted(places)


def test_headers_of_a_part_are_fixed_by_the_document_or_given_with_the_file() -> None:
    """A header with one value or a default goes as it is; others are named in the file's table, or missing."""
    headers = {
        "X-Kind": {"schema": {"type": "string", "enum": ["scan"]}},
        "X-Limit": {"schema": {"type": "integer", "default": 5}},
        "X-Digest": {"required": True, "schema": TEXT},
        "Content-Type": {"schema": {"enum": ["ignored"]}},
    }
    catalog = document_of(body(FORM_DATA, FILE, {"contentType": "image/png", "headers": headers}))
    (part,) = parts_of(sent(catalog, {"m": {"content": "x", "headers": {"x-digest": "d1", "X-Limit": 7}}}))
    assert part.headers == {"X-Kind": "scan", "X-Limit": "7", "X-Digest": "d1"}
    assert part.kind == "image/png"
    with pytest.raises(InvalidCall, match=r"m.headers: its header X-Digest is missing"):
        sent(catalog, {"m": "x"})
    with pytest.raises(InvalidCall, match=r"m.headers.X-Other: there is no such header; expected one of X-Kind"):
        sent(catalog, {"m": {"content": "x", "headers": {"X-Other": "1"}}})
    with pytest.raises(InvalidCall, match="control characters"):
        sent(catalog, {"m": {"content": "x", "headers": {"X-Digest": "a\r\nEvil: 1"}}})


def test_files_are_guessed_from_their_names_and_held_to_what_the_document_takes() -> None:
    """The type a call gives, else the name's, else the document's first; none that is not offered."""
    offered = document_of(body(FORM_DATA, FILE, {"contentType": "image/png, image/jpeg"}))
    free = document_of(body(FORM_DATA, FILE))

    def kind(catalog: Any, file: Any) -> str | None:
        return parts_of(sent(catalog, {"m": file}))[0].kind

    assert kind(offered, {"content": "x", "name": "a.jpg"}) == "image/jpeg"
    assert kind(offered, {"content": "x", "name": "a.txt"}) == "image/png"
    assert kind(offered, {"content": "x", "name": "a.txt", "type": "image/jpeg"}) == "image/jpeg"
    assert kind(offered, "x") == "image/png"
    assert kind(free, {"content": "x", "name": "a.CSV"}) == "text/csv"
    assert kind(free, {"content": "x", "name": "data"}) == "application/octet-stream"
    with pytest.raises(
        InvalidCall, match=r'm.type: expected a file of the type image/png or image/jpeg, got "text/csv"'
    ):
        sent(offered, {"m": {"content": "x", "type": "text/csv"}})
    with pytest.raises(InvalidCall, match="expected a media type"):
        sent(free, {"m": {"content": "x", "type": "text/csv\r\nEvil: 1"}})


def test_several_files_are_a_part_each() -> None:
    """By one name (RFC 7578, 4.3); also where the document gives them no type, and one alone."""
    for schema in ({"type": "array", "items": FILE}, {"type": "array", "items": {}}, {"anyOf": [FILE, LIST]}):
        catalog = document_of(body(FORM_DATA, schema))
        parts = parts_of(sent(catalog, {"m": [{"content": "1", "name": "a.png"}, {"content": "2", "name": "b.pdf"}]}))
        assert [(part.name, part.content, part.file, part.kind) for part in parts] == [
            ("m", "1", "a.png", "image/png"),
            ("m", "2", "b.pdf", "application/pdf"),
        ]
        (part,) = parts_of(sent(catalog, {"m": {"content": "1", "name": "a.png"}}))
        assert part.file == "a.png"
    catalog = document_of(body(FORM_DATA, {"type": "array", "items": FILE}))
    with pytest.raises(InvalidCall, match=r"m\[2\]: expected either the content of a file or its path"):
        sent(catalog, {"m": [{"content": "1"}, {"name": "a.png"}]})


def test_a_table_with_members_called_content_and_name_is_a_table() -> None:
    """What the document describes as an object is one, whatever its members are called."""
    schema = {"type": "object", "properties": {"content": TEXT, "name": TEXT}}
    (part,) = parts_of(sent(document_of(body(FORM_DATA, schema)), {"m": {"content": "x", "name": "y"}}))
    assert (part.content, part.kind, part.file) == ('{"content":"x","name":"y"}', "application/json", None)


def test_paths_of_files_are_read_wherever_a_file_is_taken() -> None:
    """In a part, in a list of them, and as the whole body; only by whoever may read."""
    read = {"/up/a.png": b"\x89PNG", "/up/b.csv": b"1,2"}
    parts = document_of(body(FORM_DATA, {"type": "array", "items": FILE}))
    found = parts_of(
        sent(parts, {"m": [{"path": "/up/a.png"}, {"path": "/up/b.csv", "name": "c.txt"}]}, read.__getitem__)
    )
    assert [(part.file, part.kind) for part in found] == [("a.png", "image/png"), ("c.txt", "text/plain")]
    for kind, path, is_sent in (("image/*", "/up/a.png", "image/png"), ("text/csv", "/up/b.csv", "text/csv")):
        request = sent(document_of({kind: {}}), {"body": {"path": path}}, read.__getitem__)
        assert (request.content, content_type(request)) == (read[path], is_sent)
    with pytest.raises(InvalidCall, match=r"m\[1\].path: a file is given by its content here"):
        sent(parts, {"m": [{"path": "/up/a.png"}]})


def test_other_multipart_types_keep_their_parameters() -> None:
    """The boundary is the host's; parts of multipart/related have no names (RFC 2387)."""
    kind = 'multipart/related; type="application/json"; boundary=mine'
    request = sent(document_of(body(kind, PAIR)), {"m": {"a": "x"}})
    assert (content_type(request) or "").startswith('multipart/related; type="application/json"; boundary=')
    assert "mine" not in (content_type(request) or "")
    (part,) = parts_of(request)
    assert (part.name, part.content, part.kind) == (None, '{"a":"x"}', "application/json")


def test_a_table_as_the_whole_body_is_written_by_the_same_rules() -> None:
    """Where the document names no members: a form, and parts."""
    anything = {"type": "object", "additionalProperties": True}
    form = sent(document_of({FORM: {"schema": anything}}), {"body": {"b": [1, 2], "a": {"x": 1}}})
    assert parse_qsl(form.content.decode()) == [("a", '{"x":1}'), ("b", "1"), ("b", "2")]
    parts = parts_of(
        sent(document_of({FORM_DATA: {"schema": anything}}), {"body": {"a": {"content": "x", "name": "f"}}})
    )
    assert [(part.name, part.content, part.file) for part in parts] == [("a", "x", "f")]


def test_lines_of_json_are_written_from_values_or_taken_as_they_are() -> None:
    """A list is a line each (ndjson), with a record separator where the type has one (RFC 7464)."""
    catalog = document_of({"application/x-ndjson": {}})
    assert sent(catalog, {"body": [{"b": 1, "a": 2}, {}]}).content == b'{"a":2,"b":1}\n{}\n'
    assert sent(catalog, {"body": '{"a": 1}\n'}).content == b'{"a": 1}\n'
    assert sent(catalog, {"body": {"a": 1}}).content == b'{"a":1}\n'
    assert sent(document_of({"application/json-seq": {}}), {"body": [1]}).content == b"\x1e1\n"


def test_an_optional_body_is_not_sent_where_nothing_is_given() -> None:
    """Of a DELETE no ``{}``, which many servers refuse, and of a whole body no content type without it."""
    from tests.apis.documents import small

    content = {"application/json": {"schema": {"type": "object", "properties": {"force": {"type": "boolean"}}}}}
    catalog = small({"/x": {"delete": {"operationId": "send", "requestBody": {"content": content}}}})
    whole = {"required": False, "content": {"application/json": {"schema": {"type": "array", "items": TEXT}}}}
    optional = small({"/x": {"post": {"operationId": "send", "requestBody": whole}}})
    assert content_type(sent(optional, {})) is None
    assert content_type(sent(optional, {"body": ["a"]})) == "application/json"
    bare, full = sent(catalog, {}), sent(catalog, {"force": True})
    assert (bare.content, content_type(bare)) == (b"", None)
    assert (full.content, content_type(full)) == (b'{"force":true}', "application/json")
