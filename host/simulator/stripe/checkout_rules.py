"""Rules for the parameters of Checkout Sessions. https://docs.stripe.com/api/checkout/sessions/create"""

from __future__ import annotations

from host.simulator.api_error import invalid
from host.simulator.checks import at_least
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import line_items

# Parameters that a mode does not take: https://docs.stripe.com/api/checkout/sessions/create
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
_MOST_ITEMS, _MOST_PRICES = 100, 20
HOSTED = ("hosted", "hosted_page")


def check_mode(params: Object, mode: str) -> None:
    """Refuse parameters that the mode does not take, missing ones, and ones that exclude each other."""
    for name in _NOT_IN[mode]:
        if params.get(name):
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", name)
    for one, other in _EXCLUSIVE:
        if params.get(one) and params.get(other):
            raise invalid(f"You may only specify one of these parameters: {one}, {other}.", one)
    if mode != "setup" and not params.get("line_items"):
        raise invalid("Missing required param: line_items.", "line_items", "parameter_missing")
    if mode == "setup" and not params.get("currency") and not params.get("allowed_payment_method_types"):
        raise invalid("Missing required param: currency.", "currency", "parameter_missing")
    if params.get("customer_update") and not params.get("customer"):
        raise invalid("`customer_update` can only be used with `customer`.", "customer_update")
    if len(params.get("discounts") or []) > 1:
        raise invalid("You can pass at most one discount.", "discounts")
    _check_begin(params.get("subscription_data") or {})


def _check_begin(data: Object) -> None:
    """Check how the subscription would begin.

    https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-subscription_data
    """
    days = data.get("trial_period_days")
    if days is not None and data.get("trial_end") is not None:
        raise invalid("You cannot set both trial_end and trial_period_days.", "subscription_data[trial_end]")
    if days is not None and days < 1:
        raise invalid("Invalid trial_period_days: must be at least 1.", "subscription_data[trial_period_days]")
    if data.get("billing_cycle_anchor_config"):
        for name in ("billing_cycle_anchor", "trial_end", "trial_period_days"):
            if data.get(name) is not None:
                at = f"subscription_data[{name}]"
                raise invalid("billing_cycle_anchor_config excludes an anchor and a trial.", at)


def check_urls(params: Object) -> None:
    """Check the URLs that the customer goes to afterwards, which depend on the kind of page."""
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


def check_unmodelled(call: RequestContext, params: Object) -> None:
    """Refuse parameters that the answer would show although their effect is not modelled."""
    looks = params.get("branding_settings")
    if looks and any(looks.get(name) is None for name in _LOOKS):
        at = "branding_settings"
        call.not_modelled("the account's own branding", f"{', '.join(_LOOKS)} are, where all are given.", at)
    if (params.get("managed_payments") or {}).get("enabled"):
        call.not_modelled("payments that Stripe manages as the merchant of record", "", "managed_payments[enabled]")
    if (params.get("adaptive_pricing") or {}).get("enabled"):
        call.not_modelled("adaptive pricing", "", "adaptive_pricing[enabled]")


_LOOKS = ("background_color", "border_style", "button_color", "display_name", "font_family")


def check_items(entries: list[line_items.LineEntry], mode: str) -> None:
    """Check the quantities of line items, and that their prices fit the mode."""
    for n, entry in enumerate(entries):
        if entry.quantity is not None and "quantity" not in entry.given:
            message = f"Quantity is required. Add `quantity` to `line_items[{n}]`"
            raise invalid(message, f"line_items[{n}][quantity]", "parameter_missing")
        if entry.quantity is not None and entry.quantity < 1:
            raise at_least(f"line_items[{n}][quantity]", "1")
    _check_number(entries, mode)
    # https://docs.stripe.com/payments/checkout/pay-what-you-want#limitations
    for n, entry in enumerate(entries):
        if entry.price.get("custom_unit_amount") and (len(entries) > 1 or entry.quantity != 1 or mode != "payment"):
            raise invalid(
                "A price that the customer sets must be the only line item, of quantity 1, in `payment` mode.",
                f"line_items[{n}][price]",
            )
    recurring = [n for n, entry in enumerate(entries) if entry.recurring]
    if mode == "payment" and recurring:
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` "
            "mode or use only one-time prices.",
            f"line_items[{recurring[0]}]",
        )
    if mode == "subscription" and not recurring:
        raise invalid("You must provide at least one recurring price in `subscription` mode.", "line_items")


def _check_number(entries: list[line_items.LineEntry], mode: str) -> None:
    """https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-line_items"""
    recurring = sum(entry.recurring for entry in entries)
    if mode == "payment" and len(entries) > _MOST_ITEMS:
        raise invalid(f"A session in `payment` mode can have at most {_MOST_ITEMS} line items.", "line_items")
    if mode == "subscription" and max(recurring, len(entries) - recurring) > _MOST_PRICES:
        raise invalid(
            f"A session in `subscription` mode can have at most {_MOST_PRICES} line items with recurring prices, and "
            f"{_MOST_PRICES} with one-time prices.",
            "line_items",
        )


def session_of(params: Object) -> Object:
    """The members of a session that :func:`check_guest` needs, from its parameters."""
    mode = params.get("mode", "payment")
    return {"customer": params.get("customer"), "customer_creation": creation(params, mode), "mode": mode}


def check_guest(session: Object, promotion: Object | None, param: str) -> None:
    """Refuse a promotion code for first-time customers in a session whose customer stays a guest.

    https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-customer_creation
    """
    guest = session["mode"] == "payment" and not session.get("customer") and session["customer_creation"] != "always"
    if guest and promotion is not None and promotion["restrictions"].get("first_time_transaction"):
        raise invalid("This promotion code is for first-time customers, and a guest is none.", param)


def creation(params: Object, mode: str) -> str | None:
    """The session's ``customer_creation``: whether it creates a customer."""
    if params.get("customer"):
        return None
    return str(params.get("customer_creation") or ("if_required" if mode == "payment" else "always"))
