"""Invoices: their lines, totals and way from draft to paid. https://docs.stripe.com/invoicing/overview"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.api_error import Refusal, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import payments
from host.simulator.stripe.cards import card_of, payment_method
from host.simulator.stripe.catalogue import make_discounts
from host.simulator.stripe.customers import default_method
from host.simulator.stripe.money import check_currency, taken_off, unit_price


def add_line(call: RequestContext, invoice: Object, amount: int, **fields: Any) -> Object:
    """A line of ``amount`` on ``invoice``, kept by itself and in the invoice."""
    line = call.make(
        "line_item",
        {
            "amount": amount,
            "currency": invoice["currency"],
            "discountable": True,
            "invoice": invoice["id"],
            "period": {"start": call.now, "end": call.now},
            "quantity": 1,
            "subtotal": amount,
            **fields,
        },
    )
    invoice["lines"]["data"].append(line)
    invoice["lines"]["url"] = f"/v1/invoices/{invoice['id']}/lines"
    return line


def total_up(call: RequestContext, invoice: Object) -> Object:
    """Subtotal, discounts and total from the lines."""
    subtotal = sum(line["amount"] for line in invoice["lines"]["data"])
    left, amounts = subtotal, list[Object]()
    for id in invoice["discounts"]:
        discount = call.load("discount", id)
        coupon = call.world.store.get("coupon", discount["source"]["coupon"]) or {}
        off = taken_off(left, coupon)
        amounts.append({"amount": off, "discount": id})
        left -= off
    invoice.update(
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal,
        total=left,
        total_excluding_tax=left,
        total_discount_amounts=amounts,
        amount_due=max(0, left),
        amount_remaining=max(0, left - invoice["amount_paid"]),
    )
    return invoice


def new_invoice(call: RequestContext, customer: Object, currency: str, **fields: Any) -> Object:
    """A draft for ``customer``, not kept yet."""
    invoice = call.blank("invoice")
    invoice.update(
        customer=customer["id"],
        customer_email=customer.get("email"),
        customer_name=customer.get("name"),
        currency=currency,
        period_start=call.now,
        period_end=call.now,
        **fields,
    )
    return invoice


def create_invoice(call: RequestContext) -> Object:
    """A draft with the customer's pending items, if asked to include them."""
    check_currency(call)
    id = call.params.get("customer")
    if id is None:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = call.load("customer", id, "customer", 400)
    currency = call.params.get("currency") or customer.get("currency") or "usd"
    invoice = new_invoice(call, customer, currency)
    rest = {name: value for name, value in call.params.items() if name != "discounts"}
    call.put(invoice, rest)
    invoice["discounts"] = [
        d["id"] for d in make_discounts(call, call.params.get("discounts"), {"invoice": invoice["id"], "customer": id})
    ]
    if call.params.get("pending_invoice_items_behavior") == "include":
        for item in reversed(list(call.world.store.each("invoiceitem"))):
            if item["customer"] == id and item["invoice"] is None:
                call.save("invoiceitem", {**item, "invoice": invoice["id"]})
                add_item(call, invoice, item)
    return call.save("invoice", total_up(call, invoice))


def add_item(call: RequestContext, invoice: Object, item: Object) -> None:
    """The line of an invoice item."""
    add_line(
        call,
        invoice,
        item["amount"],
        description=item.get("description"),
        quantity=item["quantity"],
        metadata=item.get("metadata") or {},
        pricing=item.get("pricing"),
        parent={
            "type": "invoice_item_details",
            "invoice_item_details": {"invoice_item": item["id"], "proration": False, "subscription": None},
            "subscription_item_details": None,
        },
    )


def draft(call: RequestContext, id: str) -> Object:
    """The invoice, which must be a draft."""
    invoice = call.load("invoice", id, "invoice", 400)
    if invoice["status"] != "draft":
        raise _not_editable(call, invoice)
    return invoice


def _not_editable(call: RequestContext, invoice: Object) -> Refusal:
    return call.refuse(
        f"Finalized invoices can't be updated in this way: invoice {invoice['id']} is {invoice['status']}.",
        code="invoice_not_editable",
    )


def finalize(call: RequestContext, invoice: Object) -> Object:
    """From draft to open, or paid where nothing is due; kept."""
    customer = call.find("customer", invoice["customer"]) or {}
    sequence = customer.get("next_invoice_sequence") or 1
    prefix = customer.get("invoice_prefix") or call.world.ids.code()
    if customer:
        call.save("customer", {**customer, "next_invoice_sequence": sequence + 1, "invoice_prefix": prefix})
    token = call.world.ids.new("", 32)
    invoice.update(
        status="open",
        number=f"{prefix}-{sequence:04d}",
        effective_at=call.now,
        hosted_invoice_url=f"https://invoice.stripe.com/i/test_{token}",
        invoice_pdf=f"https://pay.stripe.com/invoice/test_{token}/pdf",
    )
    invoice["status_transitions"]["finalized_at"] = call.now
    if invoice["amount_due"] == 0:
        mark_paid(call, invoice, 0)
    return call.save("invoice", invoice)


def mark_paid(call: RequestContext, invoice: Object, amount: int) -> None:
    """Set what a paid invoice has."""
    invoice.update(status="paid", amount_paid=amount, amount_remaining=0, attempted=True)
    invoice["status_transitions"]["paid_at"] = call.now


def attempt(call: RequestContext, invoice: Object, method: str) -> bool:
    """Try to pay an open invoice with a payment method; whether that worked, or waits for authentication.

    A declined card is a :class:`Refusal`.
    """
    found = payment_method(call, method)
    invoice["attempt_count"] += 1
    invoice["attempted"] = True
    intent = _intent(call, invoice, found)
    card = card_of(found)
    if card.action:
        intent.update(status="requires_action", next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {}})
        call.save("payment_intent", intent)
        return False
    try:
        payments.charge_intent(call, intent, found)
    finally:
        call.save("invoice", invoice)
    call.save("payment_intent", intent)
    mark_paid(call, invoice, invoice["amount_due"])
    call.save("invoice", invoice)
    return True


def _intent(call: RequestContext, invoice: Object, method: Object) -> Object:
    id = call.new_id("payment_intent")
    return call.make(
        "payment_intent",
        {
            "amount": invoice["amount_due"],
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "client_secret": f"{id}_secret_{call.world.ids.new('', 25)}",
            "description": f"Invoice {invoice['number']}",
            "payment_method": method["id"],
            "status": "requires_confirmation",
        },
        id=id,
    )


def update_invoice(call: RequestContext) -> Object:
    """A draft in full; of a finalized one only metadata and texts."""
    invoice = call.subject()
    rest = {name: value for name, value in call.params.items() if name not in ("discounts", "expand")}
    if invoice["status"] != "draft" and rest.keys() - {"metadata", "description", "footer", "auto_advance"}:
        raise _not_editable(call, invoice)
    call.put(invoice, rest)
    if "discounts" in call.params:
        owner = {"invoice": invoice["id"], "customer": invoice["customer"]}
        invoice["discounts"] = [d["id"] for d in make_discounts(call, call.params["discounts"], owner)]
        total_up(call, invoice)
    return call.save("invoice", invoice)


def finalize_invoice(call: RequestContext) -> Object:
    """draft → open."""
    invoice = call.subject()
    if invoice["status"] != "draft":
        raise call.refuse(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    return finalize(call, invoice)


def pay_invoice(call: RequestContext) -> Object:
    """open → paid; 402 where the card declines."""
    invoice = call.subject()
    if invoice["status"] == "draft":
        finalize(call, invoice)
    if invoice["status"] == "paid":
        raise call.refuse("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] != "open":
        raise call.refuse(f"You can't pay an invoice that is {invoice['status']}.", code="invoice_not_editable")
    if call.params.get("paid_out_of_band"):
        mark_paid(call, invoice, invoice["amount_due"])
        return call.save("invoice", invoice)
    method = call.params.get("payment_method") or invoice.get("default_payment_method")
    method = method or default_method(call, invoice["customer"])
    if not method:
        raise call.refuse(
            "There is no `default_payment_method` set on this Customer or Invoice. Please set a payment "
            "method, or pass one.",
            code="missing",
        )
    if not attempt(call, invoice, method):
        raise Refusal(
            402,
            "This payment requires additional user action before it can be completed successfully.",
            type="card_error",
            code="invoice_payment_intent_requires_action",
            worked=True,
            keep=True,
        )
    return invoice


def void_invoice(call: RequestContext) -> Object:
    """open → void."""
    return _close(call, ("open", "uncollectible"), "void", "voided_at")


def mark_uncollectible(call: RequestContext) -> Object:
    """open → uncollectible."""
    return _close(call, ("open",), "uncollectible", "marked_uncollectible_at")


def _close(call: RequestContext, allowed: tuple[str, ...], status: str, moment: str) -> Object:
    invoice = call.subject()
    if invoice["status"] not in allowed:
        raise call.refuse(
            f"You can only do this with invoices that are {' or '.join(allowed)}; this one is {invoice['status']}.",
            code="invoice_not_editable",
        )
    invoice["status"] = status
    invoice["status_transitions"][moment] = call.now
    return call.save("invoice", invoice)


def send_invoice(call: RequestContext) -> Object:
    """Finalized if it was a draft."""
    invoice = call.subject()
    return finalize(call, invoice) if invoice["status"] == "draft" else invoice


def delete_invoice(call: RequestContext) -> Object | bytes:
    """Only drafts can go."""
    if call.subject()["status"] != "draft":
        raise call.refuse("You can only delete draft invoices.", code="invoice_not_editable")
    return resources.delete(call)


def add_lines(call: RequestContext) -> Object:
    """More lines on a draft."""
    invoice = draft(call, call.target)
    for line in call.params["lines"]:
        quantity = line.get("quantity", 1)
        pricing = (line.get("pricing") or {}).get("price")
        price = call.load("price", pricing, "lines[pricing][price]", 400) if pricing else line.get("price_data")
        amount = unit_price(price, quantity) if price else line.get("amount", 0)
        add_line(call, invoice, amount, description=line.get("description"), quantity=quantity)
    return call.save("invoice", total_up(call, invoice))
