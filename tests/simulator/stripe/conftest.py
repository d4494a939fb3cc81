"""Short words for billing: a customer who pays, prices, subscriptions, and time that passes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.conftest import Api, Clock
from tests.simulator.stripe.issuing_flows import Wallet

DAY = 86400


class Shop:
    """A simulated Stripe with someone who pays, on the ordinary clock."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self.api, self._clock = api, clock
        self.customer = self.payer()

    def payer(self, card: str = "pm_card_visa", **fields: Any) -> str:
        """A customer whose invoices are paid with ``card``."""
        made = self.api.post("/v1/customers", {"payment_method": card, **fields})["id"]
        (method,) = self.api.ids(f"/v1/customers/{made}/payment_methods")
        self.api.post(f"/v1/customers/{made}", {"invoice_settings": {"default_payment_method": method}})
        return str(made)

    def price(self, amount: int = 1000, interval: str = "month", **fields: Any) -> str:
        """A price; ``interval=""``: of once."""
        recurring = {"recurring": {"interval": interval, **fields.pop("recurring", {})}} if interval else {}
        whole = {} if {"tiers", "unit_amount_decimal"} & fields.keys() else {"unit_amount": amount}
        product = {} if "product" in fields else {"product_data": {"name": fields.pop("name", "Plan")}}
        params = {"currency": "usd", **whole, **recurring, **product, **fields}
        return str(self.api.post("/v1/prices", params)["id"])

    def subscribe(self, *prices: str, quantity: int | None = None, **fields: Any) -> dict[str, Any]:
        """A subscription with its first invoice expanded."""
        items = fields.pop("items", None) or [
            {"price": price, **({} if quantity is None else {"quantity": quantity})} for price in prices
        ]
        params = {"customer": self.customer, "items": items, "expand": ["latest_invoice"], **fields}
        found: dict[str, Any] = self.api.post("/v1/subscriptions", params)
        return found

    def change(self, subscription: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """The subscription after an update, its latest invoice expanded."""
        params = {"expand": ["latest_invoice"], **fields}
        found: dict[str, Any] = self.api.post(f"/v1/subscriptions/{subscription['id']}", params)
        return found

    def now(self, subscription: dict[str, Any]) -> dict[str, Any]:
        """The subscription as it is now, its latest invoice expanded."""
        found: dict[str, Any] = self.api.get(f"/v1/subscriptions/{subscription['id']}?expand[]=latest_invoice")
        return found

    def coupon(self, **fields: Any) -> str:
        """A coupon."""
        return str(self.api.post("/v1/coupons", fields)["id"])

    def rate(self, percentage: float, *, inclusive: bool) -> str:
        """A tax rate."""
        params = {"display_name": "VAT", "percentage": percentage, "inclusive": inclusive}
        return str(self.api.post("/v1/tax_rates", params)["id"])

    def wait(self, seconds: float) -> None:
        """Let time pass on the ordinary clock."""
        self._clock.now += seconds

    @property
    def time(self) -> int:
        """The time."""
        return int(self._clock.now)

    def invoices(self, customer: str = "") -> list[dict[str, Any]]:
        """A customer's invoices, oldest first."""
        found: list[dict[str, Any]] = self.api.get("/v1/invoices", customer=customer or self.customer, limit=100)[
            "data"
        ]
        return found[::-1]

    def balance(self) -> int:
        """The customer's balance."""
        return int(self.api.get(f"/v1/customers/{self.customer}")["balance"])


@pytest.fixture
def wallet(api: Api) -> Wallet:
    return Wallet(api)


@pytest.fixture
def shop(api: Api, clock: Clock) -> Shop:
    return Shop(api, clock)


def amounts(invoice: dict[str, Any]) -> list[int]:
    """The amounts of an invoice's lines, as they stand."""
    return [line["amount"] for line in invoice["lines"]["data"]]
