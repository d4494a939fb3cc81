"""Requests that Stripe refuses and that are easily taken for granted, each with the parameter that is to blame."""

from __future__ import annotations

import pytest

from tests.simulator.conftest import Api

LINK, SESSION = "/v1/payment_links", "/v1/checkout/sessions"
PAYMENT, PLAN = (f"mode={mode}&success_url=https://example.com" for mode in ("payment", "subscription"))
ITEM = "line_items[0][price]={once}&line_items[0][quantity]="


@pytest.mark.parametrize(
    ("address", "form", "param"),
    [
        (LINK, ITEM + "1&after_completion[type]=redirect", "after_completion[redirect]"),
        (LINK, "{many21}", "line_items"),
        (SESSION, f"{PAYMENT}&{ITEM}0", "line_items[0][quantity]"),
        (SESSION, f"{PAYMENT}&{{many101}}", "line_items"),
        (SESSION, PLAN + "&{many21}&line_items[30][price]={price}&line_items[30][quantity]=1", "line_items"),
        (
            SESSION,
            f"{PAYMENT}&{ITEM}1&discounts[0][coupon]={{coupon}}&discounts[0][promotion_code]={{code}}",
            "discounts[0]",
        ),
    ],
)
def test_forms_of_checkout_that_are_refused(api: Api, price: str, address: str, form: str, param: str) -> None:
    """More items than there may be, none of one, a redirect to nowhere, two discounts in one."""
    once = api.post("/v1/prices", "currency=usd&unit_amount=500&product_data[name]=Cap")["id"]
    coupon = api.post("/v1/coupons", "percent_off=10")["id"]
    code = api.post("/v1/promotion_codes", f"promotion[type]=coupon&promotion[coupon]={coupon}")["id"]
    items = {f"many{n}": _many(once, n) for n in (21, 101)}
    status, error = api.error("POST", address, form.format(once=once, price=price, coupon=coupon, code=code, **items))
    assert (status, error["param"]) == (400, param)


def _many(price: str, count: int) -> str:
    return "&".join(f"line_items[{n}][price]={price}&line_items[{n}][quantity]=1" for n in range(count))


def test_an_incomplete_subscription_keeps_its_items_until_it_is_paid(api: Api, price: str) -> None:
    """https://docs.stripe.com/api/subscriptions/object#subscription_object-status: metadata and source change only."""
    customer = api.post("/v1/customers")["id"]
    form = f"customer={customer}&items[0][price]={price}&payment_behavior=default_incomplete"
    made = api.post("/v1/subscriptions", form)
    address, item = f"/v1/subscriptions/{made['id']}", made["items"]["data"][0]["id"]
    refused = [
        (address, f"items[0][id]={item}&items[0][quantity]=2", "items"),
        (address, "trial_end=now", "trial_end"),
        (f"/v1/subscription_items/{item}", "quantity=2", "quantity"),
    ]
    for path, params, param in refused:
        status, error = api.error("POST", path, params)
        assert (status, error["param"]) == (400, param)
    assert api.post(address, "metadata[a]=b")["metadata"] == {"a": "b"}
    api.post(f"/v1/invoices/{made['latest_invoice']}/pay", "payment_method=pm_card_visa")
    assert api.post(f"/v1/subscription_items/{item}", "quantity=2")["quantity"] == 2


def test_a_price_needs_a_meter_that_is_active(api: Api) -> None:
    """A deactivated one is refused: https://docs.stripe.com/api/billing/meter/deactivate"""
    meter = api.post("/v1/billing/meters", "display_name=m&event_name=m&default_aggregation[formula]=sum")["id"]
    recurring = f"recurring[interval]=month&recurring[usage_type]=metered&recurring[meter]={meter}"
    form = f"currency=usd&unit_amount=1&product_data[name]=x&{recurring}"
    api.post(f"/v1/billing/meters/{meter}/deactivate")
    assert api.error("POST", "/v1/prices", form)[1]["param"] == "recurring[meter]"
    api.post(f"/v1/billing/meters/{meter}/reactivate")
    assert api.post("/v1/prices", form)["recurring"]["meter"] == meter


def test_a_session_that_links_bank_accounts_has_its_secret(api: Api) -> None:
    """The secret is all that the session is for."""
    customer = api.post("/v1/customers")["id"]
    holder = f"account_holder[type]=customer&account_holder[customer]={customer}"
    made = api.post("/v1/financial_connections/sessions", f"{holder}&permissions[0]=balances")
    assert made["client_secret"].startswith("fcsess_client_secret_")
