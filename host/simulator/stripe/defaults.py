"""Values of members of new Stripe objects that are neither given nor computed, each reviewed against the reference.

They are neutral: a number is zero, and the value of an enum is the default or the first state in the reference,
https://docs.stripe.com/api. A required member that is neither given, nor computed by a behaviour, nor here, makes its
operation refused (:mod:`host.simulator.modelled`).
"""

from __future__ import annotations

from typing import Any

from host.simulator.object_factory import NOW

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
    "billing_portal.configuration": {
        "active": True,
        "features.subscription_cancel.mode": "at_period_end",
        "features.subscription_cancel.proration_behavior": "none",
        "features.subscription_pause.duration.type": "indefinite",
        "features.subscription_update.proration_behavior": "none",
        "features.subscription_update.trial_update_behavior": "end_trial",
    },
    "charge": {
        "amount_captured": 0,
        "amount_refunded": 0,
        "captured": True,
        "paid": True,
        "refunded": False,
        "disputed": False,
        "status": "succeeded",
    },
    "checkout.session": {
        "mode": "payment",
        "status": "open",
        "payment_status": "unpaid",
        "ui_mode": "hosted_page",
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
    "identity.verification_session": {"status": "requires_input"},
    "issuing.cardholder": {"status": "active"},
    "invoice": {
        "status": "draft",
        "auto_advance": False,
        "billing_reason": "manual",
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_shipping": 0,
        "attempt_count": 0,
        "collection_method": "charge_automatically",
        "issuer": {"type": "self"},
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "period_start": NOW,
        "period_end": NOW,
        "amount_due": 0,
        "amount_remaining": 0,
        "subtotal": 0,
        "total": 0,
    },
    "invoiceitem": {"quantity": 1, "quantity_decimal": "1", "proration": False},
    "payment_intent": {
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    },
    "payment_link": _ACTIVE,
    "payment_method": {"type": "card", "metadata": {}},
    "payout": {
        "method": "standard",
        "reconciliation_status": "not_applicable",
        "source_type": "card",
        "status": "pending",
        "type": "bank_account",
    },
    "plan": {"active": True, "billing_scheme": "per_unit", "interval_count": 1, "usage_type": "licensed"},
    "price": {
        "active": True,
        "billing_scheme": "per_unit",
        "type": "one_time",
        "tax_behavior": "unspecified",
        "recurring.interval_count": 1,
        "recurring.usage_type": "licensed",
    },
    "product": {"active": True, "type": "service"},
    "promotion_code": {"active": True, "times_redeemed": 0},
    "quote": {
        "status": "draft",
        "collection_method": "charge_automatically",
        "invoice_settings": {"days_until_due": None, "issuer": {"type": "self"}},
    },
    "radar.value_list": {"item_type": "string"},
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
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
    },
    "tax_rate": _ACTIVE,
    "test_helpers.test_clock": {"status": "ready"},
    "topup": {"status": "pending"},
    "transfer": {"amount_reversed": 0},
    "v2.core.event_destination": {"description": "", "status": "enabled"},
    "webhook_endpoint": {"status": "enabled"},
}
