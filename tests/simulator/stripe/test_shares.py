"""Billing for a connected account: fees and transfers of invoices, quotes, links and sessions reach the payment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.stripe.test_checkout import visit


@pytest.fixture
def account(shop) -> str:
    """A connected account."""
    return str(shop.api.post("/v1/accounts", "type=express&country=US")["id"])


def payment(shop, invoice: str) -> dict[str, Any]:
    """The intent that paid an invoice, with its charge's fee and transfer."""
    found = shop.api.get(f"/v1/invoices/{invoice}?expand[]=payments")["payments"]["data"][0]
    return divided(shop, found["payment"]["payment_intent"])


def divided(shop, intent: str) -> dict[str, Any]:
    wanted = "expand[]=latest_charge.application_fee&expand[]=latest_charge.transfer"
    found: dict[str, Any] = shop.api.get(f"/v1/payment_intents/{intent}?{wanted}")
    return found


def shared(intent: dict[str, Any]) -> tuple[int | None, int | None]:
    """The fee of the platform and what the account got, of a payment."""
    charge = intent["latest_charge"]
    return tuple((charge[name] or {}).get("amount") for name in ("application_fee", "transfer"))


@pytest.mark.parametrize(
    ("said", "got"),
    [
        ({"application_fee_amount": 100}, (100, 1000)),
        ({"application_fee_amount": 9999}, (1000, 1000)),  # capped
        ({"transfer_data": {"amount": 700}}, (None, 700)),
        ({"transfer_data": {}, "on_behalf_of": True}, (None, 1000)),
    ],
)
def test_an_invoice_is_divided_as_it_says(shop, account, said, got) -> None:
    """The fee, capped at the total, and the transfer of an invoice are those of the charge that pays it.

    https://docs.stripe.com/connect/invoices
    """
    shares = {**said, "transfer_data": {"destination": account, **said.get("transfer_data", {})}}
    if "on_behalf_of" in said:
        shares["on_behalf_of"] = account
    made = shop.api.post("/v1/invoices", {"customer": shop.customer, "currency": "usd", **shares})
    item = {"customer": shop.customer, "invoice": made["id"], "amount": 1000, "currency": "usd"}
    shop.api.post("/v1/invoiceitems", item)
    assert shop.api.post(f"/v1/invoices/{made['id']}/pay")["status"] == "paid"
    intent = payment(shop, made["id"])
    assert shared(intent) == got
    assert intent["on_behalf_of"] == shares.get("on_behalf_of")
    old = {"Stripe_Version": "2024-06-20"}
    _, seen = shop.api.ask("GET", f"/v1/invoices/{made['id']}", "", **old)
    assert seen["application_fee_amount"] == said.get("application_fee_amount")


def test_a_draft_forgets_a_transfer_that_is_unset(shop, account) -> None:
    """An invoice whose ``transfer_data`` was unset while it was a draft is paid without a fee or a transfer."""
    made = shop.api.post("/v1/invoices", f"customer={shop.customer}&transfer_data[destination]={account}")
    shop.api.post(f"/v1/invoices/{made['id']}", "transfer_data=")
    shop.api.post("/v1/invoiceitems", f"customer={shop.customer}&invoice={made['id']}&amount=1000&currency=usd")
    shop.api.post(f"/v1/invoices/{made['id']}/pay")
    assert shared(payment(shop, made["id"])) == (None, None)


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ("application_fee_amount=100", "application_fee_amount"),
        ("transfer_data[destination]=acct_none", "transfer_data[destination]"),
        ("on_behalf_of=acct_none", "on_behalf_of"),
    ],
)
@pytest.mark.parametrize("at", ["invoices", "quotes", "payment_links"])
def test_a_share_that_nobody_can_get_is_refused(shop, at, params, param) -> None:
    """A fee needs an account that pays it, and the account must be there."""
    rest = f"&line_items[0][price]={shop.price(1000, '')}&line_items[0][quantity]=1" if at == "payment_links" else ""
    whose = "" if at == "payment_links" else f"customer={shop.customer}&"
    status, error = shop.api.error("POST", f"/v1/{at}", f"{whose}{params}{rest}")
    assert (status, error["param"]) == (400, param)


@pytest.mark.parametrize(
    ("interval", "said", "got"),
    [
        ("", {"application_fee_amount": 100}, (100, 1000)),
        ("", {"transfer_data": {"amount": 400}}, (None, 400)),
        ("month", {"application_fee_percent": 12.5}, (125, 1000)),
        ("month", {"transfer_data": {"amount_percent": 40}}, (None, 400)),
    ],
)
def test_a_quote_hands_its_shares_on(shop, account, interval, said, got) -> None:
    """To its invoice, or its subscription: https://docs.stripe.com/quotes/connect."""
    shares = {**said, "transfer_data": {"destination": account, **said.get("transfer_data", {})}}
    items = [{"price": shop.price(1000, interval), "quantity": 1}]
    made = shop.api.post("/v1/quotes", {"customer": shop.customer, "line_items": items, **shares})
    shop.api.post(f"/v1/quotes/{made['id']}/finalize")
    done = shop.api.post(f"/v1/quotes/{made['id']}/accept")
    if not interval:
        shop.api.post(f"/v1/invoices/{done['invoice']}/pay")
    assert shared(payment(shop, done["invoice"])) == got


@pytest.mark.parametrize(
    ("interval", "said", "got"),
    [
        ("", {"application_fee_amount": 100}, (100, 1000)),
        ("", {"transfer_data": {"amount": 400}}, (None, 400)),
        ("month", {"application_fee_percent": 10}, (100, 1000)),
    ],
)
def test_a_payment_link_hands_its_shares_on(shop, account, interval, said, got) -> None:
    """https://docs.stripe.com/connect/payment-links: its session's payment or subscription is divided."""
    shares = {**said, "transfer_data": {"destination": account, **said.get("transfer_data", {})}}
    items = [{"price": shop.price(1000, interval), "quantity": 1}]
    made = shop.api.post("/v1/payment_links", {"line_items": items, **shares})
    assert made["transfer_data"]["destination"] == account
    visit(shop, made["url"])
    (opened,) = shop.api.get("/v1/checkout/sessions", payment_link=made["id"])["data"]
    visit(shop, opened["url"], {"payment_method": "pm_card_visa", "email": "a@example.com"})
    done = shop.api.get(f"/v1/checkout/sessions/{opened['id']}")
    intent = payment(shop, done["invoice"]) if interval else divided(shop, done["payment_intent"])
    assert shared(intent) == got


def test_a_session_says_the_shares_of_its_subscription(shop, account) -> None:
    """https://docs.stripe.com/connect/subscriptions: ``subscription_data`` of checkout."""
    items = [{"price": shop.price(1000), "quantity": 1}]
    data = {"application_fee_percent": 10, "transfer_data": {"destination": account}}
    form = {"mode": "subscription", "success_url": "https://a.example", "line_items": items, "subscription_data": data}
    opened = shop.api.post("/v1/checkout/sessions", form)
    shop.api.post(f"/v1/payment_pages/{opened['id']}/confirm", "payment_method=pm_card_visa&email=a@example.com")
    done = shop.api.get(f"/v1/checkout/sessions/{opened['id']}")
    assert shared(payment(shop, done["invoice"])) == (100, 1000)


@pytest.mark.parametrize(
    "wrong",
    ["transfer_data[destination]=acct_1", "on_behalf_of=acct_1", "invoice_creation[enabled]=true&invoice_creation"
     "[invoice_data][account_tax_ids][0]=txi_1"],
)  # fmt: skip
def test_a_link_names_only_who_there_is(shop, wrong: str) -> None:
    """When it is made and when it is changed. https://docs.stripe.com/api/payment-link/update"""
    price = shop.price(1000, "")
    param = wrong.rpartition("&")[2].partition("=")[0]
    made = shop.api.post("/v1/payment_links", f"line_items[0][price]={price}&line_items[0][quantity]=1")["id"]
    new = f"line_items[0][price]={price}&line_items[0][quantity]=1&{wrong}"
    for path, params in (("/v1/payment_links", new), (f"/v1/payment_links/{made}", wrong)):
        status, error = shop.api.error("POST", path, params)
        assert (status, error["code"], error["param"]) == (400, "resource_missing", param)
