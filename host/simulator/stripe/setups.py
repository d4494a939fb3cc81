"""Setup intents: a payment method made ready for later. https://docs.stripe.com/payments/setup-intents"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import Refusal
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.cards import card_error, card_of, payment_method
from host.simulator.stripe.payments import take_method


def create_setup(call: RequestContext) -> Object:
    """``requires_payment_method``, ``requires_confirmation``, or further with ``confirm``."""
    setup = call.put(resources.fresh(call), call.params)
    setup["client_secret"] = f"{setup['id']}_secret_{call.world.ids.new('', 25)}"
    take_method(call, setup)
    call.save("setup_intent", setup)
    return _confirm_setup(call, setup) if call.params.get("confirm") else setup


def confirm_setup(call: RequestContext) -> Object:
    """``succeeded``, and the method is the customer's."""
    setup = call.subject()
    call.put(setup, call.params)
    take_method(call, setup)
    return _confirm_setup(call, setup)


def _confirm_setup(call: RequestContext, setup: Object) -> Object:
    if setup["status"] in ("succeeded", "canceled") or not setup.get("payment_method"):
        why = f"it has a status of {setup['status']}" if setup.get("payment_method") else "it has no payment method"
        raise Refusal(
            400,
            f"You cannot confirm this SetupIntent because {why}.",
            code="setup_intent_unexpected_state",
            worked=True,
            setup_intent=dict(setup),
        )
    method = payment_method(call, setup["payment_method"])
    card = card_of(method)
    if card.action and setup["status"] != "requires_action":
        setup["status"] = "requires_action"
        setup["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
        return call.save("setup_intent", setup)
    if card.code and card.last4 != "0341":
        error = card_error(card)
        setup.update(
            status="requires_payment_method",
            payment_method=None,
            last_setup_error={**error, "message": card.message, "code": card.code, "payment_method": method},
        )
        call.save("setup_intent", setup)
        raise Refusal(
            402,
            card.message,
            code=card.code,
            worked=True,
            keep=True,
            **error,
            setup_intent=dict(setup),
            payment_method=method,
        )
    if setup.get("customer"):
        call.save("payment_method", {**method, "customer": setup["customer"]})
    setup.update(status="succeeded", next_action=None)
    return call.save("setup_intent", setup)
