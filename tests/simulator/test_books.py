"""Balance transactions and the balances they add up to, refunds, payouts, top-ups and disputes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from host.simulator.stripe.books import OPENING, business_day

INTENTS = "/v1/payment_intents"
DAY = 86400
# 2.9 % + 0.30 of the currency's unit, to the nearest minor unit: https://stripe.com/pricing
FEES = [
    (100, "usd", 33),
    (1000, "usd", 59),
    (1099, "usd", 62),
    (2000, "usd", 88),
    (10_000, "usd", 320),
    (2000, "eur", 88),
    (5000, "jpy", 145),
    (20_000, "kwd", 880),
]
# https://docs.stripe.com/reports/balance-transaction-types: type, category, amount, fee, after a payment of 20.00 USD.
ENTRIES = {
    "a payment": [("charge", "charge", 2000, 88)],
    "a refund": [("charge", "charge", 2000, 88), ("refund", "refund", -2000, 0)],
    "a part refunded": [("charge", "charge", 2000, 88), ("refund", "refund", -500, 0)],
    "a dispute": [("charge", "charge", 2000, 88), ("adjustment", "dispute", -2000, 1500)],
    "a dispute won": [
        ("charge", "charge", 2000, 88),
        ("adjustment", "dispute", -2000, 1500),
        ("adjustment", "dispute_reversal", 2000, 0),
    ],
    "an inquiry": [("charge", "charge", 2000, 88)],
    "a payout": [("payout", "payout", -1000, 0)],
    "a payout canceled": [("payout", "payout", -1000, 0), ("payout_cancel", "payout_reversal", 1000, 0)],
    "a top-up": [("topup", "topup", 3000, 0)],
    "a top-up canceled": [("topup", "topup", 3000, 0), ("topup_reversal", "topup_reversal", -3000, 0)],
    "a bank debit": [("payment", "charge", 2000, 88)],
    "an authorization": [],
    "an authorization captured in part": [("charge", "charge", 1500, 74)],
    "an authorization canceled": [],
    "a declined payment": [],
    "a refund that fails": [
        ("charge", "charge", 2000, 88),
        ("refund", "refund", -2000, 0),
        ("refund_failure", "refund_failure", 2000, 0),
    ],
}


def pay(api, card: str = "visa", amount: int = 2000, currency: str = "usd", more: str = "") -> dict:
    return api.post(INTENTS, f"amount={amount}&currency={currency}&confirm=true&payment_method=pm_card_{card}{more}")


def act(api, clock, what: str) -> None:
    """Do what ``what`` says."""
    if "payout" in what or "top-up" in what:
        path, amount = ("/v1/payouts", 1000) if "payout" in what else ("/v1/topups", 3000)
        made = api.post(path, f"amount={amount}&currency=usd")
        if "canceled" in what:
            assert api.post(f"{path}/{made['id']}/cancel")["status"] == "canceled"
    elif "dispute" in what or "inquiry" in what:
        pay(api, "createDisputeInquiry" if "inquiry" in what else "createDispute")
        if "won" in what:
            dispute = api.ids("/v1/disputes")[0]
            api.post(f"/v1/disputes/{dispute}", "evidence[uncategorized_text]=winning_evidence")
    elif "authorization" in what:
        held = pay(api, more="&capture_method=manual")
        if "captured" in what:
            api.post(f"{INTENTS}/{held['id']}/capture", "amount_to_capture=1500")
        elif "canceled" in what:
            api.post(f"{INTENTS}/{held['id']}/cancel")
    elif "debit" in what:
        mandate = "mandate_data[customer_acceptance][type]=offline"
        api.post(INTENTS, f"amount=2000&currency=usd&confirm=true&payment_method=pm_usBankAccount_success&{mandate}")
        clock.now += 10
    elif "declined" in what:
        api.error("POST", INTENTS, "amount=2000&currency=usd&confirm=true&payment_method=pm_card_chargeDeclined")
    else:
        pay_and_refund(api, clock, what)


def pay_and_refund(api, clock, what: str) -> None:
    paid = pay(api, "refundFail" if "fails" in what else "visa")
    if "refund" in what:
        part = "&amount=500" if "part" in what else ""
        api.post("/v1/refunds", f"payment_intent={paid['id']}{part}")
        clock.now += 3600 if "fails" in what else 0


@pytest.mark.parametrize(("amount", "currency", "fee"), FEES)
def test_the_fee_of_a_payment(api, amount, currency, fee) -> None:
    """A charge's fee depends on its currency, and stands in its balance transaction."""
    paid = pay(api, amount=amount, currency=currency, more="&expand[]=latest_charge.balance_transaction")
    entry = paid["latest_charge"]["balance_transaction"]
    assert (entry["amount"], entry["fee"], entry["net"]) == (amount, fee, amount - fee)
    assert [(detail["amount"], detail["type"]) for detail in entry["fee_details"]] == [(fee, "stripe_fee")]
    assert (entry["source"], entry["type"]) == (paid["latest_charge"]["id"], "charge")


@pytest.mark.parametrize("what", ENTRIES)
def test_what_moves_money_is_in_the_books(api, clock, what) -> None:
    """Type, category, amount and fee of each; and all of them are what the balance has changed by."""
    act(api, clock, what)
    listed = api.get("/v1/balance_transactions?limit=100")["data"][::-1]
    assert [(t["type"], t["reporting_category"], t["amount"], t["fee"]) for t in listed] == ENTRIES[what]
    assert all(t["net"] == t["amount"] - t["fee"] for t in listed)
    balance = api.get("/v1/balance")
    total = sum(part["amount"] for part in (*balance["available"], *balance["pending"]))
    assert total == OPENING["usd"] + sum(t["net"] for t in listed)
    for entry in listed:
        got = api.get(f"/v1/balance_transactions/{entry['id']}", **{"expand[]": "source"})
        assert got["source"]["id"] == entry["source"]


def test_money_is_pending_and_then_available(api, clock) -> None:
    """https://docs.stripe.com/payouts#standard-payout-timing: two business days, at midnight UTC."""
    paid = pay(api, more="&expand[]=latest_charge")
    id = paid["latest_charge"]["balance_transaction"]
    entry = api.get(f"/v1/balance_transactions/{id}")
    assert (entry["status"], entry["available_on"]) == ("pending", business_day(int(clock.now), 2))
    assert [part["amount"] for part in api.get("/v1/balance")["pending"]] == [1912]
    clock.now = entry["available_on"] - 1
    assert api.get("/v1/balance")["pending"][0]["amount"] == 1912
    clock.now += 1
    balance = api.get("/v1/balance")
    assert (balance["pending"][0]["amount"], balance["available"][0]["amount"]) == (0, OPENING["usd"] + 1912)
    assert api.get(f"/v1/balance_transactions/{id}")["status"] == "available"


@pytest.mark.parametrize(
    ("day", "after"),
    [("2027-01-15", "2027-01-19"), ("2027-01-16", "2027-01-19"), ("2027-01-18", "2027-01-20")],  # Fri, Sat, Mon
)
def test_business_days_leave_out_weekends(day, after) -> None:
    """Two business days after a Friday or a Saturday is the Tuesday."""
    start = int(datetime.fromisoformat(day + "T10:00:00").replace(tzinfo=UTC).timestamp())
    assert datetime.fromtimestamp(business_day(start, 2), UTC).date().isoformat() == after


def test_some_cards_bypass_the_pending_balance(api) -> None:
    """With these test cards, money is available at once. https://docs.stripe.com/testing#available-balance"""
    for card in ("bypassPending", "bypassPendingInternational"):
        before = api.get("/v1/balance")["available"][0]["amount"]
        pay(api, card)
        assert api.get("/v1/balance")["available"][0]["amount"] == before + 1912


def test_a_refund_of_pending_money_takes_pending_money(api) -> None:
    """A refund of pending money takes pending money."""
    paid = pay(api)
    api.post("/v1/refunds", f"payment_intent={paid['id']}")
    balance = api.get("/v1/balance")
    assert (balance["available"][0]["amount"], balance["pending"][0]["amount"]) == (OPENING["usd"], -88)


# https://docs.stripe.com/testing#refunds: status at first and later, and what the charge then says.
@pytest.mark.parametrize(
    ("card", "first", "later", "refunded"),
    [
        ("visa", "succeeded", "succeeded", 2000),
        ("pendingRefund", "pending", "succeeded", 2000),
        ("refundFail", "succeeded", "failed", 0),
    ],
)
def test_how_a_refund_goes_on(api, clock, card, first, later, refunded) -> None:
    """A refund succeeds at once, later, or fails later, as its card says."""
    paid = pay(api, card)
    made = api.post("/v1/refunds", f"payment_intent={paid['id']}")
    assert made["status"] == first
    assert (made["balance_transaction"] is None) == (first == "pending")
    clock.now += 3600
    after = api.get(f"/v1/refunds/{made['id']}")
    assert (after["status"], bool(after["failure_reason"])) == (later, later == "failed")
    assert after["balance_transaction"] is not None
    assert api.get(f"/v1/charges/{paid['latest_charge']}")["amount_refunded"] == refunded
    assert "unsupported" in api.error("POST", f"/v1/refunds/{made['id']}/cancel")[1]["message"]


def test_payouts_arrive_come_back_and_are_not_more_than_there_is(api, clock) -> None:
    """Payouts arrive, come back, and are never more than the balance. https://docs.stripe.com/api/payouts"""
    too_much = api.error("POST", "/v1/payouts", f"amount={OPENING['usd'] + 1}&currency=usd")
    assert (too_much[0], too_much[1]["code"]) == (400, "balance_insufficient")
    assert api.error("POST", "/v1/payouts", "amount=100&currency=eur")[1]["code"] == "balance_insufficient"
    made = api.post("/v1/payouts", "amount=1000&currency=usd")
    assert (made["status"], made["automatic"], made["method"]) == ("pending", False, "standard")
    assert made["arrival_date"] == business_day(int(clock.now), 2)
    instant = api.post("/v1/payouts", "amount=500&currency=usd&method=instant")
    assert instant["arrival_date"] == clock.now + 1800
    early = api.error("POST", f"/v1/payouts/{made['id']}/reverse")[1]
    assert "pending" in early["message"]
    clock.now = made["arrival_date"]
    assert [p["status"] for p in api.get("/v1/payouts")["data"]] == ["paid", "paid"]
    assert "paid" in api.error("POST", f"/v1/payouts/{made['id']}/cancel")[1]["message"]
    back = api.post(f"/v1/payouts/{made['id']}/reverse", "metadata[a]=b")
    assert (back["amount"], back["original_payout"], back["metadata"]) == (-1000, made["id"], {"a": "b"})
    assert api.get(f"/v1/payouts/{made['id']}")["reversed_by"] == back["id"]
    assert api.error("POST", f"/v1/payouts/{made['id']}/reverse")[0] == 400
    clock.now += 5 * DAY
    assert api.get("/v1/balance")["available"][0]["amount"] == OPENING["usd"] - 500


def test_top_ups_succeed_on_their_day(api, clock) -> None:
    """A top-up is pending until its day, and is then in the available balance.

    https://docs.stripe.com/connect/top-ups
    """
    made = api.post("/v1/topups", "amount=3000&currency=usd&description=x")
    assert (made["status"], api.get("/v1/balance")["pending"][0]["amount"]) == ("pending", 3000)
    clock.now = made["expected_availability_date"]
    assert api.get(f"/v1/topups/{made['id']}")["status"] == "succeeded"
    assert api.get("/v1/balance")["available"][0]["amount"] == OPENING["usd"] + 3000
    assert "succeeded" in api.error("POST", f"/v1/topups/{made['id']}/cancel")[1]["message"]


# https://docs.stripe.com/testing#disputes and #evidence: status at first, after each evidence, and after closing.
@pytest.mark.parametrize(
    ("card", "first", "reason", "evidence", "after"),
    [
        ("createDispute", "needs_response", "fraudulent", "winning_evidence", "won"),
        ("createDispute", "needs_response", "fraudulent", "losing_evidence", "lost"),
        ("createDispute", "needs_response", "fraudulent", "something else", "under_review"),
        ("createDisputeProductNotReceived", "needs_response", "product_not_received", "winning_evidence", "won"),
        ("createDisputeInquiry", "warning_needs_response", "fraudulent", "escalate_inquiry_evidence", "needs_response"),
        ("createDisputeInquiry", "warning_needs_response", "fraudulent", "something", "warning_under_review"),
    ],
)
def test_disputes_are_decided_by_their_evidence(api, card, first, reason, evidence, after) -> None:
    """Evidence that Stripe's documentation names as winning or losing decides a dispute."""
    paid = pay(api, card)
    charge = api.get(f"/v1/charges/{paid['latest_charge']}")
    assert (charge["paid"], charge["disputed"]) == (True, True)
    [dispute] = api.get(f"/v1/disputes?payment_intent={paid['id']}")["data"]
    assert (dispute["status"], dispute["reason"], dispute["amount"]) == (first, reason, 2000)
    assert dispute["is_charge_refundable"] == first.startswith("warning")
    path = f"/v1/disputes/{dispute['id']}"
    kept = api.post(path, "evidence[product_description]=Shirt&submit=false")
    assert (kept["status"], kept["evidence_details"]["submission_count"]) == (first, 0)
    done = api.post(path, {"evidence": {"uncategorized_text": evidence}}, Content_Type="application/json")
    assert (done["status"], done["evidence"]["product_description"]) == (after, "Shirt")
    assert done["evidence_details"]["has_evidence"] is True
    refundable = done["is_charge_refundable"]
    status, answer = api.ask("POST", "/v1/refunds", f"payment_intent={paid['id']}")
    assert (status, refundable) in ((200, True), (400, False)), answer


def test_a_dispute_is_closed_once_or_lost_in_time(api, clock) -> None:
    """A dispute is closed once or lost in time."""
    for _ in range(2):
        pay(api, "createDispute")
    closed, waiting = api.ids("/v1/disputes")
    assert api.post(f"/v1/disputes/{closed}/close")["status"] == "lost"
    assert "already closed" in api.error("POST", f"/v1/disputes/{closed}/close")[1]["message"]
    assert "already closed" in api.error("POST", f"/v1/disputes/{closed}", "metadata[a]=b")[1]["message"]
    clock.now = api.get(f"/v1/disputes/{waiting}")["evidence_details"]["due_by"]
    assert api.get(f"/v1/disputes/{waiting}")["status"] == "lost"


def test_some_cards_are_disputed_twice_or_warned_of(api) -> None:
    """Some cards are disputed twice or warned of."""
    pay(api, "createMultipleDisputes")
    assert len(api.ids("/v1/disputes")) == 2
    paid = pay(api, "createIssuerFraudRecord")
    [warning] = api.get(f"/v1/radar/early_fraud_warnings?charge={paid['latest_charge']}")["data"]
    assert (warning["actionable"], warning["payment_intent"]) == (True, paid["id"])


def test_nothing_is_kept_of_a_payout_that_is_refused(api) -> None:
    """Nothing is kept of a payout that is refused."""
    before = api.get("/v1/balance")
    api.error("POST", "/v1/payouts", "amount=99999999&currency=usd")
    assert api.get("/v1/balance") == before
    assert api.ids("/v1/payouts") == api.ids("/v1/balance_transactions") == []


def test_the_books_of_a_file_go_on_after_a_restart(make, clock, tmp_path) -> None:
    """What was due while nobody asked is done when somebody asks again."""
    from host.simulator.store import Store

    api = make(store=Store(tmp_path / "books.db"))
    paid = pay(api, "pendingRefund")
    refund = api.post("/v1/refunds", f"payment_intent={paid['id']}")["id"]
    api.simulator.close()
    clock.now += 10 * DAY
    again = make(store=Store(tmp_path / "books.db"))
    assert again.get(f"/v1/refunds/{refund}")["status"] == "succeeded"
    assert again.get("/v1/balance")["available"][0]["amount"] == OPENING["usd"] - 88


def test_an_uncaptured_charge_without_an_intent_is_refunded_whole(api) -> None:
    """https://docs.stripe.com/api/refunds/create: it is released, and the books know nothing of it."""
    charge = api.post("/v1/charges", "amount=500&currency=usd&source=tok_visa&capture=false")["id"]
    assert api.error("POST", "/v1/refunds", f"charge={charge}&amount=100")[1]["param"] == "amount"
    made = api.post("/v1/refunds", f"charge={charge}&metadata[a]=b&reason=duplicate")
    assert (made["amount"], made["metadata"], made["reason"]) == (500, {"a": "b"}, "duplicate")
    assert api.error("POST", "/v1/refunds", f"charge={charge}")[1]["code"] == "charge_already_refunded"
    assert api.error("POST", f"/v1/charges/{charge}/capture")[1]["code"] == "charge_already_refunded"
    assert api.ids("/v1/balance_transactions") == []
    held = pay(api, more="&capture_method=manual")
    assert (
        "cancel the PaymentIntent" in api.error("POST", "/v1/refunds", f"charge={held['latest_charge']}")[1]["message"]
    )


def test_staged_evidence_is_submitted_later(api) -> None:
    """Evidence kept with ``submit=false`` counts once it is submitted.

    https://docs.stripe.com/api/disputes/update#update_dispute-submit
    """
    pay(api, "createDispute")
    path = f"/v1/disputes/{api.ids('/v1/disputes')[0]}"
    assert api.post(path, "submit=true")["status"] == "needs_response"
    assert api.post(path, "evidence[uncategorized_text]=winning_evidence&submit=false")["status"] == "needs_response"
    done = api.post(path, "submit=true")
    assert (done["status"], done["evidence_details"]["submission_count"]) == ("won", 1)


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        ("uncategorized_text", "x" * 20_000, True),
        ("uncategorized_text", "x" * 20_001, False),
        ("refund_refusal_explanation", "x" * 20_000, True),
        ("customer_name", "x" * 5_001, False),
        ("receipt", "file_1", False),
        ("uncategorized_file", "file_1", False),
    ],
)
def test_evidence_is_as_long_as_documented_and_of_files_there_are(api, name, value, good) -> None:
    """Statements have 20,000 characters, and what is a file has been uploaded.

    https://docs.stripe.com/api/disputes/update#update_dispute-evidence
    """
    paid = pay(api, "createDispute")
    (dispute,) = api.ids(f"/v1/disputes?payment_intent={paid['id']}")
    status, answer = api.ask("POST", f"/v1/disputes/{dispute}", f"evidence[{name}]={value}&submit=false")
    assert status == (200 if good else 400)
    if not good:
        assert answer["error"]["param"] == f"evidence[{name}]"
