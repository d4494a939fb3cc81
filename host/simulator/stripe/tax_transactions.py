"""Tax transactions and their reversals. https://docs.stripe.com/tax/custom#tax-transaction"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext

KIND, LINE = "tax.transaction", "tax.transaction_line_item"
CALCULATION, CALCULATED = "tax.calculation", "tax.calculation_line_item"
MAKES = {KIND, LINE}
_USED = "~tax_calculation_used"
_TAKEN = "~tax_line_reversed"  # by line: the amounts that were reversed


def create_from_calculation(call: RequestContext) -> Object:
    """Create a transaction from a calculation that has not expired."""
    calculation = call.load(CALCULATION, call.params["calculation"], "calculation", 400)
    if calculation["expires_at"] <= call.now:
        raise call.refuse("This calculation has expired.", param="calculation")
    if call.backend.store.record(_USED, calculation["id"]) is not None:
        call.not_modelled("a second transaction of one calculation", "It takes one that was not used.", "calculation")
    _check_reference(call, str(call.params["reference"]))
    transaction = resources.fresh(call)
    shared = ("currency", "customer", "customer_details", "ship_from_details", "shipping_cost", "tax_date")
    transaction.update({name: calculation.get(name) for name in shared})
    _describe(call, transaction, "transaction", call.params.get("posted_at", call.now))
    call.backend.store.put(_USED, calculation["id"], {"id": calculation["id"]})
    for line in _below(call, CALCULATED, f"/v1/tax/calculations/{calculation['id']}/line_items"):
        names = ("amount", "amount_tax", "metadata", "product", "quantity", "reference", "tax_behavior", "tax_code")
        _keep_line(call, transaction, {name: line[name] for name in names}, "transaction")
    return call.save(KIND, transaction)


def _check_reference(call: RequestContext, reference: str) -> None:
    if call.backend.store.having(KIND, "reference", reference):
        raise call.refuse(
            f"A transaction with the reference '{reference[:100]}' already exists.",
            code="resource_already_exists",
            param="reference",
        )


def _describe(call: RequestContext, transaction: Object, type: str, posted: int) -> None:
    transaction.update(
        metadata=call.params.get("metadata") or {}, posted_at=posted, reference=call.params["reference"], type=type
    )


def _below(call: RequestContext, kind: str, path: str) -> list[Object]:
    """The lines that were created at a path, in their order."""
    return [
        value
        for id, record in call.backend.store.oldest(kind)
        if record.under == path and (value := call.find(kind, id))
    ]


def _lines(call: RequestContext, transaction: str) -> list[Object]:
    return _below(call, LINE, f"/v1/tax/transactions/{transaction}/line_items")


def _keep_line(call: RequestContext, transaction: Object, fields: Object, type: str) -> None:
    line = {**call.blank(LINE), "reversal": None, **fields, "type": type}
    call.save(LINE, line, under=f"/v1/tax/transactions/{transaction['id']}/line_items")


def create_reversal(call: RequestContext) -> Object:
    """Reverse a transaction in full or by lines; the amounts of a reversal are negative."""
    params = call.params
    original = call.load(KIND, params["original_transaction"], "original_transaction", 400)
    if original["type"] != "transaction":
        raise call.refuse("A reversal cannot be reversed.", param="original_transaction")
    _check_reference(call, str(params["reference"]))
    if params.get("flat_amount") is not None:
        call.not_modelled("the parameter flat_amount", "It takes line_items and shipping_cost.", "flat_amount")
    whole = params["mode"] == "full"
    lines = _whole(call, original) if whole else _parts(call, original)
    transaction = resources.fresh(call)
    shared = ("currency", "customer", "customer_details", "ship_from_details", "tax_date")
    transaction.update({name: original[name] for name in shared})
    transaction.update(
        reversal={"original_transaction": original["id"]}, shipping_cost=_shipping(call, original, whole)
    )
    _describe(call, transaction, "reversal", call.now)
    for line in lines:
        _keep_line(call, transaction, line, "reversal")
    return call.save(KIND, transaction)


def _whole(call: RequestContext, original: Object) -> list[Object]:
    for name in ("line_items", "shipping_cost"):
        if call.params.get(name):
            raise invalid(f"{name} can only be given with mode=partial.", name)
    found = _lines(call, original["id"])
    if any(_taken(call, line["id"]) != (0, 0) for line in found):
        raise call.refuse("A part of this transaction was reversed already: reverse the rest by lines.", param="mode")
    return [_minus(call, line, line["amount"], line["amount_tax"], {}) for line in found]


def _parts(call: RequestContext, original: Object) -> list[Object]:
    given = call.params.get("line_items") or []
    if not given and not call.params.get("shipping_cost"):
        raise invalid("Missing required param: line_items.", "line_items", "parameter_missing")
    known = {line["id"]: line for line in _lines(call, original["id"])}
    found = []
    for n, part in enumerate(given):
        path = f"line_items[{n}]"
        line = known.get(part["original_line_item"])
        if line is None:
            raise invalid(f"No such line item of that transaction: '{part['original_line_item']}'", path)
        for name in ("amount", "amount_tax"):
            if part[name] > 0:
                raise invalid(f"Amounts of a reversal are negative or 0: {part[name]}.", f"{path}[{name}]")
        fields = {name: part[name] for name in ("metadata", "quantity", "reference") if name in part}
        found.append(_minus(call, line, -part["amount"], -part["amount_tax"], fields, path))
    return found


def _taken(call: RequestContext, id: str) -> tuple[int, int]:
    note = call.backend.store.get(_TAKEN, id)
    return (0, 0) if note is None else (note["amount"], note["amount_tax"])


def _minus(call: RequestContext, line: Object, amount: int, tax: int, fields: Object, path: str = "") -> Object:
    """The line that reverses an amount of another. Raises :class:`SimulatedError` if that is more than is left."""
    before, tax_before = _taken(call, line["id"])
    if before + amount > line["amount"] or tax_before + tax > line["amount_tax"]:
        left = f"{line['amount'] - before} and {line['amount_tax'] - tax_before} of tax"
        raise invalid(f"More than is left of the line ({left}).", f"{path}[amount]")
    call.backend.store.put(_TAKEN, line["id"], {"amount": before + amount, "amount_tax": tax_before + tax})
    shared = {name: line[name] for name in ("product", "quantity", "reference", "tax_behavior", "tax_code")}
    about = {"reversal": {"original_line_item": line["id"]}, "metadata": {}}
    return {**shared, **about, **fields, "amount": -amount, "amount_tax": -tax}


def _shipping(call: RequestContext, original: Object, whole: bool) -> Object | None:
    """The reversed ``shipping_cost``, or ``None``."""
    shipping = original["shipping_cost"]
    given: Object = call.params.get("shipping_cost") or {}
    if given and shipping is None:
        raise invalid("That transaction has no shipping cost.", "shipping_cost")
    if shipping is None or not (whole or given):
        return None
    key = f"{original['id']} shipping"
    before, tax_before = _taken(call, key)
    amount = shipping["amount"] if whole else -given["amount"]
    tax = shipping["amount_tax"] if whole else -given["amount_tax"]
    if amount < 0 or tax < 0 or before + amount > shipping["amount"] or tax_before + tax > shipping["amount_tax"]:
        raise invalid("The shipping of a reversal is negative, and no more than there is left of it.", "shipping_cost")
    call.backend.store.put(_TAKEN, key, {"amount": before + amount, "amount_tax": tax_before + tax})
    return {**shipping, "amount": -amount, "amount_tax": -tax}


BEHAVIOURS = {
    "tax.transactions.create_from_calculation": create_from_calculation,
    "tax.transactions.create_reversal": create_reversal,
}
EFFECTS = {
    "tax.transactions.create_from_calculation": {"calculation"},
    "tax.transactions.create_reversal": {"line_items", "mode", "original_transaction", "shipping_cost"},
}
