"""Charges: attempts to take money, their outcomes, and what they enter in the books.

https://docs.stripe.com/api/charges, https://docs.stripe.com/declines
"""

from __future__ import annotations

from typing import Any

import msgspec

from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import account_settings, application_fees, authorizations, books, connect, disputes, mandates
from host.simulator.stripe.bank_debits import CURRENCIES, bank_of
from host.simulator.stripe.bank_debits import MESSAGES as BANK_MESSAGES
from host.simulator.stripe.card_facts import card_of, checks_done
from host.simulator.stripe.sandbox_cards import ADVICE, MESSAGES, NETWORK, Card

# Members that a charge copies from its intent, or from the parameters of ``charges.create``.
_COPIED = (
    "application_fee_amount", "customer", "description", "on_behalf_of", "receipt_email", "shipping",
    "statement_descriptor", "statement_descriptor_suffix", "transfer_group",
)  # fmt: skip
_RISK = {"normal": 20, "elevated": 70, "highest": 85}
_SELLER = "The bank did not return any further details with this decline."


class Decline(msgspec.Struct, frozen=True):
    """Why a payment failed: the error's code, decline code, message and type, and the card that was declined."""

    code: str
    decline: str = ""
    message: str = ""
    card: Card | None = None
    type: str = "card_error"

    def error(self) -> Object:
        """The members of the error besides code and message."""
        error: Object = {"type": self.type}
        if self.decline:
            error["decline_code"] = self.decline
        if self.type == "card_error" and (advice := ADVICE.get(self.decline or self.code)):
            error["advice_code"] = advice
        if network := NETWORK.get(self.decline):
            error["network_decline_code"] = network
        return error


def decline_of(card: Card, *, authenticated: bool = False) -> Decline | None:
    """How a card's payments are declined, or ``None``. ``authenticated``: after the customer passed 3D Secure."""
    if authenticated and card.challenged:
        return Decline(card.challenged, message=MESSAGES[card.challenged])
    return Decline(card.code, card.decline, card.message, card) if card.code else None


def decline_for(call: RequestContext, source: Object, method: Object, *, authenticated: bool = False) -> Decline | None:
    """How a payment by card is declined by the bank, or for a check by the account's settings, or ``None``."""
    decline = decline_of(card_of(method), authenticated=authenticated)
    if decline is None and (call.account or source.get("on_behalf_of")):
        code = account_settings.failed_check(call, source, method)
        return Decline(code, message=MESSAGES[code], card=card_of(method)) if code else None
    return decline


NOT_AUTHENTICATED = Decline("authentication_required", "authentication_required", MESSAGES["authentication_required"])


def bank_decline(code: str) -> Decline:
    """The decline for a failure code of a bank debit."""
    return Decline(code, message=BANK_MESSAGES[code], type="invalid_request_error")


def make_charge(
    call: RequestContext,
    source: Object,
    method: Object,
    *,
    captured: bool,
    decline: Decline | None = None,
    pending: bool = False,
    authenticated: bool = False,
) -> Object:
    """The charge for an intent, or for the parameters of ``charges.create`` (``source``), not yet in the books.

    It is saved, unless it succeeded and is captured: then :func:`settle` saves it.
    """
    amount, id = source["amount"], call.new_id("charge")
    of_intent = source.get("object") == "payment_intent"
    if not of_intent and source.get("prefix"):
        id = source["prefix"] + id.partition("_")[2]
    succeeded = decline is None and not pending
    fields: Object = {
        **{name: source.get(name) for name in _COPIED},
        "amount": amount,
        "amount_captured": amount if captured and succeeded else 0,
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": account_settings.descriptor(call, source, card=method["type"] == "card"),
        "captured": captured and decline is None,
        "currency": source["currency"],
        "disputed": False,
        "metadata": dict(source.get("metadata") or {}),
        "outcome": _outcome(method, decline),
        "paid": succeeded,
        "payment_intent": source["id"] if of_intent else None,
        "payment_method": method["id"],
        "payment_method_details": _details(call, source, method, captured, authenticated),
        "receipt_url": f"https://pay.stripe.com/receipts/{id}" if succeeded else None,
        "refunded": False,
        "status": "failed" if decline else "pending" if pending else "succeeded",
        "transfer_data": _transfer_data(source),
    }
    if decline:
        fields["failure_code"], fields["failure_message"] = decline.code, decline.message
    charge = call.blank("charge", id)
    charge.update(fields)
    application_fees.sign(call, charge)
    return charge if succeeded and captured else call.save("charge", charge)


def describe(call: RequestContext, charge: Object) -> None:
    """Set what the cardholder reads of a charge, by what it says now."""
    card = charge["payment_method_details"]["type"] == "card"
    charge["calculated_statement_descriptor"] = account_settings.descriptor(call, charge, card=card)


def no_descriptor(call: RequestContext) -> SimulatedError:
    """A payment by card has the account's descriptor, and at most a suffix of its own.

    https://docs.stripe.com/api/payment_intents/create#create_payment_intent-statement_descriptor
    """
    return call.refuse(
        "The `statement_descriptor` parameter is not supported for the payment method type `card`. Use "
        "`statement_descriptor_suffix` instead.",
        param="statement_descriptor",
    )


def _transfer_data(source: Object) -> Object | None:
    data = source.get("transfer_data")
    return {"amount": data.get("amount"), "destination": data["destination"]} if data else None


def _outcome(method: Object, decline: Decline | None) -> Object:
    card = card_of(method)
    outcome: Object = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": card.risk if method["type"] == "card" else "not_assessed",
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if method["type"] == "card":
        outcome["risk_score"] = _RISK[card.risk]
    if card.risk == "elevated":
        outcome["reason"] = "elevated_risk_level"
    if decline is None:
        return outcome
    outcome |= {
        "advice_code": ADVICE.get(decline.decline or decline.code),
        "network_decline_code": NETWORK.get(decline.decline),
        "network_status": "declined_by_network",
        "reason": decline.decline or decline.code,
        "seller_message": _SELLER,
        "type": "issuer_declined",
    }
    if decline.card is not None and decline.card.blocked:
        outcome |= {
            "network_status": "not_sent_to_network",
            "reason": "highest_risk_level",
            "seller_message": "Stripe blocked this payment as too risky.",
            "type": "blocked",
        }
    return outcome


def _details(call: RequestContext, source: Object, method: Object, captured: bool, authenticated: bool) -> Object:
    """The charge's ``payment_method_details``: its payment method as it is at this time."""
    kind = method["type"]
    facts: Object = dict(method.get(kind) or {})
    if kind != "card":
        facts.pop("networks", None)
        facts.pop("status_details", None)
        facts.pop("financial_connections_account", None)
        facts.pop("generated_from", None)
        if kind in CURRENCIES:
            facts |= {"mandate": mandates.mandate_of(call, method), "expected_debit_date": None}
        if kind == "us_bank_account":
            facts["payment_reference"] = None
        return {"type": kind, kind: facts}
    network = authorizations.network_of(source, facts)
    for name in ("display_brand", "generated_from", "networks", "three_d_secure_usage"):
        facts.pop(name, None)
    facts |= authorizations.details(call, source, captured)
    facts |= {
        "authorization_code": None,
        "checks": checks_done(method),
        "installments": None,
        "mandate": None,
        "network": network,
        "network_token": {"used": False},
        "three_d_secure": _three_d_secure() if authenticated else None,
    }
    return {"type": "card", "card": facts}


def _three_d_secure() -> Object:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "result": "authenticated",
        "result_reason": None,
        "version": "2.2.0",
    }


def declined(call: RequestContext, charge: Object | None, decline: Decline, **more: Any) -> SimulatedError:
    """The error of a declined payment. The failed charge stays saved."""
    error = decline.error()
    if charge is not None:
        error["charge"] = charge["id"]
    return SimulatedError(402, decline.message, code=decline.code, worked=True, keep=True, **error, **more)


def settle(call: RequestContext, charge: Object, method: Object | None = None) -> Object:
    """Enter a captured charge in the books, with the fees, transfers and disputes that follow from it; saves it."""
    share = min(charge.get("application_fee_amount") or 0, charge["amount_captured"])
    method = method or _method(call, charge)
    charge["balance_transaction"] = _enter(call, charge, method, charge["amount_captured"], share)
    connect.divide(call, charge, share)
    call.save("charge", charge)
    return follow(call, charge, method)


def settle_part(call: RequestContext, charge: Object, amount: int) -> Object:
    """Enter one of several captures in the books, and save the charge. Stripe's fee is computed for the sum of all."""
    before = charge["amount_captured"]
    charge["amount_captured"] = before + amount
    describe(call, charge)
    transaction = _enter(call, charge, _method(call, charge), amount, 0, before)
    charge["balance_transaction"] = charge.get("balance_transaction") or transaction
    return call.save("charge", charge)


def _enter(call: RequestContext, charge: Object, method: Object, amount: int, share: int, before: int = 0) -> str:
    currency = charge["currency"]
    fee = books.processing_fee(before + amount, currency) - books.processing_fee(before, currency)
    fees = [books.fee_detail(fee, currency)]
    if share and call.account:
        fees.append(books.fee_detail(share, currency, application=application_fees.application(call)))
    return books.enter(
        call,
        "charge" if method["type"] == "card" else "payment",
        amount,
        currency,
        charge["id"],
        fees=tuple(fees),
        description=charge.get("description"),
        available_on=0 if card_of(method).bypass else books.available_day(call),
    )


def _method(call: RequestContext, charge: Object) -> Object:
    return call.find("payment_method", str(charge["payment_method"])) or {"type": "card", "card": None}


def follow(call: RequestContext, charge: Object, method: Object | None = None) -> Object:
    """Open the disputes and warnings that follow from a payment by some test cards and bank accounts."""
    method = method or _method(call, charge)
    bank, card = bank_of(method), card_of(method)
    for reason in card.dispute if bank is None else (("fraudulent",) if bank.dispute else ()):
        disputes.open_dispute(call, charge, reason)
    if card.warning:
        disputes.warn(call, charge)
    return charge
