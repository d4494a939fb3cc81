"""Automatic payouts: when they are made, of what, and what their balance transactions are.

Time begins on Friday, 15 January 2027, 08:00 UTC. A payment's money is available on Tuesday, 19 January.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.simulator.conftest import Api, Clock

BANK = {"object": "bank_account", "country": "US", "currency": "usd", "routing_number": "110000000"}
GOOD, CLOSED = "000123456789", "000111111113"  # https://docs.stripe.com/connect/testing#account-numbers
SETTINGS = "/v1/balance_settings"


def at(text: str) -> int:
    """The time of a day in 2027, at midnight UTC."""
    return int(datetime.fromisoformat(f"2027-{text}").replace(tzinfo=UTC).timestamp())


class Seller:
    """A connected account that can be paid out to, and its requests."""

    def __init__(self, api: Api, clock: Clock, number: str = GOOD) -> None:
        self.api, self.clock = api, clock
        address = dict.fromkeys(("line1", "city", "state", "postal_code"), "CA")
        person = {
            "first_name": "Jenny", "last_name": "Rosen", "email": "j@example.com", "phone": "5555551234",
            "dob": {"day": 1, "month": 2, "year": 1990}, "ssn_last_4": "9876", "address": address,
        }  # fmt: skip
        made = api.post(
            "/v1/accounts",
            {
                "type": "custom",
                "country": "US",
                "business_type": "individual",
                "capabilities": {name: {"requested": True} for name in ("card_payments", "transfers")},
                "individual": person,
                "business_profile": {"mcc": "5734", "url": "https://example.com"},
                "tos_acceptance": {"date": 1_800_000_000, "ip": "127.0.0.1"},
                "external_account": {**BANK, "account_number": number},
            },
        )
        assert made["payouts_enabled"] is True
        self.id = str(made["id"])

    def get(self, target: str) -> Any:
        """What the account reads."""
        status, answer = self.api.ask("GET", target, Stripe_Account=self.id)
        assert status == 200, answer
        return answer

    def post(self, target: str, params: Any = "") -> Any:
        """What the account changes."""
        return self.api.post(target, params, Stripe_Account=self.id)

    def sell(self, amount: int = 10_000, fee: int = 1230) -> None:
        """Sell something through the platform, by a destination charge."""
        self.api.post(
            "/v1/payment_intents",
            {
                "amount": amount,
                "currency": "usd",
                "confirm": True,
                "payment_method": "pm_card_visa",
                "application_fee_amount": fee,
                "transfer_data": {"destination": self.id},
            },
        )

    def payouts(self) -> list[tuple[int, bool]]:
        """When each payout was made, and whether automatically; oldest first."""
        return [(each["created"], each["automatic"]) for each in self.get("/v1/payouts")["data"][::-1]]


@pytest.fixture
def seller(api: Api, clock: Clock) -> Seller:
    return Seller(api, clock)


def test_what_became_available_is_paid_out_the_same_day(seller: Seller, clock: Clock) -> None:
    """100.00 less a fee of 12.30 are 87.70, available and paid out on Tuesday, and in the bank on Thursday.

    https://docs.stripe.com/payouts/reconciliation: the payout's transactions add up to it.
    """
    seller.sell()
    clock.now = at("01-18T23:59:59")
    assert seller.payouts() == []
    clock.now = at("01-19")
    [payout] = seller.get("/v1/payouts")["data"]
    assert (payout["amount"], payout["automatic"], payout["status"]) == (8770, True, "pending")
    assert (payout["reconciliation_status"], payout["arrival_date"]) == ("in_progress", at("01-21"))
    own, sale = seller.get(f"/v1/balance_transactions?payout={payout['id']}")["data"]
    assert (own["id"], own["type"], own["amount"]) == (payout["balance_transaction"], "payout", -8770)
    assert (sale["type"], sale["amount"], sale["fee"], sale["net"]) == ("payment", 10_000, 1230, 8770)
    assert seller.get("/v1/balance")["available"][0]["amount"] == 0
    clock.now = at("01-21")
    done = seller.get(f"/v1/payouts/{payout['id']}")
    assert (done["status"], done["reconciliation_status"]) == ("paid", "completed")
    types = [event["type"] for event in seller.get("/v1/events")["data"] if event["type"].startswith("payout.")]
    assert types == ["payout.reconciliation_completed", "payout.paid", "payout.created"]
    back = seller.post(f"/v1/payouts/{payout['id']}/reverse")
    assert (back["amount"], back["automatic"], back["reconciliation_status"]) == (-8770, False, "not_applicable")


def test_each_payout_has_the_transactions_since_the_one_before(seller: Seller, clock: Clock) -> None:
    """Sales of Friday are paid out on Tuesday, and of Monday on Wednesday, each with its own transactions."""
    seller.sell(5000, 500)
    seller.sell(3000, 300)
    clock.now = at("01-18T10:00:00")
    seller.sell(2000, 200)
    clock.now = at("01-20")
    later, first = seller.get("/v1/payouts")["data"]
    assert (first["created"], first["amount"]) == (at("01-19"), 4500 + 2700)
    assert (later["created"], later["amount"]) == (at("01-20"), 1800)
    for payout, nets in ((first, [-7200, 2700, 4500]), (later, [-1800, 1800])):
        found = seller.get(f"/v1/balance_transactions?payout={payout['id']}")["data"]
        assert [each["net"] for each in found] == nets


@pytest.mark.parametrize(
    ("schedule", "day"),
    [
        ({"interval": "daily"}, "01-19"),
        ({"interval": "weekly", "weekly_anchor": "friday"}, "01-22"),
        ({"interval": "weekly", "weekly_payout_days": ["monday", "wednesday"]}, "01-20"),
        ({"interval": "monthly", "monthly_anchor": 25}, "01-25"),
        ({"interval": "monthly", "monthly_payout_days": [20, 28]}, "01-20"),
        ({"interval": "monthly", "monthly_payout_days": [31]}, "01-31"),
        ({"interval": "daily", "delay_days": 7}, "01-26"),
        ({"interval": "daily", "delay_days": "minimum"}, "01-19"),
        ({"interval": "manual"}, None),
    ],
)
def test_an_account_is_paid_out_by_its_schedule(seller: Seller, clock: Clock, schedule: Any, day: str | None) -> None:
    """The first payout comes on the schedule's day. https://docs.stripe.com/connect/manage-payout-schedule"""
    given = {"settings": {"payouts": {"schedule": schedule}}}
    made = seller.api.post(f"/v1/accounts/{seller.id}", given)["settings"]["payouts"]["schedule"]
    assert made["interval"] == schedule["interval"]
    seller.post("/v1/payment_intents", "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa")
    clock.now = at("02-15")
    assert seller.payouts() == ([(at(day), True)] if day else [])


def test_a_short_month_ends_with_its_last_day(seller: Seller, clock: Clock) -> None:
    """A payout of the 31st is made on 28 February. https://docs.stripe.com/connect/manage-payout-schedule"""
    given = {"interval": "monthly", "monthly_anchor": 31}
    seller.api.post(f"/v1/accounts/{seller.id}", {"settings": {"payouts": {"schedule": given}}})
    clock.now = at("02-03")
    seller.sell()
    clock.now = at("03-30")
    assert seller.payouts() == [(at("02-28"), True)]


def test_a_payout_that_fails_is_not_tried_again_until_there_is_another_account(api: Api, clock: Clock) -> None:
    """The money comes back, and waits for a bank account that works. https://docs.stripe.com/payouts#payout-failures"""
    seller = Seller(api, clock, CLOSED)
    seller.sell()
    clock.now = at("01-29T09:00:00")  # a Friday
    [failed] = seller.get("/v1/payouts")["data"]
    assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")
    assert seller.get("/v1/balance")["available"][0]["amount"] == 8770
    given = {"external_account": {**BANK, "account_number": GOOD}, "default_for_currency": True}
    bank = api.post(f"/v1/accounts/{seller.id}/external_accounts", given)["id"]
    clock.now = at("02-01")
    again = seller.get("/v1/payouts")["data"][0]
    assert (again["created"], again["amount"], again["destination"]) == (at("02-01"), 8770, bank)
    found = seller.get(f"/v1/balance_transactions?payout={again['id']}")["data"]
    assert [(each["type"], each["amount"]) for each in found] == [("payout", -8770), ("payout_failure", 8770)]


def test_a_manual_payout_has_no_transactions_of_its_own(seller: Seller, clock: Clock) -> None:
    """https://docs.stripe.com/payouts/reconciliation: of manual payouts nobody knows what they pay out."""
    seller.api.post("/v1/transfers", {"amount": 1000, "currency": "usd", "destination": seller.id})
    made = seller.post("/v1/payouts", "amount=400&currency=usd")
    assert (made["automatic"], made["reconciliation_status"]) == (False, "not_applicable")
    status, answer = seller.api.ask("GET", f"/v1/balance_transactions?payout={made['id']}", Stripe_Account=seller.id)
    assert (status, answer["error"]["param"]) == (400, "payout")
    words = "Balance transaction history can only be filtered on automatic transfers, not manual."
    assert answer["error"]["message"] == words
    clock.now = at("01-18")  # the rest is paid out on Monday
    rest = seller.get("/v1/payouts")["data"][0]
    assert (rest["amount"], rest["automatic"]) == (600, True)
    found = seller.get(f"/v1/balance_transactions?payout={rest['id']}")["data"]
    assert [(each["type"], each["amount"]) for each in found] == [("payout", -600), ("payout", -400), ("payment", 1000)]


def test_the_platform_is_paid_out_when_it_says_so(api: Api, clock: Clock) -> None:
    """By default only on request; 1,000.00 may stay in the balance.

    https://docs.stripe.com/payouts/minimum-balances-for-automatic-payouts
    """
    assert api.get(SETTINGS)["payments"]["payouts"]["schedule"] == {"interval": "manual"}
    said = {"schedule": {"interval": "daily"}, "minimum_balance_by_currency": {"usd": 100_000}}
    made = api.post(SETTINGS, {"payments": {"payouts": {**said, "statement_descriptor": "ROCKET"}}})["payments"]
    assert made["payouts"]["minimum_balance_by_currency"] == {"usd": 100_000}
    assert api.get("/v1/account")["settings"]["payouts"]["schedule"]["interval"] == "daily"
    api.post("/v1/payment_intents", "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa")
    clock.now = at("01-19")
    [payout] = api.get("/v1/payouts")["data"]
    assert (payout["amount"], payout["automatic"], payout["statement_descriptor"]) == (2000 - 88, True, "ROCKET")
    assert [each["net"] for each in api.get(f"/v1/balance_transactions?payout={payout['id']}")["data"]] == [-1912, 1912]
    assert api.get("/v1/balance")["available"][0]["amount"] == 100_000
    api.post(SETTINGS, "payments[payouts][minimum_balance_by_currency]=")
    clock.now = at("01-20")
    assert api.get("/v1/payouts")["data"][0]["amount"] == 100_000


def test_a_test_clock_has_payouts_of_its_own(seller: Seller, clock: Clock) -> None:
    """What a customer on a test clock pays is paid out by that clock, and does not put off the others' payouts."""
    seller.sell(5000, 500)
    clock.now = at("01-18T23:00:00")
    frozen = seller.post("/v1/test_helpers/test_clocks", f"frozen_time={at('06-01')}")["id"]
    buyer = seller.post("/v1/customers", f"test_clock={frozen}")["id"]
    pay = "amount=2000&currency=usd&confirm=true&payment_method=pm_card_bypassPending"
    seller.post("/v1/payment_intents", f"{pay}&customer={buyer}")
    clock.now = at("01-19")
    assert seller.payouts() == [(at("01-19"), True)]
    seller.post(f"/v1/test_helpers/test_clocks/{frozen}/advance", f"frozen_time={at('06-10')}")
    assert seller.get("/v1/balance")["available"][0]["amount"] == 0


def test_money_is_pending_as_long_as_the_settings_say(seller: Seller, clock: Clock) -> None:
    """``delay_days_override`` is the account's delay until it is unset. https://docs.stripe.com/api/balance-settings"""
    path = "payments[settlement_timing][delay_days_override]"
    assert seller.post(SETTINGS, f"{path}=5")["payments"]["settlement_timing"]["delay_days"] == 5
    seller.post("/v1/payment_intents", "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa")
    [entry] = seller.get("/v1/balance_transactions")["data"]
    assert entry["available_on"] == at("01-22")  # five business days after Friday
    assert seller.post(SETTINGS, f"{path}=")["payments"]["settlement_timing"]["delay_days"] == 2
    seller.post("/v1/payment_intents", "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa")
    assert seller.get("/v1/balance_transactions")["data"][0]["available_on"] == at("01-19")


@pytest.mark.parametrize(
    ("given", "status", "param"),
    [
        ("payments[payouts][schedule][interval]=weekly", 400, "payments[payouts][schedule][weekly_payout_days]"),
        ("payments[payouts][schedule][interval]=monthly", 400, "payments[payouts][schedule][monthly_payout_days]"),
        (
            "payments[payouts][schedule][interval]=monthly&payments[payouts][schedule][monthly_payout_days][0]=32",
            400,
            "payments[payouts][schedule][monthly_payout_days]",
        ),
        (
            "payments[payouts][schedule][interval]=daily&payments[payouts][schedule][weekly_payout_days][0]=friday",
            400,
            "payments[payouts][schedule][weekly_payout_days]",
        ),
        (
            "payments[payouts][minimum_balance_by_currency][usd]=-1",
            400,
            "payments[payouts][minimum_balance_by_currency][usd]",
        ),
        (
            "payments[payouts][minimum_balance_by_currency][xyz]=1",
            400,
            "payments[payouts][minimum_balance_by_currency][xyz]",
        ),
        ("payments[payouts][schedule][interval]=hourly", 400, "payments[payouts][schedule][interval]"),
        (
            "payments[settlement_timing][delay_days_override]=1",
            400,
            "payments[settlement_timing][delay_days_override]",
        ),
        ("payments[settlement_timing][start_of_day][hour]=3", 501, "payments[settlement_timing][start_of_day][hour]"),
    ],
)
def test_settings_that_cannot_be_are_refused(api: Api, given: str, status: int, param: str) -> None:
    """What no schedule is, is refused; what is not modelled too, by name; and nothing of it is kept."""
    before = api.get(SETTINGS)
    found, error = api.error("POST", SETTINGS, given)
    assert (found, error["param"]) == (status, param)
    assert api.get(SETTINGS) == before
