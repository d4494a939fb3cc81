"""Customers and the payment methods they have."""

from __future__ import annotations

from host.simulator import resources
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.cards import from_parameters, make, payment_method


def create_customer(call: RequestContext) -> Object:
    """A customer; a payment method given is attached."""
    customer = call.put(resources.fresh(call), _own(call))
    customer["invoice_prefix"] = call.world.ids.code()
    customer["next_invoice_sequence"] = 1
    _take_method(call, customer)
    return call.save("customer", customer)


def update_customer(call: RequestContext) -> Object:
    """The same for a customer there is."""
    customer = call.put(call.subject(), _own(call))
    _take_method(call, customer)
    return call.save("customer", customer)


def _own(call: RequestContext) -> Object:
    """The parameters that are fields as they come."""
    return {name: value for name, value in call.params.items() if name not in ("source", "tax")}


def _take_method(call: RequestContext, customer: Object) -> None:
    if given := call.params.get("payment_method"):
        attach(call, payment_method(call, given), str(customer["id"]))
    settings = customer.get("invoice_settings") or {}
    if default := settings.get("default_payment_method"):
        method = payment_method(call, default, "invoice_settings[default_payment_method]")
        if method["customer"] != customer["id"]:
            attach(call, method, str(customer["id"]))
        customer["invoice_settings"] = {**settings, "default_payment_method": method["id"]}


def delete_customer(call: RequestContext) -> Object | bytes:
    """Gone but for its id; its subscriptions end."""
    id = call.target
    gone = resources.delete(call)
    for subscription in list(call.world.store.each("subscription")):
        if subscription["customer"] == id and subscription["status"] != "canceled":
            subscription.update(status="canceled", canceled_at=call.now, ended_at=call.now)
            call.save("subscription", subscription)
    return gone


def create_method(call: RequestContext) -> Object:
    """A payment method of ``type``, or a copy of another."""
    if "type" not in call.params and "payment_method" not in call.params:
        raise call.refuse("Missing required param: type.", code="parameter_missing", param="type")
    if source := call.params.get("payment_method"):
        base = {name: value for name, value in payment_method(call, source).items() if name not in ("id", "customer")}
        return call.put(make(call, base), {})
    method = make(call, {**from_parameters(call, call.params)})
    rest = {name: value for name, value in call.params.items() if name not in ("card", "type")}
    return call.save("payment_method", call.put(method, rest))


def attach_method(call: RequestContext) -> Object:
    """The method is the customer's from here on."""
    if not call.params.get("customer"):
        raise call.refuse("Missing required param: customer.", code="parameter_missing", param="customer")
    method = payment_method(call, call.target)
    if method["customer"] not in (None, call.params["customer"]):
        raise call.refuse(
            "The payment method you provided has already been attached to a customer.", param="payment_method"
        )
    return attach(call, method, call.params["customer"])


def attach(call: RequestContext, method: Object, customer: str) -> Object:
    """``method`` with the customer set, kept."""
    return call.save("payment_method", {**method, "customer": customer})


def detach_method(call: RequestContext) -> Object:
    """The method is nobody's."""
    method = call.subject()
    if method["customer"] is None:
        raise call.refuse(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            param="payment_method",
        )
    return call.save("payment_method", {**method, "customer": None})


def default_method(call: RequestContext, customer: str) -> str | None:
    """The payment method a customer's invoices are paid with."""
    found = call.find("customer", customer) or {}
    settings = found.get("invoice_settings") or {}
    default: str | None = settings.get("default_payment_method")
    return default
