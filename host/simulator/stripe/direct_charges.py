"""Charges without a PaymentIntent, of tokens, sources and customers' cards. https://docs.stripe.com/api/charges"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.api_error import SimulatedError, invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.renamed_params import renaming
from host.simulator.stripe import authorizations, captures, charges, connect
from host.simulator.stripe.bank_debits import bank_of
from host.simulator.stripe.card_facts import card_of
from host.simulator.stripe.money import amount_of, check_amount, check_currency, shown
from host.simulator.stripe.payment_methods import make, spend_method
from host.simulator.stripe.sources import card_of_token, consume

EFFECTS = {
    "charges.capture": {"amount", "application_fee", "transfer_data.amount"},
    "charges.create": {"source", "capture", "application_fee", "destination"},
}
MAKES = {"charge", "balance_transaction"}
_EXPIRED = "~expired_charge"
_CARDS = "~charged_card"  # the cards of charged tokens that belong to no customer


def create_charge(call: RequestContext) -> Object:
    """Charge a source: a token, or one of the customer's own."""
    check_currency(call)
    for name in ("amount", "currency"):
        if name not in call.params:
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    check_amount(call, charge=True)
    facts = _facts(call)
    with renaming(_older_names(call)):
        connect.check_division(call, facts, facts["amount"], facts["currency"])
    method = _method(call)
    if bank_of(method) is not None:
        call.not_modelled("charges of bank accounts", "Payment intents take bank debits.", "source")
    captured = call.params.get("capture", True)
    card = card_of(method)
    decline = charges.decline_for(call, facts, method)
    if decline is None and card.authentication == "always":
        decline = charges.NOT_AUTHENTICATED
    charge = charges.make_charge(call, facts, method, captured=captured, decline=decline)
    charge["source"] = _source(call, method)
    if decline is not None or not captured:
        call.save("charge", charge)
    if decline is None and not captured:
        call.backend.agenda.add(call, call.now + authorizations.CAPTURE_WITHIN, "expire_charge", charge["id"])
    if decline is not None:
        raise charges.declined(call, charge, decline)
    if method["customer"] is None:
        spend_method(call, method)
    return charges.settle(call, charge) if captured else charge


def _older_names(call: RequestContext) -> dict[str, str]:
    """The names that the request has for what intents have newer names for."""
    names = {"application_fee_amount": "application_fee"} if "application_fee" in call.params else {}
    destination = call.params.get("destination")
    if destination:
        whole = "destination[account]" if isinstance(destination, dict) else "destination"
        names.update({"transfer_data[destination]": whole, "transfer_data[amount]": "destination[amount]"})
    return names


def _facts(call: RequestContext) -> Object:
    facts = {k: v for k, v in call.params.items() if k not in ("source", "application_fee", "destination", "capture")}
    if (fee := call.params.get("application_fee")) is not None:
        facts["application_fee_amount"] = fee
    destination: Any = call.params.get("destination")
    if destination:
        data = {"account": destination} if isinstance(destination, str) else destination
        facts["transfer_data"] = {"destination": data["account"], "amount": data.get("amount")}
    return facts


def _method(call: RequestContext) -> Object:
    """The payment method that ``source`` and ``customer`` lead to."""
    source, owner = call.params.get("source"), call.params.get("customer")
    if isinstance(source, dict):
        raise invalid("Invalid source: must be the id of a token or of a source", "source")
    if owner is None:
        if source is None:
            raise SimulatedError(400, "Must provide source or customer.", code="parameter_missing")
        if source.startswith("src_"):
            facts = consume(call, source)
            return make(call, {"type": "card", "card": facts})
        return _of_token(call, source)
    customer = call.load("customer", owner, "customer", 400)
    if source is None:
        source = customer.get("default_source")
        if source is None:
            raise SimulatedError(
                402,
                "Cannot charge a customer that has no active card",
                type="card_error",
                code="missing",
                param="card",
                worked=True,
            )
    elif source.startswith("tok_"):
        raise call.refuse(
            f"Customer {owner} does not have a linked source with ID {source}.", code="missing", param="source"
        )
    bank = call.find("bank_account", source)
    if bank is not None and bank["customer"] == owner:
        call.not_modelled("charges of bank accounts", "Payment intents take bank debits.", "source")
    method = call.find("payment_method", source)
    if method is None or method["customer"] != owner:
        raise missing("source", source, "source", 400)
    return method


def _of_token(call: RequestContext, id: str) -> Object:
    """The card that a token stands for."""
    if (
        id.startswith("acct_") and call.find("account", id) is not None
    ):  # https://docs.stripe.com/connect/account-debits
        call.not_modelled("debits of connected accounts", "Transfer reversals take money back.", "source")
    if not id.startswith("tok_"):
        raise missing("token", id, "source", 400)
    facts, shown = card_of_token(call, id)
    call.backend.store.put(_CARDS, shown["id"], shown)
    return make(call, {"type": "card", "card": facts}, id=shown["id"])


def _source(call: RequestContext, method: Object) -> Object | None:
    """The charge's ``source``: the card object that it was made with."""
    id = str(call.params.get("source") if str(call.params.get("source")).startswith("src_") else method["id"])
    return next((found for kind in ("card", "source", _CARDS) if (found := call.find(kind, id))), None)


def update_charge(call: RequestContext) -> Object | bytes:
    """What a charge says. Its customer and its group are set once.

    https://docs.stripe.com/api/charges/update#update_charge-customer, …#update_charge-transfer_group
    """
    charge = call.subject()
    owner, group = charge["customer"], charge["transfer_group"]
    if call.params.get("transfer_group", group) != group and group is not None:
        raise call.refuse("You can only provide `transfer_group` if it has not been set.", param="transfer_group")
    if call.params.get("customer", owner) != owner and owner is not None:
        raise call.refuse(f"Charge {call.target} already has a customer, which cannot be changed.", param="customer")
    return resources.update(call)


def expire(call: RequestContext, id: str) -> None:
    """Release a charge that was not captured in time. https://docs.stripe.com/api/charges/capture"""
    charge = call.find("charge", id)
    if charge is None or charge["captured"] or charge["refunded"]:
        return
    call.save("charge", {**charge, "amount_refunded": charge["amount"], "refunded": True})
    call.backend.store.put(_EXPIRED, id, {})
    call.announce("charge.expired", "charge", id)


def capture_charge(call: RequestContext) -> Object:
    """Capture all or a part of an authorized charge."""
    charge = call.subject()
    if charge["status"] != "succeeded":
        raise call.refuse(f"Charge {charge['id']} cannot be captured because it is {charge['status']}.")
    if charge["captured"]:
        raise call.refuse(f"Charge {charge['id']} has already been captured.", code="charge_already_captured")
    if call.backend.store.record(_EXPIRED, charge["id"]) is not None:
        raise call.refuse(
            f"Charge {charge['id']} could not be captured because the charge has expired.",
            code="charge_expired_for_capture",
        )
    if charge["refunded"]:
        raise call.refuse(f"Charge {charge['id']} has been refunded.", code="charge_already_refunded")
    if charge["amount_captured"]:
        raise call.refuse(
            f"Charge {charge['id']} was captured in part. Capture the rest with its PaymentIntent "
            f"{charge['payment_intent']}."
        )
    check_amount(call)
    amount = amount_of(call, "amount", charge["amount"])
    if amount > charge["amount"]:
        raise call.refuse(
            f"Amount to capture ({shown(amount, charge['currency'])}) is greater than the charge.",
            code="amount_too_large",
            param="amount",
        )
    rest = {k: v for k, v in call.params.items() if k not in ("amount", "application_fee", "transfer_data")}
    if "application_fee" in call.params:
        rest["application_fee_amount"] = call.params["application_fee"]
    call.put(charge, rest)
    captures.set_transfer(call, charge)
    connect.check_division(call, charge, charge["amount"], charge["currency"])
    if charge["payment_intent"]:
        intent = call.load("payment_intent", charge["payment_intent"])
        intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
        call.save("payment_intent", intent)
    return captures.capture(call, charge, amount)


BEHAVIOURS = {
    "charges.capture": capture_charge,
    "charges.create": create_charge,
    "charges.update": update_charge,
}
DUE = {"expire_charge": expire}
