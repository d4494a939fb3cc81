"""``add_invoice_items``: one-time prices on a subscription's invoice."""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import billing, discounts, lines, prorations
from host.simulator.stripe.catalogue import price_from
from host.simulator.stripe.periods import check_period
from host.simulator.stripe.pricing import amount_of, in_currency
from host.simulator.stripe.taxes import rates


def add_extras(call: RequestContext, invoice: Object | None, subscription: Object, extras: Any) -> None:
    """Add the entries of ``add_invoice_items`` to the invoice or, with ``None``, as pending items for the next one."""
    for n, extra in enumerate(extras or []):
        path, quantity = f"add_invoice_items[{n}]", extra.get("quantity", 1)
        price = in_currency(price_from(call, extra, path), subscription["currency"], f"{path}[price]")
        if price["type"] == "recurring":
            raise invalid(
                "The price specified is set to `type=recurring` but this field only accepts "
                "prices with `type=one_time`.",
                f"{path}[price]",
            )
        item = prorations.pending(
            call,
            subscription,
            amount=amount_of(price, quantity),
            description=billing.product_name(call, price),
            discountable=extra.get("discountable", True),
            parent=prorations.owner(subscription["id"], None),
            period=period_of(call, subscription, extra.get("period") or {}, path),
            pricing=lines.pricing(price),
            proration=False,
            proration_details=None,
            quantity=quantity,
            quantity_decimal=str(quantity),
            tax_rates=rates(call, extra.get("tax_rates"), f"{path}[tax_rates]"),
            metadata=extra.get("metadata") or {},
        )
        if extra.get("discounts"):
            owner = {"invoice_item": item["id"], "customer": subscription["customer"]}
            use = discounts.Use(subscription["customer"], subscription["currency"], item["amount"])
            item["discounts"] = discounts.make(call, extra["discounts"], use, owner, f"{path}[discounts]")
        if invoice is None:
            call.save("invoiceitem", item)
        else:
            lines.add_item(call, invoice, item)


def period_of(call: RequestContext, subscription: Object, wanted: Object, path: str) -> Object:
    """The period of an entry: by default it is the time that the current periods of all items have in common.

    https://docs.stripe.com/api/subscriptions/create#create_subscription-add_invoice_items-period
    """
    items = subscription["items"]["data"]
    start = max(item["current_period_start"] for item in items)
    end = min(item["current_period_end"] for item in items)
    found = {}
    for name, default in (("start", start), ("end", end)):
        given, at = wanted.get(name) or {}, f"{path}[period][{name}][timestamp]"
        if given.get("type") == "now":
            default = call.now
        elif given.get("type") == "timestamp":
            if given.get("timestamp") is None:
                raise invalid(f"Missing required param: {at}.", at, "parameter_missing")
            default = given["timestamp"]
        found[name] = default
    check_period(found, f"{path}[period]")
    return found
