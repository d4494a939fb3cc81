"""Payment links; each visit of one opens a Checkout Session. https://docs.stripe.com/payment-links"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import line_items, shares
from host.simulator.stripe.checkout import open_session, optional_items
from host.simulator.stripe.hosted import address
from host.simulator.stripe.parties import check_parties
from host.simulator.stripe.pricing import in_currency
from host.simulator.stripe.taxes import check_automatic

KIND = "payment_link"
_NESTED = ("line_items", "restrictions", "shipping_options", "optional_items")
# The parameters of a link that its sessions are created with.
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
    "custom_fields",
    "name_collection",
    "optional_items",
    "payment_method_types",
    "shipping_address_collection",
    "tax_id_collection",
)
# Parameters for other accounts' shares, for one-time payments and for subscriptions.
_SHARES = (
    ("application_fee_amount", "on_behalf_of", "transfer_data"),
    ("application_fee_percent", "on_behalf_of", "transfer_data"),
)


_MOST_ITEMS = 20  # https://docs.stripe.com/api/payment-link/create#create_payment_link-line_items


def create_link(call: RequestContext) -> Object:
    """Create an active link, with its line items and URL."""
    params = call.params
    check_automatic(call, params)
    if (params.get("managed_payments") or {}).get("enabled"):
        call.not_modelled("payments that Stripe manages as the merchant of record", "", "managed_payments[enabled]")
    _check_parties(call, params.get("currency") or "usd")
    if not params.get("line_items"):
        raise invalid("Missing required param: line_items.", "line_items", "parameter_missing")
    if len(params["line_items"]) > _MOST_ITEMS:
        raise invalid(f"A payment link can have at most {_MOST_ITEMS} line items.", "line_items")
    _check_completion(params)
    entries = line_items.read(call, params["line_items"], params.get("currency"), custom=True)
    link = call.put(resources.fresh(call), {n: v for n, v in params.items() if n not in _NESTED})
    line_items.add_up(call, entries, [], [])
    line_items.keep(call, entries, _under(link))
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
    mode = "subscription" if recurring else "payment"
    link["optional_items"] = optional_items(call, params.get("optional_items"), mode, link["currency"])
    _keep(call, link, params, recurring=recurring, items=[entry.id for entry in entries])
    return call.save(KIND, link)


def _check_parties(call: RequestContext, currency: str) -> None:
    """Refuse accounts that would get a part, and tax ids, that there are not."""
    shares.check(call, call.params, currency)
    check_parties(call, call.params.get("subscription_data") or {}, path="subscription_data")
    invoice = (call.params.get("invoice_creation") or {}).get("invoice_data") or {}
    check_parties(call, invoice, path="invoice_creation[invoice_data]")


def _under(link: Object) -> str:
    return f"/v1/payment_links/{link['id']}/line_items"


def _amount(call: RequestContext, option: Object, n: int) -> int:
    rate = call.load("shipping_rate", option.get("shipping_rate") or "", f"shipping_options[{n}][shipping_rate]", 400)
    return int(rate["fixed_amount"]["amount"])


def _check(params: Object, *, recurring: bool) -> None:
    once = ("payment_intent_data", "invoice_creation", "customer_creation", "application_fee_amount")
    other = once if recurring else ("subscription_data", "application_fee_percent")
    for name in other:
        if params.get(name):
            mode = "subscription" if recurring else "payment"
            raise invalid(f"You can not pass `{name}` with prices of `{mode}` mode.", name)


def _check_completion(params: Object) -> None:
    done = params.get("after_completion") or {}
    if done.get("type") == "redirect" and not done.get("redirect"):
        name = "after_completion[redirect]"
        raise invalid(f"Missing required param: {name}.", name, "parameter_missing")


def _restrictions(params: Object) -> Object | None:
    limit = ((params.get("restrictions") or {}).get("completed_sessions") or {}).get("limit")
    return None if limit is None else {"completed_sessions": {"count": 0, "limit": limit}}


def _keep(
    call: RequestContext, link: Object, params: Object, *, recurring: bool, items: list[str] | None = None
) -> None:
    """Store the parameters of the link's sessions."""
    kept = call.backend.store.get("~payment_link", link["id"]) or {}
    asked = {**(kept.get("session") or {}), **{name: params[name] for name in _OF_SESSION if params.get(name)}}
    for name in _OF_SESSION:
        if name in params and not params[name]:
            asked.pop(name, None)
    asked["mode"] = "subscription" if recurring else "payment"
    if divided := {name: link[name] for name in _SHARES[recurring] if link.get(name)}:
        data = "subscription_data" if recurring else "payment_intent_data"
        if to := divided.get("transfer_data"):
            divided["transfer_data"] = {name: value for name, value in to.items() if value is not None}
        asked[data] = {**(asked.get(data) or {}), **divided}
    call.backend.store.put("~payment_link", link["id"], {"session": asked, "items": items or kept["items"]})


def _change_items(call: RequestContext, link: Object, wanted: list[Object]) -> None:
    """Change the quantities of a link's line items, and whether customers may adjust them."""
    kept = call.backend.store.get("~payment_link", link["id"]) or {}
    given = kept["session"]["line_items"]
    for n, entry in enumerate(wanted):
        at = f"line_items[{n}]"
        if entry["id"] not in kept["items"]:
            raise missing("line item", entry["id"], f"{at}[id]", 400)
        place = kept["items"].index(entry["id"])
        given[place].update({name: entry[name] for name in ("quantity", "adjustable_quantity") if name in entry})
    items = [call.load("item", id) for id in kept["items"]]
    entries = [
        line_items.entry(call, in_currency(item["price"], link["currency"]), one, "line_items")
        for item, one in zip(items, given, strict=True)
    ]
    line_items.add_up(call, entries, [], [])
    for item, one in zip(items, entries, strict=True):
        line_items.save(call, {**item, **line_items.shown(call, one)}, one, _under(link))
    call.backend.store.put("~payment_link", link["id"], kept)


def update_link(call: RequestContext) -> Object:
    """Update a link's texts, items and settings, and whether it is active."""
    link, params = call.subject(), call.params
    _check_completion(params)
    _check_parties(call, link["currency"])
    if params.get("line_items"):
        _change_items(call, link, params["line_items"])
    call.put(link, {n: v for n, v in params.items() if n not in _NESTED})
    if "restrictions" in params:
        count = ((link.get("restrictions") or {}).get("completed_sessions") or {}).get("count", 0)
        link["restrictions"] = _restrictions(params)
        if link["restrictions"]:
            link["restrictions"]["completed_sessions"]["count"] = count
    kept = (call.backend.store.get("~payment_link", link["id"]) or {}).get("session") or {}
    mode = str(kept.get("mode"))
    if "optional_items" in params:
        link["optional_items"] = optional_items(call, params["optional_items"], mode, link["currency"])
    rest = {name: value for name, value in params.items() if name != "line_items"}
    _keep(call, link, rest, recurring=mode == "subscription")
    return call.save(KIND, link)


def visit(call: RequestContext, link: Object) -> Object:
    """Open the Checkout Session for a visit of a link."""
    asked = dict((call.backend.store.get("~payment_link", link["id"]) or {})["session"])
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
        "optional_items.price",
        "optional_items.quantity",
        "payment_intent_data",
        "subscription_data",
    },
    "payment_links.update": {
        "line_items",
        "optional_items.price",
        "optional_items.quantity",
        "payment_intent_data",
        "subscription_data",
    },
}
MAKES = {"item"}
