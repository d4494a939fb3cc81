"""Refunds of charges. https://docs.stripe.com/refunds"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.money import amount_of, check_amount, shown


def create_refund(call: RequestContext) -> Object:
    """All or a part of a charge, given back."""
    if ("charge" in call.params) == ("payment_intent" in call.params):
        raise call.refuse(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    check_amount(call)
    charge = _refundable(call)
    left = charge["amount_captured"] - _refunded(call, charge)
    amount = amount_of(call, "amount", left)
    if left <= 0:
        raise call.refuse(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount > left:
        currency = charge["currency"]
        raise call.refuse(
            f"Refund amount ({shown(amount, currency)}) is greater than unrefunded amount on charge "
            f"({shown(left, currency)})",
            code="charge_already_refunded" if left < charge["amount_captured"] else "amount_too_large",
            param="amount",
        )
    refund = call.put(resources.fresh(call), call.params)
    refund.update(
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        payment_intent=charge.get("payment_intent"),
        destination_details={"type": "card", "card": {"type": "refund"}},
    )
    charge["amount_refunded"] += amount
    charge["refunded"] = amount == left
    call.save("charge", charge)
    return call.save("refund", refund)


def _refundable(call: RequestContext) -> Object:
    intent_id = call.params.get("payment_intent")
    if intent_id is None:
        charge = call.load("charge", call.params["charge"], "charge", 400)
    else:
        intent = call.load("payment_intent", intent_id, "payment_intent", 400)
        if intent["status"] != "succeeded":
            raise call.refuse(
                f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
                param="payment_intent",
            )
        charge = call.load("charge", intent["latest_charge"])
    if not charge["paid"] or not charge["captured"]:
        raise call.refuse(f"Charge {charge['id']} is not a successful, captured charge.", param="charge")
    return charge


def _refunded(call: RequestContext, charge: Object) -> int:
    """What was given back so far; what was authorised but never captured is not in it."""
    return int(charge["amount_refunded"] - (charge["amount"] - charge["amount_captured"]))
