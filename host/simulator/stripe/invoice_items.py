"""Invoice items, which wait for a customer's next invoice or are added to a draft.

https://docs.stripe.com/api/invoiceitems
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import discounts, lines
from host.simulator.stripe.catalogue import make_price
from host.simulator.stripe.drafts import editable
from host.simulator.stripe.money import check_currency, rounded
from host.simulator.stripe.periods import check_period
from host.simulator.stripe.pricing import Price, amount_of, in_currency
from host.simulator.stripe.prorations import owner
from host.simulator.stripe.subscriptions import find_living, first_currency
from host.simulator.stripe.taxes import rates

MOST = 99_999_999_999
_WORTH = ("amount", "unit_amount", "unit_amount_decimal", "pricing", "price", "price_data")


class Worth(msgspec.Struct):
    """The amount of an item, its currency, and the price that it is computed from, if any."""

    amount: int
    currency: str
    price: Price | None = None


def worth(call: RequestContext, params: Object, currency: str | None, path: str = "") -> Worth:
    """The amount that the parameters come to: those of a price, an amount or a unit amount, times the quantity.

    ``path`` is the parameter they are in, for messages.
    """
    quantity = quantity_of(params, path)
    given = [name for name in _WORTH if params.get(name) is not None]
    if len(given) != 1:
        raise invalid(
            "You must pass exactly one of `amount`, `unit_amount_decimal`, `pricing` or `price_data`.",
            _at(path, given[1] if given else "amount"),
            None if given else "parameter_missing",
        )
    price = _price_of_item(call, params, path)
    if price is not None:
        if price["type"] == "recurring":
            raise invalid(
                "The price specified is set to `type=recurring` but this field only accepts prices with "
                "`type=one_time`.",
                _named_at(params, path),
            )
        priced = in_currency(price, currency, _named_at(params, path))
        return Worth(amount_of(priced, quantity), priced["currency"], priced)
    amount, exact = params.get("amount"), params.get("unit_amount_decimal")
    if exact is None and params.get("unit_amount") is not None:
        exact = str(params["unit_amount"])
    if amount is None:
        try:
            amount = rounded(Decimal(str(exact)) * quantity)
        except InvalidOperation as error:
            raise invalid(f"Invalid decimal: {exact}", _at(path, "unit_amount_decimal")) from error
    elif quantity != 1:
        name = "quantity_decimal" if params.get("quantity_decimal") is not None else "quantity"
        raise invalid(f"{name} needs a price or a unit_amount_decimal.", _at(path, name))
    if abs(amount) > MOST:
        raise invalid("Amount is too large.", _at(path, "amount"), "amount_too_large")
    return Worth(amount, currency or "usd")


def _price_of_item(call: RequestContext, params: Object, path: str) -> Price | None:
    """The price that the parameters name or describe, or ``None``."""
    named = (params.get("pricing") or {}).get("price") or params.get("price")
    if named:
        return call.load("price", named, _named_at(params, path), 400)
    if data := params.get("price_data"):
        return make_price(call, {**data, "active": False}, path=_at(path, "price_data"))
    return None


def _named_at(params: Object, path: str) -> str:
    """The parameter that names or describes the price."""
    if params.get("pricing"):
        return _at(path, "pricing") + "[price]"
    return _at(path, "price" if params.get("price") else "price_data")


def quantity_of(params: Object, path: str = "") -> Decimal:
    """The quantity, which is given as an integer or as a decimal text; 1 by default."""
    if params.get("quantity_decimal") is not None:
        try:
            return Decimal(str(params["quantity_decimal"]))
        except InvalidOperation as error:
            raise invalid("Invalid decimal.", _at(path, "quantity_decimal")) from error
    quantity = params.get("quantity", 1)
    if quantity < 0:
        raise invalid("This value must be greater than or equal to 0.", _at(path, "quantity"))
    return Decimal(quantity)


def _at(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def create_item(call: RequestContext) -> Object:
    """Create an item for the customer's next invoice, or for a draft."""
    check_currency(call)
    params = call.params
    draft = editable(call, params["invoice"], "invoice") if params.get("invoice") else None
    id = params.get("customer") or (draft or {}).get("customer")
    if not id:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    if draft is not None and draft["customer"] != id:
        raise invalid(f"The invoice {draft['id']} is not one of customer {id}.", "invoice")
    customer = call.load("customer", id, "customer", 400)
    subscription = find_living(call, params["subscription"]) if params.get("subscription") else None
    currency = params.get("currency") or (draft or subscription or {}).get("currency")
    found = worth(call, params, currency or _own_currency(params, customer))
    if draft is not None and not draft["lines"]["data"] and draft["currency"] != found.currency:
        draft["currency"] = found.currency
    if draft is not None and found.currency != draft["currency"]:
        raise invalid(f"The invoice is in {draft['currency']}, not in {found.currency}.", "currency")
    first_currency(call, customer, found.currency)
    item = call.put(resources.fresh(call), _plain(params))
    item.update(customer=id, invoice=None, date=call.now, proration=False, proration_details=None)
    item.update(parent=owner(subscription["id"], None) if subscription else None, test_clock=customer.get("test_clock"))
    item["period"] = params.get("period") or {"start": call.now, "end": call.now}
    check_period(item["period"], "period")
    _price(call, item, params, found)
    item["discountable"] = params.get("discountable", found.amount >= 0)
    call.save("invoiceitem", item)
    if draft is not None:
        lines.add_item(call, draft, item)
        call.save("invoice", lines.total_up(call, draft))
        item.update(call.load("invoiceitem", item["id"]))
        call.save("invoiceitem", item)
    return item


def _own_currency(params: Object, customer: Object) -> str | None:
    """The currency of an amount given without one: the customer's. For a price it is ``None``, as that has its own."""
    priced = params.get("price_data") or (params.get("pricing") or {}).get("price")
    return None if priced else customer.get("currency")


def _plain(params: Object) -> Object:
    names = ("description", "metadata", "period")
    return {name: value for name, value in params.items() if name in names}


def _price(call: RequestContext, item: Object, params: Object, found: Worth) -> None:
    """Set the amount, quantity, price, taxes and discounts of an item."""
    quantity = quantity_of(params)
    item.update(
        amount=found.amount,
        currency=found.currency,
        net_amount=found.amount,
        quantity=int(quantity),
        quantity_decimal=f"{quantity.normalize():f}" if quantity else "0",
    )
    if found.price is not None:
        item["pricing"] = lines.pricing(found.price)
        if not params.get("description"):
            product = call.find("product", found.price["product"]) or {}
            item["description"] = item.get("description") or product.get("name")
    else:
        exact = params.get("unit_amount_decimal")
        item["pricing"] = (
            {"type": "price_details", "price_details": None, "unit_amount_decimal": str(exact)} if exact else None
        )
    for name in ("tax_behavior", "tax_code"):
        if params.get(name):
            call.not_modelled(f"the parameter {name}", "Tax rates are: give tax_rates.", name)
    if "tax_rates" in params:
        item["tax_rates"] = rates(call, params["tax_rates"], "tax_rates")
    item["tax_rates"] = item.get("tax_rates") or []
    if "discounts" in params:
        facts = {"invoice_item": item["id"], "customer": item["customer"]}
        use = discounts.Use(item["customer"], found.currency, found.amount)
        item["discounts"] = discounts.make(call, params["discounts"], use, facts)
    item["discounts"] = item.get("discounts") or []


def update_item(call: RequestContext) -> Object:
    """Update an item that is not on a finalized invoice."""
    item, params = call.subject(), call.params
    draft = editable(call, item["invoice"], "invoiceitem") if item["invoice"] else None
    if item["proration"] and params.keys() & _AMOUNTS:
        raise call.refuse("The amount of a proration cannot be changed.")
    check_period(params.get("period"), "period")
    call.put(item, _plain(params))
    if "discountable" in params:
        item["discountable"] = params["discountable"]
    if params.keys() & _AMOUNTS:
        _price(call, item, _merged(item, params), worth(call, _merged(item, params), item["currency"]))
    elif params.keys() & {"tax_rates", "discounts", "tax_behavior", "tax_code"}:
        _price(call, item, {**_merged(item, {}), **params}, Worth(item["amount"], item["currency"]))
    call.save("invoiceitem", item)
    if draft is not None:
        replace_line(call, draft, item)
    return call.load("invoiceitem", item["id"])


_AMOUNTS = {"amount", "price_data", "pricing", "quantity", "quantity_decimal", "unit_amount_decimal"}


def _merged(item: Object, params: Object) -> Object:
    """The parameters, completed from the item: its price if the quantity changes, its quantity if the price does."""
    found = dict(params)
    if not found.keys() & {"amount", "price_data", "pricing", "unit_amount_decimal"}:
        pricing = item.get("pricing") or {}
        if details := pricing.get("price_details"):
            found["pricing"] = {"price": details["price"]}
        elif pricing.get("unit_amount_decimal") is not None:
            found["unit_amount_decimal"] = pricing["unit_amount_decimal"]
        else:
            found["amount"] = item["amount"]
    if not found.keys() & {"quantity", "quantity_decimal", "amount"}:
        found["quantity_decimal"] = item["quantity_decimal"]
    return found


def replace_line(call: RequestContext, draft: Object, item: Object) -> None:
    """Make the line of a changed item again, in the same place on its draft."""
    data = draft["lines"]["data"]
    place = next((n for n, line in enumerate(data) if lines.item_of(line) == item["id"]), None)
    if place is None:
        return
    made = lines.add_item(call, draft, item)
    made["id"] = data[place]["id"]
    data[place] = data.pop()
    call.save("invoice", lines.total_up(call, draft))


def delete_item(call: RequestContext) -> Object | bytes:
    """Delete an item, and its line on a draft."""
    item = call.subject()
    if item["invoice"]:
        draft = editable(call, item["invoice"], "invoiceitem")
        draft["lines"]["data"] = [line for line in draft["lines"]["data"] if lines.item_of(line) != item["id"]]
        call.save("invoice", lines.total_up(call, draft))
    return resources.delete(call)


BEHAVIOURS = {
    "invoice_items.create": create_item,
    "invoice_items.delete": delete_item,
    "invoice_items.update": update_item,
}
_HANDLED = {
    "amount",
    "discounts",
    "price_data",
    "pricing.price",
    "quantity_decimal",
    "tax_rates",
    "unit_amount_decimal",
}
EFFECTS = {"invoice_items.create": _HANDLED, "invoice_items.update": _HANDLED}
SHOWN_AT = {"invoice_items.create": {"subscription": "parent.subscription_details.subscription"}}
MAKES = {"line_item"}
