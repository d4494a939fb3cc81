"""Payments that wait for a customer's bank transfer: what was sent pays them, in part or in whole.

https://docs.stripe.com/payments/bank-transfers/accept-a-payment, https://docs.stripe.com/payments/customer-balance
"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import Refusal, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import authorizations, cash_balances, charges
from host.simulator.stripe.money import check_amount, shown
from host.simulator.stripe.payment_methods import payment_method

METHOD = "customer_balance"
ACTION = "display_bank_transfer_instructions"
_PAID = "~bank_transfer"  # what was applied to a payment, by the intent's id
MAKES = {"charge", "customer_cash_balance_transaction"}
EFFECTS = {"payment_intents.apply_customer_balance": {"amount", "currency"}}


def begin(call: RequestContext, intent: Object, method: Object) -> Object:
    """Pay with what the customer has sent before, and wait for what is missing; kept."""
    kind = _kind(intent)
    if not intent.get("customer"):
        raise call.refuse(
            "A `customer` is required to pay by bank transfer.", code="parameter_missing", param="customer"
        )
    intent["next_action"] = {
        "type": ACTION,
        ACTION: {
            "amount_remaining": intent["amount"],
            "currency": intent["currency"],
            "hosted_instructions_url": f"https://payments.stripe.com/bank_transfers/instructions/{intent['id']}",
            "reference": call.world.ids.code(12),
            "type": kind,
        },
    }
    intent["status"] = "requires_action"
    if cash_balances.is_automatic(call, intent["customer"]):
        _apply(call, intent, method, None)
    return call.save("payment_intent", intent)


def _kind(intent: Object) -> str:
    place = f"payment_method_options[{METHOD}]"
    options: Any = authorizations.options_of(intent, METHOD)
    kind = (options.get("bank_transfer") or {}).get("type")
    if options.get("funding_type") != "bank_transfer" or not kind:
        name = f"{place}[bank_transfer][type]" if options.get("funding_type") else f"{place}[funding_type]"
        raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    currencies = [currency for currency, there in cash_balances.TRANSFERS.items() if kind == f"{there}_bank_transfer"]
    if intent["currency"] not in currencies:
        raise invalid(f"A {kind} is in {' or '.join(currencies)}, not in {intent['currency']}.", "currency")
    return str(kind)


def _apply(call: RequestContext, intent: Object, method: Object, most: int | None) -> int:
    """What of the customer's money is taken for a payment that waits; the intent is changed but not kept."""
    paid = int((call.world.store.get(_PAID, intent["id"]) or {}).get("paid", 0))
    left = int(intent["amount"]) - paid
    there = cash_balances.available(call, intent["customer"], intent["currency"])
    amount = min(there, left if most is None else min(left, most))
    if amount > 0:
        about = {"applied_to_payment": {"payment_intent": intent["id"]}}
        cash_balances.move(call, intent["customer"], intent["currency"], -amount, about)
        call.world.store.put(_PAID, intent["id"], {"paid": paid + amount})
    if paid + amount < intent["amount"]:
        intent["next_action"][ACTION]["amount_remaining"] = left - amount
        return amount
    charge = charges.make_charge(call, intent, method, captured=True)
    intent.update(status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"], next_action=None)
    charges.settle(call, charge, method)
    return amount


def watch_money(call: RequestContext, moved: Object) -> None:
    """Reconcile money that arrived with the payments that wait for it, the oldest first."""
    customer, currency = moved["customer"], moved["currency"]
    if moved["type"] != "funded" or not cash_balances.is_automatic(call, customer):
        return
    for waiting in call.world.store.having("payment_intent", "customer", customer):
        if waits(waiting) and waiting["currency"] == currency:
            intent = call.load("payment_intent", waiting["id"])
            if _apply(call, intent, payment_method(call, intent["payment_method"]), None):
                call.save("payment_intent", intent)


def waits(intent: Object) -> bool:
    """Whether a payment waits for a bank transfer."""
    return (intent.get("next_action") or {}).get("type") == ACTION


def apply_balance(call: RequestContext) -> Object:
    """Pay with what the customer has, all or ``amount`` of it, whoever reconciles otherwise."""
    intent = call.subject()
    if not waits(intent):
        raise Refusal(
            400,
            f"You cannot apply a customer's balance to this PaymentIntent because it has a status of "
            f"{intent['status']} and does not wait for a bank transfer.",
            code="payment_intent_unexpected_state",
            worked=True,
            payment_intent=dict(intent),
        )
    check_amount(call)
    most, currency = call.params.get("amount"), call.params.get("currency")
    if currency is not None and currency != intent["currency"]:
        raise call.refuse(f"The PaymentIntent is in {intent['currency']}.", param="currency")
    there = cash_balances.available(call, intent["customer"], intent["currency"])
    if there < (most or 1):
        raise call.refuse(
            f"The customer's cash balance of {shown(there, intent['currency'])} is not sufficient.",
            code="balance_insufficient",
            param="amount",
        )
    _apply(call, intent, payment_method(call, intent["payment_method"]), most)
    return call.save("payment_intent", intent)


def give_back(call: RequestContext, intent: Object) -> None:
    """What was applied to a payment that is canceled is the customer's again."""
    paid = int((call.world.store.get(_PAID, intent["id"]) or {}).get("paid", 0))
    if paid:
        about = {"unapplied_from_payment": {"payment_intent": intent["id"]}}
        cash_balances.move(call, intent["customer"], intent["currency"], paid, about)


BEHAVIOURS = {"payment_intents.apply_customer_balance": apply_balance}
WATCHERS = {cash_balances.TRANSACTION: watch_money}
