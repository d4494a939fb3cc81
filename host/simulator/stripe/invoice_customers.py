"""The customer's details on an invoice, which are copied until it is finalized.

https://docs.stripe.com/api/invoices/object#invoice_object-customer_address
"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext

_SAME = ("address", "email", "name", "phone", "shipping", "tax_exempt")


def copy_customer(call: RequestContext, invoice: Object, customer: Object) -> None:
    """Copy the customer's name, address, contact and tax details to an invoice."""
    invoice.update({f"customer_{name}": customer.get(name) for name in _SAME})
    invoice["customer_tax_ids"] = [
        {"type": tax_id["type"], "value": tax_id["value"]}
        for tax_id in call.backend.store.having("tax_id", "customer", customer["id"])
    ]
