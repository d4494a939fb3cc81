"""Invoices that are closed without being paid, and what that does to their subscription.

https://docs.stripe.com/billing/subscriptions/overview#unpaid-subscriptions: the most recent invoice that is not void
says how a subscription stands, and one that is marked uncollectible keeps it active.
"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import collection, invoice_payments

EXPIRY = 23 * 3600  # what a subscription waits for has that long to be paid


def void(call: RequestContext, invoice: Object) -> Object:
    """Void and kept; what the customer's balance had paid goes back to it, and its payments are canceled."""
    _close(call, invoice, "void", "voided_at")
    invoice_payments.cancel_payments(call, invoice)
    collection.give_back(call, invoice)
    call.save("invoice", invoice)
    _stand(call, invoice)
    return invoice


def write_off(call: RequestContext, invoice: Object, reason: str) -> Object:
    """Uncollectible and kept; it can still be paid.

    https://docs.stripe.com/changelog/endive/2026-09-30/invoice-uncollectible-status-detail has the reasons.
    """
    _close(call, invoice, "uncollectible", "marked_uncollectible_at")
    invoice["status_details"] = {"uncollectible": {"reason": reason}}
    call.save("invoice", invoice)
    if reason == "user_forgiven":
        collection.set_delinquent(call, invoice, delinquent=False)
    _stand(call, invoice)
    return invoice


def expire_later(call: RequestContext, invoice: Object, at: int | None = None) -> None:
    """Have an invoice be void at ``at``, or in 23 hours, unless it is paid before."""
    call.world.agenda.add(call, call.now + EXPIRY if at is None else at, "expire_invoice", invoice["id"])


def expire(call: RequestContext, id: str) -> None:
    """An invoice that was to be paid by now."""
    invoice = call.find("invoice", id)
    if invoice is not None and invoice["status"] == "open":
        void(call, invoice)


def _close(call: RequestContext, invoice: Object, status: str, moment: str) -> None:
    invoice.update(status=status, next_payment_attempt=None, auto_advance=False)
    invoice["status_transitions"][moment] = call.now
    invoice.pop("status_details", None)


def _stand(call: RequestContext, closed: Object) -> None:
    """Have the subscription of a closed invoice be active again, where nothing recent is unpaid."""
    subscription = invoice_payments.owner_of(call, closed)
    if subscription is None or subscription["status"] not in ("past_due", "unpaid"):
        return
    decides = invoice_payments.latest_of(call, subscription)
    if decides is not None and decides["status"] in ("paid", "uncollectible"):
        call.save("subscription", {**subscription, "status": "active"})


DUE = {"expire_invoice": expire}
