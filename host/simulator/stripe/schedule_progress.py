"""Subscription schedules in their course: phases that begin and end, and what they do to their subscription.

https://docs.stripe.com/billing/subscriptions/subscription-schedules
"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import backdating, pending_updates, subscriptions
from host.simulator.stripe.phases import extras_of, items_of, settings_of
from host.simulator.stripe.renewals import finish
from host.simulator.stripe.subscription_changes import change
from host.simulator.stripe.subscription_statuses import ENDED

KIND = "subscription_schedule"
FINISHED = ("canceled", "completed", "released")


def begin(call: RequestContext, schedule: Object) -> None:
    """Begin the first phase, and create the subscription."""
    phase = schedule["phases"][0]
    params = {**settings_of(schedule, phase), "customer": schedule["customer"], "items": items_of(phase)}
    params.update(billing_mode=schedule["billing_mode"], currency=phase["currency"])
    if phase["trial_end"]:
        params["trial_end"] = phase["trial_end"]
    if phase["start_date"] < call.now:
        params.update({backdating.PARAM: phase["start_date"], "proration_behavior": phase["proration_behavior"]})
    if extras := extras_of(phase):
        params["add_invoice_items"] = extras
    made = subscriptions.start(call, params, schedule=schedule["id"])
    schedule.update(status="active", subscription=made["id"])
    wait(call, schedule)


def wait(call: RequestContext, schedule: Object) -> None:
    """Set the current phase, and schedule its end."""
    if schedule["status"] == "not_started":
        call.backend.agenda.add(call, schedule["phases"][0]["start_date"], "schedule", schedule["id"])
        return
    now = current(call, schedule)
    schedule["current_phase"] = {"start_date": now["start_date"], "end_date": now["end_date"]}
    call.backend.agenda.add(call, now["end_date"], "schedule", schedule["id"])


def current(call: RequestContext, schedule: Object) -> Object:
    for phase in schedule["phases"]:
        if phase["end_date"] > call.now:
            return dict(phase)
    return dict(schedule["phases"][-1])


def come_due(call: RequestContext, id: str) -> None:
    """Carry out the beginning or end of a phase."""
    schedule = call.find(KIND, id)
    if schedule is None or schedule["status"] in FINISHED:
        return
    if schedule["status"] == "not_started":
        begin(call, schedule)
    elif schedule["phases"][-1]["end_date"] <= call.now:
        _finish(call, schedule)
    else:
        _enter(call, schedule)
    call.save(KIND, schedule)


def _enter(call: RequestContext, schedule: Object) -> None:
    """Begin the next phase, and apply it to the subscription."""
    wait(call, schedule)
    subscription = call.find("subscription", schedule["subscription"])
    if subscription is not None and subscription["status"] not in ENDED:
        apply(call, schedule, subscription, current(call, schedule), begins=True)


def apply(call: RequestContext, schedule: Object, subscription: Object, phase: Object, *, begins: bool = False) -> None:
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
        let_go(call, schedule, subscription)


def let_go(call: RequestContext, schedule: Object, subscription: Object | None) -> None:
    schedule.update(status="released", released_at=call.now, current_phase=None)
    schedule.update(released_subscription=schedule["subscription"], subscription=None)
    if subscription is not None:
        call.save("subscription", {**subscription, "schedule": None})


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


DUE = {"schedule": come_due}
WATCHERS = {"subscription": watch_subscription}
MAKES = {"invoice", "subscription"}
