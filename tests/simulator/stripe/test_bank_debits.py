"""Invoices that bank debits pay, and accounts that small deposits verify."""

from __future__ import annotations

import pytest

from tests.simulator.stripe.conftest import DAY

INTENTS, SETUPS = "/v1/payment_intents", "/v1/setup_intents"
DEPOSITS = "payment_method_options[us_bank_account][verification_method]=microdeposits"
CODE = "payment_method_microdeposit_verification_"


def debited(shop, id: str, **fields) -> dict:
    """A subscription that is paid by bank debit."""
    method = shop.api.post(f"/v1/payment_methods/{id}/attach", f"customer={shop.customer}")["id"]
    return shop.subscribe(shop.price(), default_payment_method=method, **fields)


@pytest.mark.parametrize("behavior", ["allow_incomplete", "error_if_incomplete"])
def test_a_subscription_is_incomplete_until_its_debit_succeeds(shop, clock, behavior) -> None:
    """A subscription is incomplete until its debit succeeds.

    https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses: "pending payment".
    """
    made = debited(shop, "pm_usBankAccount_success", payment_behavior=behavior)
    invoice = made["latest_invoice"]
    assert (made["status"], invoice["status"], invoice["amount_paid"]) == ("incomplete", "open", 0)
    assert (invoice["attempt_count"], invoice["next_payment_attempt"]) == (1, None)
    refused = shop.api.error("POST", f"/v1/invoices/{invoice['id']}/pay")
    assert refused[0] == 400
    assert "processing" in refused[1]["message"]
    clock.now += 10
    after = shop.now(made)
    assert (after["status"], after["latest_invoice"]["status"]) == ("active", "paid")


def test_a_renewal_by_debit_is_no_failure_until_the_debit_fails(shop, clock) -> None:
    """The subscription stays active meanwhile; then it is past due, and the debit is tried again."""
    made = shop.subscribe(shop.price())
    method = shop.api.post(
        "/v1/payment_methods/pm_usBankAccount_insufficientFunds/attach", f"customer={shop.customer}"
    )["id"]
    shop.change(made, default_payment_method=method)
    renewed = made["items"]["data"][0]["current_period_end"]
    clock.now = float(renewed + 3600)
    during = shop.now(made)
    assert (during["status"], during["latest_invoice"]["status"]) == ("active", "open")
    assert during["latest_invoice"]["next_payment_attempt"] is None
    assert "invoice.payment_failed" not in [each["type"] for each in shop.api.get("/v1/events")["data"]]
    clock.now += 10
    after = shop.now(made)
    invoice = after["latest_invoice"]
    assert (after["status"], invoice["status"]) == ("past_due", "open")
    assert invoice["next_payment_attempt"] == renewed + 3600 + 5 + 3 * DAY
    types = [each["type"] for each in shop.api.get("/v1/events")["data"]]
    assert types.count("invoice.payment_failed") == 1
    clock.now += 3 * DAY
    assert shop.now(made)["latest_invoice"]["attempt_count"] == 2


def test_a_first_debit_that_fails_leaves_the_subscription_incomplete(shop, clock) -> None:
    """It can be paid otherwise, for 23 hours."""
    made = debited(shop, "pm_usBankAccount_insufficientFunds")
    clock.now += 10
    after = shop.now(made)
    assert (after["status"], after["latest_invoice"]["next_payment_attempt"]) == ("incomplete", None)
    shop.api.post(f"/v1/invoices/{made['latest_invoice']['id']}/pay", "payment_method=pm_card_visa")
    assert shop.now(made)["status"] == "active"


def test_an_invoice_is_open_while_its_debit_is_processing(shop, clock) -> None:
    """Paying it by debit is answered with the invoice, not with an error."""
    shop.api.post("/v1/invoiceitems", f"customer={shop.customer}&amount=700&currency=usd")
    invoice = shop.api.post("/v1/invoices", f"customer={shop.customer}&pending_invoice_items_behavior=include")["id"]
    method = shop.api.post("/v1/payment_methods/pm_usBankAccount_success/attach", f"customer={shop.customer}")["id"]
    assert shop.api.post(f"/v1/invoices/{invoice}/pay", f"payment_method={method}")["status"] == "open"
    clock.now += 10
    assert shop.api.get(f"/v1/invoices/{invoice}")["status"] == "paid"


def waiting(api, at: str) -> dict:
    """An intent whose account is to be verified by deposits."""
    amount = "amount=900&currency=usd&" if at == INTENTS else ""
    method = "payment_method=pm_usBankAccount_success&allowed_payment_method_types[]=us_bank_account"
    mandate = "mandate_data[customer_acceptance][type]=offline"
    return api.post(at, f"{amount}confirm=true&{method}&{mandate}&{DEPOSITS}")


@pytest.mark.parametrize(("at", "after"), [(INTENTS, "processing"), (SETUPS, "succeeded")])
def test_deposits_verify_an_account(api, at, after) -> None:
    """Confirming again verifies nothing; a wrong amount or code can be tried again, the right one goes on."""
    made = waiting(api, at)
    assert (made["status"], made["next_action"]["type"]) == ("requires_action", "verify_with_microdeposits")
    path = f"{at}/{made['id']}"
    assert api.post(f"{path}/confirm")["status"] == "requires_action"
    for wrong, code in (
        ("amounts[]=1&amounts[]=2", "amounts_mismatch"),
        ("amounts[]=32", "amounts_invalid"),
        ("descriptor_code=SM0000", "descriptor_code_mismatch"),
    ):
        assert api.error("POST", f"{path}/verify_microdeposits", wrong)[1]["code"] == CODE + code
    assert api.get(path)["status"] == "requires_action"
    assert api.post(f"{path}/verify_microdeposits", "amounts[]=32&amounts[]=45")["status"] == after
    assert api.error("POST", f"{path}/verify_microdeposits", "descriptor_code=SM11AA")[0] == 400


@pytest.mark.parametrize("at", [INTENTS, SETUPS])
@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("amounts[]=10&amounts[]=11", "attempts_exceeded"),
        ("descriptor_code=SM33CC", "attempts_exceeded"),
        ("amounts[]=40&amounts[]=41", "timeout"),
        ("descriptor_code=SM44DD", "timeout"),
    ],
)
def test_deposits_that_are_not_verified_in_time_end_the_attempt(api, at, said, code) -> None:
    """Deposits that are not verified in time end the attempt."""
    path = f"{at}/{waiting(api, at)['id']}"
    status, error = api.error("POST", f"{path}/verify_microdeposits", said)
    assert (status, error["code"]) == (400, CODE + code)
    after = api.get(path)
    last = after["last_payment_error" if at == INTENTS else "last_setup_error"]
    assert (after["status"], after["payment_method"], last["code"]) == ("requires_payment_method", None, CODE + code)


def test_a_subscription_may_ask_for_deposits(shop, clock) -> None:
    """Its first invoice waits for them, and is paid by debit after them."""
    options = {"payment_method_options": {"us_bank_account": {"verification_method": "microdeposits"}}}
    made = debited(shop, "pm_usBankAccount_success", payment_settings=options)
    assert made["status"] == "incomplete"
    invoice = shop.api.get(f"/v1/invoices/{made['latest_invoice']['id']}?expand[]=payments")
    intent = invoice["payments"]["data"][0]["payment"]["payment_intent"]
    assert shop.api.post(f"{INTENTS}/{intent}/verify_microdeposits", "descriptor_code=SM11AA")["status"] == "processing"
    clock.now += 10
    now = shop.now(made)
    assert (now["status"], now["latest_invoice"]["status"]) == ("active", "paid")
