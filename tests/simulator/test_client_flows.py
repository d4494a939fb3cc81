"""Flows beyond payments and billing, with the official Python client: issued cards, reports, transfers, taxes."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.simulator.conftest import KEY, Api
from tests.simulator.test_official_client import InProcess

stripe_client = pytest.importorskip("stripe", reason="the official client is not installed")
HOLDER = {
    "type": "individual",
    "name": "Ann Lee",
    "billing": {"address": {"line1": "1 A St", "city": "B", "country": "US", "postal_code": "94111"}},
}


@pytest.fixture
def v1(api: Api) -> Any:
    """The services of the client's v1."""
    return stripe_client.StripeClient(KEY, http_client=InProcess(api.simulator), max_network_retries=0).v1


@pytest.fixture
def card(v1: Any) -> Any:
    """An active card in USD."""
    holder = v1.issuing.cardholders.create(HOLDER)
    return v1.issuing.cards.create({"cardholder": holder.id, "currency": "usd", "type": "virtual", "status": "active"})


def test_a_purchase_from_authorization_to_dispute(v1: Any, card: Any) -> None:
    """Authorized, captured, disputed; all pages are found by the card."""
    bakery = {"category": "bakeries", "name": "Bread"}
    tests = v1.test_helpers.issuing
    purchase = tests.authorizations.create({"card": card.id, "amount": 1000, "merchant_data": bakery})
    assert (purchase.approved, purchase.merchant_data.category_code) == (True, "5462")
    assert tests.authorizations.increment(purchase.id, {"increment_amount": 200}).amount == 1200
    assert tests.authorizations.reverse(purchase.id, {"reverse_amount": 100}).amount == 1100
    done = tests.authorizations.capture(purchase.id)
    assert (done.status, done.transactions[0].amount) == ("closed", -1100)
    captured = v1.issuing.transactions.update(done.transactions[0].id, {"metadata": {"a": "b"}})
    evidence = {"reason": "fraudulent", "fraudulent": {"explanation": "stolen"}}
    dispute = v1.issuing.disputes.create({"transaction": captured.id, "evidence": evidence})
    assert v1.issuing.disputes.submit(dispute.id).status == "submitted"
    assert [each.id for each in v1.issuing.authorizations.list({"card": card.id}).auto_paging_iter()] == [purchase.id]
    assert v1.balance.retrieve().issuing.available[0].amount == 100_000 - 1100


def test_a_purchase_that_somebody_decides(v1: Any, card: Any) -> None:
    """By the calls that came before the webhook's own answer; declined, it is over."""
    v1.webhook_endpoints.create({"url": "http://localhost:1/hook", "enabled_events": ["issuing_authorization.request"]})
    first, second = (
        v1.test_helpers.issuing.authorizations.create({"card": card.id, "amount": amount}) for amount in (100, 200)
    )
    assert first.pending_request.amount == 100
    assert v1.issuing.authorizations.approve(first.id).approved is True
    declined = v1.issuing.authorizations.decline(second.id)
    assert (declined.approved, declined.request_history[0].reason) == (False, "webhook_declined")


def test_a_report_is_run_and_read(v1: Any, api: Api) -> None:
    """Its file is a CSV."""
    api.simulator.advance(60)
    interval = {"interval_start": 1_800_000_000, "interval_end": 1_800_000_060}
    run = v1.reporting.report_runs.create({"report_type": "balance.summary.1", "parameters": interval})
    run = v1.reporting.report_runs.retrieve(run.id)
    _, _, content = api.simulator.handle(
        "GET", f"/v1/files/{run.result.id}/contents", {"Authorization": f"Bearer {KEY}"}
    )
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert [row["net_amount"] for row in rows] == ["1000.00", "0.00", "0.00", "1000.00"]
    assert run.report_type in [each.id for each in v1.reporting.report_types.list().data]


def test_a_payment_by_bank_transfer(v1: Any) -> None:
    """Instructions, a part, the rest."""
    customer = v1.customers.create({"name": "Ann"})
    transfer = {"funding_type": "bank_transfer", "bank_transfer": {"type": "us_bank_transfer"}}
    payment = v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "usd",
            "customer": customer.id,
            "confirm": True,
            "allowed_payment_method_types": ["customer_balance"],
            "payment_method_data": {"type": "customer_balance"},
            "payment_method_options": {"customer_balance": transfer},
        }
    )
    shown = payment.next_action.display_bank_transfer_instructions
    assert (shown.amount_remaining, shown.financial_addresses[0].type) == (2000, "aba")
    for amount, status in ((500, "requires_action"), (1500, "succeeded")):
        v1.test_helpers.customers.fund_cash_balance(customer.id, {"amount": amount, "currency": "usd"})
        assert v1.payment_intents.retrieve(payment.id).status == status
    moved = v1.customers.cash_balance_transactions.list(customer.id)
    assert [each.net_amount for each in moved.data][::-1] == [500, -500, 1500, -1500]


def test_a_sale_with_tax_and_its_reversal(v1: Any) -> None:
    """Registered, calculated, sold, taken back."""
    v1.tax.registrations.create(
        {"country": "DE", "active_from": "now", "country_options": {"de": {"type": "standard"}}}
    )
    made = v1.tax.calculations.create(
        {
            "currency": "eur",
            "customer_details": {"address": {"country": "DE", "postal_code": "10115"}, "address_source": "billing"},
            "line_items": [{"amount": 1000, "reference": "L1", "tax_behavior": "exclusive"}],
        }
    )
    assert (made.tax_amount_exclusive, made.amount_total) == (190, 1190)
    sale = v1.tax.transactions.create_from_calculation({"calculation": made.id, "reference": "order-1"})
    back = v1.tax.transactions.create_reversal(
        {"original_transaction": sale.id, "mode": "full", "reference": "refund-1", "expand": ["line_items"]}
    )
    assert [(line.amount, line.amount_tax) for line in back.line_items.data] == [(-1000, -190)]


def test_what_a_customer_may_use(v1: Any) -> None:
    """A feature of a product, from the subscription on."""
    feature = v1.entitlements.features.create({"name": "API", "lookup_key": "api"})
    product = v1.products.create({"name": "Plan"})
    v1.products.features.create(product.id, {"entitlement_feature": feature.id})
    customer = v1.customers.create(
        {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )
    price = v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 1000, "recurring": {"interval": "month"}}
    )
    v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    held = v1.entitlements.active_entitlements.list({"customer": customer.id})
    assert [each.lookup_key for each in held.data] == ["api"]
