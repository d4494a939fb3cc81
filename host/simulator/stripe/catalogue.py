"""What is sold and for how much: products, prices, coupons, promotion codes."""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.api_error import Refusal, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.money import check_amount, check_currency


def create_product(call: RequestContext) -> Object:
    """A product, with its price where ``default_price_data`` describes one."""
    product = call.put(resources.fresh(call), call.params)
    if data := call.params.get("default_price_data"):
        product["default_price"] = make_price(call, {**data, "product": product["id"]})["id"]
    return call.save("product", product)


def delete_product(call: RequestContext) -> Object | bytes:
    """Gone, unless it has prices, active or not: these cannot be deleted (stripe/stripe-python#658)."""
    if any(price["product"] == call.target for price in call.world.store.each("price")):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    return resources.delete(call)


def create_price(call: RequestContext) -> Object:
    """A price of a product, which ``product_data`` may describe."""
    check_currency(call)
    if ("product" in call.params) == ("product_data" in call.params):
        raise invalid(
            "You must specify either `product` or `product_data` when creating a price.",
            "product",
            "parameter_missing",
        )
    params = dict(call.params)
    if data := params.pop("product_data", None):
        fields = {name: value for name, value in data.items() if name != "id"}
        params["product"] = call.make("product", {**fields, "metadata": data.get("metadata") or {}}, id=data.get("id"))[
            "id"
        ]
    return make_price(call, params)


def make_price(call: RequestContext, params: Object) -> Object:
    """A price of ``params``, kept."""
    if not params.keys() & {"unit_amount", "unit_amount_decimal", "tiers", "custom_unit_amount"}:
        raise invalid(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.",
            "unit_amount",
            "parameter_missing",
        )
    amount = params.get("unit_amount")
    if amount is not None and amount < 0:
        raise invalid("Invalid non-negative integer", "unit_amount", "parameter_invalid_integer")
    price = call.blank("price")
    template = call.world.shapes.template("price")
    call.world.shapes.put(template.schema, price, params)
    price["type"] = "recurring" if params.get("recurring") else "one_time"
    if price["recurring"]:
        price["recurring"]["interval_count"] = price["recurring"].get("interval_count") or 1
        price["recurring"]["usage_type"] = params["recurring"].get("usage_type", "licensed")
    if amount is not None:
        price["unit_amount_decimal"] = str(amount)
    elif (exact := params.get("unit_amount_decimal")) and exact.isdecimal():
        price["unit_amount"] = int(exact)
    return call.save("price", price)


def create_coupon(call: RequestContext) -> Object:
    """A coupon of a percentage or an amount."""
    check_currency(call)
    check_amount(call, "amount_off")
    params = call.params
    if ("percent_off" in params) == ("amount_off" in params):
        raise invalid("You must pass either `percent_off` or `amount_off`, and not both.", "percent_off")
    percent = params.get("percent_off")
    if percent is not None and not 0 < percent <= 100:
        raise invalid("Invalid percent_off: must be greater than 0 and less than or equal to 100.", "percent_off")
    if "amount_off" in params and "currency" not in params:
        raise invalid("Missing required param: currency.", "currency", "parameter_missing")
    if params.get("duration") == "repeating" and "duration_in_months" not in params:
        raise invalid("Missing required param: duration_in_months.", "duration_in_months", "parameter_missing")
    return resources.create(call)


def create_promotion_code(call: RequestContext) -> Object:
    """A code that customers type for a coupon."""
    code = call.params.get("code")
    if code and any(p["code"].lower() == code.lower() and p["active"] for p in call.world.store.each("promotion_code")):
        raise call.refuse(
            f"An active promotion code with `code: {code}` already exists.", code="resource_already_exists"
        )
    promotion = call.put(resources.fresh(call), call.params)
    promotion["code"] = code or call.world.ids.code()
    if not (call.params.get("promotion") or {}).get("coupon"):
        raise invalid("Missing required param: promotion[coupon].", "promotion[coupon]", "parameter_missing")
    return call.save("promotion_code", promotion)


def coupon_of(call: RequestContext, wanted: Object, path: str) -> tuple[Object, str | None]:
    """(coupon, promotion code's id) that an entry of ``discounts`` names; counts its use."""
    promotion_id = wanted.get("promotion_code")
    coupon_id = wanted.get("coupon")
    if promotion_id:
        promotion = call.load("promotion_code", promotion_id, f"{path}[promotion_code]", 400)
        if not promotion["active"]:
            raise invalid("This promotion code is not active.", f"{path}[promotion_code]")
        coupon_id = promotion["promotion"]["coupon"]
        call.save("promotion_code", {**promotion, "times_redeemed": promotion["times_redeemed"] + 1})
    if not coupon_id:
        raise invalid("Missing required param: " + path + "[coupon].", f"{path}[coupon]", "parameter_missing")
    coupon = call.load("coupon", coupon_id, f"{path}[coupon]", 400)
    used = coupon["times_redeemed"] + 1
    most, until = coupon.get("max_redemptions"), coupon.get("redeem_by")
    if not coupon["valid"] or (until is not None and until < call.now):
        raise Refusal(400, f"Coupon expired: {coupon_id}", code="coupon_expired", param=f"{path}[coupon]")
    valid = most is None or used < most
    return call.save("coupon", {**coupon, "times_redeemed": used, "valid": valid}), promotion_id


def make_discounts(call: RequestContext, wanted: Any, owner: Object) -> list[Object]:
    """Discount objects for a ``discounts`` parameter; ``owner`` has the fields that say whose they are."""
    found: list[Object] = []
    for n, item in enumerate(wanted or []):
        if item.get("discount"):
            found.append(call.load("discount", item["discount"], f"discounts[{n}][discount]", 400))
            continue
        coupon, promotion = coupon_of(call, item, f"discounts[{n}]")
        fields = {
            "source": {"type": "coupon", "coupon": coupon["id"]},
            "promotion_code": promotion,
            "start": call.now,
            "customer": None,
            **owner,
        }
        found.append(call.make("discount", fields))
    return found
