"""Payments by voucher, which the customer pays later in a shop or at a bank, or lets expire.

https://docs.stripe.com/payments/oxxo, …/boleto, …/multibanco, …/konbini: in test mode the customer's e-mail address
determines the outcome.
"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import authorizations, charges
from host.simulator.stripe.payment_methods import payment_method
from host.simulator.stripe.periods import DAY

# By type of payment method: its currencies, and how many days a voucher is valid by default.
KINDS: dict[str, tuple[tuple[str, ...], int]] = {
    "boleto": (("brl",), 3),
    "konbini": (("jpy",), 3),
    "multibanco": (("eur",), 7),
    "oxxo": (("mxn",), 3),
}
_STORES = ("familymart", "lawson", "ministop", "seicomart")
_SOON, _LATER = 5, 180  # seconds
# By the end of the address before the @: after how many seconds, and whether the customer pays (else it expires).
_ENDS: dict[str, tuple[int | None, bool]] = {
    "succeed_immediately": (_SOON, True),
    "expire_immediately": (_SOON, False),
    "expire_with_delay": (_LATER, False),
    "fill_never": (None, False),
}
_EXPIRED = "The voucher was not paid before it expired."
MAKES = {"charge"}


def begin(call: RequestContext, intent: Object, method: Object) -> Object:
    """Create the customer's voucher, and save the intent, which waits for its payment."""
    kind = str(method["type"])
    email = (method.get("billing_details") or {}).get("email")
    if not email:
        place = "payment_method_data[billing_details][email]"
        raise invalid(f"Missing required param: {place}.", place, "parameter_missing")
    days = authorizations.options_of(intent, kind).get("expires_after_days") or KINDS[kind][1]
    expires = call.now + int(days) * DAY
    after, paid = next((end for word, end in _ENDS.items() if email.partition("@")[0].endswith(word)), (_LATER, True))
    name = f"{kind}_display_details"
    intent.update(status="requires_action", next_action={"type": name, name: _details(call, kind, expires)})
    due = expires if after is None else call.now + after
    call.backend.agenda.add(call, due, "pay_voucher" if paid else "expire_voucher", str(intent["id"]))
    return call.save("payment_intent", intent)


def waits(intent: Object) -> bool:
    """Whether an intent waits for its voucher to be paid."""
    return str((intent.get("next_action") or {}).get("type")).endswith("_display_details")


def _details(call: RequestContext, kind: str, expires: int) -> Object:
    page = f"https://payments.stripe.com/{kind}/voucher/test_{call.backend.ids.new('', 24)}"
    shown: dict[str, Any] = {"hosted_voucher_url": page, "expires_at": expires}
    if kind == "oxxo":
        shown = {"hosted_voucher_url": page, "expires_after": expires, "number": _digits(call, 18)}
    elif kind == "boleto":
        shown |= {"number": _digits(call, 47), "pdf": f"{page}/pdf"}
    elif kind == "multibanco":
        shown |= {"entity": _digits(call, 5), "reference": _digits(call, 9)}
    else:
        shown["stores"] = {
            store: {"confirmation_number": _digits(call, 11), "payment_code": _digits(call, 6)} for store in _STORES
        }
    return shown


def _digits(call: RequestContext, length: int) -> str:
    return str(int(call.backend.ids.uuid().replace("-", ""), 16) * 10**20)[:length]


def pay(call: RequestContext, id: str) -> None:
    """Let the customer pay the voucher of an intent."""
    intent = call.find("payment_intent", id)
    if intent is None or not waits(intent):
        return
    method = payment_method(call, intent["payment_method"])
    charge = charges.make_charge(call, intent, method, captured=True)
    intent.update(status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"], next_action=None)
    charges.settle(call, charge, method)
    call.save("payment_intent", intent)


def expire(call: RequestContext, id: str) -> None:
    """Let the voucher of an intent expire."""
    intent = call.find("payment_intent", id)
    if intent is None or not waits(intent):
        return
    code = "payment_intent_payment_attempt_expired"
    error: Object = {
        "code": code,
        "doc_url": "https://stripe.com/docs/error-codes/" + code.replace("_", "-"),
        "message": _EXPIRED,
        "payment_method": payment_method(call, intent["payment_method"]),
        "type": "invalid_request_error",
    }
    intent.update(status="requires_payment_method", payment_method=None, next_action=None, last_payment_error=error)
    call.save("payment_intent", intent)


DUE = {"pay_voucher": pay, "expire_voucher": expire}
