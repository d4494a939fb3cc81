"""The rules by which a purchase with an issued card is declined without asking an endpoint.

https://docs.stripe.com/issuing/controls/spending-controls, and the reasons of ``request_history`` in
https://docs.stripe.com/api/issuing/authorizations/object
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import issuing_books

AUTHORIZATION, TRANSACTION = "issuing.authorization", "issuing.transaction"
# In the smallest unit of the card's currency. The daily limit applies to cards without limits of their own, the limit
# for one purchase to all cards.
DEFAULT_DAILY, MOST_AT_ONCE = 50_000, 1_000_000
_DEFAULT = {"amount": DEFAULT_DAILY, "categories": [], "interval": "daily"}
_CAP = {"amount": MOST_AT_ONCE, "categories": [], "interval": "per_authorization"}
_EMPTY: Object = {}


def decline_reason(call: RequestContext, card: Object, purchase: Object) -> str:
    """The reason to decline ``purchase``, an authorization of the requested ``amount``, or ""."""
    return (
        _of_card(call, card)
        or _of_holder(card["cardholder"])
        or ("spending_controls" if _is_blocked(card, purchase) or _is_over(call, card, purchase) else "")
        or short_of_funds(call, purchase["amount"], card["currency"])
    )


def short_of_funds(call: RequestContext, amount: int, currency: str) -> str:
    """``insufficient_funds`` where the issuing balance does not cover an amount, or ""."""
    return "insufficient_funds" if amount > issuing_books.available(call, currency) else ""


def _of_card(call: RequestContext, card: Object) -> str:
    day = datetime.fromtimestamp(call.now, UTC)
    if card["status"] != "active":
        return f"card_{card['status']}"
    return "card_expired" if (card["exp_year"], card["exp_month"]) < (day.year, day.month) else ""


def _of_holder(holder: Object) -> str:
    if holder["status"] != "active":
        return f"cardholder_{holder['status']}"
    return "cardholder_verification_required" if holder["requirements"]["disabled_reason"] else ""


def _controls(card: Object) -> Iterator[tuple[Object, bool]]:
    """The spending controls of a card and of its cardholder, each with whether they are the cardholder's."""
    yield card["spending_controls"] or _EMPTY, False
    yield card["cardholder"]["spending_controls"] or _EMPTY, True


def _is_blocked(card: Object, purchase: Object) -> bool:
    merchant = purchase["merchant_data"]
    facts = {
        "categories": merchant["category"],
        "merchant_countries": merchant["country"],
        "card_presences": purchase["card_presence"],
    }
    for controls, _ in _controls(card):
        for name, fact in facts.items():
            allowed, blocked = controls.get(f"allowed_{name}"), controls.get(f"blocked_{name}")
            if (allowed and fact not in allowed) or (blocked and fact in blocked):
                return True
    return False


def _is_over(call: RequestContext, card: Object, purchase: Object) -> bool:
    """Whether the purchase would exceed a limit of its card, or of all cards of its cardholder."""
    category, amount = purchase["merchant_data"]["category"], purchase["amount"]
    for controls, of_holder in _controls(card):
        limits = list(controls.get("spending_limits") or [])
        if not of_holder:
            limits = [*(limits or [_DEFAULT]), _CAP]
        for limit in limits:
            categories = limit["categories"] or []
            if categories and category not in categories:
                continue
            since = _begin(call.now, limit["interval"])
            before = 0 if since is None else _spent(call, card, since, categories, of_holder, purchase["id"])
            if before + amount > limit["amount"]:
                return True
    return False


def _begin(now: int, interval: str) -> int | None:
    """When the interval of ``now`` began, at midnight UTC (weeks on Sunday); ``None`` for ``per_authorization``."""
    if interval == "per_authorization":
        return None
    day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if interval == "all_time":
        return 0
    if interval == "weekly":
        day -= timedelta(days=(day.weekday() + 1) % 7)
    elif interval == "monthly":
        day = day.replace(day=1)
    elif interval == "yearly":
        day = day.replace(month=1, day=1)
    return int(day.timestamp())


def _spent(call: RequestContext, card: Object, since: int, categories: list[str], of_holder: bool, but: str) -> int:
    """What was approved or captured since then, without the authorization ``but``; refunds are not subtracted."""
    holder, total = card["cardholder"]["id"], 0
    for each in call.backend.store.having(AUTHORIZATION, "cardholder", holder):
        if (
            each["approved"]
            and each["id"] != but
            and _counts(each, each["card"]["id"], card, since, categories, of_holder)
        ):
            captured = sum(-one["amount"] for one in each["transactions"] if one["type"] == "capture")
            total += max(captured, each["amount"]) if each["status"] == "pending" else captured
    for each in call.backend.store.having(TRANSACTION, "cardholder", holder):
        forced = each["type"] == "capture" and each["authorization"] is None
        if forced and _counts(each, each["card"], card, since, categories, of_holder):
            total -= each["amount"]
    return total


def _counts(value: Object, id: str, card: Object, since: int, categories: list[str], of_holder: bool) -> bool:
    theirs = (of_holder or id == card["id"]) and value["created"] >= since
    return theirs and (not categories or value["merchant_data"]["category"] in categories)
