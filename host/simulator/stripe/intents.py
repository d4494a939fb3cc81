"""What payment intents and setup intents have in common: their beginning, payment method, and conditions of confirming.

https://docs.stripe.com/payments/paymentintents/lifecycle, https://docs.stripe.com/payments/setup-intents
"""

from __future__ import annotations

from collections.abc import Iterable

from host.simulator import resources
from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import amount_details, application_fees, authorizations, confirmation_tokens
from host.simulator.stripe.confirmation import check_currency_of
from host.simulator.stripe.payment_methods import check_usable, from_parameters, make, payment_method

_NOUNS = {"payment_intent": "PaymentIntent", "setup_intent": "SetupIntent"}
_NO_RETURN_URL = (
    "This {noun} is configured to accept payment methods enabled in your Dashboard. Because some of these payment "
    "methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to "
    "accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
)
_NO_ERROR = (
    "You cannot use `error_on_requires_action` when `automatic_payment_methods` is enabled. To fail payments that "
    "require an action, specify the payment method types instead."
)


def begin(call: RequestContext, at_confirmation: Iterable[str]) -> tuple[Object, Object | None]:
    """A new, saved intent from the parameters, and the payment method that they name or describe.

    The parameters ``at_confirmation`` are refused without ``confirm``.
    """
    if not call.params.get("confirm"):
        for name in at_confirmation:
            if name in call.params:
                raise invalid(f"The parameter `{name}` can only be used when `confirm` is set to true.", name)
    intent = call.put(resources.fresh(call), call.params)
    intent["client_secret"] = f"{intent['id']}_secret_{call.backend.ids.new('', 25)}"
    application_fees.sign(call, intent)
    amount_details.take(call, intent, intent.get("amount") or 0)
    set_types(call, intent)
    method = take_method(call, intent)
    return call.save(call.plan.kind, intent), method


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


def check_secret(call: RequestContext) -> None:
    """Refuse another intent's secret. https://docs.stripe.com/api/payment_intents/retrieve"""
    noun = _NOUNS[call.plan.kind]
    secret = call.params.get("client_secret")
    if secret is not None and secret != call.subject().get("client_secret"):
        raise invalid(
            f"The client_secret provided does not match any associated {noun} on this account. Ensure the provided "
            "client_secret and publishable key belong to the same account.",
            "client_secret",
            "resource_missing",
        )


def check_redirect(call: RequestContext, intent: Object, *, off_session: bool = False) -> None:
    """Refuse to confirm an intent that may redirect the customer without a ``return_url``.

    The account's own settings enable cards only, so an intent redirects only if it asks for automatic payment methods.
    https://docs.stripe.com/changelog/2023-08-16/automatic-payment-methods
    """
    automatic = intent.get("automatic_payment_methods") or {}
    if not automatic.get("enabled"):
        return
    if call.params.get("error_on_requires_action"):
        raise call.refuse(_NO_ERROR, param="error_on_requires_action")
    if off_session or automatic["allow_redirects"] == "never" or intent["status"] == "requires_action":
        return
    if not call.params.get("return_url"):
        raise SimulatedError(400, _NO_RETURN_URL.format(noun=_NOUNS[intent["object"]]), worked=True)


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
        if data.get("radar_options"):
            call.not_modelled("a session of Radar", "", "payment_method_data[radar_options]")
        method = make(call, from_parameters(call, data, "payment_method_data"))
        for name in ("billing_details", "metadata", "allow_redisplay"):
            if data.get(name):
                merged = {**method[name], **data[name]} if isinstance(data[name], dict) else data[name]
                method = call.save("payment_method", {**method, name: merged})
    else:
        return None
    check_usable(call, method, intent.get("customer"), _NOUNS[intent["object"]])
    if intent["status"] == "requires_action" and intent["payment_method"] != method["id"]:
        intent["status"] = "requires_confirmation"
    intent["payment_method"] = method["id"]
    if intent["status"] == "requires_payment_method":
        intent["status"] = "requires_confirmation"
    return method
