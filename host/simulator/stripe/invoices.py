"""Creating, updating and closing invoices. https://docs.stripe.com/invoicing/overview"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.api_error import SimulatedError, invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import billing, closing, collection, discounts, invoice_payments, limits, lines, shares
from host.simulator.stripe.drafts import not_editable
from host.simulator.stripe.money import check_currency
from host.simulator.stripe.parties import check_parties
from host.simulator.stripe.payment_methods import own_method
from host.simulator.stripe.periods import DAY
from host.simulator.stripe.shipping import shipping_cost
from host.simulator.stripe.subscriptions import find_living, first_currency
from host.simulator.stripe.taxes import check_automatic, rates

HOUR = 3600
LATEST = 5 * 366 * DAY  # automatic finalization is at most five years ahead
# Parameters that are members as they are given.
PLAIN = (
    "account_tax_ids",
    "auto_advance",
    "automatically_finalizes_at",
    "custom_fields",
    "default_source",
    "description",
    "effective_at",
    "footer",
    "issuer",
    "metadata",
    "number",
    "on_behalf_of",
    "payment_settings",
    "rendering",
    "shipping_details",
    "statement_descriptor",
)
# Parameters that can be changed after an invoice is finalized, unlike amounts and the collection method:
# https://docs.stripe.com/api/invoices/update
_AFTER = {
    "auto_advance",
    "default_payment_method",
    "default_source",
    "description",
    "footer",
    "metadata",
    "payment_settings",
}
_UNMODELLED = ("from_invoice",)


def create_invoice(call: RequestContext) -> Object:
    """Create a draft, with the customer's pending items if ``pending_invoice_items_behavior`` says so."""
    check_currency(call)
    params = call.params
    _check(call, params)
    subscription = find_living(call, params["subscription"]) if params.get("subscription") else None
    id = params.get("customer") or (subscription or {}).get("customer")
    if not id:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = call.load("customer", id, "customer", 400)
    currency = params.get("currency") or (subscription or {}).get("currency") or customer.get("currency") or "usd"
    if subscription is not None:
        if subscription["customer"] != id:
            raise invalid(f"The subscription is not one of customer {id}.", "subscription")
        invoice = billing.draft_of(call, subscription, "manual")
    else:
        invoice = billing.new_invoice(call, customer, currency, billing_reason="manual", collection_method="")
        invoice["collection_method"] = "charge_automatically"
    first_currency(call, customer, currency)
    _set(call, invoice, params, new=True)
    if params.get("pending_invoice_items_behavior") == "include" or subscription is not None:
        billing.take_pending(call, invoice, subscription["id"] if subscription else None)
    return call.save("invoice", lines.total_up(call, invoice))


def _set(call: RequestContext, invoice: Object, params: Object, *, new: bool = False) -> None:
    """Set the parameters that creating and updating have in common."""
    check_parties(call, params, invoice["customer"])
    call.put(invoice, {name: value for name, value in params.items() if name in PLAIN})
    _set_method(call, invoice, params)
    if "default_tax_rates" in params:
        invoice["default_tax_rates"] = rates(call, params["default_tax_rates"], "default_tax_rates")
    if "shipping_cost" in params:
        invoice["shipping_cost"] = shipping_cost(call, params["shipping_cost"], invoice["currency"])
    if "discounts" in params:
        owner = {"invoice": invoice["id"], "customer": invoice["customer"]}
        amount = None if new else invoice["subtotal"]
        use = discounts.Use(invoice["customer"], invoice["currency"], amount)
        invoice["discounts"] = discounts.make(call, params["discounts"], use, owner)
    shares.note(call, invoice, params)
    _set_collection(call, invoice, params)
    if invoice["auto_advance"]:
        invoice["automatically_finalizes_at"] = invoice.get("automatically_finalizes_at") or call.now + HOUR
    elif "automatically_finalizes_at" not in params:
        invoice["automatically_finalizes_at"] = None


def _check(call: RequestContext, params: Object) -> None:
    """Refuse parameters beyond their limits, and what is not modelled."""
    limits.check(params)
    check_automatic(call, params)
    for name in _UNMODELLED:
        if params.get(name):
            call.not_modelled(f"the parameter {name}", "", name)
    template = (params.get("rendering") or {}).get("template")
    if template:  # they are made in the dashboard alone
        raise missing("invoice rendering template", str(template), "rendering[template]", 400)
    at = params.get("automatically_finalizes_at")
    if at and not call.now < at <= call.now + LATEST:
        raise invalid(
            "automatically_finalizes_at must be in the future, and within five years.", "automatically_finalizes_at"
        )


def _set_method(call: RequestContext, invoice: Object, params: Object) -> None:
    if "default_payment_method" in params:
        given = params["default_payment_method"]
        invoice["default_payment_method"] = own_method(call, given, invoice["customer"]) if given else None


def _set_collection(call: RequestContext, invoice: Object, params: Object) -> None:
    """Set how the invoice is collected, and its due date, which only a sent invoice has."""
    before = invoice["collection_method"]
    method = invoice["collection_method"] = params.get("collection_method") or before
    days, due = params.get("days_until_due"), params.get("due_date")
    if method != "send_invoice":
        if days is not None or due:
            raise invalid(
                "You can only set days_until_due or due_date where collection_method=send_invoice.",
                "days_until_due" if days is not None else "due_date",
            )
        invoice["due_date"] = None
        return
    if days is not None and due:
        raise invalid("You cannot set both days_until_due and due_date.", "due_date")
    if days is not None:
        invoice["due_date"] = call.now + days * DAY
    elif due:
        if due < call.now:
            raise invalid("due_date must be in the future.", "due_date")
        invoice["due_date"] = due
    if invoice.get("due_date") is None:
        raise invalid(
            "If you set collection_method=send_invoice, you must also set days_until_due or due_date.",
            "days_until_due",
            "parameter_missing",
        )


def update_invoice(call: RequestContext) -> Object:
    """Update a draft, or the metadata, texts and payment method of a finalized invoice."""
    invoice, params = call.subject(), {n: v for n, v in call.params.items() if n != "expand"}
    if invoice["status"] != "draft":
        if params.keys() - _AFTER:
            raise not_editable(call, invoice)
        check_parties(call, params, invoice["customer"])
        _set_method(call, invoice, params)
        rest = {name: value for name, value in params.items() if name != "default_payment_method"}
        return call.save("invoice", call.put(invoice, rest))
    _check(call, params)
    _set(call, invoice, params)
    return call.save("invoice", lines.total_up(call, invoice))


def finalize_invoice(call: RequestContext) -> Object:
    """Finalize a draft: it becomes open, or paid if nothing is due; with ``auto_advance`` it is paid an hour later."""
    invoice = call.subject()
    if invoice["status"] != "draft":
        raise call.refuse(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    if "auto_advance" in call.params:
        invoice["auto_advance"] = call.params["auto_advance"]
    collection.finalize(call, invoice)
    if (
        invoice["status"] == "open"
        and invoice["auto_advance"]
        and invoice["collection_method"] == "charge_automatically"
    ):
        invoice["next_payment_attempt"] = call.now + HOUR
        call.save("invoice", invoice)
    return invoice


def pay_invoice(call: RequestContext) -> Object:
    """Pay an open or uncollectible invoice. Raises :class:`SimulatedError` (402) if the card is declined."""
    invoice, params = call.subject(), call.params
    if invoice["status"] == "draft":
        collection.finalize(call, invoice)
        if invoice["status"] == "paid":  # nothing was due
            return invoice
    elif invoice["status"] == "paid":
        raise call.refuse("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] not in collection.PAYABLE:
        raise call.refuse(f"You can't pay an invoice that is {invoice['status']}.", code="invoice_not_editable")
    if params.get("paid_out_of_band"):
        invoice_payments.cancel_payments(call, invoice)
        invoice["amount_paid_off_stripe"] = invoice["amount_remaining"]
        return collection.settle(call, invoice, invoice["amount_remaining"])
    method = params.get("payment_method") or params.get("source") or collection.method_of(call, invoice)
    if not method:
        raise call.refuse(
            "There is no `default_payment_method` set on this Customer or Invoice. Please set a payment "
            "method, or pass one.",
            code="missing",
        )
    if not collection.attempt(call, invoice, method, off_session=bool(params.get("off_session"))):
        raise SimulatedError(
            402,
            "This payment requires additional user action before it can be completed successfully.",
            type="card_error",
            code="invoice_payment_intent_requires_action",
            worked=True,
            keep=True,
        )
    return invoice


def void_invoice(call: RequestContext) -> Object:
    """Void an open or uncollectible invoice; see :func:`closing.void`."""
    return closing.void(call, _closable(call, ("open", "uncollectible")))


def mark_uncollectible(call: RequestContext) -> Object:
    """Mark an open invoice uncollectible."""
    return closing.write_off(call, _closable(call, ("open",)), "user_forgiven")


def _closable(call: RequestContext, allowed: tuple[str, ...]) -> Object:
    invoice = call.subject()
    if invoice["status"] not in allowed:
        raise call.refuse(
            f"You can only do this with invoices that are {' or '.join(allowed)}; this one is {invoice['status']}.",
            code="invoice_not_editable",
        )
    return invoice


def send_invoice(call: RequestContext) -> Object:
    """Send an invoice to the customer; a draft is finalized first. No e-mail is sent."""
    invoice = call.subject()
    if invoice["collection_method"] != "send_invoice":
        raise call.refuse(
            "You can only manually send an invoice if its collection method is `send_invoice`.",
            code="invoice_not_editable",
        )
    if invoice["status"] == "draft":
        invoice = collection.finalize(call, invoice)
    elif invoice["status"] not in collection.PAYABLE:
        raise call.refuse(f"You can't send an invoice that is {invoice['status']}.", code="invoice_not_editable")
    call.announce("invoice.sent", "invoice", str(invoice["id"]))
    return invoice


def delete_invoice(call: RequestContext) -> Object | bytes:
    """Delete a draft and its items, unless it belongs to a subscription."""
    invoice = call.subject()
    if invoice["status"] != "draft":
        raise call.refuse("You can only delete draft invoices.", code="invoice_not_editable")
    if invoice["billing_reason"] != "manual":
        raise call.refuse("You can't delete invoices created by subscriptions.", code="invoice_not_editable")
    for line in invoice["lines"]["data"]:
        item: Any = call.find("invoiceitem", lines.item_of(line) or "")
        if item is not None:
            call.save("invoiceitem", {"id": item["id"], "object": "invoiceitem", "deleted": True}, deleted=True)
    return resources.delete(call)


def attach_payment(call: RequestContext) -> Object:
    """Attach an intent to an open invoice, which it pays in whole or in part."""
    invoice = call.subject()
    if invoice["status"] != "open":
        raise call.refuse(f"You can't attach a payment to an invoice that is {invoice['status']}.")
    if call.params.get("payment_record"):
        call.not_modelled("payment records", "payment_intent is.", "payment_record")
    intent = call.load("payment_intent", call.params.get("payment_intent") or "", "payment_intent", 400)
    if intent["currency"] != invoice["currency"] or intent.get("customer") not in (None, invoice["customer"]):
        raise invalid("The payment intent must have the invoice's currency and customer.", "payment_intent")
    if intent["status"] == "canceled":
        raise invalid("The payment intent is canceled.", "payment_intent")
    invoice_payments.tie(call, invoice, intent, default=False)
    collection.watch_intent(call, intent)
    return call.load("invoice", invoice["id"])


BEHAVIOURS = {
    "invoices.attach_payment": attach_payment,
    "invoices.create": create_invoice,
    "invoices.delete": delete_invoice,
    "invoices.finalize_invoice": finalize_invoice,
    "invoices.mark_uncollectible": mark_uncollectible,
    "invoices.pay": pay_invoice,
    "invoices.send_invoice": send_invoice,
    "invoices.update": update_invoice,
    "invoices.void_invoice": void_invoice,
}
_HANDLED = {
    *shares.OWN,
    "days_until_due",
    "default_payment_method",
    "default_tax_rates",
    "discounts",
    "shipping_cost.shipping_rate_data",
}
EFFECTS = {
    "invoices.attach_payment": {"payment_intent"},
    "invoices.create": {*_HANDLED, "pending_invoice_items_behavior"},
    "invoices.finalize_invoice": {"auto_advance"},
    "invoices.pay": {"off_session", "paid_out_of_band", "payment_method", "source"},
    "invoices.update": _HANDLED,
}
SHOWN_AT = {"invoices.create": {"subscription": "parent.subscription_details.subscription"}}
MAKES = {"discount", "invoice_payment", "payment_intent", "shipping_rate"}
