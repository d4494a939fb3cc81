"""Events that no change of their object shows: a payment that waits for its customer, a trial that ends soon."""

from __future__ import annotations

from host.simulator.context import Object, RequestContext

NOTICE = 3 * 24 * 3600  # seconds before its end at which a trial is announced: the types page of docs.stripe.com
FAILED = "invoice.payment_failed"  # the customer must act for it, too: docs.stripe.com/billing/subscriptions/webhooks
_TOLD = "~announced"


def watch_intent(call: RequestContext, intent: Object) -> None:
    """The payment of an invoice that waits for its customer, or was declined; at once or later."""
    waits = intent["status"] == "requires_action"
    if not waits and not (intent["status"] == "requires_payment_method" and intent["last_payment_error"]):
        return
    payment = call.find("invoice_payment", "inpay_" + str(intent["id"]).removeprefix("pi_"))
    if payment is None or payment["status"] != "open":
        return
    if waits:
        _once(call, "invoice.payment_action_required", "invoice", str(payment["invoice"]), str(intent["id"]))
    _once(call, FAILED, "invoice", str(payment["invoice"]), f"{intent['id']}:{intent['latest_charge']}")


def watch_subscription(call: RequestContext, subscription: Object) -> None:
    """A trial, to be announced before its end; at once where that is near."""
    end = subscription.get("trial_end")
    if subscription["status"] != "trialing" or not end:
        return
    if end - NOTICE > call.now:
        call.world.agenda.add(call, end - NOTICE, "trial_will_end", str(subscription["id"]))
    else:
        _tell_trial(call, subscription)


def trial_due(call: RequestContext, id: str) -> None:
    """Three days before a trial's end, if it still ends then."""
    subscription = call.find("subscription", id)
    if subscription is None or subscription["status"] != "trialing" or not subscription["trial_end"]:
        return
    if subscription["trial_end"] - NOTICE <= call.now:
        _tell_trial(call, subscription)


def _tell_trial(call: RequestContext, subscription: Object) -> None:
    id, end = str(subscription["id"]), str(subscription["trial_end"])
    _once(call, "customer.subscription.trial_will_end", "subscription", id, f"{id}:{end}")


def _once(call: RequestContext, type: str, kind: str, id: str, cause: str) -> None:
    key = f"{type}:{cause}"
    if call.world.store.record(_TOLD, key) is None:
        call.world.store.put(_TOLD, key, {"id": key})
        call.announce(type, kind, id)


DUE = {"trial_will_end": trial_due}
WATCHERS = {"payment_intent": watch_intent, "subscription": watch_subscription}
