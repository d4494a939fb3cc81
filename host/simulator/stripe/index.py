"""In which module each operation, action and kind is declared: name → module → keys.

Made of the modules: ``python -m tests.simulator.stripe.test_index`` writes it anew, and the tests hold it to them.
"""

from __future__ import annotations

from typing import Final

INDEX: Final[dict[str, dict[str, str]]] = {
    "BEHAVIOURS": {
        "account_links": ("account_links.create account_sessions.create accounts.login_links.create"),
        "accounts": (
            "accounts.create accounts.delete accounts.reject accounts.retrieve "
            "accounts.retrieve_current accounts.update"
        ),
        "accounts_v2": (
            "v2.core.accounts.close v2.core.accounts.create v2.core.accounts.list "
            "v2.core.accounts.retrieve v2.core.accounts.update"
        ),
        "alerts": ("billing.alerts.activate billing.alerts.archive billing.alerts.create billing.alerts.deactivate"),
        "app_secrets": ("apps.secrets.create apps.secrets.delete_where apps.secrets.find apps.secrets.list"),
        "application_fees": ("application_fees.refunds.create"),
        "bank_transfers": ("customers.funding_instructions.create payment_intents.apply_customer_balance"),
        "billing_modes": ("subscriptions.migrate"),
        "books": ("balance.retrieve balance_transactions.list"),
        "capabilities": ("accounts.capabilities.list accounts.capabilities.retrieve accounts.capabilities.update"),
        "captures": ("payment_intents.cancel payment_intents.capture payment_intents.increment_authorization"),
        "cash_balances": (
            "customers.cash_balance.retrieve customers.cash_balance.update test_helpers.customers.fund_cash_balance"
        ),
        "catalogue": ("prices.create prices.update products.create products.delete"),
        "checkout": ("checkout.sessions.create checkout.sessions.update"),
        "checkout_completion": ("payment_pages.confirm payment_pages.retrieve"),
        "checkout_expiry": ("checkout.sessions.expire"),
        "clock_steps": (
            "test_helpers.test_clocks.advance test_helpers.test_clocks.create test_helpers.test_clocks.delete"
        ),
        "confirmation_tokens": ("test_helpers.confirmation_tokens.create"),
        "coupons": ("coupons.create coupons.delete coupons.update promotion_codes.create promotion_codes.update"),
        "credit_notes": (
            "credit_notes.create credit_notes.line_items.list credit_notes.preview "
            "credit_notes.preview_lines.list credit_notes.void_credit_note"
        ),
        "customer_balances": ("customers.balance_transactions.create"),
        "customer_discounts": ("customers.delete_discount"),
        "customers": ("customers.create customers.delete customers.update"),
        "direct_charges": ("charges.capture charges.create charges.update"),
        "disputes": ("disputes.close disputes.update"),
        "documents": ("quotes.pdf"),
        "entitlements": ("entitlements.active_entitlements.list products.features.create"),
        "event_destinations": (
            "v2.core.event_destinations.create v2.core.event_destinations.delete "
            "v2.core.event_destinations.disable v2.core.event_destinations.enable "
            "v2.core.event_destinations.list v2.core.event_destinations.ping "
            "v2.core.event_destinations.retrieve v2.core.event_destinations.update"
        ),
        "events": ("events.list events.retrieve"),
        "external_accounts": (
            "accounts.external_accounts.create accounts.external_accounts.delete "
            "accounts.external_accounts.list accounts.external_accounts.retrieve "
            "accounts.external_accounts.update"
        ),
        "files": ("file_links.create files.contents files.create"),
        "hosted_pages": (
            "customer_sessions.create ephemeral_keys.create financial_connections.sessions.create "
            "terminal.connection_tokens.create"
        ),
        "identity": (
            "identity.verification_sessions.cancel identity.verification_sessions.create "
            "identity.verification_sessions.redact"
        ),
        "invoice_items": ("invoice_items.create invoice_items.delete invoice_items.update"),
        "invoice_lines": (
            "invoices.add_lines invoices.line_items.list invoices.line_items.update "
            "invoices.remove_lines invoices.update_lines"
        ),
        "invoices": (
            "invoices.attach_payment invoices.create invoices.delete invoices.finalize_invoice "
            "invoices.mark_uncollectible invoices.pay invoices.send_invoice invoices.update "
            "invoices.void_invoice"
        ),
        "issuing": (
            "issuing.cards.create issuing.cards.update test_helpers.issuing.cards.deliver_card "
            "test_helpers.issuing.cards.fail_card test_helpers.issuing.cards.return_card "
            "test_helpers.issuing.cards.ship_card test_helpers.issuing.cards.submit_card"
        ),
        "issuing_authorizations": (
            "test_helpers.issuing.authorizations.capture test_helpers.issuing.authorizations.create "
            "test_helpers.issuing.authorizations.expire "
            "test_helpers.issuing.authorizations.finalize_amount "
            "test_helpers.issuing.authorizations.increment test_helpers.issuing.authorizations.reverse"
        ),
        "issuing_disputes": ("issuing.disputes.create issuing.disputes.submit issuing.disputes.update"),
        "issuing_requests": ("issuing.authorizations.approve issuing.authorizations.decline"),
        "issuing_test_address": ("issuing.cards.test_authorizations"),
        "issuing_transactions": (
            "issuing.transactions.update test_helpers.issuing.transactions.create_force_capture "
            "test_helpers.issuing.transactions.create_unlinked_refund "
            "test_helpers.issuing.transactions.refund"
        ),
        "meter_streams": (
            "v2.billing.meter_event_adjustments.create v2.billing.meter_event_session.create "
            "v2.billing.meter_event_stream.create v2.billing.meter_events.create"
        ),
        "meters": (
            "billing.meter_event_adjustments.create billing.meter_events.create billing.meters.create "
            "billing.meters.deactivate billing.meters.event_summaries.list billing.meters.reactivate"
        ),
        "payment_links": ("payment_links.create payment_links.update"),
        "payment_methods": (
            "customers.payment_methods.retrieve payment_methods.attach payment_methods.create "
            "payment_methods.detach payment_methods.update"
        ),
        "payments": (
            "payment_intents.confirm payment_intents.create payment_intents.retrieve "
            "payment_intents.update payment_intents.verify_microdeposits"
        ),
        "payout_schedules": ("balance_settings.retrieve balance_settings.update"),
        "payouts": ("payouts.cancel payouts.create payouts.reverse"),
        "persons": ("accounts.persons.create accounts.persons.list accounts.persons.update"),
        "plans": ("plans.create plans.delete plans.update"),
        "portal": (
            "billing_portal.configurations.create billing_portal.configurations.update billing_portal.sessions.create"
        ),
        "previews": ("invoices.create_preview"),
        "quote_acceptance": ("quotes.accept"),
        "quotes": (
            "quotes.cancel quotes.computed_upfront_line_items.list quotes.create quotes.finalize_quote "
            "quotes.line_items.list quotes.update"
        ),
        "refunds": ("refunds.cancel refunds.create"),
        "renewals": ("subscriptions.cancel"),
        "reports": ("reporting.report_runs.create reporting.report_types.list reporting.report_types.retrieve"),
        "schedules": (
            "subscription_schedules.cancel subscription_schedules.create subscription_schedules.release "
            "subscription_schedules.update"
        ),
        "setups": (
            "setup_intents.cancel setup_intents.confirm setup_intents.create setup_intents.retrieve "
            "setup_intents.update setup_intents.verify_microdeposits"
        ),
        "shipping": ("shipping_rates.create"),
        "sources": (
            "customers.payment_sources.create customers.payment_sources.delete "
            "customers.payment_sources.list customers.payment_sources.retrieve "
            "customers.payment_sources.update customers.payment_sources.verify sources.create "
            "tokens.create"
        ),
        "subscription_changes": ("subscriptions.resume subscriptions.update"),
        "subscription_item_calls": ("subscription_items.create subscription_items.delete subscription_items.update"),
        "subscriptions": ("subscriptions.create subscriptions.delete_discount"),
        "tax_calculations": ("tax.calculations.create tax.registrations.create"),
        "tax_ids": ("customers.tax_ids.create tax_ids.create"),
        "tax_settings": ("tax.settings.retrieve tax.settings.update"),
        "tax_transactions": ("tax.transactions.create_from_calculation tax.transactions.create_reversal"),
        "taxes": ("tax_rates.create"),
        "thin_events": ("v2.core.events.list v2.core.events.retrieve"),
        "topups": ("topups.cancel topups.create"),
        "transfers": ("transfers.create transfers.reversals.create"),
        "webhook_endpoints": ("webhook_endpoints.create webhook_endpoints.update"),
    },
    "EFFECTS": {
        "account_links": ("account_links.create account_sessions.create"),
        "accounts": ("accounts.create accounts.reject accounts.update"),
        "accounts_v2": (
            "v2.core.accounts.close v2.core.accounts.create v2.core.accounts.list "
            "v2.core.accounts.retrieve v2.core.accounts.update"
        ),
        "app_secrets": ("apps.secrets.create apps.secrets.list"),
        "application_fees": ("application_fees.refunds.create"),
        "bank_transfers": ("customers.funding_instructions.create payment_intents.apply_customer_balance"),
        "capabilities": ("accounts.capabilities.update"),
        "captures": ("payment_intents.cancel payment_intents.capture payment_intents.increment_authorization"),
        "cash_balances": ("customers.cash_balance.update test_helpers.customers.fund_cash_balance"),
        "catalogue": ("prices.create prices.update products.create"),
        "checkout": ("checkout.sessions.create checkout.sessions.update"),
        "checkout_completion": ("payment_pages.confirm"),
        "confirmation_tokens": ("test_helpers.confirmation_tokens.create"),
        "coupons": ("coupons.create coupons.update promotion_codes.update"),
        "credit_notes": ("credit_notes.create credit_notes.preview credit_notes.preview_lines.list"),
        "customers": ("customers.create customers.update"),
        "direct_charges": ("charges.capture charges.create"),
        "disputes": ("disputes.update"),
        "entitlements": ("entitlements.active_entitlements.list"),
        "event_destinations": (
            "v2.core.event_destinations.create v2.core.event_destinations.retrieve v2.core.event_destinations.update"
        ),
        "external_accounts": ("accounts.external_accounts.create accounts.external_accounts.list"),
        "files": ("files.create"),
        "hosted_pages": ("ephemeral_keys.create"),
        "identity": ("identity.verification_sessions.create"),
        "invoice_items": ("invoice_items.create invoice_items.update"),
        "invoice_lines": ("invoices.add_lines invoices.line_items.update invoices.remove_lines invoices.update_lines"),
        "invoices": ("invoices.attach_payment invoices.create invoices.finalize_invoice invoices.pay invoices.update"),
        "issuing_authorizations": (
            "test_helpers.issuing.authorizations.capture test_helpers.issuing.authorizations.create "
            "test_helpers.issuing.authorizations.finalize_amount "
            "test_helpers.issuing.authorizations.increment test_helpers.issuing.authorizations.reverse"
        ),
        "issuing_requests": ("issuing.authorizations.approve"),
        "issuing_test_address": ("issuing.cards.test_authorizations"),
        "issuing_transactions": (
            "test_helpers.issuing.transactions.create_force_capture "
            "test_helpers.issuing.transactions.create_unlinked_refund "
            "test_helpers.issuing.transactions.refund"
        ),
        "meter_streams": ("v2.billing.meter_event_stream.create"),
        "meters": ("billing.meters.event_summaries.list"),
        "payment_links": ("payment_links.create payment_links.update"),
        "payment_methods": ("payment_methods.attach payment_methods.create"),
        "payments": (
            "payment_intents.confirm payment_intents.create payment_intents.retrieve "
            "payment_intents.update payment_intents.verify_microdeposits"
        ),
        "persons": ("accounts.persons.create accounts.persons.update"),
        "plans": ("plans.create"),
        "previews": ("invoices.create_preview"),
        "quotes": ("quotes.create quotes.update"),
        "refunds": ("refunds.create"),
        "renewals": ("subscriptions.cancel"),
        "schedules": ("subscription_schedules.cancel subscription_schedules.create subscription_schedules.update"),
        "setups": (
            "setup_intents.confirm setup_intents.create setup_intents.retrieve setup_intents.update "
            "setup_intents.verify_microdeposits"
        ),
        "shipping": ("shipping_rates.create"),
        "sources": (
            "customers.payment_sources.create customers.payment_sources.list "
            "customers.payment_sources.verify sources.create"
        ),
        "subscription_changes": ("subscriptions.resume subscriptions.update"),
        "subscription_item_calls": ("subscription_items.create subscription_items.delete subscription_items.update"),
        "subscriptions": ("subscriptions.create"),
        "tax_calculations": ("tax.calculations.create tax.registrations.create"),
        "tax_transactions": ("tax.transactions.create_from_calculation tax.transactions.create_reversal"),
        "tokens": ("tokens.create"),
        "topups": ("topups.create"),
        "transfers": ("transfers.reversals.create"),
        "webhook_endpoints": ("webhook_endpoints.create webhook_endpoints.update"),
    },
    "SHOWN_AT": {
        "invoice_items": ("invoice_items.create"),
        "invoices": ("invoices.create"),
        "portal": ("billing_portal.sessions.create"),
    },
    "FILTERS": {
        "accounts_v2": ("v2.core.accounts.list"),
        "alerts": ("billing.alerts.list"),
        "books": ("balance_transactions.list"),
        "event_destinations": ("v2.core.event_destinations.list"),
        "events": ("events.list"),
        "filters": (
            "entitlements.features.list invoice_items.list invoices.list promotion_codes.list "
            "shipping_rates.list subscription_schedules.list subscriptions.list "
            "v2.commerce.product_catalog.imports.list"
        ),
        "thin_events": ("v2.core.events.list"),
    },
    "FILTER_VALUES": {
        "filters": ("customers.payment_sources.list payouts.list"),
    },
    "DUE": {
        "announcements": ("schedule_expiring trial_will_end"),
        "books": ("available"),
        "captures": ("release"),
        "checkout_expiry": ("expire_session"),
        "clock_steps": ("delete_clock"),
        "closing": ("expire_invoice"),
        "collection": ("collect_invoice debit finalize_invoice invoice_overdue"),
        "coupons": ("expire_coupon expire_promotion_code"),
        "direct_charges": ("expire_charge"),
        "discounts": ("end_discount"),
        "disputes": ("dispute"),
        "issuing_disputes": ("issuing_dispute"),
        "issuing_requests": ("issuing_request"),
        "payouts": ("pay_out payout"),
        "pending_intervals": ("pending_items"),
        "quotes": ("expire_quote"),
        "refunds": ("refund"),
        "renewals": ("subscription"),
        "reports": ("report_run"),
        "schedule_progress": ("schedule"),
        "topups": ("topup"),
        "vouchers": ("expire_voucher pay_voucher"),
    },
    "MAKES": {
        "account_links": ("account_link account_session login_link"),
        "accounts": ("account person"),
        "amount_details": ("payment_intent_amount_details_line_item"),
        "application_fees": ("application_fee balance_transaction fee_refund"),
        "bank_transfers": ("charge customer_cash_balance_transaction"),
        "books": ("balance_transaction"),
        "capabilities": ("capability"),
        "captures": ("charge"),
        "cash_balances": ("cash_balance customer_cash_balance_transaction"),
        "catalogue": ("plan price product"),
        "checkout": ("customer discount invoice item payment_intent setup_intent shipping_rate subscription"),
        "collection": ("customer_balance_transaction invoice_payment line_item payment_intent"),
        "confirmation_tokens": ("confirmation_token payment_method"),
        "credit_note_lines": ("credit_note_line_item"),
        "credit_notes": ("customer_balance_transaction refund"),
        "customer_balances": ("customer_balance_transaction"),
        "declared": ("charge discount item line_item payment_method subscription_item"),
        "direct_charges": ("balance_transaction charge"),
        "disputes": ("balance_transaction dispute radar.early_fraud_warning"),
        "entitlements": ("entitlements.active_entitlement"),
        "events": ("event"),
        "external_accounts": ("bank_account card"),
        "invoice_items": ("line_item"),
        "invoices": ("discount invoice_payment payment_intent shipping_rate"),
        "issuing_authorizations": ("issuing.authorization issuing.transaction"),
        "issuing_books": ("balance_transaction"),
        "issuing_disputes": ("issuing.dispute"),
        "issuing_requests": ("balance_transaction"),
        "issuing_transactions": ("balance_transaction issuing.transaction"),
        "mandates": ("mandate"),
        "meters": ("billing.meter_event_summary"),
        "payment_links": ("item"),
        "payment_methods": ("payment_method"),
        "payments": ("charge mandate payment_method"),
        "payouts": ("balance_transaction payout"),
        "portal": ("billing_portal.configuration"),
        "prorations": ("invoiceitem"),
        "quote_acceptance": ("invoice subscription subscription_schedule"),
        "quotes": ("item"),
        "refunds": ("balance_transaction customer_cash_balance_transaction refund"),
        "reports": ("file reporting.report_run reporting.report_type"),
        "schedule_progress": ("invoice subscription"),
        "setups": ("mandate setup_attempt setup_intent"),
        "shipping": ("shipping_rate"),
        "sources": ("bank_account card payment_method"),
        "subscriptions": ("discount invoice invoiceitem setup_intent subscription_item"),
        "tax_calculations": ("tax.calculation_line_item"),
        "tax_settings": ("tax.settings"),
        "tax_transactions": ("tax.transaction tax.transaction_line_item"),
        "thin_events": ("v2.core.event"),
        "topups": ("balance_transaction source topup"),
        "transfers": ("balance_transaction charge refund transfer transfer_reversal"),
        "vouchers": ("charge"),
    },
    "WATCHERS": {
        "announcements": ("payment_intent subscription subscription_schedule"),
        "application_fees": ("fee_refund"),
        "bank_transfers": ("payment_intent"),
        "collection": ("invoice payment_intent payment_method"),
        "customer_discounts": ("invoice"),
        "entitlements": ("subscription"),
        "issuing": ("issuing.cardholder"),
        "issuing_authorizations": ("issuing.card"),
        "issuing_transactions": ("issuing.transaction"),
        "payment_pages": ("invoice payment_intent"),
        "pending_updates": ("invoice"),
        "plans": ("price"),
        "renewals": ("subscription"),
        "schedule_progress": ("subscription"),
        "transfers": ("transfer_reversal"),
    },
}
