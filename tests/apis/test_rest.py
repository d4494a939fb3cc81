"""``make_request(endpoint, method, data)``: any method, any path, from Python."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pytest_httpx import HTTPXMock

from host import ApiError, Host, InvalidCall
from host.apis.catalog import Catalog, Operation
from host.apis.endpoint import endpoint_request, known_operation
from host.apis.raw_request import RawRequest
from host.http.message import Request
from tests.apis.documents import small

BASE = "https://api.stripe.com"


def request(
    catalog: Catalog, endpoint: str, method: str, data: dict[str, object] | None = None
) -> tuple[Operation, Request]:
    return endpoint_request(catalog, endpoint, method, data, BASE, lambda: "key_1")


@pytest.mark.parametrize(
    ("endpoint", "method", "operation"),
    [
        ("products", "POST", "products.create"),
        ("/v1/products/", "GET", "products.list"),
        ("v1/products/prod_1", "POST", "products.update"),
        ("products/search", "GET", "products.search"),
        ("products/prod_1", "DELETE", "products.delete"),
        ("payment_intents/pi_1/confirm", "post", "payment_intents.confirm"),
        ("v2/core/accounts", "GET", "v2.core.accounts.list"),
    ],
)
def test_endpoints_find_their_operations(stripe: Catalog, endpoint: str, method: str, operation: str) -> None:
    """With or without version and slashes, a path and a method name the operation the catalog has."""
    data = {"products.create": {"name": "x"}, "products.search": {"query": "x"}}.get(operation)
    found, made = request(stripe, endpoint, method, data)
    assert (found.id, made.method) == (operation, method.upper())
    assert made.credential == "stripe"


def test_path_arguments_come_from_the_endpoint(stripe: Catalog) -> None:
    """What stands in the path is its argument, decoded and encoded again."""
    _, made = request(stripe, "products/prod%201", "POST", {"name": "x"})
    assert made.url == f"{BASE}/v1/products/prod%201"
    assert made.content == b"name=x"
    assert made.idempotency_key == "key_1"


def test_known_operations_are_checked(stripe: Catalog) -> None:
    """A wrong parameter of a known operation is refused before anything is sent."""
    with pytest.raises(InvalidCall, match='did you mean "name"'):
        request(stripe, "products", "POST", {"nmae": "x"})
    with pytest.raises(InvalidCall, match="name is missing"):
        request(stripe, "products", "POST")


def test_unknown_paths_are_sent_as_their_neighbours(stripe: Catalog) -> None:
    """What the catalog does not know goes out all the same: forms below v1, JSON below v2."""
    _, form = request(stripe, "gadgets/g_1/spin", "POST", {"speed": {"rpm": 3}, "on": True})
    assert (form.url, form.content) == (f"{BASE}/v1/gadgets/g_1/spin", b"speed[rpm]=3&on=true")
    assert ("Content-Type", "application/x-www-form-urlencoded") in form.headers
    assert ("Idempotency-Key", "key_1") in form.headers
    _, json = request(stripe, "v2/gadgets", "PATCH", {"speed": {"rpm": 3}})
    assert (json.url, json.content) == (f"{BASE}/v2/gadgets", b'{"speed":{"rpm":3}}')
    _, read = request(stripe, "gadgets", "GET", {"limit": 3})
    assert (read.url, read.content, read.mutation) == (f"{BASE}/v1/gadgets?limit=3", b"", False)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "/",
        "https://evil.example/v1/x",
        "//evil.example/x",
        "a/../b",
        "a/%2e%2e/b",
        "a?b=c",
        "a\nb",
        "a b",
        7,
    ],
)
def test_endpoints_that_are_no_path_are_refused(stripe: Catalog, endpoint: str) -> None:
    """A URL, a query, a step upwards or a control character is named and refused."""
    with pytest.raises(InvalidCall, match="endpoint"):
        request(stripe, endpoint, "GET")


def test_an_unknown_method_is_named(stripe: Catalog) -> None:
    """Methods are HTTP's."""
    with pytest.raises(InvalidCall, match="'FETCH'; expected one of GET"):
        request(stripe, "products", "FETCH")


def test_every_method_against_the_simulator() -> None:
    """Create, read, change, list and delete by endpoint; an API error is raised as itself."""
    with Host(simulate=True) as host:
        ask = host.registry.make_request
        made = ask("products", "POST", {"name": "x"})
        assert ask(f"products/{made['id']}", "GET")["name"] == "x"
        assert ask(f"/v1/products/{made['id']}", "POST", {"name": "y"})["name"] == "y"
        assert [each["id"] for each in ask("products", "GET", {"limit": 1})["data"]] == [made["id"]]
        assert ask(f"products/{made['id']}", "DELETE")["deleted"] is True
        with pytest.raises(ApiError) as caught:
            ask("products/prod_nowhere", "GET")
        assert caught.value.status == 404
        with pytest.raises(InvalidCall, match="no API 'petstore'"):
            ask("petstore:pets", "GET")
        assert ask("stripe:products", "GET")["object"] == "list"


async def test_async_from_a_running_loop() -> None:
    """The same with await, several at once."""
    with Host(simulate=True) as host:
        made = await asyncio.gather(
            *(host.registry.make_request_async("products", "POST", {"name": f"n{i}"}) for i in range(20))
        )
    assert {each["name"] for each in made} == {f"n{i}" for i in range(20)}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_the_method_is_the_one_that_is_sent(httpx_mock: HTTPXMock, method: str) -> None:
    """Not everything is a POST."""
    httpx_mock.add_response(method=method, json={"ok": True})
    with Host(stripe_secret_key="sk_test_1") as host:
        assert host.registry.make_request("gadgets/g_1", method, {"a": 1}) == {"ok": True}
    sent = httpx_mock.get_requests()[0]
    assert sent.method == method
    assert sent.headers["Authorization"] == "Bearer sk_test_1"


TEXT = {"type": "string"}


def inbox() -> Catalog:
    """An API whose steps hold more than a parameter, and whose forms are plain OpenAPI."""
    members = {"to": {"type": "array", "items": TEXT}, "about": {"type": "object"}}
    schema = {"type": "object", "properties": members, "additionalProperties": True}
    form = {"application/x-www-form-urlencoded": {"schema": schema}}

    def of(*names: str) -> list[dict[str, Any]]:
        return [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in names]

    return small(
        {
            "/m/{sid}.json": {
                "get": {"operationId": "m.get", "parameters": of("sid")},
                "post": {"operationId": "m.change", "parameters": of("sid"), "requestBody": {"content": form}},
            },
            "/m/{sid}": {"get": {"operationId": "m.raw", "parameters": of("sid")}},
            "/m/all": {"get": {"operationId": "m.all"}},
            "/c/{base}...{head}": {"get": {"operationId": "c.compare", "parameters": of("base", "head")}},
            "/r/{owner}-{repo}": {"get": {"operationId": "r.get", "parameters": of("owner", "repo")}},
            "/s#one": {"post": {"operationId": "s.one"}},
        }
    )


@pytest.mark.parametrize(
    ("method", "path", "id", "given"),
    [
        ("GET", "m/M1.json", "m.get", {"sid": "M1"}),
        ("GET", "m/M1.x.json", "m.get", {"sid": "M1.x"}),
        ("GET", "m/M1%2Ejson", "m.get", {"sid": "M1"}),
        ("GET", "m/M1.xml", "m.raw", {"sid": "M1.xml"}),
        ("GET", "m/all", "m.all", {}),
        ("GET", "c/v1...v2", "c.compare", {"base": "v1", "head": "v2"}),
        ("GET", "r/a-b", "r.get", {"owner": "a", "repo": "b"}),
        ("POST", "s", "s.one", {}),
    ],
)
def test_a_path_finds_its_operation_whatever_its_steps_hold(
    method: str, path: str, id: str, given: dict[str, str]
) -> None:
    """Suffixes, several parameters in a step, fragments: what is granted by name is found by its path."""
    found = known_operation(inbox(), method, path)
    assert found is not None
    assert (found[0].id, found[1]) == (id, given)


def test_parameters_of_a_raw_request_are_written_as_the_operation_has_them() -> None:
    """Not in Stripe's brackets, unless they are Stripe's; a table in a query nobody describes is in brackets."""
    catalog = inbox()

    def raw(method: str, path: str, params: dict[str, Any], **options: Any) -> Any:
        asked = RawRequest.read(catalog, [method, path, params, options], "https://small.test")
        return asked.request(catalog, asked.options, "https://small.test")

    sent = raw("POST", "/m/1.json", {"to": ["a", "b"], "about": {"x": 1}, "more": [1, 2]})
    assert sent.content == b"about=%7B%22x%22%3A1%7D&more=1&more=2&to=a&to=b"
    assert raw("GET", "/unknown", {"a": [1, 2], "b": {"c": 1}}).url.endswith("?a=1&a=2&b[c]=1")
    sent = raw("POST", "/unknown", {"a": 1}, content_type="application/x-www-form-urlencoded; charset=utf-8")
    assert dict(sent.headers)["Content-Type"].endswith("charset=utf-8")
    with pytest.raises(InvalidCall, match="its body is form"):
        raw("POST", "/unknown", {"a": 1}, content_type="application/json")
    with pytest.raises(InvalidCall, match="it has no body"):
        raw("GET", "/unknown", {"a": 1}, content_type="application/json")
