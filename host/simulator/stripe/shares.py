"""The shares of an invoice's payment for a connected account and the platform.

They are parameters of an invoice (https://docs.stripe.com/connect/invoices), or of a subscription for all of its
invoices (https://docs.stripe.com/connect/subscriptions). Not the invoice but its payment has members for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import connect
from host.simulator.stripe.money import MOST, rounded
from host.simulator.stripe.older_members import INVOICE_SHARES

OWN = frozenset({"application_fee_amount", "transfer_data"})


def check(call: RequestContext, params: Mapping[str, Any], currency: str) -> None:
    """Refuse shares that are not possible. The size of a fee is not checked, as it is capped at the payment."""
    given = {name: params.get(name) for name in (*OWN, "on_behalf_of")}
    connect.check_division(call, given, max(MOST, given["application_fee_amount"] or 0), currency)


def note(call: RequestContext, invoice: Object, params: Mapping[str, Any]) -> None:
    """Store the shares that the parameters of an invoice have; "" unsets one."""
    given = {name: params[name] or None for name in OWN if name in params}
    if given or params.get("on_behalf_of"):
        kept = {**(call.backend.store.get(INVOICE_SHARES, invoice["id"]) or {}), **given}
        check(call, {**kept, "on_behalf_of": invoice.get("on_behalf_of")}, invoice["currency"])
        call.backend.store.put(INVOICE_SHARES, invoice["id"], kept)


def of(call: RequestContext, invoice: Object, subscription: Object | None) -> Object:
    """The members of the intent that pays an invoice; those of the invoice take precedence over its subscription's."""
    owner, amount = subscription or {}, int(invoice["amount_remaining"])
    own = {n: v for n, v in (call.backend.store.get(INVOICE_SHARES, invoice["id"]) or {}).items() if v is not None}
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
