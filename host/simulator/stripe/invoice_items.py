"""Invoice items, and other things that are an amount of a currency."""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import invoices
from host.simulator.stripe.money import check_currency, unit_price


def create_item(call: RequestContext) -> Object:
    """An item for the customer's next invoice, or for a draft."""
    check_currency(call)
    customer = call.params.get("customer")
    draft = invoices.draft(call, call.params["invoice"]) if call.params.get("invoice") else None
    if customer is None and draft is None:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    item = call.put(resources.fresh(call), call.params)
    item["customer"] = customer or (draft or {}).get("customer")
    quantity = call.params.get("quantity", 1)
    price_id = (call.params.get("pricing") or {}).get("price")
    if price_id:
        price = call.load("price", price_id, "pricing[price]", 400)
        amount, currency, unit = unit_price(price, quantity), price["currency"], price["unit_amount_decimal"]
        item["pricing"] = {
            "type": "price_details",
            "price_details": {"price": price_id, "product": price["product"]},
            "unit_amount_decimal": unit,
        }
    elif data := call.params.get("price_data"):
        amount, currency = unit_price(data, quantity), data["currency"]
    else:
        said, exact = call.params.get("amount"), call.params.get("unit_amount_decimal")
        if said is None and not exact:
            raise invalid("You must pass one of `amount`, `pricing` or `price_data`.", "amount", "parameter_missing")
        amount = unit_price({"unit_amount_decimal": exact}, quantity) if said is None else said
        currency = call.params.get("currency") or (draft or {}).get("currency") or "usd"
    item.update(amount=amount, net_amount=amount, currency=currency, quantity=quantity, quantity_decimal=str(quantity))
    item.update(date=call.now, period={"start": call.now, "end": call.now})
    call.save("invoiceitem", item)
    if draft is not None:
        invoices.add_item(call, draft, item)
        call.save("invoice", invoices.total_up(call, draft))
        call.save("invoiceitem", item)
    return item
