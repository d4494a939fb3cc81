"""Tax calculations: a country's standard rate if the account is registered there, else none.

https://docs.stripe.com/tax/custom
"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import tax_settings, vat

DAY = 86_400
VALID = 90 * DAY  # seconds: https://docs.stripe.com/api/tax/calculations/object#tax_calculation_object-expires_at
_NO_RATE = {"country": None, "percentage_decimal": "0.0", "rate_type": None, "state": None, "tax_type": None}


def create_registration(call: RequestContext) -> Object:
    """Create a registration, which says in which country taxes are collected, and from when."""
    registration = call.put(resources.fresh(call), {k: v for k, v in call.params.items() if k != "active_from"})
    start = call.params["active_from"]
    registration["active_from"] = call.now if start == "now" else int(start)
    end = registration.get("expires_at")
    expired = end is not None and end <= call.now
    later = registration["active_from"] > call.now
    registration["status"] = "expired" if expired else "scheduled" if later else "active"
    return call.save("tax.registration", registration)


def create_calculation(call: RequestContext) -> Object:
    """Calculate the taxes of lines: none, or the standard rate where the account is registered."""
    details = _details(call)
    country = str((details.get("address") or {}).get("country") or "")
    if not country:
        raise call.refuse(
            "The customer's location is needed: give customer_details[address][country].",
            code="customer_tax_location_invalid",
            param="customer_details",
        )
    rate = _rate(call, details, country)
    calculation = call.put(resources.fresh(call), {k: v for k, v in call.params.items() if k not in _HANDLED})
    lines = [_line(call, calculation, n, line, rate) for n, line in enumerate(call.params["line_items"])]
    shipping = _shipping(call, rate)
    taxed = [*lines, *([shipping] if shipping else [])]
    taxes = {
        behaviour: sum(each["amount_tax"] for each in taxed if each["tax_behavior"] == behaviour)
        for behaviour in ("exclusive", "inclusive")
    }
    calculation.update(
        amount_total=sum(each["amount"] for each in taxed) + taxes["exclusive"],
        customer_details=details,
        expires_at=call.now + VALID,
        shipping_cost=shipping,
        tax_amount_exclusive=taxes["exclusive"],
        tax_amount_inclusive=taxes["inclusive"],
        tax_breakdown=_breakdowns(taxed, country, rate),
        tax_date=call.params.get("tax_date") or call.now,
    )
    return call.save("tax.calculation", calculation)


def _rate(call: RequestContext, details: Object, country: str) -> str | None:
    """The rate that is collected in a country, in percent, or ``None`` where the account is not registered."""
    here = [each for each in _registrations(call) if each["country"] == country and each["status"] == "active"]
    if not here:
        return None
    options = here[0]["country_options"].get(country.lower()) or {}
    plain = options.get("type") == "standard" and not details["tax_ids"] and details["taxability_override"] == "none"
    plain = plain and not call.params.get("ship_from_details")
    rate = vat.rate_of(country, (details["address"] or {}).get("postal_code")) if plain else None
    if rate is None:
        call.not_modelled(
            f"the taxes of {country} there",
            "It knows places without a registration, and the standard rate of value added tax of consumers in "
            f"{', '.join(vat.STANDARD)} (with a postal code where some places have another).",
        )
    return rate


_HANDLED = frozenset({"line_items", "customer_details", "shipping_cost"})


def _registrations(call: RequestContext) -> list[Object]:
    return list(call.backend.store.each("tax.registration"))


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


def _tax(call: RequestContext, amount: int, code: str, behaviour: str, rate: str | None) -> int:
    if rate is None:
        return 0
    if code not in vat.CODES:
        call.not_modelled(f"the taxes of {code}", f"It knows those of {', '.join(vat.CODES)}.", "line_items")
    return vat.tax_of(amount, rate, inclusive=behaviour == "inclusive")


def _line(call: RequestContext, calculation: Object, n: int, given: Object, rate: str | None) -> Object:
    """Create the line item for a given line, with its tax."""
    line = call.blank("tax.calculation_line_item")
    code = tax_settings.code_of(call, given.get("tax_code") or _of_product(call, given.get("product")))
    behaviour = tax_settings.behaviour_of(call, given.get("tax_behavior"), str(calculation["currency"]))
    line.update(
        amount=given["amount"],
        amount_tax=_tax(call, given["amount"], code, behaviour, rate),
        metadata=given.get("metadata") or {},
        product=given.get("product"),
        quantity=given.get("quantity", 1),
        reference=given.get("reference") or f"L{n + 1}",
        tax_behavior=behaviour,
        tax_breakdown=None,
        tax_code=code,
    )
    under = f"/v1/tax/calculations/{calculation['id']}/line_items"
    return call.save("tax.calculation_line_item", line, under=under)


def _of_product(call: RequestContext, product: str | None) -> str | None:
    found = call.load("product", product, "line_items[product]", 400) if product else {}
    code: str | None = found.get("tax_code")
    return code


def _shipping(call: RequestContext, rate: str | None) -> Object | None:
    given = call.params.get("shipping_cost")
    if not given:
        return None
    amount = given.get("amount")
    if fixed := given.get("shipping_rate"):
        amount = (call.load("shipping_rate", fixed, "shipping_cost[shipping_rate]", 400)["fixed_amount"] or {})[
            "amount"
        ]
    code = given.get("tax_code") or "txcd_92010001"  # shipping
    behaviour = tax_settings.behaviour_of(call, given.get("tax_behavior"), str(call.params["currency"]).lower())
    return {
        "amount": amount or 0,
        "amount_tax": _tax(call, amount or 0, code, behaviour, rate),
        "shipping_rate": given.get("shipping_rate"),
        "tax_behavior": behaviour,
        "tax_code": code,
    }


def _breakdowns(taxed: list[Object], country: str, rate: str | None) -> list[Object]:
    """The breakdown: the sum of the exclusive taxes, and that of the inclusive ones."""
    if rate is None:
        return [_nothing(country)]
    found = []
    for inclusive in (False, True):
        those = [each for each in taxed if (each["tax_behavior"] == "inclusive") == inclusive]
        if not those:
            continue
        tax = sum(each["amount_tax"] for each in those)
        facts = {"country": country, "percentage_decimal": _decimal(rate), "rate_type": "percentage", "tax_type": "vat"}
        found.append(
            {
                "amount": tax,
                "inclusive": inclusive,
                "tax_rate_details": {**_NO_RATE, **facts},
                "taxability_reason": "standard_rated",
                "taxable_amount": sum(each["amount"] for each in those) - (tax if inclusive else 0),
            }
        )
    return found


def _decimal(rate: str) -> str:
    return rate if "." in rate else f"{rate}.0"


def _nothing(country: str) -> Object:
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
