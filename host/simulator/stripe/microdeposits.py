"""Verifying a bank account by microdeposits, if a payment or setup intent requests it.

The amounts and codes are those of test mode: https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment,
"Test your integration". Without ``verification_method=microdeposits``, an account counts as verified immediately, as
after a login at the bank.
"""

from __future__ import annotations

from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.books import business_day

ACTION = "verify_with_microdeposits"
_TYPES = {"us_bank_account": "descriptor_code", "acss_debit": "amounts"}
_VERIFIED = "~verified"
_CODE = "payment_method_microdeposit_verification_"
# The outcome of the amounts and codes of test mode: "" for verified, or the end of an error's code.
_AMOUNTS = {(32, 45): "", (10, 11): "attempts_exceeded", (40, 41): "timeout"}
_DESCRIPTORS = {"SM11AA": "", "SM33CC": "attempts_exceeded", "SM44DD": "timeout"}
# https://docs.stripe.com/error-codes
_MESSAGES = {
    "amounts_invalid": "You must provide exactly two microdeposit amounts.",
    "amounts_mismatch": "The amounts provided do not match the amounts that were sent to the bank account.",
    "attempts_exceeded": "You have exceeded the number of allowed verification attempts.",
    "descriptor_code_mismatch": "The verification code provided does not match the one sent to the bank account.",
    "timeout": "The payment method was not verified with microdeposits within the required period.",
}


def are_needed(call: RequestContext, intent: Object, method: Object) -> bool:
    """Whether the intent requests microdeposits, and the account is not verified yet."""
    options = (intent.get("payment_method_options") or {}).get(method["type"]) or {}
    if method["type"] not in _TYPES or options.get("verification_method") != "microdeposits":
        return False
    return call.backend.store.record(_VERIFIED, str(method["id"])) is None


def next_action(call: RequestContext, method: Object) -> Object:
    """The intent's ``next_action``: to look for the deposits, which arrive on the next business day."""
    token = call.backend.ids.new("", 32)
    facts = {
        "arrival_date": business_day(call.now, 1),
        "hosted_verification_url": f"https://payments.stripe.com/microdeposit/pacs_test_{token}",
        "microdeposit_type": _TYPES[method["type"]],
    }
    return {"type": ACTION, ACTION: facts}


def check(call: RequestContext, method: Object) -> SimulatedError | None:
    """Verify the account by the amounts or the code that the customer saw.

    Returns ``None`` if it is verified, or the refusal if it failed for good. Raises :class:`SimulatedError` if it can
    be tried again.
    """
    amounts, descriptor = call.params.get("amounts"), call.params.get("descriptor_code")
    if (amounts is None) == (descriptor is None):
        raise invalid("You must provide one of amounts and descriptor_code.", "amounts")
    if amounts is not None and len(amounts) != 2:
        raise _refusal("amounts_invalid", "amounts")
    if amounts is not None:
        end = _AMOUNTS.get((min(amounts), max(amounts)), "amounts_mismatch")
    else:
        end = _DESCRIPTORS.get(str(descriptor), "descriptor_code_mismatch")
    if not end:
        call.backend.store.put(_VERIFIED, str(method["id"]), {})
        return None
    refusal = _refusal(end, "amounts" if amounts is not None else "descriptor_code")
    if end.endswith("mismatch"):
        raise refusal
    return refusal


def _refusal(end: str, param: str) -> SimulatedError:
    return SimulatedError(400, _MESSAGES[end], code=_CODE + end, param=param, worked=True, keep=True)


def error_of(refusal: SimulatedError, method: Object) -> Object:
    """The intent's last error, for a refusal."""
    return {"type": refusal.type, "code": refusal.code, "message": refusal.message, "payment_method": method}
