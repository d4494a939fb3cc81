"""Creating and updating Checkout Sessions. https://docs.stripe.com/payments/checkout/how-checkout-works"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import discounts, line_items
from host.simulator.stripe.checkout_rules import (
    HOSTED,
    check_guest,
    check_items,
    check_mode,
    check_unmodelled,
    check_urls,
    creation,
    session_of,
)
from host.simulator.stripe.hosted import address
from host.simulator.stripe.money import check_currency, least_charge, shown
from host.simulator.stripe.parties import check_parties
from host.simulator.stripe.shipping import amount_in, rate_from
from host.simulator.stripe.sums import Coupon
from host.simulator.stripe.taxes import check_automatic, rates

DAY, HALF_HOUR = 86400, 1800
KIND = "checkout.session"
RECOVERABLE = "~checkout.recoverable"  # the parameters of a session that may be recovered after it expired
# Parameters that are stored beside a session, as its completion needs them and the session does not show them.
LATER = (
    "payment_intent_data",
    "setup_intent_data",
    "subscription_data",
    "line_items",
    "invoice_creation",
    "customer_update",
)


def create_session(call: RequestContext) -> Object:
    """Create an open session with a page to pay at."""
    return open_session(call, call.params, call.put(resources.fresh(call), _own(call.params)))


def _own(params: Object) -> Object:
    handled = ("currency", "discounts", "line_items", "shipping_options", "optional_items")
    return {name: value for name, value in params.items() if name not in handled}


def open_session(call: RequestContext, params: Object, session: Object) -> Object:
    """Add items, totals and the page's URL to ``session``, and save it."""
    check_currency(call)
    mode = params.get("mode", "payment")
    check_mode(params, mode)
    check_urls(params)
    check_automatic(call, params)
    for name in ("payment_intent_data", "setup_intent_data", "subscription_data"):
        check_parties(call, params.get(name) or {}, path=name)
    check_unmodelled(call, params)
    data = params.get("subscription_data") or {}
    entries = line_items.read(call, params.get("line_items"), params.get("currency"), begins=data, custom=True)
    check_items(entries, mode)
    _check_custom(call, params, entries)
    currency = entries[0].price["currency"] if entries else params.get("currency")
    coupons = _coupons(call, params, entries, currency)
    taxes = rates(call, data.get("default_tax_rates"), _RATES)
    line_items.add_up(call, entries, coupons, taxes, params.get("customer"))
    session.update(_state(call, params, session, mode))
    if entries:
        session.update(line_items.totals(entries), currency=currency)
        line_items.keep(call, entries, f"/v1/checkout/sessions/{session['id']}/line_items")
        _set_shipping(call, session, params.get("shipping_options"))
        if not entries[0].price.get("custom_unit_amount"):
            _check_amount(session, mode)
    else:
        session.update(amount_subtotal=None, amount_total=None, total_details=None, currency=currency)
    session["discounts"] = [_shown(entry) for entry in params.get("discounts") or []]
    session["optional_items"] = optional_items(call, params.get("optional_items"), mode, currency)
    kept = {name: params[name] for name in LATER if params.get(name)}
    kept["items"] = [entry.id for entry in entries]
    call.backend.store.put("~checkout.session", session["id"], kept)
    if recovery := (params.get("after_expiration") or {}).get("recovery"):
        blank = {"allow_promotion_codes": False, "enabled": False, "expires_at": None, "url": None}
        session["after_expiration"] = {"recovery": {**blank, **recovery}}
        again = {name: value for name, value in params.items() if name not in ("expand", "expires_at")}
        call.backend.store.put(RECOVERABLE, session["id"], {"params": again})
    call.backend.agenda.add(call, session["expires_at"], "expire_session", session["id"])
    return call.save(KIND, session)


_RATES = "subscription_data[default_tax_rates]"


def _check_custom(call: RequestContext, params: Object, entries: list[line_items.LineEntry]) -> None:
    """Refuse parameters that cannot be combined with a price that the customer sets.

    https://docs.stripe.com/payments/checkout/pay-what-you-want#limitations
    """
    if not any(entry.price.get("custom_unit_amount") for entry in entries):
        return
    for name in ("discounts", "allow_promotion_codes", "optional_items"):
        if params.get(name):
            raise invalid(f"You can not pass `{name}` with a price that the customer sets.", name)
    if (params.get("invoice_creation") or {}).get("enabled"):
        call.not_modelled("invoices of prices that the customer sets", "payments are.", "invoice_creation[enabled]")


def _coupons(
    call: RequestContext, params: Object, entries: list[line_items.LineEntry], currency: str | None
) -> list[Coupon]:
    total = sum(entry.line.amount for entry in entries)
    use = discounts.Use(params.get("customer"), currency, total)
    found = [
        discounts.check(call, item, use, f"discounts[{n}]") for n, item in enumerate(params.get("discounts") or [])
    ]
    for n, one in enumerate(found):
        discounts.check_use(call, one.coupon, {str(entry.price["product"]) for entry in entries}, f"discounts[{n}]")
        check_guest(session_of(params), one.promotion, f"discounts[{n}]")
    return [(one.coupon["id"], one.coupon) for one in found]


def _shown(entry: Object) -> Object:
    return {"coupon": entry.get("coupon"), "promotion_code": entry.get("promotion_code")}


def optional_items(call: RequestContext, wanted: Any, mode: str, currency: str | None) -> list[Object] | None:
    """Items that the page offers besides the line items. https://docs.stripe.com/payments/checkout/optional-items"""
    found = []
    for n, item in enumerate(wanted or []):
        entry = line_items.read_entry(call, item, currency, f"optional_items[{n}]")
        if mode == "payment" and entry.recurring:
            raise invalid("In `payment` mode only one-time prices are optional.", f"optional_items[{n}][price]")
        limits = item.get("adjustable_quantity")
        blank = {"enabled": False, "maximum": None, "minimum": None}
        found.append(
            {
                "adjustable_quantity": {**blank, **limits} if limits else None,
                "price": entry.price["id"],
                "quantity": entry.quantity,
            }
        )
    return found or None


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
        "customer_creation": creation(params, mode),
        "payment_method_collection": params.get("payment_method_collection")
        or ("always" if mode == "subscription" else "if_required"),
    }
    if collection := params.get("tax_id_collection"):
        found["tax_id_collection"] = {"required": "never", **collection}
    if email := params.get("customer_email"):
        found["customer_details"] = {**_NOBODY, "email": email}
    if hosted:
        found["url"] = address(call, "c/pay", session["id"])
    else:
        found["client_secret"] = f"{session['id']}_secret_{call.backend.ids.new('', 25)}"
    return found


_NOBODY = dict.fromkeys(
    ("address", "business_name", "email", "individual_name", "name", "phone", "tax_exempt", "tax_ids")
)


def _set_shipping(call: RequestContext, session: Object, options: Any) -> None:
    """Set the session's shipping options; the first is chosen until the customer chooses another."""
    session["shipping_options"], session["shipping_cost"] = [], None
    for n, option in enumerate(options or []):
        path = f"shipping_options[{n}]"
        rate = rate_from(call, option, path)
        amount = amount_in(rate, session["currency"], path)
        session["shipping_options"].append({"shipping_amount": amount, "shipping_rate": rate["id"]})
    if session["shipping_options"]:
        choose_shipping(session, session["shipping_options"][0])


def choose_shipping(session: Object, option: Object) -> None:
    """Set the session's shipping cost to that of an option, and its total accordingly."""
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


def update_session(call: RequestContext) -> Object:
    """Update a session's metadata and, while it is open, its shipping options and what its page asks for."""
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
    "checkout.sessions.update": update_session,
}
EFFECTS = {
    "checkout.sessions.create": {
        "customer_update",
        "line_items.adjustable_quantity",
        "line_items.metadata",
        "line_items.price",
        "line_items.price_data",
        "line_items.quantity",
        "line_items.tax_rates",
        "optional_items.price",
        "optional_items.quantity",
        "payment_intent_data",
        "setup_intent_data",
        "shipping_options.shipping_rate_data",
        *(
            f"subscription_data.{name}"
            for name in (
                "application_fee_percent",
                "billing_cycle_anchor",
                "billing_cycle_anchor_config",
                "billing_mode",
                "default_tax_rates",
                "description",
                "invoice_settings",
                "metadata",
                "on_behalf_of",
                "pending_invoice_item_interval",
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
