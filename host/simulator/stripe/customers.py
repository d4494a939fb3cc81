"""Customers and their default payment methods. https://docs.stripe.com/api/customers"""

from __future__ import annotations

import re

from host.simulator import resources
from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import cash_balances, clock_steps, customer_balances, customer_discounts
from host.simulator.stripe.includable import SOURCES
from host.simulator.stripe.payment_methods import attach, detach, own_method, payment_method
from host.simulator.stripe.sources import add_source
from host.simulator.stripe.subscription_statuses import ENDED
from host.simulator.stripe.tax_ids import create_tax_id

EFFECTS = {
    "customers.create": {"payment_method", "source", "tax_id_data"},
    "customers.update": {"source"},
}
_PREFIX = re.compile("[A-Z0-9]{3,12}")
_BESIDE = frozenset(("balance", "invoice_settings", "payment_method", "source", "tax_id_data"))


def create_customer(call: RequestContext) -> Object:
    """Create a customer. A given payment method or source is attached, and a balance entered as a transaction."""
    if clock := call.params.get("test_clock"):
        clock_steps.check_customers(call, clock)
    customer = call.put(resources.fresh(call), _own(call))
    customer["invoice_prefix"] = call.params.get("invoice_prefix") or call.backend.ids.code()
    customer["next_invoice_sequence"] = call.params.get("next_invoice_sequence") or 1
    if not _BESIDE.isdisjoint(call.params) or call.removed_params:
        call.save("customer", customer)  # before the objects that refer to it
    if call.params.get("balance"):
        customer["balance"] = 0
        customer_balances.change(call, customer, call.params["balance"], "usd", "initial")
        customer["currency"] = None
    _take_method(call, customer)
    customer_discounts.set_discount(call, customer)
    _set_cash_balance(call, customer)
    _add_tax_ids(call, str(customer["id"]))
    return call.save("customer", customer)


def _add_tax_ids(call: RequestContext, customer: str) -> None:
    """Create the tax ids in ``tax_id_data``, each as by a request of its own."""
    for n, data in enumerate(call.params.get("tax_id_data") or []):
        try:
            create_tax_id(call.asking("POST", f"/v1/customers/{customer}/tax_ids", data))
        except SimulatedError as refusal:
            refusal.param = f"tax_id_data[{n}][{refusal.param}]"
            raise


def update_customer(call: RequestContext) -> Object:
    """Update a customer; see :func:`create_customer`."""
    customer = call.subject()
    before = customer["balance"]
    call.put(customer, _own(call))
    if customer["balance"] != before:
        difference, customer["balance"] = customer["balance"] - before, before
        customer_balances.change(call, customer, difference, customer.get("currency") or "usd", "adjustment")
    _take_method(call, customer)
    customer_discounts.set_discount(call, customer)
    _set_cash_balance(call, customer)
    return call.save("customer", customer)


def _set_cash_balance(call: RequestContext, customer: Object) -> None:
    """https://docs.stripe.com/api/customers/create#create_customer-cash_balance"""
    if given := call.params.get("cash_balance"):
        cash_balances.set_mode(call, str(customer["id"]), given)


def _own(call: RequestContext) -> Object:
    """The parameters that are members of the customer as they are given."""
    _check_prefix(call)
    if call.params.get("tax_exempt", "") is None:
        call.params["tax_exempt"] = "none"  # the value that "" resets it to
    if "source" not in call.params and "tax" not in call.params:
        return call.params
    return {name: value for name, value in call.params.items() if name not in ("source", "tax")}


def _check_prefix(call: RequestContext) -> None:
    """An invoice prefix has 3 to 12 letters or digits.

    https://docs.stripe.com/api/customers/create#create_customer-invoice_prefix
    """
    if "invoice_prefix" in call.params and not _PREFIX.fullmatch(call.params["invoice_prefix"] or ""):
        raise call.refuse("Invoice prefixes must be 3 to 12 uppercase letters or numbers.", param="invoice_prefix")


def _take_method(call: RequestContext, customer: Object) -> None:
    if source := call.params.get("source"):
        customer["default_source"] = None
        add_source(call, customer, str(source))
    if default := call.params.get("default_source"):
        held = next((found for kind in SOURCES if (found := call.find(kind, default))), None)
        if held is None or held["customer"] != customer["id"]:
            raise call.refuse(f"No such source: '{default}'", code="resource_missing", param="default_source")
    if given := call.params.get("payment_method"):
        attach(call, payment_method(call, given), str(customer["id"]))
    settings = customer.get("invoice_settings") or {}
    if default := settings.get("default_payment_method"):
        method = own_method(call, default, str(customer["id"]), "invoice_settings[default_payment_method]")
        customer["invoice_settings"] = {**settings, "default_payment_method": method}


def delete_customer(call: RequestContext) -> Object | bytes:
    """Delete a customer, cancel its subscriptions and detach its payment methods."""
    id = call.target
    gone = resources.delete(call)
    for subscription in call.backend.store.having("subscription", "customer", id):
        if subscription["status"] not in ENDED:  # in which it stays
            subscription.update(status="canceled", canceled_at=call.now, ended_at=call.now)
            call.save("subscription", subscription)
    for method in call.backend.store.having("payment_method", "customer", id):
        detach(call, method)
    call.saved = None
    return gone


def default_method(call: RequestContext, customer: str) -> str | None:
    """The payment method for a customer's invoices: the default for invoices, else the default source, or ``None``."""
    found = call.find("customer", customer) or {}
    settings = found.get("invoice_settings") or {}
    default: str | None = settings.get("default_payment_method") or found.get("default_source")
    return default


BEHAVIOURS = {
    "customers.create": create_customer,
    "customers.delete": delete_customer,
    "customers.update": update_customer,
}
