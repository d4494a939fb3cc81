"""Payment intents. https://docs.stripe.com/payments/paymentintents/lifecycle"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import Refusal, invalid
from host.simulator.checks import at_least
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import charges, confirmation_tokens, connect, microdeposits, refunds
from host.simulator.stripe.confirmation import (
    WAITING,
    charge_intent,
    confirm,
    new_intent,
    pay_with,
    unexpected,
)
from host.simulator.stripe.mandates import take_mandate
from host.simulator.stripe.money import amount_of, check_amount, check_currency
from host.simulator.stripe.payment_methods import check_usable, from_parameters, make, payment_method

__all__ = ["charge_intent", "confirm", "new_intent", "pay_with"]

_CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)
_AT_CONFIRMATION = ("return_url", "off_session", "error_on_requires_action", "mandate_data", "confirmation_token")
_CONFIRM = {*_AT_CONFIRMATION, "confirmation_token", "payment_method", "payment_method_data", "use_stripe_sdk"}
EFFECTS = {
    "payment_intents.cancel": {"cancellation_reason"},
    "payment_intents.capture": {"amount_to_capture", "final_capture"},
    "payment_intents.confirm": _CONFIRM,
    "payment_intents.create": {*_CONFIRM, "confirm"},
    "payment_intents.update": {"payment_method", "payment_method_data"},
    "payment_intents.verify_microdeposits": {"amounts", "descriptor_code"},
}
NO_RETURN_URL = (
    "This {noun} is configured to accept payment methods enabled in your Dashboard. Because some of these payment "
    "methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to "
    "accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
)


def create_intent(call: RequestContext) -> Object:
    """``requires_payment_method``, or further with a payment method and ``confirm``."""
    check_currency(call)
    check_amount(call, charge=True)
    connect.check_division(call, call.params, call.params["amount"], call.params["currency"])
    intent = call.put(resources.fresh(call), call.params)
    intent["client_secret"] = f"{intent['id']}_secret_{call.world.ids.new('', 25)}"
    set_types(call, intent)
    if not call.params.get("confirm"):
        for name in _AT_CONFIRMATION:
            if name in call.params:
                raise invalid(f"The parameter `{name}` can only be used when `confirm` is set to true.", name)
    take_method(call, intent)
    call.save("payment_intent", intent)
    return _confirm(call, intent) if call.params.get("confirm") else intent


def set_types(call: RequestContext, intent: Object) -> None:
    """Which types of payment method an intent takes: those named, else the account's, of which cards are sure."""
    if allowed := call.params.get("allowed_payment_method_types"):
        if call.params.get("automatic_payment_methods", {}).get("enabled"):
            raise invalid(
                "You may only specify one of these parameters: automatic_payment_methods, "
                "allowed_payment_method_types.",
                code="parameters_exclusive",
            )
        intent["payment_method_types"] = list(allowed)
    if (call.params.get("automatic_payment_methods") or {}).get("enabled"):
        automatic = intent["automatic_payment_methods"]
        automatic["allow_redirects"] = automatic.get("allow_redirects") or "always"


def update_intent(call: RequestContext) -> Object:
    """Amounts and the method can change until it is confirmed."""
    intent = call.subject()
    if intent["status"] not in WAITING:
        for name in ("amount", "currency", "payment_method", "application_fee_amount", "customer"):
            if name in call.params:
                raise Refusal(
                    400,
                    f"This PaymentIntent's {name} could not be updated because it has a status of "
                    f"{intent['status']}. You may only update the {name} of a PaymentIntent with one of the "
                    f"following statuses: {', '.join(WAITING)}.",
                    code="payment_intent_unexpected_state",
                    param=name,
                    worked=True,
                    payment_intent=dict(intent),
                )
    check_currency(call)
    check_amount(call, charge=True, currency=call.params.get("currency") or intent["currency"])
    call.put(intent, call.params)
    connect.check_division(call, intent, intent["amount"], intent["currency"])
    set_types(call, intent)
    take_method(call, intent)
    return call.save("payment_intent", intent)


def confirm_intent(call: RequestContext) -> Object:
    """``succeeded``, ``requires_capture``, ``requires_action``, ``processing``, or 402."""
    intent = call.subject()
    call.put(intent, call.params)
    set_types(call, intent)
    take_method(call, intent)
    return _confirm(call, intent)


def _confirm(call: RequestContext, intent: Object) -> Object:
    check_return_url(call, intent, "PaymentIntent")
    if intent.get("payment_method") and call.params.get("mandate_data"):
        take_mandate(call, payment_method(call, intent["payment_method"]))
    return confirm(call, intent, off_session=bool(call.params.get("off_session")))


def check_return_url(call: RequestContext, intent: Object, noun: str) -> None:
    """An intent that may redirect needs to know where to come back."""
    automatic = intent.get("automatic_payment_methods") or {}
    redirects = automatic.get("enabled") and automatic.get("allow_redirects") != "never"
    if redirects and not call.params.get("return_url") and intent["status"] != "requires_action":
        raise Refusal(400, NO_RETURN_URL.format(noun=noun), worked=True)


def take_method(call: RequestContext, intent: Object) -> None:
    """Set the payment method that the parameters name or describe, if any."""
    given, data = call.params.get("payment_method"), call.params.get("payment_method_data")
    if token := call.params.get("confirmation_token"):
        method = confirmation_tokens.use(call, token, intent)
    elif given:
        method = payment_method(call, given)
    elif data:
        method = make(call, from_parameters(call, data, "payment_method_data"))
        for name in ("billing_details", "metadata", "allow_redisplay"):
            if data.get(name):
                merged = {**method[name], **data[name]} if isinstance(data[name], dict) else data[name]
                method = call.save("payment_method", {**method, name: merged})
    else:
        return
    noun = "SetupIntent" if intent["object"] == "setup_intent" else "PaymentIntent"
    check_usable(call, method, intent.get("customer"), noun)
    if intent["status"] == "requires_action" and intent["payment_method"] != method["id"]:
        intent["status"] = "requires_confirmation"
    intent["payment_method"] = method["id"]
    if intent["status"] == "requires_payment_method":
        intent["status"] = "requires_confirmation"


def verify_intent(call: RequestContext) -> Object:
    """The account is verified by its deposits, and debited."""
    intent = call.subject()
    if (intent.get("next_action") or {}).get("type") != microdeposits.ACTION:
        raise unexpected(intent, "This PaymentIntent does not wait for microdeposits.")
    method = payment_method(call, intent["payment_method"])
    refusal = microdeposits.check(call, method)
    if refusal is None:
        return confirm(call, intent)
    error = microdeposits.error_of(refusal, method)
    intent.update(status="requires_payment_method", payment_method=None, next_action=None, last_payment_error=error)
    call.save("payment_intent", intent)
    raise refusal


def cancel_intent(call: RequestContext) -> Object:
    """``canceled``, from any state but success and cancellation; what was held is released."""
    intent = call.subject()
    if intent["status"] not in _CANCELABLE:
        raise unexpected(
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a "
            f"PaymentIntent with one of the following statuses may be canceled: {', '.join(_CANCELABLE)}.",
        )
    return _cancel(call, intent, call.params.get("cancellation_reason"))


def _cancel(call: RequestContext, intent: Object, reason: str | None) -> Object:
    if intent["status"] == "requires_capture":
        refunds.release(call, call.load("charge", intent["latest_charge"]))
    elif intent["status"] == "processing":
        charge = call.load("charge", intent["latest_charge"])
        call.save("charge", {**charge, "status": "failed", "captured": False})
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
    """What was not captured in time is released."""
    intent = call.find("payment_intent", id)
    if intent is not None and intent["status"] == "requires_capture":
        _cancel(call, intent, "automatic")


def capture_intent(call: RequestContext) -> Object:
    """``succeeded`` with all or ``amount_to_capture`` of what was authorised."""
    intent = call.subject()
    if intent["status"] != "requires_capture":
        raise unexpected(
            intent,
            "This PaymentIntent could not be captured because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be captured: "
            "requires_capture.",
        )
    if call.params.get("final_capture") is False:
        call.not_modelled("final_capture=false", "A payment is captured once.", "final_capture")
    check_amount(call, "amount_to_capture")
    amount = amount_of(call, "amount_to_capture", intent["amount_capturable"])
    if amount > intent["amount_capturable"]:
        raise call.refuse(
            f"The requested capture amount is greater than the authorized amount ({amount} > "
            f"{intent['amount_capturable']}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    rest = {k: v for k, v in call.params.items() if k not in ("amount_to_capture", "final_capture")}
    call.put(intent, rest)
    connect.check_division(call, intent, amount, intent["currency"])
    charge = call.load("charge", intent["latest_charge"])
    for name in ("application_fee_amount", "statement_descriptor", "statement_descriptor_suffix"):
        if name in call.params:
            charge[name] = call.params[name]
    capture(call, charge, amount)
    intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
    return call.save("payment_intent", intent)


def capture(call: RequestContext, charge: Object, amount: int) -> Object:
    """Take ``amount`` of an authorised charge; the rest goes back."""
    # What is not captured goes back, and counts as refunded: https://docs.stripe.com/api/charges/capture
    charge.update(captured=True, amount_captured=amount, amount_refunded=charge["amount"] - amount)
    return charges.settle(call, charge)


def increment_intent(call: RequestContext) -> Object:
    """A higher authorised amount, of a payment that asked for the possibility."""
    intent = call.subject()
    if intent["status"] != "requires_capture":
        raise unexpected(
            intent,
            f"This PaymentIntent could not be incremented because it has a status of {intent['status']}.",
        )
    if not charges.may_increment(intent):
        raise call.refuse(
            "This PaymentIntent is not eligible for incremental authorization: its "
            "`payment_method_options[card][request_incremental_authorization]` is not `if_available`.",
        )
    if call.params["amount"] <= intent["amount"]:
        raise at_least("amount", str(intent["amount"] + 1))
    check_amount(call, charge=True, currency=intent["currency"])
    call.put(intent, call.params)
    intent["amount_capturable"] = intent["amount"]
    charge = call.load("charge", intent["latest_charge"])
    charge["payment_method_details"]["card"]["amount_authorized"] = intent["amount"]
    call.save("charge", {**charge, "amount": intent["amount"]})
    return call.save("payment_intent", intent)


MAKES = {"charge", "mandate", "payment_method"}
BEHAVIOURS = {
    "payment_intents.cancel": cancel_intent,
    "payment_intents.capture": capture_intent,
    "payment_intents.confirm": confirm_intent,
    "payment_intents.create": create_intent,
    "payment_intents.increment_authorization": increment_intent,
    "payment_intents.update": update_intent,
    "payment_intents.verify_microdeposits": verify_intent,
}
DUE = {"release": release_intent}
