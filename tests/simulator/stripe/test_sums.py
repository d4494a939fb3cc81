"""Discounts and taxes, against tables worked out by hand."""

from __future__ import annotations

import pytest

from host.simulator.stripe.sums import Line, compute, taken_off
from tests.simulator.stripe.conftest import amounts

# https://docs.stripe.com/billing/taxes/tax-rates and
# https://support.stripe.com/questions/inclusive-and-exclusive-tax-options-in-the-tax-rate-api-and-stripe-tax:
# an inclusive 10 % of 600.00 leaves a total of 600.00, an exclusive one makes 660.00.
TAXES = [
    # (amount, [(percentage, inclusive)], taxes, total)
    (60000, [(10, True)], [5455], 60000),  # 600.00 / 1.1 is 545.4545
    (60000, [(10, False)], [6000], 66000),
    (1000, [(20, False)], [200], 1200),
    (1000, [(20, True)], [167], 1000),
    (999, [(8.875, False)], [89], 1088),  # 88.66
    (1000, [(5, False), (9.975, False)], [50, 100], 1150),  # Canada's two: 0.9975 rounds up
    (1000, [(10, True), (10, False)], [91, 91], 1091),  # the exclusive one is on what is net of the inclusive one
    (-500, [(20, False)], [-100], -600),
    (0, [(20, False)], [0], 0),
]


@pytest.mark.parametrize(("amount", "rates", "taxes", "total"), TAXES)
def test_taxes_of_an_amount(shop, amount, rates, taxes, total) -> None:
    """Each rate on its own, in minor units; the invoice's total and what it says of each rate."""
    ids = [shop.rate(percentage, inclusive=inclusive) for percentage, inclusive in rates]
    invoice = shop.api.post("/v1/invoices", {"customer": shop.customer, "default_tax_rates": ids})["id"]
    shop.api.post(
        "/v1/invoiceitems", {"customer": shop.customer, "invoice": invoice, "amount": amount, "currency": "usd"}
    )
    found = shop.api.get(f"/v1/invoices/{invoice}")
    assert ([tax["amount"] for tax in found["total_taxes"]], found["total"]) == (taxes, total)
    assert [tax["tax_rate_details"]["tax_rate"] for tax in found["total_taxes"]] == ids
    assert found["total_excluding_tax"] == total - sum(taxes)
    assert found["lines"]["data"][0]["taxes"] == found["total_taxes"]


# https://docs.stripe.com/billing/subscriptions/coupons: a line's own discounts first, then the invoice's.
DISCOUNTS = [
    # (lines, each (amount, own coupon), coupons of the whole, what is left of each line)
    ([(1000, None)], [{"percent_off": 12.5}], [875]),
    ([(2000, None)], [{"amount_off": 500, "currency": "usd"}], [1500]),
    ([(300, None)], [{"amount_off": 500, "currency": "usd"}], [0]),
    ([(1000, None)], [{"percent_off": 10}, {"percent_off": 10}], [810]),
    ([(1000, None)], [{"amount_off": 100, "currency": "usd"}, {"percent_off": 50}], [450]),
    ([(1000, None)], [{"percent_off": 50}, {"amount_off": 100, "currency": "usd"}], [400]),
    ([(1000, {"percent_off": 10}), (500, None)], [{"percent_off": 50}], [450, 250]),
    ([(1000, None), (1000, None), (1000, None)], [{"amount_off": 1000, "currency": "usd"}], [667, 666, 667]),
    ([(1, None), (1, None), (1, None)], [{"percent_off": 50}], [0, 1, 0]),  # 2 of 3 cents in all
    ([(1000, None), (-400, None)], [{"percent_off": 50}], [500, -400]),  # nothing is taken off what is given back
    ([(1000, None)], [{"amount_off": 500, "currency": "eur"}], [1000]),  # no dollars in a coupon of euros
    ([(1000, None)], [{"amount_off": 500, "currency": "eur", "currency_options": {"usd": {"amount_off": 600}}}], [400]),
    ([(1000, None)], [{"percent_off": 33.33}], [667]),  # 333.30
    ([(999, None)], [{"percent_off": 50}], [499]),  # 499.5 is rounded up to take off
]


@pytest.mark.parametrize(("rows", "coupons", "left"), DISCOUNTS)
def test_discounts_of_lines_and_of_the_whole(rows, coupons, left) -> None:
    """What is left of each line; what is taken off in all is to the cent what the coupon takes off the sum."""
    lines = [Line(amount, "prod", True, [] if own is None else [("own", own)]) for amount, own in rows]
    compute(lines, [(str(n), coupon) for n, coupon in enumerate(coupons)], [], "usd")
    assert [line.left for line in lines] == left


@pytest.mark.parametrize("percent", [1, 10, 33.3, 50, 99.9, 100])
@pytest.mark.parametrize("amounts_of", [(1, 1, 1), (333, 333, 334), (1, 999, 1), (7, 11, 13, 17)])
def test_the_parts_of_a_discount_are_the_whole(percent, amounts_of) -> None:
    """However it is spread, the sum is what the coupon takes off the sum."""
    lines = [Line(amount) for amount in amounts_of]
    coupon = {"percent_off": percent}
    compute(lines, [("d", coupon)], [], "usd")
    assert sum(line.discount for line in lines) == taken_off(sum(amounts_of), coupon, "usd")
    assert all(0 <= line.left <= line.amount for line in lines)


def test_a_coupon_for_products_is_for_these(shop) -> None:
    """Half off one of two products; of another product's coupon nothing comes off."""
    product = shop.api.post("/v1/products", {"name": "This"})["id"]
    other = shop.api.post("/v1/products", {"name": "Other"})["id"]
    coupon = shop.coupon(percent_off=50, applies_to={"products": [product]})
    nothing = shop.coupon(percent_off=50, applies_to={"products": [other]})
    mine = shop.price(1000, product=product)
    made = shop.subscribe(mine, shop.price(500), discounts=[{"coupon": coupon}])
    assert made["latest_invoice"]["total"] == 1000
    assert shop.subscribe(mine, discounts=[{"coupon": nothing}])["latest_invoice"]["total"] == 1000
    assert shop.api.get(f"/v1/coupons/{coupon}?expand[]=applies_to")["applies_to"] == {"products": [product]}
    assert shop.api.error("POST", "/v1/coupons", {"percent_off": 5, "applies_to": {"products": ["prod_x"]}})[0] == 400


def test_discounts_and_taxes_of_items(shop) -> None:
    """An item's own discount and its own tax rates, which stand instead of the subscription's."""
    ten, vat, none = shop.coupon(percent_off=10), shop.rate(20, inclusive=False), shop.rate(0, inclusive=False)
    made = shop.subscribe(
        items=[
            {"price": shop.price(4000), "discounts": [{"coupon": ten}]},
            {"price": shop.price(1000), "tax_rates": [none]},
        ],
        default_tax_rates=[vat],
    )
    invoice = made["latest_invoice"]
    assert sorted(amounts(invoice)) == [1000, 4000]
    assert (invoice["subtotal"], invoice["total"]) == (3600 + 1000, 3600 + 720 + 1000)
    assert [entry["amount"] for entry in invoice["total_discount_amounts"]] == [400]
    assert sorted(tax["amount"] for tax in invoice["total_taxes"]) == [0, 720]


@pytest.mark.parametrize(
    ("duration", "more", "totals"),
    [
        ("once", {}, [500, 1000, 1000, 1000]),
        ("repeating", {"duration_in_months": 2}, [500, 500, 1000, 1000]),
        ("forever", {}, [500, 500, 500, 500]),
    ],
)
def test_how_long_a_coupon_lasts(shop, duration, more, totals) -> None:
    """A coupon is taken off once, for so many months, or for ever.

    https://docs.stripe.com/api/coupons/object#coupon_object-duration
    """
    coupon = shop.coupon(percent_off=50, duration=duration, **more)
    made = shop.subscribe(shop.price(1000, "month"), discounts=[{"coupon": coupon}])
    shop.wait(3 * 31 * 86400)
    assert [invoice["total"] for invoice in shop.invoices()] == totals
    kept = shop.now(made)["discounts"]
    assert bool(kept) == (duration == "forever")


def test_a_deleted_coupon_goes_on_where_it_is(shop) -> None:
    """Deleting keeps it from being used anew, no more."""
    coupon = shop.coupon(percent_off=50, duration="forever")
    made = shop.subscribe(shop.price(1000), discounts=[{"coupon": coupon}])
    shop.api.delete(f"/v1/coupons/{coupon}")
    shop.wait(32 * 86400)
    assert shop.now(made)["latest_invoice"]["total"] == 500
    assert shop.api.error("POST", f"/v1/subscriptions/{made['id']}", {"discounts": [{"coupon": coupon}]})[0] == 400


@pytest.mark.parametrize(
    ("inclusive", "subtotal_without_tax", "total"), [(True, 9000, 9720), (False, 10800, 10800 * 0.9 * 1.2)]
)
def test_the_subtotal_has_discounts_of_items_and_not_of_the_invoice(
    shop, inclusive: bool, subtotal_without_tax: int, total: float
) -> None:
    """120.00 less 10 % of the item is 108.00; 10 % of the invoice and the tax come after that.

    https://docs.stripe.com/api/invoices/object#invoice_object-subtotal_excluding_tax
    """
    ten, twenty = shop.coupon(percent_off=10), shop.rate(20, inclusive=inclusive)
    item = {"price": shop.price(12000), "discounts": [{"coupon": ten}]}
    made = shop.subscribe(items=[item], discounts=[{"coupon": ten}], default_tax_rates=[twenty])
    invoice = made["latest_invoice"]
    assert amounts(invoice) == [12000]
    assert (invoice["subtotal"], invoice["subtotal_excluding_tax"]) == (10800, subtotal_without_tax)
    assert invoice["total"] == total


def test_the_subtotal_of_a_credit_note_has_discounts_of_items(shop) -> None:
    """All of 120.00 less 10 %, less 10 % of the invoice, with 20 % of tax in it: as its invoice has them.

    https://docs.stripe.com/api/credit_notes/object#credit_note_object-subtotal
    """
    ten, twenty = shop.coupon(percent_off=10), shop.rate(20, inclusive=True)
    item = {"price": shop.price(12000), "discounts": [{"coupon": ten}]}
    invoice = shop.subscribe(items=[item], discounts=[{"coupon": ten}], default_tax_rates=[twenty])["latest_invoice"]
    credited = {"type": "invoice_line_item", "invoice_line_item": invoice["lines"]["data"][0]["id"], "amount": 12000}
    asked = {"invoice": invoice["id"], "lines": [credited], "credit_amount": 9720}
    note = shop.api.post("/v1/credit_notes", asked)
    for name in ("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"):
        assert note[name] == invoice[name], name
    assert note["discount_amount"] == 2280
