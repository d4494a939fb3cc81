"""Payments by bank transfer: what a customer sent pays them. https://docs.stripe.com/payments/bank-transfers"""

from __future__ import annotations

from typing import Any

import pytest

INTENTS = "/v1/payment_intents"
OPTIONS = "payment_method_options[customer_balance]"
TRANSFER = f"{OPTIONS}[funding_type]=bank_transfer&{OPTIONS}[bank_transfer][type]=us_bank_transfer"
METHOD = "payment_method_types[]=customer_balance&payment_method_data[type]=customer_balance"


@pytest.fixture
def sender(api) -> str:
    """A customer who pays by transfer."""
    return str(api.post("/v1/customers")["id"])


def begin(api, customer: str, amount: int = 1000) -> dict[str, Any]:
    form = f"amount={amount}&currency=usd&customer={customer}&confirm=true&{METHOD}&{TRANSFER}"
    made: dict[str, Any] = api.post(INTENTS, form)
    return made


def send(api, customer: str, amount: int) -> None:
    api.post(f"/v1/test_helpers/customers/{customer}/fund_cash_balance", f"amount={amount}&currency=usd")


def left(api, customer: str) -> int:
    """What the customer has."""
    money = api.get(f"/v1/customers/{customer}/cash_balance")["available"] or {}
    return int(money.get("usd", 0))


def now(api, intent: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{INTENTS}/{intent['id']}")
    return found


def reasons(api, customer: str) -> list[tuple[str, int]]:
    """Type and amount of each transaction, newest first."""
    path = f"/v1/customers/{customer}/cash_balance_transactions"
    return [(each["type"], each["net_amount"]) for each in api.get(path)["data"]]


def test_a_payment_waits_for_a_transfer_and_takes_it(api, sender) -> None:
    """In parts: what is missing is told; what is over stays the customer's."""
    made = begin(api, sender)
    action = made["next_action"]["display_bank_transfer_instructions"]
    assert (made["status"], action["amount_remaining"], action["type"]) == ("requires_action", 1000, "us_bank_transfer")
    assert api.post(f"{INTENTS}/{made['id']}/confirm")["status"] == "requires_action"
    send(api, sender, 400)
    action = now(api, made)["next_action"]["display_bank_transfer_instructions"]
    assert (action["amount_remaining"], left(api, sender)) == (600, 0)
    send(api, sender, 700)
    done = now(api, made)
    assert (done["status"], done["amount_received"], done["next_action"]) == ("succeeded", 1000, None)
    assert left(api, sender) == 100
    assert reasons(api, sender) == [
        ("applied_to_payment", -600),
        ("funded", 700),
        ("applied_to_payment", -400),
        ("funded", 400),
    ]
    charge = api.get(f"/v1/charges/{done['latest_charge']}?expand[]=balance_transaction")
    assert charge["payment_method_details"]["type"] == "customer_balance"
    assert (charge["balance_transaction"]["type"], charge["balance_transaction"]["amount"]) == ("payment", 1000)


def test_money_that_is_there_pays_at_once_and_the_oldest_payment_first(api, sender) -> None:
    first, second = begin(api, sender), begin(api, sender)
    send(api, sender, 1500)
    assert [now(api, each)["status"] for each in (first, second)] == ["succeeded", "requires_action"]
    send(api, sender, 1500)
    assert now(api, second)["status"] == "succeeded"
    assert begin(api, sender)["status"] == "succeeded"


def test_money_is_applied_by_hand_where_that_was_asked_for(api, sender) -> None:
    """https://docs.stripe.com/payments/customer-balance/reconciliation"""
    api.post(f"/v1/customers/{sender}/cash_balance", "settings[reconciliation_mode]=manual")
    send(api, sender, 900)
    made = begin(api, sender)
    assert (made["status"], left(api, sender)) == ("requires_action", 900)
    path = f"{INTENTS}/{made['id']}/apply_customer_balance"
    after = api.post(path, "amount=300")
    assert after["next_action"]["display_bank_transfer_instructions"]["amount_remaining"] == 700
    assert api.error("POST", path, "amount=700")[1]["code"] == "balance_insufficient"
    assert api.error("POST", path, "currency=eur")[1]["param"] == "currency"
    send(api, sender, 100)
    assert api.post(path)["status"] == "succeeded"
    assert api.error("POST", path)[1]["code"] == "payment_intent_unexpected_state"


def test_a_canceled_payment_gives_back_what_it_took(api, sender) -> None:
    send(api, sender, 400)
    made = begin(api, sender)
    assert left(api, sender) == 0
    assert api.post(f"{INTENTS}/{made['id']}/cancel")["status"] == "canceled"
    assert (left(api, sender), reasons(api, sender)[0]) == (400, ("unapplied_from_payment", 400))


def test_a_refund_goes_to_the_customers_cash_balance(api, sender) -> None:
    """https://docs.stripe.com/payments/customer-balance/refunding"""
    send(api, sender, 1000)
    made = begin(api, sender)
    refund = api.post("/v1/refunds", f"payment_intent={made['id']}&amount=300")
    assert (refund["status"], refund["destination_details"]["type"]) == ("succeeded", "customer_cash_balance")
    assert (left(api, sender), reasons(api, sender)[0]) == (300, ("refunded_from_payment", 300))


@pytest.mark.parametrize(
    ("form", "param"),
    [
        (f"amount=500&currency=usd&{TRANSFER}", "customer"),
        (f"amount=500&currency=eur&customer=@&{TRANSFER}", "currency"),
        ("amount=500&currency=usd&customer=@", f"{OPTIONS}[funding_type]"),
        (
            f"amount=500&currency=usd&customer=@&{OPTIONS}[funding_type]=bank_transfer",
            f"{OPTIONS}[bank_transfer][type]",
        ),
    ],
)
def test_what_a_transfer_needs(api, sender, form, param) -> None:
    """A customer, a kind of transfer, and its currency."""
    status, error = api.error("POST", INTENTS, f"{form.replace('@', sender)}&confirm=true&{METHOD}")
    assert (status, error["param"]) == (400, param)
