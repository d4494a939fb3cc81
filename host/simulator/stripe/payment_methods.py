"""Payment methods: creating them from test ids, numbers and tokens, attaching and detaching them.

https://docs.stripe.com/api/payment_methods, https://docs.stripe.com/payments/payment-methods#reusability
"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.api_error import SimulatedError, invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import bank_debits, bank_numbers, tokens
from host.simulator.stripe.bank_debits import BANKS, bank_facts
from host.simulator.stripe.card_facts import (
    card_error,
    card_facts,
    card_named,
    card_of,
    check_card,
    check_new_card,
    checks_done,
)
from host.simulator.stripe.local_methods import LOCAL

EFFECTS = {
    "payment_methods.attach": {"customer"},
    "payment_methods.create": {
        "payment_method", "customer", "card.number", "card.cvc", "card.token", "card.exp_year", "card.exp_month",
        "us_bank_account.account_number", "sepa_debit.iban", "bacs_debit.account_number",
        "au_becs_debit.account_number", "acss_debit.account_number",
    },
}  # fmt: skip
# By payment method: whether it cannot be used again, and whether it was set up for payments off session.
_SPENT, _SET_UP = "~spent", "~set_up"
# Types of payment methods with which the customer sends the money later.
PUSHED = frozenset({"boleto", "customer_balance", "konbini", "multibanco", "oxxo"})
_NUMBERS = {"sepa_debit": "iban"}


def payment_method(call: RequestContext, id: str, param: str = "payment_method") -> Object:
    """The payment method of that id; for a test id (``pm_card_visa``, ``tok_visa``) a new one.

    Raises :class:`SimulatedError` if there is none; ``param`` is the parameter with the id.
    """
    found = call.find("payment_method", id)
    if found is not None:
        return found
    if bank := BANKS.get(id):
        return make(call, {"type": bank.type, bank.type: bank_facts(call, bank.type, bank.number, {})})
    if (card := card_named(id)) is not None:
        return make(call, {"type": "card", "card": card_facts(call, card)})
    if id.startswith("tok_"):
        return make(call, {"type": "card", "card": tokens.use(call, id, param)})
    raise missing("PaymentMethod", id, param, 400)


def make(call: RequestContext, fields: Object, *, id: str | None = None) -> Object:
    """Create a payment method with ``fields`` as members."""
    return call.make("payment_method", {**_blank(), **fields}, id=id)


def _blank() -> Object:
    places = ("city", "country", "line1", "line2", "postal_code", "state")
    nobody = {"address": dict.fromkeys(places), "email": None, "name": None, "phone": None, "tax_id": None}
    return {"card": None, "customer": None, "billing_details": nobody, "allow_redisplay": "unspecified"}


def from_parameters(call: RequestContext, params: Object, path: str = "") -> Object:
    """The members of a payment method that ``type`` and the parameter of the type's name describe, in ``path``."""
    kind = params.get("type") or "card"
    given: Any = params.get(kind) or {}
    fields: Object = {"type": kind}
    place = f"{path}[{kind}]" if path else kind
    if kind == "card":
        if token := given.get("token"):
            test = card_named(str(token))
            fields["card"] = card_facts(call, test) if test else tokens.use(call, str(token), f"{place}[token]")
        elif not given:
            raise invalid(f"Missing required param: {place}.", place, "parameter_missing")
        else:
            fields["card"] = card_facts(call, check_new_card(call, given, place), given)
    elif kind in bank_debits.CURRENCIES:
        name = _NUMBERS.get(kind, "account_number")
        number = str(given.get(name) or "").replace(" ", "")
        if not number:
            raise invalid(f"Missing required param: {place}[{name}].", f"{place}[{name}]", "parameter_missing")
        bank_numbers.check(kind, given, place)
        fields[kind] = bank_facts(call, kind, number, given)
    else:
        if kind == "boleto" and not given.get("tax_id"):
            raise invalid(f"Missing required param: {place}[tax_id].", f"{place}[tax_id]", "parameter_missing")
        fields[kind] = given
        if kind not in LOCAL | PUSHED:
            known = "It models cards, bank debits and transfers, vouchers, and what is confirmed elsewhere."
            call.not_modelled(f"payment methods of type {kind}", known, "type")
    return fields


def create_method(call: RequestContext) -> Object:
    """Create a payment method of ``type``, or a copy of another."""
    if "type" not in call.params and "payment_method" not in call.params:
        raise call.refuse("Missing required param: type.", code="parameter_missing", param="type")
    if source := call.params.get("payment_method"):
        original = _original(call, source, call.params.get("customer"))
        return make(call, {name: value for name, value in original.items() if name not in ("id", "customer")})
    if call.params.get("customer"):
        raise call.refuse("The `customer` is that of a `payment_method` to be copied.", param="customer")
    fields = from_parameters(call, call.params)
    method = make(call, fields)
    rest = {name: value for name, value in call.params.items() if name not in (fields["type"], "type", "customer")}
    return call.save("payment_method", call.put(method, rest))


def _original(call: RequestContext, id: str, customer: str | None) -> Object:
    """The payment method to copy: this account's own, or the platform's.

    https://docs.stripe.com/connect/direct-charges-multiple-accounts
    """
    home = call if call.find("payment_method", id) is not None else call.within("")
    if customer is not None:
        home.load("customer", customer, "customer", 400)
    found = payment_method(home, id)
    if found["customer"] != customer and not (customer is None and not call.account):
        check_usable(home, found, customer, "PaymentMethod")
        raise call.refuse(
            f"The payment method supplied ({id}) is not attached to the Customer you supplied ({customer}).",
            param="customer",
        )
    return found


def update_method(call: RequestContext) -> Object:
    """Update the billing details, expiry date and metadata of a payment method that is attached to a customer."""
    method = call.subject()
    if method["customer"] is None:
        raise call.refuse(
            "You must save this PaymentMethod to a customer before you can update it.", param="payment_method"
        )
    card: Object = dict(call.params.get("card") or {})
    rest = {name: value for name, value in call.params.items() if name != "card"}
    if card and method["card"]:
        check_card(call, {"number": card_of(method).number, **card})
        method["card"].update({name: card[name] for name in ("exp_month", "exp_year") if name in card})
    return call.save("payment_method", call.put(method, rest))


def attach_method(call: RequestContext) -> Object:
    """Attach a payment method to a customer."""
    if not call.params.get("customer"):
        raise call.refuse("Missing required param: customer.", code="parameter_missing", param="customer")
    return attach(call, payment_method(call, call.target), call.params["customer"])


def attach(call: RequestContext, method: Object, customer: str) -> Object:
    """Attach ``method`` to a customer and save it. A card that its bank declines is refused (402)."""
    if method["customer"] == customer:
        return method
    if method["customer"] is not None:
        raise call.refuse(
            "The payment method you provided has already been attached to a customer.", param="payment_method"
        )
    if is_spent(call, method):
        raise _used_up(call)
    card = card_of(method)
    if card.code and not card.attaches:
        raise SimulatedError(402, card.message, code=card.code, worked=True, **card_error(card))
    if method["card"]:
        method["card"]["checks"] = checks_done(method)
    return call.save("payment_method", {**method, "customer": customer})


def detach_method(call: RequestContext) -> Object:
    """Detach a payment method, after which it cannot be used or attached again."""
    method = call.subject()
    if method["customer"] is None:
        raise call.refuse(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            param="payment_method",
        )
    return detach(call, method)


def detach(call: RequestContext, method: Object) -> Object:
    """Detach ``method`` from its customer, whose default it may have been."""
    customer = call.find("customer", str(method["customer"]))
    settings = (customer or {}).get("invoice_settings") or {}
    if customer is not None and settings.get("default_payment_method") == method["id"]:
        customer["invoice_settings"] = {**settings, "default_payment_method": None}
        call.save("customer", customer)
    spend_method(call, method)
    return call.save("payment_method", {**method, "customer": None})


def check_usable(call: RequestContext, method: Object, customer: str | None, noun: str = "PaymentIntent") -> None:
    """Refuse a payment method of another customer, and one that cannot be used again."""
    owner = method["customer"]
    if owner is None:
        if is_spent(call, method):
            raise _used_up(call)
    elif customer is None:
        raise call.refuse(
            f"The payment method supplied ({method['id']}) belongs to a Customer; you must also include the Customer "
            f"in the `customer` parameter on the {noun}.",
            param="payment_method",
        )
    elif owner != customer:
        raise call.refuse(
            f"The payment method supplied ({method['id']}) does not belong to the Customer you supplied "
            f"({customer}). Please use this payment method with the Customer that it belongs to instead.",
            param="payment_method",
        )


def own_method(call: RequestContext, method: str, customer: str, param: str = "default_payment_method") -> str:
    """The id of a payment method that is the customer's; a test card by name becomes theirs."""
    found = payment_method(call, method, param)
    if found["customer"] not in (None, customer):
        raise invalid("The payment method you provided does not belong to this customer.", param)
    if found["customer"] is None and not method.startswith("pm_card_"):
        raise invalid(
            f"The customer does not have a payment method with the ID {method}. The payment method must be attached to "
            "the customer.",
            param,
            "resource_missing",
        )
    return str(attach(call, found, customer)["id"])


def _used_up(call: RequestContext) -> SimulatedError:
    return call.refuse(
        "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with "
        "a connected account without Customer attachment, or was detached from a Customer. It may not be used again. "
        "To use a PaymentMethod multiple times, you must attach it to a Customer first.",
        param="payment_method",
    )


def is_spent(call: RequestContext, method: Object) -> bool:
    """Whether the method cannot be used again: it was used without a customer, or detached from one."""
    return call.backend.store.record(_SPENT, str(method["id"])) is not None


def spend_method(call: RequestContext, method: Object) -> None:
    """Mark a payment method as one that cannot be used again."""
    call.backend.store.put(_SPENT, str(method["id"]), {})


def is_set_up(call: RequestContext, method: Object) -> bool:
    """Whether the method was set up for payments off session."""
    return call.backend.store.record(_SET_UP, str(method["id"])) is not None


def set_up(call: RequestContext, method: Object) -> None:
    """Mark a method as set up for payments off session."""
    call.backend.store.put(_SET_UP, str(method["id"]), {})


def retrieve_method(call: RequestContext) -> Object | bytes:
    """Retrieve a payment method, of the customer if the path names one."""
    found = resources.retrieve(call)
    customer = call.path_args.get("customer")
    if customer is not None and call.subject()["customer"] != customer:
        raise missing("PaymentMethod", call.target, "payment_method")
    return found


MAKES = {"payment_method"}
BEHAVIOURS = {
    "customers.payment_methods.retrieve": retrieve_method,
    "payment_methods.attach": attach_method,
    "payment_methods.create": create_method,
    "payment_methods.detach": detach_method,
    "payment_methods.update": update_method,
}
