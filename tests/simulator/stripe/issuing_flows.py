"""Short words for purchases with an issued card."""

from __future__ import annotations

from typing import Any

from tests.simulator.conftest import Api

TESTS = "/v1/test_helpers/issuing"
HOLDER = {
    "name": "Ann Lee",
    "type": "individual",
    "billing": {"address": {"line1": "1 A St", "city": "B", "country": "US", "postal_code": "94111"}},
}


class Wallet:
    """A cardholder with an active card."""

    def __init__(self, api: Api, currency: str = "usd", **card: Any) -> None:
        self.api = api
        self.holder = api.post("/v1/issuing/cardholders", HOLDER)["id"]
        made = {"cardholder": self.holder, "currency": currency, "type": "virtual", "status": "active", **card}
        self.card = api.post("/v1/issuing/cards", made)["id"]

    def buy(self, amount: int, **more: Any) -> dict[str, Any]:
        """Try a purchase."""
        found: dict[str, Any] = self.api.post(f"{TESTS}/authorizations", {"card": self.card, "amount": amount, **more})
        return found

    def then(self, purchase: dict[str, Any], step: str, **params: Any) -> dict[str, Any]:
        """What becomes of a purchase: ``capture``, ``reverse`` …"""
        found: dict[str, Any] = self.api.post(f"{TESTS}/authorizations/{purchase['id']}/{step}", params)
        return found

    def transact(self, step: str, **params: Any) -> dict[str, Any]:
        """``create_force_capture``, ``ipi_…/refund`` …"""
        found: dict[str, Any] = self.api.post(f"{TESTS}/transactions/{step}", params)
        return found

    def now(self, purchase: dict[str, Any]) -> dict[str, Any]:
        """A purchase as it is now."""
        found: dict[str, Any] = self.api.get(f"/v1/issuing/authorizations/{purchase['id']}")
        return found

    def money(self) -> int:
        """What cards can spend."""
        (part,) = self.api.get("/v1/balance")["issuing"]["available"]
        return int(part["amount"])


def reason(purchase: dict[str, Any]) -> tuple[bool, str]:
    """The last decision about a purchase."""
    last = purchase["request_history"][-1]
    return last["approved"], last["reason"]


def types(api: Api) -> list[str]:
    """The types of all events about issuing, oldest first."""
    told = api.get("/v1/events", limit=100)["data"][::-1]
    return [each["type"] for each in told if each["type"].startswith("issuing_")]
