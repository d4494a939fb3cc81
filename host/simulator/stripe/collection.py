"""Finalizing invoices and collecting their payment: intents, attempts and retries.

https://docs.stripe.com/invoicing/integration/workflow-transitions. A failed automatic payment is retried after 3, 5 and
7 days; when all retries have failed, the subscription is ``unpaid``. In Stripe this is a setting of the account:
https://docs.stripe.com/billing/revenue-recovery/smart-retries
"""

from __future__ import annotations

from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import billing, hosted, lines, microdeposits, payments
from host.simulator.stripe.confirmation import needs_authentication, next_action, settle_debit
from host.simulator.stripe.customer_balances import balance_in, change
from host.simulator.stripe.customers import default_method
from host.simulator.stripe.invoice_customers import copy_customer
from host.simulator.stripe.invoice_payments import intent_of, latest_of, owner_of, payment_of, synchronize
from host.simulator.stripe.money import least_charge
from host.simulator.stripe.payment_methods import payment_method
from host.simulator.stripe.periods import DAY

RETRIES = (3, 5, 7)  # days after the previous attempt
PAYABLE = ("open", "uncollectible")


def finalize(call: RequestContext, invoice: Object) -> Object:
    """Finalize a draft: it becomes open, or paid if nothing is due; saves it."""
    billing.count_again(call, invoice)
    customer = call.find("customer", invoice["customer"]) or {}
    invoice["number"] = invoice.get("number") or _number(call, customer)
    token = f"test_{call.backend.ids.new('', 32)}"
    call.backend.store.put(hosted.INVOICE, token, {"invoice": invoice["id"]})
    invoice.update(
        status="open",
        automatically_finalizes_at=None,
        effective_at=invoice.get("effective_at") or call.now,
        hosted_invoice_url=hosted.address(call, "i", token),
        invoice_pdf=f"{hosted.address(call, 'i', token)}/pdf",
    )
    invoice["status_transitions"]["finalized_at"] = call.now
    if customer:
        _copy_customer(call, invoice, customer)
        _apply_balance(call, invoice, customer)
    if invoice["amount_due"] == 0:
        settle(call, invoice, 0)
        return invoice
    call.save("invoice", invoice)
    intent_of(call, invoice)
    return invoice


def _copy_customer(call: RequestContext, invoice: Object, customer: Object) -> None:
    before = invoice["customer_tax_exempt"]
    copy_customer(call, invoice, customer)
    if invoice["customer_tax_exempt"] != before:
        lines.total_up(call, invoice)


def _number(call: RequestContext, customer: Object) -> str:
    prefix = customer.get("invoice_prefix") or call.backend.ids.code()
    sequence = customer.get("next_invoice_sequence") or 1
    if customer:
        customer.update(next_invoice_sequence=sequence + 1, invoice_prefix=prefix)
        call.save("customer", customer)
    return f"{prefix}-{sequence:04d}"


def _apply_balance(call: RequestContext, invoice: Object, customer: Object) -> None:
    """Pay from the customer's credit balance. A negative total, or one too small to charge, is added to the balance."""
    total, currency = invoice["total"], invoice["currency"]
    balance = invoice["starting_balance"] = balance_in(call, customer, currency)
    applied, due, small = from_balance(balance, total, currency)
    if applied:
        change(call, customer, -applied, currency, "applied_to_invoice", invoice=invoice["id"])
    if small:
        change(call, customer, small, currency, "invoice_too_small", invoice=invoice["id"])
    left = balance_in(call, customer, currency)
    invoice.update(amount_due=due, amount_remaining=due, ending_balance=left)


def from_balance(balance: int, total: int, currency: str) -> tuple[int, int, int]:
    """The amount that an invoice of ``total`` takes from ``balance`` (negative: adds to it), the amount due then, and
    the amount too small to charge, which is left for the next invoice.
    """
    applied = max(balance, -total) if total > 0 else -total
    due = total + applied
    small = due if 0 < due < least_charge(currency) else 0
    return applied, due - small, small


def watch_intent(call: RequestContext, intent: Object) -> None:
    """Pay the invoice of an intent that succeeded, however it was confirmed."""
    if intent["status"] != "succeeded":
        return
    payment = payment_of(call, intent)
    if payment is None or payment["status"] != "open":
        return
    invoice = call.load("invoice", payment["invoice"])
    subscription = owner_of(call, invoice)
    if subscription is not None:
        _keep_default(call, subscription, intent)
    payment.update(status="paid", amount_paid=intent["amount_received"])
    payment["status_transitions"]["paid_at"] = call.now
    call.save("invoice_payment", payment)
    if invoice["status"] in PAYABLE:
        received = intent["amount_received"]
        if received < invoice["amount_remaining"]:
            invoice["amount_paid"] += received
            invoice["amount_remaining"] -= received
            call.save("invoice", invoice)
            synchronize(call, invoice)
        else:
            settle(call, invoice, received)


def _keep_default(call: RequestContext, subscription: Object, intent: Object) -> None:
    """Save the payment method as the subscription's default, if the subscription's settings say so.

    https://docs.stripe.com/api/subscriptions/create#create_subscription-payment_settings-save_default_payment_method
    """
    method = intent["payment_method"]
    save = (subscription.get("payment_settings") or {}).get("save_default_payment_method") == "on_subscription"
    if save and method and subscription["default_payment_method"] != method:
        subscription["default_payment_method"] = method
        call.save("subscription", subscription)


def debit_due(call: RequestContext, id: str) -> None:
    """Let a processing bank debit succeed or fail, and with it the payment of its invoice."""
    intent = settle_debit(call, id)
    payment = payment_of(call, intent) if intent is not None and intent["status"] != "succeeded" else None
    invoice = call.find("invoice", payment["invoice"]) if payment is not None else None
    if invoice is not None and invoice["status"] == "open" and invoice["billing_reason"] != "subscription_create":
        failed(call, invoice)


def settle(call: RequestContext, invoice: Object, received: int) -> Object:
    """Mark an invoice paid by the amount ``received`` last, and save it; its subscription may become active.

    An overpayment is credited to the customer:
    https://docs.stripe.com/api/invoices/object#invoice_object-amount_overpaid
    """
    over = max(0, received - invoice["amount_remaining"])
    invoice.update(status="paid", amount_paid=invoice["amount_paid"] + received - over, amount_remaining=0)
    invoice.update(amount_overpaid=over, attempted=True, next_payment_attempt=None, auto_advance=False)
    invoice["status_transitions"]["paid_at"] = call.now
    invoice.pop("status_details", None)
    call.save("invoice", invoice)
    synchronize(call, invoice)
    customer = call.find("customer", invoice["customer"]) if over else None
    if customer is not None:
        change(call, customer, -over, invoice["currency"], "invoice_overpaid", invoice=invoice["id"])
    set_delinquent(call, invoice, delinquent=False)
    subscription = owner_of(call, invoice)
    if subscription is not None and invoice["billing_reason"] != "manual":
        _paid(call, subscription, invoice)
    return invoice


def _paid(call: RequestContext, subscription: Object, invoice: Object) -> None:
    if subscription["status"] == "incomplete" and invoice["billing_reason"] == "subscription_create":
        trial = subscription["trial_end"] is not None and subscription["trial_end"] > call.now
        subscription["status"] = "trialing" if trial else "active"
    elif subscription["status"] in _REVIVED and latest_of(call, subscription) == invoice:
        subscription["status"] = "active"
    else:
        return
    call.save("subscription", subscription)


_REVIVED = ("past_due", "paused", "unpaid")  # statuses that paying the latest invoice ends


def set_delinquent(call: RequestContext, invoice: Object, *, delinquent: bool) -> None:
    """Set whether the invoice's customer is delinquent, which the latest payment of any invoice decides.

    https://docs.stripe.com/api/customers/object#customer_object-delinquent
    """
    customer = call.find("customer", invoice["customer"])
    if customer is not None and customer["delinquent"] != delinquent:
        call.save("customer", {**customer, "delinquent": delinquent})


def method_of(call: RequestContext, invoice: Object) -> str | None:
    """The payment method of an invoice: its own, its subscription's or its customer's default, or ``None``."""
    subscription = owner_of(call, invoice) or {}
    for owner in (invoice, subscription):
        for name in ("default_payment_method", "default_source"):
            if owner.get(name) and not _detached(call, str(owner[name])):
                return str(owner[name])
    return default_method(call, invoice["customer"])


def _detached(call: RequestContext, method: str) -> bool:
    """Whether a payment method belongs to no customer, so that it cannot be charged."""
    found = call.find("payment_method", method)
    return found is not None and found["customer"] is None


def watch_method(call: RequestContext, method: Object) -> None:
    """Remove a payment method that was detached from the subscriptions whose default it was.

    https://docs.stripe.com/api/payment_methods/detach
    """
    if method["customer"] is None:
        for subscription in call.backend.store.having("subscription", "default_payment_method", method["id"]):
            call.save("subscription", {**subscription, "default_payment_method": None})


def give_back(call: RequestContext, invoice: Object) -> None:
    """Undo the change that a voided invoice made to its customer's balance."""
    customer = call.find("customer", invoice["customer"])
    applied = (invoice.get("ending_balance") or 0) - invoice["starting_balance"]
    if customer is not None and applied and invoice.get("ending_balance") is not None:
        change(call, customer, -applied, invoice["currency"], "unapplied_from_invoice", invoice=invoice["id"])


def attempt(call: RequestContext, invoice: Object, method: str, *, off_session: bool = False) -> bool:
    """Try to pay an open invoice. Returns whether it is paid or its bank debit is processing; if not, the customer has
    to act.

    Raises :class:`SimulatedError` for a declined card. ``invoice`` is updated to what is saved. A new subscription is
    incomplete while its debit is processing: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
    """
    intent = intent_of(call, invoice)
    if intent["status"] == "processing":
        raise call.refuse("This invoice has a payment that is processing.", code="payment_intent_unexpected_state")
    found = payment_method(call, method)
    invoice["attempt_count"] += 1
    invoice["attempted"] = True
    call.save("invoice", invoice)
    intent["payment_method"] = found["id"]
    deposits = microdeposits.are_needed(call, intent, found)
    if deposits or needs_authentication(call, found, off_session):
        action = microdeposits.next_action(call, found) if deposits else next_action(call, intent, "payment_intent")
        intent.update(status="requires_action", next_action=action)
        call.save("payment_intent", intent)
        return False
    payments.charge_intent(call, intent, found)
    call.save("payment_intent", intent)
    invoice.update(call.load("invoice", str(invoice["id"])))
    return bool(invoice["status"] == "paid") or intent["status"] == "processing"


def collect(call: RequestContext, invoice: Object) -> bool:
    """Pay an open invoice off session. If that fails, schedule the next attempt, and update the subscription."""
    method, worked = method_of(call, invoice), False
    if method is not None:
        try:
            worked = attempt(call, invoice, method, off_session=True)
        except SimulatedError:
            invoice.update(call.load("invoice", str(invoice["id"])))
    else:
        invoice["attempt_count"] += 1
        invoice["attempted"] = True
        call.announce("invoice.payment_failed", "invoice", str(invoice["id"]))
    if not worked:
        failed(call, invoice)
    return worked


def failed(call: RequestContext, invoice: Object) -> None:
    """Schedule the next attempt, if one is left. The subscription becomes past due, or unpaid after the last."""
    tries = invoice["attempt_count"] - 1
    again = call.now + RETRIES[tries] * DAY if 0 <= tries < len(RETRIES) else None
    invoice.update(next_payment_attempt=again, auto_advance=again is not None)
    call.save("invoice", invoice)
    set_delinquent(call, invoice, delinquent=True)
    subscription = owner_of(call, invoice)
    if subscription is not None and subscription["status"] in ("active", "trialing", "past_due"):
        subscription["status"] = "unpaid" if tries >= len(RETRIES) else "past_due"
        call.save("subscription", subscription)


def collect_due(call: RequestContext, id: str) -> None:
    """Make the attempt that is due."""
    invoice = call.find("invoice", id)
    if invoice is not None and invoice["status"] == "open" and invoice["next_payment_attempt"] is not None:
        invoice["next_payment_attempt"] = None
        collect(call, invoice)


def finalize_due(call: RequestContext, id: str) -> None:
    """Finalize a draft that is due and, if it is charged automatically, collect its payment."""
    invoice = call.find("invoice", id)
    if invoice is not None and invoice["status"] == "draft" and invoice["automatically_finalizes_at"] is not None:
        finalize(call, invoice)
        if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
            collect(call, invoice)


def overdue(call: RequestContext, id: str) -> None:
    """Make the subscription of a sent invoice past due, if the invoice was not paid in time."""
    invoice = call.find("invoice", id)
    if invoice is None or invoice["status"] != "open":
        return
    set_delinquent(call, invoice, delinquent=True)
    subscription = owner_of(call, invoice)
    if subscription is not None and subscription["status"] == "active":
        call.save("subscription", {**subscription, "status": "past_due"})


def watch_invoice(call: RequestContext, invoice: Object) -> None:
    """Schedule the next step of an invoice: finalizing it, an attempt at payment, or its due date."""
    agenda, id, status = call.backend.agenda, str(invoice["id"]), invoice["status"]
    if status == "draft" and invoice["auto_advance"] and invoice["automatically_finalizes_at"]:
        agenda.add(call, invoice["automatically_finalizes_at"], "finalize_invoice", id)
    elif status == "open" and invoice["next_payment_attempt"]:
        agenda.add(call, invoice["next_payment_attempt"], "collect_invoice", id)
    elif status == "open" and invoice["collection_method"] == "send_invoice" and invoice["due_date"]:
        agenda.add(call, invoice["due_date"], "invoice_overdue", id)


DUE = {
    "collect_invoice": collect_due,
    "debit": debit_due,
    "finalize_invoice": finalize_due,
    "invoice_overdue": overdue,
}
WATCHERS = {"payment_intent": watch_intent, "payment_method": watch_method, "invoice": watch_invoice}
MAKES = {"payment_intent", "invoice_payment", "line_item", "customer_balance_transaction"}
