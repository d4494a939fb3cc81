"""Captures and refunds of purchases with issued cards. https://docs.stripe.com/issuing/purchases/transactions"""

from __future__ import annotations

from decimal import Decimal

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import issuing_books
from host.simulator.stripe.issuing_controls import AUTHORIZATION, TRANSACTION
from host.simulator.stripe.issuing_merchants import check_amount, check_currency, merchant_of

MAKES = {TRANSACTION, "balance_transaction"}
_RECEIPT = "issuing_transaction.purchase_details_receipt_updated"
_DETAILS = ("fleet", "flight", "fuel", "lodging", "receipt", "reference")


def record(
    call: RequestContext, card: Object, amount: int, merchant: Object, *, authorization: Object | None = None
) -> Object:
    """Create a capture (a negative ``amount``) or a refund, and enter it in the issuing balance."""
    currency = card["currency"]
    transaction = call.blank(TRANSACTION)
    entered = issuing_books.enter(call, "issuing_transaction", amount, currency, str(transaction["id"]))
    details = call.params.get("purchase_details")
    transaction.update(
        amount=amount,
        amount_details=(authorization or {}).get("amount_details"),
        authorization=authorization and authorization["id"],
        balance_transaction=entered["id"],
        card=card["id"],
        cardholder=card["cardholder"]["id"],
        currency=currency,
        merchant_amount=amount,
        merchant_currency=currency,
        merchant_data=merchant,
        metadata={},
        network_data=_network(authorization),
        purchase_details=details and _details(call, details),
        type="capture" if amount < 0 else "refund",
        wallet=(authorization or {}).get("wallet"),
    )
    call.save(TRANSACTION, transaction)
    if details and details.get("receipt"):
        call.announce(_RECEIPT, TRANSACTION, str(transaction["id"]))
    return transaction


def _network(authorization: Object | None) -> Object | None:
    """The transaction's ``network_data``: the code of the authorization, or ``None`` without one."""
    history = authorization["request_history"] if authorization else ()
    codes = [each["authorization_code"] for each in history if each["authorization_code"]]
    return {"authorization_code": codes[-1], "processing_date": None, "transaction_id": None} if codes else None


def _details(call: RequestContext, given: Object) -> Object:
    """The ``purchase_details``; those of fleets, fuel, flights and lodging are refused, as much would be invented."""
    for name in ("fleet", "flight", "fuel", "lodging"):
        if given.get(name):
            path = f"purchase_details[{name}]"
            call.not_modelled(f"the parameter {path}", "It takes receipt and reference.", path)
    receipt = [_line(line) for line in given.get("receipt") or ()]
    return {**dict.fromkeys(_DETAILS), "receipt": receipt or None, "reference": given.get("reference")}


def _line(given: Object) -> Object:
    """A line of a receipt, whose quantity is given as a decimal text and answered as a number."""
    line = {name: given.get(name) for name in ("description", "quantity", "total", "unit_cost")}
    if line["quantity"] is not None:
        exact = Decimal(line["quantity"])
        line["quantity"] = int(exact) if exact == int(exact) else float(exact)
    return line


def force_capture(call: RequestContext) -> Object:
    """Create a capture without an authorization."""
    return _without_authorization(call, -1)


def unlinked_refund(call: RequestContext) -> Object:
    """Create a refund that belongs to no capture."""
    return _without_authorization(call, 1)


def _without_authorization(call: RequestContext, sign: int) -> Object:
    card = call.load("issuing.card", call.params["card"], "card", 400)
    check_currency(call, card)
    amount = check_amount(call, "amount")
    if amount < 1:
        raise call.refuse("This value must be greater than or equal to 1.", param="amount")
    return record(call, card, sign * amount, merchant_of(call))


def refund(call: RequestContext) -> Object:
    """Refund a capture, in whole or in part."""
    captured = call.subject()
    if captured["type"] != "capture":
        raise call.refuse("Only captures can be refunded.", param="transaction")
    left = -captured["amount"] - _refunded(call, captured["id"])
    amount = check_amount(call, "refund_amount") if "refund_amount" in call.params else left
    if not 0 < amount <= left:
        raise call.refuse(f"The amount to refund must be between 1 and {left}, what is left.", param="refund_amount")
    card = call.load("issuing.card", captured["card"])
    authorization = captured["authorization"] and call.load(AUTHORIZATION, captured["authorization"])
    made = record(call, card, amount, captured["merchant_data"], authorization=authorization or None)
    call.backend.store.put(_REFUND, made["id"], {"capture": captured["id"], "amount": amount})
    if authorization:
        authorization["transactions"].append(made)
        call.save(AUTHORIZATION, authorization)
    return made


_REFUND = "~issuing_refund"


def _refunded(call: RequestContext, id: str) -> int:
    """The amount that was refunded of a capture."""
    return sum(int(each["amount"]) for each in call.backend.store.having(_REFUND, "capture", id))


def is_refunded(call: RequestContext, id: str) -> bool:
    """Whether any part of a capture was refunded."""
    return _refunded(call, id) > 0


def update(call: RequestContext) -> Object:
    """Update a transaction's metadata."""
    return call.save(TRANSACTION, call.put(call.subject(), call.params))


def watch(call: RequestContext, transaction: Object) -> None:
    """Copy a changed transaction to its authorization, which shows it."""
    purchase = call.backend.store.get(AUTHORIZATION, str(transaction["authorization"]))
    for place, each in enumerate(purchase["transactions"] if purchase else ()):
        assert purchase is not None
        if each["id"] == transaction["id"] and each != transaction:
            purchase["transactions"][place] = transaction
            call.backend.store.put(AUTHORIZATION, purchase["id"], purchase)


_TESTS = "test_helpers.issuing.transactions"
_TAKEN = {"amount", "purchase_details"}
BEHAVIOURS = {
    "issuing.transactions.update": update,
    f"{_TESTS}.create_force_capture": force_capture,
    f"{_TESTS}.create_unlinked_refund": unlinked_refund,
    f"{_TESTS}.refund": refund,
}
EFFECTS = {
    f"{_TESTS}.create_force_capture": _TAKEN,
    f"{_TESTS}.create_unlinked_refund": _TAKEN,
    f"{_TESTS}.refund": {"refund_amount"},
}
WATCHERS = {TRANSACTION: watch}
