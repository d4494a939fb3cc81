"""Stripe's catalog: complete, named as promised, and every operation can be called."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from host.api_registry import Apis
from host.apis.catalog import Catalog, Operation, Schema
from host.apis.document import read_document
from host.apis.encode import brackets
from host.apis.facts import Method
from host.apis.prepare import builder_method, check_value, prepare
from host.apis.stripe import COMPILED
from host.apis.stripe.compile import DOCUMENT, main
from host.apis.stripe.facts import compile_stripe
from host.errors import DeniedError, InvalidCall
from host.http.client import HttpClient
from host.http.message import Request
from host.secret import Secret
from host.settings import Settings

BUILDERS = Path(__file__).with_name("stripe_builders.txt").read_text().split()


def test_all_operations_and_builders_are_there_under_their_names(stripe: Catalog) -> None:
    """651 operations, 112 builders, each named as its path says."""
    assert len(stripe.operation_ids()) == 651
    assert sorted(stripe.builder_names()) == sorted(BUILDERS)
    assert len(BUILDERS) == 112
    assert stripe.warnings == ()


def test_the_compiled_catalog_is_what_the_kept_document_compiles_to() -> None:
    """The package data is never older than its source, and compiling is repeatable."""
    assert compile_stripe(read_document(DOCUMENT)).dump() == COMPILED.read_bytes()


def test_the_compiler_says_what_is_wrong_with_a_document(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A document that cannot be used leaves the package data alone and ends with 3."""
    before = COMPILED.read_bytes()
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    assert main([str(bad)]) == 3
    assert "bad.json is not valid JSON" in capsys.readouterr().err
    assert COMPILED.read_bytes() == before


def example(catalog: Catalog, schema: Schema, depth: int = 0) -> Any:
    """A value that fits a schema, with only what is required in it."""
    schema = catalog.resolve(schema)
    if schema.any_of:
        return example(catalog, schema.any_of[0], depth)
    if schema.enum:
        return schema.enum[0]
    if schema.type == "object":
        return {name: example(catalog, schema.properties[name], depth + 1) for name in schema.required}
    if schema.type == "array":
        return [example(catalog, schema.items or Schema(), depth + 1)]
    return {"string": "a b/é", "integer": 7, "number": 0.5, "boolean": True}[schema.type]


def filled(catalog: Catalog, operation: Operation) -> dict[str, Any]:
    return {n: example(catalog, p.schema) for n, p in operation.params.items() if p.required}


def test_every_operation_prepares_with_its_required_parameters(stripe: Catalog) -> None:
    """No operation of the 651 has a parameter that cannot be checked or encoded."""
    for id in stripe.operation_ids():
        operation = stripe.operation(id)
        assert operation is not None
        request = prepare(stripe, operation, filled(stripe, operation), base_url="http://sim.test")
        parts = urlsplit(request.url)
        assert parts.netloc == "sim.test"
        template = re.escape(operation.path)
        template = re.sub(r"\\\{.*?\\\}", "a%20b%2F%C3%A9", template)
        assert re.fullmatch(template, parts.path.replace("\\", ""))
        assert request.method == operation.method
        assert request.operation == f"stripe.{id}"
        assert dict(request.headers)["Stripe-Version"] == stripe.version


def test_every_parameter_of_every_operation_prepares(stripe: Catalog) -> None:
    """All optional parameters together go through too, and form bodies read back to the names given."""
    for id in stripe.operation_ids():
        operation = stripe.operation(id)
        assert operation is not None
        arguments = {name: example(stripe, param.schema) for name, param in operation.params.items()}
        request = prepare(stripe, operation, arguments, base_url=stripe.base_url)
        if operation.body == "form":
            names = {name.split("[")[0] for name, _ in parse_qsl(request.content.decode(), True)}
            # A table with nothing in it has no form: Stripe's own libraries leave it out too.
            given = {name for name, value in arguments.items() if list(brackets(name, value))}
            assert names == given - set(operation.path_params)


def test_every_create_operation_that_answers_with_an_object_returns_an_id(stripe: Catalog) -> None:
    """returns_id is read from the answer's schema: a login link has none, a product does."""
    product, link = stripe.builder("product"), stripe.builder("account_login_link")
    assert product is not None
    assert product.returns_id
    assert link is not None
    assert not link.returns_id


@pytest.mark.parametrize(
    ("builder", "name", "method"),
    [
        ("price", "amount", Method(kind="set", param="unit_amount", code="i")),
        ("price", "currency", Method(kind="set", param="currency", code="s")),
        ("price", "recurring", Method(kind="set", param="recurring", fields=("interval",))),
        ("price", "billing_scheme", Method(kind="set", param="billing_scheme")),
        ("product", "metadata", Method(kind="map", param="metadata", code="s")),
        ("customer", "metadata", Method(kind="map", param="metadata", code="s")),
        ("product", "images", Method(kind="list", param="images", code="s")),
        ("product", "add_image", Method(kind="append", param="images", code="s")),
        ("product", "active", Method(kind="set", param="active", code="b")),
        ("subscription", "add_item", Method(kind="append", param="items")),
        ("subscription", "add_price", Method(kind="append", param="items", fields=("price", "quantity"))),
        ("subscription", "coupon", Method(kind="append", param="discounts", fields=("coupon",))),
        ("subscription", "add_discount", Method(kind="append", param="discounts")),
        ("subscription", "trial_days", Method(kind="set", param="trial_period_days", code="i")),
        ("customer_tax_id", "customer", Method(kind="set", param="customer")),
    ],
)
def test_builder_methods(stripe: Catalog, builder: str, name: str, method: Method) -> None:
    """Each method says which parameter it fills, how, and what Lua may check by itself."""
    operation = stripe.builder(builder)
    assert operation is not None
    assert builder_method(stripe, operation, name) == method


def test_sugar_only_names_parameters_that_exist(stripe: Catalog) -> None:
    """A word of sugar leads to a parameter of its builder, and its fields to members of it."""
    for builder, methods in stripe.facts.sugar.items():
        operation = stripe.builder(builder)
        assert operation is not None
        for method in methods.values():
            value: Any = 1
            if method.fields:
                value = dict(zip(method.fields, ("month" if "interval" in method.fields else "x", 2), strict=False))
                value = [value] if method.kind == "append" else value
            assert check_value(stripe, operation, method.param, value) == value


@pytest.mark.parametrize(
    ("builder", "name", "said"),
    [
        ("price", "curency", 'price has no parameter "curency"; did you mean "currency"?'),
        ("price", "unit_amout", 'price has no parameter "unit_amout"; did you mean "unit_amount"?'),
        ("subscription", "add_prize", 'subscription has no parameter "add_prize"; did you mean "add_price"?'),
        ("checkout_session", "sucess_url", 'did you mean "success_url"?'),
        ("product", "creat", 'did you mean "create"?'),
    ],
)
def test_an_unknown_method_names_resource_and_nearest(stripe: Catalog, builder: str, name: str, said: str) -> None:
    """The error of a misspelt method is enough to correct it."""
    operation = stripe.builder(builder)
    assert operation is not None
    with pytest.raises(InvalidCall) as caught:
        builder_method(stripe, operation, name)
    assert said in caught.value.message


def test_names_of_resources_in_their_paths_are_aliases(stripe: Catalog) -> None:
    """The SDK's own aliases and the path's words lead to the same operation."""
    for alias, id in {
        "sources.detach": "customers.payment_sources.delete",
        "invoiceitems.create": "invoice_items.create",
        "subscriptions.delete": "subscriptions.cancel",
    }.items():
        operation = stripe.operation(alias)
        assert operation is not None
        assert operation.id == id


def test_children_lead_from_the_api_to_each_operation(stripe: Catalog) -> None:
    """Walking the namespaces finds every operation."""
    found: set[str] = set()

    def walk(prefix: str) -> None:
        for name in stripe.children(prefix):
            full = f"{prefix}.{name}" if prefix else name
            if stripe.operation(full) is not None:
                assert not stripe.children(full)
                found.add(full)
            else:
                walk(full)

    walk("")
    assert found >= set(stripe.operation_ids())


def test_lists_know_their_pages(stripe: Catalog) -> None:
    """v1 lists have cursors, searches tokens, v2 lists URLs."""
    kinds = {"products.list": "cursor", "products.search": "search", "v2.core.accounts.list": "url"}
    for id, kind in kinds.items():
        operation = stripe.operation(id)
        assert operation is not None
        assert operation.paging == kind
    for id in stripe.operation_ids():
        operation = stripe.operation(id)
        if operation and operation.result and stripe.resolve(operation.result).list_of:
            in_pages = "starting_after" in operation.params or "search" in id or id.startswith("v2.")
            assert bool(operation.paging) == in_pages, id


def test_an_operation_on_another_host_stays_with_a_base_url_of_ones_own(stripe: Catalog) -> None:
    """Uploads go to files.stripe.com, but with everything else to a simulator."""
    operation = stripe.operation("files.create")
    assert operation is not None
    arguments = {"file": b"x", "purpose": "dispute_evidence"}
    assert prepare(stripe, operation, arguments, base_url=stripe.base_url).url.startswith(
        "https://files.stripe.com/v1/files"
    )
    assert prepare(stripe, operation, arguments, base_url="http://sim.test/").url == "http://sim.test/v1/files"


@pytest.mark.parametrize("id", ["files.create", "files.contents", "quotes.pdf", "v2.billing.meter_event_stream.create"])
def test_an_operation_on_another_host_has_the_key_there(stripe: Catalog, id: str) -> None:
    """The document says that it is Stripe's; for any other operation the key stays at the API's own address."""
    operation = stripe.operation(id)
    assert operation is not None
    assert operation.server
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"id": "file_1", "object": "file"})

    client = HttpClient(
        credentials=Apis(Settings(stripe_secret_key=Secret("sk_test_123456789")), simulated=False).credential,
        transport=httpx.MockTransport(answer),
    )

    def send(name: str) -> None:
        request = Request(operation.method, operation.server + "/x", operation=name, credential="stripe")
        asyncio.run(client.send(request, time.monotonic() + 10))

    send(f"stripe.{id}")
    assert (asked[0].url.host, asked[0].headers["authorization"]) == (
        operation.server.removeprefix("https://"),
        "Bearer sk_test_123456789",
    )
    with pytest.raises(DeniedError, match=r"goes to https://api\.stripe\.com only"):
        send("stripe.products.create")
    assert len(asked) == 1
