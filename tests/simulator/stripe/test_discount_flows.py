"""Coupons and tax rates over renewals and changes, each sum worked out by hand from the page that its test names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.stripe.conftest import DAY, Shop, amounts

HALF_YEAR = 182 * DAY


def totals(shop: Shop) -> list[int]:
    """The totals of the customer's invoices, oldest first."""
    return [invoice["total"] for invoice in shop.invoices()]


# (coupon, interval and count of 10.00, trial in days, how long to wait, totals), by
# https://docs.stripe.com/api/coupons/object#coupon_object-duration: months count from when it is redeemed, and what
# costs nothing uses up no coupon of once.
DURATIONS: list[tuple[dict[str, Any], tuple[str, int], int, int, list[int]]] = [
    ({"percent_off": 50, "duration": "once"}, ("month", 1), 7, 40, [0, 500, 1000]),
    (
        {"percent_off": 50, "duration": "repeating", "duration_in_months": 2},
        ("month", 1),
        31,
        92,
        [0, 500, 1000, 1000],
    ),
    ({"percent_off": 50, "duration": "repeating", "duration_in_months": 4}, ("month", 3), 0, 182, [500, 500, 1000]),
    ({"percent_off": 50, "duration": "repeating", "duration_in_months": 1}, ("week", 1), 0, 36, [500] * 5 + [1000]),
    ({"amount_off": 1500, "currency": "usd", "duration": "forever"}, ("month", 1), 0, 32, [0, 0]),
    ({"amount_off": 300, "currency": "usd", "duration": "forever"}, ("month", 1), 0, 60, [700, 700, 700]),
    ({"percent_off": 33.3, "duration": "forever"}, ("year", 1), 0, 366, [667, 667]),
    ({"percent_off": 100, "duration": "repeating", "duration_in_months": 2}, ("month", 1), 0, 60, [0, 0, 1000]),
]


@pytest.mark.parametrize(("coupon", "every", "trial", "days", "wanted"), DURATIONS)
def test_a_coupon_over_renewals(
    shop: Shop, coupon: dict[str, Any], every: tuple[str, int], trial: int, days: int, wanted: list[int]
) -> None:
    """The totals of all invoices of 10.00 with a coupon from the start."""
    interval, count = every
    price = shop.price(1000, interval, recurring={"interval_count": count})
    fields = {"trial_period_days": trial} if trial else {}
    shop.subscribe(price, discounts=[{"coupon": shop.coupon(**coupon)}], **fields)
    shop.wait(days * DAY)
    assert totals(shop) == wanted


@pytest.mark.parametrize(("swapped", "wanted"), [(False, [500, 800, 800]), (True, [560, 800, 800])])
def test_two_coupons_one_of_which_is_of_once(shop: Shop, swapped: bool, wanted: list[int]) -> None:
    """20 % for ever and 3.00 once: the order decides what the percentage is of.

    https://docs.stripe.com/billing/subscriptions/coupons#stacking
    """
    share = shop.coupon(percent_off=20, duration="forever")
    sum_ = shop.coupon(amount_off=300, currency="usd", duration="once")
    given = [{"coupon": sum_}, {"coupon": share}] if swapped else [{"coupon": share}, {"coupon": sum_}]
    shop.subscribe(shop.price(1000), discounts=given)
    shop.wait(60 * DAY)
    assert totals(shop) == wanted


def test_a_coupon_that_is_added_and_taken_away(shop: Shop) -> None:
    """Added within a period it is for the next invoice, and gone from the one after it is removed.

    https://docs.stripe.com/billing/subscriptions/coupons
    """
    made = shop.subscribe(shop.price(1000))
    shop.wait(10 * DAY)
    shop.change(made, discounts=[{"coupon": shop.coupon(percent_off=25, duration="forever")}])
    shop.wait(50 * DAY)
    shop.change(made, discounts=[])
    shop.wait(31 * DAY)
    assert totals(shop) == [1000, 750, 750, 1000]


def test_a_coupon_of_an_amount_in_prorations(shop: Shop) -> None:
    """2.00 off for ever; 10.00 to 30.00 with 21 of 31 days left: 21/31 of 8.00 back, of 28.00 asked for.

    https://docs.stripe.com/billing/subscriptions/prorations#prorations-and-discounts
    """
    product = shop.api.post("/v1/products", {"name": "Plan"})["id"]
    coupon = shop.coupon(amount_off=200, currency="usd", duration="forever")
    made = shop.subscribe(shop.price(1000, product=product), discounts=[{"coupon": coupon}])
    shop.wait(10 * DAY)
    item = {"id": made["items"]["data"][0]["id"], "price": shop.price(3000, product=product)}
    shop.change(made, items=[item])
    shop.wait(21 * DAY)
    invoice = shop.now(made)["latest_invoice"]
    assert sorted(amounts(invoice)) == [-542, 1897, 3000]
    assert invoice["total"] == 3000 - 200 - 542 + 1897


def test_a_coupon_of_a_percentage_in_prorations(shop: Shop) -> None:
    """Half off for ever: 21/31 of 5.00 back, of 15.00 asked for, then 15.00.

    https://docs.stripe.com/billing/subscriptions/prorations#prorations-and-discounts
    """
    product = shop.api.post("/v1/products", {"name": "Plan"})["id"]
    coupon = shop.coupon(percent_off=50, duration="forever")
    made = shop.subscribe(shop.price(1000, product=product), discounts=[{"coupon": coupon}])
    shop.wait(10 * DAY)
    item = {"id": made["items"]["data"][0]["id"], "price": shop.price(3000, product=product)}
    at_once = shop.change(made, items=[item], proration_behavior="always_invoice")["latest_invoice"]
    assert (amounts(at_once), at_once["total"]) == ([-339, 1016], 677)
    shop.wait(21 * DAY)
    assert shop.now(made)["latest_invoice"]["total"] == 1500


def test_taxes_of_prorations_are_rounded_line_by_line(shop: Shop) -> None:
    """10 % of -6.77, 20.32 and 30.00 are -0.68, 2.03 and 3.00.

    https://docs.stripe.com/billing/taxes/tax-rates
    """
    product = shop.api.post("/v1/products", {"name": "Plan"})["id"]
    made = shop.subscribe(shop.price(1000, product=product), default_tax_rates=[shop.rate(10, inclusive=False)])
    shop.wait(10 * DAY)
    shop.change(made, items=[{"id": made["items"]["data"][0]["id"], "price": shop.price(3000, product=product)}])
    shop.wait(21 * DAY)
    invoice = shop.now(made)["latest_invoice"]
    assert sorted(sum(tax["amount"] for tax in line["taxes"]) for line in invoice["lines"]["data"]) == [-68, 203, 300]
    assert (invoice["subtotal"], invoice["total"]) == (4355, 4355 + 435)


# (amounts of the lines, coupon of the invoice, percentage, inclusive, what is left of each, taxes of each, total),
# by https://docs.stripe.com/billing/taxes/tax-rates: the tax is on what is left after discounts, line by line.
TAXED: list[tuple[list[int], dict[str, Any], float, bool, list[int], list[int], int]] = [
    ([1200], {"percent_off": 25}, 20, True, [900], [150], 900),
    ([1200], {"percent_off": 25}, 20, False, [900], [180], 1080),
    ([1000, 500], {"amount_off": 300, "currency": "usd"}, 20, True, [800, 400], [133, 67], 1200),
    ([1000, 500], {"amount_off": 300, "currency": "usd"}, 10, False, [800, 400], [80, 40], 1320),
    ([333, 333], {"percent_off": 0.01}, 8.875, False, [333, 333], [30, 30], 726),  # 29.55 each, not 59.10
    ([999], {"percent_off": 100}, 20, False, [0], [0], 0),
    ([1999], {"percent_off": 12.5}, 19, True, [1749], [279], 1749),  # 249.875 off; 17.49 × 19/119 is 2.7925
    ([5000], {"amount_off": 1000, "currency": "usd"}, 7.7, False, [4000], [308], 4308),
]


@pytest.mark.parametrize(("lines", "coupon", "percent", "inclusive", "left", "taxes", "total"), TAXED)
def test_taxes_come_after_discounts(
    shop: Shop,
    lines: list[int],
    coupon: dict[str, Any],
    percent: float,
    inclusive: bool,
    left: list[int],
    taxes: list[int],
    total: int,
) -> None:
    """A one-off invoice with a coupon and a tax rate, to the cent."""
    fields = {
        "discounts": [{"coupon": shop.coupon(**coupon)}],
        "default_tax_rates": [shop.rate(percent, inclusive=inclusive)],
    }
    invoice = shop.api.post("/v1/invoices", {"customer": shop.customer, **fields})["id"]
    for amount in lines:
        item = {"customer": shop.customer, "invoice": invoice, "amount": amount, "currency": "usd"}
        shop.api.post("/v1/invoiceitems", item)
    found = shop.api.get(f"/v1/invoices/{invoice}")
    data = sorted(found["lines"]["data"], key=lambda line: -line["amount"])
    assert [line["amount"] - sum(d["amount"] for d in line["discount_amounts"]) for line in data] == left
    assert [line["taxes"][0]["amount"] for line in data] == taxes
    assert found["total"] == total
    assert found["total_excluding_tax"] == total - sum(taxes)
    assert found["subtotal"] == sum(lines)


def test_a_coupon_for_a_product_takes_from_its_usage_alone(shop: Shop) -> None:
    """20.00 of a plan, and 15 calls of 0.10 at half price: 20.75 after a month.

    https://docs.stripe.com/api/coupons/create#create_coupon-applies_to
    """
    formula = {"default_aggregation": {"formula": "sum"}}
    meter = shop.api.post("/v1/billing/meters", {"display_name": "Calls", "event_name": "calls", **formula})["id"]
    product = shop.api.post("/v1/products", {"name": "Calls"})["id"]
    calls = shop.price(10, product=product, recurring={"usage_type": "metered", "meter": meter})
    coupon = shop.coupon(percent_off=50, duration="forever", applies_to={"products": [product]})
    shop.subscribe(items=[{"price": shop.price(2000)}, {"price": calls}], discounts=[{"coupon": coupon}])
    payload = {"stripe_customer_id": shop.customer, "value": "15"}
    shop.api.post("/v1/billing/meter_events", {"event_name": "calls", "payload": payload})
    shop.wait(31 * DAY)
    assert totals(shop) == [2000, 2075]


def test_coupons_of_an_item_and_of_the_subscription_with_tax(shop: Shop) -> None:
    """40.00 less 10 % of the item and 10.00 of another are 46.00; 6.00 off both make 40.00, with 20 % of tax 48.00.

    https://docs.stripe.com/billing/subscriptions/coupons#stacking
    """
    ten = shop.coupon(percent_off=10, duration="forever")
    six = shop.coupon(amount_off=600, currency="usd", duration="forever")
    shop.subscribe(
        items=[
            {"price": shop.price(4000), "discounts": [{"coupon": ten}]},
            {"price": shop.price(1000, name="Extra")},
        ],
        discounts=[{"coupon": six}],
        default_tax_rates=[shop.rate(20, inclusive=False)],
    )
    shop.wait(31 * DAY)
    for invoice in shop.invoices():
        assert (invoice["subtotal"], invoice["total"]) == (4600, 4800)
        assert sum(entry["amount"] for entry in invoice["total_discount_amounts"]) == 1000


# (restrictions of the code, quantity of 10.00, whether the customer has paid before, taken or its code of refusal)
CODES: list[tuple[dict[str, Any], int, bool, int | str]] = [
    ({"minimum_amount": 2000, "minimum_amount_currency": "usd"}, 2, False, 1000),
    ({"minimum_amount": 2000, "minimum_amount_currency": "usd"}, 1, False, "promotion_code_minimum_amount"),
    ({"first_time_transaction": True}, 1, False, 500),
    ({"first_time_transaction": True}, 1, True, "promotion_code_customer_has_prior_transactions"),
]


@pytest.mark.parametrize(("limits", "quantity", "before", "wanted"), CODES)
def test_restrictions_of_a_promotion_code(
    shop: Shop, limits: dict[str, Any], quantity: int, before: bool, wanted: int | str
) -> None:
    """Half off by a code; what is refused uses up nothing of it.

    https://docs.stripe.com/billing/subscriptions/coupons#restrict-promotion-codes
    """
    price = shop.price(1000)
    if before:
        shop.subscribe(price)
    promotion = {"type": "coupon", "coupon": shop.coupon(percent_off=50)}
    code = shop.api.post("/v1/promotion_codes", {"promotion": promotion, "restrictions": limits})["id"]
    asked = {
        "customer": shop.customer,
        "items": [{"price": price, "quantity": quantity}],
        "discounts": [{"promotion_code": code}],
        "expand": ["latest_invoice"],
    }
    status, answer = shop.api.ask("POST", "/v1/subscriptions", asked)
    found = answer["latest_invoice"]["total"] if status == 200 else answer["error"]["code"]
    assert found == wanted
    assert shop.api.get(f"/v1/promotion_codes/{code}")["times_redeemed"] == (status == 200)
