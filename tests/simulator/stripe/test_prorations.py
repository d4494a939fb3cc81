"""Prorations to the cent. The rule is https://docs.stripe.com/billing/subscriptions/prorations: by the second.

All periods here are the 31 days from 15 January 2027, 08:00 UTC.
"""

from __future__ import annotations

import pytest

from tests.simulator.stripe.conftest import DAY, amounts

MONTH = 31 * DAY
# (old price and quantity, new price and quantity, seconds into the period, given back, asked for), worked out by hand:
# given back = old × rest / 2,678,400, asked for = new × rest / 2,678,400, halves of a cent away from zero.
TABLE = [
    # The page's own example: from 10.00 to 20.00 halfway is -5.00 and 10.00.
    (1000, 1, 2000, 1, MONTH // 2, -500, 1000),
    (1000, 1, 3000, 1, 0, -1000, 3000),
    (2000, 1, 1000, 1, MONTH // 2, -1000, 500),  # a downgrade leaves 5.00 in credit
    (1000, 1, 1000, 3, MONTH // 2, -500, 1500),  # two seats more
    (1000, 5, 1000, 2, 31 * DAY // 4 * 3, -1250, 500),
    (999, 1, 1999, 1, 10 * DAY, -677, 1354),  # 21/31 of 9.99 is 6.7674, of 19.99 is 13.5416
    (1000, 1, 2000, 1, 1, -1000, 2000),  # a second is 0.0004 cents of 10.00
    (
        1000,
        1,
        2000,
        1,
        1340,
        -999,
        1999,
    ),  # 1,340 s are 0.5003 cents: the first cent is gone of both, 1.0006 of the second
    (1000, 1, 2000, 1, MONTH - 1, 0, 0),
    (3100, 1, 6200, 1, 30 * DAY, -100, 200),  # a day of 31.00 is 1.00
]


def change(shop, row, behavior: str) -> dict:
    old, before, new, after, at, _, _ = row
    product = shop.api.post("/v1/products", {"name": "Plan"})["id"]
    made = shop.subscribe(shop.price(old, product=product), quantity=before)
    shop.wait(at)
    item = {"id": made["items"]["data"][0]["id"], "quantity": after}
    if new != old:
        item["price"] = shop.price(new, product=product)
    return {"id": made["id"], "items": [item], "proration_behavior": behavior}


@pytest.mark.parametrize("row", TABLE)
def test_unused_time_is_given_back_and_remaining_time_asked_for(shop, row) -> None:
    """By the second, each rounded by itself, as pending items of the subscription's next invoice."""
    asked = change(shop, row, "create_prorations")
    shop.change(asked, **{k: v for k, v in asked.items() if k != "id"})
    items = shop.api.get("/v1/invoiceitems", customer=shop.customer, pending="true")["data"]
    assert [item["amount"] for item in items] == list(row[5:])
    assert all(item["proration"] and not item["discountable"] for item in items)
    assert [item["description"].split(" ")[0] for item in items] == ["Unused", "Remaining"]
    shop.wait(MONTH - row[4])
    assert amounts(shop.now(asked)["latest_invoice"]) == [*row[5:], row[2] * row[3]]


@pytest.mark.parametrize("row", TABLE)
def test_always_invoice_bills_the_difference_now(shop, row) -> None:
    """What is left to pay is paid at once; what is left in credit is the customer's."""
    asked = change(shop, row, "always_invoice")
    invoice = shop.change(asked, **{k: v for k, v in asked.items() if k != "id"})["latest_invoice"]
    assert (amounts(invoice), invoice["billing_reason"]) == (list(row[5:]), "subscription_update")
    total = row[5] + row[6]
    assert (invoice["total"], invoice["status"]) == (total, "paid")
    # https://docs.stripe.com/billing/customer/balance; below 0.50 nothing is charged, it waits on the balance.
    assert (invoice["amount_paid"], shop.balance()) == ((total, 0) if total >= 50 else (0, total))
    assert shop.api.get("/v1/invoiceitems", customer=shop.customer, pending="true")["data"] == []


@pytest.mark.parametrize("behavior", ["none", "create_prorations", "always_invoice"])
@pytest.mark.parametrize("row", TABLE)
def test_a_preview_is_what_is_then_billed(shop, row, behavior) -> None:
    """Lines, sums and reason of the preview are those of the invoice that comes, whatever the behaviour."""
    asked = change(shop, row, behavior)
    details = {k: v for k, v in asked.items() if k != "id"}
    params = {"subscription": asked["id"], "subscription_details": details}
    ledger = shop.api.simulator.ledger()
    preview = shop.api.post("/v1/invoices/create_preview", params)
    assert shop.api.simulator.ledger() == ledger
    shop.change(asked, **details)
    if behavior != "always_invoice":
        shop.wait(MONTH - row[4])
    billed = shop.now(asked)["latest_invoice"]
    same = ("subtotal", "total", "amount_due", "billing_reason", "currency", "period_start", "period_end")
    assert {name: preview[name] for name in same} == {name: billed[name] for name in same}
    facts = ("amount", "description", "period", "quantity", "pricing")
    for one, other in zip(preview["lines"]["data"], billed["lines"]["data"], strict=True):
        assert {name: one[name] for name in facts} == {name: other[name] for name in facts}
    assert preview["id"].startswith("upcoming_in_")


def test_items_added_and_removed_are_prorated(shop) -> None:
    """An item that comes is asked for the rest, one that goes is given back, the others stay as they are."""
    made = shop.subscribe(shop.price(1000), shop.price(3100, name="Extra"))
    gone = made["items"]["data"][1]["id"]
    shop.wait(30 * DAY)
    shop.change(made, items=[{"price": shop.price(6200, name="Other")}, {"id": gone, "deleted": True}])
    items = shop.api.get("/v1/invoiceitems", pending="true")["data"]
    assert sorted(item["amount"] for item in items) == [-100, 200]


def test_another_interval_begins_a_period_and_is_billed_at_once(shop) -> None:
    """From 31.00 a month to 365.00 a year on the 10th day: 21.00 back, the year in full, from now.

    https://docs.stripe.com/billing/subscriptions/change-price#immediate-payment
    """
    product = shop.api.post("/v1/products", {"name": "Plan"})["id"]
    made = shop.subscribe(shop.price(3100, product=product))
    year = shop.price(36500, "year", product=product)
    shop.wait(10 * DAY)
    after = shop.change(made, items=[{"id": made["items"]["data"][0]["id"], "price": year}])
    assert (amounts(after["latest_invoice"]), after["latest_invoice"]["amount_paid"]) == ([-2100, 36500], 34400)
    (item,) = after["items"]["data"]
    assert (item["current_period_start"], item["current_period_end"]) == (shop.time, shop.time + 365 * DAY)
    assert after["billing_cycle_anchor"] == shop.time


def test_the_anchor_is_set_to_now(shop) -> None:
    """The rest is given back, and a whole period begins."""
    made = shop.subscribe(shop.price(3100))
    shop.wait(10 * DAY)
    after = shop.change(made, billing_cycle_anchor={"type": "now"})
    assert amounts(after["latest_invoice"]) == [-2100, 3100]
    assert after["items"]["data"][0]["current_period_start"] == shop.time


def test_a_discount_is_in_the_amounts_of_prorations(shop) -> None:
    """Half price is half back and half asked; the items themselves take no discount.

    https://docs.stripe.com/billing/subscriptions/prorations#prorations-and-discounts
    """
    half = shop.coupon(percent_off=50, duration="forever")
    made = shop.subscribe(shop.price(1000), discounts=[{"coupon": half}])
    shop.wait(MONTH // 2)
    shop.change(made, items=[{"id": made["items"]["data"][0]["id"], "price": shop.price(2000)}])
    assert [item["amount"] for item in shop.api.get("/v1/invoiceitems", pending="true")["data"]] == [-250, 500]
    shop.wait(MONTH // 2)
    assert shop.now(made)["latest_invoice"]["total"] == -250 + 500 + 1000


def test_what_was_paid_with_a_coupon_of_once_is_what_is_given_back(shop) -> None:
    """The coupon is used up, so the new price is asked in full."""
    made = shop.subscribe(shop.price(1000), discounts=[{"coupon": shop.coupon(percent_off=50)}])
    shop.wait(MONTH // 2)
    shop.change(made, items=[{"id": made["items"]["data"][0]["id"], "price": shop.price(2000)}])
    assert [item["amount"] for item in shop.api.get("/v1/invoiceitems", pending="true")["data"]] == [-250, 1000]


def test_a_proration_date_says_since_when(shop) -> None:
    """Within the period only."""
    made = shop.subscribe(shop.price(3100))
    item = {"id": made["items"]["data"][0]["id"], "quantity": 2}
    shop.wait(20 * DAY)
    shop.change(made, items=[item], proration_date=shop.time - 10 * DAY)
    assert [found["amount"] for found in shop.api.get("/v1/invoiceitems", pending="true")["data"]] == [-2100, 4200]
    path = f"/v1/subscriptions/{made['id']}"
    error = shop.api.error("POST", path, {"items": [item], "proration_date": shop.time + 60 * DAY})
    assert error[1]["param"] == "proration_date"


def test_cancelling_gives_back_when_asked(shop) -> None:
    """``prorate`` makes a credit; with ``invoice_now`` it goes to the balance at once."""
    for query, pending, balance in (
        ("", [], 0),
        ("prorate=true", [-2100], 0),
        ("prorate=true&invoice_now=true", [-2100], -2100),
    ):
        made = shop.subscribe(shop.price(3100))
        shop.wait(10 * DAY)
        shop.api.delete(f"/v1/subscriptions/{made['id']}?{query}")
        found = shop.api.get("/v1/invoiceitems", pending="true")["data"]
        assert [item["amount"] for item in found] == pending, query
        assert shop.balance() == balance, query
        shop.wait(-10 * DAY)


def test_tax_rates_apply_to_prorations(shop) -> None:
    """20 % of what is given back and of what is asked: 5.00 and 1.00 more at halfway from 10.00 to 20.00."""
    rate = shop.rate(20, inclusive=False)
    made = shop.subscribe(shop.price(1000), default_tax_rates=[rate])
    assert made["latest_invoice"]["total"] == 1200
    shop.wait(MONTH // 2)
    after = shop.change(
        made,
        items=[{"id": made["items"]["data"][0]["id"], "price": shop.price(2000)}],
        proration_behavior="always_invoice",
    )
    assert after["latest_invoice"]["total"] == 600


def test_an_end_within_the_period_gives_back_the_rest(shop) -> None:
    """``cancel_at`` on the 10th day: 10.00 of 31.00 are kept; taken back, they are asked again.

    https://docs.stripe.com/api/subscriptions/update#update_subscription-cancel_at
    """
    made = shop.subscribe(shop.price(3100))
    pending = []
    for at in (shop.time + 10 * DAY, "", shop.time + 10 * DAY):
        shop.api.post(f"/v1/subscriptions/{made['id']}", f"cancel_at={at}")
        pending.append(sum(item["amount"] for item in shop.api.get("/v1/invoiceitems", pending="true")["data"]))
    assert pending == [-2100, 0, -2100]
    shop.wait(10 * DAY)
    assert shop.now(made)["status"] == "canceled"
    quiet = shop.subscribe(shop.price(3100), customer=shop.payer())
    shop.change(quiet, cancel_at=shop.time + 10 * DAY, proration_behavior="none")
    assert len(shop.api.get("/v1/invoiceitems", customer=quiet["customer"])["data"]) == 0


def test_a_period_that_is_ended_within_is_billed_to_that_day(shop) -> None:
    """10 of 31 days at the start; 14 of the 28 days from 15 February."""
    first = shop.subscribe(shop.price(3100), cancel_at=shop.time + 10 * DAY)
    assert first["latest_invoice"]["total"] == 1000
    # https://docs.stripe.com/billing/subscriptions/billing-mode/compare: only flexible billing leaves it to the caller
    for mode, total in (("classic", 1000), ("flexible", 3100)):
        how = {"proration_behavior": "none", "billing_mode": {"type": mode}}
        full = shop.subscribe(shop.price(3100), cancel_at=shop.time + 10 * DAY, **how)
        assert full["latest_invoice"]["total"] == total
    later = shop.subscribe(shop.price(2800), cancel_at=shop.time + 45 * DAY)
    assert later["latest_invoice"]["total"] == 2800
    shop.wait(31 * DAY)
    assert shop.now(later)["latest_invoice"]["total"] == 1400
    shop.wait(14 * DAY)
    assert shop.now(later)["status"] == "canceled"


@pytest.mark.parametrize("change", ["discounts", "default_tax_rates", "metadata", "description"])
def test_what_does_not_change_the_price_is_not_prorated(shop, change) -> None:
    """New discounts, tax rates, metadata or a description cost nothing now; they count from the next invoice.

    https://docs.stripe.com/billing/subscriptions/prorations#no-prorations
    """
    half = shop.coupon(percent_off=50, duration="forever")
    made = shop.subscribe(shop.price(1000), discounts=[{"coupon": half}])
    values = {
        "discounts": [],
        "default_tax_rates": [shop.rate(20, inclusive=False)],
        "metadata": {"a": "1"},
        "description": "x",
    }
    shop.wait(MONTH // 2)
    shop.change(made, **{change: values[change]}, proration_behavior="always_invoice")
    assert shop.api.get("/v1/invoiceitems", pending="true")["data"] == []
    assert len(shop.invoices()) == 1
    shop.wait(MONTH // 2)
    expected = {"discounts": 1000, "default_tax_rates": 600}.get(change, 500)
    assert shop.now(made)["latest_invoice"]["total"] == expected


def test_a_preview_of_what_recurs_has_no_prorations(shop) -> None:
    """Three seats of 10.00 a month: 30.00, without the difference and pending items that the next invoice has.

    https://docs.stripe.com/api/invoices/create_preview#create_create_preview-preview_mode
    """
    made = shop.subscribe(shop.price(1000))
    shop.api.post("/v1/invoiceitems", {"customer": shop.customer, "amount": 5, "currency": "usd"})
    shop.wait(MONTH // 2)
    details = {"items": [{"id": made["items"]["data"][0]["id"], "quantity": 3}]}
    params = {"subscription": made["id"], "subscription_details": details}
    for behavior in (None, "always_invoice"):
        if behavior:
            details["proration_behavior"] = behavior
        preview = shop.api.post("/v1/invoices/create_preview", {**params, "preview_mode": "recurring"})
        assert (amounts(preview), preview["total"]) == ([3000], 3000)
    details.pop("proration_behavior")
    assert amounts(shop.api.post("/v1/invoices/create_preview", params)) == [-500, 1500, 5, 3000]


@pytest.mark.parametrize(("balance", "due", "after"), [(0, 1000, 0), (-980, 0, 20), (-1500, 0, -500), (300, 1300, 0)])
def test_a_preview_has_the_balance_that_is_left(shop, balance, due, after) -> None:
    """20 cents are too little to be charged, and are owed with the next invoice.

    https://docs.stripe.com/billing/customer/balance
    """
    made = shop.subscribe(shop.price(1000))
    shop.api.post(f"/v1/customers/{shop.customer}", {"balance": balance})
    preview = shop.api.post("/v1/invoices/create_preview", {"subscription": made["id"]})
    shop.wait(31 * DAY + 7200)
    billed = shop.now(made)["latest_invoice"]
    for found in (preview, billed):
        assert (found["starting_balance"], found["amount_due"], found["ending_balance"]) == (balance, due, after)


def test_a_preview_may_be_of_flexible_billing(shop) -> None:
    """Of a new subscription, and of one that would be migrated; not of the way back.

    https://docs.stripe.com/api/invoices/create_preview#create_create_preview-subscription_details-billing_mode
    """
    path, made = "/v1/invoices/create_preview", shop.subscribe(shop.price(1000), trial_period_days=5)
    flexible, item = {"billing_mode": {"type": "flexible"}}, {"price": shop.price(700), "quantity": 2}
    trial = {"trial_end": shop.time + 5 * DAY, "items": [item]}
    new = shop.api.post(path, {"customer": shop.customer, "subscription_details": {**flexible, **trial}})
    assert new["lines"]["data"][0]["description"] == "Free trial for 2 × Plan"
    asked = {"subscription": made["id"], "subscription_details": flexible}
    assert shop.api.post(path, asked)["total"] == 1000
    assert shop.now(made)["billing_mode"]["type"] == "classic"
    shop.api.post(f"/v1/subscriptions/{made['id']}/migrate", flexible)
    back = {**asked, "subscription_details": {"billing_mode": {"type": "classic"}}}
    assert shop.api.error("POST", path, back)[1]["param"] == "subscription_details[billing_mode][type]"
