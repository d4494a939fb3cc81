"""Accepting a quote, which creates an invoice, a subscription or a schedule. https://docs.stripe.com/quotes"""

from __future__ import annotations

from typing import Any

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import billing, discounts, line_items, lines, prorations, shares, subscriptions
from host.simulator.stripe.customers import default_method
from host.simulator.stripe.periods import DAY
from host.simulator.stripe.quotes import KIND, entries_of, step
from host.simulator.stripe.schedules import start_schedule
from host.simulator.stripe.subscription_items import AGREED


def accept_quote(call: RequestContext) -> Object:
    """Accept an open quote: create a subscription if a price recurs, else an invoice."""
    quote = step(call, ("open",), "accepted", "accepted")
    kept = call.backend.store.get("~quote", quote["id"]) or {}
    entries = entries_of(call, quote, kept)
    if any(entry.recurring for entry in entries):
        _subscribe(call, quote, kept, entries)
    else:
        _bill(call, quote, kept, entries)
    return call.save(KIND, quote)


def _subscribe(call: RequestContext, quote: Object, kept: Object, entries: list[line_items.LineEntry]) -> None:
    data = quote["subscription_data"]
    params: Object = {
        "customer": quote["customer"],
        "collection_method": quote["collection_method"],
        "default_tax_rates": [rate["id"] for rate in quote["default_tax_rates"]],
        "items": [{**_item(entry), AGREED: True} for entry in entries if entry.recurring],
        "add_invoice_items": [_item(entry) for entry in entries if not entry.recurring],
        "discounts": kept["discounts"],
        "metadata": data["metadata"] or {},
        "payment_behavior": "allow_incomplete" if default_method(call, quote["customer"]) else "default_incomplete",
    }
    params |= {name: quote[name] for name in ("application_fee_percent", "on_behalf_of") if quote.get(name)}
    if to := quote.get("transfer_data"):
        params["transfer_data"] = {n: v for n, v in to.items() if n != "amount" and v is not None}
    if data["billing_mode"]:
        params["billing_mode"] = data["billing_mode"]
    if data["description"]:
        params["description"] = data["description"]
    if quote["collection_method"] == "send_invoice":
        params["days_until_due"] = quote["invoice_settings"]["days_until_due"]
    if data["trial_period_days"]:
        params["trial_period_days"] = data["trial_period_days"]
    effective = data["effective_date"]
    if isinstance(effective, int) and effective > call.now:
        schedule = start_schedule(call, _plan(quote, params))
        quote["subscription_schedule"] = schedule["id"]
        return
    made = subscriptions.start(call, params)
    quote.update(subscription=made["id"], invoice=made["latest_invoice"])


def _plan(quote: Object, params: Object) -> Object:
    """The parameters of the schedule for a quote whose effective date is in the future."""
    same = (
        "add_invoice_items",
        "application_fee_percent",
        "default_tax_rates",
        "description",
        "discounts",
        "items",
        "metadata",
    )
    phase = {name: params[name] for name in same if params.get(name)}
    data = quote["subscription_data"]
    if data["trial_period_days"]:
        phase["trial_end"] = data["effective_date"] + data["trial_period_days"] * DAY
    if quote["collection_method"] == "send_invoice":
        phase["collection_method"] = "send_invoice"
        phase["invoice_settings"] = {"days_until_due": quote["invoice_settings"]["days_until_due"]}
    plan = {"customer": quote["customer"], "start_date": data["effective_date"], "phases": [phase]}
    return {**plan, "billing_mode": data["billing_mode"]}


def _item(entry: line_items.LineEntry) -> Object:
    found: Any = {"price": entry.price["id"], "quantity": entry.quantity}
    found |= {name: entry.given.get(name) for name in ("discounts", "tax_rates")}
    return {name: value for name, value in found.items() if value is not None}


def _bill(call: RequestContext, quote: Object, kept: Object, entries: list[line_items.LineEntry]) -> None:
    """Create a draft invoice with the quote's items."""
    customer, currency = call.load("customer", quote["customer"]), quote["currency"]
    subscriptions.first_currency(call, customer, currency)
    invoice = billing.new_invoice(
        call,
        call.load("customer", quote["customer"]),
        currency,
        billing_reason="quote_accept",
        collection_method=quote["collection_method"],
        default_tax_rates=quote["default_tax_rates"],
        parent={"type": "quote_details", "quote_details": {"quote": quote["id"]}, "subscription_details": None},
    )
    invoice["on_behalf_of"] = quote.get("on_behalf_of")
    shares.note(call, invoice, {name: quote[name] for name in shares.OWN if quote.get(name)})
    if quote["collection_method"] == "send_invoice":
        invoice["due_date"] = call.now + (quote["invoice_settings"]["days_until_due"] or 30) * DAY
    use = discounts.Use(quote["customer"], currency, quote["amount_subtotal"])
    owner = {"invoice": invoice["id"], "customer": quote["customer"]}
    invoice["discounts"] = discounts.make(call, kept["discounts"], use, owner)
    for entry in entries:
        item = prorations.pending(
            call,
            {"customer": quote["customer"], "currency": currency},
            amount=entry.line.amount,
            description=billing.product_name(call, entry.price),
            discountable=True,
            parent=None,
            period={"start": call.now, "end": call.now},
            pricing=lines.pricing(entry.price),
            proration=False,
            quantity=entry.quantity,
            quantity_decimal=str(entry.quantity),
            tax_rates=entry.line.rates or [],
        )
        if entry.given.get("discounts"):
            use = discounts.Use(quote["customer"], currency, entry.line.amount)
            owner = {"invoice_item": item["id"], "customer": quote["customer"]}
            item["discounts"] = discounts.make(call, entry.given["discounts"], use, owner)
        lines.add_item(call, invoice, item)
    call.save("invoice", lines.total_up(call, invoice))
    quote["invoice"] = invoice["id"]


BEHAVIOURS = {"quotes.accept": accept_quote}
MAKES = {"invoice", "subscription", "subscription_schedule"}
