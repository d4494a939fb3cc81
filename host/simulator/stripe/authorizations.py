"""Authorizations of card payments: extended ones, capture in parts, and capture of more than was authorized.

An intent requests them in ``payment_method_options[card]``, and the charge shows in ``payment_method_details[card]``
which it has. https://docs.stripe.com/payments/flexible-payments
"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext

CAPTURE_WITHIN = 7 * 86400  # https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
_EXTENDED = 30 * 86400  # https://docs.stripe.com/payments/extended-authorization#availability
_IN_INSTALLMENTS = ("brl", "jpy", "mxn")
_OVER = 20  # percent: https://docs.stripe.com/payments/overcapture, the limit of most kinds of merchants


def options_of(intent: Object, kind: str = "card") -> Object:
    """The intent's options for a type of payment method."""
    options: Object = (intent.get("payment_method_options") or {}).get(kind) or {}
    return options


def is_manual(intent: Object, kind: str) -> bool:
    """Whether a payment by a type of payment method has to be captured by a separate request."""
    chosen = options_of(intent, kind).get("capture_method") or intent["capture_method"]
    return bool(chosen == "manual")


def asked(intent: Object, what: str) -> bool:
    """Whether the intent requests a feature, such as ``multicapture``. All cards in test mode have all of them."""
    return bool(options_of(intent).get(f"request_{what}") == "if_available")


def set_installments(call: RequestContext, intent: Object) -> None:
    """Say that a payment has no plans of installments, in a currency that has none.

    https://docs.stripe.com/payments/mx-installments
    """
    asked = options_of(intent).get("installments") or {}
    if asked.get("plan") or (asked.get("enabled") and intent.get("currency") in _IN_INSTALLMENTS):
        call.not_modelled("installments", "Payments are made at once.", "payment_method_options[card][installments]")
    elif asked.get("enabled"):
        asked["available_plans"] = []


def network_of(intent: Object, card: Object) -> str:
    """The network a card's payment goes over: the one asked for, else what the cardholder prefers, else its brand's.

    https://docs.stripe.com/co-branded-cards-compliance
    """
    networks = card.get("networks") or {}
    wanted = options_of(intent).get("network") or networks.get("preferred")
    return str(wanted if wanted in (networks.get("available") or ()) else card["brand"])


def capture_within(intent: Object) -> int:
    """How many seconds an uncaptured payment is held."""
    return _EXTENDED if asked(intent, "extended_authorization") else CAPTURE_WITHIN


def most_capturable(intent: Object) -> int:
    """The largest amount that can still be captured."""
    over = int(intent["amount"]) * _OVER // 100 if asked(intent, "overcapture") else 0
    return int(intent["amount_capturable"]) + over


def overcapture(source: Object, *, captured: bool) -> Object:
    """The ``overcapture`` member of a charge's card: whether more than was authorized can be captured, and how much."""
    amount, can = int(source["amount"]), not captured and asked(source, "overcapture")
    most = amount + amount * _OVER // 100 if can else amount
    return {"maximum_amount_capturable": most, "status": "available" if can else "unavailable"}


def details(call: RequestContext, source: Object, captured: bool) -> Object:
    """The members of a charge's card about its authorization; ``source`` is its intent."""

    def status(what: str) -> Object:
        return {"status": "available" if not captured and asked(source, what) else "unavailable"}

    late = not captured and asked(source, "extended_authorization")
    facts: Object = {
        "amount_authorized": source["amount"],
        "extended_authorization": {"status": "enabled" if late else "disabled"},
        "incremental_authorization": status("incremental_authorization"),
        "multicapture": status("multicapture"),
        "overcapture": overcapture(source, captured=captured),
    }
    if not captured:
        facts["capture_before"] = call.now + capture_within(source)
    return facts
