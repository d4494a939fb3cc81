"""Any schema and any value: what is sent reads back as what was given, by libraries that know nothing of the host.

uritemplate is an implementation of RFC 6570, by which OpenAPI defines its styles; openapi-core reads requests by their
documents; werkzeug reads forms as servers do.
"""

from __future__ import annotations

import io
import json
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.apis.openapi import compile
from host.apis.prepare import prepare
from host.apis.validation_error import number_text
from host.http.message import Request
from tests.apis.requests_of import BASE

core = pytest.importorskip("openapi_core", reason="of the extra dev")
uritemplate = pytest.importorskip("uritemplate", reason="of the extra dev")
from openapi_core.datatypes import RequestParameters  # noqa: E402 behind the test for it
from werkzeug.datastructures import Headers, ImmutableMultiDict  # noqa: E402
from werkzeug.formparser import parse_form_data  # noqa: E402

SCHEMAS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "list": {"type": "array", "items": {"type": "string"}},
    "integers": {"type": "array", "items": {"type": "integer"}},
    "table": {"type": "object", "additionalProperties": {"type": "string"}},
    "tables": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "integer"}}},
    "nested": {"type": "object", "additionalProperties": True},
}
letters = st.characters(exclude_categories=["Cs", "Cc"])
texts = st.text(letters, min_size=1, max_size=8)
words = st.text("abcXYZ019-_~é €/?&=+%#;,[]", min_size=1, max_size=8)
names = st.text("abcdefgh", min_size=1, max_size=4)
integers = st.integers(-(2**53), 2**53)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": words | texts,
    "integer": integers,
    "number": st.floats(-1e9, 1e9, allow_nan=False) | integers,
    "boolean": st.booleans(),
    "list": st.lists(words, min_size=1, max_size=3),
    "integers": st.lists(integers, min_size=1, max_size=3),
    "table": st.dictionaries(names, words, min_size=1, max_size=3),
    "tables": st.lists(st.dictionaries(names, integers, min_size=1, max_size=2), min_size=1, max_size=2),
    "nested": st.dictionaries(names, st.lists(words | integers | st.booleans(), max_size=2), min_size=1, max_size=2),
}


class Member(NamedTuple):
    """A parameter or member of a body: what the document says of it, and a value."""

    name: str
    kind: str
    how: dict[str, Any]
    value: Any


def plain(value: Any) -> Any:
    """What is left of a value as text."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, int | float) else value


def members(kinds: list[str], hows: list[dict[str, Any]]) -> st.SearchStrategy[list[Member]]:
    """One to four of them, each of some kind and written in some way."""
    kind = st.sampled_from(kinds)
    one = kind.flatmap(lambda k: st.tuples(st.just(k), st.sampled_from(hows), VALUES[k]))
    return st.lists(one, min_size=1, max_size=4).map(
        lambda found: [Member(f"p{n}", k, how, value) for n, (k, how, value) in enumerate(found)]
    )


def sent(node: dict[str, Any], values: dict[str, Any], path: str = "/x") -> tuple[dict[str, Any], Request]:
    """A document of one operation, and the request of a call of it."""
    node = {"operationId": "send", "responses": {"204": {"description": ""}}, **node}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Any", "version": "1"},
        "servers": [{"url": BASE}],
        "paths": {path: {"post": node}},
    }
    catalog = compile(document, "any_api")
    operation = catalog.operation("send")
    assert operation is not None
    return document, prepare(catalog, operation, values, base_url=BASE)


LEADS = {"simple": "", "label": ".", "matrix": ";"}


@settings(deadline=None)
@given(
    st.sampled_from(["text", "integer", "boolean", "list", "integers", "table"]),
    st.sampled_from(sorted(LEADS)),
    st.booleans(),
    st.data(),
)
def test_a_path_is_the_expansion_of_its_uri_template(kind: str, style: str, explode: bool, data: st.DataObject) -> None:
    """To the byte, in each style: ``{p}``, ``{.p}``, ``{;p*}`` of RFC 6570."""
    value = data.draw(VALUES[kind].filter(lambda each: each not in (".", "..")))
    how = {"style": style, "explode": explode, "schema": SCHEMAS[kind]}
    param = {"name": "p", "in": "path", "required": True, **how}
    _, request = sent({"parameters": [param]}, {"p": value}, "/x/{p}")
    flat = dict(sorted(plain(value).items())) if isinstance(value, dict) else plain(value)
    template = f"{{{LEADS[style]}p{'*' if explode else ''}}}"
    assert request.url == f"{BASE}/x/{uritemplate.expand(template, p=flat)}"


class _Seen:
    """A request as openapi-core wants it."""

    def __init__(self, request: Request) -> None:
        parts = urlsplit(request.url)
        cookies = [pair.split("=", 1) for n, value in request.headers if n == "Cookie" for pair in value.split("; ")]
        self.host_url, self.path, self.method = BASE, parts.path, request.method.lower()
        self.full_url_pattern = f"{BASE}{parts.path}"
        self.content_type = dict(request.headers).get("Content-Type", "")
        self.body = request.content
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))),
            header=Headers(list(request.headers)),
            cookie=ImmutableMultiDict([(name, value) for name, value in cookies]),
        )


QUERY = {
    "text": [{}, {"style": "form"}],
    "integer": [{}],
    "boolean": [{}],
    "list": [{}, {"explode": False}, {"style": "pipeDelimited", "explode": False}],
    "integers": [{}, {"explode": False}, {"style": "pipeDelimited", "explode": False}],
    "table": [{"style": "deepObject", "explode": True}],
}
safe = st.text("abcXYZ019-_~é €/?&=+%#;[]", min_size=1, max_size=8)  # nothing that separates items


@st.composite
def query_members(draw: st.DrawFn) -> list[Member]:
    """Parameters in the styles that openapi-core reads."""
    found = []
    for n in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(sorted(QUERY)))
        value = draw({"list": st.lists(safe, min_size=1, max_size=3)}.get(kind, VALUES[kind]))
        found.append(Member(f"p{n}", kind, draw(st.sampled_from(QUERY[kind])), value))
    return found


@settings(max_examples=60, deadline=None)
@given(query_members(), st.lists(st.sampled_from([7, -1, 2**40]), min_size=1, max_size=3), st.integers(0, 99))
def test_parameters_read_back_by_their_document(found: list[Member], header: list[int], cookie: int) -> None:
    """openapi-core reads query, header and cookie as what was given, with their types."""
    params: list[dict[str, Any]] = [
        {"name": each.name, "in": "query", "schema": SCHEMAS[each.kind], **each.how} for each in found
    ]
    params.append({"name": "X-List", "in": "header", "schema": SCHEMAS["integers"]})
    params.append({"name": "choice", "in": "cookie", "schema": SCHEMAS["integer"]})
    values = {each.name: each.value for each in found}
    document, request = sent({"parameters": params}, {**values, "x_list": header, "choice": cookie})
    read = core.OpenAPI.from_dict(document).unmarshal_request(_Seen(request))
    assert read.errors == []
    assert read.parameters.query == values
    assert read.parameters.header == {"X-List": header}
    assert read.parameters.cookie == {"choice": cookie}


def parsed(request: Request) -> tuple[Any, dict[str, tuple[bytes, str, str]]]:
    """A body's members and files (content, type, name) as a server sees them."""
    environ = {
        "wsgi.input": io.BytesIO(request.content),
        "CONTENT_LENGTH": str(len(request.content)),
        "CONTENT_TYPE": dict(request.headers)["Content-Type"],
        "REQUEST_METHOD": "POST",
    }
    _, form, files = parse_form_data(environ, silent=False)
    found = {name: (file.read(), file.mimetype, file.filename or "") for name, file in files.items()}
    for file in files.values():
        file.close()
    return form, found


HOWS: list[dict[str, Any]] = [
    {},
    {"contentType": "application/json"},
    {"contentType": "application/vnd.x+json; charset=utf-8"},
    {"style": "form"},
    {"style": "deepObject", "explode": True},
    {"style": "form", "allowReserved": True},
]


def read_member(form: Any, each: Member) -> Any:
    """One member's value by the rules of OpenAPI's Encoding Object, as text where it is no JSON."""
    texts_of = form.getlist(each.name)
    nested = each.kind in ("table", "tables", "nested")
    if "json" in each.how.get("contentType", "") or (not each.how and nested):
        (text,) = texts_of
        return json.loads(text)
    if each.how.get("style") == "deepObject" and each.kind in ("table", "list", "integers"):
        if each.kind == "table":
            return {name: form[f"{each.name}[{name}]"] for name in each.value}
        return [form[f"{each.name}[{n}]"] for n in range(len(each.value))]
    if each.how.get("style") == "form" and each.kind == "table":
        return {name: form.getlist(name)[0] for name in each.value}
    return texts_of if each.kind in ("list", "integers") else texts_of[0]


def expected(each: Member) -> Any:
    nested = each.kind in ("table", "tables", "nested")
    is_json = "json" in each.how.get("contentType", "") or (not each.how and nested)
    return each.value if is_json else plain(each.value)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["application/x-www-form-urlencoded", "multipart/form-data"]),
    members(["text", "integer", "number", "boolean", "list", "integers", "table"], HOWS)
    | members(list(SCHEMAS), HOWS[:3]),
    st.binary(max_size=50),
)
def test_a_body_reads_back_by_its_encodings(media_type: str, found: list[Member], content: bytes) -> None:
    """Werkzeug's parser gives members as they were given, in the document's order, and the file's bytes and type."""
    exploded = [each for each in found if each.how.get("style") == "form" and each.kind == "table"]
    if len(exploded) > 1:  # their members would share one set of names
        found = [each for each in found if each not in exploded[1:]]
    if any("%" in text for each in found if each.how.get("allowReserved") for text in _texts(each.value)):
        return  # triples that are encoded already stay as they are
    schema = {"type": "object", "properties": {each.name: SCHEMAS[each.kind] for each in found}}
    encoding = {each.name: each.how for each in found if each.how}
    values = {each.name: each.value for each in reversed(found)}
    is_multipart = media_type == "multipart/form-data"
    if is_multipart:
        schema["properties"]["file"] = {"type": "string", "format": "binary"}
        values["file"] = {"content": content, "name": "ä.png"}
    body = {"content": {media_type: {"schema": schema, "encoding": encoding}}}
    _, request = sent({"requestBody": body}, values)
    form, files = parsed(request)
    assert [read_member(form, each) for each in found] == [expected(each) for each in found]
    if is_multipart:
        assert files["file"] == (content, "image/png", "ä.png")
    order = [name.split("[")[0] for name in form if name.startswith("p")]
    assert order == sorted(order)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    return [text for each in value for text in _texts(each)] if isinstance(value, list) else [str(value)]


json_values = st.recursive(
    st.none() | st.booleans() | integers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.dictionaries(names, json_values, max_size=4), st.sampled_from(["application/json", "application/x+json"]))
def test_json_reads_back_as_it_was_given(value: dict[str, Any], media_type: str) -> None:
    """Open members of any shape."""
    schema = {"type": "object", "properties": {"known": {}}, "additionalProperties": True}
    _, request = sent({"requestBody": {"content": {media_type: {"schema": schema}}}}, value)
    assert json.loads(request.content) == value
