"""Capturing, raising and releasing the money that a payment intent holds.

https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
"""

from __future__ import annotations

from host.simulator.checks import at_least
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import amount_details, authorizations, charges, connect, invoice_payments, refunds
from host.simulator.stripe.confirmation import unexpected
from host.simulator.stripe.money import amount_of, check_amount, check_minor_units

_CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)
EFFECTS = {
    "payment_intents.cancel": {"cancellation_reason"},
    "payment_intents.capture": {"amount_to_capture", "final_capture", *amount_details.EFFECTS_OF},
    "payment_intents.increment_authorization": amount_details.EFFECTS_OF,
}
MAKES = {"charge"}


def cancel_intent(call: RequestContext) -> Object:
    """Cancel an intent that has neither succeeded nor been canceled, and release what it holds."""
    intent = call.subject()
    invoice_payments.check_own(call, intent, "cancel")
    if intent["status"] not in _CANCELABLE:
        raise unexpected(
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a "
            f"PaymentIntent with one of the following statuses may be canceled: {', '.join(_CANCELABLE)}.",
        )
    if intent["amount_received"]:
        instead = "A capture of 0 with final_capture=true releases what is left."
        call.not_modelled("canceling a payment that was captured in part", instead)
    return _cancel(call, intent, call.params.get("cancellation_reason"))


def _cancel(call: RequestContext, intent: Object, reason: str | None) -> Object:
    if intent["status"] == "requires_capture":
        refunds.release(call, call.load("charge", intent["latest_charge"]))
    elif intent["status"] == "processing":
        charge = call.load("charge", intent["latest_charge"])
        call.save("charge", {**charge, "status": "failed", "captured": False})
    return _set_canceled(call, intent, reason)


def _set_canceled(call: RequestContext, intent: Object, reason: str | None) -> Object:
    intent.update(
        status="canceled",
        canceled_at=call.now,
        cancellation_reason=reason,
        amount_capturable=0,
        next_action=None,
        processing=None,
    )
    return call.save("payment_intent", intent)


def release_intent(call: RequestContext, id: str) -> None:
    """Release what was not captured in time, which is no refund.

    https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow
    """
    intent = call.find("payment_intent", id)
    if intent is None or intent["status"] != "requires_capture":
        return
    if intent["amount_received"]:
        _capture_part(call, call.load("charge", intent["latest_charge"]), 0, final=True)
        call.save("payment_intent", {**intent, "status": "succeeded", "amount_capturable": 0})
        return
    call.announce("charge.expired", "charge", str(intent["latest_charge"]))
    _set_canceled(call, intent, "expired")


def capture_intent(call: RequestContext) -> Object:
    """Capture all or ``amount_to_capture`` of the authorized amount."""
    intent = call.subject()
    if intent["status"] != "requires_capture":
        raise unexpected(
            intent,
            "This PaymentIntent could not be captured because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be captured: "
            "requires_capture.",
        )
    final = call.params.get("final_capture") is not False
    if not (final or authorizations.asked(intent, "multicapture")):
        raise call.refuse(
            "`final_capture` can only be false for a PaymentIntent whose payment can be captured several times: its "
            "`payment_method_options[card][request_multicapture]` is not `if_available`.",
            param="final_capture",
        )
    amount = _amount_to_capture(call, intent, least=0 if final and intent["amount_received"] else 1)
    charge = call.load("charge", intent["latest_charge"])
    set_transfer(call, charge)
    rest = {k: v for k, v in call.params.items() if k not in ("amount_to_capture", "final_capture")}
    call.put(intent, rest)
    amount_details.take(call, intent, amount)
    # The fee that is collected is at most what is captured, whatever was said before.
    connect.check_division(call, intent, max(intent["amount"], intent["amount_received"] + amount), intent["currency"])
    card = charge["payment_method_details"]["type"] == "card"
    if card and call.params.get("statement_descriptor"):
        raise charges.no_descriptor(call)
    for name in ("application_fee_amount", "statement_descriptor", "statement_descriptor_suffix"):
        if name in call.params:
            charge[name] = call.params[name]
    received = intent["amount_received"] + amount
    left = max(0, intent["amount_capturable"] - amount)
    if final and not intent["amount_received"]:
        capture(call, charge, amount)
    else:
        _capture_part(call, charge, amount, final=final or not left)
    if final or not left:
        intent.update(status="succeeded", amount_received=received, amount_capturable=0)
    else:
        intent.update(amount_received=received, amount_capturable=left)
    return call.save("payment_intent", intent)


def set_transfer(call: RequestContext, charge: Object) -> None:
    """Set how much of a charge is transferred, if the parameters of its capture say so."""
    amount = (call.params.get("transfer_data") or {}).get("amount")
    if amount is None:
        return
    if not charge["transfer_data"]:
        raise call.refuse(
            f"Charge {charge['id']} has no transfer_data[destination], so nothing of it is transferred.",
            param="transfer_data[amount]",
        )
    charge["transfer_data"] = {**charge["transfer_data"], "amount": amount}


def _amount_to_capture(call: RequestContext, intent: Object, *, least: int) -> int:
    amount = amount_of(call, "amount_to_capture", intent["amount_capturable"])
    if amount < least:
        raise at_least("amount_to_capture", str(least))
    most = authorizations.most_capturable(intent)
    if amount > most:
        raise call.refuse(
            f"The requested capture amount is greater than the authorized amount ({amount} > {most}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    check_minor_units(amount, intent["currency"], "amount_to_capture")
    return amount


def _capture_part(call: RequestContext, charge: Object, amount: int, *, final: bool) -> None:
    """Make one of several captures; the last releases what is left. https://docs.stripe.com/payments/multicapture"""
    if charge.get("transfer_data") or charge.get("application_fee_amount"):
        call.not_modelled("capturing a divided payment in parts", "It is captured once.", "final_capture")
    if amount:
        charges.settle_part(call, charge, amount)
    if final:
        whole = charge["amount_refunded"] == charge["amount_captured"]
        call.save("charge", {**charge, "captured": True, "refunded": whole})
        charges.follow(call, charge)


def capture(call: RequestContext, charge: Object, amount: int) -> Object:
    """Capture ``amount`` of an authorized charge, and release the rest."""
    charge.update(captured=True, amount_captured=amount)
    charges.describe(call, charge)  # which the capture may have changed
    return charges.settle(call, charge)


def increment_intent(call: RequestContext) -> Object:
    """Raise the authorized amount of a payment that requested incremental authorization.

    https://docs.stripe.com/payments/incremental-authorization
    """
    intent = call.subject()
    if intent["status"] != "requires_capture":
        raise unexpected(
            intent,
            f"This PaymentIntent could not be incremented because it has a status of {intent['status']}.",
        )
    if not authorizations.asked(intent, "incremental_authorization"):
        raise call.refuse(
            "This PaymentIntent is not eligible for incremental authorization: its "
            "`payment_method_options[card][request_incremental_authorization]` is not `if_available`.",
        )
    if call.params["amount"] <= intent["amount"]:
        raise at_least("amount", str(intent["amount"] + 1))
    check_amount(call, charge=True, currency=intent["currency"])
    call.put(intent, call.params)
    amount_details.take(call, intent, intent["amount"])
    intent["amount_capturable"] = intent["amount"]
    charge = call.load("charge", intent["latest_charge"])
    card = charge["payment_method_details"]["card"]
    card |= {"amount_authorized": intent["amount"], "overcapture": authorizations.overcapture(intent, captured=False)}
    call.save("charge", {**charge, "amount": intent["amount"]})
    return call.save("payment_intent", intent)


BEHAVIOURS = {
    "payment_intents.cancel": cancel_intent,
    "payment_intents.capture": capture_intent,
    "payment_intents.increment_authorization": increment_intent,
}
DUE = {"release": release_intent}
