"""Payments, the books and Connect as the official Python client does them, in the words of Stripe's guides."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.conftest import KEY

stripe = pytest.importorskip("stripe", reason="the official client is not installed")

from tests.simulator.test_official_client import InProcess  # noqa: E402 - needs the client

CARD = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}


@pytest.fixture
def v1(api) -> Any:
    """The client's services, on the simulator of ``api``."""
    return stripe.StripeClient(KEY, http_client=InProcess(api.simulator), max_network_retries=0).v1


@pytest.fixture
def platform(v1) -> tuple[Any, dict[str, str]]:
    """The services, and the options of a request for a connected account."""
    account = v1.accounts.create({"type": "express", "country": "US"})
    return v1, {"stripe_account": account.id}


def pay(v1, method: str = "pm_card_visa", options: Any = None, **more: Any) -> Any:
    params = {"amount": 2000, "currency": "usd", "confirm": True, "payment_method": method, **more}
    return v1.payment_intents.create(params, options)


def test_accept_a_payment(v1) -> None:
    """An intent is made, confirmed, and its charge has the net amount.

    https://docs.stripe.com/payments/accept-a-payment
    """
    made = v1.payment_intents.create({"amount": 2000, "currency": "usd"})
    done = v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    assert (done.status, done.amount_received) == ("succeeded", 2000)
    charge = v1.charges.retrieve(done.latest_charge, {"expand": ["balance_transaction"]})
    assert (charge.paid, charge.balance_transaction.net) == (True, 1912)


@pytest.mark.parametrize(
    ("card", "code"), [("chargeDeclined", "card_declined"), ("chargeDeclinedExpiredCard", "expired_card")]
)
def test_a_declined_card_is_a_card_error(v1, card, code) -> None:
    """A declined card is a card error of the client. https://docs.stripe.com/error-handling"""
    with pytest.raises(stripe.CardError) as caught:
        pay(v1, f"pm_card_{card}")
    error = caught.value
    assert (error.http_status, error.code) == (402, code)
    assert error.error.payment_intent.status == "requires_payment_method"
    assert error.error.charge.startswith("ch_")
    assert error.error.doc_url.startswith("https://stripe.com/docs/error-codes/")


def test_place_a_hold(v1) -> None:
    """An authorized amount is captured in part, or canceled and given back.

    https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
    """
    held = pay(v1, capture_method="manual")
    assert held.amount_capturable == 2000
    taken = v1.payment_intents.capture(held.id, {"amount_to_capture": 1500})
    assert (taken.status, taken.amount_received) == ("succeeded", 1500)
    other = pay(v1, capture_method="manual")
    assert v1.payment_intents.cancel(other.id).status == "canceled"
    assert v1.charges.retrieve(other.latest_charge).refunded is True


def test_save_a_card_and_charge_it_later(v1) -> None:
    """A card is saved and charged later. https://docs.stripe.com/payments/save-and-reuse"""
    customer = v1.customers.create({"email": "jenny@example.com"})
    setup = v1.setup_intents.create({"customer": customer.id, "usage": "off_session"})
    card = "pm_card_authenticationRequiredOnSetup"
    waiting = v1.setup_intents.confirm(setup.id, {"payment_method": card, "return_url": "https://example.com"})
    assert waiting.next_action.redirect_to_url.return_url == "https://example.com"
    saved = v1.setup_intents.confirm(setup.id)
    assert saved.status == "succeeded"
    [method] = v1.customers.payment_methods.list(customer.id, {"type": "card"}).data
    done = pay(v1, method.id, customer=customer.id, off_session=True)
    assert done.status == "succeeded"


def test_an_off_session_payment_that_needs_its_customer(v1) -> None:
    """An off-session payment that needs its customer fails, and can then be authenticated.

    https://docs.stripe.com/payments/save-and-reuse#charge-saved-payment-method
    """
    customer = v1.customers.create({"payment_method": "pm_card_authenticationRequired"})
    [method] = v1.customers.payment_methods.list(customer.id).data
    with pytest.raises(stripe.CardError) as caught:
        pay(v1, method.id, customer=customer.id, off_session=True)
    assert caught.value.code == "authentication_required"
    intent = v1.payment_intents.retrieve(caught.value.error.payment_intent.id)
    assert intent.last_payment_error.payment_method.id == method.id


def test_a_return_url_is_needed(v1) -> None:
    """Automatic payment methods may redirect, so they need an address or a word against it.

    https://docs.stripe.com/upgrades/manage-payment-methods
    """
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        pay(v1, automatic_payment_methods={"enabled": True})
    assert pay(v1, automatic_payment_methods={"enabled": True, "allow_redirects": "never"}).status == "succeeded"


def test_a_three_d_secure_card(v1) -> None:
    """The card asks for authentication, and its charge says that it took place.

    https://docs.stripe.com/payments/3d-secure/authentication-flow
    """
    made = pay(v1, "pm_card_threeDSecure2Required")
    assert (made.status, made.next_action.type) == ("requires_action", "use_stripe_sdk")
    done = v1.payment_intents.confirm(made.id, {"expand": ["latest_charge"]})
    assert done.latest_charge.payment_method_details.card.three_d_secure.result == "authenticated"


def test_a_card_token(v1) -> None:
    """A token pays once, and a second time it is refused. https://docs.stripe.com/api/tokens/create_card"""
    token = v1.tokens.create({"card": CARD})
    assert (token.card.last4, token.card.exp_year) == ("4242", 2034)
    assert v1.charges.create({"amount": 999, "currency": "usd", "source": token.id}).paid is True
    with pytest.raises(stripe.InvalidRequestError, match="more than once"):
        v1.charges.create({"amount": 999, "currency": "usd", "source": token.id})


def test_a_wrong_number(v1) -> None:
    """A number that fails its check digit is a ``CardError``. https://docs.stripe.com/error-codes#incorrect-number"""
    with pytest.raises(stripe.CardError) as caught:
        v1.payment_methods.create({"type": "card", "card": {**CARD, "number": "4242424242424241"}})
    assert caught.value.code == "incorrect_number"


def test_a_customers_cards_of_old(v1) -> None:
    """Cards are sources of a customer: added, made the default, charged, deleted. https://docs.stripe.com/api/cards"""
    customer = v1.customers.create({"source": "tok_visa"})
    card = v1.customers.payment_sources.create(customer.id, {"source": "tok_mastercard"})
    assert (card.object, card.brand) == ("card", "MasterCard")
    v1.customers.update(customer.id, {"default_source": card.id})
    charge = v1.charges.create({"amount": 500, "currency": "usd", "customer": customer.id})
    assert charge.payment_method == card.id
    v1.customers.payment_sources.delete(customer.id, card.id)
    assert v1.customers.retrieve(customer.id).default_source == customer.default_source


def test_attach_and_detach(v1) -> None:
    """A detached payment method cannot be attached again. https://docs.stripe.com/api/payment_methods/attach"""
    customer = v1.customers.create()
    method = v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    assert method.customer == customer.id
    updated = v1.payment_methods.update(method.id, {"billing_details": {"name": "Jenny"}, "metadata": {"a": "b"}})
    assert updated.billing_details.name == "Jenny"
    assert v1.payment_methods.detach(method.id).customer is None
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        v1.payment_methods.attach(method.id, {"customer": customer.id})


def test_refunds(v1) -> None:
    """Refunds stop at the amount of the charge. https://docs.stripe.com/refunds"""
    paid = pay(v1)
    part = v1.refunds.create({"payment_intent": paid.id, "amount": 500, "reason": "requested_by_customer"})
    assert (part.status, part.amount) == ("succeeded", 500)
    assert v1.refunds.create({"charge": paid.latest_charge}).amount == 1500
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.refunds.create({"charge": paid.latest_charge})
    assert caught.value.code == "charge_already_refunded"
    assert [r.amount for r in v1.charges.retrieve(paid.latest_charge, {"expand": ["refunds"]}).refunds] == [1500, 500]


def test_a_refund_that_fails_later(v1, clock) -> None:
    """A refund that fails gives the money back to the balance. https://docs.stripe.com/refunds#failed-refunds"""
    paid = pay(v1, "pm_card_refundFail")
    refund = v1.refunds.create({"payment_intent": paid.id})
    clock.now += 3600
    later = v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (later.status, later.failure_balance_transaction.amount) == ("failed", 2000)


def test_respond_to_a_dispute(v1) -> None:
    """Winning evidence gives back the disputed amount, and closes the dispute. https://docs.stripe.com/disputes/api"""
    paid = pay(v1, "pm_card_createDispute")
    [dispute] = v1.disputes.list({"charge": paid.latest_charge}).data
    assert dispute.balance_transactions[0].net == -3500
    won = v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert (won.status, len(won.balance_transactions)) == ("won", 2)
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        v1.disputes.close(dispute.id)


def test_a_bank_debit(v1, clock) -> None:
    """A debit is processing first, and succeeds as time passes.

    https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment
    """
    mandate = {"customer_acceptance": {"type": "offline"}}
    made = pay(v1, "pm_usBankAccount_success", mandate_data=mandate)
    assert made.status == "processing"
    clock.now += 10
    assert v1.payment_intents.retrieve(made.id).status == "succeeded"


def test_balance_and_payouts(v1, clock) -> None:
    """A payment is pending, a payout is taken from what is available and cannot exceed it.

    https://docs.stripe.com/api/balance, https://docs.stripe.com/api/payouts
    """
    start = v1.balance.retrieve().available[0].amount
    pay(v1)
    assert v1.balance.retrieve().pending[0].amount == 1912
    payout = v1.payouts.create({"amount": 1000, "currency": "usd"})
    assert v1.balance.retrieve().available[0].amount == start - 1000
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.payouts.create({"amount": 10_000_000, "currency": "usd"})
    assert caught.value.code == "balance_insufficient"
    clock.now = payout.arrival_date
    assert v1.payouts.retrieve(payout.id).status == "paid"
    kinds = [entry.type for entry in v1.balance_transactions.list().auto_paging_iter()]
    assert kinds == ["payout", "charge"]


def test_reconcile_an_automatic_payout(v1, clock) -> None:
    """What a payout paid out is listed by its id, and adds up to it. https://docs.stripe.com/payouts/reconciliation"""
    schedule = {"interval": "weekly", "weekly_payout_days": ["thursday"]}
    said = {"schedule": schedule, "minimum_balance_by_currency": {"usd": 100_000}}
    settings = v1.balance_settings.update({"payments": {"payouts": said}})
    assert settings.payments.payouts.schedule.weekly_payout_days == ["thursday"]
    first = pay(v1)
    pay(v1, amount=3000)
    v1.refunds.create({"payment_intent": first.id, "amount": 500})
    clock.now += 7 * 86400
    [payout] = v1.payouts.list().data
    parts = [part for part in v1.balance_transactions.list({"payout": payout.id}).data if part.type != "payout"]
    assert sorted(part.net for part in parts) == [-500, 1912, 2883]
    assert payout.amount == sum(part.net for part in parts) == 4295
    assert (payout.automatic, payout.reconciliation_status) == (True, "in_progress")


def test_line_items_of_a_payment(v1) -> None:
    """Line items are listed by their intent. https://docs.stripe.com/payments/payment-line-items"""
    items = [
        {"product_name": "Shirt", "quantity": 2, "unit_cost": 900},
        {"product_name": "Hat", "quantity": 1, "unit_cost": 200},
    ]
    made = pay(v1, amount_details={"line_items": items})
    listed = v1.payment_intents.amount_details_line_items.list(made.id).data
    assert [(item.product_name, item.quantity, item.unit_cost) for item in listed] == [
        ("Shirt", 2, 900),
        ("Hat", 1, 200),
    ]
    with pytest.raises(stripe.InvalidRequestError, match="1900"):
        pay(v1, amount_details={"line_items": [{**items[0], "unit_cost": 950}]})


def test_top_up(v1, clock) -> None:
    """A top-up is canceled while it is pending, or succeeds on its day. https://docs.stripe.com/connect/top-ups"""
    made = v1.topups.create({"amount": 2000, "currency": "usd", "description": "for payouts"})
    assert v1.topups.cancel(v1.topups.create({"amount": 1, "currency": "usd"}).id).status == "canceled"
    clock.now = made.expected_availability_date
    assert v1.topups.retrieve(made.id).status == "succeeded"


def test_a_destination_charge_and_its_refund(platform) -> None:
    """The refund takes back the transfer and the application fee when asked to.

    https://docs.stripe.com/connect/destination-charges
    """
    v1, other = platform
    paid = pay(v1, application_fee_amount=300, transfer_data={"destination": other["stripe_account"]})
    charge = v1.charges.retrieve(paid.latest_charge, {"expand": ["transfer", "application_fee"]})
    assert (charge.transfer.amount, charge.application_fee.amount) == (2000, 300)
    assert v1.balance.retrieve(None, other).pending[0].amount == 1700
    asked = {"charge": charge.id, "reverse_transfer": True, "refund_application_fee": True}
    refund = v1.refunds.create(asked)
    assert v1.transfers.reversals.retrieve(charge.transfer.id, refund.transfer_reversal).amount == 2000
    assert v1.application_fees.retrieve(charge.application_fee.id).refunded is True
    assert v1.balance.retrieve(None, other).pending[0].amount == 0


def test_a_direct_charge(platform) -> None:
    """The charge is the connected account's, the application fee is the platform's.

    https://docs.stripe.com/connect/direct-charges
    """
    v1, other = platform
    paid = pay(v1, options=other, application_fee_amount=123)
    with pytest.raises(stripe.InvalidRequestError):
        v1.payment_intents.retrieve(paid.id)
    [fee] = v1.application_fees.list().data
    assert (fee.amount, fee.charge) == (123, paid.latest_charge)
    assert v1.application_fees.refunds.create(fee.id, {"amount": 23}).amount == 23


def test_separate_transfers(platform) -> None:
    """Transfers from one payment do not exceed it together.

    https://docs.stripe.com/connect/separate-charges-and-transfers
    """
    v1, other = platform
    paid = pay(v1, transfer_group="ORDER10")
    asked = {"currency": "usd", "destination": other["stripe_account"], "source_transaction": paid.latest_charge}
    made = v1.transfers.create({"amount": 1500, **asked})
    assert (made.transfer_group, made.reversed) == ("ORDER10", False)
    with pytest.raises(stripe.InvalidRequestError, match="must not exceed"):
        v1.transfers.create({"amount": 501, **asked})
    assert v1.transfers.reversals.create(made.id, {"amount": 500}).amount == 500
    assert [t.id for t in v1.transfers.list({"transfer_group": "ORDER10"}).data] == [made.id]


def test_an_unknown_account(v1) -> None:
    """An account that is not the platform's is a ``PermissionError``.

    https://docs.stripe.com/error-codes#account-invalid
    """
    with pytest.raises(stripe.PermissionError) as caught:
        v1.customers.list(None, {"stripe_account": "acct_nowhere"})
    assert caught.value.json_body["error"]["code"] == "account_invalid"


def test_onboard_an_account(platform) -> None:
    """Links to onboarding and to the dashboard are of Stripe's own host and expire.

    https://docs.stripe.com/connect/express-accounts
    """
    v1, other = platform
    account = other["stripe_account"]
    urls = {"refresh_url": "https://example.com/again", "return_url": "https://example.com/done"}
    link = v1.account_links.create({"account": account, "type": "account_onboarding", **urls})
    assert link.url.startswith("https://connect.stripe.com/")
    assert link.expires_at > link.created
    assert v1.accounts.login_links.create(account).url.startswith("https://connect.stripe.com/")
    found = v1.accounts.retrieve(account)
    assert (found.charges_enabled, found.details_submitted) == (False, False)
    assert "external_account" in found.requirements.currently_due
    bank = v1.accounts.external_accounts.create(account, {"external_account": "btok_us_verified"})
    assert (bank.object, bank.default_for_currency) == ("bank_account", True)
    assert "external_account" not in v1.accounts.retrieve(account).requirements.currently_due


def test_a_customers_credit(v1) -> None:
    """A balance transaction changes the balance of its customer. https://docs.stripe.com/billing/customer/balance"""
    customer = v1.customers.create()
    made = v1.customers.balance_transactions.create(customer.id, {"amount": -500, "currency": "usd"})
    assert made.ending_balance == -500
    assert v1.customers.retrieve(customer.id).balance == -500


def test_money_of_other_currencies(v1) -> None:
    """Currencies without and with three decimals have the amounts Stripe takes. https://docs.stripe.com/currencies"""
    assert pay(v1, amount=500, currency="jpy").amount_received == 500
    for params in ({"amount": 49, "currency": "jpy"}, {"amount": 1001, "currency": "kwd"}):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            v1.payment_intents.create(params)
        assert caught.value.param == "amount"
