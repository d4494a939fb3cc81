"""Confirming a payment: whether the payment method can be used, whether the customer has to act, and the outcome.

https://docs.stripe.com/payments/paymentintents/lifecycle, https://docs.stripe.com/testing#authentication-and-setup
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import (
    authorizations,
    bank_debits,
    bank_transfers,
    charges,
    local_methods,
    microdeposits,
    vouchers,
)
from host.simulator.stripe.bank_debits import bank_of
from host.simulator.stripe.card_facts import card_of
from host.simulator.stripe.charges import NOT_AUTHENTICATED, Decline
from host.simulator.stripe.local_methods import LOCAL, METHODS, NOT_HELD
from host.simulator.stripe.payment_methods import (
    check_usable,
    is_set_up,
    payment_method,
    set_up,
    spend_method,
)

WAITING = ("requires_payment_method", "requires_confirmation", "requires_action")
_NO_OPTIONS: Mapping[str, Any] = {}
_ERROR_ON_ACTION = (
    "This payment required an authentication action to complete, but `error_on_requires_action` was set. When you're "
    "ready, you can upgrade your integration to handle actions at "
    "https://stripe.com/docs/payments/payment-intents/upgrade-to-handle-actions."
)


def unexpected(intent: Object, message: str) -> SimulatedError:
    """The refusal for an intent whose status does not allow the operation."""
    return SimulatedError(
        400, message, code="payment_intent_unexpected_state", worked=True, payment_intent=dict(intent)
    )


def confirm(call: RequestContext, intent: Object, *, off_session: bool = False, method: Object | None = None) -> Object:
    """Try to charge an intent's payment method, and save the intent. Raises :class:`SimulatedError` (402) if declined.

    ``method`` is the intent's payment method, if it was loaded before.
    """
    status = intent["status"]
    if status == "succeeded":
        raise unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
        )
    if status not in WAITING:
        raise unexpected(intent, f"You cannot confirm this PaymentIntent because it has a status of {status}.")
    if not intent.get("payment_method"):
        raise unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
            "update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
            "directly with a payment method or ConfirmationToken.",
        )
    method = method or payment_method(call, intent["payment_method"])
    check_usable(call, method, intent.get("customer"))
    check_type(call, intent, method)
    if method["type"] == "card" and intent.get("statement_descriptor"):
        raise charges.no_descriptor(call)
    _check_capture(call, intent, str(method["type"]))
    if method["type"] == bank_transfers.METHOD:
        return bank_transfers.confirm(call, intent)
    if method["type"] in vouchers.KINDS:
        return intent if vouchers.waits(intent) else vouchers.begin(call, intent, method)
    if microdeposits.are_needed(call, intent, method):
        intent.update(status="requires_action", next_action=microdeposits.next_action(call, method))
        return call.save("payment_intent", intent)
    authenticated = status == "requires_action"
    options = authorizations.options_of(intent, method["type"]) | authorizations.options_of(call.params, method["type"])
    _check_network(call, method, options.get("network"))
    if not authenticated and needs_authentication(call, method, off_session, options):
        if off_session:
            raise fail(call, intent, method, NOT_AUTHENTICATED)
        return _require_action(call, intent, method)
    charge_intent(call, intent, method, authenticated=authenticated)
    return call.save("payment_intent", intent)


def check_type(call: RequestContext, intent: Object, method: Object, noun: str = "PaymentIntent") -> None:
    """Refuse a payment method whose type, or type's currency, the intent does not accept."""
    kind, allowed = method["type"], intent["payment_method_types"]
    excluded = kind in (intent.get("excluded_payment_method_types") or ())
    if excluded or (kind not in allowed and intent.get("allowed_payment_method_types")):
        raise call.refuse(
            f"The PaymentMethod provided ({kind}) is not allowed for this {noun}. Please attach a PaymentMethod of "
            f"one of the following types: {', '.join(allowed)}. Alternatively, update the allowed payment method "
            f'types for this {noun} to include "{kind}".',
            param="payment_method",
        )
    if kind not in allowed:
        intent["payment_method_types"] = [*allowed, kind]
    if intent.get("currency"):
        check_currency_of(kind, intent["currency"])


def _check_capture(call: RequestContext, intent: Object, kind: str) -> None:
    """Refuse manual capture of a type of payment method that does not support it.

    https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
    """
    later = kind in bank_debits.CURRENCIES or kind in vouchers.KINDS or kind == bank_transfers.METHOD
    if (later or kind in NOT_HELD) and authorizations.is_manual(intent, kind):
        raise call.refuse(f"Payments with {kind} cannot be captured manually.", param="capture_method")


def _check_network(call: RequestContext, method: Object, network: str | None) -> None:
    """Refuse a network that the card is not on. https://docs.stripe.com/co-branded-cards-compliance"""
    available = ((method.get("card") or {}).get("networks") or {}).get("available")
    if network and available and network not in available:
        raise call.refuse(
            f"The card network {network} is not available for this payment method, whose networks are: "
            f"{', '.join(available)}.",
            param="payment_method_options[card][network]",
        )


def check_currency_of(kind: str, currency: str) -> None:
    """Refuse a currency that a type of payment method does not support."""
    currencies = bank_debits.CURRENCIES.get(kind) or METHODS.get(kind) or vouchers.KINDS.get(kind, ((),))[0]
    if currencies and currency not in currencies:
        raise SimulatedError(
            400,
            f"The currency provided ({currency}) is invalid. Payments with {kind} support the following currencies: "
            f"{', '.join(currencies)}.",
            param="currency",
            worked=True,
        )


def needs_authentication(
    call: RequestContext, method: Object, off_session: bool = False, options: Mapping[str, Any] = _NO_OPTIONS
) -> bool:
    """Whether the customer has to act before this method can be charged; ``options`` are the intent's for its type."""
    if method["type"] in LOCAL:
        return not off_session or not is_set_up(call, method)
    # A customer who orders by mail or telephone cannot act:
    # https://docs.stripe.com/payments/3d-secure/strong-customer-authentication
    if options.get("moto"):
        return False
    card = card_of(method)
    if card.enrolled and not off_session and options.get("request_three_d_secure") in ("any", "challenge"):
        return True
    wanted = card.authentication
    if wanted == "unless_set_up":
        return not (off_session and is_set_up(call, method))
    return wanted == "always" or (wanted == "on_session" and not off_session)


def _require_action(call: RequestContext, intent: Object, method: Object) -> Object:
    if call.params.get("error_on_requires_action"):
        intent["status"], intent["payment_method"] = "requires_payment_method", None
        decline = Decline("authentication_required", "authentication_required", _ERROR_ON_ACTION)
        intent["last_payment_error"] = last_error(decline, method, None)
        call.save("payment_intent", intent)
        raise charges.declined(call, None, decline, payment_intent=dict(intent), payment_method=method)
    local_methods.check_return(call, method["type"])
    intent["status"] = "requires_action"
    intent["next_action"] = next_action(call, intent, "payment_intent")
    return call.save("payment_intent", intent)


def next_action(call: RequestContext, intent: Object, kind: str) -> Object:
    """The intent's ``next_action``: for cards a redirect if there is a URL to return to, else one for Stripe.js.

    Local payment methods have actions of their own. ``kind`` is ``payment_intent`` or ``setup_intent``.
    """
    back = call.params.get("return_url")
    source = call.backend.ids.new("src_")
    url = f"https://hooks.stripe.com/3d_secure_2/hosted?{kind}={intent['id']}&source={source}"
    secret = f"{kind}_client_secret={intent['client_secret']}"
    method = call.find("payment_method", str(intent.get("payment_method")))
    if method is not None and method["type"] in LOCAL:
        page = f"https://pm-redirects.stripe.com/authorize/{source}?{secret}"
        return local_methods.action(call, intent, kind, method["type"], back, page)
    if back and not call.params.get("use_stripe_sdk"):
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": back, "url": f"{url}&{secret}"}}
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "source": source, "stripe_js": url},
    }


def fail(
    call: RequestContext, intent: Object, method: Object, decline: Decline, *, authenticated: bool = False
) -> SimulatedError:
    """Save the failed charge and the intent, which needs another payment method; returns the error to raise."""
    charge = charges.make_charge(call, intent, method, captured=False, decline=decline, authenticated=authenticated)
    back_to_start(intent, method, decline, charge)
    call.save("payment_intent", intent)
    return charges.declined(call, charge, decline, payment_intent=dict(intent), payment_method=method)


def back_to_start(intent: Object, method: Object, decline: Decline, charge: Object) -> None:
    """Reset the members of an intent whose payment failed."""
    intent.update(
        status="requires_payment_method",
        latest_charge=charge["id"],
        payment_method=None,
        next_action=None,
        processing=None,
        last_payment_error=last_error(decline, method, charge),
    )


def last_error(decline: Decline, method: Object, charge: Object | None = None) -> Object:
    """The ``last_payment_error`` or ``last_setup_error`` of an intent."""
    error = {**decline.error(), "code": decline.code, "message": decline.message, "payment_method": method}
    if charge is not None:
        error["charge"] = charge["id"]
    error["doc_url"] = "https://stripe.com/docs/error-codes/" + decline.code.replace("_", "-")
    return error


def charge_intent(call: RequestContext, intent: Object, method: Object, *, authenticated: bool = False) -> Object:
    """Charge the intent's payment method; returns the charge. The intent is changed, but not saved.

    Raises :class:`SimulatedError` (402) if it is declined.
    """
    bank = bank_of(method)
    decline = charges.decline_for(call, intent, method, authenticated=authenticated) if bank is None else None
    if decline is not None:
        raise fail(call, intent, method, decline, authenticated=authenticated)
    manual = authorizations.is_manual(intent, method["type"])
    if intent.get("transfer_data") and not intent.get("transfer_group"):
        intent["transfer_group"] = f"group_{intent['id']}"
    charge = charges.make_charge(
        call, intent, method, captured=not manual, pending=bank is not None, authenticated=authenticated
    )
    intent.update(latest_charge=charge["id"], payment_method=method["id"], next_action=None, last_payment_error=None)
    keep_method(call, intent, method)
    if bank is not None:
        intent["status"] = "processing"
        if (due := bank_debits.debit_due(call, bank)) is not None:
            call.backend.agenda.add(call, due, "debit", str(intent["id"]))
    elif manual:
        intent["status"], intent["amount_capturable"] = "requires_capture", intent["amount"]
        call.backend.agenda.add(call, call.now + authorizations.capture_within(intent), "release", str(intent["id"]))
    else:
        intent["status"], intent["amount_received"] = "succeeded", intent["amount"]
        charges.settle(call, charge, method)
    return charge


def keep_method(call: RequestContext, intent: Object, method: Object) -> None:
    """Attach a used payment method to the customer if ``setup_future_usage`` says so; else it cannot be used again.

    https://docs.stripe.com/api/payment_intents/create#create_payment_intent-setup_future_usage
    """
    options = authorizations.options_of(intent, method["type"])
    customer, future = intent.get("customer"), options.get("setup_future_usage") or intent.get("setup_future_usage")
    if future == "none":
        future = None
    if method["customer"] is None:
        if not future:
            spend_method(call, method)
        elif customer:
            call.save("payment_method", {**method, "customer": customer})
    if future == "off_session":
        set_up(call, method)


def settle_debit(call: RequestContext, id: str) -> Object | None:
    """Let a processing bank debit succeed or fail. Returns its intent, or ``None`` if that was not processing."""
    intent = call.find("payment_intent", id)
    if intent is None or intent["status"] != "processing":
        return None
    charge = call.load("charge", intent["latest_charge"])
    method = call.load("payment_method", charge["payment_method"])
    bank = bank_of(method)
    if bank is not None and bank.failure:
        decline = charges.bank_decline(bank.failure)
        charge.update(status="failed", failure_code=decline.code, failure_message=decline.message, captured=False)
        call.save("charge", charge)
        back_to_start(intent, method, decline, charge)
    else:
        url = f"https://pay.stripe.com/receipts/{charge['id']}"
        charge.update(status="succeeded", paid=True, amount_captured=charge["amount"], receipt_url=url)
        charges.settle(call, charge)
        intent.update(status="succeeded", amount_received=intent["amount"], processing=None)
    return call.save("payment_intent", intent)


def new_intent(call: RequestContext, amount: int, currency: str, **fields: Any) -> Object:
    """Create a PaymentIntent for another object, such as an invoice, with ``fields`` as members."""
    id = call.new_id("payment_intent")
    secret = f"{id}_secret_{call.backend.ids.new('', 25)}"
    return call.make(
        "payment_intent", {"amount": amount, "currency": currency, "client_secret": secret, **fields}, id=id
    )


def pay_with(
    call: RequestContext,
    method: Object | str,
    amount: int,
    currency: str,
    *,
    customer: str | None = None,
    off_session: bool = True,
    **fields: Any,
) -> Object:
    """Create a PaymentIntent and confirm it with ``method``; its status is the outcome.

    Raises :class:`SimulatedError` (402) if it is declined, or if it needs authentication and is ``off_session``; the
    intent stays saved.
    """
    found = payment_method(call, method) if isinstance(method, str) else method
    intent = new_intent(
        call, amount, currency, customer=customer, payment_method=found["id"], status="requires_confirmation", **fields
    )
    return confirm(call, intent, off_session=off_session, method=found)
