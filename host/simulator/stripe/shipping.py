"""Shipping rates, and the shipping cost of invoices and sessions. https://docs.stripe.com/api/shipping_rates"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext


def create_rate(call: RequestContext) -> Object:
    """Create a rate with a fixed amount, in one currency or several."""
    return make_rate(call, call.params, call.put(resources.fresh(call), _own(call.params)))


def _own(params: Object) -> Object:
    return {name: value for name, value in params.items() if name not in ("fixed_amount", "type")}


def make_rate(call: RequestContext, params: Object, rate: Object | None = None, path: str = "") -> Object:
    """Create a shipping rate from ``params``, which are in ``path``."""
    at = f"{path}[fixed_amount]" if path else "fixed_amount"
    fixed = params.get("fixed_amount")
    if not fixed:
        raise invalid(f"Missing required param: {at}.", at, "parameter_missing")
    if fixed["amount"] < 0:
        raise invalid("Invalid non-negative integer", f"{at}[amount]", "parameter_invalid_integer")
    if rate is None:
        rate = call.blank("shipping_rate")
        call.backend.factory.put(call.backend.factory.template("shipping_rate").schema, rate, _own(params))
    currency = fixed["currency"].lower()
    amount: Object = {"amount": fixed["amount"], "currency": currency}
    if options := fixed.get("currency_options"):
        own = {"amount": fixed["amount"], "tax_behavior": params.get("tax_behavior") or "unspecified"}
        others = {c.lower(): {"tax_behavior": "unspecified", **option} for c, option in options.items()}
        amount["currency_options"] = {currency: own, **others}
    rate.update(fixed_amount=amount, type="fixed_amount", active=True)
    rate["metadata"] = rate.get("metadata") or {}
    rate["tax_behavior"] = params.get("tax_behavior") or "unspecified"
    return call.save("shipping_rate", rate)


def rate_from(call: RequestContext, wanted: Object, path: str) -> Object:
    """The rate that the parameters ``wanted`` name or describe."""
    if data := wanted.get("shipping_rate_data"):
        return make_rate(call, data, path=f"{path}[shipping_rate_data]")
    if not wanted.get("shipping_rate"):
        raise invalid(f"Missing required param: {path}[shipping_rate].", f"{path}[shipping_rate]", "parameter_missing")
    rate = call.load("shipping_rate", wanted["shipping_rate"], f"{path}[shipping_rate]", 400)
    if not rate["active"]:
        raise invalid("The shipping rate specified is inactive.", f"{path}[shipping_rate]")
    return rate


def amount_in(rate: Object, currency: str, path: str) -> int:
    """The amount of a rate in ``currency``. Raises :class:`SimulatedError` if it has none."""
    fixed = rate["fixed_amount"]
    if fixed["currency"] == currency:
        return int(fixed["amount"])
    option = (fixed.get("currency_options") or {}).get(currency)
    if option is None:
        raise invalid(f"The shipping rate is in {fixed['currency']}, not in {currency}.", path)
    return int(option["amount"])


def shipping_cost(call: RequestContext, wanted: Any, currency: str, path: str = "shipping_cost") -> Object | None:
    """The ``shipping_cost`` of an invoice, or ``None`` where "" unsets it."""
    if not wanted:
        return None
    rate = rate_from(call, wanted, path)
    amount = amount_in(rate, currency, path)
    return {
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "shipping_rate": rate["id"],
        "taxes": [],
    }


BEHAVIOURS = {"shipping_rates.create": create_rate}
EFFECTS = {"shipping_rates.create": {"fixed_amount.currency_options"}}
MAKES = {"shipping_rate"}
