"""Payment intents. https://docs.stripe.com/payments/paymentintents/lifecycle"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import amount_details, authorizations, connect, invoice_payments, microdeposits
from host.simulator.stripe.confirmation import (
    WAITING,
    charge_intent,
    check_type,
    confirm,
    new_intent,
    pay_with,
    unexpected,
)
from host.simulator.stripe.intents import begin, check_redirect, check_secret, set_types, take_method
from host.simulator.stripe.mandates import need_mandate
from host.simulator.stripe.money import check_amount, check_currency
from host.simulator.stripe.payment_methods import payment_method

__all__ = ["charge_intent", "confirm", "new_intent", "pay_with"]

_AT_CONFIRMATION = (
    "return_url", "off_session", "error_on_requires_action", "mandate", "mandate_data", "confirmation_token",
)  # fmt: skip
_CONFIRM = {*_AT_CONFIRMATION, "payment_method", "payment_method_data", "use_stripe_sdk"}
# What is settled once a payment is confirmed.
_UNTIL_CONFIRMED = (
    "amount", "currency", "payment_method", "payment_method_data", "application_fee_amount", "customer",
    "capture_method", "setup_future_usage", "payment_method_options", "statement_descriptor",
    "statement_descriptor_suffix", "transfer_data", "allowed_payment_method_types", "excluded_payment_method_types",
)  # fmt: skip
_MOTO = "payment_method_options.card.moto"
EFFECTS = {
    "payment_intents.confirm": {*_CONFIRM, _MOTO, *amount_details.EFFECTS_OF},
    "payment_intents.create": {*_CONFIRM, "confirm", _MOTO, *amount_details.EFFECTS_OF},
    "payment_intents.retrieve": {"client_secret"},
    "payment_intents.update": {"payment_method", "payment_method_data", *amount_details.EFFECTS_OF},
    "payment_intents.verify_microdeposits": {"amounts", "descriptor_code"},
}


def create_intent(call: RequestContext) -> Object:
    """Create an intent and, with ``confirm``, confirm it."""
    check_currency(call)
    check_amount(call, charge=True)
    connect.check_division(call, call.params, call.params["amount"], call.params["currency"])
    if not call.params.get("confirm") and authorizations.options_of(call.params).get("moto"):
        call.not_modelled("moto without confirm", "Confirming takes it.", "payment_method_options[card][moto]")
    intent, method = begin(call, _AT_CONFIRMATION)
    return _confirm(call, intent, method) if call.params.get("confirm") else intent


def retrieve_intent(call: RequestContext) -> Object | bytes:
    """Retrieve an intent; a browser sends its client secret."""
    check_secret(call)
    return resources.retrieve(call)


def update_intent(call: RequestContext) -> Object:
    """Update an intent; its amount and payment method only until it is confirmed."""
    intent = call.subject()
    for name in ("amount", "currency", "customer"):
        if name in call.params:
            invoice_payments.check_own(call, intent, f"update the {name} of")
    if intent["status"] not in WAITING:
        for name in _UNTIL_CONFIRMED:
            if name in call.params:
                raise SimulatedError(
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
    if intent["transfer_group"] not in (None, call.params.get("transfer_group", intent["transfer_group"])):
        # https://docs.stripe.com/api/payment_intents/update#update_payment_intent-transfer_group
        raise call.refuse("You can only provide `transfer_group` if it has not been set.", param="transfer_group")
    call.put(intent, call.params)
    amount_details.take(call, intent, intent["amount"])
    connect.check_division(call, intent, intent["amount"], intent["currency"])
    set_types(call, intent)
    take_method(call, intent)
    return call.save("payment_intent", intent)


def confirm_intent(call: RequestContext) -> Object:
    """Confirm an intent. Raises :class:`SimulatedError` (402) if the payment is declined."""
    intent = call.subject()
    call.put(intent, call.params)
    amount_details.take(call, intent, intent["amount"])
    set_types(call, intent)
    return _confirm(call, intent, take_method(call, intent))


def _confirm(call: RequestContext, intent: Object, method: Object | None) -> Object:
    off_session = bool(call.params.get("off_session"))
    check_redirect(call, intent, off_session=off_session)
    if intent.get("payment_method"):
        method = method or payment_method(call, intent["payment_method"])
        check_type(call, intent, method)
        need_mandate(call, intent, method)
    return confirm(call, intent, off_session=off_session, method=method)


def verify_intent(call: RequestContext) -> Object:
    """Verify the bank account by microdeposits, and debit it."""
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


MAKES = {"charge", "mandate", "payment_method"}
BEHAVIOURS = {
    "payment_intents.confirm": confirm_intent,
    "payment_intents.create": create_intent,
    "payment_intents.retrieve": retrieve_intent,
    "payment_intents.update": update_intent,
    "payment_intents.verify_microdeposits": verify_intent,
}
