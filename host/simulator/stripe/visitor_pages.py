"""Hosted pages, as plain forms for people and tests: checkout, payment links, invoices, the customer portal.

Like Stripe's, they need no API key: the URL itself grants access.
"""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qsl

from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import payment_links, portal, renewals
from host.simulator.stripe.billing_modes import is_flexible
from host.simulator.stripe.checkout import KIND
from host.simulator.stripe.checkout_completion import complete
from host.simulator.stripe.checkout_expiry import recover
from host.simulator.stripe.hosted import CARDS, Page, gone, html_page
from host.simulator.stripe.invoice_pages import invoice_page
from host.simulator.stripe.subscription_changes import change
from host.simulator.stripe.subscription_statuses import ENDED


def answer(call: RequestContext, method: str, path: str, body: bytes) -> Page:
    """The page at ``path``; for a POST, after carrying its form out."""
    for place, page in _PAGES.items():
        if path.startswith(place):
            fields = dict(parse_qsl(body.decode("utf-8", "replace")))
            return page(call, path.removeprefix(place), method == "POST", fields)
    return gone("page")


def _checkout(call: RequestContext, id: str, posted: bool, fields: dict[str, str]) -> Page:
    session = call.find(KIND, id)
    if session is None:
        return gone("session")
    if session["status"] == "complete":
        return _done(session)
    if session["status"] != "open":
        return Page(410, html_page("Expired", "<p>This session has expired.</p>"))
    if not posted:
        return Page(200, _form(call, session, ""))
    wanted: Object = {name: value for name, value in fields.items() if name in _FIELDS and value}
    if fields.get("unit_amount", "").isdecimal():
        wanted["unit_amount"] = int(fields["unit_amount"])
    custom = {field["key"]: fields.get(f"custom_{field['key']}") for field in session["custom_fields"]}
    wanted["custom_fields"] = {key: value for key, value in custom.items() if value}
    try:
        return _done(complete(call, session, wanted))
    except SimulatedError as refusal:
        if not refusal.keep:
            call.backend.store.rollback()
        if refusal.status == 501:
            raise
        return Page(refusal.status, _form(call, call.load(KIND, id), refusal.message))


_FIELDS = ("payment_method", "email", "name", "phone", "code", "shipping_rate")


def _extra_inputs(session: Object) -> str:
    """The inputs for what a session asks for besides a card."""
    found = ""
    if (session.get("phone_number_collection") or {}).get("enabled"):
        found += '<label>Phone <input name="phone"></label> '
    if not session["amount_total"] and session["mode"] == "payment":
        found += '<label>Amount (minor units) <input name="unit_amount" type="number"></label> '
    if session.get("allow_promotion_codes"):
        found += '<label>Promotion code <input name="code"></label> '
    for field in session["custom_fields"]:
        name, label = f"custom_{escape(field['key'])}", escape(str(field["label"]["custom"]))
        if field["type"] == "dropdown":
            options = "".join(
                f'<option value="{escape(option["value"])}">{escape(option["label"])}</option>'
                for option in field["dropdown"]["options"]
            )
            found += f'<label>{label} <select name="{name}">{options}</select></label> '
        else:
            found += f'<label>{label} <input name="{name}"></label> '
    return found


def _done(session: Object) -> Page:
    to = session.get("success_url") or session.get("return_url") or ""
    to = to.replace("{CHECKOUT_SESSION_ID}", session["id"])
    return Page(303 if to else 200, html_page("Done", "<p>Thank you.</p>"), to)


def _form(call: RequestContext, session: Object, error: str) -> str:
    under = f"/v1/checkout/sessions/{session['id']}/line_items"
    rows = []
    for id, record in call.backend.store.oldest("item"):
        if record.under == under:
            item = call.load("item", id)
            rows.append(f"<li>{item['quantity']} × {escape(str(item['description']))}: {item['amount_total']}</li>")
    options = "".join(f'<option value="{id}">{escape(name)}</option>' for id, name in CARDS)
    details = session.get("customer_details") or {}
    shipping = "".join(
        f'<option value="{option["shipping_rate"]}">{option["shipping_amount"]}</option>'
        for option in session["shipping_options"]
    )
    total = "" if session["amount_total"] is None else f"{session['amount_total']} {session['currency']}"
    back = f'<p><a href="{escape(session["cancel_url"])}">Back</a></p>' if session.get("cancel_url") else ""
    return html_page(
        f"Checkout: {session['mode']}",
        f"<p role=alert>{escape(error)}</p><ul>{''.join(rows)}</ul><p>Total (minor units): <b id=total>{total}</b></p>"
        '<form method="post">'
        f'<label>Email <input name="email" type="email" value="{escape(details.get("email") or "")}"></label> '
        '<label>Name <input name="name"></label> '
        + (f'<label>Shipping <select name="shipping_rate">{shipping}</select></label> ' if shipping else "")
        + _extra_inputs(session)
        + f'<label>Card <select name="payment_method">{options}</select></label> '
        f"<button>{'Save' if session['mode'] == 'setup' else 'Pay'}</button></form>{back}",
    )


def _link(call: RequestContext, token: str, posted: bool, fields: dict[str, str]) -> Page:
    del posted, fields
    link = call.find(payment_links.KIND, "plink_" + token.removeprefix("test_"))
    if link is None:
        return gone("payment link")
    if not link["active"]:
        return Page(
            410, html_page("Closed", f"<p>{escape(link.get('inactive_message') or 'This link is not active.')}</p>")
        )
    return Page(303, "", payment_links.visit(call, link)["url"])


def _recovery(call: RequestContext, id: str, posted: bool, fields: dict[str, str]) -> Page:
    del posted, fields
    expired = call.find(KIND, id)
    session = recover(call, expired) if expired is not None else None
    return gone("session") if session is None else Page(303, "", session["url"])


def _portal(call: RequestContext, id: str, posted: bool, fields: dict[str, str]) -> Page:
    session = call.find(portal.KIND, id)
    if session is None or session["created"] + portal.LIFE < call.now:
        return gone("session")
    configuration = call.load(portal.CONFIGURATION, session["configuration"])
    cancel = configuration["features"]["subscription_cancel"]
    found = call.backend.store.having("subscription", "customer", session["customer"])
    living = [s for s in found if s["status"] not in ENDED]
    if posted and cancel["enabled"]:
        for subscription in living:
            if subscription["id"] == fields.get("subscription"):
                _cancel(call, subscription, cancel)
    rows = []
    for subscription in living:
        now = call.load("subscription", subscription["id"])
        button = f'<button name="subscription" value="{now["id"]}">Cancel</button>' if cancel["enabled"] else ""
        ends = " (ends with its period)" if now["cancel_at_period_end"] else ""
        rows.append(f"<li>{now['id']}: {now['status']}{ends} {button}</li>")
    back = f'<p><a href="{escape(session["return_url"])}">Return</a></p>' if session.get("return_url") else ""
    return Page(200, html_page("Your subscriptions", f'<form method="post"><ul>{"".join(rows)}</ul></form>{back}'))


def _login(call: RequestContext, token: str, posted: bool, fields: dict[str, str]) -> Page:
    """Where Stripe sends a message with the address of the portal, the simulator goes there."""
    configuration = portal.configuration_at(call, token)
    if configuration is None:
        return gone("login page")
    session = portal.log_in(call, configuration, fields.get("email", "")) if posted else None
    if session is not None:
        return Page(303, "", session["url"])
    error = "<p role=alert>No customer has this email address.</p>" if posted else ""
    form = '<form method="post"><label>Email <input name="email" type="email"></label> <button>Log in</button></form>'
    return Page(200, html_page("Log in", error + form))


def _cancel(call: RequestContext, subscription: Object, how: Object) -> None:
    """Cancel a subscription in the portal; only an immediate cancellation is prorated.

    https://docs.stripe.com/api/customer_portal/configurations/create
    """
    if how["mode"] == "immediately":
        behavior = how["proration_behavior"]
        renewals.cancel(call, subscription, prorate=behavior != "none", invoice_now=behavior == "always_invoice")
    else:
        # https://docs.stripe.com/billing/subscriptions/billing-mode/compare#cancellations-in-the-customer-portal
        flexible = is_flexible(subscription)
        change(call, subscription, {"cancel_at": "max_period_end"} if flexible else {"cancel_at_period_end": True})


_PAGES = {
    "/c/pay/": _checkout,
    "/p/session/": _portal,
    "/p/login/": _login,
    "/b/": _link,
    "/r/": _recovery,
    "/i/": invoice_page,
}
