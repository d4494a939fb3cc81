"""Checkout sessions: made, changed and expired. https://docs.stripe.com/payments/checkout/how-checkout-works"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import discounts, line_items
from host.simulator.stripe.hosted import address
from host.simulator.stripe.money import check_currency, least_charge, shown
from host.simulator.stripe.shipping import amount_in, rate_from
from host.simulator.stripe.sums import Coupon
from host.simulator.stripe.taxes import check_automatic, rates

DAY, HALF_HOUR = 86400, 1800
KIND = "checkout.session"
# What a mode does not take: https://docs.stripe.com/api/checkout/sessions/create
_NOT_IN = {
    "payment": ("setup_intent_data", "subscription_data", "payment_method_collection"),
    "setup": (
        "allow_promotion_codes",
        "discounts",
        "invoice_creation",
        "line_items",
        "optional_items",
        "payment_intent_data",
        "payment_method_collection",
        "shipping_options",
        "submit_type",
        "subscription_data",
    ),
    "subscription": (
        "customer_creation",
        "invoice_creation",
        "payment_intent_data",
        "setup_intent_data",
        "shipping_options",
    ),
}
_EXCLUSIVE = (
    ("customer", "customer_email"),
    ("customer", "customer_creation"),
    ("discounts", "allow_promotion_codes"),
)
HOSTED = ("hosted", "hosted_page")
# Kept beside a session: what its completion needs, and the session does not show.
LATER = (
    "payment_intent_data",
    "setup_intent_data",
    "subscription_data",
    "line_items",
    "invoice_creation",
    "customer_update",
)


def create_session(call: RequestContext) -> Object:
    """An open session with a page to pay at."""
    return open_session(call, call.params, call.put(resources.fresh(call), _own(call.params)))


def _own(params: Object) -> Object:
    handled = ("currency", "discounts", "line_items", "shipping_options", "optional_items")
    return {name: value for name, value in params.items() if name not in handled}


def open_session(call: RequestContext, params: Object, session: Object) -> Object:
    """``session`` with its items, sums and address, kept."""
    check_currency(call)
    mode = params.get("mode", "payment")
    _check_mode(params, mode)
    _check_urls(params)
    check_automatic(call, params)
    _check_unmodelled(call, params)
    data = params.get("subscription_data") or {}
    trial = bool(data.get("trial_period_days") or data.get("trial_end"))
    entries = line_items.read(call, params.get("line_items"), params.get("currency"), trial=trial)
    _check_items(entries, mode)
    currency = entries[0].price["currency"] if entries else params.get("currency")
    coupons = _coupons(call, params, entries, currency)
    line_items.add_up(entries, coupons, rates(call, data.get("default_tax_rates"), _RATES), str(currency))
    session.update(_state(call, params, session, mode))
    if entries:
        session.update(line_items.totals(entries), currency=currency)
        line_items.keep(call, entries, f"/v1/checkout/sessions/{session['id']}/line_items")
        _set_shipping(call, session, params.get("shipping_options"))
        _check_amount(session, mode)
    else:
        session.update(amount_subtotal=None, amount_total=None, total_details=None, currency=currency)
    session["discounts"] = [_shown(entry) for entry in params.get("discounts") or []]
    session["optional_items"] = _optional(call, params)
    kept = {name: params[name] for name in LATER if params.get(name)}
    kept["items"] = [entry.id for entry in entries]
    call.world.store.put("~checkout.session", session["id"], kept)
    call.world.agenda.add(call, session["expires_at"], "expire_session", session["id"])
    return call.save(KIND, session)


_RATES = "subscription_data[default_tax_rates]"


def _check_mode(params: Object, mode: str) -> None:
    for name in _NOT_IN[mode]:
        if params.get(name):
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", name)
    for one, other in _EXCLUSIVE:
        if params.get(one) and params.get(other):
            raise invalid(f"You may only specify one of these parameters: {one}, {other}.", one)
    if mode != "setup" and not params.get("line_items"):
        raise invalid("Missing required param: line_items.", "line_items", "parameter_missing")
    if mode == "setup" and not params.get("currency"):
        raise invalid("Missing required param: currency.", "currency", "parameter_missing")
    if params.get("customer_update") and not params.get("customer"):
        raise invalid("`customer_update` can only be used with `customer`.", "customer_update")
    if len(params.get("discounts") or []) > 1:
        raise invalid("You can pass at most one discount.", "discounts")
    data = params.get("subscription_data") or {}
    if data.get("trial_period_days") is not None and data.get("trial_end") is not None:
        raise invalid("You cannot set both trial_end and trial_period_days.", "subscription_data[trial_end]")


def _check_urls(params: Object) -> None:
    hosted = params.get("ui_mode", "hosted") in HOSTED
    if hosted and params.get("return_url"):
        raise invalid("You can not pass `return_url` with a hosted page.", "return_url")
    if hosted and not params.get("success_url"):
        raise invalid("Missing required param: success_url.", "success_url", "parameter_missing")
    if not hosted:
        for name in ("success_url", "cancel_url"):
            if params.get(name):
                raise invalid(f"You can only pass `{name}` with a hosted page.", name)
        if not params.get("return_url") and params.get("redirect_on_completion") != "never":
            raise invalid("Missing required param: return_url.", "return_url", "parameter_missing")
    if params.get("redirect_on_completion") == "never" and params.get("return_url"):
        raise invalid("You can not pass `return_url` with redirect_on_completion=never.", "return_url")


def _check_unmodelled(call: RequestContext, params: Object) -> None:
    if (params.get("after_expiration") or {}).get("recovery", {}).get("enabled"):
        call.not_modelled("recovery of expired sessions", "", "after_expiration[recovery]")
    if (params.get("adaptive_pricing") or {}).get("enabled"):
        call.not_modelled("adaptive pricing", "", "adaptive_pricing[enabled]")


def _check_items(entries: list[line_items.LineEntry], mode: str) -> None:
    for n, entry in enumerate(entries):
        if entry.quantity is not None and "quantity" not in entry.given:
            said = f"Quantity is required. Add `quantity` to `line_items[{n}]`"
            raise invalid(said, f"line_items[{n}][quantity]", "parameter_missing")
    recurring = [n for n, entry in enumerate(entries) if entry.recurring]
    if mode == "payment" and recurring:
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` "
            "mode or use only one-time prices.",
            f"line_items[{recurring[0]}]",
        )
    if mode == "subscription" and not recurring:
        raise invalid("You must provide at least one recurring price in `subscription` mode.", "line_items")


def _coupons(
    call: RequestContext, params: Object, entries: list[line_items.LineEntry], currency: str | None
) -> list[Coupon]:
    total = sum(entry.line.amount for entry in entries)
    use = discounts.Use(params.get("customer"), currency, total)
    found = [
        discounts.check(call, item, use, f"discounts[{n}]") for n, item in enumerate(params.get("discounts") or [])
    ]
    return [(one.coupon["id"], one.coupon) for one in found]


def _shown(entry: Object) -> Object:
    return {"coupon": entry.get("coupon"), "promotion_code": entry.get("promotion_code")}


def _optional(call: RequestContext, params: Object) -> Any:
    if params.get("optional_items"):
        call.not_modelled("the parameter optional_items", "line_items are.", "optional_items")
    return None


def _state(call: RequestContext, params: Object, session: Object, mode: str) -> Object:
    expires = params.get("expires_at") or call.now + DAY
    if not call.now + HALF_HOUR <= expires <= call.now + DAY:
        raise invalid("The `expires_at` timestamp must be between 30 minutes and 24 hours from now.", "expires_at")
    hosted = params.get("ui_mode", "hosted") in HOSTED
    found: Object = {
        "expires_at": expires,
        "mode": mode,
        "payment_method_types": params.get("payment_method_types") or ["card"],
        "payment_status": "no_payment_required" if mode == "setup" else "unpaid",
        "status": "open",
        "ui_mode": params.get("ui_mode", "hosted_page"),
        "customer_creation": _creation(params, mode),
        "payment_method_collection": params.get("payment_method_collection")
        or ("always" if mode == "subscription" else "if_required"),
    }
    if email := params.get("customer_email"):
        found["customer_details"] = {**_NOBODY, "email": email}
    if hosted:
        found["url"] = address(call, "c/pay", session["id"])
    else:
        found["client_secret"] = f"{session['id']}_secret_{call.world.ids.new('', 25)}"
    return found


def _creation(params: Object, mode: str) -> str | None:
    if params.get("customer"):
        return None
    return str(params.get("customer_creation") or ("if_required" if mode == "payment" else "always"))


_NOBODY = dict.fromkeys(
    ("address", "business_name", "email", "individual_name", "name", "phone", "tax_exempt", "tax_ids")
)


def _set_shipping(call: RequestContext, session: Object, options: Any) -> None:
    """The first of the options is chosen until the customer chooses another."""
    session["shipping_options"], session["shipping_cost"] = [], None
    for n, option in enumerate(options or []):
        path = f"shipping_options[{n}]"
        rate = rate_from(call, option, path)
        amount = amount_in(rate, session["currency"], path)
        session["shipping_options"].append({"shipping_amount": amount, "shipping_rate": rate["id"]})
    if session["shipping_options"]:
        choose_shipping(session, session["shipping_options"][0])


def choose_shipping(session: Object, option: Object) -> None:
    """Have the session shipped as an option says."""
    amount, before = option["shipping_amount"], session["total_details"]["amount_shipping"]
    session["amount_total"] += amount - before
    session["total_details"]["amount_shipping"] = amount
    session["shipping_cost"] = {
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "shipping_rate": option["shipping_rate"],
    }


def _check_amount(session: Object, mode: str) -> None:
    least, total, currency = least_charge(session["currency"]), session["amount_total"], session["currency"]
    if mode == "payment" and 0 < total < least:
        raise invalid(
            f"The Checkout Session's total amount due must add up to at least {shown(least, currency)} {currency}",
            None,
            "amount_too_small",
        )


def expire_session(call: RequestContext) -> Object:
    """open → expired."""
    session = call.subject()
    if session["status"] != "open":
        raise call.refuse(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a '
            f"status of {session['status']}."
        )
    return call.save(KIND, {**session, "status": "expired", "url": None, "expires_at": call.now})


def expire_due(call: RequestContext, id: str) -> None:
    """A session whose time is over."""
    session = call.find(KIND, id)
    if session is not None and session["status"] == "open":
        call.save(KIND, {**session, "status": "expired", "url": None})


def update_session(call: RequestContext) -> Object:
    """Metadata, and what an open session's page asks for."""
    session, params = call.subject(), {n: v for n, v in call.params.items() if n != "expand"}
    if session["status"] != "open" and params.keys() - {"metadata"}:
        raise call.refuse("Only the metadata of a Checkout Session that is not open can be changed.")
    if "line_items" in params:
        call.not_modelled("the parameter line_items", "shipping_options and metadata are.", "line_items")
    if "shipping_options" in params:
        _set_shipping(call, session, params["shipping_options"])
    rest = {n: v for n, v in params.items() if n not in ("line_items", "shipping_options")}
    return call.save(KIND, call.put(session, rest))


BEHAVIOURS = {
    "checkout.sessions.create": create_session,
    "checkout.sessions.expire": expire_session,
    "checkout.sessions.update": update_session,
}
DUE = {"expire_session": expire_due}
EFFECTS = {
    "checkout.sessions.create": {
        "customer_update",
        "line_items.adjustable_quantity",
        "line_items.metadata",
        "line_items.price",
        "line_items.price_data",
        "line_items.quantity",
        "line_items.tax_rates",
        "payment_intent_data",
        "setup_intent_data",
        "shipping_options.shipping_rate_data",
        *(
            f"subscription_data.{name}"
            for name in (
                "application_fee_percent",
                "billing_cycle_anchor",
                "billing_cycle_anchor_config",
                "default_tax_rates",
                "description",
                "invoice_settings",
                "metadata",
                "on_behalf_of",
                "proration_behavior",
                "transfer_data",
                "trial_end",
                "trial_period_days",
                "trial_settings",
            )
        ),
    },
    "checkout.sessions.update": {"shipping_options.shipping_rate_data"},
}
MAKES = {"item", "customer", "discount", "invoice", "payment_intent", "setup_intent", "shipping_rate", "subscription"}
