"""The lines of credit notes: what they credit of an invoice's lines, with their share of discounts and taxes.

https://docs.stripe.com/api/credit_notes/create#create_credit_note-lines
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.money import rounded
from host.simulator.stripe.sums import taxes_of
from host.simulator.stripe.taxes import rates


def credited(call: RequestContext, invoice: Object) -> list[Object]:
    """The lines that the parameters of a credit note ask for: one of an ``amount``, or those of ``lines``."""
    params = call.params
    if params.get("amount") is None and not params.get("lines") and params.get("shipping_cost"):
        return []
    if (params.get("amount") is None) == (not params.get("lines")):
        raise invalid("You must pass exactly one of `amount` and `lines`.", "amount", "parameter_missing")
    if params.get("amount") is not None:
        if params["amount"] < 1:
            raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
        return [_line(call, params["amount"], type="custom_line_item", quantity=1, description="Credit")]
    return [_wanted(call, invoice, wanted, f"lines[{n}]") for n, wanted in enumerate(params["lines"])]


def _wanted(call: RequestContext, invoice: Object, wanted: Object, path: str) -> Object:
    if wanted.get("tax_amounts"):
        call.not_modelled(f"the parameter {path}[tax_amounts]", "tax_rates are.", f"{path}[tax_amounts]")
    quantity = wanted.get("quantity")
    texts = {"description": wanted.get("description"), "metadata": wanted.get("metadata") or {}}
    if wanted["type"] == "custom_line_item":
        exact = wanted.get("unit_amount_decimal", wanted.get("unit_amount"))
        if exact is None:
            at = f"{path}[unit_amount]"
            raise invalid(f"Missing required param: {at}.", at, "parameter_missing")
        amount = rounded(Decimal(str(exact)) * (quantity or 1))
        asked = rates(call, wanted.get("tax_rates"), f"{path}[tax_rates]")
        made = _line(call, amount, type="custom_line_item", quantity=quantity or 1, **texts)
        made.update(taxes=taxes_of(amount, asked), tax_rates=asked, unit_amount_decimal=str(exact))
        made["unit_amount"] = int(exact) if Decimal(str(exact)) == int(Decimal(str(exact))) else None
        return made
    id = wanted.get("invoice_line_item")
    line = next((line for line in invoice["lines"]["data"] if line["id"] == id), None)
    if line is None:
        raise invalid(
            f"No such invoice line item on this invoice: '{id}'", f"{path}[invoice_line_item]", "resource_missing"
        )
    return _of_line(call, line, wanted, quantity, texts, path)


def _of_line(
    call: RequestContext, line: Object, wanted: Object, quantity: int | None, texts: Object, path: str
) -> Object:
    """The line that credits a part of an invoice's line, with its share of discounts and taxes."""
    if (wanted.get("amount") is None) == (quantity is None):
        raise invalid("You must pass exactly one of amount and quantity.", f"{path}[amount]", "parameter_missing")
    whole = line["amount"]
    amount = wanted.get("amount")
    if amount is None:
        amount = rounded(Decimal(whole) * Decimal(quantity or 0) / (line["quantity"] or 1))
    if not 0 < amount <= whole:
        raise invalid(f"The amount to credit must be from 1 to the line's {whole}.", f"{path}[amount]")
    part = Decimal(amount) / whole
    offs = [
        {"amount": rounded(entry["amount"] * part), "discount": entry["discount"]}
        for entry in line["discount_amounts"] or []
    ]
    taxes = [
        {**tax, "amount": rounded(tax["amount"] * part), "taxable_amount": rounded(tax["taxable_amount"] * part)}
        for tax in line["taxes"] or []
    ]
    texts["description"] = texts["description"] or line["description"]
    made = _line(call, amount, type="invoice_line_item", quantity=quantity, **texts)
    made.update(
        discount_amount=sum(entry["amount"] for entry in offs),
        discount_amounts=offs,
        invoice_line_item=line["id"],
        taxes=taxes,
    )
    return made


def _line(call: RequestContext, amount: int, **fields: Any) -> Object:
    line = call.blank("credit_note_line_item")
    line.update(
        amount=amount,
        discount_amount=0,
        discount_amounts=[],
        invoice_line_item=None,
        metadata={},
        pretax_credit_amounts=[],
        tax_rates=[],
        taxes=[],
        unit_amount=None,
        unit_amount_decimal=None,
    )
    line.update(fields)
    return line


def subtotal(invoice: Object, found: list[Object]) -> tuple[int, int]:
    """What the lines come to without exclusive taxes and discounts of the whole invoice; the inclusive tax in that.

    https://docs.stripe.com/api/credit_notes/object#credit_note_object-subtotal
    """
    own = {id for line in invoice["lines"]["data"] for id in line["discounts"]} - set(invoice["discounts"])
    whole, inside = 0, Decimal(0)
    for line in found:
        amount = line["amount"] - sum(entry["amount"] for entry in line["discount_amounts"] if entry["discount"] in own)
        left = line["amount"] - line["discount_amount"]
        tax = sum(tax["amount"] for tax in line["taxes"] if tax["tax_behavior"] == "inclusive")
        whole += amount
        inside += Decimal(tax) * amount / left if left else 0
    return whole, rounded(inside)


def exclusive(line: Object) -> int:
    """The taxes that are added to a line's amount."""
    return sum(tax["amount"] for tax in line["taxes"] if tax["tax_behavior"] == "exclusive")


def added(entries: list[Object]) -> list[Object]:
    """The amounts of discounts added up, with one entry for each."""
    found: dict[str, int] = {}
    for entry in entries:
        found[entry["discount"]] = found.get(entry["discount"], 0) + entry["amount"]
    return [{"amount": amount, "discount": id} for id, amount in found.items()]


def shipping(call: RequestContext, invoice: Object) -> Object | None:
    """The invoice's shipping, which is credited as a whole where its rate is named, once.

    https://docs.stripe.com/api/credit_notes/create#create_credit_note-shipping_cost
    """
    wanted = call.params.get("shipping_cost")
    if not wanted:
        return None
    at, there = "shipping_cost[shipping_rate]", invoice.get("shipping_cost")
    if there is None or wanted.get("shipping_rate") != there["shipping_rate"]:
        raise invalid("The shipping rate must be the one of the invoice.", at)
    notes = call.backend.store.having("credit_note", "invoice", invoice["id"])
    if any(note["shipping_cost"] and note["status"] == "issued" for note in notes):
        raise invalid("The invoice's shipping is credited already.", at)
    return dict(there)


MAKES = {"credit_note_line_item"}
