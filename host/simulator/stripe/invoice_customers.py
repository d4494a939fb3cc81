"""What an invoice says of its customer: as they are until it is finalized, as they were from then on.

https://docs.stripe.com/api/invoices/object#invoice_object-customer_address
"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext

_SAME = ("address", "email", "name", "phone", "shipping", "tax_exempt")


def copy_customer(call: RequestContext, invoice: Object, customer: Object) -> None:
    """Write down on an invoice who and where its customer is."""
    invoice.update({f"customer_{name}": customer.get(name) for name in _SAME})
    invoice["customer_tax_ids"] = [
        {"type": tax_id["type"], "value": tax_id["value"]}
        for tax_id in call.world.store.having("tax_id", "customer", customer["id"])
    ]
