"""Plans, the older form of recurring prices: each is stored as both.

https://docs.stripe.com/billing/migration/migrating-prices
"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext
from host.simulator.renamed_params import renaming
from host.simulator.stripe.catalogue import as_plan, make_price, make_product
from host.simulator.stripe.money import check_currency

_SAME = ("active", "billing_scheme", "currency", "metadata", "nickname", "tiers", "tiers_mode")
_OF_PRICES = {  # names that prices have for parameters of plans
    "unit_amount": "amount",
    "unit_amount_decimal": "amount_decimal",
    "transform_quantity": "transform_usage",
    "recurring": "",
}


def create_plan(call: RequestContext) -> Object:
    """Create a recurring price, and answer it as a plan; ``product`` is an id, or describes a new product."""
    check_currency(call)
    params, id = call.params, call.params.get("id")
    if id and call.find("price", id) is not None:
        raise SimulatedError(400, "Plan already exists.", code="resource_already_exists", param="id")
    product = params.get("product")
    if product is None:
        raise SimulatedError(400, "Missing required param: product.", code="parameter_missing", param="product")
    product_id = make_product(call, product, "product")["id"] if isinstance(product, dict) else product
    call.load("product", product_id, "product", 400)
    recurring = {
        "interval": params["interval"],
        "interval_count": params.get("interval_count"),
        "meter": params.get("meter"),
        "trial_period_days": params.get("trial_period_days"),
        "usage_type": params.get("usage_type"),
    }
    fields = {name: params[name] for name in _SAME if name in params}
    fields.update(product=product_id, recurring={k: v for k, v in recurring.items() if v is not None})
    for theirs, ours in (("amount", "unit_amount"), ("amount_decimal", "unit_amount_decimal")):
        if params.get(theirs) is not None:
            fields[ours] = params[theirs]
    if divided := params.get("transform_usage"):
        fields["transform_quantity"] = divided
    with renaming(_OF_PRICES):
        price = make_price(call, fields, id=id or call.new_id("plan"))
    return call.load("plan", price["id"])


def update_plan(call: RequestContext) -> Object:
    """Update a plan and its price."""
    price = call.load("price", call.target, "plan")
    template = call.backend.factory.template("price")
    rest = {name: value for name, value in call.params.items() if name in ("active", "metadata", "nickname", "product")}
    call.backend.factory.put(template.schema, price, rest)
    if "trial_period_days" in call.params:
        price["recurring"]["trial_period_days"] = call.params["trial_period_days"]
    call.save("price", price)
    return call.load("plan", call.target)


def delete_plan(call: RequestContext) -> Object | bytes:
    """Delete a plan and its price; subscriptions with it continue."""
    call.save("price", {"id": call.target, "object": "price", "deleted": True}, deleted=True)
    return resources.delete(call)


def watch_price(call: RequestContext, price: Object) -> None:
    """Save a recurring price as a plan, too."""
    if price["type"] == "recurring":
        call.save("plan", as_plan(call, price))


BEHAVIOURS = {"plans.create": create_plan, "plans.delete": delete_plan, "plans.update": update_plan}
EFFECTS = {
    "plans.create": {
        "tiers",
        *(
            f"product.{name}"
            for name in ("id", "name", "metadata", "active", "statement_descriptor", "tax_code", "unit_label")
        ),
    }
}
WATCHERS = {"price": watch_price}
