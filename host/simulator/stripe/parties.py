"""Checks other objects that billing parameters name: accounts that get money, tax ids, and a customer's source."""

from __future__ import annotations

from host.simulator.api_error import invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.includable import SOURCES
from host.simulator.stripe.transfers import check_accounts, check_destination


def check_parties(call: RequestContext, params: Object, customer: str | None = None, path: str = "") -> None:
    """Refuse accounts, tax ids and sources that do not exist; ``path`` is the parameter ``params`` are in."""

    def at(name: str) -> str:
        head, bracket, rest = name.partition("[")
        return f"{path}[{head}]{bracket}{rest}" if path else name

    check_accounts(call, params, at)
    settings = params.get("invoice_settings") or {}
    for where, given in (("", params), ("invoice_settings", settings)):
        for n, id in enumerate(given.get("account_tax_ids") or []):
            name = f"account_tax_ids[{n}]"
            call.load("tax_id", str(id), at(f"{where}[account_tax_ids][{n}]" if where else name), 400)
        issuer = given.get("issuer") or {}
        if issuer.get("type") == "account":
            name = at(f"{where}[issuer][account]" if where else "issuer[account]")
            if not issuer.get("account"):
                raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
            check_destination(call, str(issuer["account"]), name, "account")
    if source := params.get("default_source"):
        found = next((call.find(kind, str(source)) for kind in SOURCES if call.find(kind, str(source))), None)
        if found is None:
            raise missing("source", str(source), at("default_source"), 400)
        if customer and found.get("customer") not in (None, customer):
            raise invalid("The source you provided does not belong to this customer.", at("default_source"))
