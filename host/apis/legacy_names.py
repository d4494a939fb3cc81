"""Names used in older API versions and by other clients, and the names to use instead.

One table each for verbs, resources and parameters. A successor is suggested only if the catalog has it, so the
tables serve every API. Sources: https://docs.stripe.com/upgrades and the changelogs and method names of stripe-python,
-node, -ruby, -php, -go and -java.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from host.apis.catalog import Catalog
from host.apis.nearest import meant
from host.apis.options import NAMES as OPTIONS

__all__ = ["missing_member", "missing_param", "snake"]

# Possible names of an operation (the first that exists is used): verbs of other clients.
VERBS: Final[Mapping[str, tuple[str, ...]]] = {
    name: successors
    for successors, names in {
        ("retrieve",): "get fetch find read show lookup load find_by_id get_by_id retrieve_by_id refresh one",
        ("update", "replace"): "modify save edit patch put set change set_metadata",
        ("delete", "cancel", "detach", "archive", "deactivate", "expire"): "del destroy remove erase drop unset",
        ("cancel", "delete", "expire"): "cancel_ terminate stop end_ abort close",
        ("list", "search"): "all list_all get_all fetch_all index auto_paging_iter auto_paging_each iterate"
        " each iter find_all where query auto_paging_to_array paginate",
        ("create",): "add new insert make post build open store construct",
        ("search", "list"): "filter find_by",
    }.items()
    for name in names.split()
}

# Resources and operations that were moved together with all below them, by their old path.
MOVED: Final[Mapping[str, str]] = {
    "accounts.bank_accounts": "accounts.external_accounts",
    "accounts.cards": "accounts.external_accounts",
    "application_fees.refund": "application_fees.refunds.create",
    "balance.history": "balance_transactions.list",
    "balance_history": "balance_transactions",
    "bank_accounts": "customers.payment_sources",
    "bitcoin_receivers": "payment_methods",
    "bitcoin_transactions": "payment_methods",
    "cards": "payment_methods",
    "charges.refund": "refunds.create",
    "charges.refunds.create": "refunds.create",
    "customers.bank_accounts": "customers.payment_sources",
    "customers.cancel_subscription": "subscriptions.cancel",
    "customers.cards": "customers.payment_sources",
    "customers.charges": "charges.list",
    "customers.create_subscription": "subscriptions.create",
    "customers.invoices": "invoices.list",
    "customers.subscriptions": "subscriptions",
    "customers.update_subscription": "subscriptions.update",
    "file_uploads": "files",
    "fraud_warnings": "radar.early_fraud_warnings",
    "invoices.list_upcoming_line_items": "invoices.create_preview",
    "invoices.list_upcoming_lines": "invoices.create_preview",
    "invoices.preview": "invoices.create_preview",
    "invoices.retrieve_upcoming": "invoices.create_preview",
    "invoices.upcoming": "invoices.create_preview",
    "invoices.upcoming_lines": "invoices.create_preview",
    "issuer_fraud_records": "radar.early_fraud_warnings",
    "meter_events": "billing.meter_events",
    "meters": "billing.meters",
    "orders": "checkout.sessions",
    "payment_intents.refund": "refunds.create",
    "payment_pages": "checkout.sessions",
    "portal": "billing_portal",
    "products.archive": "products.update",
    "prices.archive": "prices.update",
    "prices.delete": "prices.update",
    "recipients": "accounts",
    "sessions": "checkout.sessions",
    "skus": "prices",
    "subscription_items.create_usage_record": "billing.meter_events.create",
    "subscription_items.list_usage_record_summaries": "billing.meters.event_summaries.list",
    "subscription_items.usage_record_summaries": "billing.meters.event_summaries",
    "subscription_items.usage_records": "billing.meter_events",
    "subscriptions.create_usage_record": "billing.meter_events.create",
    "subscriptions.upcoming_invoice": "invoices.create_preview",
    "test_clocks": "test_helpers.test_clocks",
    "transfers.reverse": "transfers.reversals.create",
    "usage_record_summaries": "billing.meters.event_summaries",
    "usage_records": "billing.meter_events",
}

# Parameters that were renamed or moved into another: what to write, by the new parameter.
PARAMS: Final[Mapping[str, Mapping[str, str]]] = {
    "account_balance": {"balance": ""},
    "offset": {"starting_after": "starting_after = the last id seen, or :each() loops over all pages"},
    "page": {"starting_after": "starting_after = the last id seen, or :each() loops over all pages"},
    "per_page": {"limit": ""},
    "aggregate_usage": {"recurring": "recurring = {meter = …}"},
    "amount": {"unit_amount": "", "line_items": "line_items = {{price_data = {unit_amount = …}, …}}"},
    "application_fee": {"application_fee_amount": ""},
    "at_period_end": {"cancel_at_period_end": ""},
    "billing": {"collection_method": ""},
    "billing_cycle_anchor_now": {"billing_cycle_anchor": 'billing_cycle_anchor = "now"'},
    "business_vat_id": {"tax_id_data": "tax_id_data = {{type = …, value = …}}"},
    "capture": {"capture_method": 'capture_method = "manual"'},
    "card": {"payment_method": "", "source": ""},
    "coupon": {"discounts": "discounts = {{coupon = …}}"},
    "customer_email": {"receipt_email": ""},
    "default_card": {"default_source": "", "default_payment_method": ""},
    "destination": {"transfer_data": "transfer_data = {destination = …}"},
    "discount": {"discounts": "discounts = {{coupon = …}}"},
    "display_items": {"line_items": ""},
    "email": {"receipt_email": "", "customer_email": ""},
    "interval": {"recurring": "recurring = {interval = …}"},
    "interval_count": {"recurring": "recurring = {interval_count = …}"},
    "items": {"line_items": ""},
    "iterations": {"duration": "duration = {interval = …, interval_count = …}"},
    "line_items": {"items": ""},
    "plan": {"price": "", "items": "items = {{price = …}}"},
    "price": {"items": "items = {{price = …}}", "line_items": "line_items = {{price = …, quantity = 1}}"},
    "promotion_code": {"discounts": "discounts = {{promotion_code = …}}"},
    "prorate": {"proration_behavior": 'proration_behavior = "none"'},
    "quantity": {"items": "items = {{price = …, quantity = …}}"},
    "save_payment_method": {"setup_future_usage": ""},
    "save_source_to_customer": {"setup_future_usage": ""},
    "source": {"payment_method": "", "default_source": ""},
    "statement_description": {"statement_descriptor": ""},
    "subscription_billing_cycle_anchor": {"subscription_details": "subscription_details = {billing_cycle_anchor = …}"},
    "subscription_cancel_at": {"subscription_details": "subscription_details = {cancel_at = …}"},
    "subscription_items": {"subscription_details": "subscription_details = {items = …}"},
    "subscription_plan": {"subscription_details": "subscription_details = {items = {{price = …}}}"},
    "subscription_proration_behavior": {"subscription_details": "subscription_details = {proration_behavior = …}"},
    "subscription_proration_date": {"subscription_details": "subscription_details = {proration_date = …}"},
    "subscription_trial_end": {"subscription_details": "subscription_details = {trial_end = …}"},
    "tax_info": {"tax_id_data": "tax_id_data = {{type = …, value = …}}"},
    "tax_percent": {"default_tax_rates": ""},
    "trial_days": {"trial_period_days": ""},
    "usage_type": {"recurring": "recurring = {usage_type = …}"},
}
# Arguments of successors that are another operation.
_NOTES: Final[Mapping[str, str]] = {
    "products.archive": "(id, {active = false})",
    "prices.archive": "(id, {active = false})",
    "prices.delete": "(id, {active = false})",
}


# Names by which other clients are set up.
SETUPS: Final = frozenset("api_key set_api_key new stripe client stripe_client init setup secret_key".split())  # noqa: SIM905


def key_setting(api: str) -> str:
    """A hint about where to set the key of an API."""
    name = "STRIPE_SECRET_KEY" if api == "stripe" else f"{api.upper()}_API_KEY"
    return f"its key is a setting, {name} in the environment or in .env, and never in the script"


def snake(name: str) -> str:
    """``PaymentIntent``, ``paymentIntents``, ``Payment-Intent`` → ``payment_intent(s)``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\s\-]+", "_", name)
    return re.sub(r"_+", "_", spaced).lower()


def missing_member(catalog: Catalog, prefix: str, key: str) -> str:
    """A hint for a missing name below ``prefix`` ("" for the API itself): ``; write stripe.customers.update``."""
    if len(key) > 100:
        return ""
    name = snake(key)
    if not prefix and name in SETUPS:
        return f"; {catalog.name} needs no setup: {key_setting(catalog.name)}"
    found = _successor(catalog, prefix, name)
    if found:
        return f"; write {catalog.name}.{found}"
    children = catalog.children(prefix)
    hint = meant(key, children) or (meant(name, children) if name != key else "")
    if hint or not children:
        return hint
    listed = f"{', '.join(children[:12])}{', …' if len(children) > 12 else ''}"
    return f"; it has {listed}" if prefix else f"; {catalog.name}'s resources begin with {listed}"


def _successor(catalog: Catalog, prefix: str, name: str) -> str | None:
    """The path of the operation or group to write instead, with arguments if they are known."""
    full = f"{prefix}.{name}" if prefix else name
    verbs = VERBS.get(name, ())
    moved = (full, f"{full}s", *(f"{prefix}.{verb}" for verb in verbs if prefix))
    # The same name in another spelling: PaymentIntent, paymentIntents, checkout_sessions.
    cuts = [n for n, sign in enumerate(name) if sign == "_"] if not prefix else []
    same = (full, *(f"{name[:n]}.{name[n + 1 :]}" for n in cuts))
    plural = tuple(form for each in same for form in (each, f"{each}s", f"{each}es", f"{each[:-1]}ies"))
    own = tuple(f"{prefix}.{verb}" for verb in verbs if prefix)
    for path in (*own, *(MOVED[old] + _NOTES.get(old, "") for old in moved if old in MOVED), *plural):
        found = _existing(catalog, path)
        if found:
            return found
    return next(filter(None, (_existing(catalog, each) for each in _helpers(prefix, name))), None) if prefix else None


def _helpers(prefix: str, name: str) -> list[str]:
    """Paths for names such as ``customers.create_tax_id`` and ``list_line_items``: operations of nested resources."""
    verb, _, rest = name.partition("_")
    if not rest:
        return []
    verbs = dict.fromkeys((verb, *VERBS.get(verb, ())))
    nested = (rest, f"{rest}s", f"{rest[:-1]}ies" if rest.endswith("y") else rest)
    return [f"{prefix}.{each}.{one}" for each in nested for one in verbs]


def _existing(catalog: Catalog, path: str) -> str | None:
    """``path`` if it is an operation or a group, by its proper name, else ``None``. Text after ``(`` is kept."""
    name, brace, note = path.partition("(")
    operation = catalog.operation(name)
    if operation is not None:
        return operation.id + brace + note
    return name if catalog.children(name) else None


def missing_param(name: str, valid: Collection[str]) -> str:
    """``; write discounts = {{coupon = …}}`` or the nearest name, for a parameter that is not among ``valid``."""
    for successor, text in PARAMS.get(name, {}).items():
        if successor in valid:
            return f"; its successor is {successor}{f': {text}' if text else ''}"
    if name in OPTIONS:
        return f"; it is a request option: give {{{name} = …}} after the parameters, or call :with{{{name} = …}}"
    other = snake(name) if len(name) <= 100 else name
    if other != name and other in valid:
        return f'; did you mean "{other}"?'
    return meant(name, valid)
