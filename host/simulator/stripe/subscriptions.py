"""Subscriptions, their items, and the first invoice. https://docs.stripe.com/billing/subscriptions/overview

Renewals and prorations are not simulated: time does not pass by itself.
"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import Refusal, invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import invoices
from host.simulator.stripe.cards import payment_method
from host.simulator.stripe.catalogue import make_discounts, make_price
from host.simulator.stripe.customers import default_method
from host.simulator.stripe.money import check_currency, unit_price
from host.simulator.stripe.subscription_items import change_item, new_item, set_items

_HANDLED = frozenset({"items", "discounts", "trial_end", "cancel_at", "add_invoice_items", "default_payment_method"})


def create_subscription(call: RequestContext) -> Object:
    """Trialing, active, or incomplete where the first invoice cannot be paid."""
    check_currency(call)
    params = call.params
    for name in ("customer", "items"):
        if not params.get(name):
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    customer = call.load("customer", params["customer"], "customer", 400)
    subscription = call.blank("subscription")
    call.put(subscription, _plain(params))
    subscription.update(
        billing_cycle_anchor=call.now,
        start_date=call.now,
        test_clock=customer.get("test_clock"),
        customer=customer["id"],
    )
    _set_trial(call, subscription)
    items = [new_item(call, subscription, item, f"items[{n}]") for n, item in enumerate(params["items"])]
    set_items(subscription, items)
    subscription["currency"] = _currency(items)
    _set_discounts(call, subscription)
    if method := params.get("default_payment_method"):
        subscription["default_payment_method"] = payment_method(call, method, "default_payment_method")["id"]
    _set_end(call, subscription)
    call.save("subscription", subscription)
    _first_invoice(call, subscription, customer)
    return call.save("subscription", subscription)


def _plain(params: Object) -> Object:
    return {name: value for name, value in params.items() if name not in _HANDLED}


def _currency(items: list[Object]) -> str:
    found = {item["price"]["currency"] for item in items}
    if len(found) > 1:
        raise invalid(
            "All prices of a subscription must have the same currency; these have " + ", ".join(sorted(found)) + ".",
            "items",
        )
    return str(next(iter(found)))


def _set_trial(call: RequestContext, subscription: Object) -> None:
    end = call.params.get("trial_end")
    days = call.params.get("trial_period_days")
    if days is not None and days < 0:
        raise invalid("Invalid trial_period_days: must be at least 0", "trial_period_days")
    if end is None and days:
        end = call.now + days * 86400
    if end == "now" or end is None:
        if end == "now" and subscription["status"] == "trialing":
            subscription.update(status="active", trial_end=call.now)
        return
    if end <= call.now:
        raise invalid("Invalid trial_end: must be in the future", "trial_end")
    subscription.update(
        trial_start=subscription.get("trial_start") or call.now,
        trial_end=end,
        status="trialing",
        billing_cycle_anchor=end,
    )


def _set_discounts(call: RequestContext, subscription: Object) -> None:
    owner = {"subscription": subscription["id"], "customer": subscription["customer"]}
    subscription["discounts"] = [d["id"] for d in make_discounts(call, call.params.get("discounts"), owner)]


def _set_end(call: RequestContext, subscription: Object) -> None:
    """``cancel_at_period_end`` and ``cancel_at``."""
    wanted: Any = call.params.get("cancel_at")
    if isinstance(wanted, int):
        subscription.update(cancel_at=wanted, canceled_at=call.now)
    elif "cancel_at" in call.params and wanted is None:
        subscription.update(cancel_at=None, canceled_at=None)
    if call.params.get("cancel_at_period_end"):
        ends = [item["current_period_end"] for item in subscription["items"]["data"]]
        subscription.update(cancel_at=max(ends), canceled_at=call.now)
    elif call.params.get("cancel_at_period_end") is False:
        subscription.update(cancel_at=None, canceled_at=None)


def _first_invoice(call: RequestContext, subscription: Object, customer: Object) -> None:
    trial = subscription["status"] == "trialing"
    invoice = invoices.new_invoice(
        call,
        customer,
        subscription["currency"],
        billing_reason="subscription_create",
        collection_method=subscription["collection_method"],
        discounts=list(subscription["discounts"]),
        default_payment_method=subscription.get("default_payment_method"),
        parent={
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": {
                "subscription": subscription["id"],
                "metadata": subscription["metadata"],
            },
        },
    )
    for item in subscription["items"]["data"]:
        _add_line(call, invoice, subscription, item, trial)
    for extra in call.params.get("add_invoice_items") or []:
        _add_extra(call, invoice, extra)
    call.save("invoice", invoices.total_up(call, invoice))
    subscription["latest_invoice"] = invoice["id"]
    invoices.finalize(call, invoice)
    if invoice["status"] == "paid" or subscription["collection_method"] == "send_invoice":
        return
    _pay(call, subscription, invoice)


def _pay(call: RequestContext, subscription: Object, invoice: Object) -> None:
    behaviour = call.params.get("payment_behavior", "allow_incomplete")
    method = subscription.get("default_payment_method") or default_method(call, subscription["customer"])
    if behaviour != "default_incomplete" and method:
        try:
            if invoices.attempt(call, invoice, method):
                return
        except Refusal as declined:
            if behaviour == "error_if_incomplete":
                declined.keep = False  # no subscription is made
                raise
    if behaviour == "error_if_incomplete":
        raise Refusal(
            402,
            "The subscription's first payment failed, and `payment_behavior` is `error_if_incomplete`.",
            type="card_error",
            code="subscription_payment_intent_requires_action",
            worked=True,
        )
    subscription["status"] = "incomplete"


def _add_line(call: RequestContext, invoice: Object, subscription: Object, item: Object, trial: bool) -> None:
    price, quantity = item["price"], item.get("quantity", 0)
    product = call.find("product", str(price["product"])) or {}
    amount = 0 if trial else unit_price(price, quantity)
    name = product.get("name") or price["id"]
    each = f"{quantity} × {name} (at {price['unit_amount_decimal'] or 0} / {price['recurring']['interval']})"
    invoices.add_line(
        call,
        invoice,
        amount,
        description=f"Trial period for {name}" if trial else each,
        quantity=quantity,
        period={"start": item["current_period_start"], "end": item["current_period_end"]},
        pricing={
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        parent={
            "type": "subscription_item_details",
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
        },
    )


def _add_extra(call: RequestContext, invoice: Object, extra: Object) -> None:
    quantity = extra.get("quantity", 1)
    if data := extra.get("price_data"):
        price = make_price(call, data)
    else:
        price = call.load("price", extra.get("price", ""), "add_invoice_items[price]", 400)
    invoices.add_line(call, invoice, unit_price(price, quantity), quantity=quantity)


def update_subscription(call: RequestContext) -> Object:
    """Items, trial, end and the rest; no invoice is made."""
    subscription = _living(call)
    call.put(subscription, _plain(call.params))
    if "trial_end" in call.params:
        _set_trial(call, subscription)
    if "items" in call.params:
        _change_items(call, subscription)
    if "discounts" in call.params:
        _set_discounts(call, subscription)
    if method := call.params.get("default_payment_method"):
        subscription["default_payment_method"] = payment_method(call, method, "default_payment_method")["id"]
    _set_end(call, subscription)
    return call.save("subscription", subscription)


def _living(call: RequestContext) -> Object:
    subscription = call.subject()
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise call.refuse("A canceled subscription can only update its cancellation_details and metadata.")
    return subscription


def _change_items(call: RequestContext, subscription: Object) -> None:
    items = {item["id"]: item for item in subscription["items"]["data"]}
    for n, wanted in enumerate(call.params["items"]):
        id = wanted.get("id")
        if id is None:
            made = new_item(call, subscription, wanted, f"items[{n}]")
            items[made["id"]] = made
        elif id not in items:
            raise missing("subscription_item", id, f"items[{n}][id]", 400)
        elif wanted.get("deleted"):
            gone = items.pop(id)
            call.save("subscription_item", gone, deleted=True)
        else:
            change_item(call, items[id], wanted, f"items[{n}]")
    if not items:
        raise call.refuse("A subscription must have at least one active plan.", param="items")
    set_items(subscription, list(items.values()))


def cancel_subscription(call: RequestContext) -> Object:
    """canceled, at once."""
    subscription = call.subject()
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise missing("subscription", str(subscription["id"]), "id")
    details = {"comment": None, "feedback": None, "reason": "cancellation_requested"}
    subscription.update(
        status="canceled",
        canceled_at=call.now,
        ended_at=call.now,
        cancellation_details={**details, **(call.params.get("cancellation_details") or {})},
    )
    return call.save("subscription", subscription)


def delete_discount(call: RequestContext) -> Object:
    """The subscription's discounts end."""
    subscription = call.load("subscription", call.path_args["subscription_exposed_id"], "subscription")
    if not subscription["discounts"]:
        raise call.refuse("No active discount for subscription: " + str(subscription["id"]), status=404)
    gone = call.load("discount", subscription["discounts"][-1])
    call.save("discount", gone, deleted=True)
    call.save("subscription", {**subscription, "discounts": []})
    return {**gone, "deleted": True}
