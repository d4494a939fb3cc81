"""Changing subscriptions, and billing the changes. https://docs.stripe.com/billing/subscriptions/change-price

The period stays as it is and changes are prorated, unless the interval changes, the subscription was free, a trial
begins or ends, or the anchor is set to now: then a new period begins, and is billed immediately.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import billing, closing, pending_intervals, pending_updates, prorations, usage
from host.simulator.stripe.billing_modes import is_flexible
from host.simulator.stripe.extras import add_extras
from host.simulator.stripe.payment_attempts import need_method, pay_now
from host.simulator.stripe.periods import next_end
from host.simulator.stripe.renewals import trial_may_end
from host.simulator.stripe.subscription_items import (
    changed_items,
    check_intervals,
    check_items,
    interval_of,
    set_items,
)
from host.simulator.stripe.subscription_periods import check_trial_end
from host.simulator.stripe.subscription_statuses import ENDED, check_incomplete
from host.simulator.stripe.subscriptions import (
    check_collection,
    check_unmodelled,
    living,
    set_discounts,
    set_end,
    set_plain,
)


class SubscriptionChange(msgspec.Struct):
    """The state of a subscription before a change, and the parameters of the proration.

    ``before`` are its items with their amounts, ``intervals`` are theirs, ``metered`` the price and the start of the
    period of each metered one, and ``trial`` says whether it was on trial. ``at`` is the time to prorate for,
    ``behavior`` the ``proration_behavior``.
    """

    before: dict[str, prorations.Part]
    intervals: dict[str, tuple[str, int]]
    metered: dict[str, tuple[str, int]]
    trial: bool
    at: int
    behavior: str

    @property
    def free(self) -> bool:
        """Whether all items cost nothing."""
        return bool(self.before) and not any(part.amount for part in self.before.values())


def update_subscription(call: RequestContext) -> Object:
    """Update a subscription, with the prorations and the invoice that follow."""
    subscription = call.subject()
    if subscription["status"] in ENDED:
        if set(call.params) <= {"cancellation_details", "metadata", "expand"}:
            return call.save("subscription", call.put(subscription, call.params))
        living(call)  # raises
    check_incomplete(subscription, call.params.keys())
    change(call, subscription, call.params)
    return subscription


def begin(call: RequestContext, subscription: Object, params: Object) -> SubscriptionChange:
    """The state of a subscription before a change."""
    trial = subscription["status"] == "trialing"
    return SubscriptionChange(
        {} if trial else prorations.parts(call, subscription, paid=True),
        _intervals(subscription),
        usage.running(subscription),
        trial,
        prorations.moment(call, params, subscription),
        params.get("proration_behavior") or "create_prorations",
    )


def change(call: RequestContext, subscription: Object, params: Object) -> None:
    """Change ``subscription`` by parameters of ``subscriptions.update``, and save it.

    With ``pending_if_incomplete``, it stays as it was until the invoice of the change is paid.
    """
    if params.get("payment_behavior") != "pending_if_incomplete":
        _change(call, subscription, params)
        return
    pending_updates.begin(call, subscription, params)
    before = deepcopy(subscription)
    _change(call, subscription, params)
    made = subscription["latest_invoice"]
    if made != before["latest_invoice"] and call.load("invoice", made)["status"] == "open":
        pending_updates.hold(call, subscription, before, params)


def _change(call: RequestContext, subscription: Object, params: Object) -> None:
    check_unmodelled(call, params)
    state = begin(call, subscription, params)
    set_plain(call, subscription, params)
    if "cancellation_details" in params:
        before = subscription.get("cancellation_details") or {}
        subscription["cancellation_details"] = {**before, **(params["cancellation_details"] or {})}
    if {"collection_method", "days_until_due"} & params.keys():
        check_collection(subscription, params)
    if "pause_collection" in params:
        _pause(call, subscription, params["pause_collection"])
    if params.get("items"):
        old = deepcopy(subscription["items"]["data"])
        items = changed_items(call, subscription, params["items"])
        check_items(items, subscription["currency"])
        check_intervals(call, subscription, items)
        usage.change(call, subscription, old, items, state.behavior)
        set_items(subscription, items)
    set_discounts(call, subscription, params)
    pending_intervals.set_interval(call, subscription, params)
    if params.get("trial_end") == "now" and state.trial and not trial_may_end(call, subscription):
        call.save("subscription", {**subscription, "trial_end": call.now})
        subscription["trial_end"] = call.now
        return
    new_period = _retime(call, subscription, params, state)
    set_end(call, subscription, params)
    call.save("subscription", subscription)
    settle(call, subscription, params, state, new_period=new_period)


def _pause(call: RequestContext, subscription: Object, wanted: Any) -> None:
    if wanted and wanted.get("resumes_at") is not None and wanted["resumes_at"] <= call.now:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", _RESUMES)
    subscription["pause_collection"] = {"resumes_at": None, **wanted} if wanted else None


_RESUMES = "pause_collection[resumes_at]"


def _intervals(subscription: Object) -> dict[str, tuple[str, int]]:
    return {item["id"]: interval_of(item) for item in subscription["items"]["data"]}


def _other_interval(subscription: Object, before: dict[str, tuple[str, int]]) -> bool:
    """Whether an item recurs otherwise than it did, or a new one as none did."""
    known = set(before.values())
    now = _intervals(subscription).items()
    return any(interval != before.get(id, interval) or interval not in known for id, interval in now)


def _retime(call: RequestContext, subscription: Object, params: Object, state: SubscriptionChange) -> bool:
    """Begin a new period if the change requires one; returns whether it does."""
    trial_end = params.get("trial_end")
    anchor = params.get("billing_cycle_anchor")
    anchor = anchor.get("type") if isinstance(anchor, dict) else anchor
    if anchor == "timestamp":
        raise invalid(
            "The anchor of a subscription that there is can only be now or unchanged.", "billing_cycle_anchor"
        )
    if trial_end is not None and trial_end != "now":
        check_trial_end(call, trial_end, "trial_end")
        subscription.update(
            trial_start=_trial_start(call, subscription, state),
            trial_end=trial_end,
            status="trialing",
            billing_cycle_anchor=trial_end,
        )
        _periods(call, subscription, trial_end, extended=state.trial)
        return not state.trial
    if trial_end == "now" and state.trial:
        subscription.update(status="active", trial_end=call.now)
    elif state.trial:
        return False
    priced = any(part.amount for part in prorations.parts(call, subscription).values())
    explicit = (trial_end == "now" and state.trial) or anchor == "now"
    other = _other_interval(subscription, state.intervals)
    if not explicit and is_flexible(subscription):
        if other:
            call.not_modelled("another interval of a subscription in flexible billing mode",
                              "It is with billing_cycle_anchor=now.", "items")  # fmt: skip
        return False
    if not (explicit or other or (state.free and priced and "items" in params)):
        return False
    subscription["billing_cycle_anchor"] = call.now
    _periods(call, subscription, None)
    return True


def _trial_start(call: RequestContext, subscription: Object, state: SubscriptionChange) -> int:
    """The ``trial_start``: the start of the first trial in classic billing, of the last one in flexible billing."""
    kept = state.trial or not is_flexible(subscription)
    return int((kept and subscription["trial_start"]) or call.now)


def _periods(call: RequestContext, subscription: Object, end: int | None, *, extended: bool = False) -> None:
    """Set the items' periods, which begin now, unless a trial is ``extended``, and end at ``end``, or after one
    interval each.
    """
    anchor = subscription["billing_cycle_anchor"]
    for item in subscription["items"]["data"]:
        if not extended:
            item["current_period_start"] = call.now
        item["current_period_end"] = end or next_end(anchor, item["price"]["recurring"], call.now)
        call.save("subscription_item", item)


def settle(
    call: RequestContext, subscription: Object, params: Object, state: SubscriptionChange, *, new_period: bool
) -> None:
    """Create the prorations of a change, and the invoice if it is billed immediately."""
    prorated = _prorated(call, subscription, state, new_period=new_period)
    extras = params.get("add_invoice_items")
    if new_period:
        # https://docs.stripe.com/billing/subscriptions/billing-mode/compare#pending-invoice-items
        pending = is_flexible(subscription) or state.behavior != "always_invoice"
        ended = {} if state.trial else usage.ended(call, subscription, state.metered)
        how: Object = {"prorated": prorated, "pending": pending, "ended": ended}
        invoice = billing.period_invoice(call, subscription, "subscription_update", **how)
        if not invoice["lines"]["data"] and not extras:
            return
    elif state.behavior == "always_invoice":
        invoice = billing.draft_of(call, subscription, "subscription_update")
        prorations.put_on(call, invoice, subscription, prorated)
        billing.take_pending(call, invoice, subscription["id"])
        if not invoice["lines"]["data"] and not extras:
            return
        billing.keep(call, subscription, invoice)
    else:
        prorations.put_off(call, subscription, prorated)
        add_extras(call, None, subscription, extras)
        return
    if extras:
        add_extras(call, invoice, subscription, extras)
        billing.keep(call, subscription, invoice)
    behaviour = params.get("payment_behavior") or "allow_incomplete"
    need_method(call, subscription, invoice, behaviour)
    pay_now(call, subscription, invoice, behaviour, off_session=bool(params.get("off_session")))


def _prorated(
    call: RequestContext, subscription: Object, state: SubscriptionChange, *, new_period: bool
) -> list[Object]:
    if state.behavior == "none" or state.trial:
        return []
    if new_period:
        return prorations.credit(call, subscription, state.before, state.at)
    return prorations.prorate(call, subscription, state.before, prorations.parts(call, subscription), state.at)


def resume_subscription(call: RequestContext) -> Object:
    """Resume a paused subscription, in a new period or, with the old anchor, in the rest of one; it is billed now.

    It stays paused until the invoice is paid, which is voided after 23 hours.
    """
    subscription = call.subject()
    if subscription["status"] != "paused":
        raise call.refuse(f"This subscription cannot be resumed because it is {subscription['status']}, not paused.")
    anchor = call.params.get("billing_cycle_anchor") or "now"
    anchor = anchor.get("type") if isinstance(anchor, dict) else anchor
    if anchor not in ("now", "unchanged"):
        raise invalid("billing_cycle_anchor must be now or unchanged.", "billing_cycle_anchor")
    if anchor == "now":
        subscription["billing_cycle_anchor"] = call.now
    elif call.params.get("proration_behavior") == "none":
        call.backend.store.put(billing.FREE_START, subscription["id"], {"at": call.now})
    _periods(call, subscription, None)
    call.save("subscription", subscription)
    invoice = billing.period_invoice(call, subscription, "subscription_update")
    pay_now(call, subscription, invoice, "allow_incomplete")
    if subscription["status"] == "paused":  # the invoice is not paid yet
        closing.expire_later(call, invoice)
    return subscription


BEHAVIOURS = {
    "subscriptions.resume": resume_subscription,
    "subscriptions.update": update_subscription,
}
EFFECTS = {
    "subscriptions.resume": {"billing_cycle_anchor", "proration_behavior"},
    "subscriptions.update": {
        "add_invoice_items",
        "billing_cycle_anchor",
        "cancel_at",
        "default_payment_method",
        "default_tax_rates",
        "discounts",
        "items",
        "off_session",
        "payment_behavior",
        "proration_behavior",
        "proration_date",
        "trial_end",
    },
}
