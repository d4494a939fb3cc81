"""Cash balances: money that customers sent by bank transfer. https://docs.stripe.com/payments/customer-balance

Payments from them are in :mod:`host.simulator.stripe.bank_transfers`.
"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext
from host.simulator.stripe.money import check_amount, check_currency

KIND, TRANSACTION = "cash_balance", "customer_cash_balance_transaction"
MAKES = {KIND, TRANSACTION}
_TRANSFERS = {"eur": "eu", "gbp": "gb", "jpy": "jp", "mxn": "mx", "usd": "us"}
_SETTINGS = {"reconciliation_mode": "automatic", "using_merchant_default": True}


def key_of(customer: str) -> str:
    """The key under which a customer's cash balance, which has no id, is stored."""
    return f"/v1/customers/{customer}/cash_balance"


def empty(customer: str) -> Object:
    """The cash balance of a customer who has sent no money."""
    return {
        "object": KIND,
        "available": None,
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "settings": dict(_SETTINGS),
    }


def balance_of(call: RequestContext, customer: str) -> Object:
    """A customer's cash balance; an empty one if no money was sent."""
    return call.find(KIND, key_of(customer)) or empty(customer)


def retrieve(call: RequestContext) -> Object:
    """Retrieve a customer's cash balance."""
    return balance_of(call, _customer(call)["id"])


def update(call: RequestContext) -> Object:
    """Set whether transfers are reconciled with payments automatically, manually, or by the account's default."""
    return set_mode(call, str(_customer(call)["id"]), call.params)


def set_mode(call: RequestContext, customer: str, given: Object) -> Object:
    """Set and save the reconciliation mode of a customer's cash balance from the parameters ``given``."""
    balance = balance_of(call, customer)
    mode = (given.get("settings") or {}).get("reconciliation_mode")
    if mode is not None:
        default = mode == "merchant_default"
        balance["settings"] = {
            "reconciliation_mode": _SETTINGS["reconciliation_mode"] if default else mode,
            "using_merchant_default": default,
        }
    return _keep(call, balance)


def fund(call: RequestContext) -> Object:
    """Let a bank transfer of a customer arrive (a test helper), and reconcile it with waiting payments."""
    check_currency(call)
    check_amount(call)
    customer, params = _customer(call), call.params
    place = _TRANSFERS.get(params["currency"])
    if place is None:
        raise call.refuse(
            f"Bank transfers are not supported in {params['currency']}: only in {', '.join(_TRANSFERS)}.",
            param="currency",
        )
    sort = f"{place}_bank_transfer"
    funded = {"funded": {"bank_transfer": {"reference": params.get("reference"), "type": sort}}}
    transaction = move(call, customer["id"], params["currency"], params["amount"], funded)
    if balance_of(call, customer["id"])["settings"]["reconciliation_mode"] == "automatic":
        from host.simulator.stripe.bank_transfers import reconcile  # which needs charges

        reconcile(call, customer["id"], params["currency"], params.get("reference"))
    if available(call, customer["id"], params["currency"]) > 0:
        call.announce("cash_balance.funds_available", KIND, key_of(customer["id"]))
    return transaction


def available(call: RequestContext, customer: str, currency: str) -> int:
    """The amount in a customer's cash balance, in a currency."""
    return int((balance_of(call, customer)["available"] or {}).get(currency, 0))


def move(call: RequestContext, customer: str, currency: str, amount: int, about: Object) -> Object:
    """Add ``amount`` to a customer's cash balance; returns the transaction. ``about`` is its one member about the
    cause.
    """
    balance = balance_of(call, customer)
    found = dict(balance["available"] or {})
    found[currency] = found.get(currency, 0) + amount
    _keep(call, {**balance, "available": found})
    return call.make(
        TRANSACTION,
        {
            "currency": currency,
            "customer": customer,
            "ending_balance": found[currency],
            "net_amount": amount,
            "type": next(iter(about)),
            **about,
        },
        under=f"/v1/customers/{customer}/cash_balance_transactions",
    )


def _customer(call: RequestContext) -> Object:
    return call.load("customer", call.path_args["customer"], "customer")


def _keep(call: RequestContext, balance: Object) -> Object:
    call.backend.store.put(KIND, key_of(balance["customer"]), balance)
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
