"""Subscriptions that start before they are created. https://docs.stripe.com/billing/subscriptions/backdating"""

from __future__ import annotations

from decimal import Decimal

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import billing, discounts
from host.simulator.stripe.billing_modes import is_flexible
from host.simulator.stripe.money import rounded
from host.simulator.stripe.periods import later, next_end, previous_end
from host.simulator.stripe.pricing import amount_of
from host.simulator.stripe.subscription_items import price_of

PARAM = "backdate_start_date"
MOST_LINES = 250  # https://docs.stripe.com/billing/subscriptions/backdating#billing-mode-considerations


def start_of(call: RequestContext, params: Object) -> int | None:
    """The start date in the parameters, or ``None``. Raises :class:`SimulatedError` if it is in the future."""
    start = params.get(PARAM)
    if start is None:
        return None
    if start > call.now:
        raise invalid("backdate_start_date must be in the past.", PARAM)
    for name in ("trial_end", "trial_period_days", "trial_from_plan", "cancel_at"):
        if params.get(name):
            call.not_modelled(f"{PARAM} with {name}", f"{PARAM} with billing_cycle_anchor is.", PARAM)
    return int(start)


def check(call: RequestContext, subscription: Object) -> None:
    """Refuse metered prices and repeating coupons, which are billed for the past by rules that are not modelled."""
    for item in subscription["items"]["data"]:
        if item["price"]["recurring"]["usage_type"] == "metered":
            call.not_modelled(f"{PARAM} with metered prices", "licensed ones are.", PARAM)
    if any(coupon["duration"] == "repeating" for _, coupon in discounts.coupons(call, subscription["discounts"])):
        call.not_modelled(f"{PARAM} with a coupon of some months", "once and forever are.", PARAM)


def add_lines(call: RequestContext, invoice: Object, subscription: Object, item: Object, start: int) -> None:
    """Add the lines of an item from ``start`` to the end of its current period.

    Classic billing has one line for the time before now, or for all time until a future anchor. Flexible billing has
    one line for each period, as if each had been billed in its time.
    """
    anchor, end = subscription["billing_cycle_anchor"], item["current_period_end"]
    if is_flexible(subscription):
        at = start
        while at < end:
            if len(invoice["lines"]["data"]) >= MOST_LINES:
                raise invalid(f"The invoice would have more than {MOST_LINES} lines.", PARAM)
            until = next_end(anchor, item["price"]["recurring"], at)
            _add(call, invoice, subscription, item, at, until)
            at = until
    elif anchor > call.now:
        _add(call, invoice, subscription, item, start, end)
    else:
        if start < call.now:
            _add(call, invoice, subscription, item, start, call.now)
        billing.period_line(call, invoice, subscription, item)


def _add(call: RequestContext, invoice: Object, subscription: Object, item: Object, start: int, end: int) -> None:
    price, quantity = price_of(call, subscription, item), item.get("quantity") or 0
    recurring, whole = price["recurring"], amount_of(price, quantity)
    if is_flexible(subscription):
        begin = previous_end(subscription["billing_cycle_anchor"], recurring, end)
        part = Decimal(end - start) / (end - begin)
    else:
        part = intervals(start, end, recurring)
    facts: Object = {
        "amount": rounded(whole * part),
        "description": billing.described(call, price, quantity),
        "period": {"start": start, "end": end},
        "proration": part != 1,
        "quantity": quantity,
    }
    billing.item_line(call, invoice, subscription, item, facts)


def intervals(start: int, end: int, recurring: Object) -> Decimal:
    """The number of intervals between two times: from 15 January to 1 February it is 17/31 of a month."""
    every, count = recurring["interval"], recurring["interval_count"]
    whole = 0
    while later(start, every, (whole + 1) * count) <= end:
        whole += 1
    begin, until = later(start, every, whole * count), later(start, every, (whole + 1) * count)
    return whole + Decimal(end - begin) / (until - begin)
