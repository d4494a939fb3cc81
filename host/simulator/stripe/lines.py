"""Lines of invoices, and the invoices' totals. https://docs.stripe.com/api/invoice-line-item"""

from __future__ import annotations

from typing import Any

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import discounts
from host.simulator.stripe.pricing import Price, unit_decimal
from host.simulator.stripe.sums import Line, added_up, compute, discount_sums

RATES = "~line_rates"  # by line: the tax rates of one that belongs to no item


def add_line(
    call: RequestContext, invoice: Object, amount: int, rates: list[Object] | None = None, **fields: Any
) -> Object:
    """Add a line to the end of ``invoice``; :func:`total_up` saves it. ``rates`` are tax rates of its own."""
    line = call.blank("line_item")
    line.update(
        amount=amount,
        currency=invoice["currency"],
        discountable=True,
        discounts=[],
        invoice=invoice["id"],
        metadata={},
        period={"start": call.now, "end": call.now},
        quantity=1,
        subtotal=amount,
    )
    line.update(fields)
    line["quantity_decimal"] = None if line["quantity"] is None else str(line["quantity"])
    if rates:
        call.backend.store.put(RATES, line["id"], {"tax_rates": rates})
    lines = invoice["lines"]
    lines["data"].append(line)
    lines["url"] = f"/v1/invoices/{invoice['id']}/lines"
    return line


def pricing(price: Price) -> Object:
    """The ``pricing`` member of a line or item with a price."""
    return {
        "type": "price_details",
        "price_details": {"price": price["id"], "product": price["product"]},
        "unit_amount_decimal": unit_decimal(price),
    }


def add_item(call: RequestContext, invoice: Object, item: Object) -> Object:
    """Add an invoice item to the invoice; returns its line."""
    item["invoice"] = invoice["id"]
    call.save("invoiceitem", item)
    owner = ((item.get("parent") or {}).get("subscription_details")) or {}
    facts = {
        "invoice_item": item["id"],
        "proration": item["proration"],
        "proration_details": {"credited_items": None} if item["proration"] else None,
        "subscription": owner.get("subscription"),
    }
    kind, other = "invoice_item_details", "subscription_item_details"
    if owner.get("subscription_item"):
        kind, other = other, kind
        facts["subscription_item"] = owner["subscription_item"]
    return add_line(
        call,
        invoice,
        item["amount"],
        description=item.get("description"),
        discountable=item["discountable"],
        discounts=list(item.get("discounts") or []),
        metadata=item.get("metadata") or {},
        period=item["period"],
        pricing=item.get("pricing"),
        quantity=item["quantity"],
        subscription=owner.get("subscription"),
        parent={"type": kind, kind: facts, other: None},
    )


def item_of(line: Object) -> str | None:
    """The id of a line's invoice item, or ``None``."""
    parent = line.get("parent") or {}
    facts = parent.get("invoice_item_details") or parent.get("subscription_item_details") or {}
    return facts.get("invoice_item")


def pending_items(call: RequestContext, customer: str, currency: str, subscription: str | None = None) -> list[Object]:
    """A customer's invoice items that are on no invoice, newest first.

    An item of a subscription waits for an invoice of that subscription, any other for the next invoice.
    """
    found = []
    for item in reversed(call.backend.store.having("invoiceitem", "customer", customer)):
        owner = ((item.get("parent") or {}).get("subscription_details") or {}).get("subscription")
        if item["invoice"] is None and item["currency"] == currency and owner in (None, subscription):
            found.append(item)
    return found


def total_up(call: RequestContext, invoice: Object) -> Object:
    """Compute the discounts, taxes and totals of an invoice from its lines, and save the lines.

    The lines' own discounts are taken off the subtotal:
    https://docs.stripe.com/api/invoices/object#invoice_object-subtotal
    """
    data, currency = invoice["lines"]["data"], invoice["currency"]
    lines = [_line(call, line) for line in data]
    coupons = discounts.coupons(call, invoice["discounts"])
    compute(lines, coupons, invoice["default_tax_rates"], currency, invoice.get("customer_tax_exempt"))
    for line, shown in zip(lines, data, strict=True):
        shown["discount_amounts"] = [{"amount": amount, "discount": key} for key, amount in line.off]
        shown["taxes"] = line.taxes
        call.save("line_item", shown)
        _net(call, shown, line)
    shipping = invoice.get("shipping_cost") or {"amount_subtotal": 0, "amount_total": 0, "amount_tax": 0, "taxes": []}
    taxes = [tax for line in lines for tax in line.taxes] + list(shipping.get("taxes") or [])
    subtotal = sum(line.subtotal for line in lines)
    total = sum(line.total for line in lines) + shipping["amount_total"]
    inside = sum(line.inside for line in lines)
    invoice.update(
        amount_shipping=shipping["amount_subtotal"],
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal - inside,
        total=total,
        total_excluding_tax=total - sum(tax["amount"] for tax in taxes),
        total_discount_amounts=discount_sums(lines),
        total_taxes=added_up(taxes),
        total_pretax_credit_amounts=[],
        amount_due=max(0, total),
        amount_remaining=max(0, total - invoice["amount_paid"]),
    )
    return invoice


def _line(call: RequestContext, line: Object) -> Line:
    price = (line.get("pricing") or {}).get("price_details") or {}
    return Line(
        line["amount"],
        price.get("product"),
        line["discountable"],
        discounts.coupons(call, line["discounts"]),
        _rates(call, line),
    )


def _rates(call: RequestContext, line: Object) -> list[Object] | None:
    """The tax rates of a line, or of its item, or ``None``."""
    found: Object | None = call.backend.store.get(RATES, line["id"])
    if found is not None:
        return list(found["tax_rates"])
    if id := item_of(line):
        found = call.backend.store.get("invoiceitem", id)
    elif details := (line.get("parent") or {}).get("subscription_item_details"):
        found = call.backend.store.get("subscription_item", details["subscription_item"])
    return (found or {}).get("tax_rates") or None


def _net(call: RequestContext, shown: Object, line: Line) -> None:
    """Set the ``net_amount`` of an invoice item: what is left after discounts."""
    id = item_of(shown)
    item = call.find("invoiceitem", id) if id else None
    if item is not None and item.get("net_amount") != line.left:
        call.save("invoiceitem", {**item, "net_amount": line.left})
