"""Coupons, subscriptions, invoices, checkout, quotes, test clocks."""

from __future__ import annotations

import pytest

from host.simulator.stripe.periods import later

DAY = 86400


def subscribe(api, payer: str, price: str, more: str = "", quantity: int = 1) -> dict:
    items = f"items[0][price]={price}&items[0][quantity]={quantity}"
    return api.post("/v1/subscriptions", f"customer={payer}&{items}&expand[]=latest_invoice&{more}")


def test_a_subscription_is_active_when_its_first_invoice_is_paid(api, payer, price) -> None:
    """A subscription is active when its first invoice is paid."""
    made = subscribe(api, payer, price, quantity=3)
    assert made["status"] == "active"
    (item,) = made["items"]["data"]
    assert (item["price"]["id"], item["quantity"], item["subscription"]) == (price, 3, made["id"])
    assert item["current_period_start"] == 1_800_000_000
    assert item["current_period_end"] == 1_800_000_000 + 31 * DAY  # 15 January to 15 February
    invoice = made["latest_invoice"]
    assert (invoice["status"], invoice["total"], invoice["amount_paid"]) == ("paid", 6000, 6000)
    (line,) = invoice["lines"]["data"]
    assert (line["amount"], line["quantity"]) == (6000, 3)
    assert api.ids(f"/v1/invoices/{invoice['id']}/lines") == [line["id"]]
    assert api.ids(f"/v1/subscription_items?subscription={made['id']}") == [item["id"]]
    assert api.ids(f"/v1/invoices?customer={payer}") == [invoice["id"]]
    assert api.ids(f"/v1/subscriptions?customer={payer}") == [made["id"]]


@pytest.mark.parametrize(("coupon", "total"), [("percent_off=12.5", 1750), ("amount_off=500&currency=usd", 1500)])
def test_a_coupon_is_taken_off_the_first_invoice(api, payer, price, coupon, total) -> None:
    """A coupon is taken off the first invoice."""
    made = api.post("/v1/coupons", coupon)
    subscription = subscribe(api, payer, price, f"discounts[0][coupon]={made['id']}&expand[]=discounts")
    assert subscription["latest_invoice"]["subtotal"] == 2000
    assert subscription["latest_invoice"]["total"] == total
    (discount,) = subscription["discounts"]
    assert discount["source"] == {"type": "coupon", "coupon": made["id"]}
    assert api.get(f"/v1/coupons/{made['id']}")["times_redeemed"] == 1


def test_a_promotion_code_stands_for_its_coupon(api, payer, price) -> None:
    """A promotion code stands for its coupon."""
    coupon = api.post("/v1/coupons", "percent_off=50&max_redemptions=1")["id"]
    code = api.post("/v1/promotion_codes", f"promotion[type]=coupon&promotion[coupon]={coupon}&code=HALF")
    assert (code["code"], code["active"]) == ("HALF", True)
    made = subscribe(api, payer, price, f"discounts[0][promotion_code]={code['id']}")
    assert made["latest_invoice"]["total"] == 1000
    assert api.get(f"/v1/promotion_codes/{code['id']}")["times_redeemed"] == 1
    again = api.error(
        "POST",
        "/v1/subscriptions",
        f"customer={payer}&items[0][price]={price}&discounts[0][promotion_code]={code['id']}",
    )
    assert again[1]["code"] == "coupon_expired"


def test_coupons_are_checked(api) -> None:
    """A coupon takes off a share or an amount, never both, and says for how long."""
    for params in (
        "",
        "percent_off=10&amount_off=5",
        "percent_off=101",
        "amount_off=5",
        "percent_off=5&duration=repeating",
    ):
        assert api.error("POST", "/v1/coupons", params)[0] == 400
    coupon = api.post("/v1/coupons", "percent_off=25.5&name=Spring")
    assert (coupon["percent_off"], coupon["duration"], coupon["valid"]) == (25.5, "once", True)


def test_a_trial_costs_nothing_until_it_ends(api, price) -> None:
    """A trial costs nothing until it ends."""
    customer = api.post("/v1/customers")["id"]
    made = subscribe(api, customer, price, "trial_period_days=14")
    assert (made["status"], made["trial_end"]) == ("trialing", 1_800_000_000 + 14 * DAY)
    assert (made["latest_invoice"]["status"], made["latest_invoice"]["total"]) == ("paid", 0)
    assert made["items"]["data"][0]["current_period_end"] == made["trial_end"]
    path = f"/v1/subscriptions/{made['id']}"
    assert api.error("POST", path, "trial_end=now")[1]["code"] == "resource_missing"  # nothing to charge
    assert api.post(path, "trial_end=now&default_payment_method=pm_card_visa")["status"] == "active"


def test_without_a_working_card_it_is_incomplete(api, price) -> None:
    """Without a working card it is incomplete."""
    customer = api.post("/v1/customers")["id"]
    status, error = api.error("POST", "/v1/subscriptions", f"customer={customer}&items[0][price]={price}")
    assert (status, error["code"]) == (400, "resource_missing")
    made = subscribe(api, customer, price, "payment_behavior=default_incomplete")
    assert (made["status"], made["latest_invoice"]["status"]) == ("incomplete", "open")
    bad = subscribe(api, customer, price, "default_payment_method=pm_card_chargeCustomerFail")
    assert (bad["status"], bad["latest_invoice"]["attempt_count"]) == ("incomplete", 1)
    before = api.simulator.ledger()
    status, _ = api.error(
        "POST",
        "/v1/subscriptions",
        f"customer={customer}&items[0][price]={price}&payment_behavior=error_if_incomplete"
        "&default_payment_method=pm_card_chargeCustomerFail",
    )
    assert status == 402
    assert api.simulator.ledger() == before


def test_what_a_subscription_needs(api, payer, price) -> None:
    """A customer and items of recurring prices: what is missing or wrong is named."""

    def refused(params: str) -> str:
        return api.error("POST", "/v1/subscriptions", params)[1]["message"]

    assert refused(f"items[0][price]={price}") == "Missing required param: customer."
    assert refused(f"customer={payer}") == "Missing required param: items."
    product = api.get(f"/v1/prices/{price}")["product"]
    once = api.post("/v1/prices", f"product={product}&currency=usd&unit_amount=5")["id"]
    assert "only accepts prices with `type=recurring`" in refused(f"customer={payer}&items[0][price]={once}")


def test_items_change_and_the_subscription_ends(api, payer, price) -> None:
    """Items change by way of the subscription or their own path, until the subscription is canceled."""
    made = subscribe(api, payer, price)
    path = f"/v1/subscriptions/{made['id']}"
    item = made["items"]["data"][0]["id"]
    changed = api.post(path, f"items[0][id]={item}&items[0][quantity]=5&metadata[a]=b")
    assert changed["items"]["data"][0]["quantity"] == 5
    assert api.get(f"/v1/subscription_items/{item}")["quantity"] == 5
    api.post(f"/v1/subscription_items/{item}", "quantity=6")
    assert api.get(path)["items"]["data"][0]["quantity"] == 6
    assert (
        "same plan"
        in api.error("POST", "/v1/subscription_items", f"subscription={made['id']}&price={price}")[1]["message"]
    )
    product = api.get(f"/v1/prices/{price}")["product"]
    other = api.post("/v1/prices", f"product={product}&currency=usd&unit_amount=100&recurring[interval]=month")["id"]
    extra = api.post("/v1/subscription_items", f"subscription={made['id']}&price={other}")["id"]
    assert len(api.get(path)["items"]["data"]) == 2
    api.delete(f"/v1/subscription_items/{extra}")
    assert len(api.get(path)["items"]["data"]) == 1
    assert "at least one" in api.error("DELETE", f"/v1/subscription_items/{item}")[1]["message"]
    ending = api.post(path, "cancel_at_period_end=true")
    assert (ending["cancel_at_period_end"], ending["status"]) == (True, "active")
    assert ending["cancel_at"] == made["items"]["data"][0]["current_period_end"]
    assert api.post(path, "cancel_at_period_end=false")["cancel_at"] is None
    gone = api.delete(path)
    assert (gone["status"], gone["ended_at"]) == ("canceled", 1_800_000_000)
    assert api.error("DELETE", path)[0] == 404
    assert api.ids("/v1/subscriptions") == []
    assert api.ids("/v1/subscriptions?status=all") == api.ids("/v1/subscriptions?status=canceled") == [made["id"]]


def test_a_deleted_customers_subscriptions_end(api, payer, price) -> None:
    """Deleting a customer cancels what the customer is subscribed to."""
    made = subscribe(api, payer, price)
    api.delete(f"/v1/customers/{payer}")
    assert api.get(f"/v1/subscriptions/{made['id']}")["status"] == "canceled"


def test_an_invoice_from_draft_to_paid(api, payer) -> None:
    """A draft takes items until it is finalized; a paid invoice takes nothing more."""
    api.post("/v1/invoiceitems", f"customer={payer}&amount=700&currency=usd&description=Work")
    draft = api.post("/v1/invoices", f"customer={payer}&pending_invoice_items_behavior=include")
    assert (draft["status"], draft["total"], draft["number"]) == ("draft", 700, None)
    api.post("/v1/invoiceitems", f"customer={payer}&invoice={draft['id']}&amount=300&currency=usd")
    opened = api.post(f"/v1/invoices/{draft['id']}/finalize")
    assert (opened["status"], opened["amount_due"]) == ("open", 1000)
    assert opened["number"].endswith("-0001")
    assert opened["hosted_invoice_url"].startswith("https://invoice.stripe.com/")
    paid = api.post(f"/v1/invoices/{draft['id']}/pay")
    assert (paid["status"], paid["amount_paid"], paid["amount_remaining"]) == ("paid", 1000, 0)
    for verb in ("pay", "finalize", "void"):
        assert api.error("POST", f"/v1/invoices/{draft['id']}/{verb}")[0] == 400


def test_invoices_are_voided_written_off_or_deleted(api, payer) -> None:
    """Invoices are voided, written off or deleted."""

    def opened() -> str:
        id = api.post("/v1/invoices", f"customer={payer}")["id"]
        api.post("/v1/invoiceitems", f"customer={payer}&invoice={id}&amount=300&currency=usd")
        return api.post(f"/v1/invoices/{id}/finalize")["id"]

    assert api.post(f"/v1/invoices/{opened()}/void")["status"] == "void"
    assert api.post(f"/v1/invoices/{opened()}/mark_uncollectible")["status"] == "uncollectible"
    assert api.error("DELETE", f"/v1/invoices/{opened()}")[0] == 400
    draft = api.post("/v1/invoices", f"customer={payer}")["id"]
    assert api.delete(f"/v1/invoices/{draft}")["deleted"] is True
    status, error = api.error("POST", f"/v1/invoices/{opened()}/pay", "payment_method=pm_card_chargeDeclined")
    assert (status, error["code"]) == (402, "card_declined")


def test_a_checkout_session_has_a_page_and_expires(api, price) -> None:
    """A checkout session has a page and expires."""
    start = "success_url=https://example.com/ok&mode=subscription"
    made = api.post("/v1/checkout/sessions", f"{start}&line_items[0][price]={price}&line_items[0][quantity]=2")
    assert made["url"] == f"https://checkout.stripe.com/c/pay/{made['id']}"
    assert (made["status"], made["payment_status"], made["amount_total"]) == ("open", "unpaid", 4000)
    (line,) = api.get(f"/v1/checkout/sessions/{made['id']}/line_items")["data"]
    assert (line["quantity"], line["description"]) == (2, "Plan")
    other = api.post("/v1/checkout/sessions", f"{start}&line_items[0][price]={price}&line_items[0][quantity]=1")
    assert len(api.ids(f"/v1/checkout/sessions/{other['id']}/line_items")) == 1
    gone = api.post(f"/v1/checkout/sessions/{made['id']}/expire")
    assert (gone["status"], gone["url"]) == ("expired", None)
    assert api.error("POST", f"/v1/checkout/sessions/{made['id']}/expire")[0] == 400
    assert api.error("POST", "/v1/checkout/sessions", start)[1]["param"] == "line_items"


def test_quotes_are_finalized_accepted_or_canceled(api, payer, price) -> None:
    """A quote is accepted after it is finalized only."""

    def quote() -> str:
        return f"/v1/quotes/{api.post('/v1/quotes', f'customer={payer}&line_items[0][price]={price}')['id']}"

    path = quote()
    assert api.get(path)["amount_total"] == 2000
    assert api.error("POST", f"{path}/accept")[0] == 400
    assert api.post(f"{path}/finalize")["status"] == "open"
    assert api.post(f"{path}/accept")["status"] == "accepted"
    assert api.post(f"{quote()}/cancel")["status"] == "canceled"


def test_a_test_clock_ends_trials_when_advanced(api, price) -> None:
    """A test clock ends trials when advanced."""
    clock = api.post("/v1/test_helpers/test_clocks", "frozen_time=1800000000")
    assert clock["status"] == "ready"
    customer = api.post("/v1/customers", f"test_clock={clock['id']}")["id"]
    made = subscribe(api, customer, price, "trial_period_days=7")
    path = f"/v1/test_helpers/test_clocks/{clock['id']}"
    assert api.error("POST", f"{path}/advance", "frozen_time=1700000000")[0] == 400
    assert api.post(f"{path}/advance", f"frozen_time={1_800_000_000 + 7 * DAY}")["status"] == "ready"
    assert api.get(f"/v1/subscriptions/{made['id']}")["status"] == "active"
    api.post(f"{path}/advance", f"frozen_time={1_800_000_000 + 8 * DAY}")
    assert api.get(f"/v1/subscriptions/{made['id']}")["status"] == "past_due"  # there is nothing to charge


def test_tiers_and_months_of_different_length(api, payer) -> None:
    """Graduated tiers are priced one by one, volume tiers by the tier that is reached."""
    product = api.post("/v1/products", "name=Tiered")["id"]
    tiers = (
        "tiers[0][up_to]=10&tiers[0][unit_amount]=100&tiers[1][up_to]=inf&tiers[1][unit_amount]=50"
        "&tiers[1][flat_amount]=25"
    )
    for mode, total in (("graduated", 10 * 100 + 5 * 50 + 25), ("volume", 15 * 50 + 25)):
        price = api.post(
            "/v1/prices",
            f"product={product}&currency=usd&billing_scheme=tiered&tiers_mode={mode}&recurring[interval]=month&{tiers}",
        )["id"]
        assert subscribe(api, payer, price, quantity=15)["latest_invoice"]["total"] == total


def test_a_month_later_is_the_same_day_or_the_months_last() -> None:
    """A month later is the same day or the month's last."""
    january = 1_738_324_800  # 31 January 2025, 12:00 UTC
    assert later(january, "month") == 1_740_744_000  # 28 February
    assert later(january, "month", 37) == 1_835_438_400  # 29 February 2028
    assert later(january, "year") == january + 365 * DAY
    assert later(january, "week", 2) == january + 14 * DAY
