"""The older payment sources of customers: cards, bank accounts and sources. https://docs.stripe.com/api/cards,
…/sources
"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import SimulatedError, invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import tokens
from host.simulator.stripe.card_facts import card_error, card_facts, card_named, check_card, shown_of
from host.simulator.stripe.includable import SOURCES
from host.simulator.stripe.listing import page_of
from host.simulator.stripe.payment_methods import detach, make
from host.simulator.stripe.payout_cards import BANK_TOKENS
from host.simulator.stripe.sandbox_cards import FINGERPRINTS, Card

_FACTS = "~source"  # by source: its card, as the ``card`` member of a payment method
EFFECTS = {
    "customers.payment_sources.create": {"source", "validate"},
    "customers.payment_sources.list": {"object"},
    "customers.payment_sources.verify": {"amounts"},
    "sources.create": {"token"},
}
MAKES = {"card", "bank_account", "payment_method"}
# https://docs.stripe.com/ach-deprecated#manually-collecting-and-verifying-bank-accounts
_DEPOSITS = [32, 45]


def add_source(
    call: RequestContext, customer: Object, given: str, metadata: Object | None = None, *, validate: bool = True
) -> Object:
    """Create the customer's card or bank account from a token or source, and save it, but not the customer.

    With ``validate``, a card that its bank declines is refused (402).
    """
    if given.startswith(("btok_", "ba_")):
        return _add_bank(call, customer, given)
    if given.startswith("src_"):
        return _attach(call, customer, given, validate=validate)
    if not given.startswith("tok_"):
        raise missing("token", given, "source", 400)
    facts, shown = card_of_token(call, given)
    card = FINGERPRINTS.get(facts["fingerprint"])
    if validate:
        _ask_bank(card)
    shown = {**shown, "id": call.new_id("card"), "customer": customer["id"], "metadata": dict(metadata or {})}
    if shown["cvc_check"] == "unchecked":
        shown["cvc_check"] = card.cvc if card else "pass"
    call.save("card", shown)
    facts["checks"] = {**facts["checks"], "cvc_check": shown["cvc_check"]}
    _be_method(call, customer, shown["id"], facts)
    return shown


def _ask_bank(card: Card | None) -> None:
    if card is not None and card.code and not card.attaches:
        raise SimulatedError(402, card.message, code=card.code, worked=True, **card_error(card))


def _be_method(call: RequestContext, customer: Object, id: str, facts: Object) -> None:
    """Make a customer's card or source also a payment method of the same id.

    https://docs.stripe.com/payments/payment-methods/transitioning
    """
    method = make(call, {"type": "card", "card": facts, "customer": customer["id"]})
    call.backend.store.put("payment_method", str(method["id"]), method, deleted=True)
    call.save("payment_method", {**method, "id": id})
    _make_default(customer, id)


def _attach(call: RequestContext, customer: Object, given: str, *, validate: bool) -> Object:
    """Attach a source to the customer, who can then be charged with it again and again.

    https://docs.stripe.com/sources/customers
    """
    source, facts = _chargeable(call, given)
    if source["customer"]:
        raise call.refuse(f"The source {given} is attached to a customer already.", param="source")
    if validate:
        _ask_bank(FINGERPRINTS.get(facts["fingerprint"]))
    _be_method(call, customer, given, facts)
    return call.save("source", {**source, "customer": customer["id"]})


def _chargeable(call: RequestContext, id: str) -> tuple[Object, Object]:
    """A source that can be charged, and its card as the ``card`` member of a payment method."""
    source = call.load("source", id, "source", 400)
    if source["status"] != "chargeable":
        raise call.refuse(f"The source {id} is {source['status']}.", param="source")
    return source, call.backend.store.get(_FACTS, id) or {}


def card_of_token(call: RequestContext, given: str) -> tuple[Object, Object]:
    """The card of a token: as the ``card`` member of a payment method, and as a card object."""
    if (test := card_named(given)) is not None:
        facts = card_facts(call, test)
        return facts, tokens.card_object(call, facts, {})
    token = call.find("token", given)
    facts = tokens.use(call, given, "source")
    return facts, dict((token or {})["card"])


def consume(call: RequestContext, id: str) -> Object:
    """Use a source that belongs to no customer, once; returns its card, as the ``card`` member of a payment method."""
    source, facts = _chargeable(call, id)
    if source["customer"]:
        raise call.refuse(f"The source {id} is attached to a customer: charge that customer.", param="source")
    call.save("source", {**source, "status": "consumed"})
    return facts


def _make_default(customer: Object, id: str) -> None:
    if customer.get("default_source") is None:
        customer["default_source"] = id


def _add_bank(call: RequestContext, customer: Object, given: str) -> Object:
    if number := BANK_TOKENS.get(given):
        facts = {
            "account_number": number,
            "routing_number": "110000000",
            "country": "US",
            "currency": "usd",
            "account_holder_name": None,
        }
        bank = tokens.bank_account(call, facts)
        bank["status"] = "new" if given == "btok_us" else "verified"
    else:
        bank = tokens.take(call, given, "source")["bank_account"]
        if bank is None:
            raise missing("token", given, "source", 400)
    bank = {**bank, "id": call.new_id("bank_account"), "customer": customer["id"], "metadata": {}}
    _make_default(customer, bank["id"])
    return call.save("bank_account", bank)


def _customer(call: RequestContext) -> Object:
    return call.load("customer", call.path_args["customer"], "customer")


def _find(call: RequestContext) -> tuple[str, Object]:
    customer = _customer(call)
    for kind in SOURCES:
        found = call.find(kind, call.path_args["id"])
        if found is not None and found["customer"] == customer["id"]:
            return kind, found
    raise missing("source", call.path_args["id"], "id")


def create_source(call: RequestContext) -> Object:
    """Create a customer's source from a token; the first one is the default."""
    customer, given = _customer(call), call.params["source"]
    if not isinstance(given, str):
        raise invalid("Invalid source: must be the id of a token", "source")
    validate = call.params.get("validate", True)
    made = add_source(call, customer, given, call.params.get("metadata"), validate=validate)
    call.save("customer", customer)
    return made


def retrieve_source(call: RequestContext) -> Object:
    """Retrieve a customer's card or bank account."""
    return _find(call)[1]


def update_source(call: RequestContext) -> Object:
    """Update a card's expiry date and address, or a bank account's holder."""
    kind, found = _find(call)
    card: Object = {name: call.params[name] for name in ("exp_month", "exp_year") if name in call.params}
    if card and kind == "card":
        known = FINGERPRINTS.get(found["fingerprint"])
        check_card(call, {"number": known.number if known else "4242424242424242", **card})
        method = call.load("payment_method", found["id"])
        method["card"].update({name: int(value) for name, value in card.items()})
        call.save("payment_method", method)
    schema = call.backend.factory.template(kind).schema
    call.backend.factory.put(schema, found, {k: v for k, v in call.params.items() if k not in card})
    found.update({name: int(value) for name, value in card.items()})
    return call.save(kind, found)


def delete_source(call: RequestContext) -> Object:
    """Delete a customer's source; if it was the default, another one becomes it."""
    kind, found = _find(call)
    customer = _customer(call)
    if kind != "bank_account":
        detach(call, call.load("payment_method", found["id"]))
    gone: Object = {"id": found["id"], "object": kind, "deleted": True}
    if kind == "source":  # which is detached for good: https://docs.stripe.com/sources/customers
        gone = call.save(kind, {**found, "customer": None, "status": "consumed"})
    else:
        call.save(kind, {**gone, "customer": customer["id"]}, deleted=True)
    customer = _customer(call)
    if customer["default_source"] == found["id"]:
        left = [item["id"] for item in _all(call, str(customer["id"]))]
        customer["default_source"] = left[-1] if left else None
        call.save("customer", customer)
    call.saved = None
    return gone


def _all(call: RequestContext, customer: str) -> list[Object]:
    return [item for kind in SOURCES for item in reversed(call.backend.store.having(kind, "customer", customer))]


def list_sources(call: RequestContext) -> Object:
    """The customer's cards and bank accounts, newest first."""
    customer = _customer(call)
    wanted = call.params.get("object")
    found = [item for item in _all(call, str(customer["id"])) if wanted in (None, item["object"])]
    return page_of(call, found, "source")


def verify_source(call: RequestContext) -> Object:
    """Verify a bank account by the amounts of its two deposits."""
    kind, found = _find(call)
    if kind != "bank_account":
        raise call.refuse("Only bank accounts can be verified.", param="id")
    if found["status"] == "verified":
        raise call.refuse("This bank account has already been verified.", code="bank_account_verification_failed")
    if sorted(call.params.get("amounts") or []) != _DEPOSITS:
        raise call.refuse(
            "The amounts provided do not match the amounts that were sent to the bank account.",
            code="bank_account_verification_failed",
        )
    return call.save(kind, {**found, "status": "verified"})


def create_reusable(call: RequestContext) -> Object:
    """Create a source from a card's token; other types, which Stripe has deprecated, are not modelled."""
    params = call.params
    token = params.get("token")
    if params.get("type", "card") != "card" or not token:
        what = (
            f"sources of type {params['type']}" if params.get("type", "card") != "card" else "sources without a token"
        )
        call.not_modelled(what, "It models sources of a card's token.", "type")
        return resources.create(call)
    test = card_named(str(token))
    facts = card_facts(call, test) if test else tokens.use(call, str(token), "token")
    source = call.put(resources.fresh(call), {k: v for k, v in params.items() if k != "token"})
    source.update(
        card={
            **shown_of(facts),
            "brand": tokens.BRANDS[facts["brand"]],
            "cvc_check": "unchecked",
            "three_d_secure": "optional",
        },
        client_secret=f"src_client_secret_{call.backend.ids.new('', 24)}",
        flow="none",
        status="chargeable",
        type="card",
        usage="reusable",
    )
    call.backend.store.put(_FACTS, source["id"], facts)
    return call.save("source", source)


BEHAVIOURS = {
    "customers.payment_sources.create": create_source,
    "customers.payment_sources.delete": delete_source,
    "customers.payment_sources.list": list_sources,
    "customers.payment_sources.retrieve": retrieve_source,
    "customers.payment_sources.update": update_source,
    "customers.payment_sources.verify": verify_source,
    "sources.create": create_reusable,
    "tokens.create": tokens.create_token,
}
