"""Payments by bank transfer. https://docs.stripe.com/payments/bank-transfers/accept-a-payment"""

from __future__ import annotations

from typing import Any

import pytest

from host.simulator.stripe.bank_addresses import IBANS, PLACES
from tests.simulator.conftest import Api

INTENTS = "/v1/payment_intents"
BALANCE = "payment_method_options[customer_balance]"


class Payer:
    """A customer who pays by bank transfer."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.id = api.post("/v1/customers", "name=Ann")["id"]
        self.path = f"/v1/customers/{self.id}"

    def pay(self, amount: int, currency: str = "usd", kind: str = "us_bank_transfer", more: str = "") -> dict[str, Any]:
        """A payment, confirmed."""
        found: dict[str, Any] = self.api.post(INTENTS, self.form(amount, currency, kind) + more)
        return found

    def form(self, amount: int, currency: str = "usd", kind: str = "us_bank_transfer") -> str:
        """What confirms one at once."""
        method = "payment_method_types[]=customer_balance&payment_method_data[type]=customer_balance&confirm=true"
        transfer = f"{BALANCE}[funding_type]=bank_transfer&{BALANCE}[bank_transfer][type]={kind}"
        return f"amount={amount}&currency={currency}&customer={self.id}&{method}&{transfer}"

    def send(self, amount: int, currency: str = "usd", reference: str = "") -> None:
        """A transfer arrives."""
        named = f"&reference={reference}" if reference else ""
        self.api.post(
            f"/v1/test_helpers{self.path[3:]}/fund_cash_balance", f"amount={amount}&currency={currency}{named}"
        )

    def states(self, *payments: dict[str, Any]) -> list[tuple[str, int]]:
        """Status and what is left of each."""
        found = []
        for payment in payments:
            now = self.api.get(f"{INTENTS}/{payment['id']}")
            action = (now["next_action"] or {}).get("display_bank_transfer_instructions") or {"amount_remaining": 0}
            found.append((now["status"], action["amount_remaining"]))
        return found

    def cash(self) -> dict[str, int]:
        """What there is."""
        found: dict[str, int] = self.api.get(f"{self.path}/cash_balance")["available"]
        return found

    def moved(self) -> list[tuple[str, int, int]]:
        """Type, amount and balance of each transaction, oldest first."""
        found = self.api.get(f"{self.path}/cash_balance_transactions", limit=100)["data"][::-1]
        return [(each["type"], each["net_amount"], each["ending_balance"]) for each in found]


@pytest.fixture
def payer(api: Api) -> Payer:
    return Payer(api)


def told(api: Api) -> list[str]:
    """All events, oldest first."""
    return [each["type"] for each in api.get("/v1/events", limit=100)["data"][::-1]]


def test_a_payment_waits_until_all_of_it_has_arrived(api: Api, payer: Payer) -> None:
    """It says what is left; each part is told, what is too much stays the customer's."""
    payment = payer.pay(2000)
    action = payment["next_action"]["display_bank_transfer_instructions"]
    assert (payment["status"], action["amount_remaining"], action["currency"]) == ("requires_action", 2000, "usd")
    payer.send(700)
    assert payer.states(payment) == [("requires_action", 1300)]
    payer.send(1500)
    assert payer.states(payment) == [("succeeded", 0)]
    assert payer.moved() == [
        ("funded", 700, 700),
        ("applied_to_payment", -700, 0),
        ("funded", 1500, 1500),
        ("applied_to_payment", -1300, 200),
    ]
    assert told(api)[1:] == [
        "payment_intent.created",
        "payment_intent.requires_action",
        "customer_cash_balance_transaction.created",
        "customer_cash_balance_transaction.created",
        "payment_intent.partially_funded",
        "customer_cash_balance_transaction.created",
        "customer_cash_balance_transaction.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "cash_balance.funds_available",
    ]
    paid = api.get(f"{INTENTS}/{payment['id']}?expand[]=latest_charge.balance_transaction")
    charge = paid["latest_charge"]
    assert (paid["amount_received"], charge["amount"], charge["payment_method_details"]["type"]) == (
        2000,
        2000,
        "customer_balance",
    )
    assert (charge["balance_transaction"]["type"], charge["balance_transaction"]["amount"]) == ("payment", 2000)


@pytest.mark.parametrize(("there", "status"), [(2000, "succeeded"), (2500, "succeeded"), (500, "requires_action")])
def test_what_is_there_already_is_taken(payer: Payer, there: int, status: str) -> None:
    """All that a payment needs, or what there is."""
    payer.send(there)
    payment = payer.pay(2000)
    assert payment["status"] == status
    assert payer.cash() == {"usd": max(0, there - 2000)}


def test_what_arrives_pays_what_it_names_then_what_wants_just_that_then_the_oldest(payer: Payer) -> None:
    """A transfer goes to the payment whose reference it has, then to one of its exact amount, then to the oldest.

    https://docs.stripe.com/payments/customer-balance/reconciliation#automatic
    """
    oldest, exact, named = payer.pay(5000), payer.pay(1000), payer.pay(1000)
    reference = named["next_action"]["display_bank_transfer_instructions"]["reference"]
    payer.send(1000, reference=reference)
    assert payer.states(oldest, exact, named) == [
        ("requires_action", 5000),
        ("requires_action", 1000),
        ("succeeded", 0),
    ]
    payer.send(1000, reference="SOMETHING")
    assert payer.states(oldest, exact) == [("requires_action", 5000), ("succeeded", 0)]
    payer.send(1000)
    assert payer.states(oldest) == [("requires_action", 4000)]
    other = payer.pay(300)
    payer.send(4500)
    assert payer.states(oldest, other) == [("succeeded", 0), ("succeeded", 0)]
    assert payer.cash() == {"usd": 200}


def test_currencies_are_apart(payer: Payer) -> None:
    """A transfer in another currency pays nothing."""
    payment = payer.pay(1000)
    payer.send(5000, "gbp")
    assert payer.states(payment) == [("requires_action", 1000)]


def test_by_hand_only_what_is_applied_is_paid(api: Api, payer: Payer) -> None:
    """With ``reconciliation_mode=manual`` a transfer pays nothing until it is applied, at most what is owed.

    https://docs.stripe.com/payments/customer-balance/reconciliation#manual
    """
    api.post(f"{payer.path}/cash_balance", "settings[reconciliation_mode]=manual")
    payer.send(1500)
    payment = payer.pay(1000)
    assert payer.states(payment) == [("requires_action", 1000)]
    path = f"{INTENTS}/{payment['id']}/apply_customer_balance"
    assert api.error("POST", path, "amount=1001")[1]["param"] == "amount"
    assert api.error("POST", path, "amount=1&currency=eur")[1]["param"] == "currency"
    assert api.post(path, "amount=400")["status"] == "requires_action"
    assert payer.states(payment) == [("requires_action", 600)]
    assert api.post(path)["status"] == "succeeded"
    assert payer.cash() == {"usd": 500}
    assert api.error("POST", path)[0] == 400
    other = payer.pay(2000)
    assert api.error("POST", f"{INTENTS}/{other['id']}/apply_customer_balance")[1]["code"] == "balance_insufficient"


def test_a_canceled_payment_gives_back_what_was_paid_of_it(api: Api, payer: Payer) -> None:
    """And takes no more."""
    payment = payer.pay(1000)
    payer.send(400)
    api.post(f"{INTENTS}/{payment['id']}/cancel")
    assert payer.moved()[-1] == ("unapplied_from_payment", 400, 400)
    payer.send(600)
    assert payer.cash() == {"usd": 1000}


def test_a_refund_goes_to_the_cash_balance(api: Api, payer: Payer) -> None:
    """Once, at once. https://docs.stripe.com/payments/customer-balance/refunding"""
    payer.send(1000)
    payment = payer.pay(1000)
    refund = api.post("/v1/refunds", f"payment_intent={payment['id']}&amount=300")
    assert refund["status"] == "succeeded"
    api.post(f"/v1/refunds/{refund['id']}", "metadata[a]=1")
    assert payer.moved()[-1] == ("refunded_from_payment", 300, 300)
    assert payer.cash() == {"usd": 300}


@pytest.mark.parametrize("kind", PLACES)
def test_each_kind_says_where_to_send_money(payer: Payer, api: Api, kind: str) -> None:
    """To an account of the customer's own, the same for payments and in general."""
    place = PLACES[kind]
    eu = "[eu_bank_transfer][country]=DE" if kind.startswith("eu") else ""
    more = f"&{BALANCE}[bank_transfer]{eu}" if eu else ""
    shown = payer.pay(5000, place.currency, kind, more)["next_action"]["display_bank_transfer_instructions"]
    (address,) = shown["financial_addresses"]
    assert (address["type"], address["supported_networks"]) == (place.address, [*place.networks])
    form = f"currency={place.currency}&funding_type=bank_transfer&bank_transfer[type]={kind}"
    again = api.post(f"{payer.path}/funding_instructions", form + (f"&bank_transfer{eu}" if eu else ""))
    assert again["bank_transfer"]["financial_addresses"] == [address]
    other = Payer(api).pay(5000, place.currency, kind, more)["next_action"]["display_bank_transfer_instructions"]
    assert other["financial_addresses"] != [address]


@pytest.mark.parametrize("country", IBANS)
def test_an_iban_is_valid(api: Api, payer: Payer, country: str) -> None:
    """ISO 13616: moved to the end, letters as numbers, it leaves 1 of 97."""
    transfer = f"bank_transfer[type]=eu_bank_transfer&bank_transfer[eu_bank_transfer][country]={country}"
    found = api.post(f"{payer.path}/funding_instructions", f"currency=eur&funding_type=bank_transfer&{transfer}")
    iban = found["bank_transfer"]["financial_addresses"][0]["iban"]["iban"]
    assert (iban[:2], len(iban)) == (country, 4 + sum(IBANS[country]))
    assert int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1


@pytest.mark.parametrize(
    ("change", "param"),
    [
        (("us_bank_transfer", "gb_bank_transfer"), f"{BALANCE}[bank_transfer][type]"),
        (("us_bank_transfer", "eu_bank_transfer"), f"{BALANCE}[bank_transfer][type]"),
        ((f"{BALANCE}[funding_type]=bank_transfer&", ""), f"{BALANCE}[funding_type]"),
        ((f"&{BALANCE}[bank_transfer][type]=us_bank_transfer", ""), f"{BALANCE}[bank_transfer][type]"),
        (("confirm=true", "confirm=true&capture_method=manual"), "capture_method"),
    ],
)
def test_what_no_bank_transfer_takes_is_refused(api: Api, payer: Payer, change: tuple[str, str], param: str) -> None:
    """By its parameter."""
    status, error = api.error("POST", INTENTS, payer.form(1000).replace(*change))
    assert (status, error["param"]) == (400, param)


def test_a_transfer_needs_a_customer_and_in_the_eu_a_country(api: Api, payer: Payer) -> None:
    """Whose account the money is sent to, and where that is."""
    status, error = api.error("POST", INTENTS, payer.form(1000).replace(f"&customer={payer.id}", ""))
    assert (status, error["param"]) == (400, "customer")
    status, error = api.error("POST", INTENTS, payer.form(1000, "eur", "eu_bank_transfer"))
    assert (status, error["param"]) == (400, f"{BALANCE}[bank_transfer][eu_bank_transfer][country]")


def test_the_command_line_s_own_word_is_understood(payer: Payer) -> None:
    """Stripe's calls the Japanese transfer like the account."""
    action = payer.pay(1000, "jpy", "jp_bank_account")["next_action"]["display_bank_transfer_instructions"]
    assert action["type"] == "jp_bank_transfer"
