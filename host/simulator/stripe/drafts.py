"""Draft invoices, the only ones whose lines and amounts can change."""

from __future__ import annotations

from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext


def editable(call: RequestContext, id: str, param: str = "invoice") -> Object:
    """The invoice, which must be a draft."""
    invoice = call.load("invoice", id, param, 400)
    if invoice["status"] != "draft":
        raise not_editable(call, invoice)
    return invoice


def not_editable(call: RequestContext, invoice: Object) -> SimulatedError:
    """The refusal to change an invoice that is no longer a draft."""
    return call.refuse(
        f"Finalized invoices can't be updated in this way: invoice {invoice['id']} is {invoice['status']}.",
        code="invoice_not_editable",
    )
