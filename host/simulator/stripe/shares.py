"""Who gets a part of what an invoice bills: a connected account, the platform.

An invoice says it of itself (https://docs.stripe.com/connect/invoices), a subscription of all of its own
(https://docs.stripe.com/connect/subscriptions). Invoices have no members for it: their payments do.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import connect
from host.simulator.stripe.money import MOST, rounded
from host.simulator.stripe.versions import INVOICE_SHARES

OWN = frozenset({"application_fee_amount", "transfer_data"})


def check(call: RequestContext, params: Mapping[str, Any], currency: str) -> None:
    """Refuse shares that nobody can get. A fee is capped where the invoice is paid, so its amount is not looked at."""
    said = {name: params.get(name) for name in (*OWN, "on_behalf_of")}
    connect.check_division(call, said, max(MOST, said["application_fee_amount"] or 0), currency)


def note(call: RequestContext, invoice: Object, params: Mapping[str, Any]) -> None:
    """Keep what a request says of an invoice; "" unsets."""
    said = {name: params[name] or None for name in OWN if name in params}
    if said or params.get("on_behalf_of"):
        kept = {**(call.world.store.get(INVOICE_SHARES, invoice["id"]) or {}), **said}
        check(call, {**kept, "on_behalf_of": invoice.get("on_behalf_of")}, invoice["currency"])
        call.world.store.put(INVOICE_SHARES, invoice["id"], kept)


def of(call: RequestContext, invoice: Object, subscription: Object | None) -> Object:
    """What the intent says that pays an invoice; what the invoice says goes before its subscription."""
    owner, amount = subscription or {}, int(invoice["amount_remaining"])
    own = {n: v for n, v in (call.world.store.get(INVOICE_SHARES, invoice["id"]) or {}).items() if v is not None}
    found: Object = {}
    if invoice.get("on_behalf_of"):
        found["on_behalf_of"] = invoice["on_behalf_of"]
    if data := own.get("transfer_data") or owner.get("transfer_data"):
        found["transfer_data"] = {"destination": data["destination"]}
        if data.get("amount") is not None:
            found["transfer_data"]["amount"] = min(int(data["amount"]), amount)
        elif data.get("amount_percent") is not None:
            found["transfer_data"]["amount"] = _percent(amount, data["amount_percent"])
    if own.get("application_fee_amount"):
        found["application_fee_amount"] = min(int(own["application_fee_amount"]), amount)
    elif owner.get("application_fee_percent"):
        found["application_fee_amount"] = _percent(amount, owner["application_fee_percent"])
    return found


def _percent(amount: int, percent: Any) -> int:
    return rounded(Decimal(amount) * Decimal(str(percent)) / 100)
