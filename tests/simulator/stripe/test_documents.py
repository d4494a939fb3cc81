"""The page of an invoice, and invoices and quotes as files."""

from __future__ import annotations

import re

import pytest

from host.simulator.stripe.documents import pdf
from tests.simulator.conftest import KEY
from tests.simulator.stripe.conftest import DAY
from tests.simulator.stripe.test_checkout import visit


def opened(shop, amount: int = 1234) -> dict:
    """An open invoice."""
    draft = shop.api.post("/v1/invoices", {"customer": shop.customer, "auto_advance": False})["id"]
    item = {"customer": shop.customer, "invoice": draft, "amount": amount, "currency": "usd", "description": "Work (1)"}
    shop.api.post("/v1/invoiceitems", item)
    found: dict = shop.api.post(f"/v1/invoices/{draft}/finalize", {"auto_advance": False})
    return found


def load(shop, url: str) -> tuple[int, dict, bytes]:
    """What is at an address."""
    head = {"Authorization": f"Bearer {KEY}"}
    found: tuple[int, dict, bytes] = shop.api.simulator.handle("GET", "/" + url.split("/", 3)[3], head, b"")
    return found


def check(body: bytes) -> str:
    """The text of a PDF whose table of objects is right."""
    assert body.startswith(b"%PDF-1.4")
    at = int(re.search(rb"startxref\n(\d+)\n", body)[1])
    assert body[at:].startswith(b"xref")
    places = [int(found) for found in re.findall(rb"(\d{10}) 00000 n", body)]
    for number, place in enumerate(places, 1):
        assert body[place:].startswith(b"%d 0 obj" % number)
    for length, content in re.findall(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", body, re.DOTALL):
        assert len(content) == int(length)
    return body.decode("cp1252")


def test_an_invoice_is_paid_at_its_page(shop) -> None:
    """The page shows the amount and the lines, refuses a declined card and takes one payment; a wrong URL is a 404.

    https://docs.stripe.com/invoicing/hosted-invoice-page
    """
    invoice = opened(shop)
    url = invoice["hosted_invoice_url"]
    status, _, page = visit(shop, url)
    assert (status, "$12.34" in page, "Work (1)" in page) == (200, True, True)
    status, _, page = visit(shop, url, {"payment_method": "pm_card_chargeDeclined"})
    assert (status, "declined" in page) == (402, True)
    assert visit(shop, url, {"payment_method": "pm_card_visa"})[0] == 200
    paid = shop.api.get(f"/v1/invoices/{invoice['id']}")
    assert (paid["status"], paid["amount_paid"]) == ("paid", 1234)
    assert "<form" not in visit(shop, url)[2]
    assert visit(shop, url + "x")[0] == 404


def test_who_must_authenticate_does_so_at_the_page(shop) -> None:
    """A card that always requires authentication pays an invoice at its page."""
    invoice = opened(shop)
    visit(shop, invoice["hosted_invoice_url"], {"payment_method": "pm_card_authenticationRequired"})
    assert shop.api.get(f"/v1/invoices/{invoice['id']}")["status"] == "paid"


def test_an_invoice_is_a_file(shop) -> None:
    """Its lines, its sums and its number. https://docs.stripe.com/api/invoices/object#invoice_object-invoice_pdf"""
    invoice = opened(shop)
    status, headers, body = load(shop, invoice["invoice_pdf"])
    assert (status, headers["content-type"]) == (200, "application/pdf")
    text = check(body)
    for said in (invoice["number"], "Work \\(1\\)   $12.34 USD", "Amount due   $12.34 USD"):
        assert said in text


def test_a_renewals_page_is_on_the_same_server(shop) -> None:
    """Made by time, not by a request."""
    made = shop.subscribe(shop.price(1000), collection_method="send_invoice", days_until_due=3)
    shop.wait(DAY)
    assert visit(shop, shop.now(made)["latest_invoice"]["hosted_invoice_url"])[0] == 200


def test_a_quote_is_a_file_once_it_is_finalized(shop) -> None:
    """The PDF of a draft is refused; that of a finalized quote has its number and its lines.

    https://docs.stripe.com/api/quotes/pdf
    """
    lines = [{"price": shop.price(1000, name="Plan ä €"), "quantity": 2}]
    quote = shop.api.post("/v1/quotes", {"customer": shop.customer, "line_items": lines})["id"]
    assert load(shop, f"x://x/v1/quotes/{quote}/pdf")[0] == 400
    number = shop.api.post(f"/v1/quotes/{quote}/finalize", {})["number"]
    status, headers, body = load(shop, f"x://x/v1/quotes/{quote}/pdf")
    assert (status, headers["content-type"]) == (200, "application/pdf")
    text = check(body)
    for said in (number, "2 x Plan ä €   $20.00 USD"):
        assert said in text


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (48, 1), (49, 2), (200, 5)])
def test_long_files_have_several_pages(count, pages) -> None:
    """48 lines each; letters that the font has not are question marks."""
    text = check(pdf([f"line {n} ☃" for n in range(count)]))
    assert f"/Count {pages} >>" in text
    assert text.count("Tj T*") == count
    assert "☃" not in text


def test_canceling_in_the_portal_is_prorated_as_its_configuration_says(shop) -> None:
    """21 of 31 days of 31.00. https://docs.stripe.com/api/customer_portal/configurations/create"""
    for behavior, balance, pending in (
        ("none", 0, []),
        ("create_prorations", 0, [-2100]),
        ("always_invoice", -2100, []),
    ):
        shop.customer = shop.payer()
        made = shop.subscribe(shop.price(3100))
        shop.wait(10 * DAY)
        cancel = {"enabled": True, "mode": "immediately", "proration_behavior": behavior}
        settings = shop.api.post("/v1/billing_portal/configurations", {"features": {"subscription_cancel": cancel}})
        asked = {"customer": shop.customer, "configuration": settings["id"]}
        visit(shop, shop.api.post("/v1/billing_portal/sessions", asked)["url"], {"subscription": made["id"]})
        assert (shop.now(made)["status"], shop.balance()) == ("canceled", balance)
        found = shop.api.get("/v1/invoiceitems", customer=shop.customer, pending="true")["data"]
        assert [item["amount"] for item in found] == pending
        shop.wait(-10 * DAY)
