"""Older versions of the API: their parameters are understood, their answers have the older members."""

from __future__ import annotations

from typing import Any

import pytest

from host.apis.catalog import Schema
from host.simulator.stripe import older_members, versions

ACACIA = {"Stripe_Version": "2025-02-24.acacia"}


def member(catalog: Any, schema: Schema | None, place: str) -> Schema | None:
    """The schema at a dotted place; a number or ``*`` is an item of a list."""
    for name in place.split("."):
        if schema is None:
            return None
        full = catalog.resolve(schema)
        options = [full, *map(catalog.resolve, full.any_of)]
        if name == "*" or name.isdecimal():
            schema = next((each.items for each in options if each.items is not None), None)
        else:
            schema = next((each.properties[name] for each in options if name in each.properties), None)
    return schema


@pytest.mark.parametrize("row", versions.RENAMED, ids=lambda row: f"{row.old}-{min(row.operations)}")
def test_a_renamed_parameter_is_gone_under_its_old_name_and_there_under_the_new(stripe, row) -> None:
    """Each operation of the row exists, and some take the new name; none takes the old one."""
    taken = 0
    for id in row.operations:
        op = stripe.operation(id)
        assert op is not None, id
        params = Schema(type="object", properties={name: param.schema for name, param in op.params.items()})
        taken += not row.new or member(stripe, params, row.new) is not None
        if row.new != row.old:
            assert member(stripe, params, row.old) is None, id
    assert taken


@pytest.mark.parametrize("row", versions.MOVED_ENDPOINTS, ids=lambda row: row.old)
def test_an_older_address_is_one_of_today(stripe, row) -> None:
    """An address of an older form is accepted today."""
    paths = {(op.method, op.path) for op in map(stripe.operation, stripe.operation_ids())}
    assert ("POST", row.new) in paths
    assert ("GET", row.old) not in paths


def test_the_upcoming_invoice_of_older_clients_is_a_preview(api, price, payer) -> None:
    """The upcoming invoice of older clients is a preview.

    https://docs.stripe.com/changelog/basil/2025-03-31/invoice-preview-api-deprecations
    """
    made = api.post("/v1/subscriptions", f"customer={payer}&items[0][price]={price}")
    item = made["items"]["data"][0]["id"]
    asked = (
        f"customer={payer}&subscription={made['id']}&subscription_items[0][id]={item}&subscription_items[0][quantity]=3"
    )
    path = f"/v1/invoices/upcoming?{asked}&subscription_proration_behavior=none"
    status, answer = api.ask("GET", path, "", **ACACIA)
    assert (status, answer["object"], answer["subscription"]) == (200, "invoice", made["id"])
    assert answer["lines"]["data"][0]["quantity"] == 3
    assert api.get(f"/v1/subscriptions/{made['id']}")["items"]["data"][0]["quantity"] == 1
    assert api.ask("GET", path)[0] == 200  # of a client that says no version
    assert api.ask("GET", path, "", Stripe_Version="2025-03-31.basil")[0] == 400


@pytest.mark.parametrize("row", older_members.MOVED, ids=lambda row: f"{row.kind}.{row.member}")
def test_a_moved_member_is_gone_from_the_newest_objects(stripe, row) -> None:
    """A moved member is gone from the newest objects."""
    properties = stripe.schema(row.kind).properties
    assert (row.member in properties) == row.replaces
    if isinstance(row.value, str):
        assert row.value.partition(".")[0] in properties


@pytest.mark.parametrize("version", ["2099-01-01", "banana", "2025-02-24.basil", "2020-08-27", "2026-10-28.other"])
def test_a_version_that_is_not_known_is_refused_by_name(api, version) -> None:
    """A version that is not known is refused by name."""
    status, error = api.error("GET", "/v1/products", Stripe_Version=version)
    assert status == 400
    assert version in error["message"]
    assert "2026-10-28.endive" in error["message"]


def test_a_parameter_of_an_older_version_is_refused_in_the_newest(api, stripe) -> None:
    """A parameter of an older version is refused in the newest."""
    coupon = api.post("/v1/coupons", "percent_off=10")["id"]
    status, error = api.error("POST", "/v1/promotion_codes", f"coupon={coupon}", Stripe_Version=stripe.version)
    assert (status, error["code"]) == (400, "parameter_unknown")


@pytest.mark.parametrize("headers", [{}, ACACIA, {"Stripe_Version": "2023-10-16"}])
def test_coupons_are_given_the_older_way(api, price, payer, headers) -> None:
    """Without a version, or with an older one, ``coupon`` is a discount of a subscription."""
    coupon = api.post("/v1/coupons", "percent_off=10")["id"]
    made = api.post("/v1/subscriptions", f"customer={payer}&items[0][price]={price}&coupon={coupon}", **headers)
    assert len(made["discounts"]) == 1
    code = api.post("/v1/promotion_codes", f"coupon={coupon}", **headers)
    assert code["promotion"] == {"type": "coupon", "coupon": coupon}
    if headers:
        assert made["discount"]["coupon"]["id"] == code["coupon"]["id"] == coupon
    else:
        assert "discount" not in made


def test_an_older_subscription_and_invoice_have_what_has_moved_since(api, price, payer) -> None:
    """An older subscription and invoice have what has moved since."""
    params = f"customer={payer}&items[0][price]={price}&expand[0]=latest_invoice.subscription"
    made = api.post("/v1/subscriptions", params, **ACACIA)
    item = made["items"]["data"][0]
    assert made["current_period_end"] == item["current_period_end"] > made["current_period_start"]
    invoice = made["latest_invoice"]
    assert invoice["subscription"]["id"] == made["id"]
    assert invoice["paid"] is True
    line = invoice["lines"]["data"][0]
    assert (line["price"]["id"], line["type"], line["proration"]) == (price, "subscription", False)
    newest = api.get(f"/v1/subscriptions/{made['id']}")
    assert "current_period_end" not in newest


def test_what_is_wrong_is_told_by_the_name_that_the_client_said(api, price, payer) -> None:
    """Of a renamed parameter, at reading it and at using it; the newest version has the newest name."""
    form = "amount=1000&currency=usd&payment_method_types[0]=cart"
    assert api.error("POST", "/v1/payment_intents", form)[1]["param"] == "payment_method_types[0]"
    assert "allowed" not in api.error("POST", "/v1/payment_intents", form)[1]["message"]
    both = "amount=1000&currency=usd&payment_method_types[0]=card&automatic_payment_methods[enabled]=true"
    message = api.error("POST", "/v1/payment_intents", both)[1]["message"]
    assert message.endswith("automatic_payment_methods, payment_method_types.")
    form = f"customer={payer}&items[0][price]={price}&coupon=none"
    for headers in ({}, ACACIA):
        status, error = api.error("POST", "/v1/subscriptions", form, **headers)
        assert (status, error["code"], error["param"]) == (400, "resource_missing", "coupon")


@pytest.mark.parametrize("word", ["True", "TRUE", "true"])
def test_a_boolean_is_written_as_older_clients_do(api, word) -> None:
    """The official Python client wrote True and False until version 12."""
    form = f"amount=1000&currency=usd&payment_method=pm_card_visa&confirm={word}&off_session=False"
    assert api.post("/v1/payment_intents", form)["status"] == "succeeded"


def test_a_client_that_says_no_version_may_expand_what_has_moved(api, price, payer) -> None:
    """The answer is the newest otherwise; in the newest version it cannot be expanded."""
    form = f"customer={payer}&items[0][price]={price}&expand[]=latest_invoice.payment_intent"
    made = api.post("/v1/subscriptions", form)
    assert made["latest_invoice"]["payment_intent"]["status"] == "succeeded"
    assert "paid" not in made["latest_invoice"]
    newest = {"Stripe_Version": api.simulator.catalog.version}
    status, error = api.error("POST", "/v1/subscriptions", form, **newest)
    assert (status, error["message"]) == (400, "This property cannot be expanded (latest_invoice.payment_intent).")


def test_an_older_invoice_tells_of_its_taxes_and_payment(api, payer) -> None:
    """https://docs.stripe.com/changelog/basil: taxes, plans, credit notes in the form that they had."""
    rate = api.post("/v1/tax_rates", "display_name=VAT&percentage=10&inclusive=false")["id"]
    api.post("/v1/invoiceitems", f"customer={payer}&amount=1000&currency=usd&tax_rates[]={rate}")
    made = api.post("/v1/invoices", f"customer={payer}&pending_invoice_items_behavior=include")["id"]
    _, invoice = api.ask("POST", f"/v1/invoices/{made}/pay", "", **ACACIA)
    (tax,) = invoice["total_tax_amounts"]
    assert (tax["amount"], tax["inclusive"], tax["tax_rate"]) == (100, False, rate)
    line = invoice["lines"]["data"][0]
    assert (line["tax_amounts"], [each["id"] for each in line["tax_rates"]]) == ([tax], [rate])
    assert (invoice["tax"], invoice["paid_out_of_band"], invoice["transfer_data"]) == (100, False, None)
    _, note = api.ask("POST", "/v1/credit_notes", f"invoice={made}&amount=300&refund_amount=300", **ACACIA)
    assert note["refund"] == api.ids("/v1/refunds")[0]


def test_an_older_subscription_of_one_item_has_its_plan(api, price, payer) -> None:
    """Before 2025-03-31 a subscription of one item, and the lines of its invoice, have a ``plan``."""
    form = f"customer={payer}&items[0][price]={price}&items[0][quantity]=3"
    _, made = api.ask("POST", "/v1/subscriptions", f"{form}&expand[]=latest_invoice", **ACACIA)
    assert (made["plan"]["id"], made["quantity"]) == (price, 3)
    assert made["latest_invoice"]["lines"]["data"][0]["plan"]["id"] == price


def test_an_account_is_rejected_in_the_older_word(api) -> None:
    """An older version rejects an account with ``reason=fraud``, which the newest version refuses."""
    account = api.post("/v1/accounts", "type=custom&country=US")["id"]
    form = "reason=fraud"
    _, told = api.ask("POST", f"/v1/accounts/{account}/reject", form, **ACACIA)
    assert "fraud" in told["requirements"]["disabled_reason"]
    newest = {"Stripe_Version": api.simulator.catalog.version}
    assert api.error("POST", f"/v1/accounts/{account}/reject", form, **newest)[1]["param"] == "reason"


def test_methods_of_payment_are_named_the_older_way(api) -> None:
    """Methods of payment are named the older way."""
    params = "amount=1000&currency=usd&payment_method_types[0]=card"
    assert api.post("/v1/payment_intents", params)["allowed_payment_method_types"] == ["card"]


def test_what_was_unset_the_older_way_unsets_the_list(api, price, payer) -> None:
    """What was unset the older way unsets the list."""
    coupon = api.post("/v1/coupons", "percent_off=10")["id"]
    made = api.post("/v1/subscriptions", f"customer={payer}&items[0][price]={price}&coupon={coupon}")
    assert api.post(f"/v1/subscriptions/{made['id']}", "coupon=", **ACACIA)["discounts"] == []


def test_what_is_gone_is_understood_of_older_clients_alone(api) -> None:
    """A customer's coupon, which older versions took; the newest does not know it."""
    coupon = api.post("/v1/coupons", "percent_off=10")["id"]
    for headers in ({}, {"Stripe_Version": "2024-06-20"}):
        made = api.post("/v1/customers", f"coupon={coupon}", **headers)
        assert made["discount"]["source"]["coupon"] == coupon
        assert ("coupon" in made["discount"]) == bool(headers)
    status, error = api.error("POST", "/v1/customers", f"coupon={coupon}", Stripe_Version=api.simulator.catalog.version)
    assert (status, error["code"]) == (400, "parameter_unknown")


@pytest.mark.parametrize(
    ("old", "new"), [("hosted", "hosted_page"), ("embedded", "embedded_page"), ("custom", "elements")]
)
def test_the_older_words_of_ui_mode_are_understood_and_answered(api, old, new) -> None:
    """The words of ui_mode before 2026-03-25.dahlia are understood and answered: https://docs.stripe.com/changelog"""
    price = api.post("/v1/prices", "currency=usd&unit_amount=500&product_data[name]=x")["id"]
    page = "success_url" if old == "hosted" else "return_url"
    form = f"mode=payment&{page}=https://x.example&line_items[0][price]={price}&line_items[0][quantity]=1&ui_mode={old}"
    assert api.post("/v1/checkout/sessions", form)["ui_mode"] == new
    assert api.post("/v1/checkout/sessions", form, **ACACIA)["ui_mode"] == old
    newest = {"Stripe_Version": api.simulator.catalog.version}
    assert api.error("POST", "/v1/checkout/sessions", form, **newest)[1]["param"] == "ui_mode"


@pytest.mark.parametrize("version", ["", "2022-11-15", "2025-06-30.basil"])
def test_an_anchor_is_a_word_in_older_versions(stripe, api, price, payer, clock, version: str) -> None:
    """``billing_cycle_anchor=now`` of updates and of previews; the newest has an object."""
    made = api.post("/v1/subscriptions", f"customer={payer}&items[0][price]={price}")
    path, headers = f"/v1/subscriptions/{made['id']}", {"Stripe_Version": version} if version else {}
    clock.now += 86400
    asked = f"subscription={made['id']}&subscription_details[billing_cycle_anchor]=now"
    preview = api.post("/v1/invoices/create_preview", asked, **headers)
    changed = api.post(path, "billing_cycle_anchor=now&expand[]=latest_invoice", **headers)
    assert changed["billing_cycle_anchor"] == clock.now
    assert changed["latest_invoice"]["total"] == preview["total"]
    assert api.post(path, "billing_cycle_anchor=unchanged", **headers)["billing_cycle_anchor"] == clock.now
    assert api.error("POST", path, "billing_cycle_anchor=now", Stripe_Version=stripe.version)[0] == 400
