"""Completing a Checkout Session: the customer, payment, subscription or setup that it creates.

https://docs.stripe.com/payments/checkout/how-checkout-works#complete. The endpoint,
``POST /v1/payment_pages/{session}/confirm``, is the one that Stripe's own pages and the fixtures of its CLI use.
"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import discounts, invoices, subscriptions
from host.simulator.stripe.bank_debits import CURRENCIES
from host.simulator.stripe.checkout import KIND
from host.simulator.stripe.checkout_choices import choose
from host.simulator.stripe.collection import attempt
from host.simulator.stripe.customers import create_customer
from host.simulator.stripe.invoice_items import create_item
from host.simulator.stripe.invoice_payments import intent_of
from host.simulator.stripe.mandates import ON_PAGE
from host.simulator.stripe.payment_methods import attach, payment_method
from host.simulator.stripe.payments import confirm_intent, create_intent
from host.simulator.stripe.setups import confirm_setup, create_setup
from host.simulator.stripe.subscription_items import AGREED


def retrieve_page(call: RequestContext) -> Object:
    """The session, as its page gets it."""
    return call.subject()


def confirm_page(call: RequestContext) -> Object:
    """Complete an open session with a payment method."""
    return complete(call, call.subject(), call.params)


def complete(call: RequestContext, session: Object, params: Object) -> Object:
    """Complete an open session. Raises :class:`SimulatedError` (402) if the payment fails; then it stays open."""
    if session["status"] != "open":
        raise call.refuse(f"This Checkout Session is {session['status']}, not open.", code="checkout_session_not_open")
    choose(call, session, params)
    expected = params.get("expected_amount")
    if expected is not None and expected != (session["amount_total"] or 0):
        raise invalid(
            f"The expected amount ({expected}) is not the session's ({session['amount_total']}).", "expected_amount"
        )
    method = _method(call, session, params)
    later = call.backend.store.get("~checkout.session", session["id"]) or {}
    _set_customer(call, session, params, method, later)
    {"payment": _pay, "setup": _set_up, "subscription": _subscribe}[session["mode"]](call, session, later, method)
    session.update(status="complete", url=None)
    _count_link(call, session)
    call.backend.agenda.drop("expire_session", session["id"], call.account)
    return call.save(KIND, session)


def _method(call: RequestContext, session: Object, params: Object) -> Object | None:
    if params.get("payment_method"):
        return payment_method(call, params["payment_method"])
    nothing_due = not session["amount_total"] and session["payment_method_collection"] == "if_required"
    if session["mode"] != "setup" and nothing_due:
        return None
    if session["mode"] == "payment" and session["amount_total"] == 0:
        return None
    raise invalid("Missing required param: payment_method.", "payment_method", "parameter_missing")


def _set_customer(call: RequestContext, session: Object, params: Object, method: Object | None, later: Object) -> None:
    """Set who paid. A guest becomes a customer if the session says so, or if the payment method is to be reused.

    https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-customer_creation
    """
    billing = (method or {}).get("billing_details") or {}
    known = call.find("customer", session["customer"]) if session.get("customer") else None
    before = session.get("customer_details") or {}
    email = params.get("email") or before.get("email") or (known or {}).get("email") or billing.get("email")
    name = params.get("name") or billing.get("name") or (known or {}).get("name")
    session["customer_details"] = {
        "address": billing.get("address"),
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": params.get("phone") or billing.get("phone") or before.get("phone"),
        "tax_exempt": (known or {}).get("tax_exempt") or "none",
        "tax_ids": [],
    }
    again = (later.get("payment_intent_data") or {}).get("setup_future_usage")
    if known is None and (session["customer_creation"] == "always" or session["mode"] != "payment" or again):
        facts = {key: value for key, value in (("email", email), ("name", name)) if value}
        session["customer"] = create_customer(call.asking("POST", "/v1/customers", facts))["id"]
    if method is not None and session["mode"] != "payment" and method["customer"] is None:
        attach(call, method, session["customer"])


def _redeem(call: RequestContext, session: Object) -> list[Object]:
    """The session's discounts as parameters of the objects that it creates."""
    return [{key: value for key, value in entry.items() if value} for entry in session.get("discounts") or []]


def _pay(call: RequestContext, session: Object, later: Object, method: Object | None) -> None:
    if (later.get("invoice_creation") or {}).get("enabled"):
        _pay_invoice(call, session, later, method)
        return
    use = discounts.Use(session.get("customer"), session["currency"], session["amount_subtotal"])
    found = discounts.wanted(call, _redeem(call, session), use)
    if not session["amount_total"]:
        session["payment_status"] = "no_payment_required"
    else:
        data = later.get("payment_intent_data") or {}
        asked: Object = {
            **data,
            "amount": session["amount_total"],
            "currency": session["currency"],
            "confirm": True,
            "payment_method": (method or {})["id"],
        }
        if session.get("customer"):
            asked["customer"] = session["customer"]
        asked["payment_method_types"] = [(method or {})["type"]]
        if (method or {})["type"] in CURRENCIES:
            asked["mandate_data"] = ON_PAGE
        intent = create_intent(call.asking("POST", "/v1/payment_intents", asked))
        intent = _authenticated(call, intent)
        session["payment_intent"] = intent["id"]
        session["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"
    _use(call, session, found)


def _authenticated(call: RequestContext, intent: Object) -> Object:
    """Confirm an intent that requires action, as a customer on the page passes authentication."""
    if intent["status"] == "requires_action":
        return confirm_intent(call.asking("POST", f"/v1/payment_intents/{intent['id']}/confirm", {}))
    return intent


def _use(call: RequestContext, session: Object, found: list[Any]) -> None:
    """Count the use of the session's coupons, which were checked before the payment."""
    owner = {"checkout_session": session["id"], "customer": session.get("customer")}
    for one in found:
        if isinstance(one, discounts.Found):
            discounts.redeem(call, one, owner)


def _pay_invoice(call: RequestContext, session: Object, later: Object, method: Object | None) -> None:
    """Pay by an invoice with the same lines (``invoice_creation``)."""
    if not session.get("customer"):
        details = session["customer_details"]
        facts = {key: details[key] for key in ("email", "name") if details.get(key)}
        session["customer"] = create_customer(call.asking("POST", "/v1/customers", facts))["id"]
    data = later["invoice_creation"].get("invoice_data") or {}
    plain = {name: value for name, value in data.items() if name in invoices.PLAIN}
    asked: Object = {**plain, "customer": session["customer"], "currency": session["currency"]}
    if entries := _redeem(call, session):
        asked["discounts"] = entries
    if session.get("shipping_cost"):
        asked["shipping_cost"] = {"shipping_rate": session["shipping_cost"]["shipping_rate"]}
    invoice = invoices.create_invoice(call.asking("POST", "/v1/invoices", asked))
    for item in _kept(call, session):
        create_item(
            call.asking(
                "POST",
                "/v1/invoiceitems",
                {
                    "customer": session["customer"],
                    "invoice": invoice["id"],
                    "pricing": {"price": item["price"]["id"]},
                    "currency": session["currency"],
                    "quantity": item["quantity"],
                    "tax_rates": [rate["id"] for rate in item.get("tax_rates") or []],
                },
            )
        )
    invoices.finalize_invoice(call.asking("POST", f"/v1/invoices/{invoice['id']}/finalize", {}))
    paid = call.load("invoice", invoice["id"])
    if paid["status"] == "open":
        asked = {"payment_method": (method or {})["id"]}
        paid = invoices.pay_invoice(call.asking("POST", f"/v1/invoices/{invoice['id']}/pay", asked))
        (payment,) = call.backend.store.having("invoice_payment", "invoice", invoice["id"])
        session["payment_intent"] = payment["payment"]["payment_intent"]
    session.update(invoice=invoice["id"], payment_status="paid" if session["amount_total"] else "no_payment_required")


def _kept(call: RequestContext, session: Object) -> list[Object]:
    kept = call.backend.store.get("~checkout.session", session["id"]) or {}
    found, given = [call.load("item", id) for id in kept["items"]], kept["line_items"]
    for item, entry in zip(found, given, strict=True):
        item["tax_rates"] = [call.load("tax_rate", id) for id in entry.get("tax_rates") or []]
    return found


def _set_up(call: RequestContext, session: Object, later: Object, method: Object | None) -> None:
    data = later.get("setup_intent_data") or {}
    asked = {**data, "confirm": True, "customer": session["customer"], "payment_method": (method or {})["id"]}
    if (method or {})["type"] in CURRENCIES:
        asked["mandate_data"] = ON_PAGE
    setup = create_setup(call.asking("POST", "/v1/setup_intents", asked))
    if setup["status"] == "requires_action":
        setup = confirm_setup(call.asking("POST", f"/v1/setup_intents/{setup['id']}/confirm", {}))
    session["setup_intent"] = setup["id"]


def _subscribe(call: RequestContext, session: Object, later: Object, method: Object | None) -> None:
    asked: Object = {**(later.get("subscription_data") or {}), "customer": session["customer"]}
    items = _kept(call, session)
    asked["currency"] = session["currency"]
    asked["items"] = [{**_item(item), AGREED: True} for item in items if item["price"]["type"] == "recurring"]
    once = [_item(item) for item in items if item["price"]["type"] == "one_time"]
    if once:
        asked["add_invoice_items"] = once
    if entries := _redeem(call, session):
        asked["discounts"] = entries
    if method is not None:
        asked.update(default_payment_method=method["id"], payment_behavior="default_incomplete")
    made = subscriptions.start(call, asked)
    invoice = call.find("invoice", str(made["latest_invoice"]))
    if invoice is not None and invoice["status"] == "open":
        _pay_first(call, invoice, str((method or {})["id"]))
        invoice = call.load("invoice", invoice["id"])
    unpaid = invoice is not None and invoice["status"] == "open"  # a bank debit is processing
    session.update(
        subscription=made["id"],
        invoice=made["latest_invoice"],
        payment_status="unpaid" if unpaid else "paid" if session["amount_total"] else "no_payment_required",
    )


def _pay_first(call: RequestContext, invoice: Object, method: str) -> None:
    """Pay a subscription's first invoice with the customer present. If it is declined, no subscription is created."""
    try:
        if not attempt(call, invoice, method):
            _authenticated(call, intent_of(call, invoice))
    except SimulatedError as declined:
        declined.keep = False
        raise


def _item(item: Object) -> Object:
    found: Any = {"price": item["price"]["id"], "quantity": item["quantity"]}
    if item.get("tax_rates"):
        found["tax_rates"] = [rate["id"] for rate in item["tax_rates"]]
    return {name: value for name, value in found.items() if value is not None}


def _count_link(call: RequestContext, session: Object) -> None:
    """Count a completed session of a payment link, which becomes inactive at its limit."""
    link = call.find("payment_link", session["payment_link"]) if session.get("payment_link") else None
    completed = ((link or {}).get("restrictions") or {}).get("completed_sessions")
    if link is None or not completed:
        return
    completed["count"] += 1
    link["active"] = link["active"] and completed["count"] < completed["limit"]
    call.save("payment_link", link)


BEHAVIOURS = {"payment_pages.confirm": confirm_page, "payment_pages.retrieve": retrieve_page}
EFFECTS = {
    "payment_pages.confirm": {
        "code",
        "consent",
        "custom_fields",
        "email",
        "expected_amount",
        "line_items",
        "name",
        "optional_items",
        "payment_method",
        "phone",
        "promotion_code",
        "shipping",
        "shipping_rate",
        "unit_amount",
    }
}
