"""Adding, changing and removing lines of a draft invoice, and listing them."""

from __future__ import annotations

from host.simulator.api_error import invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.members import merged
from host.simulator.stripe import discounts, lines
from host.simulator.stripe.drafts import editable
from host.simulator.stripe.invoice_items import Worth, quantity_of, replace_line, worth
from host.simulator.stripe.listing import page_of
from host.simulator.stripe.periods import check_period
from host.simulator.stripe.prorations import pending
from host.simulator.stripe.taxes import rates


def add_lines(call: RequestContext) -> Object:
    """Add lines to a draft, of pending items or of new ones."""
    invoice = editable(call, call.target)
    for n, wanted in enumerate(call.params["lines"]):
        path = f"lines[{n}]"
        if id := wanted.get("invoice_item"):
            item = call.load("invoiceitem", id, f"{path}[invoice_item]", 400)
            if item["invoice"] is not None or item["customer"] != invoice["customer"]:
                raise invalid(f"The invoice item {id} is not a pending one of this customer.", f"{path}[invoice_item]")
        else:
            item = _new(call, invoice, wanted, path)
        lines.add_item(call, invoice, item)
    _set_metadata(call, invoice)
    return call.save("invoice", lines.total_up(call, invoice))


def _set_metadata(call: RequestContext, invoice: Object) -> None:
    if "invoice_metadata" in call.params:
        call.put(invoice, {"metadata": call.params["invoice_metadata"]})


def _new(call: RequestContext, invoice: Object, wanted: Object, path: str) -> Object:
    found = worth(call, wanted, invoice["currency"], path)
    item = pending(
        call,
        {"customer": invoice["customer"], "currency": invoice["currency"], "test_clock": invoice.get("test_clock")},
        amount=found.amount,
        discountable=wanted.get("discountable", found.amount >= 0),
        parent=None,
        period={"start": call.now, "end": call.now},
        proration=False,
        proration_details=None,
        tax_rates=[],
    )
    _set(call, item, wanted, found, path)
    return item


def _set(call: RequestContext, item: Object, wanted: Object, found: Worth | None, path: str) -> None:
    """Set the members of an item from an entry of ``lines``."""
    if wanted.get("tax_amounts"):
        call.not_modelled(f"the parameter {path}[tax_amounts]", "tax_rates are.", f"{path}[tax_amounts]")
    if found is not None:
        quantity = quantity_of(wanted, path)
        item.update(
            amount=found.amount,
            quantity=int(quantity),
            quantity_decimal=f"{quantity.normalize():f}" if quantity else "0",
            pricing=lines.pricing(found.price) if found.price else None,
        )
    check_period(wanted.get("period"), f"{path}[period]")
    for name in ("description", "period", "discountable"):
        if name in wanted:
            item[name] = wanted[name]
    if found is not None and found.price is not None and not item.get("description"):
        item["description"] = (call.find("product", found.price["product"]) or {}).get("name")
    if "metadata" in wanted:
        item["metadata"] = merged(item.get("metadata"), wanted["metadata"])
    if "tax_rates" in wanted:
        item["tax_rates"] = rates(call, wanted["tax_rates"], f"{path}[tax_rates]")
    if "discounts" in wanted:
        owner = {"invoice_item": item["id"], "customer": item["customer"]}
        use = discounts.Use(item["customer"], item["currency"], item["amount"])
        item["discounts"] = discounts.make(call, wanted["discounts"], use, owner, f"{path}[discounts]")
    call.save("invoiceitem", item)


def update_lines(call: RequestContext) -> Object:
    """Update lines of a draft."""
    editable(call, call.target)
    for n, wanted in enumerate(call.params["lines"]):
        _change(call, call.target, wanted["id"], wanted, f"lines[{n}]")
    invoice = editable(call, call.target)
    _set_metadata(call, invoice)
    return call.save("invoice", lines.total_up(call, invoice))


def update_line(call: RequestContext) -> Object:
    """Update one line of a draft."""
    id = call.path_args["line_item_id"]
    _change(call, call.path_args["invoice"], id, call.params, "")
    return call.load("line_item", id)


_WORTH = {"amount", "price_data", "pricing", "quantity", "quantity_decimal"}


def _change(call: RequestContext, invoice_id: str, id: str, wanted: Object, path: str) -> None:
    invoice = editable(call, invoice_id)
    line = next((line for line in invoice["lines"]["data"] if line["id"] == id), None)
    if line is None:
        raise missing("line item", id, f"{path}[id]" if path else "line_item_id", 400 if path else 404)
    item = call.find("invoiceitem", lines.item_of(line) or "")
    if item is None or item["proration"]:
        if wanted.keys() - {"id", "metadata", "expand"}:
            raise call.refuse("Only the metadata of a subscription's line can be changed.")
        if "metadata" in wanted:
            line["metadata"] = merged(line["metadata"], wanted["metadata"])
        call.save("line_item", line)
        call.save("invoice", invoice)
        return
    found = None
    if wanted.keys() & _WORTH:
        wanted = dict(wanted)
        if not wanted.keys() & {"amount", "price_data", "pricing"}:
            details = (item.get("pricing") or {}).get("price_details")
            wanted |= {"pricing": {"price": details["price"]}} if details else {"amount": item["amount"]}
        if not wanted.keys() & {"quantity", "quantity_decimal", "amount"}:
            wanted["quantity"] = item["quantity"]
        found = worth(call, wanted, invoice["currency"], path)
    _set(call, item, wanted, found, path or "line")
    replace_line(call, invoice, item)


def remove_lines(call: RequestContext) -> Object:
    """Remove lines from a draft. Their items are deleted, or become pending again."""
    invoice = editable(call, call.target)
    for n, wanted in enumerate(call.params["lines"]):
        data = invoice["lines"]["data"]
        line = next((line for line in data if line["id"] == wanted["id"]), None)
        if line is None:
            raise missing("line item", wanted["id"], f"lines[{n}][id]", 400)
        data.remove(line)
        item = call.find("invoiceitem", lines.item_of(line) or "")
        if item is not None and wanted["behavior"] == "unassign":
            call.save("invoiceitem", {**item, "invoice": None})
        elif item is not None:
            call.save("invoiceitem", {"id": item["id"], "object": "invoiceitem", "deleted": True}, deleted=True)
        call.save("line_item", {"id": line["id"], "object": "line_item", "deleted": True}, deleted=True)
    _set_metadata(call, invoice)
    return call.save("invoice", lines.total_up(call, invoice))


def list_lines(call: RequestContext) -> Object:
    """The lines in the order that they have on the invoice."""
    invoice = call.load("invoice", call.path_args["invoice"], "invoice")
    return page_of(call, invoice["lines"]["data"], "line item")


BEHAVIOURS = {
    "invoices.add_lines": add_lines,
    "invoices.line_items.list": list_lines,
    "invoices.line_items.update": update_line,
    "invoices.remove_lines": remove_lines,
    "invoices.update_lines": update_lines,
}
_LINE = {
    f"lines.{name}"
    for name in (
        "amount",
        "behavior",
        "description",
        "discountable",
        "discounts",
        "id",
        "invoice_item",
        "metadata",
        "period",
        "price_data",
        "pricing",
        "quantity",
        "quantity_decimal",
        "tax_rates",
    )
}
EFFECTS = {
    "invoices.add_lines": {"invoice_metadata", *_LINE},
    "invoices.line_items.update": {"discounts", "price_data", "pricing", "tax_rates", "quantity_decimal"},
    "invoices.remove_lines": {"invoice_metadata", *_LINE},
    "invoices.update_lines": {"invoice_metadata", *_LINE},
}
