"""Customers who are billed in several currencies. https://docs.stripe.com/invoicing/multi-currency-customers"""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.stripe.conftest import DAY, Shop


def credit(shop: Shop) -> dict[str, int]:
    """What the customer has in credit, by currency."""
    found = shop.api.get(f"/v1/customers/{shop.customer}?expand[]=invoice_credit_balance")
    return dict(found["invoice_credit_balance"])


def give(shop: Shop, amount: int, currency: str) -> dict[str, Any]:
    """A change of the customer's balance."""
    path = f"/v1/customers/{shop.customer}/balance_transactions"
    found: dict[str, Any] = shop.api.post(path, {"amount": amount, "currency": currency})
    return found


def bill(shop: Shop, amount: int, currency: str) -> dict[str, Any]:
    """A finalized invoice in a currency."""
    shop.api.post("/v1/invoiceitems", {"customer": shop.customer, "amount": amount, "currency": currency})
    wanted = {"customer": shop.customer, "currency": currency, "pending_invoice_items_behavior": "include"}
    made = shop.api.post("/v1/invoices", {**wanted, "auto_advance": False})
    found: dict[str, Any] = shop.api.post(f"/v1/invoices/{made['id']}/finalize")
    return found


def test_an_invoice_is_paid_from_the_balance_of_its_currency(shop: Shop) -> None:
    """5.00 CAD in credit take nothing off an invoice in USD, and 5.00 off one in CAD, beside a subscription in USD."""
    made = shop.subscribe(shop.price(1000))
    moved = give(shop, -500, "cad")
    assert (moved["ending_balance"], shop.balance(), credit(shop)) == (-500, 0, {"cad": 500})
    invoice = bill(shop, 1200, "cad")
    assert (invoice["amount_due"], invoice["starting_balance"], invoice["ending_balance"]) == (700, -500, 0)
    assert credit(shop) == {}
    shop.wait(31 * DAY + 7200)
    assert shop.now(made)["latest_invoice"]["amount_due"] == 1000
    assert shop.api.get(f"/v1/customers/{shop.customer}")["currency"] == "usd"


def test_a_credit_note_gives_credit_in_its_invoices_currency(shop: Shop) -> None:
    """3.00 CAD of a paid invoice; voided invoices give back in their currency, too."""
    shop.subscribe(shop.price(1000))
    paid = shop.api.post(f"/v1/invoices/{bill(shop, 1200, 'cad')['id']}/pay")
    shop.api.post("/v1/credit_notes", {"invoice": paid["id"], "amount": 300, "credit_amount": 300})
    assert (credit(shop), shop.balance()) == ({"cad": 300}, 0)
    opened = bill(shop, 1000, "cad")
    assert (opened["amount_due"], credit(shop)) == (700, {})
    shop.api.post(f"/v1/invoices/{opened['id']}/void")
    assert credit(shop) == {"cad": 300}


def test_a_subscription_in_another_currency_waits_for_the_end_of_the_last(shop: Shop) -> None:
    """Two living ones cannot differ; after that, the customer's balance is the one of the new currency."""
    first, dollars = shop.subscribe(shop.price(1000)), shop.price(900, currency="cad")
    give(shop, -100, "usd")
    give(shop, -300, "cad")
    wanted = {"customer": shop.customer, "items": [{"price": dollars}]}
    assert "combine currencies" in shop.api.error("POST", "/v1/subscriptions", wanted)[1]["message"]
    shop.api.delete(f"/v1/subscriptions/{first['id']}")
    assert shop.subscribe(dollars)["latest_invoice"]["amount_due"] == 600
    customer = shop.api.get(f"/v1/customers/{shop.customer}")
    assert (customer["currency"], customer["balance"], credit(shop)) == ("cad", 0, {"usd": 100})


def test_a_pending_item_keeps_a_customer_from_another_currency(shop: Shop) -> None:
    """It would be billed with the subscription, and cannot be."""
    shop.api.post("/v1/invoiceitems", {"customer": shop.customer, "amount": 5, "currency": "eur"})
    wanted = {"customer": shop.customer, "items": [{"price": shop.price(1000)}]}
    assert shop.api.error("POST", "/v1/subscriptions", wanted)[0] == 400


@pytest.mark.parametrize("currency", ["usd", "eur"])
def test_a_balance_without_a_currency_is_of_the_first_there_is(shop: Shop, currency: str) -> None:
    """A customer made with a balance has no currency until something is billed."""
    made = shop.api.post("/v1/customers", {"balance": -300})
    assert (made["balance"], made["currency"]) == (-300, None)
    shop.customer = made["id"]
    assert bill(shop, 1000, currency)["amount_due"] == 700
    assert shop.api.get(f"/v1/customers/{made['id']}")["currency"] == currency
