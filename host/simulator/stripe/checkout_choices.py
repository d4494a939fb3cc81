"""What a customer chooses and enters on the page of a Checkout Session.

https://docs.stripe.com/payments/checkout/how-checkout-works
"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import discounts, line_items
from host.simulator.stripe.checkout import choose_shipping
from host.simulator.stripe.checkout_rules import check_guest
from host.simulator.stripe.coupons import active_code
from host.simulator.stripe.money import least_charge
from host.simulator.stripe.pricing import in_currency
from host.simulator.stripe.sums import Coupon
from host.simulator.stripe.taxes import rates

CHOSEN = "~checkout.session"  # by session: its items and their parameters


def choose(call: RequestContext, session: Object, params: Object) -> None:
    """Apply the customer's choices to the session, and add up its amounts again."""
    kept = call.backend.store.get(CHOSEN, session["id"]) or {}
    changed = [
        _set_quantities(call, kept, params.get("line_items")),
        _set_amount(call, session, kept, params.get("unit_amount")),
        _add_optional(call, session, kept, params.get("optional_items")),
        _use_code(call, session, kept, params),
        _pass_time(call, kept),
    ]
    if any(changed):
        call.backend.store.put(CHOSEN, session["id"], kept)
        _add_up(call, session, kept)
    if wanted := params.get("shipping_rate"):
        options = [option for option in session["shipping_options"] if option["shipping_rate"] == wanted]
        if not options:
            raise invalid(f"The session does not offer the shipping rate {wanted}.", "shipping_rate")
        choose_shipping(session, options[0])
    _fill_fields(session, params.get("custom_fields") or {})
    _consent(session, params.get("consent") or {})
    if shipping := params.get("shipping"):
        blank = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
        address = {**blank, **(shipping.get("address") or {})}
        details = {"address": address, "name": shipping.get("name") or ""}
        session["collected_information"] = {
            "business_name": None,
            "individual_name": None,
            "shipping_details": details,
        }


def _set_quantities(call: RequestContext, kept: Object, wanted: Any) -> bool:
    """https://docs.stripe.com/payments/checkout/adjustable-quantity"""
    for n, entry in enumerate(wanted or []):
        at = f"line_items[{n}]"
        if entry.get("id") not in kept["items"]:
            raise missing("line item", str(entry.get("id")), f"{at}[id]", 400)
        given = kept["line_items"][kept["items"].index(entry["id"])]
        limits, quantity = given.get("adjustable_quantity") or {}, entry.get("quantity")
        if not limits.get("enabled"):
            raise invalid("The quantity of this line item cannot be adjusted.", f"{at}[quantity]")
        least, most = limits.get("minimum") or 0, limits.get("maximum") or 99
        if quantity is None or not least <= quantity <= most:
            raise invalid(f"The quantity must be from {least} to {most}.", f"{at}[quantity]")
        given["quantity"] = quantity
    return bool(wanted)


def _pass_time(call: RequestContext, kept: Object) -> bool:
    """Whether the amounts depend on when the session is completed: they do before an anchor."""
    data = kept.get("subscription_data") or {}
    anchor = data.get("billing_cycle_anchor")
    if anchor is not None and anchor <= call.now:
        call.not_modelled("completing a session after its billing_cycle_anchor", "completing it before is.", "")
    return bool(anchor or data.get("billing_cycle_anchor_config"))


def _set_amount(call: RequestContext, session: Object, kept: Object, chosen: int | None) -> bool:
    """https://docs.stripe.com/payments/checkout/pay-what-you-want"""
    if not kept.get("items"):
        return False
    price = call.load("item", kept["items"][0])["price"]
    asked = in_currency(price, session["currency"]).get("custom_unit_amount")
    if not asked:
        if chosen is not None:
            raise invalid("The price of this session is not one that the customer sets.", "unit_amount")
        return False
    if chosen is None:
        chosen = asked["preset"]
    if chosen is None:
        raise invalid("Missing required param: unit_amount.", "unit_amount", "parameter_missing")
    least, most = max(asked["minimum"] or 0, least_charge(session["currency"])), asked["maximum"]
    if chosen < least or (most is not None and chosen > most):
        raise invalid(
            f"The amount must be at least {least}" + (f" and at most {most}." if most else "."), "unit_amount"
        )
    kept["line_items"][0][line_items.CHOSEN] = chosen
    return True


def _add_optional(call: RequestContext, session: Object, kept: Object, wanted: Any) -> bool:
    """https://docs.stripe.com/payments/checkout/optional-items"""
    offered = {item["price"]: item for item in session.get("optional_items") or []}
    for n, entry in enumerate(wanted or []):
        found = offered.get(str(entry.get("price")))
        if found is None:
            raise invalid("The session does not offer this item.", f"optional_items[{n}][price]")
        given = {"price": found["price"], "quantity": entry.get("quantity", found["quantity"])}
        price = in_currency(call.load("price", found["price"]), session["currency"])
        made = line_items.entry(call, price, given, f"optional_items[{n}]", kept.get("subscription_data"))
        line_items.keep(call, [made], _under(session))
        kept["items"].append(made.id)
        kept["line_items"].append(given)
    return bool(wanted)


def _use_code(call: RequestContext, session: Object, kept: Object, params: Object) -> bool:
    """Apply a promotion code, as typed (``code``) or by id. https://docs.stripe.com/payments/checkout/discounts"""
    typed, id = params.get("code"), params.get("promotion_code")
    if not typed and not id:
        return False
    name = "code" if typed else "promotion_code"
    if not session.get("allow_promotion_codes"):
        raise invalid("This Checkout Session does not take promotion codes.", name)
    if typed:
        promotion = active_code(call, str(typed), session.get("customer"))
    else:
        promotion = call.find("promotion_code", str(id))
    if promotion is None:
        raise invalid(f"This code is invalid: {typed or id}", name)
    use = discounts.Use(session.get("customer"), session["currency"], session["amount_subtotal"])
    found = discounts.check(call, {"promotion_code": promotion["id"]}, use, name)
    products = {str(call.load("item", id)["price"]["product"]) for id in kept["items"]}
    discounts.check_use(call, found.coupon, products, name)
    check_guest(session, promotion, name)
    session["discounts"] = [{"coupon": None, "promotion_code": promotion["id"]}]
    return True


def _add_up(call: RequestContext, session: Object, kept: Object) -> None:
    entries, items = [], [call.load("item", id) for id in kept["items"]]
    data = kept.get("subscription_data") or {}
    for item, given in zip(items, kept["line_items"], strict=True):
        price = in_currency(call.find("price", item["price"]["id"]) or item["price"], session["currency"])
        entries.append(line_items.entry(call, price, given, "line_items", data))
    taxes = rates(call, data.get("default_tax_rates"), "subscription_data[default_tax_rates]")
    line_items.add_up(call, entries, _coupons(call, session), taxes, session.get("customer"))
    for item, entry in zip(items, entries, strict=True):
        line_items.save(call, {**item, **line_items.shown(call, entry)}, entry, _under(session))
    session.update(line_items.totals(entries))
    if cost := session.get("shipping_cost"):
        choose_shipping(session, {"shipping_amount": cost["amount_subtotal"], "shipping_rate": cost["shipping_rate"]})


def _coupons(call: RequestContext, session: Object) -> list[Coupon]:
    found = []
    for entry in session["discounts"] or []:
        id = entry["coupon"]
        if code := entry["promotion_code"]:
            id = call.load("promotion_code", code)["promotion"]["coupon"]
        found.append((str(id), call.load("coupon", str(id))))
    return found


def _under(session: Object) -> str:
    return f"/v1/checkout/sessions/{session['id']}/line_items"


def _fill_fields(session: Object, values: Object) -> None:
    """https://docs.stripe.com/payments/checkout/custom-fields: those that are not optional must be filled in."""
    known = {field["key"]: field for field in session.get("custom_fields") or []}
    for key in values:
        if key not in known:
            raise invalid(f"The session has no custom field {key}.", f"custom_fields[{key}]")
    for key, field in known.items():
        about = field[field["type"]] or {}
        value = values.get(key) or about.get("default_value")
        at = f"custom_fields[{key}]"
        if value is None:
            if not field["optional"]:
                raise invalid(f"Missing required param: {at}.", at, "parameter_missing")
            continue
        _check_field(field, about, str(value), at)
        field[field["type"]] = {**about, "value": str(value)}


def _check_field(field: Object, about: Object, value: str, at: str) -> None:
    if field["type"] == "dropdown":
        if value not in [option["value"] for option in about["options"]]:
            raise invalid(f"The field offers no {value}.", at)
        return
    least, most = about.get("minimum_length") or 0, about.get("maximum_length") or 255
    if not least <= len(value) <= most:
        raise invalid(f"The field takes from {least} to {most} characters.", at)
    if field["type"] == "numeric" and not value.isdecimal():
        raise invalid("The field takes digits only.", at)


def _consent(session: Object, given: Object) -> None:
    """https://docs.stripe.com/api/checkout/sessions/object#checkout_session_object-consent

    A customer cannot complete a page that requires consent to the terms of service without giving it.
    """
    asked = session.get("consent_collection")
    if not asked:
        return
    promotions = given.get("promotions") or "opt_out"
    session["consent"] = {
        "promotions": promotions if asked.get("promotions") == "auto" else None,
        "terms_of_service": "accepted" if asked.get("terms_of_service") == "required" else None,
    }
