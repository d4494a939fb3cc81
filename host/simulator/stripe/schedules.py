"""Subscription schedules, whose phases change their subscription.

https://docs.stripe.com/billing/subscriptions/subscription-schedules
"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.renamed_params import renaming
from host.simulator.stripe import pending_updates, subscriptions
from host.simulator.stripe.money import check_currency
from host.simulator.stripe.phases import (
    dated,
    extras_of,
    items_of,
    of_item,
    phase_of,
    refuse,
    settings_of,
    subscription_params,
)
from host.simulator.stripe.renewals import cancel, finish
from host.simulator.stripe.subscription_changes import change
from host.simulator.stripe.subscription_statuses import ENDED

KIND = "subscription_schedule"
_FINISHED = ("canceled", "completed", "released")


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
    customer = call.load("customer", params["customer"], "customer", 400)
    start = params.get("start_date", "now")
    start = call.now if start == "now" else int(start)
    if start < call.now:
        call.not_modelled(
            "a start_date in the past",
            "now and later are; from_subscription schedules a subscription made with backdate_start_date.",
            "start_date",
        )
    schedule = _blank(call, customer, params)
    schedule["phases"] = dated(call, params["phases"], start)
    call.save(KIND, schedule)
    if start <= call.now:
        _begin(call, schedule)
    else:
        _wait(call, schedule)
    return call.save(KIND, schedule)


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
    if schedule["end_behavior"] in ("none", "renew"):
        call.not_modelled(f"end_behavior={schedule['end_behavior']}", "release and cancel are.", "end_behavior")
    return schedule


def _set_defaults(call: RequestContext, schedule: Object, given: Object) -> None:
    refuse(call, given, "default_settings")
    settings = schedule["default_settings"]
    for name, value in given.items():
        settings[name] = {**settings[name], **value} if isinstance(value, dict) and settings.get(name) else value


def _begin(call: RequestContext, schedule: Object) -> None:
    """Begin the first phase, and create the subscription."""
    phase = schedule["phases"][0]
    params = {**settings_of(schedule, phase), "customer": schedule["customer"], "items": items_of(phase)}
    params.update(billing_mode=schedule["billing_mode"], currency=phase["currency"])
    if phase["trial_end"]:
        params["trial_end"] = phase["trial_end"]
    if extras := extras_of(phase):
        params["add_invoice_items"] = extras
    made = subscriptions.start(call, params, schedule=schedule["id"])
    schedule.update(status="active", subscription=made["id"])
    _wait(call, schedule)


def _wait(call: RequestContext, schedule: Object) -> None:
    """Set the current phase, and schedule its end."""
    if schedule["status"] == "not_started":
        call.backend.agenda.add(call, schedule["phases"][0]["start_date"], "schedule", schedule["id"])
        return
    current = _current(call, schedule)
    schedule["current_phase"] = {"start_date": current["start_date"], "end_date": current["end_date"]}
    call.backend.agenda.add(call, current["end_date"], "schedule", schedule["id"])


def _current(call: RequestContext, schedule: Object) -> Object:
    for phase in schedule["phases"]:
        if phase["end_date"] > call.now:
            return dict(phase)
    return dict(schedule["phases"][-1])


def come_due(call: RequestContext, id: str) -> None:
    """Carry out the beginning or end of a phase."""
    schedule = call.find(KIND, id)
    if schedule is None or schedule["status"] in _FINISHED:
        return
    if schedule["status"] == "not_started":
        _begin(call, schedule)
    elif schedule["phases"][-1]["end_date"] <= call.now:
        _finish(call, schedule)
    else:
        _enter(call, schedule)
    call.save(KIND, schedule)


def _enter(call: RequestContext, schedule: Object) -> None:
    """Begin the next phase, and apply it to the subscription."""
    _wait(call, schedule)
    subscription = call.find("subscription", schedule["subscription"])
    if subscription is not None and subscription["status"] not in ENDED:
        _apply(call, schedule, subscription, _current(call, schedule), begins=True)


def _apply(
    call: RequestContext, schedule: Object, subscription: Object, phase: Object, *, begins: bool = False
) -> None:
    pending_updates.discard(call, subscription)
    old = {item["price"]["id"]: item["id"] for item in subscription["items"]["data"]}
    wanted = []
    for item in items_of(phase):
        same = old.pop(item["price"], None)
        wanted.append({**item, **({"id": same} if same else {})})
    gone = [{"id": id, "deleted": True} for id in old.values()]
    params = {**settings_of(schedule, phase), "items": [*wanted, *gone]}
    params["proration_behavior"] = phase["proration_behavior"]
    if phase["trial_end"] and phase["trial_end"] > call.now:
        params["trial_end"] = phase["trial_end"]
    if begins and (extras := extras_of(phase)):
        params["add_invoice_items"] = extras
    anchor = phase["billing_cycle_anchor"] or schedule["default_settings"]["billing_cycle_anchor"]
    if begins and anchor == "phase_start":
        params["billing_cycle_anchor"] = {"type": "now"}
    change(call, subscription, params)


def _finish(call: RequestContext, schedule: Object) -> None:
    """End the schedule after its last phase; ``end_behavior`` says whether the subscription ends, too."""
    subscription = call.find("subscription", schedule["subscription"])
    schedule["current_phase"] = None
    if schedule["end_behavior"] == "cancel":
        schedule.update(status="completed", completed_at=call.now)
        call.save(KIND, schedule)  # before its subscription ends, which would cancel it
        if subscription is not None and subscription["status"] not in ENDED:
            finish(call, subscription)
    else:
        _let_go(call, schedule, subscription)


def _let_go(call: RequestContext, schedule: Object, subscription: Object | None) -> None:
    schedule.update(status="released", released_at=call.now, current_phase=None)
    schedule.update(released_subscription=schedule["subscription"], subscription=None)
    if subscription is not None:
        call.save("subscription", {**subscription, "schedule": None})


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
    _wait(call, schedule)
    return call.save(KIND, schedule)


def update_schedule(call: RequestContext) -> Object:
    """Update a schedule's current and future phases, its settings and its end."""
    check_currency(call)
    schedule, params = call.subject(), call.params
    if schedule["status"] in _FINISHED:
        raise _finished("update", schedule)
    if params.get("pause_schedules"):
        call.not_modelled("the parameter pause_schedules", "", "pause_schedules")
    if params.get("end_behavior"):
        if params["end_behavior"] in ("none", "renew"):
            call.not_modelled(f"end_behavior={params['end_behavior']}", "release and cancel are.", "end_behavior")
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
    before = _current(call, schedule)
    schedule["phases"] = [*begun, *dated(call, [{**given[0], "start_date": None}, *given[1:]], int(first))]
    if not active:
        _wait(call, schedule)
        return
    _wait(call, schedule)
    current = _current(call, schedule)
    facts = ("items", "metadata", "discounts", "default_tax_rates", "collection_method", "description", "trial_end")
    if any(current[name] != before[name] for name in facts):
        call.save(KIND, schedule)
        subscription = call.load("subscription", schedule["subscription"])
        how = call.params.get("proration_behavior") or current["proration_behavior"]
        _apply(call, schedule, subscription, {**current, "proration_behavior": how})


def release_schedule(call: RequestContext) -> Object:
    """Release the subscription, which continues without the schedule."""
    schedule = _living(call, "release")
    subscription = call.find("subscription", schedule["subscription"]) if schedule["subscription"] else None
    if call.params.get("preserve_cancel_date"):
        call.not_modelled("the parameter preserve_cancel_date", "", "preserve_cancel_date")
    _let_go(call, schedule, subscription)
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


def watch_subscription(call: RequestContext, subscription: Object) -> None:
    """End a schedule with its subscription; it is aborted where the first invoice was never paid.

    https://docs.stripe.com/api/events/types#event_types-subscription_schedule.aborted
    """
    if subscription["status"] not in ENDED or not subscription.get("schedule"):
        return
    schedule = call.find(KIND, subscription["schedule"])
    if schedule is not None and schedule["status"] == "active":
        call.backend.agenda.drop("schedule", schedule["id"], call.account)
        call.save(KIND, {**schedule, "status": "canceled", "canceled_at": call.now, "current_phase": None})
        if subscription["status"] == "incomplete_expired":
            call.announce("subscription_schedule.aborted", KIND, schedule["id"])


def _living(call: RequestContext, word: str) -> Object:
    schedule = call.subject()
    if schedule["status"] in _FINISHED:
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
DUE = {"schedule": come_due}
WATCHERS = {"subscription": watch_subscription}
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
MAKES = {"invoice", "subscription"}
