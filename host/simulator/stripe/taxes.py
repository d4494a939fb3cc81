"""Tax rates: https://docs.stripe.com/billing/taxes/tax-rates. Automatic tax is not simulated."""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext

MOST_RATES = 5  # for a line, an invoice or a subscription


def create_rate(call: RequestContext) -> Object:
    """Create a rate, whose percentage is from 0 to 100."""
    percentage = call.params["percentage"]
    if not 0 <= percentage <= 100:
        raise invalid("Invalid percentage: must be between 0 and 100.", "percentage")
    rate = call.put(resources.fresh(call), call.params)
    rate.update(effective_percentage=percentage, rate_type="percentage", flat_amount=None, jurisdiction_level=None)
    return call.save("tax_rate", rate)


def rates(call: RequestContext, ids: Any, path: str) -> list[Object]:
    """The tax rates that a parameter (``path``) names, which must be active and different."""
    found = [call.load("tax_rate", id, f"{path}[{n}]", 400) for n, id in enumerate(ids or [])]
    if len(found) > MOST_RATES:
        raise invalid(f"You can pass at most {MOST_RATES} tax rates.", path)
    for n, rate in enumerate(found):
        if not rate["active"]:
            raise invalid(f"The tax rate {rate['id']} is not active.", f"{path}[{n}]")
    if len(set(ids or [])) < len(found):
        raise invalid("You cannot pass the same tax rate more than once.", path)
    return found


def check_automatic(call: RequestContext, params: Object, path: str = "automatic_tax") -> None:
    """Refuse automatic tax, which is not modelled."""
    if (params.get("automatic_tax") or {}).get("enabled"):
        call.not_modelled("automatic tax", "Tax rates are: give tax_rates or default_tax_rates.", f"{path}[enabled]")


BEHAVIOURS = {"tax_rates.create": create_rate}
