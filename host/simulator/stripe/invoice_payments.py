"""Invoice payments, which link PaymentIntents to invoices. https://docs.stripe.com/api/invoice-payment"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import shares


def subscription_of(invoice: Object) -> str | None:
    """The id of an invoice's subscription, or ``None``."""
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    found = details.get("subscription")
    return str(found) if found else None


def owner_of(call: RequestContext, invoice: Object) -> Object | None:
    """The subscription of an invoice, or ``None``."""
    id = subscription_of(invoice)
    return call.find("subscription", id) if id else None


def latest_of(call: RequestContext, subscription: Object) -> Object | None:
    """The invoice that determines a subscription's status: the latest that is not void.

    Drafts are considered only if the subscription is unpaid.

    https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
    """
    passed = ("void",) if subscription["status"] == "unpaid" else ("draft", "void")
    for invoice in reversed(call.backend.store.having("invoice", "customer", subscription["customer"])):
        if subscription_of(invoice) == subscription["id"] and invoice["status"] not in passed:
            return dict(invoice)
    return None


def intent_of(call: RequestContext, invoice: Object) -> Object:
    """The default intent that pays an open invoice; it is created, with its invoice payment, if there is none."""
    for payment in call.backend.store.having("invoice_payment", "invoice", invoice["id"]):
        if payment["is_default"] and payment["status"] == "open":
            return call.load("payment_intent", payment["payment"]["payment_intent"])
    id = call.new_id("payment_intent")
    intent = call.make(
        "payment_intent",
        {
            "amount": invoice["amount_remaining"],
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "client_secret": f"{id}_secret_{call.backend.ids.new('', 25)}",
            "description": invoice.get("description") or f"Invoice {invoice['number']}",
            "status": "requires_payment_method",
            "payment_method_options": _options(call, invoice),
            "setup_future_usage": "off_session" if subscription_of(invoice) else None,
            **shares.of(call, invoice, owner_of(call, invoice)),
        },
        id=id,
    )
    tie(call, invoice, intent, default=True)
    return intent


def _options(call: RequestContext, invoice: Object) -> Object | None:
    """The ``payment_method_options`` of an invoice or its subscription, or ``None``."""
    for owner in (invoice, owner_of(call, invoice) or {}):
        if options := (owner.get("payment_settings") or {}).get("payment_method_options"):
            return {kind: option for kind, option in options.items() if option is not None}
    return None


def tie(call: RequestContext, invoice: Object, intent: Object, *, default: bool) -> Object:
    """Create the invoice payment that links an intent to an invoice."""
    return call.make(
        "invoice_payment",
        {
            "amount_paid": None,
            "amount_requested": invoice["amount_remaining"] if default else intent["amount"],
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": default,
            "payment": {"type": "payment_intent", "payment_intent": intent["id"], "charge": None},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        },
        id="inpay_" + str(intent["id"]).removeprefix("pi_"),
    )


def payment_of(call: RequestContext, intent: Object) -> Object | None:
    """The invoice payment of an intent, or ``None``."""
    return call.find("invoice_payment", "inpay_" + str(intent["id"]).removeprefix("pi_"))


def check_own(call: RequestContext, intent: Object, what: str) -> None:
    """Refuse to change by hand what an invoice does with the intent of its default payment.

    https://docs.stripe.com/api/invoice-payment/object#invoice_payment_object-is_default
    """
    payment = payment_of(call, intent)
    if payment is not None and payment["is_default"]:
        raise call.refuse(
            f"You cannot {what} a PaymentIntent that was created by an invoice ({payment['invoice']}): change, pay "
            "or void the invoice instead.",
            code="payment_intent_unexpected_state",
        )


def synchronize(call: RequestContext, invoice: Object) -> None:
    """Have an invoice's default payment ask for what is left to pay; where nothing is, it is canceled.

    https://docs.stripe.com/api/invoice-payment/object#invoice_payment_object-is_default
    """
    left = invoice["amount_remaining"]
    for payment in call.backend.store.having("invoice_payment", "invoice", invoice["id"]):
        intent = call.find("payment_intent", payment["payment"]["payment_intent"])
        if not payment["is_default"] or payment["status"] != "open" or intent is None:
            continue
        if intent["status"] == "processing" or intent["amount"] == left:
            continue
        if not left:
            _cancel(call, payment)
            continue
        call.save("payment_intent", {**intent, "amount": left})
        call.save("invoice_payment", {**payment, "amount_requested": left})


def cancel_payments(call: RequestContext, invoice: Object) -> None:
    """Cancel the open payments of an invoice, and their intents."""
    for payment in call.backend.store.having("invoice_payment", "invoice", invoice["id"]):
        if payment["status"] == "open":
            _cancel(call, payment)


def _cancel(call: RequestContext, payment: Object) -> None:
    payment["status"] = "canceled"
    payment["status_transitions"]["canceled_at"] = call.now
    call.save("invoice_payment", payment)
    intent = call.find("payment_intent", payment["payment"]["payment_intent"])
    if intent is not None and intent["status"] not in ("succeeded", "canceled"):
        intent.update(status="canceled", canceled_at=call.now, cancellation_reason="void_invoice", next_action=None)
        call.save("payment_intent", intent)
