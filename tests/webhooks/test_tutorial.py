"""docs/tutorial.md, step by step: checkout, access, a renewal, a card that is declined, the end and a refund."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from host import Host
from tests.simulator.conftest import Api
from tests.webhooks.conftest import Shop

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "lua_scripts"


def test_a_membership_from_checkout_to_refund(shop: Shop) -> None:
    """After each step the customer's access is what the page says, made by the handlers from events alone."""
    api = Api(shop.api)
    with shop.host() as host:
        made = step(host, "open")
        customer = f"/v1/customers/{made['customer']}"
        handlers = host.webhooks(str(SCRIPTS / "membership_handlers.lua"), poll=0.05, since=0, ordered=True)
        with handlers:

            def access(wanted: dict[str, str]) -> None:
                while handlers.inbox.counts().get("waiting") or api.get(customer)["metadata"] != wanted:
                    assert handlers.inbox.counts().get("failed") is None

            access({})
            api.post(f"/v1/payment_pages/{made['session']}/confirm", "payment_method=pm_card_visa")
            access({"access": "on"})
            step(host, "month", made["customer"])
            step(host, "lose_card", made["customer"])
            step(host, "month", made["customer"])
            access({"access": "late"})
            step(host, "leave", made["customer"])
            access({"access": "off", "refunded": "2000"})


def step(host: Host, *words: str) -> Any:
    return host.run(str(SCRIPTS / "membership.lua"), args=list(words)).raise_for_error().value
