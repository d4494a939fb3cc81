"""Paying a subscription's invoice immediately, as ``payment_behavior`` says.

https://docs.stripe.com/billing/subscriptions/pending-updates and
https://docs.stripe.com/api/subscriptions/create#create_subscription-payment_behavior
"""

from __future__ import annotations

from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import billing, closing
from host.simulator.stripe.collection import attempt, failed, finalize, method_of


def need_method(call: RequestContext, subscription: Object, invoice: Object, behaviour: str) -> None:
    """Refuse to charge a customer without a payment method. A trial gets a pending setup intent instead."""
    if subscription["collection_method"] == "send_invoice" or method_of(call, invoice) is not None:
        return
    if subscription.get("pause_collection"):
        return
    if subscription["status"] == "trialing":
        _pending_setup(call, subscription)
    if behaviour != "default_incomplete" and invoice["amount_due"] > 0:
        raise SimulatedError(
            400,
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/"
            "payment-methods-setting#payment-method-priority.",
            code="resource_missing",
            worked=True,
        )


def _pending_setup(call: RequestContext, subscription: Object) -> None:
    id = call.new_id("setup_intent")
    fields = {
        "customer": subscription["customer"],
        "client_secret": f"{id}_secret_{call.backend.ids.new('', 25)}",
        "status": "requires_payment_method",
        "usage": "off_session",
        "payment_method_types": ["card"],
        "metadata": {},
    }
    subscription["pending_setup_intent"] = call.make("setup_intent", fields, id=id)["id"]
    call.save("subscription", subscription)


def set_aside(call: RequestContext, subscription: Object, invoice: Object) -> bool:
    """Treat a draft of a subscription as its ``pause_collection`` says; returns whether collection is paused.

    https://docs.stripe.com/billing/subscriptions/pause-payment
    """
    behavior = (subscription.get("pause_collection") or {}).get("behavior")
    if behavior is None:
        return False
    invoice.update(auto_advance=False, automatically_finalizes_at=None)
    call.save("invoice", invoice)
    if behavior == "keep_as_draft":
        return True
    finalize(call, invoice)
    if invoice["status"] == "open" and behavior == "void":
        closing.void(call, invoice)
    elif invoice["status"] == "open":
        closing.write_off(call, invoice, "subscription_paused")
    return True


def pay_now(
    call: RequestContext, subscription: Object, invoice: Object, behaviour: str, *, off_session: bool = False
) -> None:
    """Finalize an invoice and, if it is charged automatically, pay it; ``subscription`` is updated to what is saved.

    A first invoice that is to be sent stays a draft for an hour, like those of renewals. None is paid while collection
    is paused.
    """
    if set_aside(call, subscription, invoice):
        subscription.update(call.load("subscription", str(subscription["id"])))
        return
    first = invoice["billing_reason"] == "subscription_create"
    if first and subscription["collection_method"] == "send_invoice":
        billing.wait(call, invoice)
        return
    finalize(call, invoice)
    try:
        if invoice["status"] == "open" and subscription["collection_method"] == "charge_automatically":
            if first:
                call.save("subscription", {**subscription, "status": "incomplete"})
            _pay(call, invoice, behaviour, first=first, off_session=off_session)
    finally:
        subscription.update(call.load("subscription", str(subscription["id"])))


def _pay(call: RequestContext, invoice: Object, behaviour: str, *, first: bool, off_session: bool) -> None:
    method, worked = method_of(call, invoice), False
    if behaviour != "default_incomplete" and method is not None:
        try:
            worked = attempt(call, invoice, method, off_session=off_session)
        except SimulatedError as declined:
            if behaviour == "error_if_incomplete":
                declined.keep = False  # roll back all changes
                raise
            invoice.update(call.load("invoice", str(invoice["id"])))
    if worked:
        return
    if behaviour == "error_if_incomplete":
        raise SimulatedError(
            402,
            "This payment requires additional user action before it can be completed successfully.",
            type="card_error",
            code="subscription_payment_intent_requires_action",
            worked=True,
        )
    if not first and behaviour != "pending_if_incomplete":
        failed(call, invoice)
