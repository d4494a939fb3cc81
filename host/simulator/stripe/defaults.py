"""Fields of fresh Stripe objects that its published samples have otherwise or not at all."""

from __future__ import annotations

from typing import Any

_ACTIVE = {"active": True}

DEFAULTS: dict[str, dict[str, Any]] = {
    "account": {
        "charges_enabled": False,
        "details_submitted": False,
        "payouts_enabled": False,
        "country": "US",
    },
    "billing.meter": {
        "status": "active",
        "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
        "value_settings": {"event_payload_key": "value"},
    },
    "charge": {"captured": True, "paid": True, "refunded": False, "disputed": False, "status": "succeeded"},
    "checkout.session": {
        "mode": "payment",
        "status": "open",
        "payment_status": "unpaid",
        "ui_mode": "hosted",
    },
    "coupon": {"duration": "once", "valid": True, "times_redeemed": 0},
    "customer": {
        "balance": 0,
        "delinquent": False,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "preferred_locales": [],
        "tax_exempt": "none",
    },
    "entitlements.feature": _ACTIVE,
    "invoice": {
        "status": "draft",
        "auto_advance": False,
        "billing_reason": "manual",
        "amount_overpaid": 0,
        "amount_due": 0,
        "amount_remaining": 0,
        "subtotal": 0,
        "total": 0,
    },
    "invoiceitem": {"quantity": 1, "quantity_decimal": "1", "proration": False},
    "payment_intent": {
        "amount_capturable": 0,
        "amount_received": 0,
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    },
    "payment_link": _ACTIVE,
    "payment_method": {"type": "card", "metadata": {}},
    "plan": _ACTIVE,
    "price": {
        "active": True,
        "billing_scheme": "per_unit",
        "type": "one_time",
        "tax_behavior": "unspecified",
    },
    "product": {"active": True, "type": "service"},
    "promotion_code": {"active": True, "times_redeemed": 0},
    "quote": {"status": "draft"},
    "refund": {"status": "succeeded"},
    "setup_intent": {
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        "usage": "off_session",
    },
    "shipping_rate": _ACTIVE,
    "subscription": {
        "status": "active",
        "cancel_at_period_end": False,
        "collection_method": "charge_automatically",
        "billing_mode": {"type": "classic", "flexible": None},
    },
    "tax_rate": _ACTIVE,
    "test_helpers.test_clock": {"status": "ready"},
    "webhook_endpoint": {"status": "enabled"},
}
