"""The lifecycle of subscriptions: the end of trials, renewals and cancellations.

https://docs.stripe.com/billing/subscriptions/overview#subscription-lifecycle
"""

from __future__ import annotations

from host.simulator.api_error import missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import billing, closing, prorations
from host.simulator.stripe.collection import method_of
from host.simulator.stripe.invoice_payments import subscription_of
from host.simulator.stripe.payment_attempts import pay_now, set_aside
from host.simulator.stripe.periods import next_end
from host.simulator.stripe.subscription_statuses import ENDED

HOUR = 3600


def watch_subscription(call: RequestContext, subscription: Object) -> None:
    """Schedule the time at which something of a subscription is due next."""
    at = _due(subscription)
    if at is None:
        call.backend.agenda.drop("subscription", str(subscription["id"]), call.account)
    else:
        call.backend.agenda.add(call, at, "subscription", str(subscription["id"]))


def _due(subscription: Object) -> int | None:
    status = subscription["status"]
    if status == "incomplete":
        return int(subscription["created"]) + closing.EXPIRY
    if status in (*ENDED, "paused") or not subscription["items"]["data"]:
        return None
    times = [item["current_period_end"] for item in subscription["items"]["data"]]
    pause = subscription.get("pause_collection") or {}
    times += [at for at in (subscription.get("cancel_at"), pause.get("resumes_at")) if at]
    return int(min(times))


def come_due(call: RequestContext, id: str) -> None:
    """Carry out what is due of a subscription: expiry, cancellation, resumed collection or renewal."""
    subscription = call.find("subscription", id)
    if subscription is None or (at := _due(subscription)) is None:
        return
    if at > call.now:
        watch_subscription(call, subscription)
    elif subscription["status"] == "incomplete":
        _expire(call, subscription)
    elif (subscription.get("cancel_at") or call.now + 1) <= call.now:
        finish(call, subscription)
    elif ((subscription.get("pause_collection") or {}).get("resumes_at") or call.now + 1) <= call.now:
        call.save("subscription", {**subscription, "pause_collection": None})
    else:
        _renew(call, subscription)


def _expire(call: RequestContext, subscription: Object) -> None:
    """Expire a subscription whose first invoice was not paid in 23 hours, and void that."""
    subscription.update(status="incomplete_expired", ended_at=call.now)
    call.save("subscription", subscription)
    invoice = call.find("invoice", str(subscription["latest_invoice"]))
    if invoice is not None and invoice["status"] == "open":
        closing.void(call, invoice)


def _renew(call: RequestContext, subscription: Object) -> None:
    """Begin the next period after a trial or a period, and bill it by an invoice that stays a draft for an hour."""
    if subscription["status"] == "trialing" and not trial_may_end(call, subscription):
        return
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    _advance(call, subscription, next_invoice(call, subscription))


def next_invoice(call: RequestContext, subscription: Object) -> Object:
    """Move items whose period is over to the next one, and create the invoice for it."""
    billing.drop_spent(call, subscription)
    used = {}
    for item in subscription["items"]["data"]:
        start, over = item["current_period_start"], item["current_period_end"]
        if over > call.now:
            continue
        used[item["id"]] = (start, over)
        until = next_end(subscription["billing_cycle_anchor"], item["price"]["recurring"], over)
        item.update(current_period_start=over, current_period_end=until)
        call.save("subscription_item", item)
    call.save("subscription", subscription)
    invoice = billing.period_invoice(call, subscription, "subscription_cycle", used)
    invoice.update(period_start=min(start for start, _ in used.values()), period_end=call.now)
    return invoice


def trial_may_end(call: RequestContext, subscription: Object) -> bool:
    """Whether a trial ends with an invoice. Without a payment method its settings may pause or cancel the subscription,
    which is done here.
    """
    settings = ((subscription.get("trial_settings") or {}).get("end_behavior")) or {}
    wanted = settings.get("missing_payment_method") or "create_invoice"
    probe = {
        "customer": subscription["customer"],
        "parent": {"subscription_details": {"subscription": subscription["id"]}},
    }
    if wanted == "create_invoice" or method_of(call, probe) is not None:
        return True
    if wanted == "pause":
        subscription["status"] = "paused"
        call.save("subscription", subscription)
    else:
        end(call, subscription, reason="payment_failed")
    return False


def _advance(call: RequestContext, subscription: Object, invoice: Object) -> None:
    """Schedule a renewal's draft to be finalized in an hour, unless collection is paused or was given up."""
    if set_aside(call, subscription, invoice):
        return
    advance = subscription["status"] != "unpaid"
    invoice["auto_advance"] = advance
    invoice["automatically_finalizes_at"] = call.now + HOUR if advance else None
    call.save("invoice", invoice)


def cancel_subscription(call: RequestContext) -> Object:
    """Cancel a subscription immediately; ``prorate`` credits unused time, ``invoice_now`` bills what is left."""
    subscription = call.subject()
    if subscription["status"] in ENDED:
        raise missing("subscription", str(subscription["id"]), "id")
    params = call.params
    details = {"comment": None, "feedback": None, "reason": "cancellation_requested"}
    subscription["cancellation_details"] = {**details, **(params.get("cancellation_details") or {})}
    cancel(call, subscription, prorate=bool(params.get("prorate")), invoice_now=bool(params.get("invoice_now")))
    return subscription


def cancel(call: RequestContext, subscription: Object, *, prorate: bool, invoice_now: bool) -> None:
    """Cancel a subscription on request, and save it."""
    before = {} if subscription["status"] == "trialing" else prorations.parts(call, subscription, paid=True)
    made = prorations.credit(call, subscription, before, call.now) if prorate else []
    if not invoice_now:
        prorations.put_off(call, subscription, made)
    end(call, subscription, reason="cancellation_requested")
    if invoice_now:
        _last_invoice(call, subscription, made)


def end(call: RequestContext, subscription: Object, *, reason: str | None) -> None:
    """Cancel a subscription now. Its open invoices are no longer collected automatically."""
    if reason is not None:
        blank = {"comment": None, "feedback": None}
        subscription["cancellation_details"] = {
            **blank,
            **(subscription.get("cancellation_details") or {}),
            "reason": reason,
        }
    subscription.update(status="canceled", ended_at=call.now)
    subscription["canceled_at"] = subscription.get("canceled_at") or call.now
    call.save("subscription", subscription)
    for invoice in call.backend.store.having("invoice", "customer", subscription["customer"]):
        if subscription_of(invoice) == subscription["id"] and invoice["status"] in ("draft", "open"):
            invoice.update(auto_advance=False, automatically_finalizes_at=None, next_payment_attempt=None)
            call.save("invoice", invoice)


def finish(call: RequestContext, subscription: Object) -> None:
    """Cancel a subscription at its ``cancel_at``; usage and pending items are billed by a last invoice.

    https://docs.stripe.com/billing/subscriptions/cancel#cancel-at-the-end-of-the-current-billing-period
    """
    invoice = last_draft(call, subscription)
    end(call, subscription, reason=None)
    if invoice["lines"]["data"]:
        _advance(call, subscription, billing.keep(call, subscription, invoice))


def last_draft(call: RequestContext, subscription: Object, prorated: list[Object] | None = None) -> Object:
    """A draft invoice of what is left to bill of a subscription that ends now, not saved."""
    invoice = billing.draft_of(call, subscription, "subscription_cycle")
    prorations.put_on(call, invoice, subscription, prorated or [])
    billing.take_pending(call, invoice, subscription["id"])
    for item in reversed(subscription["items"]["data"]):
        if item["price"]["recurring"]["usage_type"] == "metered":
            billing.usage_line(call, invoice, subscription, item, item["current_period_start"], call.now)
    starts = [item["current_period_start"] for item in subscription["items"]["data"]]
    invoice.update(period_start=min(starts, default=call.now), period_end=call.now)
    return invoice


def _last_invoice(call: RequestContext, subscription: Object, prorated: list[Object]) -> None:
    invoice = last_draft(call, subscription, prorated)
    if invoice["lines"]["data"]:
        billing.keep(call, subscription, invoice)
        pay_now(call, subscription, invoice, "allow_incomplete")


BEHAVIOURS = {"subscriptions.cancel": cancel_subscription}
DUE = {"subscription": come_due}
WATCHERS = {"subscription": watch_subscription}
EFFECTS = {"subscriptions.cancel": {"invoice_now", "prorate"}}
