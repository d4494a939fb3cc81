"""Each event that can be triggered really comes of the requests that lead there."""

from __future__ import annotations

import re

import pytest

from host.errors import HostError, UsageError
from host.simulator.stripe.triggers import MADE, STEPS, TRIGGERS
from host.simulator.trigger import steps_of
from host.simulator.triggering import make_event
from tests.simulator.conftest import Api

# Events whose requests the simulator does not model yet, each with what is missing.
MISSING: dict[str, str] = {}


@pytest.mark.parametrize("event", sorted(TRIGGERS))
def test_the_requests_make_the_event(event: str) -> None:
    """None of them is refused but those that are to be, and the event is told."""
    if event in MISSING:
        with pytest.raises(HostError):
            make_event(event, steps_of(event), {}, None)
        return
    found, said = make_event(event, steps_of(event), {}, None)
    thin = event.startswith(("v1.", "v2."))
    assert (found["type"], found["object"], said) == (MADE.get(event, event), "v2.core.event" if thin else "event", [])
    assert thin or found["data"]["object"]


def test_every_step_is_used_and_every_reference_is_one_to_a_step_before() -> None:
    """The table says nothing that nobody reads."""
    words = {step for steps in TRIGGERS.values() for step in steps}
    assert set(STEPS) <= words
    for event in TRIGGERS:
        named: set[str] = set()
        for step in steps_of(event):
            assert set(re.findall(r"\{(\w+)", step.path + step.form + step.key)) <= named, event
            named.add(step.name)


def test_an_event_that_cannot_be_made_is_refused_with_the_nearest() -> None:
    """A misspelt event is answered with the one that was meant."""
    with pytest.raises(UsageError, match=r'"invoice.payd" happen; did you mean "invoice.paid"'):
        steps_of("invoice.payd")


def test_wanted_members_are_given_to_the_request_that_takes_them() -> None:
    """Of the object itself, with all that follows from them; what no request takes is set in the event and said so."""
    wanted = {"amount": "777", "metadata.order": "7", "made.up": "[1]"}
    event, said = make_event("payment_intent.succeeded", steps_of("payment_intent.succeeded"), wanted, None)
    paid = event["data"]["object"]
    assert (paid["amount"], paid["amount_received"], paid["metadata"]) == (777, 777, {"order": "7"})
    assert paid["made"] == {"up": [1]}
    assert said == ["--set made.up: no request takes it, so it is set in the event only"]


def test_the_requests_go_to_the_simulator_that_is_asked(api: Api) -> None:
    """A server's objects are there afterwards, once."""
    event, _ = make_event("customer.updated", steps_of("customer.updated"), {"name": "Bob"}, api.ask_as)
    (customer,) = api.get("/v1/customers")["data"]
    assert customer["id"] == event["data"]["object"]["id"]
    assert customer["name"] == "Bob"


def test_a_simulator_that_refuses_is_told_of(api: Api) -> None:
    """Which request, and why."""
    with pytest.raises(HostError, match=r"POST /v1/customers: no"):
        make_event("customer.created", steps_of("customer.created"), {}, lambda *_: (400, {"error": {"message": "no"}}))


# What Stripe's own command line can trigger: https://docs.stripe.com/cli/trigger
CLI = """
account.application.deauthorized account.updated balance.available billing_portal.configuration.created
billing_portal.configuration.updated billing_portal.session.created cash_balance.funds_available charge.captured
charge.dispute.closed charge.dispute.created charge.dispute.updated charge.failed charge.refund.updated
charge.refunded charge.succeeded checkout.session.async_payment_failed checkout.session.async_payment_succeeded
checkout.session.completed checkout.session.expired coupon.created coupon.deleted coupon.updated
credit_note.created credit_note.updated credit_note.voided customer.created customer.deleted
customer.discount.created customer.discount.deleted customer.discount.updated customer.source.created
customer.source.updated customer.subscription.created customer.subscription.deleted customer.subscription.paused
customer.subscription.trial_will_end customer.subscription.updated customer.updated
identity.verification_session.canceled identity.verification_session.created
identity.verification_session.redacted invoice.created invoice.deleted invoice.finalized
invoice.marked_uncollectible invoice.paid invoice.payment_action_required invoice.payment_failed invoice.sent
invoice.updated invoice.voided invoiceitem.created invoiceitem.deleted issuing_authorization.request
issuing_authorization.request.eu issuing_authorization.request.gb issuing_card.created issuing_card.created.eu
issuing_card.created.gb issuing_cardholder.created issuing_cardholder.created.eu issuing_cardholder.created.gb
issuing_transaction.created issuing_transaction.purchase_details_receipt_updated issuing_transaction.updated
payment_intent.amount_capturable_updated payment_intent.canceled payment_intent.created
payment_intent.partially_funded payment_intent.payment_failed payment_intent.processing
payment_intent.requires_action payment_intent.succeeded payment_link.created payment_link.updated
payment_method.attached payment_method.detached payment_method.updated payout.created payout.updated
plan.created plan.deleted plan.updated price.created price.updated product.created product.deleted
product.updated promotion_code.created promotion_code.updated quote.accepted quote.canceled quote.created
quote.finalized reporting.report_run.succeeded setup_intent.canceled setup_intent.created
setup_intent.requires_action setup_intent.setup_failed setup_intent.succeeded subscription.payment_failed
subscription.payment_succeeded subscription_schedule.aborted subscription_schedule.canceled
subscription_schedule.completed subscription_schedule.created subscription_schedule.expiring
subscription_schedule.released subscription_schedule.updated tax_rate.created tax_rate.updated
test_helpers.test_clock.advancing test_helpers.test_clock.created test_helpers.test_clock.deleted
test_helpers.test_clock.ready topup.created transfer.created transfer.reversed transfer.updated
v1.billing.meter.error_report_triggered v1.billing.meter.no_meter_found
""".split()  # noqa: SIM905 - a table of words


def test_all_that_the_command_line_triggers_can_be_triggered() -> None:
    """None is missing, and none is known to fail."""
    assert sorted(set(CLI) - set(TRIGGERS)) == []
    assert len(set(CLI)) == 121
    assert MISSING == {}
