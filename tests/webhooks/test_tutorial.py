"""docs/tutorial.md, step by step: checkout, access, a renewal, a card that is declined, the end and a refund."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from host import Host, RunResult
from tests.simulator.conftest import Api
from tests.webhooks.conftest import Shop

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "lua_scripts"
TIMEOUT = 120.0  # seconds for the events of one step, on a machine that has other things to do


def test_a_membership_from_checkout_to_refund(shop: Shop) -> None:
    """After each step the customer's access is what the page says, made by the handlers from events alone."""
    api = Api(shop.api)
    with shop.host() as host:
        made = step(host, "open")
        customer = f"/v1/customers/{made['customer']}"
        handlers = host.webhooks(str(SCRIPTS / "membership_handlers.lua"), poll=0.05, since=0, ordered=True)
        with handlers:

            def access(wanted: dict[str, str]) -> None:
                until = monotonic() + TIMEOUT
                while (found := api.get(customer)["metadata"]) != wanted or handlers.inbox.counts().get("waiting"):
                    assert handlers.inbox.counts().get("failed") is None
                    assert monotonic() < until, f"expected {wanted}, got {found}"

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


def test_access_follows_the_subscription_in_whatever_order_events_come(
    lua_deliver: Callable[..., RunResult], lua_run: Callable[..., RunResult]
) -> None:
    """A failed payment that is heard of after the end of the subscription gives nothing back."""
    handlers = SCRIPTS / "membership_handlers.lua"
    made = lua_run("""
        local customer = stripe.customers.create{
          payment_method = "pm_card_visa", invoice_settings = { default_payment_method = "pm_card_visa" } }
        local product = stripe.products.create{ name = "Membership" }
        local price = stripe.prices.create{
          product = product.id, currency = "usd", unit_amount = 2000, recurring = { interval = "month" } }
        local subscription = stripe.subscriptions.create{ customer = customer.id, items = { { price = price.id } } }
        return { customer = customer.id, subscription = subscription.id }
    """).value
    access = "return stripe.customers.retrieve(id).metadata.access"
    values = {"customer": made["customer"], "billing_reason": "subscription_cycle"}
    lua_deliver(handlers, "invoice.payment_failed", values)
    assert lua_run(access, globals={"id": made["customer"]}).value == "on"
    lua_run("stripe.subscriptions.cancel(id)", globals={"id": made["subscription"]})
    for late in ("customer.subscription.deleted", "invoice.payment_failed", "invoice.paid"):
        lua_deliver(handlers, late, {"customer": made["customer"]})
        assert lua_run(access, globals={"id": made["customer"]}).value == "off"
