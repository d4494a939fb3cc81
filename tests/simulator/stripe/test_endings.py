"""What is billed at an end, what becomes of invoices that are closed, and how a subscription then stands."""

from __future__ import annotations

import pytest

from tests.simulator.stripe.conftest import DAY, amounts

HOUR = 3600


def metered(shop, amount: int = 10) -> str:
    """A price of ``amount`` for each event that ``use`` reports."""
    params = {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
    meter = shop.api.post("/v1/billing/meters", params)["id"]
    return shop.price(amount, name="Calls", recurring={"usage_type": "metered", "meter": meter})


def use(shop, count: int) -> None:
    """Report usage of the customer, now."""
    payload = {"stripe_customer_id": shop.customer, "value": str(count)}
    shop.api.post("/v1/billing/meter_events", {"event_name": "calls", "payload": payload})


def owe(shop, subscription: dict, amount: int) -> None:
    """An amount that waits for the subscription's next invoice."""
    params = {"customer": shop.customer, "amount": amount, "currency": "usd", "subscription": subscription["id"]}
    shop.api.post("/v1/invoiceitems", params)


@pytest.mark.parametrize("how", ["cancel_at_period_end", "cancel_at", "schedule"])
def test_usage_and_pending_items_are_billed_at_the_end(shop, how) -> None:
    """7 calls of 0.10 and an item of 3.33 are a last invoice of 4.03, and its preview says so before.

    https://docs.stripe.com/billing/subscriptions/cancel#cancel-at-the-end-of-the-current-billing-period
    """
    made = shop.subscribe(metered(shop), shop.price(1000))
    end = made["items"]["data"][0]["current_period_end"]
    if how == "schedule":
        schedule = shop.api.post("/v1/subscription_schedules", {"from_subscription": made["id"]})
        shop.api.post(f"/v1/subscription_schedules/{schedule['id']}", {"end_behavior": "cancel"})
    else:
        shop.change(made, **{how: end if how == "cancel_at" else True})
    use(shop, 7)
    owe(shop, made, 333)
    before = shop.api.post("/v1/invoices/create_preview", {"subscription": made["id"]})
    shop.wait(31 * DAY + 2 * HOUR)
    now = shop.now(made)
    last = now["latest_invoice"]
    assert (now["status"], amounts(last)) == ("canceled", [333, 70])
    assert (last["status"], last["amount_paid"], last["billing_reason"]) == ("paid", 403, "subscription_cycle")
    assert (amounts(before), before["total"]) == (amounts(last), 403)
    assert shop.api.get("/v1/invoiceitems", pending="true")["data"] == []


def test_nothing_is_billed_at_the_end_where_nothing_is_left(shop) -> None:
    """A subscription canceled at the end of its period, with nothing pending, gets no last invoice."""
    made = shop.subscribe(shop.price(1000))
    shop.change(made, cancel_at_period_end=True)
    shop.wait(40 * DAY)
    assert shop.now(made)["status"] == "canceled"
    assert len(shop.invoices()) == 1


def test_a_trial_that_ends_before_the_anchor_is_followed_by_a_part(shop) -> None:
    """7 days of trial, an anchor 17 days from now: 10 of 31 days of 31.00 are 10.00, then 31.00 a month.

    https://docs.stripe.com/billing/subscriptions/billing-cycle
    """
    anchor = shop.time + 17 * DAY
    made = shop.subscribe(shop.price(3100), trial_period_days=7, billing_cycle_anchor=anchor)
    shop.wait(7 * DAY + 2 * HOUR)
    first = shop.now(made)["latest_invoice"]
    assert amounts(first) == [1000]
    assert first["lines"]["data"][0]["parent"]["subscription_item_details"]["proration"] is True
    shop.wait(10 * DAY)
    assert amounts(shop.now(made)["latest_invoice"]) == [3100]


def test_without_prorations_what_is_before_the_anchor_is_free(shop) -> None:
    """The same with ``proration_behavior=none``: nothing until the anchor."""
    anchor = shop.time + 17 * DAY
    how = {"trial_period_days": 7, "billing_cycle_anchor": anchor, "proration_behavior": "none"}
    made = shop.subscribe(shop.price(3100), **how)
    shop.wait(7 * DAY + 2 * HOUR)
    assert shop.now(made)["latest_invoice"]["total"] == 0
    shop.wait(10 * DAY)
    assert shop.now(made)["latest_invoice"]["total"] == 3100


def test_resuming_with_the_old_anchor_bills_the_rest(shop) -> None:
    """Paused at the end of its trial and resumed 10 days later: 21 of 31 days of 31.00.

    https://docs.stripe.com/api/subscriptions/resume#resume_subscription-billing_cycle_anchor
    """
    shop.customer = shop.api.post("/v1/customers", {})["id"]
    pause = {"end_behavior": {"missing_payment_method": "pause"}}
    made = shop.subscribe(shop.price(3100), trial_period_days=1, trial_settings=pause)
    shop.wait(11 * DAY)
    card = shop.api.post("/v1/payment_methods/pm_card_visa/attach", {"customer": shop.customer})["id"]
    shop.api.post(f"/v1/customers/{shop.customer}", {"invoice_settings": {"default_payment_method": card}})
    path = f"/v1/subscriptions/{made['id']}/resume"
    resumed = shop.api.post(path, {"billing_cycle_anchor": {"type": "unchanged"}, "expand": ["latest_invoice"]})
    assert (resumed["status"], amounts(resumed["latest_invoice"])) == ("active", [2100])


def test_who_cannot_pay_for_it_resumes_nothing(shop) -> None:
    """Paused until its invoice is paid; void after 23 hours. https://docs.stripe.com/api/subscriptions/resume"""
    shop.customer = shop.api.post("/v1/customers", {})["id"]
    pause = {"end_behavior": {"missing_payment_method": "pause"}}
    made = shop.subscribe(shop.price(3100), trial_period_days=1, trial_settings=pause)
    shop.wait(2 * DAY)
    path = f"/v1/subscriptions/{made['id']}/resume"
    assert shop.api.post(path, {})["status"] == "paused"
    invoice = shop.now(made)["latest_invoice"]
    assert (invoice["status"], invoice["total"]) == ("open", 3100)
    shop.wait(DAY)
    assert (shop.now(made)["status"], shop.now(made)["latest_invoice"]["status"]) == ("paused", "void")
    shop.api.post(path, {})
    shop.api.post(f"/v1/invoices/{shop.now(made)['latest_invoice']['id']}/pay", {"payment_method": "pm_card_visa"})
    assert shop.now(made)["status"] == "active"


def test_a_trial_of_an_active_subscription_begins_now(shop) -> None:
    """Its item's period does too. https://docs.stripe.com/billing/subscriptions/trials"""
    made = shop.subscribe(shop.price(1000))
    shop.wait(5 * DAY)
    item = shop.change(made, trial_end=shop.time + 9 * DAY, proration_behavior="none")["items"]["data"][0]
    assert (item["current_period_start"], item["current_period_end"]) == (shop.time, shop.time + 9 * DAY)


def test_a_subscription_says_that_nobody_canceled_it(shop) -> None:
    """``cancellation_details`` is always there. https://docs.stripe.com/api/subscriptions/object"""
    details = shop.subscribe(shop.price())["cancellation_details"]
    assert (details["reason"], details["comment"], details["feedback"]) == (None, None, None)


def credited(shop, amount: int) -> None:
    """Give the customer something in credit."""
    params = {"amount": -amount, "currency": "usd"}
    shop.api.post(f"/v1/customers/{shop.customer}/balance_transactions", params)


def test_what_expires_gives_back_the_credit_and_cancels_its_payment(shop) -> None:
    """The first invoice of 10.00, 3.00 of it from the balance, is void after 23 hours."""
    credited(shop, 300)
    expand = ["latest_invoice.payments"]
    made = shop.subscribe(shop.price(1000), payment_behavior="default_incomplete", expand=expand)
    assert (made["latest_invoice"]["amount_due"], shop.balance()) == (700, 0)
    intent = made["latest_invoice"]["payments"]["data"][0]["payment"]["payment_intent"]
    shop.wait(DAY)
    assert (shop.now(made)["status"], shop.balance()) == ("incomplete_expired", -300)
    assert shop.api.get(f"/v1/payment_intents/{intent}")["status"] == "canceled"


@pytest.mark.parametrize(("behavior", "balance"), [("void", -300), ("mark_uncollectible", 0)])
def test_a_paused_subscription_keeps_the_credit_where_its_invoices_are_void(shop, behavior, balance) -> None:
    """While collection is paused, a voided invoice leaves the customer's credit alone, an uncollectible one uses it up.

    https://docs.stripe.com/billing/subscriptions/pause-payment
    """
    made = shop.subscribe(shop.price(1000))
    credited(shop, 300)
    shop.change(made, pause_collection={"behavior": behavior})
    shop.wait(32 * DAY)
    invoice = shop.now(made)["latest_invoice"]
    assert (invoice["status"], shop.balance()) == ("void" if behavior == "void" else "uncollectible", balance)
    reason = {"uncollectible": {"reason": "subscription_paused"}}
    assert invoice.get("status_details") == (None if behavior == "void" else reason)


@pytest.fixture
def past_due(shop) -> dict:
    """A subscription whose renewal could not be paid."""
    made = shop.subscribe(shop.price(1000))
    bad = "pm_card_chargeCustomerFail"
    card = shop.api.post(f"/v1/payment_methods/{bad}/attach", {"customer": shop.customer})["id"]
    shop.api.post(f"/v1/customers/{shop.customer}", {"invoice_settings": {"default_payment_method": card}})
    shop.wait(31 * DAY + 2 * HOUR)
    found = shop.now(made)
    assert found["status"] == "past_due"
    return found


def delinquent(shop) -> bool:
    """What the customer is said to be."""
    return shop.api.get(f"/v1/customers/{shop.customer}")["delinquent"]


@pytest.mark.parametrize(
    ("action", "params", "status", "owes"),
    [
        ("pay", {"paid_out_of_band": True}, "active", False),
        ("mark_uncollectible", {}, "active", False),
        # The one before it is paid, and decides: "Stripe ignores voided invoices".
        ("void", {}, "active", True),
    ],
)
def test_how_a_subscription_and_its_customer_stand(shop, past_due, action, params, status, owes) -> None:
    """Closing the overdue invoice makes the subscription active; only voiding it leaves the customer delinquent.

    https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses and
    https://docs.stripe.com/api/customers/object#customer_object-delinquent
    """
    assert delinquent(shop)
    closed = shop.api.post(f"/v1/invoices/{past_due['latest_invoice']['id']}/{action}", params)
    assert (shop.now(past_due)["status"], delinquent(shop)) == (status, owes)
    forgiven = {"uncollectible": {"reason": "user_forgiven"}} if action == "mark_uncollectible" else None
    assert closed.get("status_details") == forgiven


def test_a_draft_of_the_next_period_does_not_keep_a_subscription_past_due(shop, past_due) -> None:
    """The latest finalized invoice decides, within the hour that the next one is a draft."""
    owed = past_due["latest_invoice"]["id"]
    shop.wait(past_due["items"]["data"][0]["current_period_end"] - shop.time + 60)
    now = shop.now(past_due)
    if now["status"] == "past_due":
        shop.api.post(f"/v1/invoices/{owed}/pay", {"paid_out_of_band": True})
        assert shop.now(past_due)["status"] == "active"
    else:  # all attempts are over: what is unpaid waits for its latest invoice, which is the draft
        assert (now["status"], now["latest_invoice"]["status"]) == ("unpaid", "draft")


def test_who_sends_no_money_in_time_is_delinquent(shop) -> None:
    """Passing the due date is enough."""
    made = shop.subscribe(shop.price(), collection_method="send_invoice", days_until_due=5)
    assert not delinquent(shop)
    shop.wait(6 * DAY)
    assert (shop.now(made)["status"], delinquent(shop)) == ("past_due", True)


@pytest.mark.parametrize(
    ("exempt", "reason", "tax"), [("none", "not_available", 200), ("exempt", "customer_exempt", 0),
                                  ("reverse", "reverse_charge", 0)],
)  # fmt: skip
def test_who_is_exempt_is_asked_for_no_tax(shop, exempt, reason, tax) -> None:
    """20 % of 10.00, or nothing. https://docs.stripe.com/tax/zero-tax"""
    shop.customer = shop.payer(tax_exempt=exempt)
    made = shop.subscribe(shop.price(1000), default_tax_rates=[shop.rate(20, inclusive=False)])
    invoice = made["latest_invoice"]
    assert (invoice["total"], invoice["total_taxes"][0]["amount"]) == (1000 + tax, tax)
    assert invoice["total_taxes"][0]["taxability_reason"] == reason


def test_an_invoice_says_who_its_customer_is_when_it_is_finalized(shop) -> None:
    """Until then it follows them. https://docs.stripe.com/api/invoices/object#invoice_object-customer_name"""
    rate = shop.rate(20, inclusive=False)
    draft = shop.api.post("/v1/invoices", {"customer": shop.customer, "default_tax_rates": [rate]})["id"]
    shop.api.post("/v1/invoiceitems", {"customer": shop.customer, "invoice": draft, "amount": 1000, "currency": "usd"})
    known = {"name": "New", "email": "new@example.com", "tax_exempt": "reverse"}
    shop.api.post(f"/v1/customers/{shop.customer}", known)
    shop.api.post(f"/v1/customers/{shop.customer}/tax_ids", {"type": "eu_vat", "value": "DE123456789"})
    final = shop.api.post(f"/v1/invoices/{draft}/finalize", {})
    assert {name: final[f"customer_{name}"] for name in known} == known
    assert (final["customer_tax_ids"], final["total"]) == ([{"type": "eu_vat", "value": "DE123456789"}], 1000)
    shop.api.post(f"/v1/customers/{shop.customer}", {"name": "Newer"})
    assert shop.api.get(f"/v1/invoices/{draft}")["customer_name"] == "New"


def test_usage_of_a_customer_on_a_clock_is_of_its_time(shop) -> None:
    """With a timestamp of the clock's past, and without one. https://docs.stripe.com/billing/testing/test-clocks"""
    frozen = shop.time + 400 * DAY
    clock = shop.api.post("/v1/test_helpers/test_clocks", {"frozen_time": frozen})["id"]
    shop.customer = shop.payer(test_clock=clock)
    made = shop.subscribe(metered(shop))
    path = f"/v1/test_helpers/test_clocks/{clock}/advance"
    shop.api.post(path, {"frozen_time": frozen + 9 * DAY})
    use(shop, 7)
    payload = {"stripe_customer_id": shop.customer, "value": "5"}
    event = {"event_name": "calls", "payload": payload, "timestamp": frozen + 3 * DAY}
    assert shop.api.post("/v1/billing/meter_events", event)["timestamp"] == frozen + 3 * DAY
    late = {**event, "timestamp": frozen + 10 * DAY}
    assert shop.api.error("POST", "/v1/billing/meter_events", late)[1]["code"] == "timestamp_in_future"
    shop.api.post(path, {"frozen_time": frozen + 32 * DAY})
    assert shop.now(made)["latest_invoice"]["total"] == 120


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_usage_on_trial_is_free(shop, mode) -> None:
    """50 calls within the trial cost nothing, 60 after it 6.00.

    https://docs.stripe.com/billing/subscriptions/billing-mode/compare#trials
    """
    made = shop.subscribe(metered(shop), trial_period_days=5, billing_mode={"type": mode})
    shop.wait(2 * DAY)
    use(shop, 50)
    shop.wait(3 * DAY)
    (line,) = shop.now(made)["latest_invoice"]["lines"]["data"]
    text = "50 × Calls (Free trial)" if mode == "classic" else "Free trial for 50 × Calls"
    assert (line["amount"], line["quantity"], line["description"]) == (0, 50, text)
    shop.wait(DAY)
    use(shop, 60)
    shop.wait(31 * DAY)
    assert shop.now(made)["latest_invoice"]["total"] == 600


def test_a_preview_of_canceling_now_is_what_is_then_billed(shop) -> None:
    """Unused time, usage and pending items. https://docs.stripe.com/api/invoices/create_preview"""
    made = shop.subscribe(metered(shop), shop.price(3100))
    shop.wait(10 * DAY)
    use(shop, 7)
    owe(shop, made, 333)
    params = {"subscription": made["id"], "subscription_details": {"cancel_now": True}}
    preview = shop.api.post("/v1/invoices/create_preview", params)
    shop.api.delete(f"/v1/subscriptions/{made['id']}?prorate=true&invoice_now=true")
    billed = shop.now(made)["latest_invoice"]
    assert amounts(preview) == amounts(billed) == [-2100, 333, 70]
    assert (preview["period_start"], preview["total"]) == (billed["period_start"], billed["total"])


def test_what_is_charged_again_has_no_days_until_it_is_due(shop) -> None:
    """A subscription that goes from sent invoices back to automatic charges loses its ``days_until_due``.

    https://docs.stripe.com/api/subscriptions/object#subscription_object-days_until_due
    """
    made = shop.subscribe(shop.price(), collection_method="send_invoice", days_until_due=5)
    assert shop.change(made, collection_method="charge_automatically")["days_until_due"] is None


def test_an_open_invoice_may_be_given_another_card(shop) -> None:
    """Sums and lines of it stay. https://docs.stripe.com/api/invoices/update"""
    shop.customer = shop.api.post("/v1/customers", {})["id"]
    draft = shop.api.post("/v1/invoices", {"customer": shop.customer})["id"]
    shop.api.post("/v1/invoiceitems", {"customer": shop.customer, "invoice": draft, "amount": 1000, "currency": "usd"})
    shop.api.post(f"/v1/invoices/{draft}/finalize", {})
    card = shop.api.post("/v1/payment_methods/pm_card_visa/attach", {"customer": shop.customer})["id"]
    path = f"/v1/invoices/{draft}"
    assert shop.api.post(path, {"default_payment_method": card})["default_payment_method"] == card
    assert shop.api.error("POST", path, {"days_until_due": 3})[1]["code"] == "invoice_not_editable"
    assert shop.api.post(f"{path}/pay", {})["status"] == "paid"


def test_a_credit_note_is_about_a_refund_that_there_is(shop) -> None:
    """3.00 of 10.00 were refunded; the note refunds nothing more. https://docs.stripe.com/api/credit_notes/create"""
    draft = shop.api.post("/v1/invoices", {"customer": shop.customer})["id"]
    shop.api.post("/v1/invoiceitems", {"customer": shop.customer, "invoice": draft, "amount": 1000, "currency": "usd"})
    paid = shop.api.post(f"/v1/invoices/{draft}/pay", {"expand": ["payments"]})
    intent = paid["payments"]["data"][0]["payment"]["payment_intent"]
    refund = shop.api.post("/v1/refunds", {"payment_intent": intent, "amount": 300})["id"]
    note = {"invoice": draft, "amount": 300, "refunds": [{"refund": refund, "amount_refunded": 300}]}
    made = shop.api.post("/v1/credit_notes", note)
    assert [(entry["refund"], entry["amount_refunded"]) for entry in made["refunds"]] == [(refund, 300)]
    assert len(shop.api.get("/v1/refunds")["data"]) == 1
    assert shop.api.error("POST", "/v1/credit_notes", note)[1]["param"] == "refunds[0][refund]"
    other = shop.api.post("/v1/payment_intents", {"amount": 500, "currency": "usd", "confirm": True,
                          "payment_method": "pm_card_visa", "payment_method_types": ["card"]})["id"]  # fmt: skip
    foreign = shop.api.post("/v1/refunds", {"payment_intent": other})["id"]
    wrong = {"invoice": draft, "amount": 500, "refunds": [{"refund": foreign}]}
    assert shop.api.error("POST", "/v1/credit_notes", wrong)[1]["param"] == "refunds[0][refund]"


def test_what_was_detached_pays_no_more(shop) -> None:
    """Nor is it a default: the customer's own pays, if there is one. https://docs.stripe.com/api/payment_methods/detach"""
    (own,) = shop.api.ids(f"/v1/customers/{shop.customer}/payment_methods")
    other = shop.api.post("/v1/payment_methods/pm_card_mastercard/attach", {"customer": shop.customer})["id"]
    made = shop.subscribe(shop.price(1000), default_payment_method=other)
    shop.api.post(f"/v1/payment_methods/{other}/detach", {})
    assert shop.now(made)["default_payment_method"] is None
    shop.wait(31 * DAY + 2 * HOUR)
    assert shop.now(made)["latest_invoice"]["status"] == "paid"
    assert shop.api.get("/v1/charges", limit=1)["data"][0]["payment_method"] == own
    shop.api.post(f"/v1/payment_methods/{own}/detach", {})
    shop.wait(29 * DAY)
    assert shop.now(made)["status"] == "past_due"


@pytest.mark.parametrize("kind", ["subscriptions", "invoices"])
def test_a_default_must_be_the_customers_own(shop, kind) -> None:
    """Attached, that is; a test card by its name becomes theirs. https://docs.stripe.com/api/payment_methods/attach"""
    loose = shop.api.post("/v1/payment_methods", {"type": "card", "card": {"token": "tok_visa"}})["id"]
    asked = {"customer": shop.customer}
    if kind == "subscriptions":
        asked["items"] = [{"price": shop.price()}]
    status, error = shop.api.error("POST", f"/v1/{kind}", {**asked, "default_payment_method": loose})
    assert (status, error["code"], error["param"]) == (400, "resource_missing", "default_payment_method")
    made = shop.api.post(f"/v1/{kind}", {**asked, "default_payment_method": "pm_card_visa"})
    path = f"/v1/payment_methods/{made['default_payment_method']}"
    assert shop.api.get(path)["customer"] == shop.customer


GRACE = "https://docs.stripe.com/billing/subscriptions/usage-based/configure-grace-period"


@pytest.mark.parametrize("ends", [False, True])
def test_usage_reported_late_is_billed_as_long_as_the_invoice_is_a_draft(shop, ends) -> None:
    """7 calls in time and 5 within the draft's hour are 1.20; 9 of the next period, and those after it, are not."""
    made = shop.subscribe(metered(shop))
    end = made["items"]["data"][0]["current_period_end"]
    if ends:
        shop.change(made, cancel_at_period_end=True)
    use(shop, 7)
    shop.wait(end - shop.time + HOUR / 2)
    late = {"event_name": "calls", "payload": {"stripe_customer_id": shop.customer, "value": "5"}}
    assert shop.now(made)["latest_invoice"]["total"] == 70
    shop.api.post("/v1/billing/meter_events", {**late, "timestamp": end - 1})
    shop.api.post("/v1/billing/meter_events", {**late, "timestamp": end})
    shop.wait(HOUR)
    use(shop, 4)
    invoice = shop.now(made)["latest_invoice"]
    (line,) = invoice["lines"]["data"]
    assert (invoice["status"], invoice["total"], invoice["subtotal"]) == ("paid", 120, 120), GRACE
    assert (line["quantity"], line["description"]) == (12, "12 × Calls (at $0.10 / month)")
    shop.api.post("/v1/billing/meter_events", {**late, "timestamp": end - 2})
    if not ends:
        shop.wait(31 * DAY)
        assert shop.now(made)["latest_invoice"]["total"] == 50 + 40
