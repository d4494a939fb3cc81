"""The requests that lead to each event; https://docs.stripe.com/api/events/types says when each occurs.

A step is ``[NAME = ]METHOD PATH [FORM]``. In later steps, ``{NAME}`` is the id in its answer, and ``{NAME.member}``
another member. A single word is one of :data:`STEPS`. A step after ``?`` may be refused, as a declined payment is.
``as {NAME.member}`` before the method is sent instead of the API key.
"""

from __future__ import annotations

from typing import Final

from host.simulator.stripe.trigger_steps import CARD, ITEM, STEPS

__all__ = ["MADE", "STEPS", "TRIGGERS"]

_PAID_INVOICE = ("payer", "item", "invoice", "open", "POST /v1/invoices/{invoice}/pay")
_OPEN_INVOICE = ("payer", "item", "invoice", "open")
_SUBSCRIBED = ("payer", "product", "price", "subscription")
_CHECKOUT = ("product", "once", "session")
_QUOTED = ("payer", "product", "price", "quote")
_TIMED = ("clock", "clocked_payer", "product", "price")
_SCHEDULED = ("payer", "product", "price", "schedule")
_LATER = "POST /v1/test_helpers/test_clocks/{clock}/advance frozen_time="
_DEBIT = ("clock", "clocked", "product", "once", "debit")
_METADATA = "metadata[order_id]=6735"
_FAILING = (
    "payer",
    "item",
    "invoice",
    "open",
    "? POST /v1/invoices/{invoice}/pay payment_method=pm_card_chargeDeclined",
)
_TRIAL = f"subscription = POST /v1/subscriptions customer={{clocked_payer}}&{ITEM}&trial_period_days=7"

_TO_FAIL = (
    "payment_method=pm_card_chargeCustomerFail&invoice_settings[default_payment_method]=pm_card_chargeCustomerFail"
)
_PURCHASE = "POST /v1/test_helpers/issuing/authorizations "
_UNASKED = "DELETE /v1/webhook_endpoints/{asked}"  # so that later purchases do not wait for its decision
_CONTESTED = (
    "POST /v1/issuing/disputes transaction={spent}&evidence[reason]=fraudulent"
    "&evidence[fraudulent][explanation]=The card was stolen."
)
_STREAM = "as {session_v2.authentication_token} POST /v2/billing/meter_event_stream events[0][event_name]="

# By name of a trigger, the type of its event, where they differ.
MADE: Final[dict[str, str]] = {
    "issuing_authorization.request.eu": "issuing_authorization.request",
    "issuing_authorization.request.gb": "issuing_authorization.request",
    "issuing_card.created.eu": "issuing_card.created",
    "issuing_card.created.gb": "issuing_card.created",
    "issuing_cardholder.created.eu": "issuing_cardholder.created",
    "issuing_cardholder.created.gb": "issuing_cardholder.created",
    "subscription.payment_failed": "invoice.payment_failed",
    "subscription.payment_succeeded": "invoice.payment_succeeded",
}

TRIGGERS: Final[dict[str, tuple[str, ...]]] = {
    "account.application.deauthorized": (
        "standard = POST /v1/accounts type=standard&country=US",
        "DELETE /v1/accounts/{standard}",
    ),
    "account.updated": ("account", f"POST /v1/accounts/{{account}} {_METADATA}"),
    "account.external_account.created": (
        "account",
        "POST /v1/accounts/{account}/external_accounts external_account=btok_us_verified",
    ),
    "balance.available": ("funds",),
    "billing_portal.configuration.created": ("portal",),
    "billing_portal.configuration.updated": (
        "portal",
        f"POST /v1/billing_portal/configurations/{{portal}} {_METADATA}",
    ),
    "billing_portal.session.created": (
        "customer",
        "POST /v1/billing_portal/sessions customer={customer}",
    ),
    "cash_balance.funds_available": ("customer", "fund"),
    "charge.captured": ("held", "POST /v1/payment_intents/{held}/capture"),
    "charge.dispute.closed": (
        "disputed",
        "dispute = GET /v1/disputes payment_intent={disputed}",
        "POST /v1/disputes/{dispute}/close",
    ),
    "charge.dispute.created": ("disputed",),
    "charge.dispute.funds_withdrawn": ("disputed",),
    "charge.dispute.updated": (
        "disputed",
        "dispute = GET /v1/disputes payment_intent={disputed}",
        f"POST /v1/disputes/{{dispute}} {_METADATA}",
    ),
    "charge.failed": ("declined",),
    "charge.refund.updated": ("payment", "refund", f"POST /v1/refunds/{{refund}} {_METADATA}"),
    "charge.refunded": ("payment", "refund"),
    "charge.succeeded": ("payment",),
    "charge.updated": ("payment", f"POST /v1/charges/{{payment.latest_charge}} {_METADATA}"),
    "checkout.session.async_payment_failed": (
        *_DEBIT,
        "POST /v1/payment_pages/{debit}/confirm payment_method=pm_usBankAccount_accountClosed",
        _LATER + "1894456000",
    ),
    "checkout.session.async_payment_succeeded": (
        *_DEBIT,
        "POST /v1/payment_pages/{debit}/confirm payment_method=pm_usBankAccount_success",
        _LATER + "1894456000",
    ),
    "checkout.session.completed": (
        *_CHECKOUT,
        f"POST /v1/payment_pages/{{session}}/confirm {CARD}&email=jenny@example.com",
    ),
    "checkout.session.expired": (*_CHECKOUT, "POST /v1/checkout/sessions/{session}/expire"),
    "coupon.created": ("coupon",),
    "coupon.deleted": ("coupon", "DELETE /v1/coupons/{coupon}"),
    "coupon.updated": ("coupon", f"POST /v1/coupons/{{coupon}} {_METADATA}"),
    "credit_note.created": (*_OPEN_INVOICE, "note"),
    "credit_note.updated": (*_OPEN_INVOICE, "note", f"POST /v1/credit_notes/{{note}} {_METADATA}"),
    "credit_note.voided": (*_OPEN_INVOICE, "note", "POST /v1/credit_notes/{note}/void"),
    "customer.created": ("customer",),
    "customer_cash_balance_transaction.created": ("customer", "fund"),
    "customer.deleted": ("customer", "DELETE /v1/customers/{customer}"),
    "customer.discount.created": (
        *_SUBSCRIBED,
        "coupon",
        "POST /v1/subscriptions/{subscription} discounts[0][coupon]={coupon}",
    ),
    "customer.discount.deleted": (
        *_SUBSCRIBED,
        "coupon",
        "POST /v1/subscriptions/{subscription} discounts[0][coupon]={coupon}",
        "DELETE /v1/subscriptions/{subscription}/discount",
    ),
    "customer.discount.updated": (  # a parameter of versions before 2025-03-31, which requests without a version take
        "coupon",
        "discounted = POST /v1/customers name=Jenny Rosen&coupon={coupon}",
        "larger = POST /v1/coupons percent_off=30&duration=once",
        "POST /v1/customers/{discounted} coupon={larger}",
    ),
    "customer.source.created": ("customer", "POST /v1/customers/{customer}/sources source=tok_visa"),
    "customer.source.updated": (
        "customer",
        "source = POST /v1/customers/{customer}/sources source=tok_visa",
        f"POST /v1/customers/{{customer}}/sources/{{source}} {_METADATA}",
    ),
    "customer.source.deleted": (
        "customer",
        "source = POST /v1/customers/{customer}/sources source=tok_visa",
        "DELETE /v1/customers/{customer}/sources/{source}",
    ),
    "customer.subscription.created": _SUBSCRIBED,
    "customer.subscription.deleted": (*_SUBSCRIBED, "DELETE /v1/subscriptions/{subscription}"),
    "customer.subscription.paused": (
        "clock",
        "clocked",
        "product",
        "price",
        f"POST /v1/subscriptions customer={{clocked}}&{ITEM}&trial_period_days=1"
        "&trial_settings[end_behavior][missing_payment_method]=pause",
        _LATER + "1893715200",
    ),
    "customer.subscription.trial_will_end": (*_TIMED, _TRIAL, _LATER + "1893888000"),
    "customer.subscription.updated": (*_SUBSCRIBED, f"POST /v1/subscriptions/{{subscription}} {_METADATA}"),
    "customer.tax_id.created": ("customer", "POST /v1/customers/{customer}/tax_ids type=eu_vat&value=DE123456789"),
    "customer.tax_id.deleted": (
        "customer",
        "tax_id = POST /v1/customers/{customer}/tax_ids type=eu_vat&value=DE123456789",
        "DELETE /v1/customers/{customer}/tax_ids/{tax_id}",
    ),
    "customer.updated": ("customer", f"POST /v1/customers/{{customer}} {_METADATA}"),
    "identity.verification_session.canceled": (
        "verification",
        "POST /v1/identity/verification_sessions/{verification}/cancel",
    ),
    "identity.verification_session.created": ("verification",),
    "identity.verification_session.redacted": (
        "verification",
        "POST /v1/identity/verification_sessions/{verification}/redact",
    ),
    "invoice.created": ("payer", "item", "invoice"),
    "invoice.deleted": ("payer", "item", "invoice", "DELETE /v1/invoices/{invoice}"),
    "invoice.finalized": _OPEN_INVOICE,
    "invoice.marked_uncollectible": (*_OPEN_INVOICE, "POST /v1/invoices/{invoice}/mark_uncollectible"),
    "invoice.paid": _PAID_INVOICE,
    "invoice.payment_action_required": (
        *_OPEN_INVOICE,
        "? POST /v1/invoices/{invoice}/pay payment_method=pm_card_authenticationRequired",
    ),
    "invoice.payment_failed": _FAILING,
    "invoice.payment_succeeded": _PAID_INVOICE,
    "invoice.sent": (
        "customer",
        "POST /v1/invoiceitems customer={customer}&amount=2000&currency=usd",
        "invoice = POST /v1/invoices customer={customer}&collection_method=send_invoice&days_until_due=30"
        "&pending_invoice_items_behavior=include",
        "POST /v1/invoices/{invoice}/send",
    ),
    "invoice.updated": ("payer", "item", "invoice", f"POST /v1/invoices/{{invoice}} {_METADATA}"),
    "invoice.voided": (*_OPEN_INVOICE, "POST /v1/invoices/{invoice}/void"),
    "invoice_payment.paid": _PAID_INVOICE,
    "invoiceitem.created": ("payer", "item"),
    "invoiceitem.deleted": ("payer", "item", "DELETE /v1/invoiceitems/{item}"),
    "issuing_authorization.created": ("holder", "issued", f"{_PURCHASE}card={{issued}}&amount=100"),
    "issuing_authorization.request": ("holder", "issued", "asked", f"{_PURCHASE}card={{issued}}&amount=100", _UNASKED),
    "issuing_authorization.request.eu": (
        "holder_eu",
        "issued_eu",
        "asked",
        f"{_PURCHASE}card={{issued_eu}}&amount=100",
        _UNASKED,
    ),
    "issuing_authorization.request.gb": (
        "holder_gb",
        "issued_gb",
        "asked",
        f"{_PURCHASE}card={{issued_gb}}&amount=100",
        _UNASKED,
    ),
    "issuing_authorization.updated": (
        "holder",
        "issued",
        f"purchase = {_PURCHASE}card={{issued}}&amount=100",
        "POST /v1/test_helpers/issuing/authorizations/{purchase}/capture",
    ),
    "issuing_card.created": ("holder", "issued"),
    "issuing_card.created.eu": ("holder_eu", "issued_eu"),
    "issuing_card.created.gb": ("holder_gb", "issued_gb"),
    "issuing_card.updated": ("holder", "issued", f"POST /v1/issuing/cards/{{issued}} {_METADATA}"),
    "issuing_cardholder.created": ("holder",),
    "issuing_cardholder.created.eu": ("holder_eu",),
    "issuing_cardholder.created.gb": ("holder_gb",),
    "issuing_cardholder.updated": ("holder", f"POST /v1/issuing/cardholders/{{holder}} {_METADATA}"),
    "issuing_dispute.created": ("holder", "issued", "spent", _CONTESTED),
    "issuing_dispute.submitted": (
        "holder",
        "issued",
        "spent",
        f"contested = {_CONTESTED}",
        "POST /v1/issuing/disputes/{contested}/submit",
    ),
    "issuing_transaction.created": ("holder", "issued", "spent"),
    "issuing_transaction.purchase_details_receipt_updated": (
        "holder",
        "issued",
        "POST /v1/test_helpers/issuing/transactions/create_force_capture card={issued}&amount=10000&currency=usd"
        "&merchant_data[category]=taxicabs_limousines&merchant_data[name]=Jenny's Cabs"
        "&purchase_details[receipt][0][description]=Ride&purchase_details[receipt][0][quantity]=1"
        "&purchase_details[receipt][0][unit_cost]=10000",
    ),
    "issuing_transaction.updated": (
        "holder",
        "issued",
        "spent",
        f"POST /v1/issuing/transactions/{{spent}} {_METADATA}",
    ),
    "payment_intent.amount_capturable_updated": ("held",),
    "payment_intent.canceled": ("intent", "POST /v1/payment_intents/{intent}/cancel"),
    "payment_intent.created": ("intent",),
    "payment_intent.partially_funded": (
        "customer",
        "POST /v1/payment_intents amount=20000&currency=jpy&customer={customer}&confirm=true"
        "&payment_method_types[0]=customer_balance&payment_method_data[type]=customer_balance"
        "&payment_method_options[customer_balance][funding_type]=bank_transfer"
        "&payment_method_options[customer_balance][bank_transfer][type]=jp_bank_transfer",
        "POST /v1/test_helpers/customers/{customer}/fund_cash_balance amount=10000&currency=jpy",
    ),
    "payment_intent.payment_failed": ("declined",),
    "payment_intent.processing": (
        "POST /v1/payment_intents amount=2000&currency=usd&payment_method=pm_usBankAccount_success&confirm=true"
        "&automatic_payment_methods[enabled]=true&return_url=https://example.com/back&mandate_data[customer_acceptance][type]=offline",
    ),
    "payment_intent.requires_action": (
        "POST /v1/payment_intents amount=2000&currency=usd&payment_method=pm_card_authenticationRequired&confirm=true"
        "&automatic_payment_methods[enabled]=true&return_url=https://example.com/back",
    ),
    "payment_intent.succeeded": ("payment",),
    "payment_link.created": (
        "product",
        "once",
        "POST /v1/payment_links line_items[0][price]={once}&line_items[0][quantity]=1",
    ),
    "payment_link.updated": (
        "product",
        "once",
        "link = POST /v1/payment_links line_items[0][price]={once}&line_items[0][quantity]=1",
        "POST /v1/payment_links/{link} active=false",
    ),
    "payment_method.attached": ("customer", "method", "attached"),
    "payment_method.detached": ("customer", "method", "attached", "POST /v1/payment_methods/{method}/detach"),
    "payment_method.updated": ("customer", "method", "attached", f"POST /v1/payment_methods/{{method}} {_METADATA}"),
    "payout.canceled": (
        "funds",
        "payout = POST /v1/payouts amount=1000&currency=usd",
        "POST /v1/payouts/{payout}/cancel",
    ),
    "payout.created": ("funds", "POST /v1/payouts amount=1000&currency=usd"),
    "payout.updated": (
        "funds",
        "payout = POST /v1/payouts amount=1000&currency=usd",
        f"POST /v1/payouts/{{payout}} {_METADATA}",
    ),
    "plan.created": ("product", "POST /v1/plans product={product}&currency=usd&amount=2000&interval=month"),
    "plan.deleted": (
        "product",
        "plan = POST /v1/plans product={product}&currency=usd&amount=2000&interval=month",
        "DELETE /v1/plans/{plan}",
    ),
    "plan.updated": (
        "product",
        "plan = POST /v1/plans product={product}&currency=usd&amount=2000&interval=month",
        f"POST /v1/plans/{{plan}} {_METADATA}",
    ),
    "price.created": ("product", "price"),
    "price.updated": ("product", "price", f"POST /v1/prices/{{price}} {_METADATA}"),
    "product.created": ("product",),
    "product.deleted": ("product", "DELETE /v1/products/{product}"),
    "product.updated": ("product", f"POST /v1/products/{{product}} {_METADATA}"),
    "promotion_code.created": ("coupon", "POST /v1/promotion_codes promotion[type]=coupon&promotion[coupon]={coupon}"),
    "promotion_code.updated": (
        "coupon",
        "code = POST /v1/promotion_codes promotion[type]=coupon&promotion[coupon]={coupon}",
        "POST /v1/promotion_codes/{code} active=false",
    ),
    "quote.accepted": (*_QUOTED, "final_quote", "POST /v1/quotes/{quote}/accept"),
    "quote.canceled": (*_QUOTED, "POST /v1/quotes/{quote}/cancel"),
    "quote.created": _QUOTED,
    "quote.finalized": (*_QUOTED, "final_quote"),
    "refund.created": ("payment", "refund"),
    "refund.updated": ("payment", "refund", f"POST /v1/refunds/{{refund}} {_METADATA}"),
    "reporting.report_run.succeeded": (
        "POST /v1/reporting/report_runs report_type=balance.summary.1"
        "&parameters[interval_start]=1641045832&parameters[interval_end]=1646143432",
    ),
    "setup_intent.canceled": ("customer", "setup", "POST /v1/setup_intents/{setup}/cancel"),
    "setup_intent.created": ("customer", "setup"),
    "setup_intent.requires_action": (
        "customer",
        "POST /v1/setup_intents customer={customer}&payment_method=pm_card_authenticationRequired&confirm=true"
        "&automatic_payment_methods[enabled]=true&return_url=https://example.com/back",
    ),
    "setup_intent.setup_failed": (
        "? POST /v1/setup_intents payment_method=pm_card_chargeDeclined&confirm=true"
        "&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never",
    ),
    "setup_intent.succeeded": ("customer", "setup", "POST /v1/setup_intents/{setup}/confirm"),
    "subscription_schedule.aborted": (
        "clock",
        f"failing = POST /v1/customers name=Jenny Rosen&test_clock={{clock}}&{_TO_FAIL}",
        "product",
        "price",
        f"incomplete = POST /v1/subscriptions customer={{failing}}&{ITEM}",
        "POST /v1/subscription_schedules from_subscription={incomplete}",
        _LATER + "1893628800",
    ),
    "subscription_schedule.canceled": (*_SCHEDULED, "POST /v1/subscription_schedules/{schedule}/cancel"),
    "subscription_schedule.created": _SCHEDULED,
    "subscription_schedule.expiring": (
        *_TIMED,
        "POST /v1/subscription_schedules customer={clocked_payer}&start_date=now&end_behavior=cancel"
        "&phases[0][items][0][price]={price}&phases[0][duration][interval]=month&phases[0][duration][interval_count]=1",
        _LATER + "1895616000",
    ),
    "subscription_schedule.released": (*_SCHEDULED, "POST /v1/subscription_schedules/{schedule}/release"),
    "subscription_schedule.updated": (*_SCHEDULED, f"POST /v1/subscription_schedules/{{schedule}} {_METADATA}"),
    "subscription_schedule.completed": (
        *_TIMED,
        "POST /v1/subscription_schedules customer={clocked_payer}&start_date=now&end_behavior=cancel"
        "&phases[0][items][0][price]={price}&phases[0][duration][interval]=month&phases[0][duration][interval_count]=1",
        _LATER + "1896912000",
    ),
    "tax_rate.created": ("POST /v1/tax_rates display_name=VAT&percentage=19&inclusive=false",),
    "tax_rate.updated": (
        "rate = POST /v1/tax_rates display_name=VAT&percentage=19&inclusive=false",
        "POST /v1/tax_rates/{rate} active=false",
    ),
    "test_helpers.test_clock.created": ("clock",),
    "test_helpers.test_clock.deleted": ("clock", "DELETE /v1/test_helpers/test_clocks/{clock}"),
    "test_helpers.test_clock.advancing": ("clock", _LATER + "1893542400"),
    "test_helpers.test_clock.ready": ("clock", _LATER + "1893542400"),
    "topup.created": ("POST /v1/topups amount=2000&currency=usd&description=Top-up",),
    "transfer.created": ("funds", "account", "transfer"),
    "transfer.reversed": ("funds", "account", "transfer", "POST /v1/transfers/{transfer}/reversals amount=100"),
    "transfer.updated": ("funds", "account", "transfer", f"POST /v1/transfers/{{transfer}} {_METADATA}"),
    "subscription.payment_failed": (
        "product",
        "price",
        f"failing = POST /v1/customers name=Jenny Rosen&{_TO_FAIL}",
        f"POST /v1/subscriptions customer={{failing}}&{ITEM}",
    ),
    "subscription.payment_succeeded": _SUBSCRIBED,
    "v1.billing.meter.error_report_triggered": (
        "meter = POST /v1/billing/meters display_name=API calls&event_name=api_calls&default_aggregation[formula]=sum",
        "session_v2",
        _STREAM + "{meter.event_name}&events[0][payload][value]=1",
    ),
    "v1.billing.meter.no_meter_found": (
        "session_v2",
        _STREAM + "nobody_counts_this&events[0][payload][value]=10",
    ),
    "v2.core.account.closed": ("account_v2", "POST /v2/core/accounts/{account_v2}/close"),
    "v2.core.account.created": ("account_v2",),
    "v2.core.account.updated": ("account_v2", "POST /v2/core/accounts/{account_v2} display_name=Rosen"),
    "v2.core.event_destination.ping": (
        "destination = POST /v2/core/event_destinations name=Mine&type=webhook_endpoint&event_payload=thin"
        "&enabled_events[0]=v1.customer.created&webhook_endpoint[url]=http://localhost:1/webhook",
        "POST /v2/core/event_destinations/{destination}/ping",
    ),
}
