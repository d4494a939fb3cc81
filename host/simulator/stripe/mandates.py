"""Mandates: the permission to debit a customer's bank account. https://docs.stripe.com/api/mandates"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.bank_debits import CURRENCIES

MAKES = {"mandate"}
_URL = "https://hooks.stripe.com/mandates/"
_OF_METHOD = "~mandate"  # by payment method: its mandate
# The mandate data of a customer who agreed on a hosted page.
ON_PAGE: Object = {"customer_acceptance": {"type": "online", "online": {}}}
_MISSING = (
    "This {noun} requires a mandate, but no existing mandate was found. Collect mandate acceptance from the customer "
    "and try again, providing acceptance data in the mandate_data parameter."
)


def mandate_of(call: RequestContext, method: Object) -> str | None:
    """The id of the mandate for a bank account, or ``None``."""
    found = call.backend.store.get(_OF_METHOD, str(method["id"]))
    return str(found["mandate"]) if found else None


def need_mandate(call: RequestContext, intent: Object, method: Object) -> None:
    """Take the mandate of the request, and refuse to debit an account without one; the intent stays saved.

    https://docs.stripe.com/payments/payment-methods#mandates, https://docs.stripe.com/error-codes
    """
    if id := call.params.get("mandate"):
        mandate = call.load("mandate", id, "mandate", 400)
        if mandate["payment_method"] != method["id"]:
            raise call.refuse(f"The mandate {id} is of another payment method.", param="mandate")
    elif call.params.get("mandate_data"):
        take_mandate(call, method)
    elif method["type"] in CURRENCIES and not mandate_of(call, method):
        setup = intent["object"] == "setup_intent"
        message = _MISSING.format(noun="SetupIntent" if setup else "PaymentIntent")
        code = None if setup else "payment_intent_mandate_invalid"
        refusal = SimulatedError(400, message, code=code, worked=True, keep=True)
        refusal.more[str(intent["object"])] = dict(intent)
        raise refusal


def take_mandate(call: RequestContext, method: Object) -> Object:
    """Create the mandate that ``mandate_data`` describes for a payment method."""
    data: Any = call.params["mandate_data"] or {}
    acceptance: Any = data.get("customer_acceptance") or {"type": "offline"}
    kind, reference = method["type"], call.backend.ids.code(16)
    details: dict[str, Object] = {
        "acss_debit": {"payment_schedule": "sporadic", "transaction_type": "personal"},
        "au_becs_debit": {"url": _URL + reference},
        "bacs_debit": {"network_status": "accepted", "reference": reference, "url": _URL + reference},
        "sepa_debit": {"reference": reference, "url": _URL + reference},
    }
    accepted: Object = {
        "accepted_at": acceptance.get("accepted_at") or call.now,
        "offline": {} if acceptance["type"] == "offline" else None,
        "online": None,
        "type": acceptance["type"],
    }
    if acceptance["type"] == "online":
        online = acceptance.get("online") or {}
        accepted["online"] = {name: online.get(name) for name in ("ip_address", "user_agent")}
    made = call.make(
        "mandate",
        {
            "customer_acceptance": accepted,
            "multi_use": {},
            "payment_method": method["id"],
            "payment_method_details": {"type": kind, kind: details.get(kind, {})},
            "single_use": None,
            "status": "active",
            "type": "multi_use",
        },
    )
    call.backend.store.put(_OF_METHOD, str(method["id"]), {"mandate": made["id"]})
    return made
