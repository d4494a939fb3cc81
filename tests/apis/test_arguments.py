"""Arguments: path, query, header and body in one table, by a script's names and the wire's."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from host.apis.arguments import bind
from host.apis.catalog import Catalog
from host.apis.prepare import prepare
from host.errors import InvalidCall
from host.http.message import Request
from tests.apis.documents import small
from tests.apis.requests_of import BASE, operation_of

TEXT = {"type": "string"}
PARAMS = [
    {"name": "user-id", "in": "path", "required": True, "schema": TEXT},
    {"name": "If-Match", "in": "header", "schema": TEXT},
    {"name": "dry-run", "in": "query", "schema": {"type": "boolean"}},
]
OPEN: dict[str, Any] = {"content": {"application/json": {"schema": {}}}}
NAMED: dict[str, Any] = {
    "content": {"application/json": {"schema": {"type": "object", "properties": {"first-name": TEXT, "dry": TEXT}}}}
}


def put(body: dict[str, Any] | None, params: list[dict[str, Any]] = PARAMS, path: str = "/u/{user-id}") -> Catalog:
    node: dict[str, Any] = {"operationId": "send", "parameters": params, "responses": {"204": {}}}
    return small({path: {"put": node | ({"requestBody": body} if body else {})}})


def call(catalog: Catalog, *args: Any) -> Request:
    """What a script's call with these arguments sends."""
    operation = operation_of(catalog)
    found, _ = bind(operation, list(args))
    return prepare(catalog, operation, found, base_url=BASE)


HEADERS = ("if_match", "If-Match", "if-match", "IF-MATCH")
QUERIES = ("dry_run", "dry-run")
PATHS = ("user_id", "user-id", None)


@pytest.mark.parametrize(("header", "query", "path"), list(itertools.product(HEADERS, QUERIES, PATHS)))
def test_all_names_of_all_places_go_together_with_a_whole_body(header: str, query: str, path: str | None) -> None:
    """A body of no named members beside a header, a query and a path, each by any of its names."""
    given: dict[str, Any] = {header: "e1", query: True, "body": {"a": 1}}
    request = call(put(OPEN), given | {path: "7"}) if path else call(put(OPEN), "7", given)
    assert request.url == f"{BASE}/u/7?dry-run=true"
    assert dict(request.headers)["If-Match"] == "e1"
    assert json.loads(request.content) == {"a": 1}


@pytest.mark.parametrize(("header", "query", "path"), list(itertools.product(HEADERS, QUERIES, PATHS)))
@pytest.mark.parametrize("member", ["first_name", "first-name"])
def test_all_names_of_all_places_go_together_with_named_members(
    header: str, query: str, path: str | None, member: str
) -> None:
    """The same where the body has members."""
    given: dict[str, Any] = {header: "e1", query: True, member: "x", "dry": "8"}
    request = call(put(NAMED), given | {path: "7"}) if path else call(put(NAMED), "7", given)
    assert request.url == f"{BASE}/u/7?dry-run=true"
    assert json.loads(request.content) == {"first-name": "x", "dry": "8"}


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("7", {"user_id": "8", "body": {}}), "user_id is given twice, for the path and among the parameters"),
        (
            ("7", {"dry_run": True, "a": 1}),
            r"dry_run is a parameter, a is not; give what belongs to the body as body = \{",
        ),
        (({"user_id": "7", "a": 1, "b": 2},), "user_id is a parameter, a, b are not"),
        (("7", {"body": {"a": 1}, "a": 2}), "body is a parameter, a is not"),
        (("7", {"if_match": "a", "If-Match": "b", "body": 1}), "if_match is given twice, also as If-Match"),
        (("7", {"If-Match": "a", "IF-MATCH": "b", "body": 1}), "if_match is given twice, also as If-Match"),
        (("7", {"dry_run": True, "dry-run": False, "body": 1}), "dry_run is given twice, also as dry-run"),
    ],
)
def test_what_is_ambiguous_is_refused_by_name(args: tuple[Any, ...], says: str) -> None:
    """Never sent as something else: the error names the parameter and how to say what is meant."""
    with pytest.raises(InvalidCall, match=says):
        call(put(OPEN), *args)


def test_a_member_of_the_paths_name_is_named_in_the_refusal() -> None:
    """``update(id, {id = …})`` may mean the body's: the error says what that one is called."""
    params = [{"name": "id", "in": "path", "required": True, "schema": TEXT}]
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": {"id": TEXT, "name": TEXT}}}}}
    catalog = put(body, params, "/u/{id}")
    with pytest.raises(InvalidCall, match=r"id is given twice, .*; in the body it is id_body"):
        call(catalog, "7", {"id": "8"})
    assert json.loads(call(catalog, "7", {"id_body": "8", "name": "x"}).content) == {"id": "8", "name": "x"}
    assert json.loads(call(catalog, {"id": "7", "name": "x"}).content) == {"name": "x"}


def test_a_whole_body_is_taken_as_it_is_where_no_parameter_has_its_names() -> None:
    """A table, a list, a text."""
    for value in ({"a": 1}, [1, 2], "x", 5, True):
        assert json.loads(call(put(OPEN), "7", value).content) == value


def test_a_name_that_several_parameters_have_on_the_wire_is_refused() -> None:
    """A query parameter and a header of one name: a script says which by its own names for them."""
    params = [
        {"name": "X-Id", "in": "query", "schema": TEXT},
        {"name": "X-Id", "in": "header", "schema": TEXT},
    ]
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": {"user-id": TEXT}}}}}
    with pytest.raises(InvalidCall, match="user-id is the name of several parameters; say user_id or user_id_body"):
        call(put(body), {"user-id": "1"})
    catalog = put(None, params, "/u")
    with pytest.raises(InvalidCall, match="X-Id is the name of several parameters; say X_Id or x_id"):
        call(catalog, {"X-Id": "1"})
    request = call(catalog, {"X_Id": "q", "x_id": "h"})
    assert request.url.endswith("?X-Id=q")
    assert dict(request.headers)["X-Id"] == "h"


def test_only_headers_are_the_same_in_other_letters() -> None:
    """A query parameter is not: servers tell ``Limit`` from ``limit``."""
    with pytest.raises(InvalidCall, match="no parameter"):
        call(put(NAMED), "7", {"DRY-RUN": True})


@pytest.mark.parametrize(
    ("path", "given", "sent"),
    [
        ("/a?action=foo", {}, "/a?action=foo"),
        ("/a?action=foo", {"q": "1"}, "/a?action=foo&q=1"),
        ("/a#part", {}, "/a"),
        ("/a#part", {"q": "1"}, "/a?q=1"),
        ("/a?b=1#part", {}, "/a?b=1"),
        ("/a?q={q}", {"q": "x y"}, "/a?q=x+y"),
        ("/a?q={q}&b=1", {"q": "x"}, "/a?b=1&q=x"),
        ("/a?id={id}", {"id": "x&y"}, "/a?id=x%26y"),
        ("/a/{id}.json", {"id": "1/2.x"}, "/a/1%2F2.x.json"),
        ("/a/{id}.{ext}", {"id": "1", "ext": "xml"}, "/a/1.xml"),
        ("/c/{id}...{ext}", {"id": "v1", "ext": "v2"}, "/c/v1...v2"),
        ("/a/{id},{ext}/x", {"id": "1", "ext": "2"}, "/a/1,2/x"),
        ("/a('{id}')", {"id": "it's"}, "/a('it%27s')"),
        ("/a/{id}:activate", {"id": "1"}, "/a/1:activate"),
    ],
)
def test_a_template_is_sent_as_the_document_has_it(path: str, given: dict[str, Any], sent: str) -> None:
    """A fragment tells operations apart, a query is the operation's own, and a step may hold more than a parameter."""
    names = [name for name in ("id", "ext") if f"{{{name}}}" in path]
    params = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in names]
    params.append({"name": "q", "in": "query", "schema": TEXT})
    request = call(put(None, params, path), given)
    assert request.url == BASE + sent


@pytest.mark.parametrize(
    ("how", "value", "sent"),
    [
        ({"in": "query", "allowReserved": True}, "a/b?c=d,e:@!$'()*;~-_.", "?p=a/b?c=d,e:@!$'()*;~-_."),
        ({"in": "query", "allowReserved": True}, "a&b#c+d[e] f%", "?p=a%26b%23c%2Bd%5Be%5D%20f%25"),
        ({"in": "query", "allowReserved": True}, "a%2Fb%zz", "?p=a%2Fb%25zz"),
        ({"in": "query", "allowReserved": True, "explode": False}, ["a/b", "c"], "?p=a/b,c"),
        ({"in": "query"}, "a/b?c", "?p=a%2Fb%3Fc"),
        ({"in": "query", "allowEmptyValue": True}, "", "?p="),
        ({"in": "query", "allowEmptyValue": True, "schema": {"type": "integer"}}, "", "?p="),
        ({"in": "query"}, [], ""),
        ({"in": "query", "explode": False}, [], ""),
        ({"in": "query", "style": "spaceDelimited", "schema": {"type": "array"}}, ["ab", "c"], "?p=ab%20c"),
        ({"in": "query", "style": "pipeDelimited", "schema": {"type": "array"}}, ["a b", "c"], "?p=a+b%7Cc"),
        (
            {"in": "query", "style": "pipeDelimited", "explode": True, "schema": {"type": "array"}},
            ["a", "c"],
            "?p=a&p=c",
        ),
        ({"in": "path", "allowReserved": True}, "dir/file.txt;v=1?x#y", "/dir/file.txt;v=1%3Fx%23y"),
        ({"in": "path"}, "dir/file", "/dir%2Ffile"),
        ({"in": "path", "content": {"application/json": {"schema": {}}}}, {"a": 1}, "/%7B%22a%22%3A1%7D"),
        ({"in": "query", "content": {"application/json": {"schema": {}}}}, {"a": "~"}, "?p=%7B%22a%22%3A%22~%22%7D"),
    ],
)
def test_reserved_characters_and_empty_values_go_as_the_document_says(
    how: dict[str, Any], value: Any, sent: str
) -> None:
    """allowReserved, allowEmptyValue, and lists whose separators are percent-encoded."""
    kind = {"type": "array"} if isinstance(value, list) else {"type": "string"}
    own: dict[str, Any] = {} if "content" in how else {"schema": kind}
    param = {"name": "p", "required": how["in"] == "path", **own, **how}
    request = call(put(None, [param], "/x/{p}" if how["in"] == "path" else "/x"), {"p": value})
    assert request.url == f"{BASE}/x{sent}"


@pytest.mark.parametrize("value", ["..", "a/../b", "./a", "a/.", ""])
def test_a_reserved_path_cannot_leave_its_operation(value: str) -> None:
    """Slashes are allowed there, steps that a server resolves are not."""
    param = {"name": "p", "in": "path", "required": True, "allowReserved": True, "schema": TEXT}
    with pytest.raises(InvalidCall, match="cannot be part of a path"):
        call(put(None, [param], "/x/{p}"), {"p": value})


@pytest.mark.parametrize(("style", "item"), [("spaceDelimited", "a b"), ("pipeDelimited", "a|b")])
def test_an_item_that_holds_the_separator_is_refused(style: str, item: str) -> None:
    """Both would be percent-encoded, and arrive as two items."""
    param = {"name": "p", "in": "query", "style": style, "schema": {"type": "array", "items": TEXT}}
    with pytest.raises(InvalidCall, match="p: an item cannot hold"):
        call(put(None, [param], "/x"), {"p": [item, "c"]})
