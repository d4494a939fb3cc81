"""Money that customers sent by bank transfer. https://docs.stripe.com/payments/customer-balance

Nothing is paid with it here: payments by bank transfer are not modelled, so that it stays where it is.
"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext
from host.simulator.stripe.money import check_amount, check_currency

KIND, TRANSACTION = "cash_balance", "customer_cash_balance_transaction"
MAKES = {KIND, TRANSACTION}
_TRANSFERS = {"eur": "eu", "gbp": "gb", "jpy": "jp", "mxn": "mx", "usd": "us"}
_SETTINGS = {"reconciliation_mode": "automatic", "using_merchant_default": True}


def key_of(customer: str) -> str:
    """What a customer's cash balance, which has no id, is kept under."""
    return f"/v1/customers/{customer}/cash_balance"


def empty(customer: str) -> Object:
    """The cash balance of a customer who has sent nothing."""
    return {
        "object": KIND,
        "available": None,
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "settings": dict(_SETTINGS),
    }


def balance_of(call: RequestContext, customer: str) -> Object:
    """A customer's cash balance; empty where nothing was sent."""
    return call.find(KIND, key_of(customer)) or empty(customer)


def retrieve(call: RequestContext) -> Object:
    """What a customer has sent and not paid with."""
    return balance_of(call, _customer(call)["id"])


def update(call: RequestContext) -> Object:
    """How money is to be reconciled with payments; by hand or, as the account has it, by itself."""
    balance = balance_of(call, _customer(call)["id"])
    mode = (call.params.get("settings") or {}).get("reconciliation_mode")
    if mode is not None:
        default = mode == "merchant_default"
        balance["settings"] = {
            "reconciliation_mode": _SETTINGS["reconciliation_mode"] if default else mode,
            "using_merchant_default": default,
        }
    return _keep(call, balance)


def fund(call: RequestContext) -> Object:
    """A bank transfer arrives, in a currency that has one."""
    check_currency(call)
    check_amount(call)
    customer, params = _customer(call), call.params
    place = _TRANSFERS.get(params["currency"])
    if place is None:
        raise call.refuse(
            f"Bank transfers are not supported in {params['currency']}: only in {', '.join(_TRANSFERS)}.",
            param="currency",
        )
    balance = balance_of(call, customer["id"])
    available = dict(balance["available"] or {})
    available[params["currency"]] = available.get(params["currency"], 0) + params["amount"]
    _keep(call, {**balance, "available": available})
    sort = f"{place}_bank_transfer"
    call.announce("cash_balance.funds_available", KIND, key_of(customer["id"]))
    return call.make(
        TRANSACTION,
        {
            "currency": params["currency"],
            "customer": customer["id"],
            "ending_balance": available[params["currency"]],
            "funded": {"bank_transfer": {"reference": params.get("reference"), "type": sort}},
            "net_amount": params["amount"],
            "type": "funded",
        },
        under=f"/v1/customers/{customer['id']}/cash_balance_transactions",
    )


def _customer(call: RequestContext) -> Object:
    return call.load("customer", call.path_args["customer"], "customer")


def _keep(call: RequestContext, balance: Object) -> Object:
    call.world.store.put(KIND, key_of(balance["customer"]), balance)
    return balance


BEHAVIOURS = {
    "customers.cash_balance.retrieve": retrieve,
    "customers.cash_balance.update": update,
    "test_helpers.customers.fund_cash_balance": fund,
}
EFFECTS = {
    "customers.cash_balance.update": {"settings.reconciliation_mode=merchant_default"},
    "test_helpers.customers.fund_cash_balance": {"amount", "reference"},
}
