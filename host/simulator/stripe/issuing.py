"""Issued cards and their cardholders. https://docs.stripe.com/issuing/cards

Purchases with them are in :mod:`host.simulator.stripe.issuing_authorizations`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from host.simulator import resources
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.card_facts import luhn
from host.simulator.stripe.issuing_books import OPENING
from host.simulator.stripe.money import check_currency

CARD, CARDHOLDER = "issuing.card", "issuing.cardholder"
_PREFIX = "400000999"  # of the numbers of issued cards in test mode
_YEARS = 3  # that a card is valid by default
_ELSEWHERE = ("financial_account", "lifecycle_controls", "personalization_design", "pin", "replacement_for")
# By the last part of the operation's name: the statuses a shipment may have before it, and the one it has after it.
_SHIPMENT = {
    "submit_card": (("pending",), "submitted"),
    "ship_card": (("pending", "submitted"), "shipped"),
    "deliver_card": (("shipped",), "delivered"),
    "return_card": (("shipped", "delivered"), "returned"),
    "fail_card": (("pending", "submitted", "shipped"), "failure"),
}


def create_card(call: RequestContext) -> Object:
    """Create a card, by default inactive. The cardholder of an active card must be active."""
    params = call.params
    for name in _ELSEWHERE:
        if params.get(name) is not None:
            call.not_modelled(f"the parameter {name}", "It models plain cards of an account's own balance.", name)
    if not params.get("cardholder"):
        raise call.refuse("Missing required param: cardholder.", code="parameter_missing", param="cardholder")
    check_currency(call)
    if params["currency"] not in OPENING:  # https://docs.stripe.com/issuing/global
        raise call.refuse(f"Cards are issued in {', '.join(OPENING)}.", param="currency")
    holder = call.load(CARDHOLDER, params["cardholder"], "cardholder", 400)
    status = params.get("status") or "inactive"
    if status == "active" and (holder["status"] != "active" or holder["requirements"]["disabled_reason"]):
        raise call.refuse("The card cannot be active while its cardholder is not.", param="status")
    card = call.put(resources.fresh(call), {k: v for k, v in params.items() if k not in ("cardholder", "shipping")})
    number = _number(call)
    born = datetime.fromtimestamp(call.now, UTC)
    card.update(
        brand="Visa",
        cardholder=holder,
        exp_month=params.get("exp_month", born.month),
        exp_year=params.get("exp_year", born.year + _YEARS),
        last4=number[-4:],
        number=number,
        cvc=f"{int(call.backend.ids.uuid()[:6], 16) % 1000:03d}",
        shipping=_shipping(call),
        status=status,
    )
    if (card["exp_year"], card["exp_month"]) < (born.year, born.month) or not 1 <= card["exp_month"] <= 12:
        raise call.refuse("The card's expiry is in the past, or no month.", param="exp_month")
    return call.save(CARD, card)


def _shipping(call: RequestContext) -> Object | None:
    """The ``shipping`` of a physical card, or ``None`` for a virtual one; dates and tracking are unknown."""
    given, physical = call.params.get("shipping"), call.params["type"] == "physical"
    if physical != bool(given):
        wrong = "Physical cards need shipping." if physical else "Virtual cards are not shipped."
        raise call.refuse(wrong, code="parameter_missing" if physical else None, param="shipping")
    if not given:
        return None
    for name in ("address_validation", "customs"):
        if given.get(name):
            call.not_modelled(f"the parameter shipping[{name}]", "It takes an address as it is.", f"shipping[{name}]")
    address = {"line2": None, "state": None, **given["address"]}
    unknown = ("address_validation", "carrier", "customs", "delivered_at", "eta", "shipped_at", "tracking_number")
    return {
        **dict.fromkeys((*unknown, "business_name", "phone_number", "require_signature", "tracking_url")),
        "service": "standard",
        "status": "pending",
        "type": "individual",
        **given,
        "address": address,
    }


def move_card(call: RequestContext) -> Object:
    """Change the status of a physical card's shipment (test helpers)."""
    card, (before, after) = call.subject(), _SHIPMENT[call.plan.operation.id.rpartition(".")[2]]
    shipping = card["shipping"]
    if shipping is None or shipping["status"] not in before:
        state = "is not shipped at all" if shipping is None else f"is {shipping['status']}"
        raise call.refuse(f"The card {state}: it must be {' or '.join(before)} to become {after}.")
    shipping["status"] = after
    if f"{after}_at" in shipping:
        shipping[f"{after}_at"] = call.now
    return call.save(CARD, card)


def update_card(call: RequestContext) -> Object:
    """Update a card. A canceled card cannot be activated again."""
    card = call.subject()
    if card["status"] == "canceled" and call.params.get("status", "canceled") != "canceled":
        raise call.refuse("A canceled card cannot be activated again.", param="status")
    for name in ("pin", "personalization_design", "shipping"):
        if call.params.get(name) is not None:
            call.not_modelled(f"the parameter {name}", "It takes metadata, spending_controls and status.", name)
    return call.save(CARD, call.put(card, call.params))


def _number(call: RequestContext) -> str:
    """A number for an issued card, with a valid check digit."""
    body = f"{_PREFIX}{int(call.backend.ids.uuid()[:6], 16) % 1_000_000:06d}"
    return next(body + digit for digit in "0123456789" if luhn(body + digit))


def watch_cardholder(call: RequestContext, holder: Object) -> None:
    """Copy a changed cardholder to its cards, which show it."""
    for card in call.backend.store.each(CARD):
        if card["cardholder"]["id"] == holder["id"] and card["cardholder"] != holder:
            call.backend.store.put(CARD, card["id"], {**card, "cardholder": holder})


BEHAVIOURS = {
    "issuing.cards.create": create_card,
    "issuing.cards.update": update_card,
    **{f"test_helpers.issuing.cards.{action}": move_card for action in _SHIPMENT},
}
WATCHERS = {CARDHOLDER: watch_cardholder}
