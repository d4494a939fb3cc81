"""Creating, updating, releasing and canceling subscription schedules, whose phases change their subscription.

https://docs.stripe.com/billing/subscriptions/subscription-schedules
"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.renamed_params import renaming
from host.simulator.stripe import limits, schedule_progress, subscriptions
from host.simulator.stripe.money import check_currency
from host.simulator.stripe.phases import dated, of_item, phase_of, refuse, subscription_params
from host.simulator.stripe.renewals import cancel
from host.simulator.stripe.schedule_progress import FINISHED, KIND
from host.simulator.stripe.subscription_statuses import ENDED


def create_schedule(call: RequestContext) -> Object:
    """Create a schedule that starts now or later, or one for an existing subscription."""
    params = call.params
    if params.get("pause_schedules"):
        call.not_modelled("the parameter pause_schedules", "", "pause_schedules")
    if params.get("from_subscription"):
        if params.keys() - {"from_subscription", "expand", "billing_mode", "metadata"}:
            raise invalid("You can only pass `from_subscription` alone.", "from_subscription")
        return _from_subscription(call, params["from_subscription"])
    with renaming(subscription_params(params)):
        return start_schedule(call, params)


def start_schedule(call: RequestContext, params: Object) -> Object:
    """Create a schedule from ``params``; its subscription is created when its first phase begins."""
    for name in ("customer", "phases"):
        if not params.get(name):
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    limits.check(params)
    customer = call.load("customer", params["customer"], "customer", 400)
    start = params.get("start_date", "now")
    start = call.now if start == "now" else int(start)
    schedule = _blank(call, customer, params)
    schedule["phases"] = dated(call, params["phases"], start)
    if start < call.now:
        _check_past(call, schedule)
    call.save(KIND, schedule)
    if start <= call.now:
        schedule_progress.begin(call, schedule)
    else:
        schedule_progress.wait(call, schedule)
    return call.save(KIND, schedule)


def _check_past(call: RequestContext, schedule: Object) -> None:
    """Refuse what a schedule that starts in the past would have done by now by rules that are not modelled.

    Its first phase backdates the subscription: https://docs.stripe.com/billing/subscriptions/backdating
    """
    first = schedule["phases"][0]
    anchor = first["billing_cycle_anchor"] or schedule["default_settings"]["billing_cycle_anchor"]
    if first["end_date"] <= call.now:
        call.not_modelled("phases that are over", "a first phase that began in the past and goes on is.", "start_date")
    if first["trial_end"]:
        call.not_modelled("a trial that began in the past", "phases without trials are.", "start_date")
    if anchor == "phase_start":
        call.not_modelled("an anchor in the past", "billing_cycle_anchor=automatic is.", "start_date")


def _blank(call: RequestContext, customer: Object, params: Object) -> Object:
    schedule = call.blank(KIND)
    schedule.update(
        billing_mode={"type": "classic", "flexible": None, **(params.get("billing_mode") or {})},
        canceled_at=None,
        completed_at=None,
        current_phase=None,
        customer=customer["id"],
        end_behavior=params.get("end_behavior") or "release",
        metadata=params.get("metadata") or {},
        pause_schedules=[],
        phases=[],
        released_at=None,
        released_subscription=None,
        status="not_started",
        subscription=None,
        test_clock=customer.get("test_clock"),
    )
    schedule["default_settings"] = {
        "application_fee_percent": None,
        "automatic_tax": {"enabled": False, "liability": None, "disabled_reason": None},
        "billing_cycle_anchor": "automatic",
        "billing_thresholds": None,
        "collection_method": "charge_automatically",
        "default_payment_method": None,
        "description": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "days_until_due": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "on_behalf_of": None,
        "transfer_data": None,
    }
    _set_defaults(call, schedule, params.get("default_settings") or {})
    _check_end(call, params)
    return schedule


def _check_end(call: RequestContext, params: Object) -> None:
    """Refuse the values of ``end_behavior`` that answers of old schedules have, and that cannot be set any more.

    https://docs.stripe.com/changelog/2019-10-17/updates-subscription-renewal-properties
    """
    if params.get("end_behavior") == "renew":
        raise invalid("Invalid end_behavior: renew can no longer be set; it must be cancel or release.", "end_behavior")
    if params.get("end_behavior") == "none":
        call.not_modelled("end_behavior=none", "release and cancel are.", "end_behavior")


def _set_defaults(call: RequestContext, schedule: Object, given: Object) -> None:
    refuse(call, given, "default_settings")
    settings = schedule["default_settings"]
    for name, value in given.items():
        settings[name] = {**settings[name], **value} if isinstance(value, dict) and settings.get(name) else value


def _from_subscription(call: RequestContext, id: str) -> Object:
    """Create a schedule whose one phase is the subscription's current period."""
    subscription = subscriptions.find_living(call, id)
    if subscription.get("schedule"):
        raise invalid(
            f"You cannot migrate a subscription that is already attached to a schedule: {subscription['schedule']}.",
            "from_subscription",
        )
    params = {**call.params, "billing_mode": subscription["billing_mode"]}
    schedule = _blank(call, call.load("customer", subscription["customer"]), params)
    items = subscription["items"]["data"]
    if len({item["current_period_end"] for item in items}) > 1:
        call.not_modelled("a schedule of a subscription with several periods", "", "from_subscription")
    phase = phase_of(
        call,
        {"metadata": dict(subscription["metadata"]), "description": subscription.get("description")},
        [of_item(item) for item in items],
        items[0]["current_period_start"],
        max(item["current_period_end"] for item in items),
        "phases[0]",
    )
    phase.update(
        default_tax_rates=list(subscription.get("default_tax_rates") or []),
        discounts=[{"coupon": None, "discount": d, "promotion_code": None} for d in subscription["discounts"]],
        trial_end=subscription["trial_end"],
        currency=subscription["currency"],
    )
    settings = schedule["default_settings"]
    settings["collection_method"] = subscription["collection_method"]
    settings["default_payment_method"] = subscription.get("default_payment_method")
    settings["invoice_settings"]["days_until_due"] = subscription.get("days_until_due")
    schedule.update(phases=[phase], status="active", subscription=id)
    call.save("subscription", {**subscription, "schedule": schedule["id"]})
    schedule_progress.wait(call, schedule)
    return call.save(KIND, schedule)


def update_schedule(call: RequestContext) -> Object:
    """Update a schedule's current and future phases, its settings and its end."""
    check_currency(call)
    schedule, params = call.subject(), call.params
    if schedule["status"] in FINISHED:
        raise _finished("update", schedule)
    if params.get("pause_schedules"):
        call.not_modelled("the parameter pause_schedules", "", "pause_schedules")
    _check_end(call, params)
    limits.check(params)
    if params.get("end_behavior"):
        schedule["end_behavior"] = params["end_behavior"]
    call.put(schedule, {"metadata": params["metadata"]} if "metadata" in params else {})
    _set_defaults(call, schedule, params.get("default_settings") or {})
    if params.get("phases"):
        _replace_phases(call, schedule, params["phases"])
    return call.save(KIND, schedule)


def _replace_phases(call: RequestContext, schedule: Object, given: list[Object]) -> None:
    active = schedule["status"] == "active"
    first: Any = given[0].get("start_date")
    if first == "now":
        first = call.now
    if first is None or (active and first not in [phase["start_date"] for phase in schedule["phases"]]):
        raise invalid("The first phase must begin when one that there is does.", "phases[0][start_date]")
    begun = [phase for phase in schedule["phases"] if phase["end_date"] <= call.now and phase["start_date"] < first]
    before = schedule_progress.current(call, schedule)
    schedule["phases"] = [*begun, *dated(call, [{**given[0], "start_date": None}, *given[1:]], int(first))]
    if not active:
        schedule_progress.wait(call, schedule)
        return
    schedule_progress.wait(call, schedule)
    current = schedule_progress.current(call, schedule)
    facts = ("items", "metadata", "discounts", "default_tax_rates", "collection_method", "description", "trial_end")
    if any(current[name] != before[name] for name in facts):
        call.save(KIND, schedule)
        subscription = call.load("subscription", schedule["subscription"])
        how = call.params.get("proration_behavior") or current["proration_behavior"]
        schedule_progress.apply(call, schedule, subscription, {**current, "proration_behavior": how})


def release_schedule(call: RequestContext) -> Object:
    """Release the subscription, which continues without the schedule."""
    schedule = _living(call, "release")
    subscription = call.find("subscription", schedule["subscription"]) if schedule["subscription"] else None
    if call.params.get("preserve_cancel_date"):
        call.not_modelled("the parameter preserve_cancel_date", "", "preserve_cancel_date")
    schedule_progress.let_go(call, schedule, subscription)
    call.backend.agenda.drop("schedule", schedule["id"], call.account)
    return call.save(KIND, schedule)


def cancel_schedule(call: RequestContext) -> Object:
    """Cancel a schedule and its subscription immediately."""
    schedule = _living(call, "cancel")
    subscription = call.find("subscription", schedule["subscription"]) if schedule["subscription"] else None
    schedule.update(status="canceled", canceled_at=call.now, current_phase=None)
    call.backend.agenda.drop("schedule", schedule["id"], call.account)
    call.save(KIND, schedule)
    if subscription is not None and subscription["status"] not in ENDED:
        how = {name: call.params.get(name, True) for name in ("prorate", "invoice_now")}
        cancel(call, subscription, **how)
    return schedule


def _living(call: RequestContext, word: str) -> Object:
    schedule = call.subject()
    if schedule["status"] in FINISHED:
        raise _finished(word, schedule)
    return schedule


def _finished(word: str, schedule: Object) -> SimulatedError:
    return SimulatedError(
        400,
        f"You cannot {word} a subscription schedule that is currently in the `{schedule['status']}` status. "
        "It must have a status of `not_started` or `active`.",
        worked=True,
    )


BEHAVIOURS = {
    "subscription_schedules.cancel": cancel_schedule,
    "subscription_schedules.create": create_schedule,
    "subscription_schedules.release": release_schedule,
    "subscription_schedules.update": update_schedule,
}
_HANDLED = {
    "phases.add_invoice_items.price_data",
    "phases.add_invoice_items.tax_rates",
    "phases.duration",
    "phases.items.price_data",
    "phases.items.tax_rates",
    "phases.items.plan",
    "phases.default_tax_rates",
    "phases.trial",
    "phases.start_date",
    "phases.end_date",
}
EFFECTS = {
    "subscription_schedules.cancel": {"invoice_now", "prorate"},
    "subscription_schedules.create": {*_HANDLED, "from_subscription", "start_date"},
    "subscription_schedules.update": {*_HANDLED, "proration_behavior", "phases"},
}
