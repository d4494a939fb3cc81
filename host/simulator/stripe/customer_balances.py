"""Customers' credit balances, which are applied to invoices. https://docs.stripe.com/billing/customer/balance"""

from __future__ import annotations

from typing import Any

from host.simulator.context import Object, RequestContext
from host.simulator.stripe.money import check_currency

MAKES = {"customer_balance_transaction"}


def change(call: RequestContext, customer: Object, amount: int, currency: str, type: str, **fields: Any) -> Object:
    """Add ``amount`` (negative for a credit) to the balance of ``customer``, and save it; returns the transaction."""
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


def create_transaction(call: RequestContext) -> Object:
    """Adjust a customer's balance."""
    check_currency(call)
    params = call.params
    customer = call.load("customer", call.path_args["customer"], "customer")
    if params["amount"] == 0:
        raise call.refuse("The amount of a customer balance transaction cannot be 0.", param="amount")
    if customer["currency"] not in (None, params["currency"]):
        raise call.refuse(
            f"The currency of the customer's balance is {customer['currency']}; it cannot be changed by an amount in "
            f"{params['currency']}.",
            param="currency",
        )
    return change(
        call,
        customer,
        params["amount"],
        params["currency"],
        "adjustment",
        description=params.get("description"),
        metadata={k: v for k, v in (params.get("metadata") or {}).items() if v},
    )


BEHAVIOURS = {"customers.balance_transactions.create": create_transaction}
