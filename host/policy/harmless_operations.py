"""Stripe's changes that are known, by having read about each, to move no money.

Under a budget of amounts, a change is allowed without being counted only if its operation is in ``MOVES_NOTHING`` and
none of the numbers it sends has a name that suggests money, except those in ``NO_MONEY``. A new operation or parameter
of a later catalog is therefore refused until its effect has been looked up (``tests/policy/test_charges.py`` names it).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

__all__ = ["MOVES_NOTHING", "NO_MONEY", "is_called_money", "is_no_money", "moves_nothing"]

# Resource: operations. A change that is counted when it is made moves no more when it is posted, fails or is cancelled.
_OPERATIONS = """
account_links: create
account_sessions: create
accounts: create update delete reject unreject
accounts.capabilities: update
accounts.external_accounts: create update delete
accounts.login_links: create
accounts.persons: create update delete
apple_pay_domains: create delete
application_fees.refunds: update
apps.installs: create update uninstall
apps.secrets: create delete_where
billing.alerts: create activate archive deactivate
billing.credit_grants: update expire void_grant
billing.feedback_options: create update deactivate
billing.meters: create update deactivate reactivate
billing_portal.configurations: create update
billing_portal.sessions: create
charges: update
checkout.sessions: expire
climate.orders: update cancel
coupons: create update delete
credit_notes: update void_credit_note
customer_sessions: create
customers: create update delete delete_discount
customers.balance_transactions: update
customers.cash_balance: update
customers.funding_instructions: create
customers.payment_sources: create update delete verify
customers.tax_ids: create delete
disputes: update
entitlements.features: create update
ephemeral_keys: create delete
file_links: create update
files: create
financial_connections.accounts: disconnect refresh subscribe unsubscribe
financial_connections.sessions: create
identity.verification_sessions: create update cancel redact
invoice_items: delete
invoice_rendering_templates: archive unarchive
invoices: create create_preview update delete attach_payment mark_uncollectible remove_lines void_invoice
issuing.authorizations: update decline
issuing.cardholders: create update
issuing.cards: create update
issuing.disputes: create update submit
issuing.personalization_designs: create update
issuing.tokens: update
issuing.transactions: update
payment_intents: cancel
payment_method_configurations: create update
payment_method_domains: create update validate
payment_methods: create update attach detach
payment_records: report_payment report_payment_attempt report_payment_attempt_canceled report_payment_attempt_failed
payment_records: report_payment_attempt_guaranteed report_payment_attempt_informational report_refund
payouts: update cancel
plans: create update delete
prices: create update
product_catalog.trial_offers: create update
products: create update delete
products.features: create delete
promotion_codes: create update
quotes: create update cancel finalize_quote
radar.payment_evaluations: create
radar.value_list_items: create delete
radar.value_lists: create update delete
refunds: update cancel
reporting.report_runs: create
reviews: approve
setup_intents: create update cancel confirm verify_microdeposits
shipping_rates: create update
sources: create update verify
subscription_schedules: release cancel
subscriptions: cancel delete_discount migrate
tax.calculations: create
tax.locations: create
tax.registrations: create update
tax.settings: update
tax.transactions: create_from_calculation create_reversal
tax_ids: create delete
tax_rates: create update
terminal.configurations: create update delete
terminal.connection_tokens: create
terminal.locations: create update delete
terminal.onboarding_links: create
terminal.readers: create update delete cancel_action collect_inputs collect_payment_method process_setup_intent
terminal.readers: set_reader_display
test_helpers.confirmation_tokens: create
test_helpers.issuing.authorizations: expire
test_helpers.issuing.cards: deliver_card fail_card return_card ship_card submit_card
test_helpers.issuing.personalization_designs: activate deactivate reject
test_helpers.refunds: expire
test_helpers.terminal.readers: present_payment_method succeed_input_collection timeout_input_collection
test_helpers.test_clocks: create delete
test_helpers.treasury.inbound_transfers: fail return_inbound_transfer succeed
test_helpers.treasury.outbound_payments: update fail post return_outbound_payment
test_helpers.treasury.outbound_transfers: update fail post return_outbound_transfer
three_d_secure.authentications: create cancel submit
tokens: create
topups: update cancel
transfers: update
transfers.reversals: update
treasury.financial_accounts: create update close
treasury.financial_accounts.features: update
treasury.inbound_transfers: cancel
treasury.outbound_payments: cancel
treasury.outbound_transfers: cancel
v2.commerce.product_catalog.imports: create
v2.core.account_links: create
v2.core.account_tokens: create
v2.core.accounts: create update close
v2.core.accounts.person_tokens: create
v2.core.accounts.persons: create update delete
v2.core.event_destinations: create update delete disable enable ping
v2.core.vault.gb_bank_accounts: create archive unarchive
v2.core.vault.us_bank_accounts: create update archive confirm_microdeposits send_microdeposits unarchive
v2.money_management.financial_accounts: update
v2.money_management.financial_addresses: create
v2.money_management.outbound_payments: cancel
v2.money_management.outbound_setup_intents: create update cancel
v2.money_management.payout_intents: update cancel refresh_fx_quote refresh_recipient_verification
v2.money_management.payout_methods: archive unarchive
v2.money_management.recipient_verifications: create acknowledge
v2.money_management.transactions: update refresh_regulatory_receipt
v2.test_helpers.money_management: recipient_verifications
webhook_endpoints: create update delete
"""
MOVES_NOTHING = frozenset(
    f"{resource}.{operation}"
    for resource, _, operations in (line.partition(": ") for line in _OPERATIONS.split("\n") if line)
    for operation in operations.split()
)

# Patterns (operation, dotted path of a parameter, without list indices) of names that suggest money but are none.
NO_MONEY: tuple[tuple[str, str], ...] = (
    ("*", "metadata.*"),
    ("*", "*.metadata.*"),
    ("accounts.*", "business_profile*revenue*"),  # what a business states about itself
    ("*.account*", "*revenue*"),
    ("v2.core.accounts.*", "defaults*fees_collector*"),
    ("*", "*amount_tax_display*"),  # how an invoice is shown
    ("*", "*mandate_options*amount*"),  # limits of a mandate
    ("*", "*klarna*on_demand*_amount"),
    ("*", "payment_method_options.*amount"),
    ("billing_portal.*", "*price*"),  # ids of prices a customer may choose
    ("charges.update", "charge"),
    ("coupons.create", "amount_off"),  # takes effect with the object it is applied to
    ("coupons.*", "currency_options*amount_off"),
    ("customers.*", "cash_balance*"),  # how payments are reconciled
    ("customers.payment_sources.verify", "amounts*"),  # deposits that a customer confirms
    ("*verify_microdeposits", "amounts*"),
    ("*confirm_microdeposits", "amounts*"),
    ("disputes.update", "evidence*"),
    ("invoices.*", "application_fee_amount"),  # a part of a later charge, which is then refused
    ("invoices.*", "transfer_data*amount*"),
    ("invoices.*", "shipping_cost*"),  # if the invoice may be charged automatically, UNBOUNDED_IF applies
    ("invoices.create_preview", "*"),  # a calculation
    ("issuing.card*", "spending_controls*"),  # limits; UNBOUNDED_IF has their change
    ("issuing.disputes.*", "*"),  # money that is claimed back
    ("payment_records.*", "*"),  # records of what happened elsewhere
    ("plans.*", "*"),  # a price list charges nobody
    ("prices.*", "*"),
    ("product_catalog.trial_offers.*", "*price*"),
    ("products.*", "default_price*"),
    ("promotion_codes.*", "restrictions*"),
    ("quotes.*", "*"),  # accepting one is refused
    ("radar.payment_evaluations.create", "*"),  # only evaluates
    ("setup_intents.*", "*amount*"),
    ("shipping_rates.*", "*"),
    ("sources.*", "*"),  # charged by a later charge, which is counted
    ("tax.*", "*"),  # calculations and reports
    ("terminal.configurations.*", "*"),  # what a reader offers
    ("terminal.readers.collect_payment_method", "collect_config*"),  # the base of a tip
    ("terminal.readers.set_reader_display", "cart*"),
    ("test_helpers.confirmation_tokens.create", "*amount*"),
    ("three_d_secure.authentications.*", "*"),  # asks for the customer's consent
    # Beside another amount, which is counted:
    ("*", "application_fee_amount"),  # a part of it
    ("charges.*", "application_fee"),
    ("*", "application_fee.amount"),
    ("*", "amount_details*"),  # its components
    ("*", "payment_details*"),
    ("*", "transfer_data*amount*"),
    ("*", "*breakdown*"),
    ("charges.*", "destination.amount"),
    ("charges.*", "level3*"),
    ("invoice_items.create", "*unit_amount*"),  # refused by BESIDE
    ("invoice_items.create", "*price*"),
    ("payment_intents.*", "payment_method_data*amount*"),
    ("refunds.create", "refund_application_fee"),
    ("terminal.readers.*", "*_config*amount*"),  # the base of a tip
    ("test_helpers.issuing.*", "fleet*"),
    ("test_helpers.issuing.*", "fuel*"),
    ("test_helpers.issuing.*", "merchant_amount"),  # the same in another currency
    ("test_helpers.issuing.*", "purchase_details*"),
    ("topups.create", "source"),
    ("transfers.reversals.create", "refund_application_fee"),
)

_WORDS = r"amounts?|balance|credits?|debits?|money|cash|prices?|fees?|costs?|total|subtotal|deposits?|funds?|revenue"
_MONEY = re.compile(rf"(?:^|[_.])(?:{_WORDS})(?=[_.]|$)")


def is_called_money(name: str) -> bool:
    """Whether the name of a parameter, or of one around it, suggests money: ``balance``, ``limits.amount``."""
    return _MONEY.search(name) is not None


def moves_nothing(operation: str, numbers: Iterable[str]) -> bool:
    """Whether a change certainly moves no money. ``numbers`` are the dotted paths of the numbers it sends."""
    return operation in MOVES_NOTHING and all(is_no_money(operation, name) for name in numbers)


@lru_cache(4096)
def is_no_money(operation: str, name: str) -> bool:
    """Whether the name of a parameter does not suggest money, or the parameter is known to be none."""
    return not is_called_money(name) or any(
        fnmatchcase(operation, where) and fnmatchcase(name, what) for where, what in NO_MONEY
    )
