"""Payment intents, setup intents and charges. https://docs.stripe.com/payments/paymentintents/lifecycle"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import Refusal
from host.simulator.checks import at_least
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.cards import Card, card_error, card_of, from_parameters, make, payment_method
from host.simulator.stripe.money import amount_of, check_amount, check_currency, shown

_WAITING = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)


def create_intent(call: RequestContext) -> Object:
    """``requires_payment_method``, or further with a payment method and ``confirm``."""
    check_currency(call)
    check_amount(call, charge=True)
    intent = call.put(resources.fresh(call), call.params)
    intent["client_secret"] = f"{intent['id']}_secret_{call.world.ids.new('', 25)}"
    if (call.params.get("automatic_payment_methods") or {}).get("enabled"):
        intent["automatic_payment_methods"].setdefault("allow_redirects", "always")
    take_method(call, intent)
    call.save("payment_intent", intent)
    return _confirm(call, intent) if call.params.get("confirm") else intent


def update_intent(call: RequestContext) -> Object:
    """Amounts and the method can change until it is confirmed."""
    intent = call.subject()
    if intent["status"] not in _WAITING:
        for name in ("amount", "currency", "payment_method"):
            if name in call.params:
                raise call.refuse(
                    f"This PaymentIntent's {name} could not be updated because it has a status of "
                    f"{intent['status']}. You may only update the {name} of a PaymentIntent with one of the "
                    f"following statuses: {', '.join(_WAITING)}.",
                    code="payment_intent_unexpected_state",
                    param=name,
                )
    check_currency(call)
    check_amount(call, charge=True)
    call.put(intent, call.params)
    take_method(call, intent)
    return call.save("payment_intent", intent)


def confirm_intent(call: RequestContext) -> Object:
    """``succeeded``, ``requires_capture``, ``requires_action``, or 402."""
    intent = call.subject()
    call.put(intent, call.params)
    take_method(call, intent)
    return _confirm(call, intent)


def take_method(call: RequestContext, intent: Object) -> None:
    """Set the payment method that the parameters name or describe, if any."""
    given, data = call.params.get("payment_method"), call.params.get("payment_method_data")
    if given:
        method = payment_method(call, given)
    elif data:
        method = make(call, from_parameters(call, data))
    else:
        return
    intent["payment_method"] = method["id"]
    if intent["status"] == "requires_payment_method":
        intent["status"] = "requires_confirmation"


def _confirm(call: RequestContext, intent: Object) -> Object:
    status = intent["status"]
    if status == "succeeded":
        raise _unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
        )
    if status not in _WAITING:
        raise _unexpected(intent, f"You cannot confirm this PaymentIntent because it has a status of {status}.")
    if not intent.get("payment_method"):
        raise _unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
            "update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
            "directly with a payment method or ConfirmationToken.",
        )
    method = payment_method(call, intent["payment_method"])
    card = card_of(method)
    if card.action and status != "requires_action":
        intent["status"] = "requires_action"
        intent["next_action"] = {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {
                "type": "three_d_secure_redirect",
                "stripe_js": "https://hooks.stripe.com/redirect",
            },
        }
        return call.save("payment_intent", intent)
    charge_intent(call, intent, method)
    return call.save("payment_intent", intent)


def charge_intent(call: RequestContext, intent: Object, method: Object) -> Object:
    """Charge the intent's method; the intent is changed but not kept. :class:`Refusal` 402 if declined."""
    card = card_of(method)
    manual = intent["capture_method"] == "manual"
    charge = make_charge(call, intent, method, captured=not manual, failed=card if card.code else None)
    intent["latest_charge"] = charge["id"]
    intent["next_action"] = None
    if card.code:
        error = _card_error(card, charge)
        intent["status"] = "requires_payment_method"
        intent["payment_method"] = None
        intent["last_payment_error"] = {**error, "payment_method": method}
        call.save("payment_intent", intent)
        raise Refusal(
            402,
            card.message,
            code=card.code,
            worked=True,
            keep=True,
            **_extra(error),
            payment_intent=dict(intent),
            payment_method=method,
        )
    intent["last_payment_error"] = None
    intent["status"] = "requires_capture" if manual else "succeeded"
    intent["amount_capturable" if manual else "amount_received"] = intent["amount"]
    if intent.get("customer") and intent.get("setup_future_usage"):
        call.save("payment_method", {**method, "customer": intent["customer"]})
    return charge


def _card_error(card: Card, charge: Object) -> Object:
    return {**card_error(card), "code": card.code, "message": card.message, "charge": charge["id"]}


def _extra(error: Object) -> Object:
    return {name: value for name, value in error.items() if name not in ("message", "code")}


def make_charge(
    call: RequestContext, source: Object, method: Object, *, captured: bool, failed: Card | None = None
) -> Object:
    """The charge that an intent or a legacy request (``source``) leads to."""
    amount = source["amount"]
    id = call.new_id("charge")
    fields: Object = {
        "amount": amount,
        "amount_captured": amount if captured and not failed else 0,
        "billing_details": method["billing_details"],
        "captured": captured and not failed,
        "currency": source["currency"],
        "customer": source.get("customer"),
        "description": source.get("description"),
        "metadata": dict(source.get("metadata") or {}),
        "paid": failed is None,
        "payment_intent": source["id"] if source.get("object") == "payment_intent" else None,
        "payment_method": method["id"],
        "payment_method_details": {"type": method["type"], method["type"]: method.get(method["type"])},
        "receipt_email": source.get("receipt_email"),
        "receipt_url": None if failed else f"https://pay.stripe.com/receipts/{id}",
        "status": "failed" if failed else "succeeded",
    }
    if failed:
        fields["failure_code"], fields["failure_message"] = failed.code, failed.message
        fields["outcome"] = {
            "network_status": "declined_by_network",
            "reason": failed.decline or failed.code,
            "risk_level": "normal",
            "seller_message": "The bank did not return any further details with this decline.",
            "type": "issuer_declined",
        }
    return call.make("charge", fields, id=id)


def cancel_intent(call: RequestContext) -> Object:
    """``canceled``, from any state but success and cancellation."""
    intent = call.subject()
    if intent["status"] not in _CANCELABLE:
        raise _unexpected(
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a "
            f"PaymentIntent with one of the following statuses may be canceled: {', '.join(_CANCELABLE)}.",
        )
    intent.update(
        status="canceled",
        canceled_at=call.now,
        cancellation_reason=call.params.get("cancellation_reason"),
        amount_capturable=0,
        next_action=None,
    )
    return call.save("payment_intent", intent)


def capture_intent(call: RequestContext) -> Object:
    """``succeeded`` with all or ``amount_to_capture`` of what was authorised."""
    intent = call.subject()
    if intent["status"] != "requires_capture":
        raise _unexpected(
            intent,
            "This PaymentIntent could not be captured because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be captured: "
            "requires_capture.",
        )
    check_amount(call, "amount_to_capture")
    amount = amount_of(call, "amount_to_capture", intent["amount_capturable"])
    if amount > intent["amount_capturable"]:
        raise call.refuse(
            f"The requested capture amount is greater than the authorized amount ({amount} > "
            f"{intent['amount_capturable']}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    charge = call.load("charge", intent["latest_charge"])
    _capture(charge, amount)
    call.save("charge", charge)
    intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
    call.put(intent, {k: v for k, v in call.params.items() if k == "metadata"})
    return call.save("payment_intent", intent)


def _capture(charge: Object, amount: int) -> None:
    # What is not captured goes back, and counts as refunded: https://docs.stripe.com/api/charges/capture
    charge.update(captured=True, amount_captured=amount, amount_refunded=charge["amount"] - amount)


def increment_intent(call: RequestContext) -> Object:
    """A higher authorised amount."""
    intent = call.subject()
    if intent["status"] != "requires_capture":
        raise _unexpected(
            intent,
            f"This PaymentIntent could not be incremented because it has a status of {intent['status']}.",
        )
    if call.params["amount"] <= intent["amount"]:
        raise at_least("amount", str(intent["amount"] + 1))
    call.put(intent, call.params)
    intent["amount_capturable"] = intent["amount"]
    charge = call.load("charge", intent["latest_charge"])
    call.save("charge", {**charge, "amount": intent["amount"]})
    return call.save("payment_intent", intent)


def _unexpected(intent: Object, message: str) -> Refusal:
    return Refusal(400, message, code="payment_intent_unexpected_state", worked=True, payment_intent=dict(intent))


def create_charge(call: RequestContext) -> Object:
    """A charge of a token or payment method, the old way."""
    check_currency(call)
    check_amount(call, charge=True)
    for name in ("amount", "currency"):
        if name not in call.params:
            raise Refusal(400, f"Missing required param: {name}.", code="parameter_missing", param=name)
    source = call.params.get("source")
    if not isinstance(source, str):
        if "customer" not in call.params:
            raise Refusal(400, "Must provide source or customer.", code="missing")
        source = "tok_visa"
    method = payment_method(call, source, "source")
    card = card_of(method)
    facts = {name: value for name, value in call.params.items() if name != "source"}
    captured = call.params.get("capture", True)
    charge = make_charge(call, facts, method, captured=captured, failed=card if card.code else None)
    if card.code:
        error = _card_error(card, charge)
        raise Refusal(402, card.message, code=card.code, worked=True, keep=True, **_extra(error))
    return charge


def capture_charge(call: RequestContext) -> Object:
    """All or a part of an authorised charge."""
    charge = call.subject()
    if charge["captured"]:
        raise call.refuse(f"Charge {charge['id']} has already been captured.", code="charge_already_captured")
    amount = amount_of(call, "amount", charge["amount"])
    if amount > charge["amount"]:
        raise call.refuse(
            f"Amount to capture ({shown(amount, charge['currency'])}) is greater than the charge.",
            code="amount_too_large",
            param="amount",
        )
    _capture(charge, amount)
    return call.save("charge", charge)
