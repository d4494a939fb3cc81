"""The trial and the first periods of new subscriptions.

https://docs.stripe.com/billing/subscriptions/billing-cycle
"""

from __future__ import annotations

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import backdating
from host.simulator.stripe.billing_modes import is_flexible
from host.simulator.stripe.periods import DAY, configured_anchor, next_end, previous_end, shortest

LONGEST_TRIAL = 730 * DAY  # https://docs.stripe.com/api/subscriptions/create: at most two years


def set_trial(call: RequestContext, subscription: Object, params: Object) -> None:
    """Set the trial that the parameters describe, if they do."""
    end, days = params.get("trial_end"), params.get("trial_period_days")
    if end is not None and days is not None:
        raise invalid("You cannot set both trial_end and trial_period_days.", "trial_end")
    if days is None and params.get("trial_from_plan"):
        days = max((i["price"]["recurring"].get("trial_period_days") or 0) for i in subscription["items"]["data"])
    if days is not None and days < 0:
        raise invalid("Invalid trial_period_days: must be at least 0", "trial_period_days")
    if days:
        end = call.now + days * DAY
    if end in (None, "now"):
        return
    check_trial_end(call, end, "trial_period_days" if days else "trial_end")
    subscription.update(trial_start=call.now, trial_end=end, status="trialing", billing_cycle_anchor=end)


def check_trial_end(call: RequestContext, end: int, param: str) -> None:
    """Refuse an end of a trial that is not in the future, or later than in two years."""
    if end <= call.now:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", param)
    if end > call.now + LONGEST_TRIAL:
        raise invalid("Invalid trial: a trial can last 730 days (two years) at most.", param)


def set_periods(call: RequestContext, subscription: Object, params: Object) -> bool:
    """Set the first periods; returns whether the anchor makes them shorter than a whole one."""
    items = subscription["items"]["data"]
    recurring, now = shortest(items), call.now
    anchor, config = params.get("billing_cycle_anchor"), params.get("billing_cycle_anchor_config")
    if anchor is not None and config:
        raise invalid(
            "You cannot set both billing_cycle_anchor and billing_cycle_anchor_config.", "billing_cycle_anchor"
        )
    if config:
        anchor = configured_anchor(now, config)
        subscription["billing_cycle_anchor_config"] = {**dict.fromkeys(_CONFIG), **config}
    trial, short = subscription["trial_end"], False
    if anchor is not None and not config and anchor < (trial or now):
        raise invalid(
            "billing_cycle_anchor must be in the future, and not before the trial ends.", "billing_cycle_anchor"
        )
    if is_flexible(subscription) and anchor is None and params.get(backdating.PARAM) is not None:
        subscription["billing_cycle_anchor"] = params[backdating.PARAM]
    if anchor is not None:
        if not config and anchor > next_end(trial or now, recurring, trial or now):
            raise invalid(
                "billing_cycle_anchor cannot be later than next natural billing date.", "billing_cycle_anchor"
            )
        subscription["billing_cycle_anchor"] = anchor
        if trial is None and anchor > now:
            short = previous_end(anchor, recurring, next_end(anchor, recurring, now)) < now
    backdated, anchor = params.get(backdating.PARAM), subscription["billing_cycle_anchor"]
    for item in items:
        start, every = now, item["price"]["recurring"]
        end = trial or next_end(anchor, every, now)
        if is_flexible(subscription) and backdated is not None:
            start = max(backdated, previous_end(anchor, every, end))
        item.update(current_period_start=start, current_period_end=end)
        call.save("subscription_item", item)
    return short


_CONFIG = ("day_of_month", "hour", "minute", "month", "second")
