"""Setup intents, which set up a payment method for future payments. https://docs.stripe.com/payments/setup-intents"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import authorizations, charges, microdeposits
from host.simulator.stripe.card_facts import card_of, checks_done, shown_of
from host.simulator.stripe.charges import Decline
from host.simulator.stripe.confirmation import check_type, last_error, next_action
from host.simulator.stripe.intents import begin, check_redirect, check_secret, set_types, take_method
from host.simulator.stripe.local_methods import LOCAL, check_return
from host.simulator.stripe.mandates import mandate_of, need_mandate
from host.simulator.stripe.payment_methods import attach, check_usable, is_set_up, payment_method, set_up

_CANCELABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_AT_CONFIRMATION = ("return_url", "mandate_data", "confirmation_token")
_CONFIRM = {*_AT_CONFIRMATION, "payment_method", "payment_method_data", "use_stripe_sdk"}
_NO_METHOD = (
    "it's missing a payment method. You can either update the SetupIntent with a payment method and then confirm it "
    "again, or confirm it again directly with a payment method or ConfirmationToken"
)
EFFECTS = {
    "setup_intents.confirm": _CONFIRM,
    "setup_intents.create": {*_CONFIRM, "confirm"},
    "setup_intents.retrieve": {"client_secret"},
    "setup_intents.update": {"payment_method", "payment_method_data"},
    "setup_intents.verify_microdeposits": {"amounts", "descriptor_code"},
}
MAKES = {"setup_attempt", "setup_intent", "mandate"}


def create_setup(call: RequestContext) -> Object:
    """Create a setup intent and, with ``confirm``, confirm it."""
    setup, _ = begin(call, _AT_CONFIRMATION)
    return _confirm_setup(call, setup) if call.params.get("confirm") else setup


def retrieve_setup(call: RequestContext) -> Object | bytes:
    """Retrieve a setup intent; a browser sends its client secret."""
    check_secret(call)
    return resources.retrieve(call)


def update_setup(call: RequestContext) -> Object:
    """Update a setup intent; its payment method and customer only until it is confirmed."""
    setup = call.subject()
    changed = [name for name in ("payment_method", "customer", "payment_method_data") if name in call.params]
    if setup["status"] not in _CANCELABLE and changed:
        raise _unexpected(
            setup, f"You cannot update this SetupIntent's {changed[0]}: it has a status of {setup['status']}."
        )
    call.put(setup, call.params)
    set_types(call, setup)
    take_method(call, setup)
    return call.save("setup_intent", setup)


def confirm_setup(call: RequestContext) -> Object:
    """Confirm a setup intent, and attach the payment method to its customer."""
    setup = call.subject()
    call.put(setup, call.params)
    take_method(call, setup)
    return _confirm_setup(call, setup)


def _unexpected(setup: Object, message: str) -> SimulatedError:
    return SimulatedError(400, message, code="setup_intent_unexpected_state", worked=True, setup_intent=dict(setup))


def _confirm_setup(call: RequestContext, setup: Object) -> Object:
    if setup["status"] not in _CANCELABLE or not setup.get("payment_method"):
        why = f"it has a status of {setup['status']}" if setup.get("payment_method") else _NO_METHOD
        raise _unexpected(setup, f"You cannot confirm this SetupIntent because {why}.")
    check_redirect(call, setup)
    method = payment_method(call, setup["payment_method"])
    check_usable(call, method, setup.get("customer"), "SetupIntent")
    check_type(call, setup, method, "SetupIntent")
    need_mandate(call, setup, method)
    if microdeposits.are_needed(call, setup, method):
        setup.update(status="requires_action", next_action=microdeposits.next_action(call, method))
        _attempt(call, setup, method, "requires_action")
        return call.save("setup_intent", setup)
    card, authenticated = card_of(method), setup["status"] == "requires_action"
    asks = _asks_authentication(setup) and card.enrolled
    if not authenticated and (card.action or asks or method["type"] in LOCAL) and not _already(call, method):
        check_return(call, method["type"])
        setup["status"], setup["next_action"] = "requires_action", next_action(call, setup, "setup_intent")
        _attempt(call, setup, method, "requires_action")
        return call.save("setup_intent", setup)
    decline = charges.decline_of(card, authenticated=authenticated)
    if decline is not None and not card.attaches:
        raise _fail(call, setup, method, decline)
    setup["mandate"] = mandate_of(call, method)
    if setup.get("customer"):
        method = attach(call, method, setup["customer"])
    set_up(call, method)
    _attempt(call, setup, method, "succeeded", authenticated=authenticated)
    setup.update(status="succeeded", next_action=None, last_setup_error=None)
    return call.save("setup_intent", setup)


def _asks_authentication(setup: Object) -> bool:
    """https://docs.stripe.com/payments/3d-secure/authentication-flow#manual-three-ds"""
    return authorizations.options_of(setup).get("request_three_d_secure") in ("any", "challenge")


def _already(call: RequestContext, method: Object) -> bool:
    """Whether the payment method was set up before, or is a test card that counts as set up."""
    return card_of(method).authentication == "on_session" or is_set_up(call, method)


def _fail(call: RequestContext, setup: Object, method: Object, decline: Decline) -> SimulatedError:
    error = last_error(decline, method)
    _attempt(call, setup, method, "failed", error=error)
    setup.update(status="requires_payment_method", payment_method=None, next_action=None, last_setup_error=error)
    call.save("setup_intent", setup)
    return charges.declined(call, None, decline, setup_intent=dict(setup), payment_method=method)


def _attempt(
    call: RequestContext,
    setup: Object,
    method: Object,
    status: str,
    *,
    error: Object | None = None,
    authenticated: bool = False,
) -> None:
    """Record a setup attempt, or the outcome of the one that requires action.

    https://docs.stripe.com/api/setup_attempts
    """
    kind = method["type"]
    details: Object = {}
    if kind == "card":
        details = shown_of(method["card"])
        details |= {"checks": checks_done(method), "network": method["card"]["brand"], "three_d_secure": None}
        if authenticated:
            details["three_d_secure"] = {"authentication_flow": "challenge", "result": "authenticated"}
    fields: Object = {
        "attach_to_self": None,
        "customer": setup.get("customer"),
        "payment_method": method["id"],
        "payment_method_details": {"type": kind, kind: details},
        "setup_error": error,
        "setup_intent": setup["id"],
        "status": status,
        "usage": setup["usage"],
    }
    before = call.find("setup_attempt", str(setup.get("latest_attempt")))
    if before is not None and before["status"] == "requires_action":
        call.save("setup_attempt", {**before, **fields})
    else:
        setup["latest_attempt"] = call.make("setup_attempt", fields)["id"]


def verify_setup(call: RequestContext) -> Object:
    """Verify the bank account by microdeposits, and set it up."""
    setup = call.subject()
    if (setup.get("next_action") or {}).get("type") != microdeposits.ACTION:
        raise _unexpected(setup, "This SetupIntent does not wait for microdeposits.")
    method = payment_method(call, setup["payment_method"])
    refusal = microdeposits.check(call, method)
    if refusal is None:
        return _confirm_setup(call, setup)
    error = microdeposits.error_of(refusal, method)
    _attempt(call, setup, method, "failed", error=error)
    setup.update(status="requires_payment_method", payment_method=None, next_action=None, last_setup_error=error)
    call.save("setup_intent", setup)
    raise refusal


def cancel_setup(call: RequestContext) -> Object:
    """Cancel a setup intent that has not succeeded."""
    setup = call.subject()
    if setup["status"] not in _CANCELABLE:
        raise _unexpected(
            setup,
            f"You cannot cancel this SetupIntent because it has a status of {setup['status']}. Only a SetupIntent "
            f"with one of the following statuses may be canceled: {', '.join(_CANCELABLE)}.",
        )
    setup.update(status="canceled", next_action=None, cancellation_reason=call.params.get("cancellation_reason"))
    return call.save("setup_intent", setup)


BEHAVIOURS = {
    "setup_intents.cancel": cancel_setup,
    "setup_intents.confirm": confirm_setup,
    "setup_intents.create": create_setup,
    "setup_intents.retrieve": retrieve_setup,
    "setup_intents.update": update_setup,
    "setup_intents.verify_microdeposits": verify_setup,
}
