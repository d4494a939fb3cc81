"""The discounts and taxes in the totals of checkout sessions and quotes, which answers have only when expanded.

https://docs.stripe.com/api/checkout/sessions/object#checkout_session_object-total_details-breakdown
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from host.simulator.context import Backend, Object

SUMS = "~item_sums"  # by line item: the amounts of its discounts and taxes
_decode = msgspec.json.Decoder().decode


def of_item(backend: Backend, item: Object, name: str) -> list[Object]:
    """The ``discounts`` or ``taxes`` (``name``) of a line item."""
    found: Object = backend.store.get(SUMS, str(item["id"])) or {"discounts": [], "taxes": []}
    if name == "taxes":
        return [_tax(backend, tax) for tax in found["taxes"]]
    return [{"amount": entry["amount"], "discount": _discount(backend, entry["coupon"], item)} for entry in found[name]]


def of_whole(backend: Backend, value: Object, path: str) -> Object:
    """The breakdown of an object whose line items are at ``path``, in which ``{id}`` stands for its id."""
    under = path.format(id=value["id"])
    items = [_decode(record.body) for _, record in backend.store.oldest("item") if record.under == under]
    discounts = (entry for item in items for entry in of_item(backend, item, "discounts"))
    taxes = (entry for item in items for entry in of_item(backend, item, "taxes"))
    return {
        "discounts": _added(discounts, lambda entry: str(entry["discount"]["source"]["coupon"])),
        "taxes": _added(taxes, lambda entry: str(entry["rate"]["id"])),
    }


def _added(entries: Iterable[Object], key: Callable[[Object], str]) -> list[Object]:
    found: dict[str, Object] = {}
    for entry in entries:
        known = found.setdefault(key(entry), {**entry, **dict.fromkeys(_SUMMED & entry.keys(), 0)})
        for name in _SUMMED & entry.keys():
            known[name] += entry[name]
    return list(found.values())


_SUMMED = frozenset({"amount", "taxable_amount"})


def _tax(backend: Backend, tax: Object) -> Object:
    reason = tax["taxability_reason"]
    return {
        "amount": tax["amount"],
        "rate": backend.store.get("tax_rate", tax["tax_rate_details"]["tax_rate"]),
        "taxability_reason": None if reason == "not_available" else reason,
        "taxable_amount": tax["taxable_amount"],
    }


def created_of(backend: Backend, item: Object) -> int:
    """When the session, payment link or quote of a line item was created (seconds since 1970), or 0."""
    record = backend.store.record("item", str(item["id"]))
    _, _, path = (record.under if record is not None else "").partition("/v1/")
    of, _, rest = path.removeprefix("checkout/").partition("/")
    kind = {"sessions": "checkout.session", "payment_links": "payment_link", "quotes": "quote"}.get(of)
    owner = backend.store.get(kind, rest.partition("/")[0]) if kind else None
    return int((owner or {}).get("created") or 0)


def _discount(backend: Backend, coupon: str, item: Object) -> Object:
    """The discount object that shows a coupon of an item before it is redeemed; its id is derived from the item's."""
    fields: dict[str, Any] = dict.fromkeys(
        ("checkout_session", "customer", "end", "invoice", "invoice_item", "promotion_code", "subscription",
         "subscription_item")
    )  # fmt: skip
    id = "di_" + str(item["id"]).removeprefix("li_")
    source = {"coupon": coupon, "type": "coupon"}
    return {**fields, "id": id, "object": "discount", "source": source, "start": created_of(backend, item)}
