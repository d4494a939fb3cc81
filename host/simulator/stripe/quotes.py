"""Quotes, which become an invoice or a subscription when they are accepted. https://docs.stripe.com/quotes"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import discounts, line_items, shares
from host.simulator.stripe.listing import page_of
from host.simulator.stripe.periods import DAY
from host.simulator.stripe.sums import Coupon
from host.simulator.stripe.taxes import check_automatic, rates

KIND = "quote"
_NESTED = ("default_tax_rates", "discounts", "line_items", "from_quote", "transfer_data", "subscription_data")
# Members that are parameters of a quote's copy.
_COPIED = (
    "application_fee_amount",
    "application_fee_percent",
    "collection_method",
    "customer",
    "description",
    "footer",
    "header",
    "metadata",
    "on_behalf_of",
)


def create_quote(call: RequestContext) -> Object:
    """Create a draft, or a copy of another quote."""
    quote, params = resources.fresh(call), call.params
    if source := call.params.get("from_quote"):
        params = {**_copy(call, source), **params}
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
    quote["from_quote"] = {"is_revision": False, **source} if source else None
    return _set(call, quote, params)


def _copy(call: RequestContext, wanted: Object) -> Object:
    """The parameters that create the same quote again. https://docs.stripe.com/quotes/revise"""
    source = call.load(KIND, wanted["quote"], "from_quote[quote]", 400)
    if wanted.get("is_revision") and source["number"] is None:
        raise invalid("Only a quote that was finalized can be revised.", "from_quote[is_revision]")
    kept = call.backend.store.get("~quote", source["id"]) or {}
    found = {name: source[name] for name in _COPIED if source.get(name)}
    given = zip(items_of(call, source), kept.get("line_items") or [], strict=True)
    same = ("discounts", "quantity", "tax_rates")
    found["line_items"] = [
        {"price": item["price"]["id"], **{name: entry[name] for name in same if name in entry}} for item, entry in given
    ]
    found["discounts"] = kept.get("discounts") or []
    found["default_tax_rates"] = [rate["id"] for rate in source["default_tax_rates"]]
    for name in ("invoice_settings", "subscription_data", "transfer_data"):
        settings = source.get(name) or {}
        found[name] = {key: value for key, value in settings.items() if value is not None and key != "issuer"}
    return {name: value for name, value in found.items() if value}


def update_quote(call: RequestContext) -> Object:
    """Update a draft, or the metadata of a finalized quote."""
    quote = call.subject()
    if quote["status"] != "draft" and set(call.params) - {"metadata", "expand"}:
        raise call.refuse(f"This quote cannot be updated because it is {quote['status']}; it must be a draft.")
    return _set(call, quote, call.params)


def _set(call: RequestContext, quote: Object, params: Object) -> Object:
    check_automatic(call, params)
    call.put(quote, {name: value for name, value in params.items() if name not in _NESTED})
    if "transfer_data" in params:
        given = params["transfer_data"]
        quote["transfer_data"] = {"amount": None, "amount_percent": None, **given} if given else None
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
    kept = call.backend.store.get("~quote", quote["id"]) or {"line_items": [], "discounts": []}
    kept |= {name: params[name] or [] for name in ("line_items", "discounts") if name in params}
    call.backend.store.put("~quote", quote["id"], kept)
    quote["discounts"] = []  # they are redeemed when the quote is accepted
    entries = entries_of(call, quote, kept)
    if "line_items" in params:
        kept["items"] = [item["id"] for item in line_items.keep(call, entries, f"/v1/quotes/{quote['id']}/line_items")]
        call.backend.store.put("~quote", quote["id"], kept)
    _add_up(quote, entries)
    if quote["status"] in ("draft", "open"):
        call.backend.agenda.add(call, quote["expires_at"], "expire_quote", quote["id"])
    return call.save(KIND, quote)


def entries_of(call: RequestContext, quote: Object, kept: Object) -> list[line_items.LineEntry]:
    """The line items of a quote, with their discounts and taxes."""
    entries = line_items.read(call, kept["line_items"], None)
    currency = entries[0].price["currency"] if entries else None
    for n, entry in enumerate(entries):
        use = discounts.Use(quote.get("customer"), currency, entry.line.amount)
        checked = discounts.wanted(call, entry.given.get("discounts"), use, f"line_items[{n}][discounts]")
        entry.line.coupons = [(one.coupon["id"], one.coupon) for one in checked if isinstance(one, discounts.Found)]
    total = sum(entry.line.amount for entry in entries)
    use = discounts.Use(quote.get("customer"), currency, total)
    coupons: list[Coupon] = []
    for n, item in enumerate(kept["discounts"]):
        found = discounts.check(call, item, use, f"discounts[{n}]")
        coupons.append((found.coupon["id"], found.coupon))
    line_items.add_up(call, entries, coupons, quote["default_tax_rates"], quote.get("customer"))
    return entries


def _sums(entries: list[line_items.LineEntry]) -> Object:
    return line_items.totals(entries)


def _add_up(quote: Object, entries: list[line_items.LineEntry]) -> None:
    """Set the quote's totals: what is due upfront, and what is due each period."""
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
    """Finalize a draft, which becomes open and gets a number."""
    quote = step(call, ("draft",), "finalized", "open")
    if not quote.get("customer"):
        raise call.refuse("A quote needs a customer before it is finalized.", param="customer")
    if not (call.backend.store.get("~quote", quote["id"]) or {}).get("line_items"):
        raise call.refuse("A quote needs line items before it is finalized.", param="line_items")
    if call.params.get("expires_at"):
        quote["expires_at"] = call.params["expires_at"]
        call.backend.agenda.add(call, quote["expires_at"], "expire_quote", quote["id"])
    quote["number"] = _number(call, quote)
    return call.save(KIND, quote)


def _number(call: RequestContext, quote: Object) -> str:
    """A quote's number. A revision has the number of the revised quote, with the last part increased by one."""
    source = quote["from_quote"] or {}
    revised = call.find(KIND, source["quote"]) if source.get("is_revision") else None
    if revised is None:
        return f"QT-{call.backend.ids.code(8)}-0001-1"
    head, _, count = str(revised["number"]).rpartition("-")
    return f"{head}-{int(count) + 1}"


def cancel_quote(call: RequestContext) -> Object:
    """Cancel a draft or open quote."""
    return call.save(KIND, step(call, ("draft", "open"), "canceled", "canceled"))


def step(call: RequestContext, allowed: tuple[str, ...], word: str, status: str) -> Object:
    """The quote that the path names, with the new ``status``; not saved. ``word`` completes the refusal's message."""
    quote = call.subject()
    if quote["status"] not in allowed:
        raise call.refuse(
            f"This quote cannot be {word} because it is {quote['status']}; it must be {' or '.join(allowed)}."
        )
    quote["status"] = status
    quote["status_transitions"][f"{word}_at"] = call.now
    return quote


def expire_quote(call: RequestContext, id: str) -> None:
    """Cancel a quote that was not accepted in time."""
    quote = call.find(KIND, id)
    if quote is not None and quote["status"] in ("draft", "open") and quote["expires_at"] <= call.now:
        quote["status_transitions"]["canceled_at"] = call.now
        call.save(KIND, {**quote, "status": "canceled"})


def list_items(call: RequestContext) -> Object:
    """All line items, in the order they were given."""
    return _page(call, upfront=False)


def list_upfront(call: RequestContext) -> Object:
    """The line items that are due upfront."""
    return _page(call, upfront=True)


def items_of(call: RequestContext, quote: Object) -> list[Object]:
    """A quote's line items, in the order they were given."""
    kept = call.backend.store.get("~quote", quote["id"]) or {}
    return [call.load("item", id) for id in kept.get("items") or []]


def _page(call: RequestContext, *, upfront: bool) -> Object:
    quote = call.load(KIND, call.path_args["quote"], "quote")
    found = items_of(call, quote)
    if upfront and quote["subscription_data"]["trial_period_days"]:
        found = [item for item in found if item["price"]["type"] != "recurring"]
    return page_of(call, found, "line item")


BEHAVIOURS = {
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
    "line_items.discounts",
    "line_items.price",
    "line_items.price_data",
    "line_items.quantity",
    "line_items.tax_rates",
}
EFFECTS = {"quotes.create": _HANDLED, "quotes.update": _HANDLED}
MAKES = {"item"}
