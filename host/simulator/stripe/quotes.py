"""Quotes: an offer that, accepted, becomes an invoice or a subscription. https://docs.stripe.com/quotes"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import billing, discounts, line_items, lines, prorations, shares, subscriptions
from host.simulator.stripe.customers import default_method
from host.simulator.stripe.listing import page_of
from host.simulator.stripe.periods import DAY
from host.simulator.stripe.schedules import start_schedule
from host.simulator.stripe.subscription_items import AGREED
from host.simulator.stripe.sums import Coupon
from host.simulator.stripe.taxes import check_automatic, rates

KIND = "quote"
_NESTED = ("default_tax_rates", "discounts", "line_items", "from_quote", "transfer_data", "subscription_data")
_UNMODELLED = ("from_quote",)


def create_quote(call: RequestContext) -> Object:
    """A draft for a customer."""
    quote = resources.fresh(call)
    quote.update(
        amount_subtotal=0,
        amount_total=0,
        collection_method="charge_automatically",
        computed={"recurring": None, "upfront": _sums([])},
        default_tax_rates=[],
        discounts=[],
        expires_at=call.now + 30 * DAY,
        invoice_settings={
            "custom_fields": None,
            "days_until_due": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        metadata={},
        status="draft",
        total_details=_sums([])["total_details"],
    )
    quote["subscription_data"] = {
        "billing_mode": {"type": "classic", "flexible": None},
        "description": None,
        "effective_date": None,
        "metadata": None,
        "trial_period_days": None,
    }
    return _set(call, quote)


def update_quote(call: RequestContext) -> Object:
    """A draft can change in all."""
    quote = call.subject()
    if quote["status"] != "draft" and set(call.params) - {"metadata", "expand"}:
        raise call.refuse(f"This quote cannot be updated because it is {quote['status']}; it must be a draft.")
    return _set(call, quote)


def _set(call: RequestContext, quote: Object) -> Object:
    params = call.params
    check_automatic(call, params)
    for name in _UNMODELLED:
        if params.get(name):
            call.not_modelled(f"the parameter {name}", "", name)
    call.put(quote, {name: value for name, value in params.items() if name not in _NESTED})
    if "transfer_data" in params:
        said = params["transfer_data"]
        quote["transfer_data"] = {"amount": None, "amount_percent": None, **said} if said else None
    shares.check(call, quote, quote.get("currency") or "usd")
    if quote.get("customer"):
        quote["test_clock"] = call.load("customer", quote["customer"], "customer", 400).get("test_clock")
    if "subscription_data" in params:
        quote["subscription_data"] = {
            **quote["subscription_data"],
            **{k: v or None for k, v in params["subscription_data"].items()},
        }
    if "default_tax_rates" in params:
        quote["default_tax_rates"] = rates(call, params["default_tax_rates"], "default_tax_rates")
    if quote["expires_at"] <= call.now:
        raise invalid("expires_at must be in the future.", "expires_at")
    kept = call.world.store.get("~quote", quote["id"]) or {"line_items": [], "discounts": []}
    kept |= {name: params[name] or [] for name in ("line_items", "discounts") if name in params}
    call.world.store.put("~quote", quote["id"], kept)
    quote["discounts"] = []  # they are redeemed when the quote is accepted
    entries = _entries(call, quote, kept)
    if "line_items" in params:
        kept["items"] = [item["id"] for item in line_items.keep(call, entries, f"/v1/quotes/{quote['id']}/line_items")]
        call.world.store.put("~quote", quote["id"], kept)
    _add_up(quote, entries)
    if quote["status"] in ("draft", "open"):
        call.world.agenda.add(call, quote["expires_at"], "expire_quote", quote["id"])
    return call.save(KIND, quote)


def _entries(call: RequestContext, quote: Object, kept: Object) -> list[line_items.LineEntry]:
    entries = line_items.read(call, kept["line_items"], None)
    for n, entry in enumerate(entries):
        for name in ("discounts",):
            if entry.given.get(name):
                call.not_modelled(
                    f"the parameter line_items[{n}][{name}]", "discounts of the quote are.", f"line_items[{n}][{name}]"
                )
    currency = entries[0].price["currency"] if entries else None
    total = sum(entry.line.amount for entry in entries)
    use = discounts.Use(quote.get("customer"), currency, total)
    coupons: list[Coupon] = []
    for n, item in enumerate(kept["discounts"]):
        found = discounts.check(call, item, use, f"discounts[{n}]")
        coupons.append((found.coupon["id"], found.coupon))
    line_items.add_up(entries, coupons, quote["default_tax_rates"], str(currency))
    return entries


def _sums(entries: list[line_items.LineEntry]) -> Object:
    return line_items.totals(entries)


def _add_up(quote: Object, entries: list[line_items.LineEntry]) -> None:
    """The quote's sums: what is due at once, and what each period."""
    whole, recurring = _sums(entries), [entry for entry in entries if entry.recurring]
    trial = quote["subscription_data"]["trial_period_days"]
    upfront = [entry for entry in entries if not (trial and entry.recurring)]
    quote.update(whole, currency=entries[0].price["currency"] if entries else quote.get("currency"))
    quote["computed"] = {"recurring": None, "upfront": _sums(upfront)}
    if recurring:
        every = recurring[0].price["recurring"]
        quote["computed"]["recurring"] = {
            **_sums(recurring),
            "interval": every["interval"],
            "interval_count": every["interval_count"],
        }


def finalize_quote(call: RequestContext) -> Object:
    """draft → open."""
    quote = _quote(call, ("draft",), "finalized", "open")
    if not quote.get("customer"):
        raise call.refuse("A quote needs a customer before it is finalized.", param="customer")
    if not (call.world.store.get("~quote", quote["id"]) or {}).get("line_items"):
        raise call.refuse("A quote needs line items before it is finalized.", param="line_items")
    if call.params.get("expires_at"):
        quote["expires_at"] = call.params["expires_at"]
        call.world.agenda.add(call, quote["expires_at"], "expire_quote", quote["id"])
    quote["number"] = f"QT-{call.world.ids.code(8)}-0001-1"
    return call.save(KIND, quote)


def accept_quote(call: RequestContext) -> Object:
    """open → accepted: a subscription where something recurs, else an invoice, each for its customer to pay."""
    quote = _quote(call, ("open",), "accepted", "accepted")
    kept = call.world.store.get("~quote", quote["id"]) or {}
    entries = _entries(call, quote, kept)
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
    if data["description"]:
        params["description"] = data["description"]
    if quote["collection_method"] == "send_invoice":
        params["days_until_due"] = quote["invoice_settings"]["days_until_due"]
    if data["trial_period_days"]:
        params["trial_period_days"] = data["trial_period_days"]
    effective = data["effective_date"]
    if isinstance(effective, int) and effective > call.now:
        phase = {name: params[name] for name in ("items", "discounts", "metadata") if params[name]}
        schedule = start_schedule(call, {"customer": quote["customer"], "start_date": effective, "phases": [phase]})
        quote["subscription_schedule"] = schedule["id"]
        return
    made = subscriptions.start(call, params)
    quote.update(subscription=made["id"], invoice=made["latest_invoice"])


def _item(entry: line_items.LineEntry) -> Object:
    found: Any = {"price": entry.price["id"], "quantity": entry.quantity, "tax_rates": entry.given.get("tax_rates")}
    return {name: value for name, value in found.items() if value is not None}


def _bill(call: RequestContext, quote: Object, kept: Object, entries: list[line_items.LineEntry]) -> None:
    """A draft invoice of the quote's items."""
    customer, currency = call.load("customer", quote["customer"]), quote["currency"]
    subscriptions.take_currency(call, customer, currency)
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
        lines.add_item(call, invoice, item)
    call.save("invoice", lines.total_up(call, invoice))
    quote["invoice"] = invoice["id"]


def cancel_quote(call: RequestContext) -> Object:
    """draft or open → canceled."""
    return call.save(KIND, _quote(call, ("draft", "open"), "canceled", "canceled"))


def _quote(call: RequestContext, allowed: tuple[str, ...], word: str, status: str) -> Object:
    quote = call.subject()
    if quote["status"] not in allowed:
        raise call.refuse(
            f"This quote cannot be {word} because it is {quote['status']}; it must be {' or '.join(allowed)}."
        )
    quote["status"] = status
    quote["status_transitions"][f"{word}_at"] = call.now
    return quote


def expire_quote(call: RequestContext, id: str) -> None:
    """A quote nobody accepted in time."""
    quote = call.find(KIND, id)
    if quote is not None and quote["status"] in ("draft", "open") and quote["expires_at"] <= call.now:
        quote["status_transitions"]["canceled_at"] = call.now
        call.save(KIND, {**quote, "status": "canceled"})


def list_items(call: RequestContext) -> Object:
    """All line items, in the order they were given."""
    return _page(call, upfront=False)


def list_upfront(call: RequestContext) -> Object:
    """Those that something is due of at once."""
    return _page(call, upfront=True)


def _page(call: RequestContext, *, upfront: bool) -> Object:
    quote = call.load(KIND, call.path_args["quote"], "quote")
    kept = call.world.store.get("~quote", quote["id"]) or {}
    found = [call.load("item", id) for id in kept.get("items") or []]
    if upfront and quote["subscription_data"]["trial_period_days"]:
        found = [item for item in found if item["price"]["type"] != "recurring"]
    return page_of(call, found, "line item")


BEHAVIOURS = {
    "quotes.accept": accept_quote,
    "quotes.cancel": cancel_quote,
    "quotes.computed_upfront_line_items.list": list_upfront,
    "quotes.create": create_quote,
    "quotes.finalize_quote": finalize_quote,
    "quotes.line_items.list": list_items,
    "quotes.update": update_quote,
}
DUE = {"expire_quote": expire_quote}
_HANDLED = {
    "default_tax_rates",
    "discounts",
    "line_items.price",
    "line_items.price_data",
    "line_items.quantity",
    "line_items.tax_rates",
}
EFFECTS = {"quotes.create": _HANDLED, "quotes.update": _HANDLED}
MAKES = {"invoice", "item", "subscription", "subscription_schedule"}
