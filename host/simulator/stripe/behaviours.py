"""Which operations of Stripe do more than keep objects, and what they do with what they are given.

A behaviour's module declares, each by operation: ``EFFECTS`` (paths of parameters it handles, that do not come back in
the answer as given), ``SHOWN_AT`` (parameter path → path in the answer), ``FILTERS`` (list parameter → a function of
the request and the wanted value that gives the test of an object), ``BEHAVIOURS`` (further operations) and ``VERBS``
(actions that only set these members); ``MAKES``, the kinds of objects it makes beside what it answers, and
``INCLUDABLE`` (kind → member that is only there when expanded → a function of the world and the object).
``DUE`` are actions that the agenda carries out later, ``WATCHERS`` (by kind) are told of each object that is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from host.simulator.context import Object, RequestContext
from host.simulator.modelled import Model
from host.simulator.stripe import (
    account_links,
    accounts,
    announcements,
    application_fees,
    books,
    capabilities,
    cash_balances,
    catalogue,
    checkout,
    checkout_completion,
    clocks,
    collection,
    confirmation_tokens,
    coupons,
    credit_notes,
    customer_balances,
    customers,
    declared,
    direct_charges,
    discounts,
    disputes,
    event_destinations,
    events,
    external_accounts,
    files,
    filters,
    hosted_pages,
    identity,
    includable,
    invoice_items,
    invoice_lines,
    invoices,
    issuing,
    mandates,
    meter_streams,
    meters,
    payment_links,
    payment_methods,
    payments,
    payouts,
    plans,
    portal,
    previews,
    prorations,
    quotes,
    refunds,
    renewals,
    schedules,
    setups,
    shipping,
    sources,
    subscription_changes,
    subscription_item_calls,
    subscriptions,
    tax_calculations,
    tax_ids,
    taxes,
    thin_events,
    tokens,
    topups,
    transfers,
    webhook_endpoints,
)

MODULES: tuple[ModuleType, ...] = (
    account_links,
    accounts,
    announcements,
    application_fees,
    books,
    capabilities,
    cash_balances,
    catalogue,
    checkout,
    checkout_completion,
    clocks,
    collection,
    confirmation_tokens,
    coupons,
    credit_notes,
    customer_balances,
    customers,
    declared,
    direct_charges,
    discounts,
    disputes,
    event_destinations,
    events,
    external_accounts,
    files,
    filters,
    hosted_pages,
    identity,
    includable,
    invoice_items,
    invoice_lines,
    invoices,
    issuing,
    mandates,
    meter_streams,
    meters,
    payment_links,
    payment_methods,
    payments,
    payouts,
    plans,
    portal,
    previews,
    prorations,
    quotes,
    refunds,
    renewals,
    schedules,
    setups,
    shipping,
    sources,
    subscription_changes,
    subscription_item_calls,
    subscriptions,
    tax_calculations,
    tax_ids,
    taxes,
    thin_events,
    tokens,
    topups,
    transfers,
    webhook_endpoints,
)


def gathered(name: str, modules: Iterable[ModuleType] = MODULES) -> dict[str, Any]:
    """What the modules declare under a name, together; no two may declare the same."""
    found: dict[str, Any] = {}
    for module in modules:
        own = getattr(module, name, {})
        if twice := found.keys() & own.keys():
            raise ValueError(f"{name} of {module.__name__} is declared elsewhere too: {', '.join(twice)}")
        found.update(own)
    return found


Watcher = Callable[[RequestContext, Object], None]


def watchers(modules: Iterable[ModuleType]) -> dict[str, Watcher]:
    """Who is told of each saved object of a kind; where several modules watch one, all are."""
    found: dict[str, list[Watcher]] = {}
    for module in modules:
        for kind, watcher in getattr(module, "WATCHERS", {}).items():
            found.setdefault(kind, []).append(watcher)
    return {kind: _all(those) for kind, those in found.items()}


def _all(those: list[Watcher]) -> Watcher:
    def tell(call: RequestContext, value: Object) -> None:
        for watcher in those:
            watcher(call, value)

    return those[0] if len(those) == 1 else tell


MODEL = Model(
    behaviours=gathered("BEHAVIOURS"),
    effects={id: frozenset(paths) for id, paths in gathered("EFFECTS").items()},
    shown_at=gathered("SHOWN_AT"),
    filters=gathered("FILTERS"),
    makes=frozenset(kind for module in MODULES for kind in getattr(module, "MAKES", ())),
    verbs=gathered("VERBS"),
    includable=gathered("INCLUDABLE"),
)
DUE: dict[str, Callable[[RequestContext, str], Any]] = gathered("DUE")
EARLY = ("end_discount", "schedule")  # what of the same second comes before the rest
WATCHERS: dict[str, Watcher] = watchers(MODULES)
