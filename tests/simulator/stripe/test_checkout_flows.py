"""Checkout Sessions and quotes from their amounts to the invoice, by hand from the pages that the tests name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.stripe.conftest import DAY, Shop, amounts

ANCHOR = 17 * DAY  # 1 February: 17 of January's 31 days are left


def session(shop: Shop, mode: str = "subscription", **fields: Any) -> dict[str, Any]:
    """An open session."""
    found: dict[str, Any] = shop.api.post(
        "/v1/checkout/sessions", {"mode": mode, "success_url": "https://a.example", **fields}
    )
    return found


def completed(shop: Shop, made: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The session after the customer has paid with a card."""
    shop.api.post(f"/v1/payment_pages/{made['id']}/confirm", {"payment_method": "pm_card_visa", **fields})
    found: dict[str, Any] = shop.api.get(f"/v1/checkout/sessions/{made['id']}?expand[]=invoice")
    return found


# (subscription_data, coupon, tax in percent, other item of once, amount_total) of two seats of 31.00 a month
SESSIONS: list[tuple[dict[str, Any], dict[str, Any] | None, float, int, int]] = [
    ({}, None, 0, 0, 6200),
    ({}, {"percent_off": 50, "duration": "once"}, 20, 500, 4020),  # 67.00 less half, and 6.70 of tax
    ({"trial_period_days": 7}, None, 0, 500, 500),
    ({"trial_period_days": 7}, {"percent_off": 50, "duration": "once"}, 0, 0, 0),
    ({"billing_cycle_anchor": ANCHOR}, None, 0, 0, 3400),  # 17/31 of 62.00
    ({"billing_cycle_anchor": ANCHOR}, {"percent_off": 50, "duration": "once"}, 20, 0, 2040),
    ({"billing_cycle_anchor": ANCHOR}, None, 0, 500, 3900),
    ({"billing_cycle_anchor": ANCHOR, "proration_behavior": "none"}, None, 0, 0, 0),
    ({"billing_cycle_anchor_config": {"day_of_month": 1}}, None, 0, 0, 3400),
]


@pytest.mark.parametrize(("data", "coupon", "tax", "once", "total"), SESSIONS)
def test_a_session_asks_for_what_is_then_billed(
    shop: Shop, data: dict[str, Any], coupon: dict[str, Any] | None, tax: float, once: int, total: int
) -> None:
    """The session's total is that of the invoice; where nothing is due, no payment is required.

    https://docs.stripe.com/payments/checkout/billing-cycle and https://docs.stripe.com/payments/checkout/free-trials
    """
    data = {name: shop.time + value if name == "billing_cycle_anchor" else value for name, value in data.items()}
    if tax:
        data["default_tax_rates"] = [shop.rate(tax, inclusive=False)]
    items = [{"price": shop.price(3100), "quantity": 2}]
    if once:
        items.append({"price": shop.price(once, ""), "quantity": 1})
    fields: dict[str, Any] = {"line_items": items, "subscription_data": data}
    if coupon:
        fields["discounts"] = [{"coupon": shop.coupon(**coupon)}]
    made = session(shop, **fields)
    assert made["amount_total"] == total
    done = completed(shop, made)
    invoice = done["invoice"]
    assert (done["amount_total"], (invoice or {"total": 0})["total"]) == (total, total)
    assert done["payment_status"] == ("paid" if total else "no_payment_required")
    without = data.get("proration_behavior") == "none"
    assert (invoice is None) == without  # "Unlike a trial, no 0 USD invoice is generated"


def test_who_pays_later_pays_for_fewer_days(shop: Shop) -> None:
    """Half a day before the end of the session 16.5 of 31 days are left: 16.50 of 31.00, for one that was 17.00.

    https://docs.stripe.com/payments/checkout/billing-cycle
    """
    data = {"billing_cycle_anchor": shop.time + ANCHOR}
    made = session(shop, line_items=[{"price": shop.price(3100), "quantity": 1}], subscription_data=data)
    assert made["amount_total"] == 1700
    shop.wait(DAY / 2)
    done = completed(shop, made)
    assert (done["amount_total"], done["invoice"]["total"]) == (1650, 1650)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"mode": "setup"}, "currency"),
        ({"subscription_data": {"trial_period_days": 0}}, "subscription_data[trial_period_days]"),
        (
            {"subscription_data": {"trial_period_days": 3, "billing_cycle_anchor_config": {"day_of_month": 1}}},
            "subscription_data[trial_period_days]",
        ),
    ],
)
def test_what_a_session_cannot_begin_with(shop: Shop, fields: dict[str, Any], param: str) -> None:
    """Parameters that https://docs.stripe.com/api/checkout/sessions/create excludes."""
    items = {} if "mode" in fields else {"line_items": [{"price": shop.price(), "quantity": 1}]}
    asked = {"mode": "subscription", "success_url": "https://a.example", **items, **fields}
    status, error = shop.api.error("POST", "/v1/checkout/sessions", asked)
    assert (status, error["param"]) == (400, param)


def test_a_setup_names_its_methods_or_its_currency(shop: Shop) -> None:
    """A currency is required where ``payment_method_types`` is not set.

    https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-currency
    """
    made = session(shop, "setup", payment_method_types=["card"])
    assert completed(shop, made)["status"] == "complete"


@pytest.mark.parametrize("path", ["checkout/sessions", "payment_links"])
def test_payments_that_stripe_manages_are_refused_by_name(shop: Shop, path: str) -> None:
    """Their taxes, fees and disputes are not modelled, so that they are not answered as if they were."""
    asked = {"line_items": [{"price": shop.price(500, ""), "quantity": 1}], "managed_payments": {"enabled": True}}
    session_too = {"mode": "payment", "success_url": "https://a.example"} if path == "checkout/sessions" else {}
    status, error = shop.api.error("POST", f"/v1/{path}", {**asked, **session_too})
    assert (status, error["param"]) == (501, "managed_payments[enabled]")


def test_an_expired_session_is_not_completed(shop: Shop) -> None:
    """Neither when it is expired by request nor when its day is over. https://docs.stripe.com/api/checkout/sessions"""
    for how in ("request", "time"):
        made = session(shop, line_items=[{"price": shop.price(), "quantity": 1}])
        if how == "request":
            shop.api.post(f"/v1/checkout/sessions/{made['id']}/expire")
        else:
            shop.wait(DAY)
        confirm = f"/v1/payment_pages/{made['id']}/confirm"
        assert shop.api.error("POST", confirm, {"payment_method": "pm_card_visa"})[0] == 400
        assert shop.api.get(f"/v1/checkout/sessions/{made['id']}")["status"] == "expired"


def test_a_quote_with_a_coupon_and_tax(shop: Shop) -> None:
    """Two of 10.00 and a fee of 5.00, 10 % off, 20 % of tax: 27.00, of which 21.60 each month.

    https://docs.stripe.com/quotes
    """
    made = shop.api.post(
        "/v1/quotes",
        {
            "customer": shop.customer,
            "line_items": [{"price": shop.price(1000), "quantity": 2}, {"price": shop.price(500, ""), "quantity": 1}],
            "discounts": [{"coupon": shop.coupon(percent_off=10, duration="forever")}],
            "default_tax_rates": [shop.rate(20, inclusive=False)],
        },
    )
    details = {"amount_discount": 250, "amount_shipping": 0, "amount_tax": 450}
    assert (made["amount_subtotal"], made["amount_total"], made["total_details"]) == (2500, 2700, details)
    assert made["computed"]["recurring"]["amount_total"] == 2160
    shop.api.post(f"/v1/quotes/{made['id']}/finalize")
    done = shop.api.post(f"/v1/quotes/{made['id']}/accept")
    invoice = shop.api.get(f"/v1/invoices/{done['invoice']}")
    assert (sorted(amounts(invoice)), invoice["total"], invoice["status"]) == ([500, 2000], 2700, "paid")
    shop.wait(31 * DAY)
    assert shop.invoices()[-1]["total"] == 2160


STEPS = {"finalize": "open", "accept": "accepted", "cancel": "canceled"}


@pytest.mark.parametrize(
    ("done", "step"),
    [
        ((), "accept"),
        (("finalize",), "finalize"),
        (("finalize", "accept"), "cancel"),
        (("finalize", "accept"), "accept"),
        (("cancel",), "finalize"),
        (("finalize", "cancel"), "accept"),
    ],
)
def test_steps_that_a_quote_does_not_take(shop: Shop, done: tuple[str, ...], step: str) -> None:
    """A draft is finalized, an open one accepted, both canceled, and nothing more is done with the others.

    https://docs.stripe.com/quotes#quote-statuses
    """
    items = {"line_items": [{"price": shop.price(500, ""), "quantity": 1}]}
    quote = f"/v1/quotes/{shop.api.post('/v1/quotes', {'customer': shop.customer, **items})['id']}"
    for each in done:
        assert shop.api.post(f"{quote}/{each}")["status"] == STEPS[each]
    before = shop.api.get(quote)
    assert shop.api.error("POST", f"{quote}/{step}")[0] == 400
    assert shop.api.get(quote) == before
