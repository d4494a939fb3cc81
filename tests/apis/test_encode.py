"""Encoding: what goes on the wire reads back as what was given."""

from __future__ import annotations

import email.parser
import email.policy
import json
import string
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.apis.catalog import Catalog, Operation
from host.apis.encode import brackets, deep_pairs, flat_pairs, form_text
from host.apis.multipart import Multipart
from host.apis.prepare import prepare
from host.apis.validation_error import number_text
from host.errors import InvalidCall
from tests.apis.documents import small, takes

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text(st.sampled_from("abcdefgh_é &=+%"), min_size=1, max_size=6)
scalars = texts | st.integers(-(2**53), 2**53) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(names, inner, min_size=1, max_size=3),
    max_leaves=12,
)


def read_back(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """The nested value of bracketed names, lists as dicts of their indexes."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        steps = name.replace("]", "").split("[")
        node = root
        for step in steps[:-1]:
            node = node.setdefault(step, {})
        node[steps[-1]] = value
    return root


def as_text(value: Any) -> Any:
    """What a form can hold of a value."""
    if isinstance(value, dict):
        return {name: as_text(each) for name, each in value.items()}
    if isinstance(value, list):
        return {str(n): as_text(each) for n, each in enumerate(value)}
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, int | float) else value


@given(st.dictionaries(names, values, min_size=1, max_size=4))
def test_a_form_reads_back_as_what_was_given(body: dict[str, Any]) -> None:
    """Nested brackets, indexed lists and any text survive the wire."""
    out: list[str] = []
    for name, value in body.items():
        deep_pairs(out, form_text(name), value)
    assert read_back(parse_qsl("&".join(out), keep_blank_values=True, strict_parsing=True)) == as_text(body)


@given(st.dictionaries(st.text("aZ0_.~- &[é", max_size=4), st.text("aZ0_.~- &=é", max_size=8) | values, max_size=4))
def test_a_map_of_plain_texts_is_written_as_any_other(body: dict[str, Any]) -> None:
    """The short way for metadata writes what the long one does, or leaves it to that."""
    deep: list[str] = []
    deep_pairs(deep, "metadata", body)
    flat: list[str] = []
    taken = flat_pairs(flat, "metadata[", body)
    assert flat == (deep if taken else [])
    as_they_are = set(string.ascii_letters + string.digits + "_.~ -")
    assert taken == all(type(each) is str and set(name + each) <= as_they_are for name, each in body.items())


@given(st.dictionaries(names, values, min_size=1, max_size=4))
def test_multipart_fields_have_the_names_of_a_form(body: dict[str, Any]) -> None:
    """Both ways to flatten a value agree."""
    out: list[str] = []
    for name, value in body.items():
        deep_pairs(out, form_text(name), value)
    flat = [pair for name, value in body.items() for pair in brackets(name, value)]
    assert [unquote_plus(text.split("=")[0]) for text in out] == [name for name, _ in flat]


@given(texts.filter(lambda text: text not in ("", ".", "..")))
def test_a_path_argument_stays_one_segment(stripe_id: str) -> None:
    """Whatever an id holds (slashes, line ends, NUL, percent signs), it cannot change the path's shape."""
    catalog = small({"/pets/{id}/toys": {"get": {"operationId": "pets.toys"}}})
    operation = catalog.operation("pets.toys")
    assert operation is not None
    url = prepare(catalog, operation, {"id": stripe_id}, base_url="https://small.test").url
    segments = urlsplit(url).path.split("/")
    assert [segments[0], segments[1], segments[3]] == ["", "pets", "toys"]
    assert unquote(segments[2]) == stripe_id
    assert url.isascii()
    assert not any(c in url for c in "\r\n\0 ?#")


@pytest.mark.parametrize(
    ("number", "text"),
    [(5, "5"), (5.0, "5"), (0.1, "0.1"), (1e-7, "0.0000001"), (1e15, "1000000000000000"), (-0.5, "-0.5")],
)
def test_numbers_have_their_shortest_digits(number: float, text: str) -> None:
    """No exponent, no trailing zero, and no digit more than reads back the same."""
    assert number_text(number) == text
    assert float(text) == number


def operation_of(catalog: Catalog, id: str) -> Operation:
    operation = catalog.operation(id)
    assert operation is not None
    return operation


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ({"name": "x"}, "name=x"),
        ({"name": "A b&c=é"}, "name=A+b%26c%3D%C3%A9"),
        ({"name": "x", "metadata": {"k": "v", "a b": 5}}, "name=x&metadata[a+b]=5&metadata[k]=v"),
        ({"name": "x", "images": ["u1", "u2"]}, "name=x&images[0]=u1&images[1]=u2"),
        ({"name": "x", "images": []}, "name=x&images="),
        ({"name": "x", "images": {}}, "name=x&images="),
        ({"name": "x", "metadata": {}}, "name=x"),
        ({"name": "x", "metadata": []}, "name=x"),
        ({"name": "x", "active": False}, "name=x&active=false"),
        ({"name": "x", "description": None}, "name=x&description="),
        ({"name": "x", "description": "a\r\n\0b"}, "name=x&description=a%0D%0A%00b"),
        (
            {"name": "x", "default_price_data": {"currency": "usd", "unit_amount": 2999.0}},
            "name=x&default_price_data[currency]=usd&default_price_data[unit_amount]=2999",
        ),
        (
            {"name": "x", "marketing_features": [{"name": "a"}, {"name": "b"}]},
            "name=x&marketing_features[0][name]=a&marketing_features[1][name]=b",
        ),
    ],
)
def test_stripe_form_bodies(stripe: Catalog, arguments: dict[str, Any], body: str) -> None:
    """Bodies are Stripe's own form, to the byte."""
    request = prepare(stripe, operation_of(stripe, "products.create"), arguments, base_url=stripe.base_url)
    assert request.content.decode() == body
    assert dict(request.headers)["Content-Type"] == "application/x-www-form-urlencoded"


def test_reads_and_deletes_have_their_parameters_in_the_query(stripe: Catalog) -> None:
    """GET and DELETE have no body."""
    request = prepare(
        stripe,
        operation_of(stripe, "products.list"),
        {"limit": 3, "created": {"gte": 5}, "expand": ["data.default_price"], "active": True},
        base_url=stripe.base_url,
    )
    assert request.url == (
        "https://api.stripe.com/v1/products?limit=3&created[gte]=5&expand[0]=data.default_price&active=true"
    )
    assert request.content == b""
    assert not request.mutation


def test_v2_bodies_are_json_with_proper_types(stripe: Catalog) -> None:
    """Numbers stay numbers, null stays null, and nothing at all is an empty object."""
    update = operation_of(stripe, "v2.core.event_destinations.update")
    arguments = {"id": "ed_1", "metadata": {"a": "b", "c": None}, "enabled_events": []}
    request = prepare(stripe, update, arguments, base_url=stripe.base_url)
    assert json.loads(request.content) == {"metadata": {"a": "b", "c": None}, "enabled_events": []}
    assert dict(request.headers)["Content-Type"] == "application/json"
    assert prepare(stripe, update, {"id": "ed_1"}, base_url=stripe.base_url).content == b"{}"


def test_an_upload_is_multipart_and_reads_back(stripe: Catalog) -> None:
    """A file with its name and type, beside nested fields, as the standard library's parser reads them."""
    content = bytes(range(256))
    file = {"content": content, "name": 'a"b\r\n.png', "type": "image/png"}
    arguments = {"purpose": "dispute_evidence", "file": file, "file_link_data": {"create": True}}
    request = prepare(stripe, operation_of(stripe, "files.create"), arguments, base_url=stripe.base_url)
    kind = dict(request.headers)["Content-Type"]
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.content)
    parts = {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}
    assert parts["file"].get_payload(decode=True) == content
    assert parts["file"].get_content_type() == "image/png"
    assert parts["file"].get_filename() == "a%22b%0D%0A.png"
    assert parts["file_link_data[create]"].get_payload(decode=True) == b"true"
    again = prepare(stripe, operation_of(stripe, "files.create"), arguments, base_url=stripe.base_url)
    assert again.content == request.content  # the same call has the same bytes, for its idempotency key


def test_the_boundary_can_be_given() -> None:
    """For a test that compares bytes."""
    body, kind = Multipart("multipart/form-data", False, None).finish("xyz")
    assert (body, kind) == (b"--xyz--\r\n", "multipart/form-data; boundary=xyz")


STYLES: list[tuple[dict[str, Any], Any, str]] = [
    ({"in": "query"}, ["a", "b"], "?p=a&p=b"),
    ({"in": "query", "explode": False}, ["a", "b,c"], "?p=a,b%2Cc"),
    ({"in": "query", "style": "spaceDelimited"}, ["a", "b"], "?p=a%20b"),
    ({"in": "query", "style": "pipeDelimited"}, ["a", "b"], "?p=a%7Cb"),
    ({"in": "query", "style": "deepObject"}, {"x": 1}, "?p[x]=1"),
    ({"in": "query"}, {"x": 1, "y": "b c"}, "?x=1&y=b+c"),
    ({"in": "query", "explode": False}, {"x": 1}, "?p=x,1"),
    ({"in": "path"}, ["a", "b"], "/a,b"),
    ({"in": "path"}, {"x": 1, "y": 2}, "/x,1,y,2"),
    ({"in": "path", "explode": True}, {"x": 1, "y": 2}, "/x=1,y=2"),
    ({"in": "path", "style": "label"}, "a", "/.a"),
    ({"in": "path", "style": "label", "explode": True}, ["a", "b"], "/.a.b"),
    ({"in": "path", "style": "matrix"}, "a", "/;p=a"),
    ({"in": "path", "style": "matrix"}, ["a", "b"], "/;p=a,b"),
    ({"in": "path", "style": "matrix", "explode": True}, ["a", "b"], "/;p=a;p=b"),
]


@pytest.mark.parametrize(("how", "value", "end"), STYLES)
def test_every_style_of_openapi(how: dict[str, Any], value: Any, end: str) -> None:
    """The table of OpenAPI's own examples, with what each says of its explode."""
    kind = {list: "array", dict: "object"}.get(type(value), "string")
    param = {"name": "p", "schema": {"type": kind, "additionalProperties": True}, "required": True, **how}
    path = "/x/{p}" if how["in"] == "path" else "/x"
    catalog = small({path: {"get": {"operationId": "find", "parameters": [param]}}})
    url = prepare(catalog, operation_of(catalog, "find"), {"p": value}, base_url="https://small.test").url
    assert url == f"https://small.test/x{end}"


def test_headers_and_cookies_are_sent_and_cannot_be_broken_out_of() -> None:
    """A header parameter goes by its name in lower case; control characters are refused."""
    params = [
        {"name": "X-Trace-Id", "in": "header", "schema": {"type": "string"}},
        {"name": "flavour", "in": "cookie", "schema": {"type": "string"}},
    ]
    catalog = small({"/x": {"get": {"operationId": "find", "parameters": params}}})
    find = operation_of(catalog, "find")
    request = prepare(catalog, find, {"x_trace_id": "abc", "flavour": "a;b"}, base_url="https://small.test")
    assert dict(request.headers)["X-Trace-Id"] == "abc"
    assert dict(request.headers)["Cookie"] == "flavour=a%3Bb"
    with pytest.raises(InvalidCall, match="x_trace_id: a header cannot hold control characters"):
        prepare(catalog, find, {"x_trace_id": "a\r\nEvil: 1"}, base_url="https://small.test")


def test_plain_openapi_forms_repeat_the_names_of_lists() -> None:
    """Bracket notation is only for APIs whose document asks for it."""
    schema = {"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}}
    body = takes(schema, "application/x-www-form-urlencoded")
    catalog = small({"/x": {"post": {"operationId": "add", "requestBody": body}}})
    request = prepare(catalog, operation_of(catalog, "add"), {"tags": ["a", "b"]}, base_url="https://small.test")
    assert request.content == b"tags=a&tags=b"


def test_a_body_that_is_one_value_is_sent_whole() -> None:
    """A list, a text and bytes are the parameter "body"."""
    listed = takes({"type": "array", "items": {"type": "integer"}})
    catalog = small(
        {
            "/list": {"put": {"operationId": "put_list", "requestBody": listed}},
            "/text": {"put": {"operationId": "put_text", "requestBody": takes({}, "text/plain")}},
            "/file": {"put": {"operationId": "put_file", "requestBody": takes({}, "image/png")}},
        }
    )

    def sent(id: str, body: Any) -> bytes:
        return prepare(catalog, operation_of(catalog, id), {"body": body}, base_url="https://small.test").content

    assert sent("put_list", [1, 2]) == b"[1,2]"
    assert sent("put_text", "é") == "é".encode()
    assert sent("put_file", b"\xff\0") == b"\xff\0"
