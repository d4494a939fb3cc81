"""Virtual cards and whose they are; nothing is paid with them here. https://docs.stripe.com/issuing/cards/virtual"""

from __future__ import annotations

from datetime import UTC, datetime

from host.simulator import resources
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.card_facts import luhn

CARD, CARDHOLDER = "issuing.card", "issuing.cardholder"
_PREFIX = "400000999"  # of issued cards in test mode
_YEARS = 3  # that a card lasts where nothing else is asked for
_ELSEWHERE = ("financial_account", "personalization_design", "pin", "replacement_for", "second_line")


def create_card(call: RequestContext) -> Object:
    """A virtual card, inactive by default, of a cardholder who is active if it is to be."""
    params = call.params
    if params["type"] != "virtual":
        call.not_modelled("a physical card", "It models virtual ones.", "type")
    for name in _ELSEWHERE:
        if params.get(name) is not None:
            call.not_modelled(f"the parameter {name}", "It models virtual cards of an account's own balance.", name)
    if not params.get("cardholder"):
        raise call.refuse("Missing required param: cardholder.", code="parameter_missing", param="cardholder")
    holder = call.load(CARDHOLDER, params["cardholder"], "cardholder", 400)
    status = params.get("status") or "inactive"
    if status == "active" and (holder["status"] != "active" or holder["requirements"]["disabled_reason"]):
        raise call.refuse("The card cannot be active while its cardholder is not.", param="status")
    card = call.put(resources.fresh(call), {k: v for k, v in params.items() if k != "cardholder"})
    number = _number(call)
    born = datetime.fromtimestamp(call.now, UTC)
    card.update(
        brand="Visa",
        cardholder=holder,
        exp_month=params.get("exp_month", born.month),
        exp_year=params.get("exp_year", born.year + _YEARS),
        last4=number[-4:],
        number=number,
        cvc=f"{int(call.world.ids.uuid()[:6], 16) % 1000:03d}",
        status=status,
    )
    if (card["exp_year"], card["exp_month"]) < (born.year, born.month) or not 1 <= card["exp_month"] <= 12:
        raise call.refuse("The card's expiry is in the past, or no month.", param="exp_month")
    return call.save(CARD, card)


def update_card(call: RequestContext) -> Object:
    """What its maker may change; a canceled card stays so."""
    card = call.subject()
    if card["status"] == "canceled" and call.params.get("status", "canceled") != "canceled":
        raise call.refuse("A canceled card cannot be activated again.", param="status")
    for name in ("pin", "personalization_design"):
        if call.params.get(name) is not None:
            call.not_modelled(f"the parameter {name}", "It models virtual cards.", name)
    return call.save(CARD, call.put(card, call.params))


def _number(call: RequestContext) -> str:
    """A number of an issued card with the digit that makes it right."""
    body = f"{_PREFIX}{int(call.world.ids.uuid()[:6], 16) % 1_000_000:06d}"
    return next(body + digit for digit in "0123456789" if luhn(body + digit))


def watch_cardholder(call: RequestContext, holder: Object) -> None:
    """Cards show their cardholder as it is."""
    for card in call.world.store.having(CARD, "type", "virtual"):
        if card["cardholder"]["id"] == holder["id"] and card["cardholder"] != holder:
            call.world.store.put(CARD, card["id"], {**card, "cardholder": holder})


BEHAVIOURS = {"issuing.cards.create": create_card, "issuing.cards.update": update_card}
WATCHERS = {CARDHOLDER: watch_cardholder}
