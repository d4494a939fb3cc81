"""The versions of Stripe's API since 2022, and the parameters that changed in them.

A request of an older version, or without one, may use the older name of a parameter. https://docs.stripe.com/changelog,
https://docs.stripe.com/upgrades
"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import invalid, missing
from host.simulator.context import Backend
from host.simulator.parsing import Tree
from host.simulator.versions import MovedEndpoint, Renamed, Train

OLDEST = "2022-11-15"
TRAINS = (
    Train("2024-09-30", "acacia"),
    Train("2025-03-31", "basil"),
    Train("2025-09-30", "clover"),
    Train("2026-03-25", "dahlia"),
    Train("2026-09-30", "endive"),
)
BASIL, CLOVER, DAHLIA, ENDIVE = "2025-03-31", "2025-09-30", "2026-03-25", "2026-09-30"
UI_MODES = {"hosted": "hosted_page", "embedded": "embedded_page", "custom": "elements"}


def _ops(resource: str, *verbs: str) -> frozenset[str]:
    return frozenset(f"{resource}.{verb}" for verb in verbs)


_DISCOUNTED = (
    _ops("subscriptions", "create", "update")
    | _ops("invoices", "create", "update", "create_preview")
    | _ops("quotes", "create", "update")
    | _ops("subscription_schedules", "create", "update")
)
_PAYING = (
    _ops("payment_intents", "create", "update", "confirm")
    | _ops("setup_intents", "create", "update", "confirm")
    | _ops("checkout.sessions", "create")
)


def _duration(iterations: Any, phase: Tree, backend: Backend) -> Tree:
    """A number of iterations of a phase as its ``duration``, by the interval of its price."""
    items = phase.get("items")
    first = next(iter(items.values() if isinstance(items, dict) else items or ()), None)
    price = backend.store.get("price", str((first or {}).get("price") or "")) if isinstance(first, dict) else None
    if isinstance(first, dict) and first.get("price") and price is None:
        raise missing("price", str(first["price"]), "phases[items][price]", 400)
    recurring = (price or {}).get("recurring")
    if not recurring or not str(iterations).isdecimal():
        raise invalid("Invalid phases[iterations]: an integer, of a phase whose price recurs", "phases[iterations]")
    count = int(iterations) * int(recurring["interval_count"])
    return {"interval": recurring["interval"], "interval_count": str(count)}


def _reason(reason: Any, account: Tree, backend: Backend) -> Any:
    return {"fraud": "fraud_other"}.get(reason, reason)


def _ui_mode(mode: Any, session: Tree, backend: Backend) -> Any:
    return UI_MODES.get(mode, mode)


def _anchor(anchor: Any, around: Tree, backend: Backend) -> Any:
    """An anchor that was a word or a time, and is an object that says which."""
    if not isinstance(anchor, str) or not anchor:
        return anchor
    return {"type": "timestamp", "timestamp": anchor} if anchor.isdecimal() else {"type": anchor}


def _transfer_type(word: Any, transfer: Tree, backend: Backend) -> Any:
    """The type of a bank transfer; Stripe's CLI sends the name of the account's type instead."""
    return "jp_bank_transfer" if word == "jp_bank_account" else word


_TRANSFER = "payment_method_options.customer_balance.bank_transfer.type"
# Parameters of previews about the subscription. https://docs.stripe.com/changelog/basil/2025-03-31/invoice-preview-api-deprecations
_PREVIEWED = (
    "billing_cycle_anchor",
    "cancel_at",
    "cancel_at_period_end",
    "cancel_now",
    "default_tax_rates",
    "items",
    "proration_behavior",
    "proration_date",
    "resume_at",
    "start_date",
    "trial_end",
)
MOVED_ENDPOINTS = (MovedEndpoint(BASIL, "/v1/invoices/upcoming", "/v1/invoices/create_preview"),)
RENAMED = (
    Renamed(BASIL, _DISCOUNTED, "coupon", "discounts.0.coupon"),
    Renamed(BASIL, _DISCOUNTED, "promotion_code", "discounts.0.promotion_code"),
    *(Renamed(BASIL, _ops("customers", "create", "update"), name, "") for name in ("coupon", "promotion_code")),
    Renamed(BASIL, _ops("invoice_items", "create", "update"), "price", "pricing.price"),
    Renamed(BASIL, _ops("invoice_items", "create", "update"), "unit_amount", "unit_amount_decimal"),
    Renamed(
        CLOVER,
        _ops("promotion_codes", "create"),
        "coupon",
        "promotion.coupon",
        {"promotion.type": "coupon"},
    ),
    Renamed(
        CLOVER,
        _ops("subscription_schedules", "create", "update"),
        "phases.*.iterations",
        "phases.*.duration",
        {},
        _duration,
    ),
    *(
        Renamed(BASIL, _ops("invoices", "create_preview"), f"subscription_{name}", f"subscription_details.{name}")
        for name in _PREVIEWED
    ),
    Renamed("2024-04-10", _ops("products", "create", "update"), "features", "marketing_features"),
    Renamed(DAHLIA, _ops("checkout.sessions", "create"), "ui_mode", "ui_mode", {}, _ui_mode),
    Renamed(
        ENDIVE,
        _ops("subscriptions", "update", "resume"),
        "billing_cycle_anchor",
        "billing_cycle_anchor",
        {},
        _anchor,
    ),
    Renamed(
        ENDIVE,
        _ops("invoices", "create_preview"),
        "subscription_details.billing_cycle_anchor",
        "subscription_details.billing_cycle_anchor",
        {},
        _anchor,
    ),
    Renamed(ENDIVE, _ops("accounts", "reject"), "reason", "reason", {}, _reason),
    Renamed(ENDIVE, _ops("payment_intents", "create", "update", "confirm"), _TRANSFER, _TRANSFER, {}, _transfer_type),
    Renamed(ENDIVE, _PAYING, "payment_method_types", "allowed_payment_method_types"),
)
