"""Objects: made, found, changed, gone."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest


def test_a_created_object_has_the_callers_values_and_every_required_field(api, stripe) -> None:
    """A created object has the caller's values and every required field."""
    product = api.post(
        "/v1/products",
        "name=Shirt&description=Blue&metadata[size]=XL&images[0]=http://a/1&images[1]=http://a/2&shippable=true",
    )
    assert re.fullmatch(r"prod_[A-Za-z0-9]{24}", product["id"])
    assert product["name"] == "Shirt"
    assert product["metadata"] == {"size": "XL"}
    assert product["images"] == ["http://a/1", "http://a/2"]
    assert product["shippable"] is True
    assert product["created"] == product["updated"] == 1_800_000_000
    assert product["livemode"] is False
    assert set(stripe.schema("product").required) <= product.keys()
    assert api.get(f"/v1/products/{product['id']}") == product


def test_nothing_is_of_an_owner_that_does_not_exist(api, stripe) -> None:
    """Each path with unknown ids is refused, whether it makes, lists or changes."""
    asked = 0
    for id in stripe.operation_ids():
        operation = stripe.operation(id)
        if "{" in operation.path:
            path = re.sub(r"\{\w+\}", "x_1", operation.path)
            sent = {} if path.startswith("/v2/") and operation.method == "POST" else ""
            status, answer = api.ask(operation.method, path, sent)
            assert status in (400, 403, 404, 501), (id, answer)
            asked += 1
    assert asked > 300
    assert api.error("GET", "/v1/transfers/tr_1/reversals")[1]["message"] == "No such transfer: 'tr_1'"


def test_sample_objects_lend_no_stale_ids_or_times(api) -> None:
    """Sample objects lend no stale ids or times."""
    text = json.dumps([api.post("/v1/customers"), api.post("/v1/products", "name=x")])
    assert "1234567890" not in text
    assert not re.search(r"Pga|QXg|obj_123|sample", text)


def test_an_update_changes_what_is_sent_and_merges_metadata(api) -> None:
    """An update changes what is sent and merges metadata."""
    made = api.post("/v1/products", "name=x&description=old&metadata[a]=1&metadata[b]=2")
    path = f"/v1/products/{made['id']}"
    changed = api.post(path, "description=new&metadata[b]=&metadata[c]=3")
    assert changed["description"] == "new"
    assert changed["name"] == "x"
    assert changed["metadata"] == {"a": "1", "c": "3"}
    assert api.post(path, "metadata=")["metadata"] == {}
    assert api.post(path, "images=")["images"] == []
    assert api.get(path) == {**changed, "metadata": {}}


def test_a_deleted_product_is_gone_and_a_deleted_customer_says_so(api) -> None:
    """A deleted product is gone and a deleted customer says so."""
    product, customer = api.post("/v1/products", "name=x")["id"], api.post("/v1/customers")["id"]
    assert api.delete(f"/v1/products/{product}") == {"id": product, "object": "product", "deleted": True}
    assert api.delete(f"/v1/customers/{customer}") == {"id": customer, "object": "customer", "deleted": True}
    status, error = api.error("GET", f"/v1/products/{product}")
    assert (status, error["code"]) == (404, "resource_missing")
    assert api.get(f"/v1/customers/{customer}") == {"id": customer, "object": "customer", "deleted": True}
    assert api.ids("/v1/products") == api.ids("/v1/customers") == []
    assert api.error("POST", f"/v1/customers/{customer}", "name=x")[0] == 404
    assert api.error("DELETE", f"/v1/products/{product}")[0] == 404


def test_a_product_that_has_prices_is_not_deleted(api) -> None:
    """Whatever made them, and active or not; without any it goes, and others' prices are nothing to it."""
    product, other = (api.post("/v1/products", f"name={name}")["id"] for name in "ab")
    price = api.post("/v1/prices", f"product={product}&currency=usd&unit_amount=100")["id"]
    api.post(f"/v1/prices/{price}", "active=false")
    made = api.post("/v1/products", "name=c&default_price_data[currency]=usd&default_price_data[unit_amount]=5")
    for id in (product, made["id"]):
        status, error = api.error("DELETE", f"/v1/products/{id}")
        assert (status, error["type"]) == (400, "invalid_request_error")
        assert error["message"] == "This product cannot be deleted because it has one or more user-created prices."
        assert api.post(f"/v1/products/{id}", "active=false")["active"] is False
    assert api.delete(f"/v1/products/{other}")["deleted"] is True


def test_a_callers_own_id_is_honoured_once(api) -> None:
    """A caller's own id is honoured once."""
    assert api.post("/v1/products", "id=gold&name=Gold")["id"] == "gold"
    assert api.post("/v1/coupons", "id=gold&percent_off=10")["id"] == "gold"
    status, error = api.error("POST", "/v1/products", "id=gold&name=Gold")
    assert (status, error["code"]) == (400, "resource_already_exists")
    assert error["message"] == "Product already exists."
    api.delete("/v1/products/gold")
    assert api.post("/v1/products", "id=gold&name=Again")["name"] == "Again"


def test_a_product_may_be_made_with_its_price_and_a_price_with_its_product(api) -> None:
    """A product may be made with its price and a price with its product."""
    product = api.post(
        "/v1/products",
        "name=x&default_price_data[currency]=eur&default_price_data[unit_amount]=500"
        "&default_price_data[recurring][interval]=year",
    )
    price = api.get(f"/v1/prices/{product['default_price']}")
    assert (price["product"], price["unit_amount"], price["type"]) == (product["id"], 500, "recurring")
    assert price["recurring"]["interval_count"] == 1
    other = api.post("/v1/prices", "currency=USD&unit_amount=1&product_data[name]=Made")
    assert api.get(f"/v1/products/{other['product']}")["name"] == "Made"
    assert (other["currency"], other["type"], other["unit_amount_decimal"]) == ("usd", "one_time", "1")


def test_nested_objects_belong_to_the_owner_in_the_path(api) -> None:
    """Nested objects belong to the owner in the path."""
    one, other = api.post("/v1/customers")["id"], api.post("/v1/customers")["id"]
    tax_id = api.post(f"/v1/customers/{one}/tax_ids", "type=eu_vat&value=DE123456789")
    assert tax_id["customer"] == one
    assert api.ids(f"/v1/customers/{one}/tax_ids") == [tax_id["id"]]
    assert api.ids(f"/v1/customers/{other}/tax_ids") == []
    assert api.error("GET", "/v1/customers/cus_no/tax_ids")[1]["message"] == "No such customer: 'cus_no'"


def test_ids_and_times_are_the_same_for_the_same_seed_and_clock(make) -> None:
    """Ids and times are the same for the same seed and clock."""

    def story(api: Any) -> list[Any]:
        return [
            api.post("/v1/customers", "email=a@b.c"),
            api.post("/v1/payment_intents", "amount=100&currency=usd"),
        ]

    assert story(make(seed=3)) == story(make(seed=3))
    assert story(make(seed=3)) != story(make(seed=4))


def test_json_bodies_and_iso_times_in_version_2(api) -> None:
    """Version 2 has JSON bodies and ISO times."""
    account = api.post("/v2/core/accounts", {"contact_email": "a@b.c", "metadata": {"k": "v"}})
    assert account["created"] == "2027-01-15T08:00:00.000Z"
    assert account["metadata"] == {"k": "v"}
    changed = api.post(f"/v2/core/accounts/{account['id']}", {"contact_email": None, "metadata": {"k": None}})
    assert (changed["contact_email"], changed["metadata"]) == (None, {})
    assert api.post(f"/v2/core/accounts/{account['id']}/close", {})["closed"] is True


@pytest.mark.parametrize(
    ("create", "verb", "field", "value"),
    [
        ("/v1/billing/meters", "deactivate", "status", "inactive"),
        ("/v1/topups", "cancel", "status", "canceled"),
    ],
)
def test_an_action_leads_to_the_status_its_verb_means(api, create, verb, field, value) -> None:
    """An action leads to the status its verb means."""
    params = {
        "/v1/billing/meters": "default_aggregation[formula]=sum&display_name=d&event_name=e",
        "/v1/topups": "amount=100&currency=usd",
    }
    made = api.post(create, params[create])
    assert api.post(f"{create}/{made['id']}/{verb}")[field] == value


def test_every_operation_of_the_catalog_answers(make, stripe) -> None:
    """No operation, given what it requires, ends in anything but an answer of its own form."""
    api = make(lenient=True)
    answered = 0
    for id in stripe.operation_ids():
        op = stripe.operation(id)
        path = re.sub(r"\{\w+\}", "x_1", op.path)
        wanted = {n: _example(stripe, p.schema, n) for n, p in op.params.items() if p.required and p.location == "body"}
        query = {n: _example(stripe, p.schema, n) for n, p in op.params.items() if p.required and p.location == "query"}
        if query:
            path += "?" + urlencode(list(_flat(query)))
        body: Any = wanted if op.body == "json" else urlencode(list(_flat(wanted)))
        key = ""
        if id == "v2.billing.meter_event_stream.create":  # which knows no keys
            key = api.post("/v2/billing/meter_event_session", {})["authentication_token"]
        status, answer = api.ask_as(op.method, path, body if op.method != "GET" else "", key)
        assert status in (200, 400, 402, 403, 404), (id, answer)
        if status == 200 and op.result is not None:
            full = stripe.resolve(op.result)
            full = stripe.resolve(full.any_of[0]) if full.any_of else full
            assert set(full.required) <= answer.keys(), id
            answered += 1
        elif status != 200:
            assert answer["error"]["message"], id
    assert answered > 150  # of the rest most need an object that is not there


def _example(catalog, schema, name: str) -> Any:
    full = catalog.resolve(schema)
    if full.any_of:
        return _example(catalog, full.any_of[0], name)
    if full.enum:
        return full.enum[0]
    if full.properties:
        return {n: _example(catalog, full.properties[n], n) for n in full.required}
    if full.type in ("object", "array"):
        inner = full.additional if full.type == "object" else full.items
        value = _example(catalog, inner, name) if inner else "v"
        return {"k": value} if full.type == "object" else [value]
    known = {"integer": 2_000_000_000 if "time" in name else 100, "number": 5, "boolean": True}
    return known.get(full.type, "usd" if "currency" in name else "12" if full.format == "decimal" else "text")


def _flat(value: Any, prefix: str = "") -> Any:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in pairs:
            yield from _flat(item, f"{prefix}[{key}]" if prefix else str(key))
    else:
        yield prefix, str(value).lower() if isinstance(value, bool) else value
