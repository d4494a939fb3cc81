"""Payment links: each visit opens a checkout session. https://docs.stripe.com/payment-links"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import line_items, shares
from host.simulator.stripe.checkout import open_session
from host.simulator.stripe.hosted import address
from host.simulator.stripe.taxes import check_automatic

KIND = "payment_link"
_NESTED = ("line_items", "restrictions", "shipping_options", "optional_items")
# What a session opened by a link has of it.
_OF_SESSION = (
    "allow_promotion_codes",
    "billing_address_collection",
    "consent_collection",
    "custom_text",
    "metadata",
    "payment_intent_data",
    "payment_method_collection",
    "phone_number_collection",
    "shipping_options",
    "submit_type",
    "subscription_data",
    "line_items",
    "invoice_creation",
    "customer_creation",
)
# Who gets a part of what is paid, without and with something that recurs.
_SHARES = (
    ("application_fee_amount", "on_behalf_of", "transfer_data"),
    ("application_fee_percent", "on_behalf_of", "transfer_data"),
)


def create_link(call: RequestContext) -> Object:
    """An active link with its items and address."""
    params = call.params
    check_automatic(call, params)
    if params.get("optional_items"):
        call.not_modelled("the parameter optional_items", "line_items are.", "optional_items")
    shares.check(call, params, params.get("currency") or "usd")
    if not params.get("line_items"):
        raise invalid("Missing required param: line_items.", "line_items", "parameter_missing")
    entries = line_items.read(call, params["line_items"], params.get("currency"))
    link = call.put(resources.fresh(call), {n: v for n, v in params.items() if n not in _NESTED})
    line_items.add_up(entries, [], [], entries[0].price["currency"])
    line_items.keep(call, entries, f"/v1/payment_links/{link['id']}/line_items")
    recurring = any(entry.recurring for entry in entries)
    _check(params, recurring=recurring)
    link.update(
        active=True,
        billing_address_collection=params.get("billing_address_collection") or "auto",
        tax_id_collection={"enabled": False, "required": "never", **(params.get("tax_id_collection") or {})},
        currency=entries[0].price["currency"],
        customer_creation=params.get("customer_creation") or ("always" if recurring else "if_required"),
        payment_method_collection=params.get("payment_method_collection") or ("always" if recurring else "if_required"),
        shipping_options=[
            {"shipping_amount": _amount(call, option, n), "shipping_rate": option["shipping_rate"]}
            for n, option in enumerate(params.get("shipping_options") or [])
        ],
        restrictions=_restrictions(params),
        submit_type=params.get("submit_type") or "auto",
        url=address(call, "b", "test_" + link["id"].removeprefix("plink_")),
    )
    link["after_completion"] = params.get("after_completion") or {
        "type": "hosted_confirmation",
        "hosted_confirmation": {"custom_message": None},
    }
    _keep(call, link, params, recurring=recurring)
    return call.save(KIND, link)


def _amount(call: RequestContext, option: Object, n: int) -> int:
    rate = call.load("shipping_rate", option.get("shipping_rate") or "", f"shipping_options[{n}][shipping_rate]", 400)
    return int(rate["fixed_amount"]["amount"])


def _check(params: Object, *, recurring: bool) -> None:
    other = ("payment_intent_data", "invoice_creation", "customer_creation") if recurring else ("subscription_data",)
    for name in other:
        if params.get(name):
            mode = "subscription" if recurring else "payment"
            raise invalid(f"You can not pass `{name}` with prices of `{mode}` mode.", name)


def _restrictions(params: Object) -> Object | None:
    limit = ((params.get("restrictions") or {}).get("completed_sessions") or {}).get("limit")
    return None if limit is None else {"completed_sessions": {"count": 0, "limit": limit}}


def _keep(call: RequestContext, link: Object, params: Object, *, recurring: bool) -> None:
    """What its sessions are made of."""
    before = (call.world.store.get("~payment_link", link["id"]) or {}).get("session") or {}
    asked = {**before, **{name: params[name] for name in _OF_SESSION if params.get(name)}}
    asked["mode"] = "subscription" if recurring else "payment"
    if divided := {name: link[name] for name in _SHARES[recurring] if link.get(name)}:
        data = "subscription_data" if recurring else "payment_intent_data"
        if to := divided.get("transfer_data"):
            divided["transfer_data"] = {name: value for name, value in to.items() if value is not None}
        asked[data] = {**(asked.get(data) or {}), **divided}
    call.world.store.put("~payment_link", link["id"], {"session": asked})


def update_link(call: RequestContext) -> Object:
    """What a link says and asks for, and whether it is active."""
    link, params = call.subject(), call.params
    if "line_items" in params:
        call.not_modelled("the parameter line_items", "active and texts are.", "line_items")
    call.put(link, {n: v for n, v in params.items() if n not in _NESTED})
    if "restrictions" in params:
        count = ((link.get("restrictions") or {}).get("completed_sessions") or {}).get("count", 0)
        link["restrictions"] = _restrictions(params)
        if link["restrictions"]:
            link["restrictions"]["completed_sessions"]["count"] = count
    kept = (call.world.store.get("~payment_link", link["id"]) or {}).get("session") or {}
    _keep(call, link, params, recurring=kept.get("mode") == "subscription")
    return call.save(KIND, link)


def visit(call: RequestContext, link: Object) -> Object:
    """The session that a visit of a link opens."""
    asked = dict((call.world.store.get("~payment_link", link["id"]) or {})["session"])
    done = link["after_completion"]
    asked["success_url"] = (done.get("redirect") or {}).get("url") or f"{link['url']}?completed={{CHECKOUT_SESSION_ID}}"
    inner = call.asking("POST", "/v1/checkout/sessions", asked)
    own = {name: value for name, value in asked.items() if name not in ("line_items", "shipping_options")}
    session = inner.put(resources.fresh(inner), own)
    session["payment_link"] = link["id"]
    return open_session(inner, asked, session)


BEHAVIOURS = {"payment_links.create": create_link, "payment_links.update": update_link}
EFFECTS = {
    "payment_links.create": {
        "line_items.adjustable_quantity",
        "line_items.price",
        "line_items.price_data",
        "line_items.quantity",
        "payment_intent_data",
        "subscription_data",
    },
    "payment_links.update": {"payment_intent_data", "subscription_data"},
}
MAKES = {"item"}
