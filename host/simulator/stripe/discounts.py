"""Discounts: checking whether a coupon or promotion code can be used, and redeeming it.

https://docs.stripe.com/billing/subscriptions/coupons
"""

from __future__ import annotations

from typing import Any

import msgspec

from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.periods import later
from host.simulator.stripe.sums import Coupon, amount_off

SPENT = "~discount_spent"


class Use(msgspec.Struct):
    """What a coupon is to be used for: the customer, the currency, and the amount (``None`` if not known yet)."""

    customer: str | None
    currency: str | None
    amount: int | None = None


class Found(msgspec.Struct):
    """A coupon that can be used, and the promotion code that it was found by, if any."""

    coupon: Object
    promotion: Object | None = None


def wanted(call: RequestContext, items: Any, use: Use, path: str = "discounts") -> list[Found | Object]:
    """What the entries of a ``discounts`` parameter name: coupons that can be used, or existing discounts."""
    found: list[Found | Object] = []
    for n, item in enumerate(items or []):
        here = f"{path}[{n}]"
        named = [name for name in ("coupon", "discount", "promotion_code") if item.get(name)]
        if len(named) != 1:
            raise invalid("You must pass exactly one of coupon, discount or promotion_code.", here)
        if named[0] == "discount":
            found.append(call.load("discount", item["discount"], f"{here}[discount]", 400))
        else:
            found.append(check(call, item, use, here))
    return found


def check(call: RequestContext, item: Object, use: Use, path: str) -> Found:
    """The coupon that an entry names. Raises :class:`SimulatedError` if it cannot be used; ``path`` is the param."""
    if item.get("coupon") and item.get("promotion_code"):
        raise invalid("You may only specify one of these parameters: coupon, promotion_code.", path or "coupon")
    promotion, param = None, f"{path}[coupon]" if path else "coupon"
    id = item.get("coupon")
    if code := item.get("promotion_code"):
        param = f"{path}[promotion_code]" if path else "promotion_code"
        promotion = call.load("promotion_code", code, param, 400)
        id = promotion["promotion"]["coupon"]
    coupon = call.load("coupon", str(id), param, 400)
    until = coupon.get("redeem_by")
    if not coupon["valid"] or (until is not None and until <= call.now):
        raise SimulatedError(400, f"Coupon expired: {coupon['id']}", code="coupon_expired", param=param, worked=True)
    if promotion is not None:
        _check_promotion(call, promotion, use, param)
    if use.currency and coupon.get("amount_off") and amount_off(coupon, use.currency) is None:
        raise invalid(
            f"The coupon {coupon['id']} is in {coupon['currency']} and has no amount in {use.currency}.", param
        )
    return Found(coupon, promotion)


def _check_promotion(call: RequestContext, promotion: Object, use: Use, param: str) -> None:
    code, limits = promotion["code"], promotion["restrictions"]
    until, most = promotion.get("expires_at"), promotion.get("max_redemptions")
    if not promotion["active"] or (until is not None and until <= call.now):
        raise invalid(f"This promotion code is not active: {code}.", param, "promotion_code_expired")
    if most is not None and promotion["times_redeemed"] >= most:
        raise invalid(f"This promotion code has been used as often as it may be: {code}.", param)
    if promotion.get("customer") and promotion["customer"] != use.customer:
        raise invalid("This promotion code cannot be redeemed because it is for another customer.", param)
    if limits.get("first_time_transaction") and use.customer and has_paid(call, use.customer):
        raise invalid(
            "This promotion code cannot be redeemed because the associated customer has prior transactions.",
            param,
            "promotion_code_customer_has_prior_transactions",
        )
    least = _least(limits, use.currency, param)
    if least is not None and use.amount is not None and use.amount < least:
        raise invalid(
            "This promotion code cannot be redeemed because the order doesn't come to its minimum amount "
            f"({use.amount} < {least} {use.currency}).",
            param,
            "promotion_code_minimum_amount",
        )


def _least(limits: Object, currency: str | None, param: str) -> int | None:
    least = limits.get("minimum_amount")
    if least is None or currency is None:
        return None
    if limits["minimum_amount_currency"] == currency:
        return int(least)
    option = (limits.get("currency_options") or {}).get(currency)
    if option is None:
        raise invalid(f"This promotion code has no minimum amount in {currency}.", param)
    return int(option["minimum_amount"])


def check_use(call: RequestContext, coupon: Object, products: set[str], param: str) -> None:
    """Refuse a coupon that applies to none of the products of an order.

    https://docs.stripe.com/payments/checkout/discounts
    """
    applies = (kept_coupon(call, coupon["id"]) or coupon).get("applies_to") or {}
    if applies.get("products") and not products & set(applies["products"]):
        raise invalid("This coupon cannot be redeemed because it does not apply to anything in this order.", param)


def has_paid(call: RequestContext, customer: str) -> bool:
    """Whether a customer has a successful charge or a paid invoice, even one of amount 0."""
    store = call.backend.store
    paid = any(charge["status"] == "succeeded" for charge in store.having("charge", "customer", customer))
    return paid or any(invoice["status"] == "paid" for invoice in store.having("invoice", "customer", customer))


def redeem(call: RequestContext, found: Found, owner: Object) -> Object:
    """Create the discount of a coupon, and count the use. ``owner`` are the discount's members for its owner."""
    coupon = call.load("coupon", found.coupon["id"], "coupon", 400)
    used, most = coupon["times_redeemed"] + 1, coupon.get("max_redemptions")
    valid = coupon["valid"] and (most is None or used < most)
    call.save("coupon", {**coupon, "times_redeemed": used, "valid": valid})
    promotion = found.promotion and call.load("promotion_code", found.promotion["id"], "promotion_code", 400)
    if promotion:
        used, most = promotion["times_redeemed"] + 1, promotion.get("max_redemptions")
        active = promotion["active"] and valid and (most is None or used < most)
        call.save("promotion_code", {**promotion, "times_redeemed": used, "active": active})
    fields: Object = {
        "source": {"type": "coupon", "coupon": coupon["id"]},
        "promotion_code": promotion["id"] if promotion else None,
        "start": call.now,
        "end": None,
        "customer": None,
        **owner,
    }
    if coupon["duration"] == "repeating":
        fields["end"] = later(call.now, "month", coupon["duration_in_months"])
    discount = call.make("discount", fields)
    if fields["end"] is not None:
        call.backend.agenda.add(call, fields["end"], "end_discount", discount["id"])
    return discount


def make(call: RequestContext, items: Any, use: Use, owner: Object, path: str = "discounts") -> list[str]:
    """Create the discounts of a ``discounts`` parameter; returns their ids."""
    found = wanted(call, items, use, path)
    return [redeem(call, item, owner)["id"] if isinstance(item, Found) else item["id"] for item in found]


def coupons(call: RequestContext, ids: list[str]) -> list[Coupon]:
    """The id and coupon of each discount that has not ended. A discount outlives its coupon if that is deleted."""
    found: list[Coupon] = []
    for id in ids:
        discount = call.backend.store.get("discount", id)
        if discount is None or discount.get("deleted") or (discount["end"] is not None and discount["end"] <= call.now):
            continue
        coupon = kept_coupon(call, discount["source"]["coupon"])
        if coupon is not None:
            found.append((id, coupon))
    return found


def inherited(call: RequestContext, customer: Object) -> list[str]:
    """The customer's discount, as a list of ids, which an invoice without discounts of its own inherits.

    https://docs.stripe.com/api/invoices/create#create_invoice-discounts
    """
    mine = customer.get("discount")
    return [id for id, _ in standing(call, [mine["id"]])] if mine else []


def standing(call: RequestContext, ids: list[str]) -> list[Coupon]:
    """As :func:`coupons`, without discounts with ``duration=once`` that were used."""
    return [entry for entry in coupons(call, ids) if call.backend.store.record(SPENT, entry[0]) is None]


def spend(call: RequestContext, ids: list[str], taken: set[str]) -> None:
    """Mark discounts with ``duration=once`` as used; ``taken`` are those that reduced the invoice."""
    for id, coupon in coupons(call, ids):
        if id in taken and coupon["duration"] == "once":
            call.backend.store.put(SPENT, id, {"at": call.now})


def unspent(call: RequestContext, ids: list[str]) -> list[str]:
    """The ids without those of used discounts with ``duration=once``."""
    return [id for id in ids if call.backend.store.record(SPENT, id) is None]


def kept_coupon(call: RequestContext, id: str) -> Object | None:
    """A coupon; one that was deleted is returned as it was before."""
    return call.find("coupon", id) or call.backend.store.get("~coupon", id)


def end(call: RequestContext, id: str) -> None:
    """Remove a discount that has ended from its owner."""
    discount = call.find("discount", id)
    if discount is None:
        return
    customer = call.find("customer", str(discount["customer"]))
    if customer is not None and (customer.get("discount") or {}).get("id") == id:
        call.save("discount", {**discount, "deleted": True}, deleted=True)
        call.save("customer", {**customer, "discount": None})
        return
    for kind, member in (("subscription", "subscription"), ("subscription_item", "subscription_item")):
        owner = discount.get(member) and call.find(kind, discount[member])
        if owner and id in owner["discounts"]:
            remove(call, kind, owner, id)


def remove(call: RequestContext, kind: str, owner: Object, id: str) -> None:
    """Remove a discount from a subscription or a subscription item."""
    owner["discounts"] = [other for other in owner["discounts"] if other != id]
    call.save(kind, owner)
    if kind != "subscription_item":
        return
    subscription = call.find("subscription", owner["subscription"])
    if subscription is not None:
        data = subscription["items"]["data"]
        subscription["items"]["data"] = [owner if item["id"] == owner["id"] else item for item in data]
        call.save("subscription", subscription)


DUE = {"end_discount": end}
