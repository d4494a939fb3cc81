"""The events of the flows that programs listen to, by name and order.

https://docs.stripe.com/billing/subscriptions/webhooks, https://docs.stripe.com/payments/payment-intents/verifying-status,
https://docs.stripe.com/checkout/fulfillment, https://docs.stripe.com/disputes/responding, and what each is of:
https://docs.stripe.com/api/events/types
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from host.simulator.trigger import perform, steps_of
from tests.simulator.conftest import Api
from tests.simulator.test_events import types

START = 1_893_456_000
MONTH = 31 * 86_400 + 7_200  # and the two hours after which an invoice is paid
PAYMENT = "payment_intent.created charge.succeeded payment_intent.succeeded"
PAID = f"{PAYMENT} invoice_payment.paid invoice.paid invoice.payment_succeeded"
NEW = f"customer.subscription.created invoice.created customer.updated invoice.finalized {PAID}"

# A trigger's event → how the events of its requests end.
ENDS = {
    "payment_intent.succeeded": PAYMENT,
    "payment_intent.payment_failed": "payment_intent.created charge.failed payment_intent.payment_failed",
    "payment_intent.canceled": "payment_intent.created payment_intent.canceled",
    "payment_intent.requires_action": "payment_intent.created payment_intent.requires_action",
    "payment_intent.processing": "payment_intent.created charge.pending payment_intent.processing",
    "charge.refunded": f"{PAYMENT} charge.refunded refund.created",
    "charge.dispute.created": f"{PAYMENT} charge.dispute.created charge.dispute.funds_withdrawn",
    "balance.available": f"{PAYMENT} balance.available",
    "setup_intent.succeeded": "setup_intent.created payment_method.attached setup_intent.succeeded",
    "payment_method.attached": "customer.created payment_method.attached",
    "customer.subscription.created": NEW,
    "customer.subscription.deleted": f"{NEW} customer.subscription.deleted",
    "customer.subscription.trial_will_end": "test_helpers.test_clock.advancing customer.subscription.trial_will_end",
    "invoice.created": "invoiceitem.created invoice.created",
    "invoice.finalized": "invoice.finalized invoice.updated payment_intent.created",
    "invoice.voided": "payment_intent.canceled invoice.voided invoice.updated",
    "invoice.marked_uncollectible": "invoice.marked_uncollectible invoice.updated",
    "invoice.payment_failed": "charge.failed payment_intent.payment_failed invoice.payment_failed",
    "checkout.session.completed": f"{PAYMENT} checkout.session.completed",
    "checkout.session.expired": "price.created checkout.session.expired",
}


@pytest.mark.parametrize("event", ENDS)
def test_a_flow_ends_with_its_events_in_order(api: Api, event: str) -> None:
    """By the requests that lead there."""
    perform(api.ask_as, steps_of(event))
    wanted = ENDS[event].split()
    assert types(api)[-len(wanted) :] == wanted


@pytest.mark.parametrize("event", ["subscription_schedule.canceled", "subscription_schedule.released"])
def test_the_end_of_a_schedule_is_no_update_of_it(api: Api, event: str) -> None:
    """It has an event of its own."""
    perform(api.ask_as, steps_of(event))
    told = [type for type in types(api) if type.startswith("subscription_schedule.")]
    assert told == ["subscription_schedule.created", event]


class Subscriber:
    """A customer with a card and a subscription, whose time is turned on."""

    def __init__(self, api: Api, card: str, **more: str) -> None:
        self.api = api
        self.clock = api.post("/v1/test_helpers/test_clocks", f"frozen_time={START}")["id"]
        made = f"test_clock={self.clock}&payment_method={card}&invoice_settings[default_payment_method]={card}"
        self.customer = api.post("/v1/customers", made)["id"]
        asked = "currency=usd&unit_amount=2000&recurring[interval]=month&product_data[name]=x"
        self.price = api.post("/v1/prices", asked)["id"]
        self.before = len(types(api))
        form = f"customer={self.customer}&items[0][price]={self.price}" + "".join(f"&{k}={v}" for k, v in more.items())
        self.id = api.post("/v1/subscriptions", form)["id"]

    def told(self) -> list[str]:
        """What happened since the last time, but for the clock's own and the balance's."""
        found = types(self.api)[self.before :]
        self.before += len(found)
        return [each for each in found if not each.startswith(("test_helpers.", "balance."))]

    def pass_time(self, seconds: int) -> None:
        now = self.api.get(f"/v1/test_helpers/test_clocks/{self.clock}")["frozen_time"]
        self.api.post(f"/v1/test_helpers/test_clocks/{self.clock}/advance", f"frozen_time={now + seconds}")


def renewed(api: Api) -> list[str]:
    one = Subscriber(api, "pm_card_visa")
    one.told()
    one.pass_time(MONTH)
    return one.told()


def renewed_in_vain(api: Api) -> list[str]:
    one = Subscriber(api, "pm_card_visa")
    method = api.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", f"customer={one.customer}")["id"]
    api.post(f"/v1/subscriptions/{one.id}", f"default_payment_method={method}")
    one.told()
    one.pass_time(MONTH)
    return one.told()


def ended_with_its_period(api: Api) -> list[str]:
    one = Subscriber(api, "pm_card_visa")
    api.post(f"/v1/subscriptions/{one.id}", "cancel_at_period_end=true")
    one.told()
    one.pass_time(MONTH)
    return one.told()


def tried_and_kept(api: Api) -> list[str]:
    one = Subscriber(api, "pm_card_visa", trial_period_days="7")
    one.told()
    one.pass_time(8 * 86_400)
    return one.told()


def checked_out(api: Api) -> list[str]:
    asked = "currency=usd&unit_amount=2000&recurring[interval]=month&product_data[name]=x"
    price = api.post("/v1/prices", asked)["id"]
    asked = f"mode=subscription&success_url=https://x.example&line_items[0][price]={price}&line_items[0][quantity]=1"
    session = api.post("/v1/checkout/sessions", asked)["id"]
    before = len(types(api))
    api.post(f"/v1/payment_pages/{session}/confirm", "payment_method=pm_card_visa&email=a@b.example")
    return types(api)[before:]


CYCLE = f"invoice.created customer.subscription.updated customer.updated invoice.finalized {PAID}"


@pytest.mark.parametrize(
    ("flow", "wanted"),
    [
        (renewed, f"{CYCLE} invoice.updated"),
        (tried_and_kept, f"customer.subscription.trial_will_end {CYCLE} invoice.updated"),
        (ended_with_its_period, "customer.subscription.deleted"),
        (
            checked_out,
            "customer.created payment_method.attached customer.subscription.created invoice.created invoice.finalized "
            f"{PAID} checkout.session.completed",
        ),
    ],
)
def test_a_subscription_tells_what_becomes_of_it(api: Api, flow: Callable[[Api], Any], wanted: str) -> None:
    """A renewal, a trial that ends, an end with the period, a start by checkout."""
    assert flow(api) == wanted.split()


def test_a_renewal_that_fails_tells_of_the_invoice_before_the_subscription_is_past_due(api: Api) -> None:
    """No invoice.paid; the subscription's update shows its status."""
    told = renewed_in_vain(api)
    assert (
        told.index("charge.failed") < told.index("payment_intent.payment_failed") < told.index("invoice.payment_failed")
    )
    assert "invoice.paid" not in told
    updated = api.get("/v1/events?type=customer.subscription.updated")["data"]
    assert [each["data"]["object"]["status"] for each in updated[:2]] == ["past_due", "active"]
