"""The merchant of a test purchase with an issued card. https://docs.stripe.com/issuing/categories"""

from __future__ import annotations

from hashlib import sha256

from host.simulator.context import Object, RequestContext
from host.simulator.stripe.merchant_categories import CODES

# The category of a purchase whose parameters have none.
CATEGORY = "miscellaneous_general_merchandise"
_PLACES = ("city", "country", "name", "postal_code", "state", "tax_id", "terminal_id", "url")


def merchant_of(call: RequestContext) -> Object:
    """The authorization's ``merchant_data``. Members that were not given are null, and the merchant's ``network_id`` is
    derived from those that were.
    """
    given = call.params.get("merchant_data") or {}
    category = given.get("category") or CATEGORY
    merchant: Object = {"category": category, "category_code": CODES[category]}
    merchant.update({name: given.get(name) for name in _PLACES})
    facts = "\n".join(str(merchant[name]) for name in ("category", *_PLACES) if merchant[name])
    derived = str(int(sha256(facts.encode()).hexdigest(), 16) % 10**10).zfill(10)
    merchant["network_id"] = given.get("network_id") or derived
    return merchant


def check_currency(call: RequestContext, card: Object, name: str = "currency") -> None:
    """Refuse a currency other than the card's, as there are no exchange rates."""
    given = call.params.get(name)
    if given is not None and given.lower() != card["currency"]:
        call.not_modelled("a purchase in another currency than the card's", f"It takes {card['currency']}.", name)


def check_amount(call: RequestContext, name: str) -> int:
    """The amount of a purchase; 0 verifies a card, and a negative one is refused."""
    amount = call.params[name]
    if amount < 0:
        raise call.refuse(f"Invalid {name}: must be at least 0.", param=name)
    return int(amount)
