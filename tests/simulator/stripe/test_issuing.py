"""Cards and cardholders. https://docs.stripe.com/issuing/cards"""

from __future__ import annotations

import pytest

from host.simulator.stripe.card_facts import luhn
from tests.simulator.conftest import Api

ADDRESS = "billing[address][line1]=1 A St&billing[address][city]=B&billing[address][country]=US&billing[address]"
HOLDER = f"name=Ann Lee&type=individual&{ADDRESS}[postal_code]=94111"


def test_a_card_has_its_number_only_when_expanded(api: Api) -> None:
    """Inactive at first, of a cardholder that it shows, good for some years."""
    holder = api.post("/v1/issuing/cardholders", HOLDER)
    card = api.post("/v1/issuing/cards", f"cardholder={holder['id']}&currency=usd&type=virtual")
    assert (card["status"], card["brand"], card["cardholder"]["name"]) == ("inactive", "Visa", "Ann Lee")
    assert not {"number", "cvc"} & set(card)
    whole = api.get(f"/v1/issuing/cards/{card['id']}?expand[]=number&expand[]=cvc")
    assert luhn(whole["number"])
    assert (whole["number"][-4:], len(whole["cvc"])) == (card["last4"], 3)
    api.post(f"/v1/issuing/cardholders/{holder['id']}", "email=a@b.example")
    assert api.get(f"/v1/issuing/cards/{card['id']}")["cardholder"]["email"] == "a@b.example"
    assert api.post(f"/v1/issuing/cards/{card['id']}", "status=canceled")["status"] == "canceled"
    assert api.error("POST", f"/v1/issuing/cards/{card['id']}", "status=active")[0] == 400


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ("type=physical", 400),
        (
            "type=virtual&shipping[name]=x&shipping[address][line1]=1&shipping[address][city]=B"
            "&shipping[address][country]=US&shipping[address][postal_code]=1",
            400,
        ),
        ("type=virtual&lifecycle_controls[cancel_after][payment_count]=3", 501),
        ("type=virtual&pin[encrypted_number]=x", 501),
        ("type=virtual&exp_month=13&exp_year=2040", 400),
        ("type=virtual&exp_month=1&exp_year=2020", 400),
    ],
)
def test_what_a_card_cannot_be_is_refused(api: Api, params: str, status: int) -> None:
    """Physical ones without an address, virtual ones with one."""
    holder = api.post("/v1/issuing/cardholders", HOLDER)["id"]
    assert api.error("POST", "/v1/issuing/cards", f"cardholder={holder}&currency=usd&{params}")[0] == status


def test_a_card_is_active_only_with_its_cardholder(api: Api) -> None:
    """And nobody's card is none."""
    holder = api.post("/v1/issuing/cardholders", f"{HOLDER}&status=inactive")["id"]
    wanted = "currency=usd&type=virtual&status=active"
    assert api.error("POST", "/v1/issuing/cards", f"cardholder={holder}&{wanted}")[1]["param"] == "status"
    assert api.error("POST", "/v1/issuing/cards", wanted)[1]["param"] == "cardholder"
    assert api.error("POST", "/v1/issuing/cards", f"cardholder=ich_none&{wanted}")[0] == 400


def test_a_physical_card_is_on_its_way(api: Api) -> None:
    """Each step from those before it alone. https://docs.stripe.com/issuing/cards/physical/issue-cards"""
    holder = api.post("/v1/issuing/cardholders", HOLDER)["id"]
    place = "&".join(f"shipping[address][{name}]=x" for name in ("line1", "city", "postal_code"))
    sent = f"type=physical&second_line=VIP&shipping[name]=Ann&{place}&shipping[address][country]=US"
    card = api.post("/v1/issuing/cards", f"cardholder={holder}&currency=usd&{sent}")
    assert (card["shipping"]["status"], card["shipping"]["service"], card["second_line"]) == (
        "pending",
        "standard",
        "VIP",
    )
    path = f"/v1/test_helpers/issuing/cards/{card['id']}/shipping"
    assert api.error("POST", f"{path}/deliver")[0] == 400
    states = [api.post(f"{path}/{step}")["shipping"] for step in ("submit", "ship", "deliver", "return")]
    assert [state["status"] for state in states] == ["submitted", "shipped", "delivered", "returned"]
    assert states[-1]["shipped_at"] == states[-1]["delivered_at"] == card["created"]
    assert api.error("POST", f"{path}/fail")[0] == 400


def test_cards_are_issued_in_three_currencies(api: Api) -> None:
    """https://docs.stripe.com/issuing/global: pounds, euros and US dollars."""
    holder = api.post("/v1/issuing/cardholders", HOLDER)["id"]
    form = f"cardholder={holder}&type=virtual&currency="
    assert [api.post("/v1/issuing/cards", form + name)["currency"] for name in ("gbp", "EUR", "usd")] == [
        "gbp",
        "eur",
        "usd",
    ]
    assert api.error("POST", "/v1/issuing/cards", form + "jpy")[1]["param"] == "currency"
    balances = api.get("/v1/balance")["issuing"]["available"]
    assert [(each["currency"], each["amount"]) for each in balances] == [(n, 100_000) for n in ("eur", "gbp", "usd")]
