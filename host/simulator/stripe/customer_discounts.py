"""A customer's own discount, which applies to invoices that have no discounts of their own.

https://docs.stripe.com/billing/subscriptions/coupons. Since 2025-03-31.basil no parameter sets it, but clients of older
versions do (https://docs.stripe.com/changelog/basil).
"""

from __future__ import annotations

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import discounts

CUSTOMER, DISCOUNT = "customer", "discount"


def set_discount(call: RequestContext, customer: Object) -> None:
    """Set, replace or remove the discount, as ``coupon`` or ``promotion_code`` of an older version says."""
    given = {name: call.removed_params[name] for name in ("coupon", "promotion_code") if name in call.removed_params}
    if not given:
        return
    for name, value in given.items():
        if not isinstance(value, str):
            raise invalid("Invalid string", name)
    wanted = {name: value for name, value in given.items() if value}
    if len(wanted) > 1:
        raise call.refuse("You may only specify one of these parameters: coupon, promotion_code.", param="coupon")
    id = str(customer["id"])
    if not wanted:
        remove(call, customer)
        return
    use = discounts.Use(id, customer.get("currency"))
    found = discounts.check(call, wanted, use, "")
    remove(call, customer)
    customer["discount"] = discounts.redeem(call, found, {"customer": id})


def remove(call: RequestContext, customer: Object) -> Object | None:
    """Remove the customer's discount, and return it, or ``None``. The caller saves the customer."""
    gone: Object | None = customer.get("discount")
    if gone is not None:
        call.save(DISCOUNT, {**gone, "deleted": True}, deleted=True)
        customer["discount"] = None
    return gone


def delete(call: RequestContext) -> Object:
    """Delete a customer's discount."""
    customer = call.load(CUSTOMER, call.path_args["customer"], "customer")
    gone = remove(call, customer)
    if gone is None:
        raise call.refuse(f"No active discount for customer: {customer['id']}", status=404, code="resource_missing")
    call.save(CUSTOMER, customer)
    return {**gone, "deleted": True}


def spend(call: RequestContext, invoice: Object) -> None:
    """Remove a discount with ``duration=once`` when the invoice that used it is finalized."""
    used = {entry["discount"] for entry in invoice["total_discount_amounts"] or ()}
    if invoice["status"] == "draft" or not used:
        return
    customer = call.find(CUSTOMER, str(invoice["customer"]))
    mine = (customer or {}).get("discount")
    if customer is None or mine is None or mine["id"] not in used:
        return
    coupon = discounts.kept_coupon(call, mine["source"]["coupon"])
    if coupon is not None and coupon["duration"] == "once":
        remove(call, customer)
        call.save(CUSTOMER, customer)


BEHAVIOURS = {"customers.delete_discount": delete}
WATCHERS = {"invoice": spend}
