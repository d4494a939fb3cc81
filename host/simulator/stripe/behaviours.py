"""Which operations of Stripe do more than keep objects, and what they do with what they are given.

A behaviour's module declares, each by operation: ``EFFECTS`` (paths of parameters it handles, that do not come back in
the answer as given), ``SHOWN_AT`` (parameter path → path in the answer), ``FILTERS`` (list parameter → a function of
the request and the wanted value that gives the test of an object), ``BEHAVIOURS`` (further operations) and ``VERBS``
(actions that only set these members); ``MAKES``, the kinds of objects it makes beside what it answers, and
``INCLUDABLE`` (kind → member that is only there when expanded → a function of the world and the object).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from host.simulator.context import Filter, Includable, RequestContext
from host.simulator.modelled import Behaviour, Model
from host.simulator.stripe import (
    account_links,
    accounts,
    application_fees,
    books,
    capabilities,
    catalogue,
    checkout,
    confirmation_tokens,
    customer_balances,
    customers,
    declared,
    direct_charges,
    disputes,
    events,
    filters,
    hosted_pages,
    includable,
    invoice_items,
    invoices,
    mandates,
    payment_methods,
    payments,
    payouts,
    refunds,
    setups,
    sources,
    subscription_items,
    subscriptions,
    tax_calculations,
    tax_ids,
    tokens,
    topups,
    transfers,
    webhook_endpoints,
)

BEHAVIOURS: dict[str, Behaviour] = {
    "checkout.sessions.create": checkout.create_session,
    "checkout.sessions.expire": checkout.expire_session,
    "coupons.create": catalogue.create_coupon,
    "files.create": checkout.create_file,
    "invoice_items.create": invoice_items.create_item,
    "invoices.add_lines": invoices.add_lines,
    "invoices.create": invoices.create_invoice,
    "invoices.delete": invoices.delete_invoice,
    "invoices.finalize_invoice": invoices.finalize_invoice,
    "invoices.mark_uncollectible": invoices.mark_uncollectible,
    "invoices.pay": invoices.pay_invoice,
    "invoices.send_invoice": invoices.send_invoice,
    "invoices.update": invoices.update_invoice,
    "invoices.void_invoice": invoices.void_invoice,
    "prices.create": catalogue.create_price,
    "products.create": catalogue.create_product,
    "products.delete": catalogue.delete_product,
    "promotion_codes.create": catalogue.create_promotion_code,
    "quotes.accept": checkout.accept_quote,
    "quotes.cancel": checkout.cancel_quote,
    "quotes.create": checkout.create_quote,
    "quotes.finalize_quote": checkout.finalize_quote,
    "subscription_items.create": subscription_items.create_item,
    "subscription_items.delete": subscription_items.delete_item,
    "subscription_items.update": subscription_items.update_item,
    "subscriptions.cancel": subscriptions.cancel_subscription,
    "subscriptions.create": subscriptions.create_subscription,
    "subscriptions.delete_discount": subscriptions.delete_discount,
    "subscriptions.update": subscriptions.update_subscription,
    "test_helpers.test_clocks.advance": checkout.advance_clock,
    "test_helpers.test_clocks.create": checkout.create_clock,
}

MODULES: tuple[ModuleType, ...] = (
    account_links,
    accounts,
    application_fees,
    books,
    capabilities,
    catalogue,
    checkout,
    confirmation_tokens,
    customer_balances,
    customers,
    declared,
    direct_charges,
    disputes,
    events,
    filters,
    hosted_pages,
    includable,
    invoice_items,
    invoices,
    mandates,
    payment_methods,
    payments,
    payouts,
    refunds,
    setups,
    sources,
    subscription_items,
    subscriptions,
    tax_calculations,
    tax_ids,
    tokens,
    topups,
    transfers,
    webhook_endpoints,
)


def collected(modules: Iterable[ModuleType]) -> Model:
    """All that the modules declare. Two that declare the same operation or parameter are added up."""
    behaviours = dict(BEHAVIOURS)
    effects: dict[str, frozenset[str]] = {}
    shown_at: dict[str, dict[str, str]] = {}
    tests: dict[str, dict[str, Filter]] = {}
    verbs: dict[str, dict[str, Any]] = {}
    makes: set[str] = set()
    includable: dict[str, dict[str, Includable]] = {}
    for module in modules:
        behaviours.update(getattr(module, "BEHAVIOURS", {}))
        verbs.update(getattr(module, "VERBS", {}))
        makes.update(getattr(module, "MAKES", ()))
        for id, paths in getattr(module, "EFFECTS", {}).items():
            effects[id] = effects.get(id, frozenset()) | frozenset(paths)
        for id, places in getattr(module, "SHOWN_AT", {}).items():
            shown_at.setdefault(id, {}).update(places)
        for kind, members in getattr(module, "INCLUDABLE", {}).items():
            includable.setdefault(kind, {}).update(members)
        for id, by_name in getattr(module, "FILTERS", {}).items():
            tests.setdefault(id, {}).update(by_name)
    return Model(behaviours, effects, shown_at, tests, frozenset(makes), verbs, includable)


MODEL = collected(MODULES)

# What is done later by the clock, by the name it is put on the agenda with.
DUE: dict[str, Callable[[RequestContext, str], None]] = {
    name: function for module in MODULES for name, function in getattr(module, "DUE", {}).items()
}
