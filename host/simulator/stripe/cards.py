"""Stripe's test cards, and payment methods made of them. https://docs.stripe.com/testing"""

from __future__ import annotations

from typing import Any

import msgspec

from host.simulator.api_error import missing
from host.simulator.context import Object, RequestContext


class Card(msgspec.Struct, frozen=True):
    """How a card behaves; its last four digits tell which one it is."""

    last4: str
    brand: str = "visa"
    code: str = ""  # error code of its charges
    decline: str = ""
    message: str = ""
    action: bool = False  # asks for authentication


def _declined(last4: str, decline: str, message: str = "Your card was declined.") -> Card:
    return Card(last4, code="card_declined", decline=decline, message=message)


_INSUFFICIENT = "Your card has insufficient funds."
CARDS: dict[str, Card] = {
    "visa": Card("4242"),
    "visa_debit": Card("5556"),
    "mastercard": Card("4444", "mastercard"),
    "mastercard_debit": Card("3222", "mastercard"),
    "mastercard_prepaid": Card("5100", "mastercard"),
    "amex": Card("8431", "amex"),
    "discover": Card("9424", "discover"),
    "diners": Card("0004", "diners"),
    "jcb": Card("0505", "jcb"),
    "unionpay": Card("0000", "unionpay"),
    "us": Card("4242"),
    "chargeDeclined": _declined("0002", "generic_decline"),
    "visa_chargeDeclined": _declined("0002", "generic_decline"),
    "chargeDeclinedInsufficientFunds": _declined("9995", "insufficient_funds", _INSUFFICIENT),
    "visa_chargeDeclinedInsufficientFunds": _declined("9995", "insufficient_funds", _INSUFFICIENT),
    "chargeDeclinedLostCard": _declined("9987", "lost_card"),
    "visa_chargeDeclinedLostCard": _declined("9987", "lost_card"),
    "chargeDeclinedStolenCard": _declined("9979", "stolen_card"),
    "visa_chargeDeclinedStolenCard": _declined("9979", "stolen_card"),
    "chargeDeclinedFraudulent": _declined("0019", "fraudulent"),
    "chargeDeclinedExpiredCard": Card("0069", code="expired_card", message="Your card has expired."),
    "chargeDeclinedIncorrectCvc": Card("0127", code="incorrect_cvc", message="Your card's security code is incorrect."),
    "chargeDeclinedProcessingError": Card(
        "0119",
        code="processing_error",
        message="An error occurred while processing your card. Try again in a little bit.",
    ),
    "chargeCustomerFail": _declined("0341", "generic_decline"),
    "authenticationRequired": Card("3184", action=True),
    "authenticationRequiredOnSetup": Card("3155", action=True),
    "threeDSecureRequired": Card("3063", action=True),
    "threeDSecure2Required": Card("3220", action=True),
}
_BY_LAST4 = {card.last4: card for card in CARDS.values()}


def card_of(method: Object) -> Card:
    """How a payment method's charges end."""
    last4 = (method.get("card") or {}).get("last4", "")
    return _BY_LAST4.get(last4, CARDS["visa"])


def card_error(card: Card) -> Object:
    """The members that each error of a declined card has beside code and message."""
    return {"type": "card_error", **({"decline_code": card.decline} if card.decline else {})}


def payment_method(call: RequestContext, id: str, param: str = "payment_method") -> Object:
    """The payment method of that id; a test one (``pm_card_visa``, ``tok_visa``) is made on the spot."""
    found = call.find("payment_method", id)
    if found is not None:
        return found
    name = id.removeprefix("pm_card_").removeprefix("tok_")
    if name == id or name not in CARDS:
        raise missing("PaymentMethod", id, param, 400)
    return make(call, {"card": card_facts(call, CARDS[name])})


def make(call: RequestContext, fields: Object) -> Object:
    """A new payment method."""
    blank = {"card": None, "customer": None, "billing_details": _nobody()}
    return call.make("payment_method", {**blank, **fields})


def card_facts(call: RequestContext, card: Card, given: Object | None = None) -> Object:
    """The ``card`` member of a payment method; ``given`` has what the caller said of it."""
    given = given or {}
    year = 1970 + int(call.now / 31556952)
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": card.brand,
        "exp_month": given.get("exp_month", 12),
        "exp_year": given.get("exp_year", year + 4),
        "fingerprint": call.world.ids.new("", 16),
        "funding": "credit",
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def from_parameters(call: RequestContext, params: Object) -> Object:
    """The fields of a payment method described by ``type`` and the type's own table."""
    kind = params.get("type") or "card"
    fields: Object = {"type": kind}
    if kind == "card":
        said: Any = params.get("card") or {}
        token = str(said.get("token", "")).removeprefix("tok_")
        number = str(said.get("number", ""))
        card = CARDS.get(token) or _BY_LAST4.get(number[-4:]) or Card(number[-4:] or "4242")
        fields["card"] = card_facts(call, card, said)
    return fields


def _nobody() -> Object:
    places = ("city", "country", "line1", "line2", "postal_code", "state")
    return {
        "address": dict.fromkeys(places),
        "email": None,
        "name": None,
        "phone": None,
        "tax_id": None,
    }
