"""Mandates: what a customer agreed to, for debits of a bank account. https://docs.stripe.com/api/mandates"""

from __future__ import annotations

from typing import Any

from host.simulator.context import Object, RequestContext

MAKES = {"mandate"}
_URL = "https://hooks.stripe.com/mandates/"


def take_mandate(call: RequestContext, method: Object) -> Object:
    """The mandate that ``mandate_data`` describes, for a payment method; kept."""
    data: Any = call.params["mandate_data"] or {}
    acceptance: Any = data.get("customer_acceptance") or {"type": "offline"}
    kind, reference = method["type"], call.world.ids.code(16)
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
    return call.make(
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
