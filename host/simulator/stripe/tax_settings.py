"""The account's tax settings: its head office and defaults. https://docs.stripe.com/api/tax/settings"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext

KIND = "tax.settings"
PRESET = "txcd_10000000"  # general, electronically supplied services
_EXCLUSIVE = ("cad", "usd")  # https://docs.stripe.com/tax/products-prices-tax-codes-tax-behavior#tax-behavior
MAKES = {KIND}


def settings(call: RequestContext) -> Object:
    """The account's settings, which are ``pending`` until its head office is given."""
    found = call.backend.store.get(KIND, KIND)
    return found or {
        "object": KIND,
        "defaults": {"provider": "stripe", "tax_behavior": None, "tax_code": None},
        "head_office": None,
        "livemode": False,
        "status": "pending",
        "status_details": {"active": None, "pending": {"missing_fields": ["head_office"]}},
    }


def update(call: RequestContext) -> Object:
    """Update the defaults and the head office, with which the settings become ``active``."""
    found = settings(call)
    found["defaults"].update(call.params.get("defaults") or {})
    if office := call.params.get("head_office"):
        places = ("city", "country", "line1", "line2", "postal_code", "state")
        found["head_office"] = {"address": {name: office["address"].get(name) for name in places}}
        found["status"] = "active"
        found["status_details"] = {"active": {}, "pending": None}
    call.backend.store.put(KIND, KIND, found)
    return found


def code_of(call: RequestContext, given: str | None) -> str:
    """The given tax code, or the account's default."""
    return str(given or settings(call)["defaults"]["tax_code"] or PRESET)


def behaviour_of(call: RequestContext, given: str | None, currency: str) -> str:
    """The given tax behaviour (``inclusive`` or ``exclusive``), or the account's default."""
    found = given or settings(call)["defaults"]["tax_behavior"] or "exclusive"
    if found == "inferred_by_currency":
        return "exclusive" if currency in _EXCLUSIVE else "inclusive"
    return str(found)


BEHAVIOURS = {"tax.settings.retrieve": settings, "tax.settings.update": update}
