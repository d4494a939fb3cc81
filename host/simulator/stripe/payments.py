"""Payment intents. https://docs.stripe.com/payments/paymentintents/lifecycle"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import (
    application_fees,
    authorizations,
    confirmation_tokens,
    connect,
    invoice_payments,
    microdeposits,
)
from host.simulator.stripe.confirmation import (
    WAITING,
    charge_intent,
    check_currency_of,
    check_type,
    confirm,
    new_intent,
    pay_with,
    unexpected,
)
from host.simulator.stripe.mandates import need_mandate
from host.simulator.stripe.money import check_amount, check_currency
from host.simulator.stripe.payment_methods import check_usable, from_parameters, make, payment_method

__all__ = ["charge_intent", "confirm", "new_intent", "pay_with"]

_AT_CONFIRMATION = (
    "return_url", "off_session", "error_on_requires_action", "mandate", "mandate_data", "confirmation_token",
)  # fmt: skip
_CONFIRM = {*_AT_CONFIRMATION, "payment_method", "payment_method_data", "use_stripe_sdk"}
# What is settled once a payment is confirmed.
_UNTIL_CONFIRMED = (
    "amount", "currency", "payment_method", "payment_method_data", "application_fee_amount", "customer",
    "capture_method", "setup_future_usage", "payment_method_options", "statement_descriptor",
    "statement_descriptor_suffix", "allowed_payment_method_types", "excluded_payment_method_types",
)  # fmt: skip
_MOTO = "payment_method_options.card.moto"
EFFECTS = {
    "payment_intents.confirm": {*_CONFIRM, _MOTO},
    "payment_intents.create": {*_CONFIRM, "confirm", _MOTO},
    "payment_intents.retrieve": {"client_secret"},
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
    """Create an intent and, with ``confirm``, confirm it."""
    check_currency(call)
    check_amount(call, charge=True)
    connect.check_division(call, call.params, call.params["amount"], call.params["currency"])
    intent = call.put(resources.fresh(call), call.params)
    intent["client_secret"] = f"{intent['id']}_secret_{call.backend.ids.new('', 25)}"
    application_fees.sign(call, intent)
    set_types(call, intent)
    if not call.params.get("confirm"):
        for name in _AT_CONFIRMATION:
            if name in call.params:
                raise invalid(f"The parameter `{name}` can only be used when `confirm` is set to true.", name)
        if authorizations.options_of(call.params).get("moto"):
            call.not_modelled("moto without confirm", "Confirming takes it.", "payment_method_options[card][moto]")
    method = take_method(call, intent)
    call.save("payment_intent", intent)
    return _confirm(call, intent, method) if call.params.get("confirm") else intent


def set_types(call: RequestContext, intent: Object) -> None:
    """Set the types of payment methods that an intent accepts: those in the parameters, else cards."""
    authorizations.set_installments(call, intent)
    if allowed := call.params.get("allowed_payment_method_types"):
        if call.params.get("automatic_payment_methods", {}).get("enabled"):
            raise invalid(
                "You may only specify one of these parameters: automatic_payment_methods, "
                "allowed_payment_method_types.",
                code="parameters_exclusive",
            )
        intent["payment_method_types"] = list(allowed)
        for kind in allowed if intent.get("currency") else ():
            check_currency_of(kind, intent["currency"])
    if (call.params.get("automatic_payment_methods") or {}).get("enabled"):
        automatic = intent["automatic_payment_methods"]
        automatic["allow_redirects"] = automatic.get("allow_redirects") or "always"


def retrieve_intent(call: RequestContext) -> Object | bytes:
    """Retrieve an intent; a browser sends its client secret."""
    check_secret(call, "PaymentIntent")
    return resources.retrieve(call)


def check_secret(call: RequestContext, noun: str) -> None:
    """Refuse another intent's secret. https://docs.stripe.com/api/payment_intents/retrieve"""
    secret = call.params.get("client_secret")
    if secret is not None and secret != call.subject().get("client_secret"):
        raise invalid(
            f"The client_secret provided does not match any associated {noun} on this account. Ensure the provided "
            "client_secret and publishable key belong to the same account.",
            "client_secret",
            "resource_missing",
        )


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
    connect.check_division(call, intent, intent["amount"], intent["currency"])
    set_types(call, intent)
    take_method(call, intent)
    return call.save("payment_intent", intent)


def confirm_intent(call: RequestContext) -> Object:
    """Confirm an intent. Raises :class:`SimulatedError` (402) if the payment is declined."""
    intent = call.subject()
    call.put(intent, call.params)
    set_types(call, intent)
    return _confirm(call, intent, take_method(call, intent))


def _confirm(call: RequestContext, intent: Object, method: Object | None) -> Object:
    check_return_url(call, intent, "PaymentIntent")
    if intent.get("payment_method"):
        method = method or payment_method(call, intent["payment_method"])
        check_type(call, intent, method)
        need_mandate(call, intent, method)
    return confirm(call, intent, off_session=bool(call.params.get("off_session")), method=method)


def check_return_url(call: RequestContext, intent: Object, noun: str) -> None:
    """Refuse an intent that may redirect the customer and has no ``return_url``."""
    automatic = intent.get("automatic_payment_methods") or {}
    redirects = automatic.get("enabled") and automatic.get("allow_redirects") != "never"
    if redirects and not call.params.get("return_url") and intent["status"] != "requires_action":
        raise SimulatedError(400, NO_RETURN_URL.format(noun=noun), worked=True)


def take_method(call: RequestContext, intent: Object) -> Object | None:
    """Set the payment method that the parameters name or describe; returns it, or ``None``."""
    given, data = call.params.get("payment_method"), call.params.get("payment_method_data")
    if given and data:
        raise invalid(
            "You may only specify one of these parameters: payment_method, payment_method_data.",
            code="parameters_exclusive",
        )
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
        return None
    noun = "SetupIntent" if intent["object"] == "setup_intent" else "PaymentIntent"
    check_usable(call, method, intent.get("customer"), noun)
    if intent["status"] == "requires_action" and intent["payment_method"] != method["id"]:
        intent["status"] = "requires_confirmation"
    intent["payment_method"] = method["id"]
    if intent["status"] == "requires_payment_method":
        intent["status"] = "requires_confirmation"
    return method


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
