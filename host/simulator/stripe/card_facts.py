"""Checks card numbers, and makes the members of objects that describe a card. https://docs.stripe.com/testing"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.sandbox_cards import ADVICE, CARDS, FINGERPRINTS, NETWORK, NUMBERS, Card

_INVALID = {
    "incorrect_number": ("number", "Your card number is incorrect."),
    "invalid_number": ("number", "The card number is not a valid credit card number."),
    "invalid_expiry_month": ("exp_month", "Your card's expiration month is invalid."),
    "invalid_expiry_year": ("exp_year", "Your card's expiration year is invalid."),
    "invalid_cvc": ("cvc", "Your card's security code is invalid."),
}
_LIVE = "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test "


def card_named(id: str) -> Card | None:
    """The test card that ``pm_card_visa``, ``tok_visa`` or ``tok_visa_createDispute`` names."""
    for prefix in ("pm_card_", "tok_"):
        if id.startswith(prefix):
            name = id.removeprefix(prefix)
            return CARDS.get(name) or CARDS.get(name.removeprefix("visa_"))
    return None


def card_of(method: Object) -> Card:
    """The test card of a payment method; for one that is no card, a card whose payments succeed."""
    known = FINGERPRINTS.get((method.get("card") or {}).get("fingerprint") or "")
    return known or CARDS["visa"]


def card_error(card: Card) -> Object:
    """The members of a declined card's error besides code and message."""
    error: Object = {"type": "card_error"}
    if card.decline:
        error["decline_code"] = card.decline
    if advice := ADVICE.get(card.decline or card.code):
        error["advice_code"] = advice
    if network := NETWORK.get(card.decline):
        error["network_decline_code"] = network
    return error


def check_card(call: RequestContext, given: Object, param: str = "card") -> Card:
    """The test card with the given number. Raises :class:`SimulatedError` (402) for a wrong number, date or code."""
    number = str(given.get("number", "")).replace(" ", "").replace("-", "")
    if not (number.isascii() and number.isdecimal()) or not 12 <= len(number) <= 19:
        raise _invalid("invalid_number", param)
    if not luhn(number):
        raise _invalid("incorrect_number", param)
    _check_date(call, given, param)
    card = NUMBERS.get(number)
    cvc = given.get("cvc")
    if cvc is not None and not (str(cvc).isdecimal() and len(str(cvc)) in ((3, 4) if number[0] == "3" else (3,))):
        raise _invalid("invalid_cvc", param)
    if card is None:
        raise SimulatedError(
            402,
            f"{_LIVE}cards, visit: https://stripe.com/docs/testing.",
            type="card_error",
            code="card_declined",
            param=param,
            decline_code="test_mode_live_card",
        )
    return card


def check_new_card(call: RequestContext, given: Object, param: str = "card") -> Card:
    """The same for a new card, whose number and expiry date are required."""
    for name in ("number", "exp_month", "exp_year"):
        if given.get(name) is None:
            raise invalid(f"Missing required param: {param}[{name}].", f"{param}[{name}]", "parameter_missing")
    return check_card(call, given, param)


def _check_date(call: RequestContext, given: Object, param: str) -> None:
    month, year = _number(given.get("exp_month")), _number(given.get("exp_year"))
    now = datetime.fromtimestamp(call.now, UTC)
    if month is not None and not 1 <= month <= 12:
        raise _invalid("invalid_expiry_month", param)
    if year is None:
        return
    year = full_year(year)
    if not now.year <= year <= now.year + 50:
        raise _invalid("invalid_expiry_year", param)
    if year == now.year and month is not None and month < now.month:
        raise _invalid("invalid_expiry_month", param)


def full_year(year: int) -> int:
    """A year that may have two digits: ``34`` → 2034."""
    return year + 2000 if 0 <= year < 100 else year


def _number(value: Any) -> int | None:
    if value is None:
        return None
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 6 else -1


def luhn(number: str) -> bool:
    """Whether the check digit of a card number is right (the Luhn algorithm)."""
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


def _invalid(code: str, param: str) -> SimulatedError:
    name, message = _INVALID[code]
    return SimulatedError(
        402, message, type="card_error", code=code, param=f"{param}[{name}]" if param != "card" else name
    )


def card_facts(call: RequestContext, card: Card, given: Object | None = None) -> Object:
    """The ``card`` member of a payment method; ``given`` are the caller's parameters for it."""
    given = given or {}
    year = 1970 + int(call.now / 31556952)
    checked = "cvc" in given or not given.get("number")
    available = list(card.networks) or [card.brand]
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "unchecked" if checked else None,
        },
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": int(given.get("exp_month") or 12),
        "exp_year": full_year(int(given.get("exp_year") or year + 4)),
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {
            "available": available,
            "preferred": ((given.get("networks") or {}).get("preferred")),
        },
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.three_d_secure},
        "wallet": None,
    }


def shown_of(facts: Object) -> Object:
    """The members of a card that sources and setup attempts show as well."""
    names = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    return {name: facts[name] for name in names}


def checks_done(method: Object) -> Object:
    """The checks of a card after a payment: only what the customer gave is checked."""
    card, checks = card_of(method), (method.get("card") or {}).get("checks") or {}
    address = (method.get("billing_details") or {}).get("address") or {}
    return {
        "address_line1_check": card.line1 if address.get("line1") else None,
        "address_postal_code_check": card.postal_code if address.get("postal_code") else None,
        "cvc_check": card.cvc if checks.get("cvc_check") else None,
    }
