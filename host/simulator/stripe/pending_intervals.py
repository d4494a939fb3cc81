"""Subscriptions that bill pending invoice items more often than they renew.

https://docs.stripe.com/api/subscriptions/create#create_subscription-pending_invoice_item_interval
"""

from __future__ import annotations

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import billing
from host.simulator.stripe.payment_attempts import set_aside
from host.simulator.stripe.periods import later, shortest
from host.simulator.stripe.subscription_statuses import ENDED

PARAM = "pending_invoice_item_interval"
MOST = 365  # intervals of days are at most a year
_DUE = "pending_items"


def set_interval(call: RequestContext, subscription: Object, params: Object) -> None:
    """Set or unset the interval, as the parameters say; the first invoice comes at its end."""
    if PARAM not in params:
        return
    wanted = params[PARAM]
    if not wanted:
        subscription.update({PARAM: None, "next_pending_invoice_item_invoice": None})
        call.backend.agenda.drop(_DUE, subscription["id"], call.account)
        return
    count = wanted.get("interval_count")
    count = 1 if count is None else count
    if not 1 <= count <= MOST:
        raise invalid(f"This value must be from 1 to {MOST}.", f"{PARAM}[interval_count]")
    every = {"interval": wanted["interval"], "interval_count": count}
    recurring = shortest(subscription["items"]["data"])
    if _next(call, every) >= _next(call, recurring):
        raise invalid("Pending items must be billed more often than the subscription renews.", PARAM)
    subscription[PARAM] = every
    _wait(call, subscription)


def _next(call: RequestContext, every: Object) -> int:
    return later(call.now, every["interval"], every["interval_count"])


def _wait(call: RequestContext, subscription: Object) -> None:
    at = _next(call, subscription[PARAM])
    subscription["next_pending_invoice_item_invoice"] = at
    call.backend.agenda.add(call, at, _DUE, subscription["id"])


def bill(call: RequestContext, id: str) -> None:
    """Bill the pending items on an invoice of their own, if there are any."""
    subscription = call.find("subscription", id)
    if subscription is None or not subscription.get(PARAM) or subscription["status"] in ENDED:
        return
    _wait(call, subscription)
    call.save("subscription", subscription)
    invoice = billing.draft_of(call, subscription, "automatic_pending_invoice_item_invoice")
    billing.take_pending(call, invoice, id)
    if invoice["lines"]["data"]:
        billing.keep(call, subscription, invoice)
        if not set_aside(call, subscription, invoice):
            billing.wait(call, invoice)


DUE = {_DUE: bill}
