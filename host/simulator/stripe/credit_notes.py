"""Credit notes, which reduce an open invoice or pay back a paid one. https://docs.stripe.com/invoicing/credit-notes"""

from __future__ import annotations

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import collection, credit_note_lines, invoice_payments
from host.simulator.stripe.customer_balances import change
from host.simulator.stripe.listing import page_of
from host.simulator.stripe.refunds import create_refund
from host.simulator.stripe.sums import added_up

_GIVEN = ("credit_amount", "refund_amount", "out_of_band_amount")


def create_note(call: RequestContext) -> Object:
    """Create a credit note for a finalized invoice, and reduce the invoice or pay back the amount."""
    note, invoice = _draft(call)
    call.save("credit_note", note)
    if note["type"] == "pre_payment":
        _reduce(call, invoice, note["total"])
    else:
        _pay_back(call, invoice, note)
    return call.save("credit_note", note)


def preview_note(call: RequestContext) -> Object:
    """The credit note that the parameters would create; nothing is saved."""
    try:
        note, _ = _draft(call)
    finally:
        call.backend.store.rollback()
    call.saved = None
    return note


def preview_lines(call: RequestContext) -> Object:
    """The lines of a credit note's preview."""
    return page_of(call, preview_note(call)["lines"]["data"], "credit note line item")


def list_lines(call: RequestContext) -> Object:
    """The lines of a credit note, in their order."""
    note = call.load("credit_note", call.path_args["credit_note"], "credit_note")
    return page_of(call, note["lines"]["data"], "credit note line item")


def _draft(call: RequestContext) -> tuple[Object, Object]:
    params = call.params
    invoice = call.load("invoice", params["invoice"], "invoice", 400)
    if invoice["status"] not in ("open", "paid", "uncollectible"):
        raise call.refuse(f"You can't credit an invoice that is {invoice['status']}.", param="invoice")
    found = credit_note_lines.credited(call, invoice)
    shipping = credit_note_lines.shipping(call, invoice)
    total = sum(line["amount"] - line["discount_amount"] + credit_note_lines.exclusive(line) for line in found)
    total += (shipping or {"amount_total": 0})["amount_total"]
    _check_total(call, invoice, total)
    before = len(call.backend.store.having("credit_note", "invoice", invoice["id"]))
    note = call.blank("credit_note")
    taxes = [tax for line in found for tax in line["taxes"]]
    off = sum(line["discount_amount"] for line in found)
    subtotal, inside = credit_note_lines.subtotal(invoice, found)
    open_ = invoice["status"] != "paid"
    note.update(
        amount=total,
        amount_shipping=(shipping or {"amount_subtotal": 0})["amount_subtotal"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        customer_balance_transaction=None,
        discount_amount=off,
        discount_amounts=credit_note_lines.added([entry for line in found for entry in line["discount_amounts"]]),
        effective_at=params.get("effective_at") or call.now,
        invoice=invoice["id"],
        memo=params.get("memo"),
        metadata=params.get("metadata") or {},
        number=f"{invoice['number']}-CN-{before + 1:02d}",
        out_of_band_amount=params.get("out_of_band_amount"),
        pdf=f"https://pay.stripe.com/credit_notes/{note['id']}/pdf",
        post_payment_amount=0 if open_ else total,
        pre_payment_amount=total if open_ else 0,
        pretax_credit_amounts=[],
        reason=params.get("reason"),
        refunds=[],
        shipping_cost=shipping,
        status="issued",
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal - inside,
        total=total,
        total_excluding_tax=total - sum(t["amount"] for t in taxes),
        total_taxes=added_up(taxes),
        type="pre_payment" if open_ else "post_payment",
        voided_at=None,
    )
    note["lines"] = {
        "object": "list",
        "data": found,
        "has_more": False,
        "url": f"/v1/credit_notes/{note['id']}/lines",
    }
    return note, invoice


def _check_total(call: RequestContext, invoice: Object, total: int) -> None:
    given = {name: call.params.get(name) or 0 for name in _GIVEN}
    given["refunds"] = sum(entry["amount_refunded"] for entry in _linked(call, invoice))
    if invoice["status"] != "paid":
        if any(given.values()):
            name = next(name for name, amount in given.items() if amount)
            raise invalid(f"You can only pass {name} for an invoice that is paid.", name)
        if total > invoice["amount_remaining"]:
            raise invalid(
                f"The credit note's total ({total}) is more than what is left to pay ({invoice['amount_remaining']}).",
                "amount",
            )
        return
    credited = sum(
        note["total"]
        for note in call.backend.store.having("credit_note", "invoice", invoice["id"])
        if note["status"] == "issued"
    )
    if total > invoice["total"] - credited:
        raise invalid(
            f"The credit note's total ({total}) is more than is left to credit ({invoice['total'] - credited}).",
            "amount",
        )
    if sum(given.values()) != total:
        raise invalid(
            f"The sum of credit_amount, refund_amount, refunds and out_of_band_amount ({sum(given.values())}) must be "
            f"the credit note's total ({total}).",
            "credit_amount",
        )


def _reduce(call: RequestContext, invoice: Object, amount: int) -> None:
    """Reduce what is left to pay of an invoice by ``amount``; with nothing left, the invoice is paid."""
    invoice["pre_payment_credit_notes_amount"] += amount
    invoice["amount_remaining"] -= amount
    if invoice["amount_remaining"] == 0:
        invoice_payments.cancel_payments(call, invoice)
        collection.settle(call, invoice, 0)
        return
    call.save("invoice", invoice)
    invoice_payments.synchronize(call, invoice)


def _pay_back(call: RequestContext, invoice: Object, note: Object) -> None:
    invoice["post_payment_credit_notes_amount"] += note["total"]
    call.save("invoice", invoice)
    if amount := call.params.get("credit_amount"):
        customer = call.load("customer", invoice["customer"])
        moved = change(
            call, customer, -amount, invoice["currency"], "credit_note", credit_note=note["id"], invoice=invoice["id"]
        )
        note["customer_balance_transaction"] = moved["id"]
    if amount := call.params.get("refund_amount"):
        note["refunds"] = [_refunded(_refund(call, invoice, amount), amount)]
    note["refunds"] += _linked(call, invoice)


def _refunded(refund: str, amount: int) -> Object:
    return {"amount_refunded": amount, "payment_record_refund": None, "refund": refund, "type": "refund"}


def _linked(call: RequestContext, invoice: Object) -> list[Object]:
    """The existing refunds of the invoice's payments that the parameters link to the credit note."""
    found, store = [], call.backend.store
    paid = [p["payment"]["payment_intent"] for p in store.having("invoice_payment", "invoice", invoice["id"])]
    for n, wanted in enumerate(call.params.get("refunds") or []):
        at = f"refunds[{n}][refund]"
        if not wanted.get("refund"):
            raise invalid(f"Missing required param: {at}.", at, "parameter_missing")
        refund = call.load("refund", wanted["refund"], at, 400)
        if refund["payment_intent"] not in paid:
            raise invalid("The refund is not one of this invoice's payments.", at)
        amount = wanted.get("amount_refunded", refund["amount"])
        used = sum(
            entry["amount_refunded"]
            for note in store.having("credit_note", "invoice", invoice["id"])
            for entry in note["refunds"]
            if entry["refund"] == refund["id"]
        )
        if not 0 < amount <= refund["amount"] - used:
            raise invalid(f"The refund has {refund['amount'] - used} that no credit note is about.", at)
        found.append(_refunded(refund["id"], amount))
    return found


def _refund(call: RequestContext, invoice: Object, amount: int) -> str:
    paid = [p for p in call.backend.store.having("invoice_payment", "invoice", invoice["id"]) if p["status"] == "paid"]
    if not paid:
        raise invalid("This invoice was not paid with a charge that can be refunded.", "refund_amount")
    asked = {"payment_intent": paid[0]["payment"]["payment_intent"], "amount": amount}
    return str(create_refund(call.asking("POST", "/v1/refunds", asked))["id"])


def void_note(call: RequestContext) -> Object:
    """Void the credit note of an open invoice, whose remaining amount is raised again."""
    note = call.subject()
    invoice = call.load("invoice", note["invoice"])
    if note["status"] == "void":
        raise call.refuse("This credit note is already void.")
    if note["type"] != "pre_payment" or invoice["status"] != "open":
        raise call.refuse("You can only void credit notes of open invoices.")
    note.update(status="void", voided_at=call.now)
    call.save("credit_note", note)
    _reduce(call, invoice, -note["total"])
    return note


BEHAVIOURS = {
    "credit_notes.create": create_note,
    "credit_notes.line_items.list": list_lines,
    "credit_notes.preview": preview_note,
    "credit_notes.preview_lines.list": preview_lines,
    "credit_notes.void_credit_note": void_note,
}
_HANDLED = {"credit_amount", "email_type", "refund_amount", "lines"}
EFFECTS = {
    "credit_notes.create": _HANDLED,
    "credit_notes.preview": _HANDLED,
    # The parameters of the preview; the last four do not affect its lines.
    "credit_notes.preview_lines.list": {
        *_HANDLED, "amount", "invoice", "out_of_band_amount", "refunds", "shipping_cost",
        "effective_at", "memo", "metadata", "reason",
    },
}  # fmt: skip
MAKES = {"customer_balance_transaction", "refund"}
