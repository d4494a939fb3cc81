"""The hosted page of a finalized invoice, where it is paid, and its PDF.

https://docs.stripe.com/invoicing/hosted-invoice-page
"""

from __future__ import annotations

from html import escape

from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import collection
from host.simulator.stripe.documents import of_invoice
from host.simulator.stripe.hosted import CARDS, INVOICE, Page, gone, html_page
from host.simulator.stripe.invoice_payments import intent_of
from host.simulator.stripe.money import shown
from host.simulator.stripe.payments import confirm_intent


def invoice_page(call: RequestContext, token: str, posted: bool, fields: dict[str, str]) -> Page:
    """The page of an invoice with a form to pay it, or its PDF if the path goes on with ``/pdf``.

    ``token`` is the rest of the path, ``fields`` are those of a posted form.
    """
    name, slash, rest = token.partition("/")
    kept = call.backend.store.get(INVOICE, name)
    invoice = call.find("invoice", kept["invoice"]) if kept is not None else None
    if invoice is None or rest not in ("", "pdf"):
        return gone("invoice")
    if slash and rest:
        return Page(200, "", file=of_invoice(invoice))
    error, status = "", 200
    if posted and invoice["status"] in collection.PAYABLE:
        try:
            _pay(call, invoice, fields.get("payment_method") or "")
        except SimulatedError as refusal:
            if not refusal.keep:
                call.backend.store.rollback()
            error, status = refusal.message, refusal.status
        invoice = call.load("invoice", invoice["id"])
    return Page(status, _html(invoice, error))


def _pay(call: RequestContext, invoice: Object, method: str) -> None:
    if not collection.attempt(call, invoice, method):  # the customer on the page authenticates
        intent = intent_of(call, invoice)
        confirm_intent(call.asking("POST", f"/v1/payment_intents/{intent['id']}/confirm", {}))


def _html(invoice: Object, error: str) -> str:
    currency = invoice["currency"]
    rows = "".join(
        f"<li>{escape(str(line['description'] or 'Item'))}: {shown(line['amount'], currency)}</li>"
        for line in invoice["lines"]["data"]
    )
    options = "".join(f'<option value="{id}">{escape(name)}</option>' for id, name in CARDS)
    form = f'<form method="post"><label>Card <select name="payment_method">{options}</select></label> '
    payable = invoice["status"] in collection.PAYABLE
    return html_page(
        f"Invoice {invoice['number']}",
        f"<p role=alert>{escape(error)}</p><ul>{rows}</ul><p>Status: <b id=status>{invoice['status']}</b></p>"
        f"<p>Amount due: <b id=due>{shown(invoice['amount_remaining'], currency)}</b></p>"
        f'<p><a href="{escape(invoice["invoice_pdf"])}">Download</a></p>'
        + (f"{form}<button>Pay</button></form>" if payable else ""),
    )
