"""Events that no change of an object would show, such as those of a payment that needs action, or a trial ending soon.

https://docs.stripe.com/api/events/types
"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext
from host.simulator.stripe.invoice_payments import payment_of

NOTICE = 3 * 24 * 3600  # seconds before a trial's end at which its event occurs
EXPIRING = 7 * 24 * 3600  # seconds before a schedule's end at which its event occurs
FAILED = "invoice.payment_failed"  # also when the customer must act: docs.stripe.com/billing/subscriptions/webhooks
_ANNOUNCED = "~announced"


def watch_intent(call: RequestContext, intent: Object) -> None:
    """Announce that the payment of an invoice or checkout session failed, or that it needs the customer's action."""
    failed = intent["status"] == "requires_payment_method" and bool(intent.get("last_payment_error"))
    if failed:
        _announce_sessions(call, "payment_intent", str(intent["id"]))
    waits = intent["status"] == "requires_action"
    if not waits and not failed:
        return
    payment = payment_of(call, intent)
    if payment is None or payment["status"] != "open":
        return
    if waits:
        _once(call, "invoice.payment_action_required", "invoice", str(payment["invoice"]), str(intent["id"]))
    if failed:
        _announce_sessions(call, "invoice", str(payment["invoice"]))
    _once(call, FAILED, "invoice", str(payment["invoice"]), f"{intent['id']}:{intent['latest_charge']}")


def _announce_sessions(call: RequestContext, member: str, id: str) -> None:
    for session in call.backend.store.having("checkout.session", member, id):
        if session["status"] == "complete" and session["payment_status"] == "unpaid":
            _once(call, "checkout.session.async_payment_failed", "checkout.session", session["id"], session["id"])


def watch_subscription(call: RequestContext, subscription: Object) -> None:
    """Schedule the event of a trial that will end; announce it at once if the end is near."""
    end = subscription.get("trial_end")
    if subscription["status"] != "trialing" or not end:
        return
    if end - NOTICE > call.now:
        call.backend.agenda.add(call, end - NOTICE, "trial_will_end", str(subscription["id"]))
    else:
        _announce_trial(call, subscription)


def watch_schedule(call: RequestContext, schedule: Object) -> None:
    """Schedule the event of an expiring schedule; announce it at once if its last phase ends soon."""
    if schedule["status"] == "active" and schedule["phases"]:
        at = schedule["phases"][-1]["end_date"] - EXPIRING
        if at > call.now:
            call.backend.agenda.add(call, at, "schedule_expiring", str(schedule["id"]))
        else:
            schedule_due(call, str(schedule["id"]))


def schedule_due(call: RequestContext, id: str) -> None:
    """Announce a schedule that expires in seven days, if it still does."""
    schedule = call.find("subscription_schedule", id)
    if schedule is None or schedule["status"] != "active":
        return
    end = schedule["phases"][-1]["end_date"]
    if end - EXPIRING <= call.now:
        _once(call, "subscription_schedule.expiring", "subscription_schedule", id, f"{id}:{end}")


def trial_due(call: RequestContext, id: str) -> None:
    """Announce a trial that ends in three days, if it still does."""
    subscription = call.find("subscription", id)
    if subscription is None or subscription["status"] != "trialing" or not subscription["trial_end"]:
        return
    if subscription["trial_end"] - NOTICE <= call.now:
        _announce_trial(call, subscription)


def _announce_trial(call: RequestContext, subscription: Object) -> None:
    id, end = str(subscription["id"]), str(subscription["trial_end"])
    _once(call, "customer.subscription.trial_will_end", "subscription", id, f"{id}:{end}")


def _once(call: RequestContext, type: str, kind: str, id: str, cause: str) -> None:
    key = f"{type}:{cause}"
    if call.backend.store.record(_ANNOUNCED, key) is None:
        call.backend.store.put(_ANNOUNCED, key, {"id": key})
        call.announce(type, kind, id)


DUE = {"schedule_expiring": schedule_due, "trial_will_end": trial_due}
WATCHERS = {
    "payment_intent": watch_intent,
    "subscription": watch_subscription,
    "subscription_schedule": watch_schedule,
}
