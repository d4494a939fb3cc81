"""Products and prices. https://docs.stripe.com/products-prices/overview"""

from __future__ import annotations

import re
from typing import Any

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.money import CURRENCIES, check_currency

MOST_AMOUNT = 99_999_999_999  # https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
# At most three years: https://docs.stripe.com/api/prices/create#create_price-recurring-interval_count
_MOST_INTERVALS = {"day": 1095, "week": 156, "month": 36, "year": 3}
_DECIMAL = re.compile(r"^\d+(\.\d{1,12})?$")
_AMOUNTS = ("unit_amount", "unit_amount_decimal", "tiers", "custom_unit_amount")


def create_product(call: RequestContext) -> Object:
    """Create a product, with a price if ``default_price_data`` describes one."""
    product = call.put(resources.fresh(call), call.params)
    if data := call.params.get("default_price_data"):
        call.save("product", product)
        made = make_price(call, {**data, "product": product["id"]}, path="default_price_data")
        product["default_price"] = made["id"]
    return call.save("product", product)


def delete_product(call: RequestContext) -> Object | bytes:
    """Delete a product that has no prices, active or not, as prices cannot be deleted (stripe/stripe-python#658)."""
    if call.backend.store.having("price", "product", call.target):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    return resources.delete(call)


def create_price(call: RequestContext) -> Object:
    """Create a price of a product, or of a new one described by ``product_data``."""
    check_currency(call)
    if ("product" in call.params) == ("product_data" in call.params):
        raise invalid(
            "You must specify either `product` or `product_data` when creating a price.",
            "product",
            "parameter_missing",
        )
    return make_price(call, call.params)


def make_price(call: RequestContext, params: Object, *, id: str | None = None, path: str = "") -> Object:
    """Create a price from ``params``, and save it; ``path`` is the parameter they are in, for messages."""
    params = dict(params)
    if data := params.pop("product_data", None):
        params["product"] = make_product(call, data, _at(path, "product_data"))["id"]
    _check_amounts(params, path)
    recurring = params.get("recurring")
    if recurring:
        _check_recurring(call, recurring, path)
    price = call.blank("price", id)
    price.update(lookup_key=None, currency_options=None, tiers=None, tiers_mode=None, transform_quantity=None)
    rest = {name: v for name, v in params.items() if name not in ("transfer_lookup_key", "tiers", "currency_options")}
    call.backend.factory.put(call.backend.factory.template("price").schema, price, rest)
    price["type"] = "recurring" if recurring else "one_time"
    price["currency"] = str(price["currency"]).lower()
    if recurring:
        price["recurring"] = {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count") or 1,
            "meter": recurring.get("meter"),
            "trial_period_days": recurring.get("trial_period_days"),
            "usage_type": recurring.get("usage_type") or "licensed",
        }
    price.update(_amounts(params, path))
    if custom := params.get("custom_unit_amount"):
        price["custom_unit_amount"] = {"maximum": None, "minimum": None, "preset": None, **custom}
        price["custom_unit_amount"].pop("enabled", None)
    _set_options(price, params.get("currency_options"), path)
    _take_lookup_key(call, price, params, path)
    return call.save("price", price)


def make_product(call: RequestContext, data: Object, path: str) -> Object:
    """Create the product that ``data`` describes, which is the parameter ``path``."""
    fields = {name: value for name, value in data.items() if name not in ("id", "tax_details", "unit_label")}
    if data.get("tax_details"):
        call.not_modelled("tax_details of a product", "tax_code is.", f"{path}[tax_details]")
    product = call.blank("product", data.get("id"))
    product.update({"metadata": {}, "unit_label": data.get("unit_label"), **fields, "updated": call.now})
    return call.save("product", product)


def _check_amounts(params: Object, path: str) -> None:
    given = [name for name in _AMOUNTS if params.get(name) is not None]
    if not given:
        raise invalid(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.",
            _at(path, "unit_amount"),
            "parameter_missing",
        )
    if len(given) > 1:
        raise invalid(f"You may only specify one of these parameters: {', '.join(given)}.", _at(path, given[1]))
    tiered = params.get("billing_scheme") == "tiered"
    if tiered != ("tiers" in given):
        raise invalid("`tiers` must be given with billing_scheme=tiered, and only with it.", _at(path, "tiers"))
    if tiered and not params.get("tiers_mode"):
        at = _at(path, "tiers_mode")
        raise invalid(f"Missing required param: {at}.", at, "parameter_missing")
    if tiered and params.get("transform_quantity"):
        raise invalid("transform_quantity cannot be combined with tiers.", _at(path, "transform_quantity"))
    if (divided := params.get("transform_quantity")) and divided["divide_by"] < 1:
        raise invalid("Invalid integer: must be at least 1.", _at(path, "transform_quantity[divide_by]"))
    _check_unit(params, path)


def _check_unit(fields: Object, path: str) -> None:
    for name in ("unit_amount", "flat_amount"):
        whole, exact = fields.get(name), fields.get(f"{name}_decimal")
        if whole is not None and not 0 <= whole <= MOST_AMOUNT:
            raise invalid("Invalid non-negative integer", _at(path, name), "parameter_invalid_integer")
        if exact is not None and not _DECIMAL.match(str(exact)):
            raise invalid("Invalid decimal: at most 12 places, not below zero.", _at(path, f"{name}_decimal"))


def _at(path: str, name: str) -> str:
    if not path:
        return name
    head, bracket, rest = name.partition("[")
    return f"{path}[{head}]{bracket}{rest}"


def _check_recurring(call: RequestContext, recurring: Object, path: str) -> None:
    count, most = recurring.get("interval_count") or 1, _MOST_INTERVALS[recurring["interval"]]
    if not 1 <= count <= most:
        raise invalid(
            f"Invalid interval_count: a price can recur every {most} {recurring['interval']}s (three years) at most.",
            _at(path, "recurring[interval_count]"),
        )
    metered, meter = recurring.get("usage_type") == "metered", recurring.get("meter")
    if metered and not meter:
        raise invalid(
            "Metered prices need a meter: create one with /v1/billing/meters.",
            _at(path, "recurring[meter]"),
            "parameter_missing",
        )
    if meter and not metered:
        raise invalid("A meter needs usage_type=metered.", _at(path, "recurring[usage_type]"))
    if meter:
        where = _at(path, "recurring[meter]")
        if call.load("billing.meter", meter, where, 400)["status"] != "active":
            raise invalid(f"The meter {meter} is inactive. A price needs an active one.", where)


def _amounts(fields: Object, path: str) -> Object:
    """Unit amounts as integers and decimals, and tiers, as prices show them; ``path`` is the parameter they are in."""
    found: Object = {"unit_amount": None, "unit_amount_decimal": None}
    if fields.get("tiers") is not None:
        return {**found, "tiers": _tiers(fields["tiers"], _at(path, "tiers"))}
    found.update(_both(fields, "unit_amount"))
    return found


def _both(fields: Object, name: str) -> Object:
    whole, exact = fields.get(name), fields.get(f"{name}_decimal")
    if whole is not None:
        return {name: whole, f"{name}_decimal": str(whole)}
    if exact is None:
        return {name: None, f"{name}_decimal": None}
    text = str(exact)
    return {name: int(text) if text.isdecimal() else None, f"{name}_decimal": text}


def _tiers(tiers: list[Object], path: str) -> list[Object]:
    found, below = list[Object](), 0
    for n, tier in enumerate(tiers):
        limit, last = tier.get("up_to"), n == len(tiers) - 1
        if last != (limit in ("inf", None)):
            raise invalid("The last tier, and only it, must have up_to=inf.", f"{path}[{n}][up_to]")
        if not last and int(limit or 0) <= below:
            raise invalid("Each tier must go further than the one before it.", f"{path}[{n}][up_to]")
        if not any(tier.get(name) is not None for name in _TIER_AMOUNTS):
            raise invalid("A tier needs a unit_amount or a flat_amount.", f"{path}[{n}][unit_amount]")
        _check_unit(tier, f"{path}[{n}]")
        below = 0 if last else int(limit or 0)
        found.append({**_both(tier, "flat_amount"), **_both(tier, "unit_amount"), "up_to": None if last else below})
    return found


_TIER_AMOUNTS = ("unit_amount", "unit_amount_decimal", "flat_amount", "flat_amount_decimal")


def _set_options(price: Object, options: Any, path: str) -> None:
    """Set ``currency_options``: the price in other currencies, and in its own."""
    if not options:
        return
    own = {"custom_unit_amount": price.get("custom_unit_amount"), "tax_behavior": price["tax_behavior"]}
    own.update({name: price.get(name) for name in ("tiers", "unit_amount", "unit_amount_decimal")})
    found = {price["currency"]: own}
    for currency, option in (price.get("currency_options") or {}).items():
        found.setdefault(currency, option)
    for currency, option in options.items():
        code = currency.lower()
        param = _at(path, f"currency_options[{currency}]")
        if code not in CURRENCIES:
            raise invalid(f"Invalid currency: {currency}.", param)
        if code == price["currency"]:
            raise invalid("currency_options are for currencies other than the price's own.", param)
        _check_unit(option, param)
        tax = option.get("tax_behavior") or "unspecified"
        found[code] = {"custom_unit_amount": None, "tiers": None, "tax_behavior": tax, **_amounts(option, param)}
    price["currency_options"] = found


def _take_lookup_key(call: RequestContext, price: Object, params: Object, path: str) -> None:
    """Check that no other price has the lookup key, or take it from that price if ``transfer_lookup_key`` is given.

    https://docs.stripe.com/products-prices/manage-prices#lookup-keys
    """
    key = params.get("lookup_key")
    if not key:
        return
    for other in call.backend.store.having("price", "lookup_key", key):
        if other["id"] == price["id"]:
            continue
        if not params.get("transfer_lookup_key"):
            raise invalid(f"A price (`{other['id']}`) already uses that lookup key.", _at(path, "lookup_key"))
        call.save("price", {**other, "lookup_key": None})


def update_price(call: RequestContext) -> Object:
    """Update a price's texts, lookup key, tax behaviour, other currencies, and whether it is active."""
    price, params = call.subject(), call.params
    product = call.find("product", str(price["product"])) or {}
    if params.get("active") is False and product.get("default_price") == price["id"]:
        raise call.refuse("This price cannot be archived because it is the default price of its product.")
    set_before = price["tax_behavior"] not in ("unspecified", None)
    if set_before and params.get("tax_behavior") not in (None, price["tax_behavior"]):
        raise invalid("The tax_behavior of a price cannot be changed once it is set.", "tax_behavior")
    plain = {n: v for n, v in params.items() if n not in ("currency_options", "lookup_key", "transfer_lookup_key")}
    call.put(price, plain)
    _set_options(price, params.get("currency_options"), "")
    if "lookup_key" in params:
        price["lookup_key"] = params["lookup_key"] or None
        _take_lookup_key(call, price, params, "")
    return call.save("price", price)


def check_for_sale(call: RequestContext, price: Object, wanted: Object, path: str) -> None:
    """Refuse an archived price, or the price of an archived product, which the entry ``wanted`` in ``path`` names.

    https://docs.stripe.com/products-prices/manage-prices#archive-product
    """
    at = next(f"{path}[{name}]" for name in ("price", "plan", "price_data") if wanted.get(name))
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", at)
    product = call.find("product", str(price["product"]))
    if product is not None and not product["active"]:
        raise invalid("This price is not available to be purchased because its product is not active.", at)


def price_from(call: RequestContext, wanted: Object, path: str) -> Object:
    """The price that an entry of a list of items names (``price``, ``plan``) or describes (``price_data``)."""
    given = [name for name in ("price", "plan", "price_data") if wanted.get(name)]
    if not given:
        raise invalid(f"Missing required param: {path}[price].", f"{path}[price]", "parameter_missing")
    if len(given) > 1:
        raise invalid(f"You may only specify one of these parameters: {', '.join(given)}.", f"{path}[{given[1]}]")
    if given[0] == "price_data":
        data = wanted["price_data"]
        if not data.get("product") and not data.get("product_data"):
            at = f"{path}[price_data][product]"
            raise invalid(f"Missing required param: {at}.", at, "parameter_missing")
        # A price for this one use is created inactive, as Stripe does.
        return {**make_price(call, {**data, "active": False}, path=f"{path}[price_data]"), "active": True}
    return call.load("price", wanted[given[0]], f"{path}[{given[0]}]", 400)


def as_plan(call: RequestContext, price: Object) -> Object:
    """A recurring price as a plan, the older object that answers still have."""
    plan = call.blank("plan", price["id"])
    same = ("active", "billing_scheme", "created", "currency", "metadata", "nickname", "product", "tiers_mode")
    plan.update({name: price[name] for name in same})
    recurring, divided = price["recurring"], price.get("transform_quantity")
    plan.update(
        amount=price["unit_amount"],
        amount_decimal=price["unit_amount_decimal"],
        interval=recurring["interval"],
        interval_count=recurring["interval_count"],
        meter=recurring["meter"],
        transform_usage=dict(divided) if divided else None,
        trial_period_days=recurring["trial_period_days"],
        usage_type=recurring["usage_type"],
    )
    if price.get("tiers"):
        plan["tiers"] = price["tiers"]
    return plan


_PRICE_DATA = (
    "currency",
    "currency_options",
    "custom_unit_amount",
    "metadata",
    "recurring",
    "tax_behavior",
    "unit_amount",
    "unit_amount_decimal",
)
BEHAVIOURS = {
    "prices.create": create_price,
    "prices.update": update_price,
    "products.create": create_product,
    "products.delete": delete_product,
}
EFFECTS = {
    "prices.create": {
        "currency_options",
        "custom_unit_amount.enabled",
        "tiers",
        "transfer_lookup_key",
        *(
            f"product_data.{name}"
            for name in ("id", "name", "metadata", "active", "statement_descriptor", "tax_code", "unit_label")
        ),
    },
    "prices.update": {"currency_options", "transfer_lookup_key"},
    "products.create": {f"default_price_data.{name}" for name in _PRICE_DATA},
}
MAKES = {"plan", "price", "product"}
