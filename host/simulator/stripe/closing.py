"""Invoices that are closed without being paid, and the effect on their subscription.

The most recent invoice that is not void determines the subscription's status, and one that is marked uncollectible
keeps it active: https://docs.stripe.com/billing/subscriptions/overview#unpaid-subscriptions
"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import collection, invoice_payments

EXPIRY = 23 * 3600  # seconds in which an invoice that a subscription waits for has to be paid


def void(call: RequestContext, invoice: Object) -> Object:
    """Void an invoice, cancel its payments, and return what the customer's balance had paid; saves it."""
    _close(call, invoice, "void", "voided_at")
    invoice_payments.cancel_payments(call, invoice)
    collection.give_back(call, invoice)
    call.save("invoice", invoice)
    _stand(call, invoice)
    return invoice


def write_off(call: RequestContext, invoice: Object, reason: str) -> Object:
    """Mark an invoice uncollectible, and save it; it can still be paid.

    The reasons are in https://docs.stripe.com/changelog/endive/2026-09-30/invoice-uncollectible-status-detail.
    """
    _close(call, invoice, "uncollectible", "marked_uncollectible_at")
    invoice["status_details"] = {"uncollectible": {"reason": reason}}
    call.save("invoice", invoice)
    if reason == "user_forgiven":
        collection.set_delinquent(call, invoice, delinquent=False)
    _stand(call, invoice)
    return invoice


def expire_later(call: RequestContext, invoice: Object, at: int | None = None) -> None:
    """Schedule an invoice to be voided at ``at``, by default in 23 hours, unless it is paid before."""
    call.backend.agenda.add(call, call.now + EXPIRY if at is None else at, "expire_invoice", invoice["id"])


def expire(call: RequestContext, id: str) -> None:
    """Void an invoice that was not paid in time."""
    invoice = call.find("invoice", id)
    if invoice is not None and invoice["status"] == "open":
        void(call, invoice)


def _close(call: RequestContext, invoice: Object, status: str, moment: str) -> None:
    invoice.update(status=status, next_payment_attempt=None, auto_advance=False)
    invoice["status_transitions"][moment] = call.now
    invoice.pop("status_details", None)


def _stand(call: RequestContext, closed: Object) -> None:
    """Make the subscription of a closed invoice active again, if its latest invoice is paid or uncollectible."""
    subscription = invoice_payments.owner_of(call, closed)
    if subscription is None or subscription["status"] not in ("past_due", "unpaid"):
        return
    decides = invoice_payments.latest_of(call, subscription)
    if decides is not None and decides["status"] in ("paid", "uncollectible"):
        call.save("subscription", {**subscription, "status": "active"})


DUE = {"expire_invoice": expire}
