"""Coupons and promotion codes. https://docs.stripe.com/billing/subscriptions/coupons"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.money import CURRENCIES, check_amount, check_currency


def create_coupon(call: RequestContext) -> Object:
    """Create a coupon for a percentage or an amount."""
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
    if (params.get("duration") == "repeating") != ("duration_in_months" in params):
        raise invalid(
            "duration_in_months must be given with duration=repeating, and only with it.",
            "duration_in_months",
            "parameter_missing",
        )
    if params.get("duration_in_months", 1) < 1:
        raise invalid("This value must be greater than or equal to 1.", "duration_in_months")
    if params.get("max_redemptions", 1) < 1:
        raise invalid("This value must be greater than or equal to 1.", "max_redemptions")
    if params.get("redeem_by", call.now + 1) <= call.now:
        raise invalid("redeem_by must be in the future.", "redeem_by")
    for n, product in enumerate((params.get("applies_to") or {}).get("products") or []):
        call.load("product", product, f"applies_to[products][{n}]", 400)
    coupon = call.put(resources.fresh(call), {n: v for n, v in params.items() if n != "currency_options"})
    _set_options(coupon, params.get("currency_options"))
    call.save("coupon", coupon)
    if coupon.get("redeem_by"):
        call.backend.agenda.add(call, coupon["redeem_by"], "expire_coupon", coupon["id"])
    return coupon


def _set_options(coupon: Object, options: Object | None) -> None:
    if not options:
        return
    if not coupon.get("amount_off"):
        raise invalid("currency_options are for coupons with an amount_off.", "currency_options")
    found = dict(coupon.get("currency_options") or {coupon["currency"]: {"amount_off": coupon["amount_off"]}})
    for currency, option in options.items():
        code, param = currency.lower(), f"currency_options[{currency}]"
        if code not in CURRENCIES:
            raise invalid(f"Invalid currency: {currency}.", param)
        if code == coupon["currency"]:
            raise invalid("currency_options are for currencies other than the coupon's own.", param)
        if option["amount_off"] < 1:
            raise invalid("This value must be greater than or equal to 1.", f"{param}[amount_off]")
        found[code] = {"amount_off": option["amount_off"]}
    coupon["currency_options"] = found


def update_coupon(call: RequestContext) -> Object:
    """Update a coupon's name, metadata and amounts in other currencies."""
    coupon = call.put(call.subject(), {n: v for n, v in call.params.items() if n != "currency_options"})
    _set_options(coupon, call.params.get("currency_options"))
    return call.save("coupon", coupon)


def delete_coupon(call: RequestContext) -> Object | bytes:
    """Delete a coupon. Discounts that were made with it remain."""
    call.backend.store.put("~coupon", call.target, call.subject())
    return resources.delete(call)


def expire_coupon(call: RequestContext, id: str) -> None:
    """Make a coupon invalid whose ``redeem_by`` has come."""
    coupon = call.find("coupon", id)
    if coupon is not None:
        call.save("coupon", {**coupon, "valid": False})


def create_promotion_code(call: RequestContext) -> Object:
    """Create a promotion code for a coupon."""
    params, code = call.params, call.params.get("code")
    promotion = params.get("promotion") or {}
    if not promotion.get("coupon"):
        raise invalid("Missing required param: promotion[coupon].", "promotion[coupon]", "parameter_missing")
    coupon = call.load("coupon", promotion["coupon"], "promotion[coupon]", 400)
    if not coupon["valid"]:
        raise invalid(f"The coupon {coupon['id']} is not valid any more.", "promotion[coupon]", "coupon_expired")
    _check_code(call, code, params.get("customer"))
    if params.get("expires_at", call.now + 1) <= call.now:
        raise invalid("`expires_at` must be in the future.", "expires_at")
    if params.get("expires_at") and coupon.get("redeem_by") and params["expires_at"] > coupon["redeem_by"]:
        raise invalid("`expires_at` cannot be later than the coupon's `redeem_by`.", "expires_at")
    most, of_coupon = params.get("max_redemptions"), coupon.get("max_redemptions")
    if most is not None and (most < 1 or (of_coupon is not None and most > of_coupon)):
        raise invalid("max_redemptions must be at least 1 and at most the coupon's own.", "max_redemptions")
    limits = params.get("restrictions") or {}
    if ("minimum_amount" in limits) != ("minimum_amount_currency" in limits):
        raise invalid(
            "minimum_amount and minimum_amount_currency go together.",
            "restrictions[minimum_amount]",
            "parameter_missing",
        )
    made = call.put(resources.fresh(call), {n: v for n, v in params.items() if n != "restrictions"})
    made["code"] = code or call.backend.ids.code()
    blank = {"first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None}
    made["restrictions"] = {**blank, **limits}
    _note(call, made)
    if made.get("expires_at"):
        call.backend.agenda.add(call, made["expires_at"], "expire_promotion_code", made["id"])
    return call.save("promotion_code", made)


def _check_code(call: RequestContext, code: str | None, customer: str | None) -> None:
    """Refuse a malformed code, and one that an active promotion code has already, for all or for the same customer.

    Codes are compared without case.
    """
    if not code:
        return
    if not all((c.isalnum() and c.isascii()) or c in "-_" for c in code):
        raise invalid("Invalid code: use letters, digits, dashes and underscores.", "code")
    note = call.backend.store.get("~promotion_code", code.lower()) or {"ids": []}
    for id in note["ids"]:
        other = call.find("promotion_code", id)
        if other and other["active"] and (not customer or other.get("customer") in (None, customer)):
            raise call.refuse(
                f"An active promotion code with `code: {code}` already exists.",
                code="resource_already_exists",
                param="code",
            )


def active_code(call: RequestContext, code: str, customer: str | None) -> Object | None:
    """The active promotion code for what a customer types; one for this customer is preferred to one for all."""
    note = call.backend.store.get("~promotion_code", code.strip().lower()) or {"ids": []}
    found = [promotion for id in note["ids"] if (promotion := call.find("promotion_code", id)) and promotion["active"]]
    of_customer = [promotion for promotion in found if customer and promotion.get("customer") == customer]
    for_all = [promotion for promotion in found if not promotion.get("customer")]
    return next(iter([*of_customer, *for_all]), None)


def _note(call: RequestContext, promotion: Object) -> None:
    key = promotion["code"].lower()
    note = call.backend.store.get("~promotion_code", key) or {"ids": []}
    call.backend.store.put("~promotion_code", key, {"ids": [*note["ids"], promotion["id"]]})


def update_promotion_code(call: RequestContext) -> Object:
    """Update a promotion code's metadata, its minimum amounts in other currencies, and whether it is active."""
    promotion, params = call.subject(), call.params
    if params.get("active") and not promotion["active"]:
        until, most = promotion.get("expires_at"), promotion.get("max_redemptions")
        coupon = call.find("coupon", promotion["promotion"]["coupon"]) or {"valid": False}
        used_up = most is not None and promotion["times_redeemed"] >= most
        if used_up or (until is not None and until <= call.now) or not coupon["valid"]:
            raise call.refuse("This promotion code has expired or been used up, and cannot be made active.")
        _check_code(call, promotion["code"], promotion.get("customer"))
    call.put(promotion, {n: v for n, v in params.items() if n != "restrictions"})
    if options := (params.get("restrictions") or {}).get("currency_options"):
        promotion["restrictions"]["currency_options"] = {
            **(promotion["restrictions"].get("currency_options") or {}),
            **options,
        }
    return call.save("promotion_code", promotion)


def expire_promotion_code(call: RequestContext, id: str) -> None:
    """Make a promotion code inactive that has expired."""
    promotion = call.find("promotion_code", id)
    if promotion is not None:
        call.save("promotion_code", {**promotion, "active": False})


BEHAVIOURS = {
    "coupons.create": create_coupon,
    "coupons.delete": delete_coupon,
    "coupons.update": update_coupon,
    "promotion_codes.create": create_promotion_code,
    "promotion_codes.update": update_promotion_code,
}
DUE = {"expire_coupon": expire_coupon, "expire_promotion_code": expire_promotion_code}
EFFECTS = {
    "coupons.create": {"currency_options"},
    "coupons.update": {"currency_options"},
    "promotion_codes.update": {"restrictions.currency_options"},
}
