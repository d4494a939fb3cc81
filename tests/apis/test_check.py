"""Checking: good values in the form they are sent, bad ones named by path, value and expectation."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.apis.catalog import Catalog, Operation
from host.apis.nearest import misspelt, nearest
from host.apis.options import CallOptions
from host.apis.prepare import bind, check_value, prepare, signature
from host.errors import InvalidCall
from tests.apis.documents import small, takes


def create(catalog: Catalog, builder: str) -> Operation:
    operation = catalog.builder(builder)
    assert operation is not None
    return operation


@pytest.mark.parametrize(
    ("builder", "name", "value", "sent"),
    [
        (
            "price",
            "metadata",
            {"n": 5, "x": 0.1, "b": True, 7: "seven"},
            {"n": "5", "x": "0.1", "b": "true", "7": "seven"},
        ),
        ("price", "unit_amount", 2999.0, 2999),
        ("price", "unit_amount_decimal", 12.5, "12.5"),
        ("price", "nickname", 5, "5"),
        ("price", "nickname", False, "false"),
        ("customer", "metadata", "", ""),
        ("customer", "metadata", [], {}),
        ("customer", "description", None, None),
        ("product", "images", "one", ["one"]),
        ("product", "images", {}, []),
        ("subscription", "items", {"price": "p"}, [{"price": "p"}]),
        ("subscription", "trial_end", "now", "now"),
        ("subscription", "trial_end", 1700000000.0, 1700000000),
        ("payment_intent", "amount", "9007199254740993", 9007199254740993),
        ("webhook_endpoint", "api_version", "2031-01-01.someday", "2031-01-01.someday"),
        ("webhook_endpoint", "enabled_events", ["brand_new.event"], ["brand_new.event"]),
    ],
)
def test_good_values(stripe: Catalog, builder: str, name: str, value: Any, sent: Any) -> None:
    """What is taken, and the form it gets."""
    assert check_value(stripe, create(stripe, builder), name, value) == sent
    assert type(check_value(stripe, create(stripe, builder), name, value)) is type(sent)


@pytest.mark.parametrize(
    ("builder", "name", "value", "said"),
    [
        (
            "price",
            "recurring",
            {"interval": "mont"},
            'interval: expected one of "month", "day", "week", "year" (did you mean "month"?), got "mont"',
        ),
        (
            "price",
            "recurring",
            {"intervall": "day"},
            'recurring.intervall: there is no such parameter; did you mean "interval"?',
        ),
        (
            "price",
            "recurring",
            "month",
            'table with interval, interval_count, meter, trial_period_days, usage_type, got "month"',
        ),
        (
            "price",
            "unit_amount",
            29.99,
            "expected an integer, got 29.99; amounts are whole numbers of minor units such as cents",
        ),
        ("price", "unit_amount", "29", 'cents, got "29"; an amount cannot be a string: pass tonumber(…) of it'),
        (
            "price",
            "unit_amount",
            1e300,
            "is beyond 2^53, where Lua numbers are no longer exact; pass it as a string",
        ),
        ("price", "unit_amount", float("nan"), "unit_amount: nan cannot be sent; expected a finite number"),
        ("price", "active", "true", 'active: expected true or false, got "true"'),
        (
            "price",
            "nickname",
            b"\xff",
            "nickname: expected a string, got a string of 1 bytes that is not UTF-8",
        ),
        ("price", "nickname", {"a": 1}, "nickname: expected a string, got a table with a"),
        ("price", "metadata", ["a"], "metadata: expected a table of names and values, got a list of 1"),
        ("price", "metadata", {"a": {"b": 1}}, "metadata.a: expected a string, got a table with b"),
        ("product", "images", {"a": "b"}, "images: expected a list, got a table with a"),
        ("product", "images", ["a", {}], "images[2]: expected a string, got an empty table"),
        (
            "subscription",
            "items",
            [{"price": "a"}, {"quantity": 1.5}],
            "items[2].quantity: expected an integer, got 1.5",
        ),
        ("subscription", "trial_end", "nov", 'trial_end: expected an integer or "now", got "nov"'),
        ("payment_intent", "currency", ["usd"], "currency: expected a string, got a list of 1"),
        (
            "account_external_account",
            "external_account",
            {"object": "card", "numbr": "4"},
            'external_account.numbr: there is no such parameter; did you mean "number"?',
        ),
    ],
)
def test_bad_values_are_named_by_path_value_and_expectation(
    stripe: Catalog, builder: str, name: str, value: Any, said: str
) -> None:
    """The message is enough to correct the script."""
    with pytest.raises(InvalidCall) as caught:
        check_value(stripe, create(stripe, builder), name, value)
    assert said in caught.value.message
    assert caught.value.outcome is None
    assert caught.value.operation == create(stripe, builder).id


def test_a_secret_value_is_not_in_the_message(stripe: Catalog) -> None:
    """A value under a name like a card's number is told by its type only."""
    with pytest.raises(InvalidCall) as caught:
        check_value(stripe, create(stripe, "token"), "card", {"number": {"x": 1}, "cvc": "123"})
    assert "card" in caught.value.message
    with pytest.raises(InvalidCall) as caught:
        check_value(stripe, create(stripe, "token"), "pii", {"id_number": ["078-05-1120"]})
    assert "078" not in caught.value.message


def test_all_missing_parameters_are_named_at_once(stripe: Catalog) -> None:
    """One error, not one per run."""
    with pytest.raises(InvalidCall, match="payment_intent: amount, currency are missing"):
        prepare(stripe, create(stripe, "payment_intent"), {}, base_url=stripe.base_url)
    with pytest.raises(InvalidCall, match="customer_tax_id: customer, type, value are missing"):
        prepare(stripe, create(stripe, "customer_tax_id"), {}, base_url=stripe.base_url)


def test_missing_members_are_found_when_the_call_is_made_not_before(stripe: Catalog) -> None:
    """A builder's table may be filled in steps."""
    price = create(stripe, "price")
    assert check_value(stripe, price, "recurring", {}) == {}
    with pytest.raises(InvalidCall, match=re.escape("recurring: interval is missing")):
        prepare(stripe, price, {"currency": "usd", "recurring": {}}, base_url=stripe.base_url)


@pytest.mark.parametrize("id", ["", ".", "..", None, True, {}, [], {"a": 1}, b"\xff"])
def test_a_path_argument_must_be_an_id(stripe: Catalog, id: Any) -> None:
    """What would address something else than one object is refused."""
    retrieve = stripe.operation("products.retrieve")
    assert retrieve is not None
    with pytest.raises(InvalidCall, match="id: "):
        prepare(stripe, retrieve, {"id": id}, base_url=stripe.base_url)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=3) | st.integers() | st.booleans(), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_any_value_is_either_taken_or_refused_with_a_clear_error(stripe: Catalog, value: Any) -> None:
    """No value a script can make raises anything but InvalidCall, for any kind of parameter."""
    for builder in ("price", "subscription", "charge", "v2_core_account"):
        operation = create(stripe, builder)
        for name in list(operation.params)[:20]:
            try:
                done = check_value(stripe, operation, name, value)
            except InvalidCall as error:
                told = error.message.startswith(f"{operation.resource}: {name}")
            else:  # checking twice changes nothing
                told = check_value(stripe, operation, name, done) == done
            assert told


def test_limits_of_a_schema_are_kept() -> None:
    """Lengths, ranges, patterns and closed enums of other APIs."""
    schema = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[A-Z]+$"},
            "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150},
            "kind": {"type": "string", "enum": ["cat", "dog"]},
            "size": {"enum": [1, 2]},
        },
    }
    catalog = small({"/pets": {"post": {"operationId": "pets.create", "requestBody": takes(schema)}}})
    pet = create(catalog, "pet")
    assert check_value(catalog, pet, "code", "ABC") == "ABC"
    for name, value, said in [
        ("code", "A", 'code: expected at least 2 characters, got "A"'),
        ("code", "ABCDE", "code: expected at most 4 characters, got 5"),
        ("code", "abc", 'code: expected a string like ^[A-Z]+$, got "abc"'),
        ("age", -1, "age: expected at least 0, got -1"),
        ("age", 150, "age: expected at most 149, got 150"),
        ("kind", "bird", 'kind: expected one of "cat", "dog", got "bird"'),
        ("size", 3, "size: expected one of 1, 2, got 3"),
    ]:
        with pytest.raises(InvalidCall) as caught:
            check_value(catalog, pet, name, value)
        assert caught.value.message == f"pet: {said}"


def test_a_schema_that_holds_itself_is_checked_to_any_depth() -> None:
    """Cycles of references cost nothing and end."""
    tree = {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string"},
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/tree"}},
        },
    }
    body = takes({"$ref": "#/components/schemas/tree"})
    paths = {"/trees": {"post": {"operationId": "trees.create", "requestBody": body}}}
    catalog = small(paths, components={"schemas": {"tree": tree}})
    operation = create(catalog, "tree")
    with pytest.raises(InvalidCall, match=re.escape("children[1].children[1]: name is missing")):
        prepare(catalog, operation, {"name": "a", "children": [{"name": "b", "children": [{}]}]}, base_url="")
    deep: dict[str, Any] = {"name": "x"}
    for _ in range(20_000):
        deep = {"name": "x", "children": [deep]}
    with pytest.raises(InvalidCall, match="nested too deep"):
        prepare(catalog, operation, deep, base_url="")


def test_did_you_mean_is_silent_without_a_near_name() -> None:
    """A guess that helps nobody is not made."""
    assert nearest("zzzz", ["currency", "amount"]) is None
    assert nearest("amount", ["unit_amount", "currency"]) == "unit_amount"
    assert nearest("curency", ["currency", "recurring"]) == "currency"


def test_only_slips_of_the_keyboard_are_refused_in_open_enums() -> None:
    """New values of an API must get through, misspelt old ones must not."""
    known = ["invoice.paid", "invoice.payment_failed", "month", "2024-06-20"]
    assert misspelt("invoice.piad", known) == "invoice.paid"
    assert misspelt("mnth", known) == "month"
    assert misspelt("invoice.payment_paid", known) is None
    assert misspelt("2024-06-21", known) is None


def test_arguments_are_bound_by_place(stripe: Catalog) -> None:
    """Path arguments first, then parameters, then options; or all parameters by name."""
    update = stripe.operation("products.update")
    detach = stripe.operation("customers.tax_ids.retrieve")
    assert update is not None
    assert detach is not None
    assert bind(update, ["p", {"name": "x"}, {"timeout": 3}]) == ({"id": "p", "name": "x"}, {"timeout": 3})
    assert bind(update, [{"id": "p", "name": "x"}]) == ({"id": "p", "name": "x"}, {})
    assert bind(update, ["p"]) == ({"id": "p"}, {})
    assert bind(update, ["p", None, {"timeout": 3}]) == ({"id": "p"}, {"timeout": 3})
    assert bind(detach, ["c", "t"]) == ({"customer": "c", "id": "t"}, {})
    assert signature(detach) == "customers.tax_ids.retrieve(customer, id, params, options)"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            [],
            "expected id first, got nothing; call it as products.update(id, params, options)",
        ),
        ([{"name": "x"}], "expected id first, got a table with name"),
        (["p", "q"], 'expected a table of parameters, got "q"'),
        (["p", {}, "q"], 'expected a table of request options, got "q"'),
        (["p", {}, {}, 1], "1 argument too many"),
    ],
)
def test_a_wrong_call_shows_how_it_is_made(stripe: Catalog, args: list[Any], said: str) -> None:
    """The error says what was expected where, and the whole signature."""
    update = stripe.operation("products.update")
    assert update is not None
    with pytest.raises(InvalidCall) as caught:
        bind(update, args)
    assert said in caught.value.message


def test_options_are_sent_as_stripe_has_them(stripe: Catalog) -> None:
    """Account, version and key are headers; timeout and retries are for the host."""
    options = CallOptions.parse(
        {
            "idempotency_key": "k-1",
            "account": "acct_1",
            "api_version": "2025-01-01.x",
            "timeout": 2,
            "retries": 0,
            "headers": {"X-Mine": "1"},
        }
    )
    product = create(stripe, "product")
    request = prepare(stripe, product, {"name": "x"}, options, base_url=stripe.base_url)
    headers = dict(request.headers)
    assert headers["Stripe-Account"] == "acct_1"
    assert headers["Stripe-Version"] == "2025-01-01.x"
    assert headers["Idempotency-Key"] == request.idempotency_key == "k-1"
    assert headers["X-Mine"] == "1"
    assert (request.timeout, request.retries) == (2.0, 0)
    assert len(headers) == len(request.headers)
    listing = stripe.operation("products.list")
    assert listing is not None  # a read has no use for a key
    assert prepare(stripe, listing, {}, options, base_url=stripe.base_url).idempotency_key is None


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"timout": 1}, 'there is no request option "timout"; did you mean "timeout"?'),
        ({"timeout": 0}, "option timeout: expected seconds above 0 and up to 3600, got 0"),
        ({"timeout": float("nan")}, "option timeout: expected seconds above 0"),
        ({"timeout": "5s"}, "option timeout: expected seconds"),
        ({"retries": 1.5}, "option retries: expected an integer from 0 to 20, got 1.5"),
        ({"retries": True}, "option retries: expected an integer"),
        ({"idempotency_key": "a\r\nb"}, "option idempotency_key: expected 1 to 255 visible ASCII characters"),
        ({"idempotency_key": ""}, "option idempotency_key: expected 1 to 255"),
        ({"account": {}}, "option account: expected a string"),
        ({"headers": {"Authorization": "x"}}, "option headers: Authorization is set by the host"),
        ({"headers": {"hOsT": "x"}}, "option headers: hOsT is set by the host"),
        (
            {"headers": {"X-A": "a\r\nB: c"}},
            "option headers: X-A must be a string without control characters",
        ),
        ({"headers": {"X A": "a"}}, 'option headers: "X A" is not a header name'),
        ("x", 'expected a table of request options, got "x"'),
    ],
)
def test_bad_options_are_refused(raw: Any, said: str) -> None:
    """Names, ranges and anything that could break out of a header."""
    with pytest.raises(InvalidCall) as caught:
        CallOptions.parse(raw)
    assert said in caught.value.message


def test_the_apis_own_headers_are_not_a_scripts_to_write(stripe: Catalog) -> None:
    """An idempotency key or account must come where the host can see it."""
    options = CallOptions.parse({"headers": {"idempotency-key": "x"}})
    with pytest.raises(InvalidCall, match="set by the host; use the option idempotency_key"):
        prepare(stripe, create(stripe, "product"), {"name": "x"}, options, base_url=stripe.base_url)


BOUNDS: list[tuple[dict[str, Any], list[float], list[float]]] = [
    ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, [1], [0, -1]),
    ({"type": "integer", "exclusiveMinimum": 0}, [1], [0]),
    ({"type": "integer", "exclusiveMinimum": 0.5, "exclusiveMaximum": 2.5}, [1, 2], [0, 3]),
    ({"type": "integer", "minimum": 5, "exclusiveMinimum": 1}, [5], [4, 2]),
    ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, [0.1], [0, -0.5]),
    ({"type": "number", "exclusiveMinimum": 0}, [1e-9], [0]),
    ({"type": "number", "exclusiveMaximum": 1, "minimum": 0}, [0, 0.99], [1, -0.1]),
    ({"type": "number", "maximum": 1, "exclusiveMaximum": True}, [0.99], [1]),
    ({"type": "number", "minimum": 0, "exclusiveMinimum": False}, [0], [-1]),
    ({"type": "number", "minimum": 0, "exclusiveMinimum": 5}, [6], [5, 1]),
]


@pytest.mark.parametrize(("schema", "good", "bad"), BOUNDS)
def test_bounds_hold_however_they_are_written(schema: dict[str, Any], good: list[float], bad: list[float]) -> None:
    """Inclusive and exclusive, as a number (3.1) and as a word beside one (3.0)."""
    params = [{"name": "n", "in": "query", "schema": schema}]
    catalog = small({"/x": {"get": {"operationId": "find", "parameters": params}}})
    operation = catalog.operation("find")
    assert operation is not None
    for value in good:
        assert check_value(catalog, operation, "n", value) == value
    for value in bad:
        with pytest.raises(InvalidCall, match=r"expected (at|more|less)"):
            check_value(catalog, operation, "n", value)
