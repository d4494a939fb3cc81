"""What the catalog does not know: ``extra``, ``<api>.request``, other API versions, by the same rules as all else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from host import Budget, Host, Permissions, RunResult
from host.apis.stripe import load
from host.events import Event, Logged

OLD = "2020-08-27"
Sent = list[httpx.Request]


class Log:
    """The warnings of a host's runs."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def emit(self, event: Event) -> None:
        if isinstance(event, Logged) and event.level == "warn":
            self.warnings.append(event.text)


Open = Callable[..., tuple[Host, Sent]]


@pytest.fixture
def opened(httpx_mock: Any) -> Iterator[Open]:
    """``opened(**options)``: a host of the real API, and the requests that were sent."""
    sent: Sent = []
    hosts: list[Host] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"id": "x_1", "object": "thing"})

    httpx_mock.add_callback(answer, is_reusable=True, is_optional=True)

    def begin(**options: Any) -> tuple[Host, Sent]:
        hosts.append(Host(stripe_secret_key="sk_test_1", **options))
        return hosts[-1], sent

    yield begin
    for host in hosts:
        host.close()


def form(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode(), keep_blank_values=True))


def error(result: RunResult) -> Any:
    assert result.error is not None
    return result.error


# -- extra


@pytest.mark.parametrize(
    "code",
    [
        'stripe.products.create({name = "n"}, {extra = {zap = {a = {1, "x"}}, on = true}})',
        'new_product():name("n"):with{extra = {zap = {a = {1, "x"}}, on = true}}:create()',
    ],
)
def test_extra_is_sent_beside_the_parameters(opened: Open, code: str) -> None:
    """Of an operation and of a builder, nested tables as the API nests them."""
    host, sent = opened()
    host.run_source(code).raise_for_error()
    assert form(sent[0]) == {"name": "n", "zap[a][0]": "1", "zap[a][1]": "x", "on": "true"}
    assert sent[0].headers["idempotency-key"]


def test_extra_goes_in_the_query_of_a_read_and_in_a_json_body(opened: Open) -> None:
    """Wherever the operation has its parameters."""
    host, sent = opened()
    host.run_source("stripe.products.list({limit = 1}, {extra = {zap = {gte = 2}}})").raise_for_error()
    assert sent[0].url.params["zap[gte]"] == "2"
    host.run_source('stripe.products.create({name = "n"}, {extra = {zap = {["a b"] = "c d"}}})').raise_for_error()
    assert form(sent.pop()) == {"name": "n", "zap[a b]": "c d"}
    host.run_source(
        'stripe.v2.core.accounts.create({contact_email = "a@b.c"}, {extra = {zap = {a = 1}}})'
    ).raise_for_error()
    assert json.loads(sent[1].content) == {"contact_email": "a@b.c", "zap": {"a": 1}}


def test_extra_may_give_a_known_parameter_another_value(opened: Open) -> None:
    """One the catalog would refuse, also a required one."""
    host, sent = opened()
    host.run_source('stripe.prices.create({}, {extra = {currency = "usd", unit_amount = "12.5"}})').raise_for_error()
    assert form(sent[0]) == {"currency": "usd", "unit_amount": "12.5"}


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ('{name = "other"}', "name is among the parameters already"),
        ('{["name[x]"] = 1}', "is among the parameters already"),
        ('{["[amount]"] = 1}', "not a parameter's name"),
        ('{[" amount"] = 1}', "not a parameter's name"),
        ('{["amount]["] = 1}', "not a parameter's name"),
        ('{a = {["b]["] = 1}}', "not a parameter's name"),
        ('{[""] = 1}', "not a parameter's name"),
        ('{_method = "delete"}', "could make some servers treat the request as another"),
        ('"x"', "expected a table of names and values"),
        ("{1, 2}", "expected a table of names and values"),
    ],
)
def test_extra_that_could_be_read_as_something_else_is_refused(opened: Open, extra: str, said: str) -> None:
    """Twice the same, or a name that a server reads as another."""
    host, sent = opened()
    assert said in error(host.run_source(f'stripe.products.create({{name = "n"}}, {{extra = {extra}}})')).message
    assert sent == []


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "x-http-method", "X-Method-Override"])
def test_a_request_is_made_of_no_other_method(opened: Open, header: str) -> None:
    """An operation that is granted and counted is the one that is sent."""
    host, sent = opened()
    code = f'stripe.products.create({{name = "n"}}, {{headers = {{["{header}"] = "DELETE"}}}})'
    assert "is set by the host" in error(host.run_source(code)).message
    assert sent == []


# -- request


def test_a_request_of_a_known_path_is_that_operation(opened: Open) -> None:
    """By its name in errors and permissions, with key, version and idempotency; parameters go as they are."""
    host, sent = opened(permissions=Permissions(deny_ops=("stripe.products.delete",)))
    code = """
    local made = stripe.request("post", "products", {name = "n", nope = {a = 1}}, {idempotency_key = "k"})
    local _, e = try(stripe.request, "DELETE", "/v1/products/prod_1")
    local _, f = try(stripe.request, "DELETE", "/v1/%70roducts/prod_1/")
    return {made.id, e.kind, e.operation, f.kind}"""
    assert host.run_source(code).raise_for_error().value == ["x_1", "denied", "stripe.products.delete", "denied"]
    assert len(sent) == 1
    assert (sent[0].method, sent[0].url.path) == ("POST", "/v1/products")
    assert form(sent[0]) == {"name": "n", "nope[a]": "1"}
    headers = sent[0].headers
    assert headers["idempotency-key"] == "k"
    assert headers["authorization"] == "Bearer sk_test_1"
    assert headers["stripe-version"]


def test_a_request_of_an_unknown_path_is_sent_as_its_neighbours_are(opened: Open) -> None:
    """A form below v1, JSON below v2, a query for reads; with a key of its own where it changes something."""
    host, sent = opened()
    code = """
    stripe.request("POST", "/v1/zaps", {a = {b = 1}})
    stripe.request("POST", "/v2/core/zaps", {a = {b = 1}}, {api_version = "2030-01-01", account = "acct_1"})
    stripe.request("GET", "zaps", {limit = 2})
    return stripe.request("POST", "/v1/zaps/z_1/go").id"""
    assert host.run_source(code).raise_for_error().value == "x_1"
    assert form(sent[0]) == {"a[b]": "1"}
    assert sent[0].headers["idempotency-key"]
    assert json.loads(sent[1].content) == {"a": {"b": 1}}
    assert sent[1].headers["stripe-version"] == "2030-01-01"
    assert sent[1].headers["stripe-account"] == "acct_1"
    assert (sent[2].url.path, sent[2].url.params["limit"]) == ("/v1/zaps", "2")
    assert "idempotency-key" not in sent[2].headers
    assert sent[3].url.path == "/v1/zaps/z_1/go"


@pytest.mark.parametrize(
    ("permissions", "method", "path", "allowed"),
    [
        (Permissions(), "POST", "/v1/zaps", True),
        (Permissions(read_only=True), "POST", "/v1/zaps", False),
        (Permissions(read_only=True), "DELETE", "/v1/zaps/z", False),
        (Permissions(read_only=True), "GET", "/v1/zaps", True),
        (Permissions(read_only=True), "POST", "/v1/products", False),
        (Permissions(allow_ops=("stripe.products.*",)), "POST", "/v1/products", True),
        (Permissions(allow_ops=("stripe.products.*",)), "POST", "/v1/prices", False),
        (Permissions(allow_ops=("stripe.products.*",)), "GET", "/v1/zaps", False),
        (Permissions(allow_ops=("stripe.products.*", "stripe.request")), "POST", "/v1/zaps", True),
        (Permissions(deny_ops=("stripe.refunds.create",)), "POST", "/v1/zaps", False),
        (
            Permissions(deny_ops=("stripe.refunds.create",), allow_ops=("*", "stripe.request")),
            "POST",
            "/v1/refunds",
            False,
        ),
    ],
)
def test_permissions_hold_for_requests(
    opened: Open, permissions: Permissions, method: str, path: str, allowed: bool
) -> None:
    """A known path needs what its operation needs; any other one ``stripe.request`` where not all is granted."""
    host, sent = opened(permissions=permissions)
    result = host.run_source("return stripe.request(args[1], args[2]).id", args=[method, path])
    assert (result.error is None) is allowed, result.error
    assert bool(sent) is allowed
    if not allowed:
        assert error(result).kind == "denied"


@pytest.mark.parametrize(
    "call",
    [
        'stripe.request("POST", "/v1/payment_intents", {amount = 2000, currency = "usd"})',
        'stripe.request("POST", "/v1/payment_intents", {["amount"] = "2000", currency = "usd"})',
        'stripe.request("POST", "/v1/%70ayment_intents", {amount = 2000, currency = "usd"})',
        'stripe.request("POST", "/v1/payment_intents", {["amount[]"] = 2000, currency = "usd"})',
        'stripe.request("POST", "/v1/zaps", {name = "x"})',
        'stripe.request("POST", "/v1/customers", {charge_amount = 2000})',
        'stripe.customers.create({name = "x"}, {extra = {amount = 2000}})',
        'stripe.customers.create({name = "x"}, {extra = {plan = "price_1"}})',
        'stripe.customers.create({name = "x"}, {extra = {deep = {{total = 2000}}}})',
        'stripe.customers.create({name = "x"}, {extra = {["deep[amount]"] = 2000}})',
        'stripe.payment_intents.create({currency = "usd"}, {extra = {amount = 2000}})',
        'stripe.payment_intents.create({amount = 100, currency = "usd"}, {extra = {surcharge_amount = 2000}})',
        f'stripe.customers.create({{name = "x", fee = 2000}}, {{api_version = "{OLD}"}})',
        f'stripe.customers.create({{name = "x", shipping = {{total = 2000}}}}, {{api_version = "{OLD}"}})',
        f'new_customer():with{{api_version = "{OLD}"}}:set("amount", 2000):create()',
    ],
)
def test_no_amount_gets_past_a_budget(opened: Open, call: str) -> None:
    """What names an amount counts, or is refused as nobody can tell what it does."""
    host, sent = opened(budget=Budget(max_amount={"usd": 1000}))
    assert error(host.run_source(call)).kind == "limit"
    assert sent == []


def test_what_names_no_amount_is_sent_under_a_budget(opened: Open) -> None:
    """And an amount within it."""
    host, sent = opened(budget=Budget(max_amount={"usd": 1000}))
    code = 'stripe.payment_intents.create({amount = 0, currency = "usd"}, {extra = {zap = 2000}})'
    host.run_source(code).raise_for_error()
    host.run_source('stripe.request("POST", "/v1/payment_intents", {amount = 900, currency = "usd"})').raise_for_error()
    assert len(sent) == 2
    over = host.run_source('stripe.payment_intents.create({currency = "usd"}, {extra = {amount = 200}})')
    assert "of which 100 are left" in error(over).message


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("stripe.request()", "expected a method"),
        ('stripe.request("/v1/products")', "expected a method"),
        ('stripe.request("GET")', "expected a path"),
        ('stripe.request("GET", "https://evil.test/v1/products")', "is a URL"),
        ('stripe.request("GET", "//evil.test/v1/products")', "is a URL"),
        ('stripe.request("GET", "/v1/../v2")', "is not a path"),
        ('stripe.request("GET", "/v1/products?limit=1")', "has a query"),
        ('stripe.request("GET", "/v1/products", "x")', "table of parameters"),
        ('stripe.request("GET", "/v1/products", {}, "x")', "request options"),
        ('stripe.request("GET", "/v1/products", {}, {}, {})', "too many"),
        ('stripe.request("POST", "/v1/files", {purpose = "x"})', "its body is multipart; call stripe.files.create"),
        ('stripe.request("POST", "/v1/products", {["[name]"] = "x"})', "not a parameter's name"),
        ('stripe:request("GET", "/v1/products")', "a dot, not a colon"),
    ],
)
def test_requests_that_cannot_be_sent_say_why(opened: Open, code: str, said: str) -> None:
    """At the script's line, before anything is sent."""
    host, sent = opened()
    found = error(host.run_source(code))
    assert said in found.message
    assert (found.kind, found.line) == ("invalid", 1)
    assert sent == []


def test_a_requested_list_is_a_page_with_all_that_was_asked_for() -> None:
    """Further pages keep the filters; nothing is skipped where the loop deletes."""
    with Host(simulate=True) as host:
        code = """
        for i = 1, 5 do new_product():name("p" .. i):active(i ~= 3):create() end
        local page, names = stripe.request("GET", "/v1/products", {limit = 2, active = true}), {}
        local first = #page
        for p in page:each() do
          table.insert(names, p.name)
          stripe.products.delete(p.id)
        end
        return {first, table.concat(names, " "), #stripe.request("GET", "/v1/products")}"""
        assert host.run_source(code).raise_for_error().value == [2, "p5 p4 p2 p1", 1]


def test_requests_of_another_api(httpx_mock: Any) -> None:
    """``<api>.request`` is there for each; an operation of that very name comes before it."""
    document: dict[str, Any] = {
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": "https://pets.test/api"}],
        "paths": {"/pets": {"post": {
            "operationId": "pets.create",
            "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
            "responses": {"200": {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}},
        }}},
    }  # fmt: skip
    httpx_mock.add_response(json={"ok": True}, is_reusable=True)
    with Host(apis={"pets": document}) as host:
        host.run_source('return pets.request("POST", "/owners", {name = "x"})').raise_for_error()
        [request] = httpx_mock.get_requests()
        assert str(request.url) == "https://pets.test/api/owners"
        assert json.loads(request.content) == {"name": "x"}
    document["paths"]["/pets"]["post"]["operationId"] = "request"
    with Host(apis={"pets": document}) as host:
        host.run_source("return pets.request{a = 1}").raise_for_error()
        assert str(httpx_mock.get_requests()[1].url) == "https://pets.test/api/pets"


def test_a_durable_run_asks_again_with_the_same_key(tmp_path: Path) -> None:
    """A request is in the journal under its operation's name, and can be undone by it."""
    with Host(simulate=True, journal=str(tmp_path / "runs.db")) as host:
        code = """
        local p = stripe.request("POST", "/v1/products", {name = "n"})
        local n = 0
        for _ in stripe.products.list{limit = 1}:each() do n = n + 1 end
        return {p.object, n}"""
        result = host.run_source(code, durable=True).raise_for_error()
        assert result.value == ["product", 1]


# -- other versions


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "stripe.payment_intents.create({amount = 5, currency = 'usd', payment_method_types = {'card'}}, "
            f"{{api_version = '{OLD}'}})",
            {"amount": "5", "currency": "usd", "payment_method_types[0]": "card"},
        ),
        (
            f"new_subscription():with{{api_version = '{OLD}'}}:customer('c'):promotion('X')"
            ":items{{plan = 'p'}}:create()",
            {"customer": "c", "promotion": "X", "items[0][plan]": "p"},
        ),
        (
            f'new_product():with{{api_version = "{OLD}"}}:set("attributes", {{"a"}}):params{{caption = "c"}}:create()',
            {"attributes[0]": "a", "caption": "c"},
        ),
    ],
)
def test_another_version_sends_what_the_catalog_does_not_know_and_warns(
    opened: Open, code: str, expected: dict[str, str]
) -> None:
    """By operation and builder, nested too, without what only this version requires; once in the log."""
    log = Log()
    host, sent = opened(sinks=[log])
    host.run_source(f"for _ = 1, 2 do {code} end").raise_for_error()
    assert form(sent[0]) == expected
    assert sent[0].headers["stripe-version"] == OLD
    assert len(log.warnings) == 1
    assert "another version" in log.warnings[0]


def test_the_hosts_own_version_does_the_same(opened: Open) -> None:
    """An older ``stripe_api_version`` of the host admits parameters of that version, as one of a call does."""
    host, sent = opened(stripe_api_version=OLD)
    host.run_source('new_product():name("n"):attributes{"a"}:create()').raise_for_error()
    assert form(sent[0]) == {"name": "n", "attributes[0]": "a"}
    assert sent[0].headers["stripe-version"] == OLD


@pytest.mark.parametrize(
    "given", ["amount = 19.99", 'amount = "x"', "amount = 5, currency = {}", "amount = 5, confirm = 1"]
)
def test_what_the_catalog_knows_is_checked_in_any_version(opened: Open, given: str) -> None:
    """Types do not change from version to version; money least of all."""
    host, sent = opened()
    assert (
        error(host.run_source(f'stripe.payment_intents.create({{{given}}}, {{api_version = "{OLD}"}})')).kind
        == "invalid"
    )
    assert sent == []


def test_the_catalogs_own_version_is_strict(opened: Open) -> None:
    """Asked for by its name it is the one the catalog knows."""
    host, sent = opened()
    with_version = f'{{api_version = "{load().version}"}}'
    assert error(host.run_source(f"stripe.products.create({{nam = 1}}, {with_version})")).kind == "invalid"
    assert sent == []


def test_the_simulator_says_which_versions_it_knows() -> None:
    """A version before those is refused by name, and a parameter of it is unknown in the catalog's own."""
    with Host(simulate=True) as host:
        code = f"""
        local _, old = try(stripe.products.create, {{name = "n", attributes = {{"a"}}}}, {{api_version = "{OLD}"}})
        local _, new = try(stripe.products.create, {{name = "n"}}, {{extra = {{attributes = {{"a"}}}}}})
        return {{old.message, new.code}}"""
        message, refused = host.run_source(code).raise_for_error().value
    assert message.startswith(f"Invalid Stripe API version: {OLD}. The simulator knows ")
    assert refused == "parameter_unknown"
