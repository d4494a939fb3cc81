"""Disputes of captures of issued cards. https://docs.stripe.com/issuing/purchases/disputes"""

from __future__ import annotations

import pytest

from host.simulator.stripe.issuing_disputes import WINDOW
from tests.simulator.conftest import Api, Clock
from tests.simulator.stripe.issuing_flows import Wallet, types

FRAUD = "evidence[reason]=fraudulent"


def test_a_dispute_is_written_then_submitted_once(api: Api, wallet: Wallet) -> None:
    """With an explanation; then only its metadata can be changed."""
    captured = wallet.then(wallet.buy(1000), "capture")["transactions"][0]
    dispute = api.post("/v1/issuing/disputes", f"transaction={captured['id']}&{FRAUD}&metadata[a]=1")
    assert (dispute["status"], dispute["amount"], dispute["currency"]) == ("unsubmitted", 1000, "usd")
    path = f"/v1/issuing/disputes/{dispute['id']}"
    assert api.error("POST", f"{path}/submit")[1]["param"] == "evidence[fraudulent][explanation]"
    changed = api.post(path, "amount=400&evidence[fraudulent][explanation]=stolen")
    assert (changed["amount"], changed["evidence"]["fraudulent"]["explanation"]) == (400, "stolen")
    assert changed["evidence"]["reason"] == "fraudulent"
    assert api.post(f"{path}/submit", "metadata[b]=2")["status"] == "submitted"
    assert api.post(path, "metadata[b]=3")["metadata"] == {"a": "1", "b": "3"}
    assert api.error("POST", path, "amount=1")[1]["param"] == "amount"
    assert api.error("POST", f"{path}/submit")[0] == 400
    assert api.get(f"/v1/issuing/transactions/{captured['id']}")["dispute"] == dispute["id"]
    assert [name for name in types(api) if "dispute" in name][-2:] == [
        "issuing_dispute.updated",
        "issuing_dispute.updated",
    ]
    assert "issuing_dispute.submitted" in types(api)


def test_what_cannot_be_disputed(api: Api, wallet: Wallet, clock: Clock) -> None:
    """Refunds, what was refunded, cash, what is disputed already, and what is too old."""
    captured = wallet.transact("create_force_capture", card=wallet.card, amount=100)["id"]
    refunded = wallet.then(wallet.buy(1000), "capture")["transactions"][0]["id"]
    refund = wallet.transact(f"{refunded}/refund", refund_amount=1)["id"]
    atm = {"category": "automated_cash_disburse"}
    cash = wallet.transact("create_force_capture", card=wallet.card, amount=100, merchant_data=atm)["id"]
    for wrong in (refunded, refund, cash):
        assert api.error("POST", "/v1/issuing/disputes", f"transaction={wrong}&{FRAUD}")[1]["param"] == "transaction"
    assert api.error("POST", "/v1/issuing/disputes", f"transaction={captured}&{FRAUD}&amount=101")[0] == 400
    assert api.error("POST", "/v1/issuing/disputes", f"transaction={captured}")[0] == 501
    assert api.error("POST", "/v1/issuing/disputes", FRAUD)[1]["param"] == "transaction"
    clock.now += WINDOW
    assert "110 days" in api.error("POST", "/v1/issuing/disputes", f"transaction={captured}&{FRAUD}")[1]["message"]


@pytest.mark.parametrize(("submitted", "status"), [(False, "expired"), (True, "submitted")])
def test_what_is_not_submitted_in_time_expires(api: Api, wallet: Wallet, submitted: bool, status: str) -> None:
    """110 days after the capture; what is submitted waits for the network."""
    captured = wallet.transact("create_force_capture", card=wallet.card, amount=100)["id"]
    form = f"transaction={captured}&{FRAUD}&evidence[fraudulent][explanation]=stolen"
    dispute = api.post("/v1/issuing/disputes", form)["id"]
    assert api.error("POST", "/v1/issuing/disputes", form)[1]["param"] == "transaction"
    if submitted:
        api.post(f"/v1/issuing/disputes/{dispute}/submit")
    api.simulator.advance(WINDOW)
    assert api.get(f"/v1/issuing/disputes/{dispute}")["status"] == status
