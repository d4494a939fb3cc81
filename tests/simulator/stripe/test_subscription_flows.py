"""Subscriptions over several periods, each sum worked out by hand beforehand from the page that its test names.

The clock starts on 15 January 2027, 08:00 UTC: the first month has 31 days, the second 28, the third 31.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.stripe.conftest import DAY, Shop, amounts

FEBRUARY, MARCH, APRIL = 31 * DAY, 59 * DAY, 90 * DAY  # until the 15th of the month


def item_of(made: dict[str, Any]) -> str:
    """The id of a subscription's first item."""
    return str(made["items"]["data"][0]["id"])


def plans(shop: Shop, *amounts_of: int, interval: str = "month") -> list[str]:
    """Prices of one product."""
    product = shop.api.post("/v1/products", {"name": "Plan"})["id"]
    return [shop.price(amount, interval, product=product) for amount in amounts_of]


def totals(shop: Shop) -> list[int]:
    """The totals of the customer's invoices, oldest first."""
    return [invoice["total"] for invoice in shop.invoices()]


def test_two_changes_in_one_period(shop: Shop) -> None:
    """10.00 to 30.00 with 21 of 31 days left, and back with 11 left: -6.77, 20.32, -10.65 and 3.55.

    https://docs.stripe.com/billing/subscriptions/prorations
    """
    low, high = plans(shop, 1000, 3000)
    made = shop.subscribe(low)
    shop.wait(10 * DAY)
    shop.change(made, items=[{"id": item_of(made), "price": high}])
    shop.wait(10 * DAY)
    shop.change(made, items=[{"id": item_of(made), "price": low}])
    shop.wait(11 * DAY)
    invoice = shop.now(made)["latest_invoice"]
    assert sorted(amounts(invoice)) == [-1065, -677, 355, 1000, 2032]
    assert invoice["total"] == 1645


# (behaviour, what is billed at once, the next invoice) of one seat that becomes five, of 10.00 each, on the 10th day.
SEATS = [
    ("none", None, 5000),
    ("create_prorations", None, 5000 - 677 + 3387),  # 21/31 of 10.00, of 50.00
    ("always_invoice", 2710, 5000),
]


@pytest.mark.parametrize(("behavior", "at_once", "later"), SEATS)
def test_seats_are_added(shop: Shop, behavior: str, at_once: int | None, later: int) -> None:
    """What ``proration_behavior`` says of when the difference is billed.

    https://docs.stripe.com/billing/subscriptions/prorations#control-how-to-bill-for-subscription-updates
    """
    made = shop.subscribe(shop.price(1000))
    shop.wait(10 * DAY)
    shop.change(made, items=[{"id": item_of(made), "quantity": 5}], proration_behavior=behavior)
    assert totals(shop) == [1000, *([] if at_once is None else [at_once])]
    shop.wait(21 * DAY)
    assert shop.now(made)["latest_invoice"]["total"] == later


def test_a_new_anchor_without_prorations_gives_nothing_back(shop: Shop) -> None:
    """The rest of the old period is lost: 10.00 are billed from 25 January to 25 February.

    https://docs.stripe.com/billing/subscriptions/billing-cycle#change-the-billing-cycle-of-an-existing-subscription
    """
    made = shop.subscribe(shop.price(1000))
    shop.wait(10 * DAY)
    after = shop.change(made, billing_cycle_anchor="now", proration_behavior="none")
    assert amounts(after["latest_invoice"]) == [1000]
    (line,) = after["latest_invoice"]["lines"]["data"]
    assert line["period"] == {"start": shop.time, "end": shop.time + 31 * DAY}


@pytest.mark.parametrize(("behavior", "lines"), [("none", [12000]), ("create_prorations", [-677, 12000])])
def test_a_year_instead_of_a_month(shop: Shop, behavior: str, lines: list[int]) -> None:
    """The year is billed from today; the month's rest is given back only with prorations.

    https://docs.stripe.com/billing/subscriptions/change-price#immediate-payment
    """
    product = shop.api.post("/v1/products", {"name": "Plan"})["id"]
    made = shop.subscribe(shop.price(1000, product=product))
    shop.wait(10 * DAY)
    year = shop.price(12000, "year", product=product)
    after = shop.change(made, items=[{"id": item_of(made), "price": year}], proration_behavior=behavior)
    assert amounts(after["latest_invoice"]) == lines


def test_what_is_too_little_to_charge_is_on_the_next_invoice(shop: Shop) -> None:
    """7.00 a week instead of 10.00 a month come to 0.23 today, which a week later make 7.23 with the week's 7.00.

    https://docs.stripe.com/billing/customer/balance
    """
    product = shop.api.post("/v1/products", {"name": "Plan"})["id"]
    made = shop.subscribe(shop.price(1000, product=product))
    shop.wait(10 * DAY)
    week = shop.price(700, "week", product=product)
    invoice = shop.change(made, items=[{"id": item_of(made), "price": week}])["latest_invoice"]
    assert (invoice["total"], invoice["amount_due"], invoice["status"], shop.balance()) == (23, 0, "paid", 23)
    shop.wait(7 * DAY + 3600)
    after = shop.now(made)["latest_invoice"]
    assert (after["total"], after["amount_paid"], shop.balance()) == (700, 723, 0)


def test_the_credit_of_a_downgrade_pays_the_next_invoices(shop: Shop) -> None:
    """-20.32 and 6.77 leave 13.55; the first 10.00 are paid from it, the second in part: 6.45 are charged.

    https://docs.stripe.com/billing/customer/balance
    """
    high, low = plans(shop, 3000, 1000)
    made = shop.subscribe(high)
    shop.wait(10 * DAY)
    shop.change(made, items=[{"id": item_of(made), "price": low}], proration_behavior="always_invoice")
    assert shop.balance() == -1355
    shop.wait(MARCH + DAY - 10 * DAY)
    assert [invoice["amount_paid"] for invoice in shop.invoices()] == [3000, 0, 0, 645]
    assert shop.balance() == 0


def test_another_price_keeps_the_quantity(shop: Shop) -> None:
    """Three of 10.00 become three of 20.00: 21/31 of 30.00 back, of 60.00 asked for.

    https://docs.stripe.com/billing/subscriptions/change-price
    """
    low, high = plans(shop, 1000, 2000)
    made = shop.subscribe(low, quantity=3)
    shop.wait(10 * DAY)
    after = shop.change(made, items=[{"id": item_of(made), "price": high}], proration_behavior="always_invoice")
    assert amounts(after["latest_invoice"]) == [-2032, 4065]
    assert after["items"]["data"][0]["quantity"] == 3


def test_an_item_goes_without_prorations(shop: Shop) -> None:
    """Nothing is given back; the next invoice has the other item alone.

    https://docs.stripe.com/billing/subscriptions/prorations#disable-prorations
    """
    made = shop.subscribe(shop.price(1000), shop.price(500, name="Extra"))
    shop.wait(10 * DAY)
    gone = made["items"]["data"][1]["id"]
    shop.change(made, items=[{"id": gone, "deleted": True}], proration_behavior="none")
    shop.wait(21 * DAY)
    assert totals(shop) == [1500, 1000]


def test_a_change_is_prorated_from_an_earlier_day(shop: Shop) -> None:
    """On the 10th day since the 5th, 26 of 31 days: -8.39 and 25.16.

    https://docs.stripe.com/api/subscriptions/update#update_subscription-proration_date
    """
    low, high = plans(shop, 1000, 3000)
    made = shop.subscribe(low)
    since = shop.time + 5 * DAY
    shop.wait(10 * DAY)
    how = {"proration_behavior": "always_invoice", "proration_date": since}
    after = shop.change(made, items=[{"id": item_of(made), "price": high}], **how)
    assert amounts(after["latest_invoice"]) == [-839, 2516]


@pytest.mark.parametrize(("count", "at", "lines"), [(3, DAY * 3 // 2, [-150, 300]), (7, DAY, [-257, 514])])
def test_seats_of_an_interval_of_days(shop: Shop, count: int, at: int, lines: list[int]) -> None:
    """3.00 every 3 days, doubled halfway; every 7 days, doubled with 6 left: 6/7 of 3.00 and of 6.00.

    https://docs.stripe.com/billing/subscriptions/prorations
    """
    made = shop.subscribe(shop.price(300, "day", recurring={"interval_count": count}))
    shop.wait(at)
    shop.change(made, items=[{"id": item_of(made), "quantity": 2}])
    pending = shop.api.get("/v1/invoiceitems", customer=shop.customer, pending="true")["data"]
    assert [item["amount"] for item in pending] == lines


def test_what_was_free_is_billed_from_the_change(shop: Shop) -> None:
    """From 0.00 to 20.00 on the 10th day: a new period begins and is paid at once.

    https://docs.stripe.com/billing/subscriptions/change-price#immediate-payment
    """
    free, paid = plans(shop, 0, 2000)
    made = shop.subscribe(free)
    shop.wait(10 * DAY)
    after = shop.change(made, items=[{"id": item_of(made), "price": paid}])
    assert (after["latest_invoice"]["total"], after["latest_invoice"]["amount_paid"]) == (2000, 2000)
    assert after["billing_cycle_anchor"] == shop.time


def test_what_becomes_free_gives_back_the_rest(shop: Shop) -> None:
    """21/31 of 10.00 are the customer's with the next invoice.

    https://docs.stripe.com/billing/subscriptions/prorations
    """
    paid, free = plans(shop, 1000, 0)
    made = shop.subscribe(paid)
    shop.wait(10 * DAY)
    shop.change(made, items=[{"id": item_of(made), "price": free}])
    shop.wait(21 * DAY + 3600)
    assert (totals(shop), shop.balance()) == ([1000, -677], -677)


def test_a_trial_that_is_extended_is_billed_later(shop: Shop) -> None:
    """Seven days become fourteen, with two seats instead of one: no proration, 20.00 on the 14th day.

    https://docs.stripe.com/billing/subscriptions/trials
    """
    made = shop.subscribe(shop.price(1000), trial_period_days=7)
    shop.wait(3 * DAY)
    until = shop.time + 11 * DAY
    after = shop.change(made, trial_end=until, items=[{"id": item_of(made), "quantity": 2}])
    assert (after["status"], after["trial_end"], after["billing_cycle_anchor"]) == ("trialing", until, until)
    shop.wait(11 * DAY)
    assert totals(shop) == [0, 2000]
    assert shop.now(made)["status"] == "active"


def test_what_is_sold_once_is_paid_at_the_begin_of_a_trial(shop: Shop) -> None:
    """A fee of 5.00 with 20 % of tax, twice: 12.00 today, the plan after the trial.

    https://docs.stripe.com/billing/invoices/subscription#first-invoice-extra
    """
    fee = {"price": shop.price(500, ""), "quantity": 2, "tax_rates": [shop.rate(20, inclusive=False)]}
    shop.subscribe(shop.price(1000), trial_period_days=7, add_invoice_items=[fee])
    shop.wait(7 * DAY)
    assert totals(shop) == [1200, 1000]


def test_a_trial_before_an_anchor(shop: Shop) -> None:
    """Seven days free, then 10 of January's 31 days until the first, half off: 5.00 of 10.00; 31.00 from then on.

    https://docs.stripe.com/billing/subscriptions/trials#combine-trial-billing-anchor
    """
    anchor = shop.time + 17 * DAY  # 1 February
    coupon = shop.coupon(percent_off=50, duration="once")
    params = {"billing_cycle_anchor": anchor, "trial_period_days": 7, "discounts": [{"coupon": coupon}]}
    shop.subscribe(shop.price(3100), **params)
    shop.wait(17 * DAY)
    assert totals(shop) == [0, 500, 3100]


def test_an_anchor_with_a_coupon(shop: Shop) -> None:
    """17 of January's 31 days of 31.00 are 17.00, half off; the coupon of once is used up by it.

    https://docs.stripe.com/billing/subscriptions/billing-cycle
    """
    coupon = shop.coupon(percent_off=50, duration="once")
    shop.subscribe(shop.price(3100), billing_cycle_anchor=shop.time + 17 * DAY, discounts=[{"coupon": coupon}])
    shop.wait(17 * DAY)
    assert totals(shop) == [850, 3100]


def test_a_balance_lasts_for_some_periods(shop: Shop) -> None:
    """25.00 in credit pay two months and half of the third.

    https://docs.stripe.com/billing/customer/balance
    """
    shop.api.post(f"/v1/customers/{shop.customer}/balance_transactions", {"amount": -2500, "currency": "usd"})
    shop.subscribe(shop.price(1000))
    shop.wait(APRIL + 3600)
    assert [invoice["amount_paid"] for invoice in shop.invoices()] == [0, 0, 500, 1000]


# (behaviour, the statuses of the two renewals in the pause, what is paid of all five invoices)
PAUSES = [
    ("void", "void", [1000, 0, 0, 1000]),
    ("mark_uncollectible", "uncollectible", [1000, 0, 0, 1000]),
    ("keep_as_draft", "draft", [1000, 0, 0, 1000]),
]


@pytest.mark.parametrize(("behavior", "status", "paid"), PAUSES)
def test_collection_resumes_by_itself(shop: Shop, behavior: str, status: str, paid: list[int]) -> None:
    """Two months are not collected, and the third is: the pause ends between them.

    https://docs.stripe.com/billing/subscriptions/pause-payment
    """
    made = shop.subscribe(shop.price(1000))
    shop.change(made, pause_collection={"behavior": behavior, "resumes_at": shop.time + MARCH + DAY})
    shop.wait(APRIL + 3600)
    invoices = shop.invoices()
    assert [invoice["status"] for invoice in invoices] == ["paid", status, status, "paid"]
    assert [invoice["amount_paid"] for invoice in invoices] == paid
    after = shop.now(made)
    assert (after["status"], after["pause_collection"]) == ("active", None)


@pytest.mark.parametrize(
    ("behavior", "status"), [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")]
)
def test_an_upgrade_in_a_pause_is_not_collected(shop: Shop, behavior: str, status: str) -> None:
    """All invoices of a subscription whose collection is paused are treated as it says, those of changes too.

    https://docs.stripe.com/billing/subscriptions/pause-payment
    """
    low, high = plans(shop, 1000, 3000)
    made = shop.subscribe(low)
    shop.change(made, pause_collection={"behavior": behavior})
    shop.wait(10 * DAY)
    after = shop.change(made, items=[{"id": item_of(made), "price": high}], proration_behavior="always_invoice")
    invoice = after["latest_invoice"]
    assert (invoice["total"], invoice["status"], invoice["amount_paid"]) == (1355, status, 0)
    assert (invoice["auto_advance"], after["status"]) == (False, "active")
    shop.wait(5 * DAY)
    assert shop.now(made)["latest_invoice"]["status"] == status


def test_days_until_due_are_of_the_next_invoice(shop: Shop) -> None:
    """A week for the first invoice, thirty days for the second.

    https://docs.stripe.com/api/subscriptions/update#update_subscription-days_until_due
    """
    start = shop.time
    made = shop.subscribe(shop.price(1000), collection_method="send_invoice", days_until_due=7)
    shop.change(made, days_until_due=30)
    shop.wait(FEBRUARY)
    first, second = shop.invoices()
    assert (first["due_date"], second["due_date"]) == (start + 7 * DAY, start + FEBRUARY + 30 * DAY)
    assert (first["status"], second["status"], shop.now(made)["status"]) == ("open", "draft", "past_due")


def test_a_backdated_subscription_with_a_coupon_and_tax(shop: Shop) -> None:
    """15.50 for half of an imagined month and 31.00 for one, half off, and 20 % of tax: 9.30 and 18.60.

    https://docs.stripe.com/billing/subscriptions/backdating
    """
    shop.wait(45 * DAY)  # 1 March
    coupon, vat = shop.coupon(percent_off=50, duration="forever"), shop.rate(20, inclusive=False)
    extra = {"discounts": [{"coupon": coupon}], "default_tax_rates": [vat]}
    made = shop.subscribe(shop.price(3100), backdate_start_date=shop.time - 14 * DAY, **extra)
    invoice = made["latest_invoice"]
    assert (amounts(invoice), invoice["total"]) == ([1550, 3100], 930 + 1860)
    assert [tax["amount"] for tax in invoice["total_taxes"]] == [155 + 310]


def test_a_backdated_year(shop: Shop) -> None:
    """From 1 January to 15 March are 73 of an imagined year's 365 days, of 365.00 for each of two seats.

    https://docs.stripe.com/billing/subscriptions/backdating
    """
    shop.wait(MARCH)
    made = shop.subscribe(shop.price(36500, "year"), quantity=2, backdate_start_date=shop.time - 73 * DAY)
    assert amounts(made["latest_invoice"]) == [14600, 73000]


def test_an_end_that_is_taken_back(shop: Shop) -> None:
    """What was to end goes on, and renews; what the customer said of it is kept as long as it is to end.

    https://docs.stripe.com/billing/subscriptions/cancel#reactivating-canceled-subscriptions
    """
    made = shop.subscribe(shop.price(1000))
    said = {"comment": "too dear", "feedback": "too_expensive"}
    ending = shop.change(made, cancel_at_period_end=True, cancellation_details=said)
    end = made["items"]["data"][0]["current_period_end"]
    assert (ending["cancel_at"], ending["canceled_at"], ending["status"]) == (end, shop.time, "active")
    assert {name: ending["cancellation_details"][name] for name in said} == said
    assert ending["cancellation_details"]["reason"] == "cancellation_requested"
    shop.wait(10 * DAY)
    going_on = shop.change(made, cancel_at_period_end=False)
    assert (going_on["cancel_at"], going_on["canceled_at"]) == (None, None)
    shop.wait(21 * DAY)
    assert totals(shop) == [1000, 1000]


def test_an_earlier_end_gives_back_what_is_after_it(shop: Shop) -> None:
    """An end ten days before the period's: 10/31 of 31.00 are given back when it is set, and come back if it is unset.

    https://docs.stripe.com/billing/subscriptions/cancel#cancel-at-a-specific-time
    """
    made = shop.subscribe(shop.price(3100))
    shop.wait(DAY)
    shop.change(made, cancel_at=shop.time + 20 * DAY)
    pending = shop.api.get("/v1/invoiceitems", customer=shop.customer, pending="true")["data"]
    assert sum(item["amount"] for item in pending) == -1000
