"""A customer's balance: below zero it is a credit, which pays invoices. https://docs.stripe.com/billing/customer/balance"""

from __future__ import annotations

from typing import Any

from host.simulator.context import Object, RequestContext


def change(call: RequestContext, customer: Object, amount: int, currency: str, type: str, **fields: Any) -> Object:
    """Add ``amount`` to the balance of ``customer``, which is kept; returns the transaction."""
    customer["balance"] += amount
    customer["currency"] = customer.get("currency") or currency
    call.save("customer", customer)
    return call.make(
        "customer_balance_transaction",
        {
            "amount": amount,
            "currency": currency,
            "customer": customer["id"],
            "ending_balance": customer["balance"],
            "type": type,
            "metadata": {},
            **fields,
        },
        under=f"/v1/customers/{customer['id']}/balance_transactions",
    )
