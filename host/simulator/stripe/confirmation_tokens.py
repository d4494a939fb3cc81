"""Confirmation tokens, which hold what a customer's browser collected for one confirmation.

https://docs.stripe.com/api/confirmation_tokens
"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.payment_methods import from_parameters, make, payment_method

LIFE = 12 * 3600  # seconds
KIND = "confirmation_token"
MAKES = {KIND, "payment_method"}
EFFECTS = {"test_helpers.confirmation_tokens.create": {"payment_method", "payment_method_data"}}
_METHOD = "~confirmation"  # by token: its payment method


def create_token(call: RequestContext) -> Object:
    """Create a token for a payment method, as Stripe.js would."""
    given, data = call.params.get("payment_method"), call.params.get("payment_method_data")
    if bool(given) == bool(data):
        raise invalid("You must supply one of payment_method and payment_method_data.", "payment_method")
    method = (
        payment_method(call, given) if given else make(call, from_parameters(call, data or {}, "payment_method_data"))
    )
    if data and data.get("billing_details"):
        method["billing_details"] |= data["billing_details"]
        call.save("payment_method", method)
    rest = {k: v for k, v in call.params.items() if k not in ("payment_method", "payment_method_data")}
    token = call.put(resources.fresh(call), rest)
    preview = {name: method[name] for name in ("type", "billing_details", "allow_redisplay", method["type"])}
    token.update(expires_at=call.now + LIFE, payment_method_preview=preview, use_stripe_sdk=True)
    call.backend.store.put(_METHOD, token["id"], {"id": method["id"]})
    return call.save(KIND, token)


def use(call: RequestContext, id: str, intent: Object) -> Object:
    """Use a token for an intent, and return its payment method. A token that was used or has expired is refused.

    What the request itself gives takes precedence over the token:
    https://docs.stripe.com/api/payment_intents/confirm#confirm_payment_intent-confirmation_token
    """
    token = call.find(KIND, id)
    if token is None:
        raise missing(KIND, id, KIND, 400)
    if token["payment_intent"] or token["setup_intent"]:
        raise call.refuse(
            f"The provided ConfirmationToken ({id}) was already used to confirm an intent. Create another one.",
            code="resource_already_exists",
            param=KIND,
        )
    if token["expires_at"] <= call.now:
        raise call.refuse(f"The provided ConfirmationToken ({id}) has expired.", param=KIND)
    call.save(KIND, {**token, intent["object"]: intent["id"]})
    if token["return_url"]:
        call.params.setdefault("return_url", token["return_url"])
    for name in ("setup_future_usage", "shipping"):
        if token.get(name) and name in intent and not call.params.get(name):
            intent[name] = token[name]
    if given := call.params.get("payment_method"):
        return payment_method(call, given)
    return call.load("payment_method", str((call.backend.store.get(_METHOD, id) or {})["id"]))


BEHAVIOURS = {"test_helpers.confirmation_tokens.create": create_token}
