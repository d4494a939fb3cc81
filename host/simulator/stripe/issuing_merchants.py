"""Where an issued card is used: the merchant that a test purchase names. https://docs.stripe.com/issuing/categories"""

from __future__ import annotations

from hashlib import sha256

from host.simulator.context import Object, RequestContext
from host.simulator.stripe.merchant_categories import CODES

# Of a purchase that does not say what is sold.
CATEGORY = "miscellaneous_general_merchandise"
_PLACES = ("city", "country", "name", "postal_code", "state", "tax_id", "terminal_id", "url")


def merchant_of(call: RequestContext) -> Object:
    """``merchant_data`` with its category's code; what was not said is null, and the network's id of a merchant is
    made of what was.
    """
    given = call.params.get("merchant_data") or {}
    category = given.get("category") or CATEGORY
    merchant: Object = {"category": category, "category_code": CODES[category]}
    merchant.update({name: given.get(name) for name in _PLACES})
    told = "\n".join(str(merchant[name]) for name in ("category", *_PLACES) if merchant[name])
    merchant["network_id"] = given.get("network_id") or str(int(sha256(told.encode()).hexdigest(), 16) % 10**10).zfill(
        10
    )
    return merchant


def check_currency(call: RequestContext, card: Object, name: str = "currency") -> None:
    """Only in the card's own currency: no exchange rate is known here."""
    given = call.params.get(name)
    if given is not None and given.lower() != card["currency"]:
        call.not_modelled("a purchase in another currency than the card's", f"It takes {card['currency']}.", name)


def check_amount(call: RequestContext, name: str) -> int:
    """An amount of a purchase: nought verifies a card, less is refused."""
    amount = call.params[name]
    if amount < 0:
        raise call.refuse(f"Invalid {name}: must be at least 0.", param=name)
    return int(amount)
