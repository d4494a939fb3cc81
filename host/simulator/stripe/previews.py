"""Previews of invoices. The changes are carried out, the invoice is read, and all is rolled back, so that a preview
shows exactly what would be billed.

https://docs.stripe.com/api/invoices/create_preview
"""

from __future__ import annotations

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import (
    billing,
    billing_modes,
    collection,
    discounts,
    lines,
    prorations,
    renewals,
    subscription_changes,
    subscriptions,
    upcoming,
)
from host.simulator.stripe.invoice_items import worth
from host.simulator.stripe.money import check_currency
from host.simulator.stripe.subscription_statuses import ENDED
from host.simulator.stripe.taxes import check_automatic, rates

_UNMODELLED = ("on_behalf_of", "issuer")
_UNMODELLED_DETAILS = ("billing_schedules", "pause", "resume_at", "start_date")


def create_preview(call: RequestContext) -> Object:
    """The next invoice, with the changes in the parameters; nothing is saved."""
    check_currency(call)
    check_automatic(call, call.params)
    for name in _UNMODELLED:
        if call.params.get(name):
            call.not_modelled(f"the parameter {name}", "", name)
    store = call.backend.store
    try:
        invoice = _preview(call)
    finally:
        store.rollback()
    call.saved = None
    return invoice


def _preview(call: RequestContext) -> Object:
    subscription, details = _subscription(call)
    if call.params.get("schedule") or call.params.get("schedule_details"):
        invoice = upcoming.of_schedule(call, None if call.params.get("schedule") else _customer(call)["id"])
    elif subscription is None and not details.get("items"):
        invoice = _of_items(call)
    else:
        invoice = _of_subscription(call, subscription, details)
    if call.params.get("preview_mode") == "recurring":
        invoice["lines"]["data"] = [line for line in invoice["lines"]["data"] if _recurs(line)]
    _adjust(call, invoice)
    lines.total_up(call, invoice)
    _as_preview(call, invoice)
    return invoice


def _recurs(line: Object) -> bool:
    """Whether a line is for a period of a subscription's price, and no proration."""
    details = line["parent"]["subscription_item_details"]
    return bool(details and not details["proration"] and not details["invoice_item"])


def _subscription(call: RequestContext) -> tuple[Object | None, Object]:
    details = call.params.get("subscription_details") or {}
    for name in _UNMODELLED_DETAILS:
        if details.get(name):
            call.not_modelled(f"the parameter subscription_details[{name}]", "", f"subscription_details[{name}]")
    if id := call.params.get("subscription"):
        return call.load("subscription", id, "subscription", 400), details
    customer = call.params.get("customer")
    return (_soonest(call, customer) if customer and not details.get("items") else None), details


def _soonest(call: RequestContext, customer: str) -> Object | None:
    """The customer's subscription that renews next.

    https://docs.stripe.com/api/invoices/create_preview#create_create_preview-subscription
    """
    found = [
        (min(item["current_period_end"] for item in each["items"]["data"]), each)
        for each in call.backend.store.having("subscription", "customer", customer)
        if each["status"] in ("active", "trialing", "past_due", "unpaid") and each["items"]["data"]
    ]
    renewing = [(end, each) for end, each in found if not each.get("cancel_at") or each["cancel_at"] > end]
    return min(renewing, key=lambda each: each[0])[1] if renewing else None


def _customer(call: RequestContext) -> Object:
    if id := call.params.get("customer"):
        return call.load("customer", id, "customer", 400)
    details = call.params.get("customer_details")
    if details is None:
        raise invalid("You must pass customer, customer_details or subscription.", "customer", "parameter_missing")
    fields = {n: details[n] for n in ("address", "shipping", "tax_exempt") if details.get(n)}
    return call.make("customer", {**fields, "metadata": {}})


def _of_items(call: RequestContext) -> Object:
    """The invoice for a customer's pending items."""
    customer = _customer(call)
    currency = call.params.get("currency") or customer.get("currency") or "usd"
    invoice = billing.new_invoice(call, customer, currency, collection_method="charge_automatically")
    pending = lines.pending_items(call, customer["id"], currency)
    if not pending and not call.params.get("invoice_items"):
        raise upcoming.none_comes(call, f"customer: {customer['id']}")
    for item in pending:
        lines.add_item(call, invoice, item)
    return invoice


def _of_subscription(call: RequestContext, subscription: Object | None, details: Object) -> Object:
    if subscription is None:
        return _of_new(call, details)
    if subscription["status"] in ENDED:
        raise upcoming.none_comes(call, f"subscription: {subscription['id']}")
    if details.get("billing_mode"):
        billing_modes.try_switch(call, subscription, details["billing_mode"])
    if details.get("cancel_now"):
        return _of_cancelation(call, subscription, details)
    if call.params.get("preview_mode") == "recurring":
        details = {**details, "proration_behavior": "none"} if details else details
    changes = {name: value for name, value in details.items() if name not in ("cancel_now", "billing_mode")}
    if "discounts" in call.params:
        changes["discounts"] = call.params["discounts"]
    before = subscription["latest_invoice"]
    if changes:
        subscription_changes.change(call, subscription, {**changes, "payment_behavior": "default_incomplete"})
    now = call.params.get("preview_mode") != "recurring"
    if now and subscription["latest_invoice"] != before:  # the change is billed at once
        return call.load("invoice", subscription["latest_invoice"])
    return upcoming.of_subscription(call, subscription)


def _of_cancelation(call: RequestContext, subscription: Object, details: Object) -> Object:
    """The invoice for canceling immediately, with ``prorate`` and ``invoice_now``."""
    made = []
    if details.get("proration_behavior") != "none" and subscription["status"] != "trialing":
        at = prorations.moment(call, details, subscription)
        before = prorations.parts(call, subscription, paid=True)
        made = prorations.credit(call, subscription, before, at)
    return renewals.last_draft(call, subscription, made)


def _of_new(call: RequestContext, details: Object) -> Object:
    """The first invoice of a new subscription, which is created, and rolled back with everything else."""
    anchor = details.get("billing_cycle_anchor") or {}
    passed = ("billing_cycle_anchor", "cancel_now", "proration_date")
    params = {
        **{name: value for name, value in details.items() if name not in passed},
        "customer": _customer(call)["id"],
        "payment_behavior": "default_incomplete",
    }
    if call.params.get("currency"):
        params["currency"] = call.params["currency"]
    if anchor.get("type") == "timestamp":
        params["billing_cycle_anchor"] = anchor["timestamp"]
    made = subscriptions.start(call, params)
    if made["latest_invoice"] is None:  # nothing is due before the anchor
        return upcoming.of_subscription(call, made)
    return call.load("invoice", made["latest_invoice"])


def _adjust(call: RequestContext, invoice: Object) -> None:
    """Add the items and discounts in the parameters of the preview."""
    for n, wanted in enumerate(call.params.get("invoice_items") or []):
        path = f"invoice_items[{n}]"
        if wanted.get("invoiceitem"):
            call.not_modelled(f"the parameter {path}[invoiceitem]", "", f"{path}[invoiceitem]")
        found = worth(call, wanted, invoice["currency"], path)
        item = prorations.pending(
            call,
            {"customer": invoice["customer"], "currency": invoice["currency"]},
            amount=found.amount,
            description=wanted.get("description"),
            discountable=wanted.get("discountable", found.amount >= 0),
            metadata=wanted.get("metadata") or {},
            parent=None,
            period=wanted.get("period") or {"start": call.now, "end": call.now},
            pricing=lines.pricing(found.price) if found.price else None,
            proration=False,
            quantity=wanted.get("quantity", 1),
            quantity_decimal=str(wanted.get("quantity", 1)),
            tax_rates=rates(call, wanted.get("tax_rates"), f"{path}[tax_rates]"),
        )
        if wanted.get("discounts"):
            use = discounts.Use(invoice["customer"], invoice["currency"], found.amount)
            owner = {"invoice_item": item["id"]}
            item["discounts"] = discounts.make(call, wanted["discounts"], use, owner, f"{path}[discounts]")
        lines.add_item(call, invoice, item)
    if "discounts" in call.params and not call.params.get("subscription"):
        use = discounts.Use(invoice["customer"], invoice["currency"])
        invoice["discounts"] = discounts.make(call, call.params["discounts"], use, {"invoice": invoice["id"]})


def _as_preview(call: RequestContext, invoice: Object) -> None:
    """Make the invoice a preview: a draft with an id of its own form, to which the customer's balance is applied."""
    id = "upcoming_" + str(invoice["id"])
    balance = invoice["starting_balance"]
    applied, due, small = collection.from_balance(balance, invoice["total"], invoice["currency"])
    invoice.update(id=id, status="draft", number=None, auto_advance=False, automatically_finalizes_at=None)
    invoice.update(starting_balance=balance, ending_balance=balance - applied + small)
    invoice.update(amount_due=due, amount_remaining=due)
    invoice.update(hosted_invoice_url=None, invoice_pdf=None, effective_at=None, amount_paid=0, attempt_count=0)
    invoice.update(next_payment_attempt=None, attempted=False)
    invoice["status_transitions"] = dict.fromkeys(invoice["status_transitions"])
    for line in invoice["lines"]["data"]:
        line.update(id="il_tmp_" + line["id"].removeprefix("il_"), invoice=id)
    invoice["lines"]["url"] = f"/v1/invoices/{id}/lines"


BEHAVIOURS = {"invoices.create_preview": create_preview}
EFFECTS = {
    "invoices.create_preview": {
        "customer_details",
        "discounts",
        "invoice_items",
        "preview_mode",
        "schedule",
        "schedule_details",
        "subscription",
        *(
            f"subscription_details.{name}"
            for name in (
                "billing_cycle_anchor",
                "billing_mode",
                "cancel_at",
                "cancel_at_period_end",
                "cancel_now",
                "default_tax_rates",
                "items",
                "metadata",
                "proration_behavior",
                "proration_date",
                "trial_end",
            )
        ),
    }
}
