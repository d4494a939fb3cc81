"""Billing as programs of the official Python client do it: each flow from the first object to the last sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulator.stripe.conftest import DAY
from tests.simulator.test_official_client import client

__all__ = ["client"]

Flow = Callable[[Any], Any]


def payer(v1: Any, **fields: Any) -> str:
    """A customer with a card for invoices."""
    made = v1.customers.create({"email": "a@example.com", "payment_method": "pm_card_visa", **fields})
    (method,) = v1.customers.payment_methods.list(made.id).data
    v1.customers.update(made.id, {"invoice_settings": {"default_payment_method": method.id}})
    return str(made.id)


def price(v1: Any, amount: int = 1000, interval: str | None = "month", **fields: Any) -> str:
    """A price of a new product."""
    recurring = {"recurring": {"interval": interval}} if interval else {}
    made = v1.prices.create(
        {"currency": "usd", "unit_amount": amount, "product_data": {"name": "Plan"}, **recurring, **fields}
    )
    return str(made.id)


def subscription(v1: Any, **fields: Any) -> Any:
    """A subscription of one price."""
    items = fields.pop("items", None) or [{"price": price(v1)}]
    params = {"customer": fields.pop("customer", None) or payer(v1), "items": items, "expand": ["latest_invoice"]}
    return v1.subscriptions.create({**params, **fields})


def session(v1: Any, mode: str = "payment", **fields: Any) -> Any:
    """A checkout session, completed."""
    interval = "month" if mode == "subscription" else None
    items = {} if mode == "setup" else {"line_items": [{"price": price(v1, 1500, interval), "quantity": 2}]}
    made = v1.checkout.sessions.create({"mode": mode, "success_url": "https://a.example", **items, **fields})
    v1._client.raw_request("post", f"/v1/payment_pages/{made.id}/confirm", payment_method="pm_card_visa")
    return v1.checkout.sessions.retrieve(made.id)


def subscribe(v1: Any) -> Any:
    made = subscription(v1)
    return made.status, made.latest_invoice.status, made.latest_invoice.amount_paid


def trial(v1: Any) -> Any:
    made = subscription(v1, trial_period_days=7)
    ended = v1.subscriptions.update(made.id, {"trial_end": "now", "expand": ["latest_invoice"]})
    return made.status, ended.status, ended.latest_invoice.total


def incomplete(v1: Any) -> Any:
    fields = {"payment_behavior": "default_incomplete", "expand": ["latest_invoice.confirmation_secret"]}
    made = subscription(v1, **fields)
    intent = made.latest_invoice.confirmation_secret.client_secret.partition("_secret")[0]
    v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa", "return_url": "https://a.example"})
    return made.status, v1.subscriptions.retrieve(made.id).status


def upgrade(v1: Any) -> Any:
    made = subscription(v1)
    change = {
        "items": [{"id": made["items"].data[0].id, "price": price(v1, 3000)}],
        "proration_behavior": "always_invoice",
    }
    after = v1.subscriptions.update(made.id, {**change, "expand": ["latest_invoice"]})
    return [line.amount for line in after.latest_invoice.lines.data], after.latest_invoice.total


def preview(v1: Any) -> Any:
    made = subscription(v1)
    details = {"items": [{"id": made["items"].data[0].id, "quantity": 3}], "proration_behavior": "always_invoice"}
    seen = v1.invoices.create_preview({"subscription": made.id, "subscription_details": details})
    done = v1.subscriptions.update(made.id, {**details, "expand": ["latest_invoice"]})
    return seen.total == done.latest_invoice.total == 2000


def cancel(v1: Any) -> Any:
    made = subscription(v1)
    later = v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    return later.cancel_at_period_end, v1.subscriptions.cancel(made.id).status


def items(v1: Any) -> Any:
    made = subscription(v1)
    extra = v1.subscription_items.create({"subscription": made.id, "price": price(v1, 500), "quantity": 2})
    v1.subscription_items.update(extra.id, {"quantity": 4})
    v1.subscription_items.delete(extra.id)
    return len(v1.subscription_items.list({"subscription": made.id}).data)


def pause(v1: Any) -> Any:
    made = subscription(v1)
    paused = v1.subscriptions.update(made.id, {"pause_collection": {"behavior": "void"}})
    resumed = v1.subscriptions.update(made.id, {"pause_collection": ""})
    return paused.pause_collection.behavior, resumed.pause_collection


def clock(v1: Any) -> Any:
    made = v1.test_helpers.test_clocks.create({"frozen_time": 1_700_000_000})
    customer = payer(v1, test_clock=made.id)
    subscription(v1, customer=customer)
    v1.test_helpers.test_clocks.advance(made.id, {"frozen_time": 1_700_000_000 + 32 * DAY})
    return [invoice.status for invoice in v1.invoices.list({"customer": customer}).auto_paging_iter()]


def coupon(v1: Any) -> Any:
    made = v1.coupons.create({"percent_off": 25, "duration": "forever"})
    return subscription(v1, discounts=[{"coupon": made.id}]).latest_invoice.total


def promotion(v1: Any) -> Any:
    made = v1.coupons.create({"amount_off": 300, "currency": "usd"})
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": made.id}, "code": "HI"})
    total = subscription(v1, discounts=[{"promotion_code": code.id}]).latest_invoice.total
    return total, v1.promotion_codes.retrieve(code.id).times_redeemed


def tax(v1: Any) -> Any:
    rate = v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    made = subscription(v1, default_tax_rates=[rate.id])
    return made.latest_invoice.total, made.latest_invoice.total_taxes[0].amount


def one_off(v1: Any) -> Any:
    customer = payer(v1)
    v1.invoice_items.create({"customer": customer, "amount": 700, "currency": "usd"})
    made = v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})
    v1.invoices.finalize_invoice(made.id)
    return v1.invoices.pay(made.id).amount_paid


def credit(v1: Any) -> Any:
    customer = payer(v1)
    v1.customers.balance_transactions.create(customer, {"amount": -400, "currency": "usd"})
    invoice = subscription(v1, customer=customer).latest_invoice
    return invoice.amount_due, v1.customers.retrieve(customer).balance


def note(v1: Any) -> Any:
    made = subscription(v1).latest_invoice
    found = v1.credit_notes.create({"invoice": made.id, "amount": 1000, "refund_amount": 1000})
    return found.total, found.refunds[0].amount_refunded


def sent(v1: Any) -> Any:
    made = v1.invoices.create({"customer": payer(v1), "collection_method": "send_invoice", "days_until_due": 3})
    v1.invoices.add_lines(made.id, {"lines": [{"amount": 900}]})
    return v1.invoices.send_invoice(made.id).status, v1.invoices.mark_uncollectible(made.id).status


def usage(v1: Any) -> Any:
    formula = {"default_aggregation": {"formula": "sum"}}
    meter = v1.billing.meters.create({"display_name": "Calls", "event_name": "calls", **formula})
    metered = {"recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id}}
    made = subscription(v1, items=[{"price": price(v1, 10, None, **metered)}])
    payload = {"stripe_customer_id": made.customer, "value": "25"}
    v1.billing.meter_events.create({"event_name": "calls", "payload": payload})
    return v1.subscriptions.cancel(made.id, {"invoice_now": True, "expand": ["latest_invoice"]}).latest_invoice.total


def schedule(v1: Any) -> Any:
    wanted = [{"items": [{"price": price(v1)}], "duration": {"interval": "month", "interval_count": 2}}]
    made = v1.subscription_schedules.create({"customer": payer(v1), "start_date": "now", "phases": wanted})
    return made.status, v1.subscription_schedules.release(made.id).status


def quote(v1: Any) -> Any:
    made = v1.quotes.create({"customer": payer(v1), "line_items": [{"price": price(v1)}]})
    v1.quotes.finalize_quote(made.id)
    done = v1.quotes.accept(made.id)
    return done.status, v1.subscriptions.retrieve(done.subscription).status


def pay_page(v1: Any) -> Any:
    made = session(v1)
    return made.status, made.payment_status, v1.payment_intents.retrieve(made.payment_intent).amount


def subscribe_page(v1: Any) -> Any:
    made = session(v1, "subscription")
    return made.status, v1.subscriptions.retrieve(made.subscription).status


def setup_page(v1: Any) -> Any:
    made = session(v1, "setup", currency="usd")
    return made.status, v1.setup_intents.retrieve(made.setup_intent).status


def link(v1: Any) -> Any:
    made = v1.payment_links.create({"line_items": [{"price": price(v1, 500, None), "quantity": 3}]})
    return v1.payment_links.line_items.list(made.id).data[0].amount_total, made.url.startswith("https://")


def portal(v1: Any) -> Any:
    return v1.billing_portal.sessions.create({"customer": payer(v1)}).url.startswith("https://")


def plan(v1: Any) -> Any:
    made = v1.plans.create({"amount": 1200, "currency": "usd", "interval": "month", "product": {"name": "Gold"}})
    return subscription(v1, items=[{"plan": made.id}]).latest_invoice.total, v1.prices.retrieve(made.id).unit_amount


def lookup(v1: Any) -> Any:
    price(v1, 1000, lookup_key="standard")
    price(v1, 2000, lookup_key="standard", transfer_lookup_key=True)
    return [found.unit_amount for found in v1.prices.list({"lookup_keys": ["standard"]}).data]


FLOWS: list[tuple[Flow, Any]] = [
    (subscribe, ("active", "paid", 1000)),
    (trial, ("trialing", "active", 1000)),
    (incomplete, ("incomplete", "active")),
    (upgrade, ([-1000, 3000], 2000)),
    (preview, True),
    (cancel, (True, "canceled")),
    (items, 1),
    (pause, ("void", None)),
    (clock, ["paid", "paid"]),
    (coupon, 750),
    (promotion, (700, 1)),
    (tax, (1200, 200)),
    (one_off, 700),
    (credit, (600, 0)),
    (note, (1000, 1000)),
    (sent, ("open", "uncollectible")),
    (usage, 250),
    (schedule, ("active", "released")),
    (quote, ("accepted", "active")),
    (pay_page, ("complete", "paid", 3000)),
    (subscribe_page, ("complete", "active")),
    (setup_page, ("complete", "succeeded")),
    (link, (1500, True)),
    (portal, True),
    (plan, (1200, 1200)),
    (lookup, [2000]),
]


@pytest.mark.parametrize(("flow", "outcome"), FLOWS, ids=[flow.__name__ for flow, _ in FLOWS])
def test_a_flow_of_the_official_client(client, flow: Flow, outcome: Any) -> None:
    """The client reads every answer, and the last sums are right."""
    v1 = client.v1
    v1._client = client
    assert flow(v1) == outcome
