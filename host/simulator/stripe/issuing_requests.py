"""Deciding a purchase with an issued card: by the rules, or by a webhook endpoint while the merchant waits.

https://docs.stripe.com/issuing/controls/real-time-authorizations. A webhook endpoint that is enabled for
``issuing_authorization.request`` by name decides: it answers the event with ``{"approved": true}``, or calls
``approve`` or ``decline``, within two seconds; otherwise the purchase is declined (in Stripe that is a setting).
"""

from __future__ import annotations

from typing import Any

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import issuing_books
from host.simulator.stripe.issuing_controls import AUTHORIZATION, short_of_funds

REQUEST = "issuing_authorization.request"
TIMEOUT = 2  # seconds that an endpoint has to decide
MAKES = {"balance_transaction"}
_ASKED = "~issuing_asked"  # by authorization: when the endpoint was asked


def ask(call: RequestContext, purchase: Object, amount: int, reason: str) -> Object:
    """Decline the purchase for ``reason``; without one, ask the endpoint about ``amount`` or, if none is enabled,
    approve it.
    """
    request = {
        "amount": amount,
        "amount_details": purchase["amount_details"],
        "currency": purchase["currency"],
        "is_amount_controllable": bool(call.params.get("is_amount_controllable")),
        "merchant_amount": amount,
        "merchant_currency": purchase["merchant_currency"],
        "network_risk_score": None,
    }
    if reason or not _is_wanted(call):
        return _decide(call, purchase, request, approved=not reason, reason=reason or "card_active")
    if not purchase["approved"]:
        purchase.update(amount=0, merchant_amount=0)  # until it is decided
    purchase["pending_request"] = request
    call.backend.store.put(_ASKED, str(purchase["id"]), {"at": call.now})
    call.save(AUTHORIZATION, purchase)
    call.announce(REQUEST, AUTHORIZATION, str(purchase["id"]))
    call.backend.agenda.add(call, call.now + TIMEOUT, "issuing_request", str(purchase["id"]))
    return purchase


def _is_wanted(call: RequestContext) -> bool:
    """Whether an endpoint of the account is enabled for the event by name."""
    endpoints = call.backend.store.each("webhook_endpoint")
    return any(each["status"] == "enabled" and REQUEST in each["enabled_events"] for each in endpoints)


def _decide(call: RequestContext, purchase: Object, request: Object, *, approved: bool, reason: str) -> Object:
    amount = request["amount"]
    first = not purchase["request_history"]
    asked = call.backend.store.get(_ASKED, str(purchase["id"])) if purchase["pending_request"] else None
    if approved:
        if not first:
            amount += purchase["amount"]
        purchase.update(approved=True, amount=amount, merchant_amount=amount)
        hold(call, purchase, request["amount"])
    elif first:
        purchase.update(amount=amount, merchant_amount=amount, status="closed")
    purchase["pending_request"] = None
    purchase["request_history"].append(
        {
            "amount": request["amount"],
            "amount_details": request["amount_details"],
            "approved": approved,
            "authorization_code": f"{int(call.backend.ids.uuid()[:6], 16) % 1_000_000:06d}" if approved else None,
            "created": call.now,
            "currency": request["currency"],
            "merchant_amount": request["merchant_amount"],
            "merchant_currency": request["merchant_currency"],
            "network_risk_score": None,
            "reason": reason,
            "reason_message": None,
            "requested_at": call.now if asked is None else asked["at"],
        }
    )
    return call.save(AUTHORIZATION, purchase)


def hold(call: RequestContext, purchase: Object, amount: int) -> None:
    """Hold an amount for a purchase."""
    _move(call, purchase, "issuing_authorization_hold", -amount)


def release(call: RequestContext, purchase: Object, amount: int | None) -> None:
    """Release what is held, or up to ``amount`` of it."""
    left = held(purchase)
    _move(call, purchase, "issuing_authorization_release", left if amount is None else min(left, amount))


def held(purchase: Object) -> int:
    """The amount that is held for an authorization."""
    return -sum(int(each["amount"]) for each in purchase["balance_transactions"])


def _move(call: RequestContext, purchase: Object, type: str, amount: int) -> None:
    if amount:
        entered = issuing_books.enter(call, type, amount, purchase["currency"], str(purchase["id"]))
        purchase["balance_transactions"].append(entered)


def approve(call: RequestContext) -> Object:
    """Approve an authorization, with another amount if ``is_amount_controllable`` allows it."""
    return _respond(call, call.subject(), call.params, approved=True)


def decline(call: RequestContext) -> Object:
    """Decline an authorization."""
    return _respond(call, call.subject(), call.params, approved=False)


def answer(call: RequestContext, id: str, decision: Any) -> None:
    """Decide by an endpoint's decoded response to the event; one that is no decision declines as an error."""
    purchase = call.find(AUTHORIZATION, id)
    if purchase is None or not purchase["pending_request"]:
        return
    if not isinstance(decision, dict) or not isinstance(decision.get("approved"), bool):
        _decide(call, purchase, purchase["pending_request"], approved=False, reason="webhook_error")
        return
    amount = decision.get("amount")
    params: Object = {"amount": amount} if type(amount) is int else {}
    if isinstance(decision.get("metadata"), dict):
        params["metadata"] = {str(name): str(value) for name, value in decision["metadata"].items()}
    _respond(call, purchase, params, approved=decision["approved"])


def _respond(call: RequestContext, purchase: Object, params: Object, *, approved: bool) -> Object:
    request = purchase["pending_request"]
    if not request:
        raise call.refuse("This authorization waits for no decision: it was approved or declined already.")
    amount = params.get("amount")
    if amount is not None and amount != request["amount"]:
        if not request["is_amount_controllable"] or amount < 1:
            raise call.refuse("The amount of this authorization cannot be controlled.", param="amount")
        request.update(amount=amount, merchant_amount=amount)
    if params.get("metadata"):
        purchase["metadata"] = {**purchase["metadata"], **params["metadata"]}
    reason = f"webhook_{'approved' if approved else 'declined'}"
    if approved and short_of_funds(call, request["amount"], purchase["currency"]):
        approved, reason = False, "insufficient_funds"
    return _decide(call, purchase, request, approved=approved, reason=reason)


def timed_out(call: RequestContext, id: str) -> None:
    """Decline an authorization that was not decided in time."""
    purchase = call.find(AUTHORIZATION, id)
    if purchase is not None and purchase["pending_request"]:
        _decide(call, purchase, purchase["pending_request"], approved=False, reason="webhook_timeout")


BEHAVIOURS = {"issuing.authorizations.approve": approve, "issuing.authorizations.decline": decline}
EFFECTS = {"issuing.authorizations.approve": {"amount"}}
DUE = {"issuing_request": timed_out}
