"""Purchases with issued cards: authorizations, and the money that is held for them.

https://docs.stripe.com/issuing/purchases/authorizations

Money is held on the issuing balance from the approval until it is captured, reversed or expires.
"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import issuing_requests
from host.simulator.stripe.issuing_controls import AUTHORIZATION, TRANSACTION, decline_reason, short_of_funds
from host.simulator.stripe.issuing_merchants import check_amount, check_currency, merchant_of
from host.simulator.stripe.issuing_requests import held, hold, release
from host.simulator.stripe.issuing_transactions import record

CARD = "issuing.card"
_CHECKS = ("address_line1_check", "address_postal_code_check", "cvc_check", "expiry_check")
MAKES = {AUTHORIZATION, TRANSACTION}


def create(call: RequestContext) -> Object:
    """Try a purchase (a test helper): it is declined by the rules, approved, or left to an endpoint to decide."""
    params = call.params
    card = call.load(CARD, params["card"], "card", 400)
    if "amount" not in params:
        call.not_modelled("a purchase without an amount", "It takes amount.", "amount")
    amount = check_amount(call, "amount") if "amount" in params else 0
    _check_purchase(call, card, amount)
    currency = card["currency"]
    method = params.get("authorization_method") or "online"
    purchase = call.blank(AUTHORIZATION)
    purchase.update(
        amount=amount,
        amount_details=params.get("amount_details")
        and {"atm_fee": None, "cashback_amount": None, **params["amount_details"]},
        approved=False,
        authorization_method=method,
        balance_transactions=[],
        card={name: value for name, value in card.items() if name not in ("cvc", "number")},
        card_presence="present" if method in ("chip", "contactless", "swipe") else "not_present",
        cardholder=card["cardholder"]["id"],
        currency=currency,
        merchant_amount=amount,
        merchant_currency=currency,
        merchant_data=merchant_of(call),
        metadata={},
        network_data=_network(call),
        request_history=[],
        status="pending",
        transactions=[],
        verification_data=_verification(call),
        wallet=params.get("wallet"),
    )
    return issuing_requests.ask(call, purchase, amount, decline_reason(call, card, purchase))


def _check_purchase(call: RequestContext, card: Object, amount: int) -> None:
    """Refuse parameters that affect the decision in a way that is not modelled."""
    check_currency(call, card)
    check_currency(call, card, "merchant_currency")
    if call.params.get("merchant_amount", amount) != amount:
        call.not_modelled("a merchant's amount of its own", "It takes amount.", "merchant_amount")
    given = call.params.get("verification_data") or {}
    for name in _CHECKS:
        if given.get(name) == "mismatch":
            path = f"verification_data[{name}]"
            call.not_modelled("a check that fails", "Whether it declines depends on the card's network.", path)
    secure = (given.get("three_d_secure") or {}).get("result")
    if secure in ("failed", "required"):
        call.not_modelled("a failed authentication", "It takes authenticated.", "verification_data[three_d_secure]")


def _verification(call: RequestContext) -> Object:
    given = call.params.get("verification_data") or {}
    checks: Object = {name: given.get(name) or "not_provided" for name in _CHECKS}
    beside = ("authentication_exemption", "three_d_secure")
    return {**checks, "postal_code": None, **{name: given.get(name) for name in beside}}


def _network(call: RequestContext) -> Object | None:
    given = call.params.get("network_data")
    if not given:
        return None
    empty = {"acquiring_institution_id": None, "system_trace_audit_number": None, "transaction_id": None}
    return {**empty, **given}


def _approved(call: RequestContext, doing: str) -> Object:
    """The approved, pending authorization that the path names. ``doing`` completes the message of the refusal."""
    purchase = call.subject()
    if not purchase["approved"] or purchase["status"] != "pending" or purchase["pending_request"]:
        status = "declined" if purchase["status"] == "closed" and not purchase["approved"] else purchase["status"]
        raise call.refuse(f"This authorization cannot be {doing}: it is {status}, and must be approved and pending.")
    return purchase


def capture(call: RequestContext) -> Object:
    """Capture what was authorized, or another amount. https://docs.stripe.com/issuing/purchases/transactions

    The hold is released; with ``close_authorization=false`` the rest stays held for further captures.
    """
    purchase = _approved(call, "captured")
    captured = sum(-one["amount"] for one in purchase["transactions"])
    if "capture_amount" in call.params:
        amount = check_amount(call, "capture_amount")
    else:
        amount = max(0, purchase["amount"] - captured)
    if amount < 1:
        raise call.refuse("The amount to capture must be at least 1; nothing else is left.", param="capture_amount")
    closing = call.params.get("close_authorization", True)
    release(call, purchase, None if closing else amount)
    transaction = record(call, purchase["card"], -amount, purchase["merchant_data"], authorization=purchase)
    purchase["transactions"].append(transaction)
    if closing:
        purchase["status"] = "closed"
    return call.save(AUTHORIZATION, purchase)


def reverse(call: RequestContext) -> Object:
    """Reverse all that is held, or a part of it."""
    purchase = _approved(call, "reversed")
    left = held(purchase)
    amount = check_amount(call, "reverse_amount") if "reverse_amount" in call.params else left
    if amount > left or amount < 1:
        raise call.refuse(f"The amount to reverse must be between 1 and {left}, what is held.", param="reverse_amount")
    release(call, purchase, amount)
    purchase["amount"] -= amount
    purchase["merchant_amount"] -= amount
    if amount == left:
        purchase["status"] = "closed" if purchase["transactions"] else "reversed"
    return call.save(AUTHORIZATION, purchase)


def expire(call: RequestContext) -> Object:
    """Let an authorization expire that was not captured in time, and release the hold."""
    purchase = _approved(call, "expired")
    release(call, purchase, None)
    return call.save(AUTHORIZATION, {**purchase, "status": "expired"})


def increment(call: RequestContext) -> Object:
    """Request a higher amount; if that is declined, the amount stays as it was."""
    purchase = _approved(call, "incremented")
    more = check_amount(call, "increment_amount")
    if more < 1:
        raise call.refuse("The increment must be at least 1.", param="increment_amount")
    card = call.load(CARD, purchase["card"]["id"])
    total = purchase["amount"] + more
    reason = decline_reason(call, card, {**purchase, "amount": total})
    if reason == "insufficient_funds":  # a part of the total is held already
        reason = short_of_funds(call, more, purchase["currency"])
    return issuing_requests.ask(call, purchase, more, reason)


def finalize_amount(call: RequestContext) -> Object:
    """Set the final amount of an authorization before its capture, as for fuel at a pump."""
    purchase = _approved(call, "finalized")
    final = check_amount(call, "final_amount")
    if purchase["transactions"]:
        raise call.refuse("This authorization was captured in part already.", param="final_amount")
    difference = final - purchase["amount"]
    if difference > 0:
        hold(call, purchase, difference)
    elif difference < 0:
        release(call, purchase, -difference)
    return call.save(AUTHORIZATION, {**purchase, "amount": final, "merchant_amount": final})


def watch_card(call: RequestContext, card: Object) -> None:
    """Copy a changed card to its authorizations, which show it."""
    shown = {name: value for name, value in card.items() if name not in ("cvc", "number")}
    for purchase in call.backend.store.having(AUTHORIZATION, "cardholder", card["cardholder"]["id"]):
        if purchase["card"]["id"] == card["id"] and purchase["card"] != shown:
            call.backend.store.put(AUTHORIZATION, purchase["id"], {**purchase, "card": shown})


_TESTS = "test_helpers.issuing.authorizations"
BEHAVIOURS = {
    f"{_TESTS}.capture": capture,
    f"{_TESTS}.create": create,
    f"{_TESTS}.expire": expire,
    f"{_TESTS}.finalize_amount": finalize_amount,
    f"{_TESTS}.increment": increment,
    f"{_TESTS}.reverse": reverse,
}
EFFECTS = {
    f"{_TESTS}.capture": {"capture_amount", "close_authorization", "purchase_details"},
    f"{_TESTS}.create": {"amount", "is_amount_controllable"},
    f"{_TESTS}.finalize_amount": {"final_amount"},
    f"{_TESTS}.increment": {"increment_amount", "is_amount_controllable"},
    f"{_TESTS}.reverse": {"reverse_amount"},
}
WATCHERS = {CARD: watch_card}
