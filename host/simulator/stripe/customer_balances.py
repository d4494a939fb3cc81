"""Customers' credit balances, one for each currency, which are applied to invoices.

``customer.balance`` is the one in the customer's currency.
https://docs.stripe.com/billing/customer/balance, https://docs.stripe.com/invoicing/multi-currency-customers
"""

from __future__ import annotations

from typing import Any

from host.simulator.context import Object, RequestContext
from host.simulator.stripe.includable import OTHER_BALANCES
from host.simulator.stripe.money import check_currency

MAKES = {"customer_balance_transaction"}


def balance_in(call: RequestContext, customer: Object, currency: str) -> int:
    """The balance that invoices in ``currency`` are paid from; a customer without a currency has one for any."""
    if customer.get("currency") in (None, currency):
        return int(customer.get("balance") or 0)
    return int(_others(call, customer["id"]).get(currency, 0))


def _others(call: RequestContext, customer: str) -> dict[str, int]:
    return call.backend.store.get(OTHER_BALANCES, customer) or {}


def switch(call: RequestContext, customer: Object, currency: str) -> None:
    """Make ``currency`` the customer's, and the balance in it ``customer.balance``; not kept yet."""
    before = customer.get("currency")
    if before not in (None, currency):
        others = _others(call, customer["id"])
        others[before] = customer["balance"]
        customer["balance"] = others.pop(currency, 0)
        call.backend.store.put(OTHER_BALANCES, customer["id"], others)
    customer["currency"] = currency


def change(call: RequestContext, customer: Object, amount: int, currency: str, type: str, **fields: Any) -> Object:
    """Add ``amount`` (negative for a credit) to the balance of ``customer``, and save it; returns the transaction."""
    if customer.get("currency") in (None, currency):
        customer["balance"] += amount
        customer["currency"] = currency
    else:
        others = _others(call, customer["id"])
        call.backend.store.put(OTHER_BALANCES, customer["id"], {**others, currency: others.get(currency, 0) + amount})
    call.save("customer", customer)
    return call.make(
        "customer_balance_transaction",
        {
            "amount": amount,
            "currency": currency,
            "customer": customer["id"],
            "ending_balance": balance_in(call, customer, currency),
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
