"""Names of older APIs and other clients lead to what stands in their place."""

from __future__ import annotations

import pytest

from host.apis.catalog import Catalog
from host.apis.legacy_names import MOVED, PARAMS, VERBS, missing_member, missing_param, snake

RESOURCES = ("customers", "products", "subscriptions", "checkout.sessions", "webhook_endpoints", "invoice_items")


@pytest.mark.parametrize(
    ("prefix", "key", "said"),
    [
        ("", "Customer", "stripe.customers"),
        ("", "PaymentIntent", "stripe.payment_intents"),
        ("", "paymentIntents", "stripe.payment_intents"),
        ("", "checkout_sessions", "stripe.checkout.sessions"),
        ("", "skus", "stripe.prices"),
        ("", "usage_records", "stripe.billing.meter_events"),
        ("customers", "modify", "stripe.customers.update"),
        ("customers", "get", "stripe.customers.retrieve"),
        ("customers", "list_all", "stripe.customers.list"),
        ("customers", "createTaxId", "stripe.customers.tax_ids.create"),
        ("customers", "list_payment_methods", "stripe.customers.payment_methods.list"),
        ("checkout.sessions", "listLineItems", "stripe.checkout.sessions.line_items.list"),
        ("subscriptions", "del", "stripe.subscriptions.cancel"),
        ("prices", "del", "stripe.prices.update(id, {active = false})"),
        ("invoices", "upcoming", "stripe.invoices.create_preview"),
        ("invoices", "retrieveUpcoming", "stripe.invoices.create_preview"),
        ("subscription_items", "usage_records", "stripe.billing.meter_events"),
        ("balance", "history", "stripe.balance_transactions.list"),
        ("charges", "refund", "stripe.refunds.create"),
    ],
)
def test_the_successor_is_named(stripe: Catalog, prefix: str, key: str, said: str) -> None:
    """What to write, whole."""
    assert missing_member(stripe, prefix, key) == f"; write {said}"


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_verb_of_another_client_leads_to_an_operation_where_there_is_one(stripe: Catalog, resource: str) -> None:
    """The walk over the table of verbs."""
    for verb, successors in VERBS.items():
        if stripe.operation(f"{resource}.{verb}") is not None or f"{resource}.{verb}" in MOVED:
            continue
        have = [each for each in successors if stripe.operation(f"{resource}.{each}") is not None]
        if have:
            operation = stripe.operation(f"{resource}.{have[0]}")
            assert operation is not None
            assert missing_member(stripe, resource, verb) == f"; write stripe.{operation.id}", verb


def test_every_successor_in_the_table_exists(stripe: Catalog) -> None:
    """None leads to a name that is refused in its turn, and none hides a name that is there."""
    for old, new in MOVED.items():
        assert stripe.operation(new) is not None or stripe.children(new), new
        assert stripe.operation(old) is None, old


def test_every_operation_is_found_by_its_name_in_other_clients(stripe: Catalog) -> None:
    """Resources in camel case or as a class (``stripe.PaymentIntent``) lead to the resource itself."""
    for id in stripe.operation_ids():
        first = id.split(".")[0]
        camel = first.split("_")[0] + "".join(word.title() for word in first.split("_")[1:])
        if camel != first:
            assert missing_member(stripe, "", camel) == f"; write stripe.{first}", camel


def test_parameters_that_were_renamed_name_the_successor(stripe: Catalog) -> None:
    """Where the operation has it; in nested tables too."""
    operation = stripe.operation("subscriptions.create")
    assert operation is not None
    assert missing_param("coupon", operation.params) == "; its successor is discounts: discounts = {{coupon = …}}"
    assert missing_param("tax_percent", operation.params) == "; its successor is default_tax_rates"
    assert missing_param("iterations", {"duration", "items"}).startswith("; its successor is duration")
    assert missing_param("coupon", {"name"}) == ""
    assert missing_param("unitAmount", {"unit_amount"}) == '; did you mean "unit_amount"?'
    known = {name for id in stripe.operation_ids() for name in (stripe.operation(id) or operation).params}
    for old, successors in PARAMS.items():
        assert known.intersection(successors) or old == "iterations", old


def test_what_is_like_nothing_lists_what_there_is(stripe: Catalog) -> None:
    """The next step is to choose one of these."""
    assert "; it has create, list, retrieve, search, update" in missing_member(stripe, "prices", "zzz")
    assert missing_member(stripe, "", "x" * 1000) == ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [("PaymentIntent", "payment_intent"), ("taxIds", "tax_ids"), ("a-b c", "a_b_c"), ("x", "x"), ("_", "_")],
)
def test_names_are_brought_to_snake_case(name: str, expected: str) -> None:
    """As all names here are."""
    assert snake(name) == expected
