"""Checkout sessions, quotes, test clocks, and small resources with a twist."""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.catalogue import make_price
from host.simulator.stripe.money import unit_price

DAY = 86400


def create_session(call: RequestContext) -> Object:
    """An open session with a page to pay at."""
    params = call.params
    mode = params.get("mode", "payment")
    if mode != "setup" and not params.get("line_items"):
        raise invalid("Missing required param: line_items.", "line_items", "parameter_missing")
    hosted = params.get("ui_mode", "hosted") in ("hosted", "hosted_page")
    if hosted and not params.get("success_url"):
        raise invalid("Missing required param: success_url.", "success_url", "parameter_missing")
    session = call.put(resources.fresh(call), {k: v for k, v in params.items() if k != "line_items"})
    session["mode"] = mode
    session["expires_at"] = params.get("expires_at") or call.now + DAY
    session["payment_method_types"] = params.get("payment_method_types") or ["card"]
    session["payment_status"] = "no_payment_required" if mode == "setup" else "unpaid"
    if hosted:
        session["url"] = f"https://checkout.stripe.com/c/pay/{session['id']}"
    else:
        session["client_secret"] = f"{session['id']}_secret_{call.world.ids.new('', 25)}"
    items = _items(call, f"/v1/checkout/sessions/{session['id']}/line_items", subscription=mode == "subscription")
    if items:
        total = sum(item["amount_total"] for item in items)
        session.update(amount_subtotal=total, amount_total=total, currency=items[0]["currency"])
        session["total_details"] = {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
    return call.save("checkout.session", session)


def _items(call: RequestContext, under: str, *, subscription: bool | None = None) -> list[Object]:
    """The ``line_items`` asked for, kept below ``under``."""
    found: list[Object] = []
    for n, wanted in enumerate(call.params.get("line_items") or []):
        path = f"line_items[{n}]"
        price = _price(call, wanted, path)
        if subscription is False and price["type"] == "recurring":
            raise invalid(
                "You specified `payment` mode but passed a recurring price. Either switch to `subscription` "
                "mode or use only one-time prices.",
                path,
            )
        quantity = wanted.get("quantity", 1)
        amount = unit_price(price, quantity)
        product = call.find("product", str(price["product"])) or {}
        fields = {
            "amount_discount": 0,
            "amount_subtotal": amount,
            "amount_tax": 0,
            "amount_total": amount,
            "currency": price["currency"],
            "description": product.get("name"),
            "price": price,
            "quantity": quantity,
        }
        found.append(call.make("item", fields, under=under))
    return found


def _price(call: RequestContext, wanted: Object, path: str) -> Object:
    if data := wanted.get("price_data"):
        params: dict[str, Any] = dict(data)
        if described := params.pop("product_data", None):
            params["product"] = call.make("product", {k: v for k, v in described.items() if v is not None})["id"]
        return make_price(call, params)
    if not wanted.get("price"):
        raise invalid(f"Missing required param: {path}[price].", f"{path}[price]", "parameter_missing")
    return call.load("price", wanted["price"], f"{path}[price]", 400)


def expire_session(call: RequestContext) -> Object:
    """open → expired."""
    session = call.subject()
    if session["status"] != "open":
        raise call.refuse(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a '
            f"status of {session['status']}."
        )
    return call.save("checkout.session", {**session, "status": "expired", "url": None, "expires_at": call.now})


def create_quote(call: RequestContext) -> Object:
    """A draft for a customer."""
    quote = call.put(resources.fresh(call), {k: v for k, v in call.params.items() if k != "line_items"})
    quote["expires_at"] = call.params.get("expires_at") or call.now + 30 * DAY
    items = _items(call, f"/v1/quotes/{quote['id']}/line_items")
    total = sum(item["amount_total"] for item in items)
    quote.update(amount_subtotal=total, amount_total=total)
    if items:
        quote["currency"] = items[0]["currency"]
    return call.save("quote", quote)


def finalize_quote(call: RequestContext) -> Object:
    """draft → open."""
    quote = _quote(call, ("draft",), "finalized", "open")
    quote["number"] = f"QT-{call.world.ids.code(8)}-0001-1"
    return call.save("quote", quote)


def accept_quote(call: RequestContext) -> Object:
    """open → accepted."""
    return call.save("quote", _quote(call, ("open",), "accepted", "accepted"))


def cancel_quote(call: RequestContext) -> Object:
    """draft or open → canceled."""
    return call.save("quote", _quote(call, ("draft", "open"), "canceled", "canceled"))


def _quote(call: RequestContext, allowed: tuple[str, ...], word: str, status: str) -> Object:
    quote = call.put(call.subject(), call.params)
    if quote["status"] not in allowed:
        raise call.refuse(
            f"This quote cannot be {word} because it is {quote['status']}; it must be {' or '.join(allowed)}."
        )
    quote["status"] = status
    quote["status_transitions"][f"{word}_at"] = call.now
    return quote


def create_clock(call: RequestContext) -> Object:
    """A clock that stands still until it is advanced."""
    clock = call.put(resources.fresh(call), call.params)
    clock["deletes_after"] = call.now + 30 * DAY
    return call.save("test_helpers.test_clock", clock)


def advance_clock(call: RequestContext) -> Object:
    """To a later time, at once; trials that end by then become active."""
    clock = call.subject()
    then = call.params["frozen_time"]
    if then <= clock["frozen_time"]:
        raise call.refuse("Invalid frozen_time: must be after the clock's current time.", param="frozen_time")
    clock.update(frozen_time=then, status="ready")
    for subscription in list(call.world.store.each("subscription")):
        if subscription.get("test_clock") != clock["id"]:
            continue
        if subscription.get("cancel_at") and subscription["cancel_at"] <= then:
            subscription.update(status="canceled", ended_at=subscription["cancel_at"])
        elif subscription["status"] == "trialing" and subscription["trial_end"] <= then:
            subscription["status"] = "active"
        call.save("subscription", subscription)
    return call.save("test_helpers.test_clock", clock)


def create_file(call: RequestContext) -> Object:
    """What was uploaded: name, size and type; the content is not kept."""
    sent = call.params.get("file")
    facts: dict[str, Any] = sent if isinstance(sent, dict) else {"filename": "file", "size": len(str(sent or ""))}
    record = call.put(resources.fresh(call), {"purpose": call.params.get("purpose")})
    record.update(filename=facts["filename"], size=facts["size"], type=facts["filename"].rpartition(".")[2] or None)
    record["url"] = f"https://files.stripe.com/v1/files/{record['id']}/contents"
    return call.save("file", record)
