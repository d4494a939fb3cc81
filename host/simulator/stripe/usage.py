"""The usage of metered items when a subscription changes.

https://docs.stripe.com/billing/subscriptions/usage-based/manage-billing-setup
"""

from __future__ import annotations

from typing import Any

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import billing, prorations
from host.simulator.stripe.billing_modes import is_flexible

FROM = billing.USAGE_FROM


def change(
    call: RequestContext, subscription: Object, before: list[Object], after: list[Object], behavior: str
) -> None:
    """Store from when the usage of new items, and of items with a new price, is billed; bill earlier usage.

    Classic billing drops earlier usage; flexible billing adds it to the next invoice.
    """
    old = {item["id"]: item for item in before if _metered(item)}
    for item in after:
        known = old.get(item["id"])
        if _metered(item) and (known is None or known["price"]["id"] != item["price"]["id"]):
            _bill(call, subscription, old.pop(item["id"], None), behavior)
            call.backend.store.put(FROM, item["id"], {"at": call.now})
        else:
            old.pop(item["id"], None)
    for gone in old.values():
        _bill(call, subscription, gone, behavior)


def running(subscription: Object) -> dict[str, tuple[str, int]]:
    """The price, and the start of the current period, of each metered item."""
    items = [item for item in subscription["items"]["data"] if _metered(item)]
    return {item["id"]: (item["price"]["id"], item["current_period_start"]) for item in items}


def ended(call: RequestContext, subscription: Object, before: dict[str, tuple[str, int]]) -> dict[str, tuple[int, int]]:
    """The periods that a new one has cut short, of the metered items that stay as they were: their usage is due.

    ``before`` is what :func:`running` said.
    """
    now = running(subscription)
    return {id: (start, call.now) for id, (price, start) in before.items() if id in now and now[id][0] == price}


def _metered(item: Object) -> bool:
    return bool(item["price"]["recurring"]["usage_type"] == "metered")


def _bill(call: RequestContext, subscription: Object, item: Object | None, behavior: str) -> None:
    if item is None or behavior == "none" or not is_flexible(subscription):
        return
    facts: dict[str, Any] = billing.usage_facts(call, subscription, item, item["current_period_start"], call.now)
    if facts["amount"]:
        prorations.pending(
            call,
            subscription,
            amount=facts["amount"],
            description=facts["description"],
            discountable=True,
            parent=prorations.owner(subscription["id"], item["id"]),
            period=facts["period"],
            pricing=facts["pricing"],
            proration=False,
            proration_details=None,
            quantity=facts["quantity"],
            quantity_decimal=str(facts["quantity"]),
            tax_rates=list(item.get("tax_rates") or []),
        )
