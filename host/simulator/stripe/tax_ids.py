"""Tax ids: their forms, countries and verification. https://docs.stripe.com/billing/customer/tax-ids"""

from __future__ import annotations

import re

from host.simulator import resources
from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext

_EU = [
    "AT",
    "BE",
    "BG",
    "CY",
    "CZ",
    "DE",
    "DK",
    "EE",
    "EL",
    "ES",
    "FI",
    "FR",
    "HR",
    "HU",
    "IE",
    "IT",
    "LT",
    "LU",
    "LV",
    "MT",
    "NL",
    "PL",
    "PT",
    "RO",
    "SE",
    "SI",
    "SK",
    "XI",
]
# The forms of the most common types, by the examples on the page above; values of other types are not checked.
_FORMS = {
    "au_abn": r"\d{11}",
    "br_cnpj": r"\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}",
    "br_cpf": r"\d{3}\.\d{3}\.\d{3}-\d{2}",
    "ca_bn": r"\d{9}",
    "ca_gst_hst": r"\d{9}RT\d{4}",
    "ch_vat": r"CHE-\d{3}\.\d{3}\.\d{3} (?:MWST|TVA|IVA)",
    "es_cif": r"[A-Z]\d{7}[A-Z0-9]",
    "eu_vat": rf"(?:{'|'.join(_EU)})[0-9A-Z+*]{{8,12}}",
    "gb_vat": r"(?:GB|XI)(?:\d{9}|\d{12}|GD\d{3}|HA\d{3})",
    "in_gst": r"\d{2}[A-Z]{5}\d{4}[A-Z][A-Z0-9]{3}",
    "jp_cn": r"\d{13}",
    "mx_rfc": r"[A-ZÑ&]{3,4}\d{6}[A-Z0-9]{3}",
    "no_vat": r"\d{9}MVA",
    "nz_gst": r"\d{8,9}",
    "sg_gst": r"M\d{8}[A-Z]|\d{8}[A-Z]",
    "us_ein": r"\d{2}-\d{7}",
    "za_vat": r"4\d{9}",
}
_VERIFIED = frozenset({"eu_vat", "gb_vat", "au_abn"})  # types that Stripe verifies
_ENDS = {"000000000": "verified", "111111111": "unverified", "222222222": "pending"}


def create_tax_id(call: RequestContext) -> Object:
    """Create a tax id of a customer or of the account. Its value must have the form of its type."""
    type, value = str(call.params["type"]), str(call.params["value"])
    form = _FORMS.get(type)
    if form is not None and not re.fullmatch(form, value):
        raise SimulatedError(400, f"Invalid value for {type}.", code="tax_id_invalid", param="value")
    tax_id = call.put(resources.fresh(call), {k: v for k, v in call.params.items() if k != "owner"})
    country = "GR" if value.startswith("EL") else value[:2]
    tax_id["country"] = country if type == "eu_vat" else None if type[2] != "_" else type[:2].upper()
    tax_id["owner"] = _owner(call)
    tax_id["customer"] = tax_id["owner"].get("customer")
    status = next((word for end, word in _ENDS.items() if value.endswith(end)), "pending")
    tax_id["verification"] = {
        "status": status if type in _VERIFIED else "unavailable",
        "verified_address": None,
        "verified_name": None,
    }
    under = call.path.rstrip("/") if call.plan.parents else ""
    return call.save("tax_id", tax_id, under=under)


def _owner(call: RequestContext) -> Object:
    if "customer" in call.path_args:
        call.load("customer", call.path_args["customer"], "customer")
        return {"type": "customer", "customer": call.path_args["customer"]}
    given = call.params.get("owner") or {"type": "self"}
    if given.get("customer"):
        call.load("customer", given["customer"], "owner[customer]", 400)
    return dict(given)


BEHAVIOURS = {"customers.tax_ids.create": create_tax_id, "tax_ids.create": create_tax_id}
