"""Discounts of a customer, which older versions set. https://docs.stripe.com/billing/subscriptions/coupons"""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.conftest import Api
from tests.simulator.stripe.conftest import DAY, Shop

OLDER = {"Stripe_Version": "2024-06-20"}


def told(api: Api) -> list[str]:
    """The events about discounts, oldest first."""
    events = api.get("/v1/events", limit=100)["data"][::-1]
    return [each["type"].rpartition(".")[2] for each in events if each["type"].startswith("customer.discount.")]


@pytest.mark.parametrize(
    ("coupon", "totals"),
    [
        ({"percent_off": 25, "duration": "once"}, [750, 1000, 1000]),
        ({"percent_off": 25, "duration": "forever"}, [750, 750, 750]),
        ({"percent_off": 25, "duration": "repeating", "duration_in_months": 2}, [750, 750, 1000]),
        ({"amount_off": 300, "currency": "usd", "duration": "forever"}, [700, 700, 700]),
    ],
)
def test_a_customer_s_discount_is_on_the_invoices_of_its_subscriptions(
    shop: Shop, coupon: dict[str, Any], totals: list[int]
) -> None:
    """10.00 a month for three months, as long as the coupon says. The same page, "Coupon duration"."""
    shop.api.post(f"/v1/customers/{shop.customer}", f"coupon={shop.coupon(**coupon)}", **OLDER)
    shop.subscribe(shop.price(1000))
    for _ in totals[1:]:
        shop.api.simulator.advance(31 * DAY + 7200)
    assert [each["total"] for each in shop.invoices()][:3] == totals


def test_a_subscription_s_own_discount_goes_before_it(shop: Shop) -> None:
    """And an invoice's; an invoice that wants none has none."""
    half, tenth = (shop.coupon(percent_off=off, duration="forever") for off in (50, 10))
    shop.api.post(f"/v1/customers/{shop.customer}", f"coupon={half}", **OLDER)
    made = shop.subscribe(shop.price(1000), discounts=[{"coupon": tenth}])
    assert made["latest_invoice"]["total"] == 900
    assert shop.subscribe(shop.price(1000))["latest_invoice"]["total"] == 500
    totals = []
    for more in ("", f"&discounts[0][coupon]={tenth}", "&discounts="):
        shop.api.post("/v1/invoiceitems", f"customer={shop.customer}&amount=1000&currency=usd")
        form = f"customer={shop.customer}&pending_invoice_items_behavior=include{more}"
        totals.append(shop.api.post("/v1/invoices", form)["total"])
    assert totals == [500, 900, 1000]


def test_a_customer_is_switched_to_another_coupon(api: Api) -> None:
    """Which is one event, with what was before; the discount is another."""
    first, second = (api.post("/v1/coupons", f"percent_off={off}")["id"] for off in (20, 30))
    customer = api.post("/v1/customers", f"coupon={first}", **OLDER)
    changed = api.post(f"/v1/customers/{customer['id']}", f"coupon={second}", **OLDER)
    assert changed["discount"]["id"] != customer["discount"]["id"]
    assert changed["discount"]["coupon"]["percent_off"] == 30
    event = api.get("/v1/events", type="customer.discount.updated")["data"][0]["data"]
    assert event["previous_attributes"] == {"id": customer["discount"]["id"], "source": {"coupon": first}}
    assert event["object"]["id"] == changed["discount"]["id"]
    assert told(api) == ["created", "updated"]
    assert [api.get(f"/v1/coupons/{id}")["times_redeemed"] for id in (first, second)] == [1, 1]


def test_a_discount_is_taken_away(api: Api) -> None:
    """By ``""`` of an older client, or by its own operation, once."""
    coupon = api.post("/v1/coupons", "percent_off=20")["id"]
    customer = api.post("/v1/customers", f"coupon={coupon}", **OLDER)["id"]
    path = f"/v1/customers/{customer}"
    assert api.post(path, "coupon=", **OLDER)["discount"] is None
    api.post(path, f"coupon={coupon}", **OLDER)
    assert api.delete(f"{path}/discount")["deleted"] is True
    assert api.get(path)["discount"] is None
    assert api.error("DELETE", f"{path}/discount")[0] == 404
    assert told(api) == ["created", "deleted", "created", "deleted"]


def test_codes_are_checked_like_anywhere(api: Api) -> None:
    """A promotion code of another customer, an unknown coupon, both at once: nothing is made."""
    coupon = api.post("/v1/coupons", "percent_off=20")["id"]
    other = api.post("/v1/customers", "")["id"]
    code = api.post("/v1/promotion_codes", f"promotion[type]=coupon&promotion[coupon]={coupon}&customer={other}")["id"]
    for form, param in (
        (f"promotion_code={code}", "promotion_code"),
        ("coupon=none", "coupon"),
        ("coupon[]=none", "coupon"),
        (f"coupon={coupon}&promotion_code={code}", "coupon"),
    ):
        assert api.error("POST", "/v1/customers", form, **OLDER)[1]["param"] == param
    assert api.ids("/v1/customers") == [other]
    assert api.post(f"/v1/customers/{other}", f"promotion_code={code}", **OLDER)["discount"]["promotion_code"] == code


def test_a_key_is_of_the_older_parameters_too(api: Api) -> None:
    """The same key with another coupon is another request."""
    first, second = (api.post("/v1/coupons", f"percent_off={off}")["id"] for off in (20, 30))
    key = {"Idempotency_Key": "k1", **OLDER}
    made = api.post("/v1/customers", f"coupon={first}", **key)
    assert api.post("/v1/customers", f"coupon={first}", **key)["id"] == made["id"]
    assert api.error("POST", "/v1/customers", f"coupon={second}", **key)[1]["type"] == "idempotency_error"


def test_all_discounts_of_a_subscription_are_taken_away_at_once(api: Api) -> None:
    """Each of them is deleted, with its event. https://docs.stripe.com/api/discounts/subscription_delete"""
    customer = api.post(
        "/v1/customers", "payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa"
    )
    product = api.post("/v1/products", "name=Plan")["id"]
    price = api.post("/v1/prices", f"product={product}&currency=usd&unit_amount=1000&recurring[interval]=month")["id"]
    coupons = [api.post("/v1/coupons", f"percent_off={percent}&duration=forever")["id"] for percent in (10, 20)]
    named = "&".join(f"discounts[{n}][coupon]={coupon}" for n, coupon in enumerate(coupons))
    made = api.post("/v1/subscriptions", f"customer={customer['id']}&items[0][price]={price}&{named}")
    path = f"/v1/subscriptions/{made['id']}"
    gone = api.delete(f"{path}/discount")
    assert (gone["id"], gone["deleted"]) == (made["discounts"][-1], True)
    assert api.get(path)["discounts"] == []
    events = api.get("/v1/events", type="customer.discount.deleted")["data"]
    assert {event["data"]["object"]["id"] for event in events} == set(made["discounts"])
