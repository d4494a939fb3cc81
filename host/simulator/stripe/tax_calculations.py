"""Taxes where no registration says that they are collected: none. https://docs.stripe.com/tax/custom"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.context import Object, RequestContext

DAY = 86_400
VALID = 90 * DAY  # https://docs.stripe.com/api/tax/calculations/object#tax_calculation_object-expires_at
_NO_RATE = {"country": None, "percentage_decimal": "0.0", "rate_type": None, "state": None, "tax_type": None}


def create_registration(call: RequestContext) -> Object:
    """Where taxes are collected from a day on."""
    registration = call.put(resources.fresh(call), {k: v for k, v in call.params.items() if k != "active_from"})
    start = call.params["active_from"]
    registration["active_from"] = call.now if start == "now" else int(start)
    end = registration.get("expires_at")
    expired = end is not None and end <= call.now
    later = registration["active_from"] > call.now
    registration["status"] = "expired" if expired else "scheduled" if later else "active"
    return call.save("tax.registration", registration)


def create_calculation(call: RequestContext) -> Object:
    """The tax of some lines: nothing, as long as there is no registration for the country."""
    details = _details(call)
    country = str((details.get("address") or {}).get("country") or "")
    if not country:
        raise call.refuse(
            "The customer's location is needed: give customer_details[address][country].",
            code="customer_tax_location_invalid",
            param="customer_details",
        )
    if any(each["country"] == country and each["status"] == "active" for each in _registrations(call)):
        call.not_modelled(f"the taxes of {country}", "It knows countries without a registration, where nothing is due.")
    calculation = call.put(resources.fresh(call), {k: v for k, v in call.params.items() if k not in _HANDLED})
    lines = [_line(call, calculation, n, line) for n, line in enumerate(call.params["line_items"])]
    shipping = _shipping(call)
    total = sum(line["amount"] for line in lines) + (shipping["amount"] if shipping else 0)
    calculation.update(
        amount_total=total,
        customer_details=details,
        expires_at=call.now + VALID,
        shipping_cost=shipping,
        tax_amount_exclusive=0,
        tax_amount_inclusive=0,
        tax_breakdown=[_breakdown(total, country)],
        tax_date=call.params.get("tax_date") or call.now,
    )
    return call.save("tax.calculation", calculation)


_HANDLED = frozenset({"line_items", "customer_details", "shipping_cost"})


def _registrations(call: RequestContext) -> list[Object]:
    return list(call.world.store.each("tax.registration"))


def _details(call: RequestContext) -> Object:
    given = dict(call.params.get("customer_details") or {})
    if customer := call.params.get("customer"):
        address = call.load("customer", customer, "customer", 400).get("address")
        given.setdefault("address", address)
        given.setdefault("address_source", "billing" if address else None)
    address = given.get("address")
    if address:
        given["address"] = {
            name: address.get(name) for name in ("city", "country", "line1", "line2", "postal_code", "state")
        }
    return {
        "address": address or None,
        "address_source": None,
        "ip_address": None,
        "tax_ids": [],
        "taxability_override": "none",
        **given,
    }


def _line(call: RequestContext, calculation: Object, n: int, given: Object) -> Object:
    """A line as it was given, with nothing due on it."""
    line = call.blank("tax.calculation_line_item")
    line.update(
        amount=given["amount"],
        amount_tax=0,
        metadata=given.get("metadata") or {},
        product=given.get("product"),
        quantity=given.get("quantity", 1),
        reference=given.get("reference") or f"L{n + 1}",
        tax_behavior=given.get("tax_behavior") or "exclusive",
        tax_breakdown=None,
        tax_code=given.get("tax_code") or "txcd_10000000",  # general, services: the account's preset
    )
    under = f"/v1/tax/calculations/{calculation['id']}/line_items"
    return call.save("tax.calculation_line_item", line, under=under)


def _shipping(call: RequestContext) -> Object | None:
    given = call.params.get("shipping_cost")
    if not given:
        return None
    amount = given.get("amount")
    if rate := given.get("shipping_rate"):
        amount = (call.load("shipping_rate", rate, "shipping_cost[shipping_rate]", 400)["fixed_amount"] or {})["amount"]
    return {
        "amount": amount or 0,
        "amount_tax": 0,
        "shipping_rate": given.get("shipping_rate"),
        "tax_behavior": given.get("tax_behavior") or "exclusive",
        "tax_code": given.get("tax_code") or "txcd_92010001",  # shipping
    }


def _breakdown(total: int, country: str) -> Object:
    return {
        "amount": 0,
        "inclusive": False,
        "tax_rate_details": {**_NO_RATE, "country": country},
        "taxability_reason": "not_collecting",
        "taxable_amount": 0,
    }


BEHAVIOURS = {
    "tax.calculations.create": create_calculation,
    "tax.registrations.create": create_registration,
}
_LINE = ("amount", "metadata", "product", "quantity", "reference", "tax_behavior", "tax_code")
EFFECTS = {
    "tax.calculations.create": {f"line_items.{name}" for name in _LINE},
    "tax.registrations.create": {"active_from=now"},
}
MAKES = {"tax.calculation_line_item"}
