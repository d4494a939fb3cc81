"""Tokens, which stand for a card, bank account or other data, and can be used once. https://docs.stripe.com/api/tokens"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import SimulatedError, invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.bank_numbers import check_routing
from host.simulator.stripe.card_facts import card_facts, check_new_card
from host.simulator.stripe.sandbox_cards import fingerprint

_ADDRESS = ("address_city", "address_country", "address_line1", "address_line2", "address_state", "address_zip")
_KINDS = ("card", "bank_account", "account", "person", "pii", "cvc_update")
# https://docs.stripe.com/api/tokens: the prefixes of ids that are not ``tok_``.
_PREFIXES = {"account": "ct_", "bank_account": "btok_", "cvc_update": "cvctok_", "person": "cpt_", "pii": "pii_"}
_CARD = ("number", "exp_month", "exp_year", "cvc", "currency", "networks")
EFFECTS = {
    "tokens.create": {
        *(f"card.{name}" for name in _CARD), *(f"bank_account.{name}" for name in ("account_number", "payment_method")),
        "account", "person", "pii", "cvc_update",
    }
}  # fmt: skip
# The names of brands in card objects: https://docs.stripe.com/api/cards/object#card_object-brand
BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "discover": "Discover",
    "jcb": "JCB",
    "mastercard": "MasterCard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}
_FACTS = "~token"  # by token: its card, as the ``card`` member of a payment method


def create_token(call: RequestContext) -> Object:
    """Create a token of a card, a bank account or other data."""
    params = call.params
    kinds = [name for name in _KINDS if name in params]
    if len(kinds) > 1:
        raise call.refuse(
            f"You may only specify one of these parameters: {', '.join(kinds)}.",
            code="parameters_exclusive",
            param=kinds[1],
        )
    kind = kinds[0] if kinds else None
    if kind is None:
        raise call.refuse(
            "You must supply either a card, customer, PII data, bank account, or CVC update to create a token.",
            code="parameter_missing",
        )
    token = call.blank("token")
    token["id"] = _PREFIXES.get(kind, "tok_") + token["id"].removeprefix("tok_")
    token.update(type=kind, used=False, client_ip=None, card=None, bank_account=None)
    if kind == "card":
        given: Any = params["card"]
        if not isinstance(given, dict):
            raise invalid("Invalid object", "card")
        facts = card_facts(call, check_new_card(call, given), given)
        token["card"] = card_object(call, facts, given)
        call.backend.store.put(_FACTS, token["id"], facts)
    elif kind == "bank_account":
        token["bank_account"] = bank_account(call, params["bank_account"])
    return call.save("token", token)


def use(call: RequestContext, id: str, param: str) -> Object:
    """Use a card's token; returns the card, as the ``card`` member of a payment method."""
    token = take(call, id, param)
    facts = call.backend.store.get(_FACTS, id)
    if facts is None:
        raise call.refuse(f"The token {id} is not a card.", param=param)
    assert token["used"]
    return facts


def take(call: RequestContext, id: str, param: str) -> Object:
    """Use a token; returns it. A token that was used before is refused; ``param`` is the parameter with its id."""
    token = call.find("token", id)
    if token is None:
        raise missing("token", id, param, 400)
    if token["used"]:
        raise SimulatedError(
            400, f"You cannot use a Stripe token more than once: {id}.", code="token_already_used", param=param
        )
    return call.save("token", {**token, "used": True})


def card_object(call: RequestContext, facts: Object, given: Object) -> Object:
    """The ``card`` object of tokens and of customers' sources; ``given`` are the parameters for the card."""
    card = call.blank("card")
    card.update({name: given.get(name) for name in (*_ADDRESS, "name")})
    card.update(
        address_line1_check="unchecked" if given.get("address_line1") else None,
        address_zip_check="unchecked" if given.get("address_zip") else None,
        brand=BRANDS[facts["brand"]],
        country=facts["country"],
        currency=given.get("currency"),
        cvc_check=facts["checks"]["cvc_check"],
        exp_month=facts["exp_month"],
        exp_year=facts["exp_year"],
        fingerprint=facts["fingerprint"],
        funding=facts["funding"],
        last4=facts["last4"],
        metadata={},
        networks={"preferred": facts["networks"]["preferred"]},
        regulated_status="unregulated",
    )
    return card


def bank_account(call: RequestContext, given: Object, path: str = "bank_account") -> Object:
    """The ``bank_account`` object of a token, a customer's source or an account's external account.

    ``path`` is the parameter that ``given`` is.
    """
    number, routing = str(given.get("account_number") or ""), given.get("routing_number")
    if not number:
        raise invalid("Missing required param: account_number.", f"{path}[account_number]", "parameter_missing")
    country, currency = given.get("country"), given.get("currency")
    if not country or not currency:
        name = "country" if not country else "currency"
        raise invalid(f"Missing required param: {name}.", f"{path}[{name}]", "parameter_missing")
    if country == "US" and not routing:
        raise invalid("Missing required param: routing_number.", f"{path}[routing_number]", "parameter_missing")
    if country == "US":
        check_routing(str(routing), f"{path}[routing_number]")
    account = call.blank("bank_account")
    account.update(
        account_holder_name=given.get("account_holder_name"),
        account_holder_type=given.get("account_holder_type"),
        account_type=given.get("account_type"),
        bank_name="STRIPE TEST BANK",
        country=country,
        currency=str(currency).lower(),
        fingerprint=fingerprint(f"{country}{routing}{number}"),
        last4=number[-4:],
        metadata={},
        routing_number=routing,
        status="new",
    )
    return account
