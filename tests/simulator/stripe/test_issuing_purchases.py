"""Purchases with issued cards, and the money they hold and take.

https://docs.stripe.com/issuing/purchases/authorizations, https://docs.stripe.com/issuing/purchases/transactions,
https://docs.stripe.com/reports/balance-transaction-types
"""

from __future__ import annotations

from typing import Any

import pytest

from host.simulator.stripe.issuing_books import OPENING
from host.simulator.stripe.merchant_categories import CODES
from tests.simulator.conftest import Api
from tests.simulator.stripe.issuing_flows import TESTS, Wallet, reason, types

START = OPENING["usd"]
HOLD, RELEASE, TAKEN = "issuing_authorization_hold", "issuing_authorization_release", "issuing_transaction"
# Steps after a purchase of 10.00: what of it shows then, and each balance transaction's type and amount.
LIVES: list[tuple[list[tuple[str, dict[str, int | bool]]], tuple[str, int], list[tuple[str, int]]]] = [
    ([], ("pending", 1000), [(HOLD, -1000)]),
    ([("capture", {})], ("closed", 1000), [(HOLD, -1000), (RELEASE, 1000), (TAKEN, -1000)]),
    ([("capture", {"capture_amount": 700})], ("closed", 1000), [(HOLD, -1000), (RELEASE, 1000), (TAKEN, -700)]),
    ([("capture", {"capture_amount": 1200})], ("closed", 1000), [(HOLD, -1000), (RELEASE, 1000), (TAKEN, -1200)]),
    (
        [("capture", {"capture_amount": 400, "close_authorization": False}), ("capture", {})],
        ("closed", 1000),
        [(HOLD, -1000), (RELEASE, 400), (TAKEN, -400), (RELEASE, 600), (TAKEN, -600)],
    ),
    ([("reverse", {})], ("reversed", 0), [(HOLD, -1000), (RELEASE, 1000)]),
    ([("reverse", {"reverse_amount": 300})], ("pending", 700), [(HOLD, -1000), (RELEASE, 300)]),
    (
        [("reverse", {"reverse_amount": 300}), ("capture", {})],
        ("closed", 700),
        [(HOLD, -1000), (RELEASE, 300), (RELEASE, 700), (TAKEN, -700)],
    ),
    ([("expire", {})], ("expired", 1000), [(HOLD, -1000), (RELEASE, 1000)]),
    ([("increment", {"increment_amount": 500})], ("pending", 1500), [(HOLD, -1000), (HOLD, -500)]),
    ([("finalize_amount", {"final_amount": 800})], ("pending", 800), [(HOLD, -1000), (RELEASE, 200)]),
    ([("finalize_amount", {"final_amount": 1100})], ("pending", 1100), [(HOLD, -1000), (HOLD, -100)]),
]


@pytest.mark.parametrize(("steps", "shown", "books"), LIVES)
def test_what_becomes_of_a_purchase_moves_money(
    api: Api, wallet: Wallet, steps: list[tuple[str, dict[str, Any]]], shown: tuple[str, int], books: list[Any]
) -> None:
    """Held when it is approved, released when it is captured or let go, taken by what is captured."""
    purchase = wallet.buy(1000)
    for step, params in steps:
        wallet.then(purchase, step, **params)
    now = wallet.now(purchase)
    assert (now["status"], now["amount"], now["approved"]) == (*shown, True)
    assert now["merchant_amount"] == now["amount"]
    entries = api.get("/v1/balance_transactions", limit=100)["data"][::-1]
    assert [(each["type"], each["amount"]) for each in entries] == books
    assert {(each["balance_type"], each["fee"], each["status"]) for each in entries} == {("issuing", 0, "available")}
    assert wallet.money() == START + sum(amount for _, amount in books)
    assert [each["source"] for each in entries if each["type"] != TAKEN] == [now["id"]] * len(
        now["balance_transactions"]
    )
    assert [each["id"] for each in entries if each["type"] == TAKEN] == [
        each["balance_transaction"] for each in now["transactions"]
    ]


def test_the_payments_balance_is_another(api: Api, wallet: Wallet) -> None:
    """What cards spend is not what payments earned."""
    before = api.get("/v1/balance")["available"]
    wallet.then(wallet.buy(1000), "capture")
    assert api.get("/v1/balance")["available"] == before


def test_a_balance_without_cards_has_no_issuing_money(api: Api) -> None:
    """Who issues none is told of none."""
    assert api.get("/v1/balance")["issuing"] is None


def test_refunds_are_linked_to_the_capture_and_no_more_than_it(wallet: Wallet, api: Api) -> None:
    """In parts; the authorization shows them; a refund has none of its own."""
    done = wallet.then(wallet.buy(1000), "capture")
    captured = done["transactions"][0]
    assert (captured["type"], captured["amount"], captured["merchant_amount"]) == ("capture", -1000, -1000)
    back = wallet.transact(f"{captured['id']}/refund", refund_amount=400)
    assert (back["type"], back["amount"], back["authorization"]) == ("refund", 400, done["id"])
    wallet.transact(f"{captured['id']}/refund")
    assert wallet.money() == START
    assert [each["amount"] for each in wallet.now(done)["transactions"]] == [-1000, 400, 600]
    for wrong in (captured["id"], back["id"]):
        assert api.error("POST", f"{TESTS}/transactions/{wrong}/refund")[0] == 400


def test_captures_and_refunds_without_an_authorization(api: Api, wallet: Wallet) -> None:
    """Nothing prevents them: neither the card's state nor what is there to spend."""
    api.post(f"/v1/issuing/cards/{wallet.card}", "status=inactive")
    taken = wallet.transact("create_force_capture", card=wallet.card, amount=START + 1)
    given = wallet.transact("create_unlinked_refund", card=wallet.card, amount=5)
    assert [(each["type"], each["amount"], each["authorization"]) for each in (taken, given)] == [
        ("capture", -START - 1, None),
        ("refund", 5, None),
    ]
    assert wallet.money() == 4
    assert api.ids("/v1/issuing/transactions?type=refund") == [given["id"]]
    assert api.ids(f"/v1/issuing/transactions?card={wallet.card}") == [given["id"], taken["id"]]


def test_details_of_a_purchase_are_there_when_expanded(api: Api, wallet: Wallet) -> None:
    """And their receipt is told; what nobody can fill is refused."""
    receipt = {"receipt": [{"description": "Ride", "quantity": "1.5", "unit_cost": 1000}], "reference": "R1"}
    made = wallet.transact("create_force_capture", card=wallet.card, amount=1000, purchase_details=receipt)
    assert "purchase_details" not in made
    details = api.get(f"/v1/issuing/transactions/{made['id']}?expand[]=purchase_details")["purchase_details"]
    assert details["receipt"] == [{"description": "Ride", "quantity": 1.5, "total": None, "unit_cost": 1000}]
    assert (details["reference"], details["flight"]) == ("R1", None)
    assert types(api)[-1] == "issuing_transaction.purchase_details_receipt_updated"
    params = {"card": wallet.card, "amount": 1, "purchase_details": {"lodging": {"nights": 1}}}
    status, error = api.error("POST", f"{TESTS}/transactions/create_force_capture", params)
    assert (status, error["param"]) == (501, "purchase_details[lodging]")


@pytest.mark.parametrize("category", [*CODES][::29])
def test_a_merchant_s_category_has_its_code(wallet: Wallet, category: str) -> None:
    """What was not said is null; the network's id of a merchant is the same each time."""
    merchant = {"category": category, "name": "Rail", "country": "DE"}
    one, other = (wallet.buy(1, merchant_data=merchant)["merchant_data"] for _ in range(2))
    assert (one["category"], one["category_code"], one["name"], one["city"]) == (
        category,
        CODES[category],
        "Rail",
        None,
    )
    assert one == other
    assert one["network_id"] != wallet.buy(1, merchant_data={**merchant, "name": "Bus"})["merchant_data"]["network_id"]


def test_every_category_has_a_code(stripe: Any) -> None:
    """All that a purchase may name, each four digits; some as the card networks have them."""
    operation = stripe.operation("test_helpers.issuing.transactions.create_force_capture")
    merchant = stripe.resolve(operation.params["merchant_data"].schema)
    assert set(stripe.resolve(merchant.properties["category"]).enum) == set(CODES)
    assert all(code.isdecimal() and len(code) == 4 for code in CODES.values())
    known = {"taxicabs_limousines": "4121", "veterinary_services": "0742", "eating_places_restaurants": "5812"}
    assert known == {name: CODES[name] for name in known}


def test_an_authorization_shows_its_card_and_transactions_as_they_are(api: Api, wallet: Wallet) -> None:
    """And that is no event of its own."""
    done = wallet.then(wallet.buy(1000), "capture")
    before = types(api)
    api.post(f"/v1/issuing/cards/{wallet.card}", "metadata[a]=1")
    api.post(f"/v1/issuing/transactions/{done['transactions'][0]['id']}", "metadata[b]=2")
    now = wallet.now(done)
    assert (now["card"]["metadata"], now["transactions"][0]["metadata"]) == ({"a": "1"}, {"b": "2"})
    assert not {"number", "cvc"} & set(now["card"])
    assert types(api) == [*before, "issuing_card.updated", "issuing_transaction.updated"]


def test_events_of_a_purchase_come_in_their_order(api: Api, wallet: Wallet) -> None:
    """The capture before what it did to the authorization."""
    wallet.then(wallet.buy(1000), "capture")
    assert types(api)[2:] == [
        "issuing_authorization.created",
        "issuing_transaction.created",
        "issuing_authorization.updated",
    ]


def test_a_declined_purchase_holds_nothing_and_is_over(api: Api, wallet: Wallet) -> None:
    """Closed, with the amount that was rejected; nothing can be captured of it."""
    purchase = wallet.buy(1000, merchant_data={"country": "US"})
    api.post(f"/v1/issuing/cards/{wallet.card}", "status=inactive")
    purchase = wallet.buy(1000)
    assert (purchase["status"], purchase["approved"], purchase["amount"]) == ("closed", False, 1000)
    assert reason(purchase) == (False, "card_inactive")
    assert purchase["balance_transactions"] == []
    assert api.error("POST", f"{TESTS}/authorizations/{purchase['id']}/capture")[0] == 400


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({}, "amount"),
        ({"amount": 1, "currency": "eur"}, "currency"),
        ({"amount": 1, "merchant_currency": "eur"}, "merchant_currency"),
        ({"amount": 1, "merchant_amount": 2}, "merchant_amount"),
        ({"amount": 1, "verification_data": {"cvc_check": "mismatch"}}, "verification_data[cvc_check]"),
        ({"amount": 1, "risk_assessment": {"fraud_risk": {"level": "low"}}}, "risk_assessment[fraud_risk][level]"),
    ],
)
def test_what_is_not_known_of_a_purchase_is_refused(
    api: Api, wallet: Wallet, params: dict[str, Any], param: str
) -> None:
    """Exchange rates, what the network says, risks that somebody else assesses."""
    status, error = api.error("POST", f"{TESTS}/authorizations", {"card": wallet.card, **params})
    assert (status, error["code"], error["param"]) == (501, "not_simulated", param)
    assert api.ids("/v1/issuing/authorizations") == []


def test_what_was_said_of_a_purchase_shows(wallet: Wallet) -> None:
    """How the card was there, what was checked, what cash was asked for."""
    purchase = wallet.buy(
        2000,
        authorization_method="chip",
        amount_details={"cashback_amount": 500},
        verification_data={"cvc_check": "match", "three_d_secure": {"result": "authenticated"}},
        wallet="apple_pay",
    )
    assert (purchase["card_presence"], purchase["wallet"]) == ("present", "apple_pay")
    assert purchase["amount_details"] == {"atm_fee": None, "cashback_amount": 500}
    checks = purchase["verification_data"]
    assert (checks["cvc_check"], checks["expiry_check"]) == ("match", "not_provided")
    assert checks["three_d_secure"] == {"result": "authenticated"}


def test_the_older_address_is_the_same_purchase(api: Api, wallet: Wallet) -> None:
    """``/v1/issuing/cards/{card}/test/authorizations``, which Stripe's command line uses."""
    form = "held_amount=100&held_currency=usd&authorization_method=online"
    made = api.post(f"/v1/issuing/cards/{wallet.card}/test/authorizations", form)
    assert (made["object"], made["amount"], made["approved"]) == ("issuing.authorization", 100, True)
    assert api.error("POST", "/v1/issuing/cards/ic_none/test/authorizations", form)[1]["code"] == "resource_missing"
