"""Metered prices in all pricing models, each sum worked out by hand from the page that its test names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.stripe.conftest import DAY, Shop, amounts

MONTH = 31 * DAY


def metered(shop: Shop, formula: str = "sum", **fields: Any) -> str:
    """A metered price of 0.10, or of other fields, for the meter of ``calls``."""
    how = {"default_aggregation": {"formula": formula}}
    meter = shop.api.post("/v1/billing/meters", {"display_name": "Calls", "event_name": "calls", **how})["id"]
    return shop.price(fields.pop("amount", 10), recurring={"usage_type": "metered", "meter": meter}, **fields)


def used(shop: Shop, value: object, **fields: Any) -> None:
    """Report calls of the customer."""
    payload = {"stripe_customer_id": shop.customer, "value": str(value)}
    shop.api.post("/v1/billing/meter_events", {"event_name": "calls", "payload": payload, **fields})


def tiers(mode: str, *rows: tuple[Any, int | None, int | None]) -> dict[str, Any]:
    """The fields of a price with tiers of (up to, unit amount, flat amount)."""
    made = [
        {
            "up_to": up_to,
            **({} if unit is None else {"unit_amount": unit}),
            **({} if flat is None else {"flat_amount": flat}),
        }
        for up_to, unit, flat in rows
    ]
    return {"billing_scheme": "tiered", "tiers_mode": mode, "tiers": made}


STEPS = ((10, 100, None), ("inf", 50, None))
FLATS = ((10, None, 500), ("inf", 30, None))
# (price, usage, amount), by https://docs.stripe.com/products-prices/pricing-models
MODELS: list[tuple[dict[str, Any], object, int]] = [
    ({}, 15, 150),
    ({}, 0, 0),
    (tiers("graduated", *STEPS), 10, 1000),
    (tiers("graduated", *STEPS), 15, 1250),
    (tiers("graduated", *STEPS), "12.5", 1125),
    (tiers("graduated", *FLATS), 11, 530),
    (tiers("volume", *STEPS), 10, 1000),
    (tiers("volume", *STEPS), 15, 750),
    (tiers("volume", *FLATS), 9, 500),
    (tiers("volume", *FLATS), 11, 330),
    ({"amount": 500, "transform_quantity": {"divide_by": 100, "round": "up"}}, 250, 1500),
    ({"amount": 500, "transform_quantity": {"divide_by": 100, "round": "down"}}, 250, 1000),
    ({"amount": 500, "transform_quantity": {"divide_by": 100, "round": "up"}}, 300, 1500),
    ({"unit_amount_decimal": "0.05"}, 12350, 618),  # 617.5 cents
    ({"unit_amount_decimal": "0.05"}, 12349, 617),  # 617.45
    ({"unit_amount_decimal": "0.000000000001"}, 1000, 0),
]


@pytest.mark.parametrize(("fields", "usage", "amount"), MODELS)
def test_usage_in_each_pricing_model(shop: Shop, fields: dict[str, Any], usage: object, amount: int) -> None:
    """What is used in a month is billed at its end, beside the next month of a plan of 20.00."""
    shop.subscribe(items=[{"price": shop.price(2000)}, {"price": metered(shop, **fields)}])
    if usage:
        used(shop, usage)
    shop.wait(MONTH)
    first, second = shop.invoices()
    assert (first["total"], second["total"]) == (2000, 2000 + amount)
    assert sorted(amounts(second)) == sorted([2000, amount])


# (formula, values by day, what they come to), by https://docs.stripe.com/api/billing/meter/create
FORMULAS: list[tuple[str, list[int], int]] = [
    ("sum", [5, 9, 7], 21),
    ("count", [5, 9, 7], 3),
    ("last", [5, 9, 7], 7),
    ("sum", [5, -3], 2),
    ("sum", [5, -9], 0),  # below zero nothing is billed
]


@pytest.mark.parametrize(("formula", "values", "total"), FORMULAS)
def test_what_a_meter_makes_of_its_events(shop: Shop, formula: str, values: list[int], total: int) -> None:
    """0.10 for each; the next month begins with nothing."""
    shop.subscribe(items=[{"price": metered(shop, formula)}])
    for value in values:
        used(shop, value)
        shop.wait(DAY)
    shop.wait(MONTH - len(values) * DAY)
    assert shop.invoices()[-1]["total"] == 10 * total
    shop.wait(28 * DAY)
    assert shop.invoices()[-1]["total"] == 0


def test_events_are_of_the_period_of_their_time(shop: Shop) -> None:
    """Reported in the second month for the first, whose invoice is paid: it is billed by none.

    https://docs.stripe.com/billing/subscriptions/usage-based/configure-grace-period
    """
    start = shop.time
    shop.subscribe(items=[{"price": metered(shop)}])
    used(shop, 100)
    shop.wait(MONTH + 2 * 3600)
    used(shop, 50, timestamp=start + 10 * DAY)
    used(shop, 30)
    shop.wait(28 * DAY)
    assert [invoice["total"] for invoice in shop.invoices()] == [0, 1000, 300]


def test_a_canceled_event_is_not_billed(shop: Shop) -> None:
    """Of 10 and 20 the 20 are taken back within a day.

    https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api#cancel-usage-events
    """
    shop.subscribe(items=[{"price": metered(shop)}])
    used(shop, 10, identifier="first")
    used(shop, 20, identifier="second")
    cancel = {"event_name": "calls", "type": "cancel", "cancel": {"identifier": "second"}}
    shop.api.post("/v1/billing/meter_event_adjustments", cancel)
    shop.wait(MONTH)
    assert shop.invoices()[-1]["total"] == 100


def test_usage_with_a_coupon_and_tax(shop: Shop) -> None:
    """10.00 of usage less 25 % are 7.50; 20 % of tax make 9.00.

    https://docs.stripe.com/billing/taxes/tax-rates
    """
    coupon, vat = shop.coupon(percent_off=25, duration="forever"), shop.rate(20, inclusive=False)
    extra = {"discounts": [{"coupon": coupon}], "default_tax_rates": [vat]}
    shop.subscribe(items=[{"price": metered(shop)}], **extra)
    used(shop, 100)
    shop.wait(MONTH)
    assert shop.invoices()[-1]["total"] == 900


# (price, quantities, credit and charge for half of the period), by the page on pricing models
CHANGES: list[tuple[dict[str, Any], int, int, list[int]]] = [
    ({"amount": 500, "transform_quantity": {"divide_by": 100, "round": "up"}}, 250, 301, [-750, 1000]),
    ({"amount": 500, "transform_quantity": {"divide_by": 100, "round": "up"}}, 250, 300, [-750, 750]),
    (tiers("graduated", *STEPS), 10, 20, [-500, 750]),
    (tiers("volume", *STEPS), 10, 20, [-500, 500]),
    (tiers("volume", *FLATS), 5, 11, [-250, 165]),
    ({"unit_amount_decimal": "10.5"}, 3, 5, [-16, 27]),  # 31.5 is 32 cents for a month, half of it 16; 52.5 is 53
]


@pytest.mark.parametrize(("fields", "before", "after", "lines"), CHANGES)
def test_quantities_change_in_each_pricing_model(
    shop: Shop, fields: dict[str, Any], before: int, after: int, lines: list[int]
) -> None:
    """Halfway through the period, the amount for all of a quantity is prorated.

    https://docs.stripe.com/products-prices/pricing-models
    """
    amount = fields.pop("amount", 0) if "amount" in fields else 0
    made = shop.subscribe(shop.price(amount, **fields), quantity=before)
    shop.wait(MONTH // 2)
    shop.change(made, items=[{"id": made["items"]["data"][0]["id"], "quantity": after}])
    pending = shop.api.get("/v1/invoiceitems", customer=shop.customer, pending="true")["data"]
    assert [item["amount"] for item in pending] == lines


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_usage_is_billed_with_a_new_anchor(shop: Shop, mode: str) -> None:
    """Ten days' calls are billed when the anchor is set to now, and count no more afterwards.

    https://docs.stripe.com/billing/subscriptions/billing-cycle#change-the-billing-cycle-of-an-existing-subscription
    """
    items = [{"price": shop.price(3100)}, {"price": metered(shop)}]
    made = shop.subscribe(items=items, billing_mode={"type": mode})
    used(shop, 10)
    shop.wait(10 * DAY)
    after = shop.change(made, billing_cycle_anchor="now")["latest_invoice"]
    assert sorted(amount for amount in amounts(after) if amount) == [-2100, 100, 3100]
    used(shop, 5)
    shop.wait(31 * DAY)
    assert sorted(amounts(shop.now(made)["latest_invoice"])) == [50, 3100]
