"""The next invoice of subscriptions and schedules, for previews, which roll all changes back."""

from __future__ import annotations

from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import renewals, schedule_progress, schedules
from host.simulator.stripe.schedule_progress import KIND
from host.simulator.stripe.subscription_statuses import ENDED


def of_schedule(call: RequestContext, customer: str | None) -> Object:
    """The next invoice of the schedule in a preview's parameters, with their changes.

    ``customer`` is the customer of a schedule that does not exist yet.
    https://docs.stripe.com/api/invoices/create_preview#create_create_preview-schedule_details
    """
    if call.params.get("subscription_details"):
        raise invalid("You cannot pass subscription_details with a schedule.", "subscription_details")
    details, id = call.params.get("schedule_details") or {}, call.params.get("schedule")
    if id is None:
        id = schedules.start_schedule(call, {**details, "customer": customer})["id"]
        before = None
    else:
        before = _billed_last(call, call.load(KIND, id, "schedule", 400))
        if details:
            schedules.update_schedule(call.asking("POST", f"/v1/subscription_schedules/{id}", details))
    schedule = call.load(KIND, id)
    if schedule["status"] == "not_started":
        schedule_progress.come_due(call.at(schedule["phases"][0]["start_date"], call.clock), id)
        schedule = call.load(KIND, id)
    if (billed := _billed_last(call, schedule)) not in (None, before):
        return call.load("invoice", str(billed))
    if not schedule["subscription"]:
        raise none_comes(call, f"schedule: {id}")
    return of_subscription(call, call.load("subscription", schedule["subscription"]))


def _billed_last(call: RequestContext, schedule: Object) -> str | None:
    subscription = call.find("subscription", schedule["subscription"] or "") or {}
    return subscription.get("latest_invoice")


def of_subscription(call: RequestContext, subscription: Object) -> Object:
    """The next invoice of a subscription, after the phases of its schedule that begin or end until then."""
    before = subscription["latest_invoice"]
    while subscription["status"] not in ENDED and (at := _phase_ends(call, subscription)) is not None:
        schedule_progress.come_due(call.at(at, call.clock), subscription["schedule"])
        subscription = call.load("subscription", subscription["id"])
        if subscription["latest_invoice"] != before:
            return call.load("invoice", subscription["latest_invoice"])
    if subscription["status"] in ENDED:
        raise none_comes(call, f"subscription: {subscription['id']}")
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    if subscription.get("cancel_at") and subscription["cancel_at"] <= min(ends):
        return _last(call.at(subscription["cancel_at"], call.clock), subscription)
    return renewals.next_invoice(call.at(min(ends), call.clock), subscription)


def none_comes(call: RequestContext, of: str) -> SimulatedError:
    """The refusal of a preview where nothing will be billed; ``of`` completes the message."""
    return call.refuse(f"No upcoming invoices for {of}", code="invoice_upcoming_none", status=404)


def _phase_ends(call: RequestContext, subscription: Object) -> int | None:
    """When the current phase of the subscription's schedule ends, if that is within its period; else ``None``."""
    schedule = call.find(KIND, subscription.get("schedule") or "")
    current = schedule and schedule["current_phase"]
    until = min(item["current_period_end"] for item in subscription["items"]["data"])
    return int(current["end_date"]) if current and current["end_date"] <= until else None


def _last(call: RequestContext, subscription: Object) -> Object:
    """The last invoice of a subscription that is to end."""
    invoice = renewals.last_draft(call, subscription)
    if not invoice["lines"]["data"]:
        raise none_comes(call, f"subscription: {subscription['id']}")
    return invoice
