"""What operations do with parameters that do not come back as given, where no module of their own declares it."""

from __future__ import annotations

from typing import Any

_PRICE_DATA = ("currency", "product", "recurring", "tax_behavior", "unit_amount", "unit_amount_decimal")


def _each(prefix: str, *names: str) -> set[str]:
    return {f"{prefix}.{name}" for name in names}


_ITEM = {"price", "quantity", *_each("price_data", *_PRICE_DATA), "metadata"}

EFFECTS: dict[str, set[str]] = {
    "checkout.sessions.create": {
        *_each("line_items", "price", "quantity", *_each("price_data", *_PRICE_DATA)),
        *_each("line_items.price_data.product_data", "name", "description", "images", "metadata"),
    },
    "files.create": {"file"},
    "invoice_items.create": {"pricing.price", *_each("price_data", *_PRICE_DATA), "unit_amount_decimal"},
    "invoices.add_lines": {"lines"},
    "invoices.create": {"discounts", "pending_invoice_items_behavior"},
    "invoices.pay": {"paid_out_of_band", "payment_method"},
    "invoices.update": {"discounts"},
    "prices.create": {
        *_each("product_data", "id", "name", "metadata", "active", "statement_descriptor", "tax_code", "unit_label"),
        "tiers.up_to",
    },
    "products.create": {f"default_price_data.{name}" for name in _PRICE_DATA if name != "product"},
    "quotes.create": {
        *_each("line_items", "price", "quantity", *_each("price_data", *_PRICE_DATA)),
    },
    "subscription_items.create": {"price_data"},
    "subscription_items.update": {"price_data"},
    "subscriptions.create": {
        *_each("items", *_ITEM),
        "discounts",
        "trial_period_days",
        "trial_end",
        "cancel_at_period_end",
        "payment_behavior",
        *_each("add_invoice_items", "price", "quantity", *_each("price_data", *_PRICE_DATA)),
    },
    "subscriptions.update": {
        *_each("items", *_ITEM, "id", "deleted"),
        "discounts",
        "trial_end",
        "cancel_at_period_end",
        "proration_behavior=none",
    },
    "test_helpers.test_clocks.advance": {"frozen_time"},
}

SHOWN_AT: dict[str, dict[str, str]] = {
    "invoice_items.create": {"pricing.price": "pricing.price_details.price"},
    "invoices.create": {"subscription": "parent.subscription_details.subscription"},
}

VERBS: dict[str, dict[str, Any]] = {
    "billing.meters.deactivate": {"status": "inactive"},
    "billing.meters.reactivate": {"status": "active"},
    "v2.core.accounts.close": {"closed": True},
}

MAKES = {"charge", "discount", "item", "line_item", "payment_method", "subscription_item"}
