"""The invoices of subscriptions, and their lines for periods, usage and prorations.

https://docs.stripe.com/billing/invoices/subscription
"""

from __future__ import annotations

from typing import Any

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import discounts
from host.simulator.stripe.billing_modes import is_flexible
from host.simulator.stripe.customer_balances import balance_in
from host.simulator.stripe.invoice_customers import copy_customer
from host.simulator.stripe.lines import add_item, add_line, pending_items, pricing, total_up
from host.simulator.stripe.meters import usage
from host.simulator.stripe.periods import DAY
from host.simulator.stripe.pricing import amount_of, at_volume, plain_quantity, shown_unit
from host.simulator.stripe.prorations import Part, begin_of, put_on, share, stop_of
from host.simulator.stripe.subscription_items import price_of

USAGE_OF = "~usage_of"  # by line: the period and the item of the usage it bills
USAGE_FROM = "~usage_from"  # by item: the time from which its usage is billed
FREE_START = "~subscription_free_start"  # with proration_behavior=none: the time before the anchor is not billed
HOUR = 3600  # seconds that the invoice of a renewal stays a draft


def new_invoice(call: RequestContext, customer: Object, currency: str, **fields: Any) -> Object:
    """A draft invoice for ``customer`` with ``fields`` as members, not saved yet. Texts that are not given are the
    customer's: https://docs.stripe.com/api/customers/create#create_customer-invoice_settings
    """
    invoice = call.blank("invoice")
    invoice.update(
        account_country="US",
        amount_paid=0,
        attempt_count=0,
        attempted=False,
        customer=customer["id"],
        currency=currency,
        default_tax_rates=[],
        discounts=discounts.inherited(call, customer),
        issuer={"type": "self"},
        next_payment_attempt=None,
        period_start=call.now,
        period_end=call.now,
        starting_balance=balance_in(call, customer, currency),
        test_clock=customer.get("test_clock"),
    )
    copy_customer(call, invoice, customer)
    theirs = customer.get("invoice_settings") or {}
    invoice.update(custom_fields=theirs.get("custom_fields"), footer=theirs.get("footer"))
    invoice["rendering"] = theirs.get("rendering_options")
    invoice["lines"].update(data=[], has_more=False, url=f"/v1/invoices/{invoice['id']}/lines")
    invoice.update(fields)
    return invoice


def draft_of(call: RequestContext, subscription: Object, reason: str, **fields: Any) -> Object:
    """A draft invoice for a subscription, without lines, not saved yet; ``reason`` is its ``billing_reason``."""
    customer = call.load("customer", subscription["customer"])
    settings = subscription.get("invoice_settings") or {}
    invoice = new_invoice(
        call,
        customer,
        subscription["currency"],
        account_tax_ids=settings.get("account_tax_ids"),
        billing_reason=reason,
        collection_method=subscription["collection_method"],
        default_tax_rates=list(subscription.get("default_tax_rates") or []),
        description=settings.get("description"),
        discounts=[id for id, _ in discounts.standing(call, subscription["discounts"])]
        or discounts.inherited(call, customer),
        on_behalf_of=subscription.get("on_behalf_of"),
        parent={
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": {
                "subscription": subscription["id"],
                "metadata": dict(subscription["metadata"] or {}),
            },
        },
    )
    invoice.update({name: settings[name] for name in ("custom_fields", "footer") if settings.get(name)})
    if subscription["collection_method"] == "send_invoice":
        invoice["due_date"] = call.now + (subscription.get("days_until_due") or 0) * DAY
    invoice.update(fields)
    return invoice


def period_line(
    call: RequestContext, invoice: Object, subscription: Object, item: Object, *, in_full: bool = False
) -> Object:
    """Add the line of an item for its current period: 0 during a trial, else the amount for its quantity.

    A period that begins late, as after a trial that ends before the anchor, is billed in part. So is a period in which
    the subscription ends, unless ``in_full``.
    """
    price, quantity = price_of(call, subscription, item), item.get("quantity")
    metered = price["recurring"]["usage_type"] == "metered"
    trial = (subscription["trial_end"] or 0) >= item["current_period_end"] and not metered
    name = product_name(call, price)
    facts: Object = {
        "amount": 0 if trial or metered else amount_of(price, quantity or 0),
        "description": _of_trial(subscription, name, quantity) if trial else described(call, price, quantity or 0),
        "period": {"start": item["current_period_start"], "end": item["current_period_end"]},
        "quantity": quantity or 0,
    }
    start, end, stop = item["current_period_start"], item["current_period_end"], stop_of(subscription, item)
    begin = begin_of(subscription, item)
    stop = end if in_full else stop
    if (begin, stop) != (start, end) and facts["amount"]:
        facts["amount"] = share(facts["amount"], Part(item, facts["amount"], begin, end, stop), start)
        if begin < start and call.backend.store.record(FREE_START, subscription["id"]) is not None:
            facts["amount"] = 0
        facts.update(proration=True, period={"start": start, "end": stop})
    return item_line(call, invoice, subscription, item, facts)


def _of_trial(subscription: Object, name: str, quantity: Any) -> str:
    return f"Free trial for {quantity} × {name}" if is_flexible(subscription) else f"Trial period for {name}"


def usage_line(
    call: RequestContext, invoice: Object, subscription: Object, item: Object, start: int, end: int
) -> Object:
    """Add the line for the usage of a metered price from ``start`` to ``end``; see :func:`usage_facts`."""
    facts = usage_facts(call, subscription, item, start, end)
    exact, counted = facts.pop("exact"), facts.pop("counted")
    facts.pop("pricing")
    line = item_line(call, invoice, subscription, item, facts)
    line["quantity_decimal"] = exact
    of = {name: subscription[name] for name in ("billing_mode", "currency", "customer", "trial_end")}
    call.backend.store.put(USAGE_OF, line["id"], {"subscription": of, "item": {"price": item["price"]}, **counted})
    return line


def count_again(call: RequestContext, invoice: Object) -> None:
    """Count what was used of an invoice's periods once more: as long as it is a draft, usage can be reported late.

    https://docs.stripe.com/billing/subscriptions/usage-based/configure-grace-period
    """
    changed = False
    for line in invoice["lines"]["data"]:
        kept = call.backend.store.get(USAGE_OF, line["id"])
        if kept is None:
            continue
        facts = _counted_facts(call, kept["subscription"], kept["item"], kept["start"], kept["upto"], kept["end"])
        facts["quantity_decimal"] = facts.pop("exact")
        if line["quantity_decimal"] != facts["quantity_decimal"]:
            same = ("amount", "description", "quantity", "quantity_decimal")
            line.update({name: facts[name] for name in same}, subtotal=facts["amount"])
            changed = True
    if changed:
        total_up(call, invoice)


def usage_facts(call: RequestContext, subscription: Object, item: Object, start: int, end: int) -> Object:
    """The usage of an item from ``start`` to ``end``, and what it costs, as members of a line.

    It is counted from when the item was added or got its price, if that is later. Where ``end`` is now, the usage of
    this second is included. During a trial it costs nothing:
    https://docs.stripe.com/billing/subscriptions/billing-mode/compare#trials
    """
    renewed = start < end == item["current_period_start"]  # then this very second is of the next period
    upto = end if renewed or end < call.now or end >= item["current_period_end"] else end + 1
    since = call.backend.store.get(USAGE_FROM, item["id"])
    start = max(start, since["at"]) if since is not None and since["at"] < end else start
    return _counted_facts(call, subscription, item, start, upto, end)


def _counted_facts(call: RequestContext, subscription: Object, item: Object, start: int, upto: int, end: int) -> Object:
    used = usage(call, item, subscription["customer"], start, upto)
    price = price_of(call, subscription, item)
    free, name = (subscription["trial_end"] or 0) >= end, product_name(call, price)
    trial = _of_trial(subscription, name, used) if is_flexible(subscription) else f"{used} × {name} (Free trial)"
    return {
        "amount": 0 if free else amount_of(price, used),
        "counted": {"start": start, "upto": upto, "end": end},
        "description": trial if free else described(call, price, used),
        "exact": f"{used.normalize():f}" if used else "0",
        "period": {"start": start, "end": end},
        "pricing": pricing(price),
        "quantity": plain_quantity(used),
    }


def item_line(call: RequestContext, invoice: Object, subscription: Object, item: Object, facts: Object) -> Object:
    """Add a line of a subscription's item; ``facts`` are amount, description, period, quantity and ``proration``."""
    details = {
        "invoice_item": None,
        "proration": facts.pop("proration", False),
        "proration_details": {"credited_items": None},
        "subscription": subscription["id"],
        "subscription_item": item["id"],
    }
    return add_line(
        call,
        invoice,
        facts.pop("amount"),
        discounts=[id for id, _ in discounts.standing(call, item.get("discounts") or [])],
        metadata=dict(item.get("metadata") or {}),
        pricing=pricing(price_of(call, subscription, item)),
        subscription=subscription["id"],
        parent={
            "type": "subscription_item_details",
            "subscription_item_details": details,
            "invoice_item_details": None,
        },
        **facts,
    )


def described(call: RequestContext, price: Object, quantity: Any) -> str:
    """A line's description, ``3 × Plan (at $20.00 / month)``; without an amount for graduated tiers, which have
    several.
    """
    unit = at_volume(price, quantity)
    at = f" (at {shown_unit(unit)})" if unit is not None else ""
    return f"{quantity} × {product_name(call, price)}{at}"


def product_name(call: RequestContext, price: Object) -> str:
    """The name of a price's product, which descriptions of lines use."""
    product = call.backend.store.get("product", str(price["product"])) or {}
    return str(product.get("name") or price["product"])


def take_pending(call: RequestContext, invoice: Object, subscription: str | None) -> None:
    """Add the customer's pending invoice items to the invoice, newest first."""
    for item in pending_items(call, invoice["customer"], invoice["currency"], subscription):
        add_item(call, invoice, item)


def period_invoice(
    call: RequestContext,
    subscription: Object,
    reason: str,
    used: dict[str, tuple[int, int]] | None = None,
    prorated: list[Object] | None = None,
    *,
    pending: bool = True,
    ended: dict[str, tuple[int, int]] | None = None,
) -> Object:
    """A draft invoice for the items' current periods; saved, unless it is one of flexible billing without lines.

    ``used`` are, by item, the start and end of the time whose usage is billed; items whose period goes on are not
    among them and get no line; ``ended`` are the same of periods that new ones have cut short. ``prorated`` are
    proration items to add, and with ``pending`` pending invoice items are added. Lines are in the API's order: pending
    items, then the subscription's items, each newest first. Flexible billing has no lines of 0 for future usage.
    """
    invoice = draft_of(call, subscription, reason)
    put_on(call, invoice, subscription, prorated or [])
    if pending:
        take_pending(call, invoice, subscription["id"])
    for item in reversed(subscription["items"]["data"]):
        metered = item["price"]["recurring"]["usage_type"] == "metered"
        if used and item["id"] not in used:
            continue
        if ended and item["id"] in ended:
            usage_line(call, invoice, subscription, item, *ended[item["id"]])
        if metered and used:
            usage_line(call, invoice, subscription, item, *used[item["id"]])
        elif not metered or not (used or is_flexible(subscription)):
            period_line(call, invoice, subscription, item)
    if is_flexible(subscription) and not invoice["lines"]["data"]:
        return invoice
    return keep(call, subscription, invoice)


def keep(call: RequestContext, subscription: Object, invoice: Object) -> Object:
    """Add up a subscription's invoice and save it as the latest; coupons with ``duration=once`` are used up by it."""
    call.save("invoice", total_up(call, invoice))
    subscription["latest_invoice"] = invoice["id"]
    taken = {entry["discount"] for entry in invoice["total_discount_amounts"]}
    discounts.spend(call, subscription["discounts"], taken)
    for item in subscription["items"]["data"]:
        discounts.spend(call, item.get("discounts") or [], taken)
    call.save("subscription", subscription)
    return invoice


def wait(call: RequestContext, invoice: Object) -> None:
    """Save a draft that is to be finalized in an hour."""
    invoice.update(auto_advance=True, automatically_finalizes_at=call.now + HOUR)
    call.save("invoice", invoice)


def drop_spent(call: RequestContext, subscription: Object) -> None:
    """Remove discounts with ``duration=once`` that were used, at the begin of a new period."""
    subscription["discounts"] = discounts.unspent(call, subscription["discounts"])
    for item in subscription["items"]["data"]:
        item["discounts"] = discounts.unspent(call, item.get("discounts") or [])
