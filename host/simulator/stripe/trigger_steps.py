"""Requests that several triggers have in common, by the names that :mod:`host.simulator.stripe.triggers` uses."""

from __future__ import annotations

from typing import Final

__all__ = ["CARD", "ITEM", "STEPS"]

CARD = "payment_method=pm_card_visa"
ITEM = "items[0][price]={price}"

STEPS: Final[dict[str, str]] = {
    "customer": "POST /v1/customers name=Jenny Rosen&email=jenny@example.com",
    "clock": "POST /v1/test_helpers/test_clocks frozen_time=1893456000",
    "clocked": "POST /v1/customers name=Jenny Rosen&email=jenny@example.com&test_clock={clock}",
    "payer": "POST /v1/customers name=Jenny Rosen&email=jenny@example.com"
    f"&{CARD}&invoice_settings[default_payment_method]=pm_card_visa",
    "clocked_payer": "POST /v1/customers name=Jenny Rosen&email=jenny@example.com&test_clock={clock}"
    f"&{CARD}&invoice_settings[default_payment_method]=pm_card_visa",
    "product": "POST /v1/products name=Gold plan",
    "price": "POST /v1/prices product={product}&currency=usd&unit_amount=2000&recurring[interval]=month",
    "once": "POST /v1/prices product={product}&currency=usd&unit_amount=2000",
    "subscription": f"POST /v1/subscriptions customer={{payer}}&{ITEM}",
    "item": "POST /v1/invoiceitems customer={payer}&amount=2000&currency=usd",
    "invoice": "POST /v1/invoices customer={payer}&pending_invoice_items_behavior=include",
    "open": "POST /v1/invoices/{invoice}/finalize",
    "payment": f"POST /v1/payment_intents amount=2000&currency=usd&{CARD}&confirm=true"
    "&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never",
    "intent": "POST /v1/payment_intents amount=2000&currency=usd&automatic_payment_methods[enabled]=true",
    "held": f"POST /v1/payment_intents amount=2000&currency=usd&{CARD}&confirm=true&capture_method=manual"
    "&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never",
    "declined": "? POST /v1/payment_intents amount=2000&currency=usd&payment_method=pm_card_chargeDeclined&confirm=true"
    "&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never",
    "disputed": "POST /v1/payment_intents amount=2000&currency=usd&payment_method=pm_card_createDispute&confirm=true"
    "&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never",
    "session": "POST /v1/checkout/sessions mode=payment&success_url=https://example.com/done"
    "&line_items[0][price]={once}&line_items[0][quantity]=1",
    "coupon": "POST /v1/coupons percent_off=25&duration=once",
    "refund": "POST /v1/refunds payment_intent={payment}",
    "account": "POST /v1/accounts type=custom&country=US&email=jenny@example.com"
    "&capabilities[transfers][requested]=true&capabilities[card_payments][requested]=true",
    "funds": "POST /v1/payment_intents amount=10000&currency=usd&payment_method=pm_card_bypassPending&confirm=true"
    "&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never",
    "transfer": "POST /v1/transfers amount=1000&currency=usd&destination={account}",
    "quote": "POST /v1/quotes customer={payer}&line_items[0][price]={price}&line_items[0][quantity]=1",
    "final_quote": "POST /v1/quotes/{quote}/finalize",
    "schedule": "POST /v1/subscription_schedules customer={payer}&start_date=now&end_behavior=release"
    "&phases[0][items][0][price]={price}&phases[0][duration][interval]=month&phases[0][duration][interval_count]=1",
    "setup": f"POST /v1/setup_intents customer={{customer}}&{CARD}"
    "&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never",
    "method": "POST /v1/payment_methods type=card&card[token]=tok_visa",
    "attached": "POST /v1/payment_methods/{method}/attach customer={customer}",
    "debit": "POST /v1/checkout/sessions mode=payment&customer={clocked}&success_url=https://example.com/done"
    "&payment_method_types[0]=us_bank_account&line_items[0][price]={once}&line_items[0][quantity]=1",
    "portal": "POST /v1/billing_portal/configurations features[invoice_history][enabled]=true",
    "session_v2": "POST /v2/billing/meter_event_session",
    "account_v2": "POST /v2/core/accounts display_name=Jenny&contact_email=jenny@example.com",
    "verification": "POST /v1/identity/verification_sessions type=document",
    "holder": "POST /v1/issuing/cardholders type=individual&name=Jenny Rosen&billing[address][line1]=1 Main St"
    "&billing[address][city]=San Francisco&billing[address][state]=CA&billing[address][postal_code]=94105"
    "&billing[address][country]=US",
    "holder_eu": "POST /v1/issuing/cardholders type=individual&name=Jenny Rosen&billing[address][line1]=1 Rue de Rivoli"
    "&billing[address][city]=Paris&billing[address][postal_code]=75001&billing[address][country]=FR",
    "holder_gb": "POST /v1/issuing/cardholders type=individual&name=Jenny Rosen&billing[address][line1]=1 High Street"
    "&billing[address][city]=London&billing[address][postal_code]=SW1A 1AA&billing[address][country]=GB",
    "issued": "POST /v1/issuing/cards cardholder={holder}&currency=usd&type=virtual&status=active",
    "issued_eu": "POST /v1/issuing/cards cardholder={holder_eu}&currency=eur&type=virtual&status=active",
    "issued_gb": "POST /v1/issuing/cards cardholder={holder_gb}&currency=gbp&type=virtual&status=active",
    "asked": "POST /v1/webhook_endpoints url=http://localhost:1/webhook"
    "&enabled_events[0]=issuing_authorization.request",
    "spent": "POST /v1/test_helpers/issuing/transactions/create_force_capture card={issued}&amount=100&currency=usd",
    "fund": "POST /v1/test_helpers/customers/{customer}/fund_cash_balance amount=1000&currency=usd",
    "note": "POST /v1/credit_notes invoice={invoice}&amount=1000",
}
