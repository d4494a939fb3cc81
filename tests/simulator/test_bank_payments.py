"""Bank debits, and methods that the customer confirms elsewhere: their numbers, mandates, actions and currencies."""

from __future__ import annotations

import pytest

from host.simulator.stripe.bank_debits import BANKS, CURRENCIES
from host.simulator.stripe.local_methods import METHODS, NOT_HELD
from tests.simulator.test_payment_methods import customer

INTENTS = "/v1/payment_intents"
MANDATE = "&mandate_data[customer_acceptance][type]=offline"


# https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers, …/sepa-debit, …/bacs-debit:
# what each becomes, with its failure code, and after how many seconds at the latest.
DEBITS = [
    ("pm_usBankAccount_success", "succeeded", None, 10),
    ("pm_usBankAccount_accountClosed", "requires_payment_method", "account_closed", 10),
    ("pm_usBankAccount_noAccount", "requires_payment_method", "no_account", 10),
    ("pm_usBankAccount_insufficientFunds", "requires_payment_method", "insufficient_funds", 10),
    ("pm_usBankAccount_debitNotAuthorized", "requires_payment_method", "debit_not_authorized", 10),
    ("pm_usBankAccount_processing", "processing", None, 10**7),
    ("pm_success_at", "succeeded", None, 10),
    ("pm_successDelayed_at", "succeeded", None, 180),
    ("pm_failed_at", "requires_payment_method", "generic_decline", 10),
    ("pm_failedDelayed_de", "requires_payment_method", "generic_decline", 180),
    ("pm_bacsDebit_success", "succeeded", None, 10),
    ("pm_bacsDebit_successDelayed", "succeeded", None, 180),
    ("pm_bacsDebit_insufficientFunds", "requires_payment_method", "insufficient_funds", 10),
]


@pytest.mark.parametrize(("id", "status", "code", "seconds"), DEBITS)
def test_a_bank_debit_is_processing_and_then_settled_by_the_clock(api, clock, id, status, code, seconds) -> None:
    """A debit is processing with a pending charge, and in time each test account ends as Stripe documents it."""
    currency = CURRENCIES[BANKS[id].type][0]
    made = api.post(INTENTS, f"amount=2000&currency={currency}&confirm=true&payment_method={id}{MANDATE}")
    assert (made["status"], made["amount_received"]) == ("processing", 0)
    charge = api.get(f"/v1/charges/{made['latest_charge']}")
    assert (charge["status"], charge["paid"], charge["balance_transaction"]) == ("pending", False, None)
    if seconds == 180:
        clock.now += 179
        assert api.get(f"{INTENTS}/{made['id']}")["status"] == "processing"
    clock.now += seconds
    after = api.get(f"{INTENTS}/{made['id']}")
    charge = api.get(f"/v1/charges/{made['latest_charge']}")
    assert (after["status"], charge["failure_code"]) == (status, code)
    assert (after["amount_received"] == 2000) == charge["paid"] == (status == "succeeded")
    assert (after["last_payment_error"] or {}).get("code") == code
    if status == "processing":
        assert api.post(f"{INTENTS}/{made['id']}/cancel")["status"] == "canceled"


def test_a_disputed_debit_is_disputed_when_it_succeeds(api, clock) -> None:
    """The debit of a disputed test account has no dispute while it is processing, and one once it is settled."""
    api.post(INTENTS, f"amount=2000&currency=eur&confirm=true&payment_method=pm_disputed_fr{MANDATE}")
    assert api.ids("/v1/disputes") == []
    clock.now += 10
    assert len(api.ids("/v1/disputes")) == 1


def test_a_debit_of_another_currency_or_type_is_refused(api) -> None:
    """A currency the debit does not have, or a type the intent does not allow, is refused by parameter."""
    wrong = api.error("POST", INTENTS, "amount=2000&currency=usd&confirm=true&payment_method=pm_success_at")
    assert (wrong[0], wrong[1]["param"]) == (400, "currency")
    cards = "amount=2000&currency=eur&confirm=true&allowed_payment_method_types[]=card"
    refused = api.error("POST", INTENTS, f"{cards}&payment_method=pm_success_at")
    assert (refused[0], refused[1]["param"]) == (400, "payment_method")
    assert "sepa_debit" in refused[1]["message"]


@pytest.mark.parametrize("method", ["pm_usBankAccount_success", "pm_success_de", "pm_bacsDebit_success"])
def test_an_account_is_debited_with_a_mandate_only(api, method) -> None:
    """The refused intent waits to be confirmed; the charge names the mandate.

    https://docs.stripe.com/payments/payment-methods#mandates
    """
    currency = CURRENCIES[BANKS[method].type][0]
    form = f"amount=2000&currency={currency}&confirm=true&payment_method={method}"
    status, error = api.error("POST", INTENTS, form)
    assert (status, error["code"]) == (400, "payment_intent_mandate_invalid")
    intent = error["payment_intent"]["id"]
    assert api.get(f"{INTENTS}/{intent}")["status"] == "requires_confirmation"
    assert api.post(f"{INTENTS}/{intent}/confirm", MANDATE[1:])["status"] == "processing"
    charge = api.get(f"/v1/charges?payment_intent={intent}")["data"][0]
    mandate = charge["payment_method_details"][BANKS[method].type]["mandate"]
    assert api.get(f"/v1/mandates/{mandate}")["payment_method"] == charge["payment_method"]


def test_an_account_that_was_set_up_has_its_mandate(api) -> None:
    """Setting up a bank account requires a mandate; payments with it afterwards need none of their own.

    https://docs.stripe.com/payments/ach-direct-debit/set-up-payment
    """
    owner = customer(api)
    form = f"customer={owner}&confirm=true&payment_method=pm_usBankAccount_success"
    kinds = "&allowed_payment_method_types[]=us_bank_account"
    assert "requires a mandate" in api.error("POST", "/v1/setup_intents", form + kinds)[1]["message"]
    made = api.post("/v1/setup_intents", form + kinds + MANDATE)
    assert made["mandate"].startswith("mandate_")
    form = f"amount=2000&currency=usd&confirm=true&customer={owner}&payment_method={made['payment_method']}"
    assert api.post(INTENTS, form)["status"] == "processing"


def test_a_debit_cannot_be_held(api) -> None:
    """Only some methods have holds: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method."""
    form = (
        f"amount=2000&currency=usd&confirm=true&payment_method=pm_usBankAccount_success&capture_method=manual{MANDATE}"
    )
    status, error = api.error("POST", INTENTS, form)
    assert (status, error["param"]) == (400, "capture_method")


def test_a_mandate_may_be_named(api) -> None:
    """It is that of the account that is debited: https://docs.stripe.com/api/payment_intents/confirm."""
    owner = customer(api)
    kinds = "&allowed_payment_method_types[]=us_bank_account"
    form = f"customer={owner}&confirm=true&payment_method=pm_usBankAccount_success{kinds}{MANDATE}"
    first, second = (api.post("/v1/setup_intents", form) for _ in range(2))
    form = f"amount=2000&currency=usd&confirm=true&customer={owner}&payment_method={first['payment_method']}"
    assert api.post(INTENTS, f"{form}&mandate={first['mandate']}")["status"] == "processing"
    for wrong in (second["mandate"], "mandate_none"):
        assert api.error("POST", INTENTS, f"{form}&mandate={wrong}")[1]["param"] == "mandate"


@pytest.mark.parametrize(
    ("form", "place", "code"),
    [
        ("type=sepa_debit&sepa_debit[iban]=DE00", "sepa_debit[iban]", "account_number_invalid"),
        ("type=sepa_debit&sepa_debit[iban]=DE89370400440532013001", "sepa_debit[iban]", "account_number_invalid"),
        ("type=us_bank_account&us_bank_account[account_number]=12x4", "us_bank_account[account_number]", None),
        (
            "type=us_bank_account&us_bank_account[account_number]=000123456789&us_bank_account[routing_number]=123",
            "us_bank_account[routing_number]",
            "routing_number_invalid",
        ),
        (
            "type=us_bank_account&us_bank_account[account_number]=000123456789&us_bank_account[routing_number]=110000001",
            "us_bank_account[routing_number]",
            "routing_number_invalid",
        ),
        ("type=bacs_debit&bacs_debit[account_number]=00012345&bacs_debit[sort_code]=1", "bacs_debit[sort_code]", None),
        (
            "type=au_becs_debit&au_becs_debit[account_number]=1&au_becs_debit[bsb_number]=000000",
            "au_becs_debit[account_number]",
            None,
        ),
        (
            "type=acss_debit&acss_debit[account_number]=000123456789&acss_debit[institution_number]=0"
            "&acss_debit[transit_number]=11000",
            "acss_debit[institution_number]",
            None,
        ),
    ],
)
def test_numbers_of_accounts_have_their_forms(api, form, place, code) -> None:
    """Each that is wrong is named, with its code: https://docs.stripe.com/error-codes#account-number-invalid."""
    status, error = api.error("POST", "/v1/payment_methods", form)
    assert (status, error["param"], error["code"]) == (400, place, code or "account_number_invalid")


# https://docs.stripe.com/api/payment_intents/object#payment_intent_object-next_action, and each method's page.
ACTIONS = [
    ("ideal", "eur", "redirect_to_url"),
    ("klarna", "usd", "redirect_to_url"),
    ("zip", "aud", "redirect_to_url"),
    ("crypto", "usd", "redirect_to_url"),
    ("paypay", "jpy", "redirect_to_url"),
    ("sunbit", "usd", "redirect_to_url"),
    ("alipay", "usd", "alipay_handle_redirect"),
    ("cashapp", "usd", "cashapp_handle_redirect_or_display_qr_code"),
    ("wechat_pay", "usd", "wechat_pay_display_qr_code"),
    ("swish", "sek", "swish_handle_redirect_or_display_qr_code"),
    ("blik", "pln", "blik_authorize"),
    ("promptpay", "thb", "promptpay_display_qr_code"),
    ("paynow", "sgd", "paynow_display_qr_code"),
    ("pix", "brl", "pix_display_qr_code"),
    ("upi", "inr", "upi_handle_redirect_or_display_qr_code"),
]


@pytest.mark.parametrize(("kind", "currency", "action"), ACTIONS)
def test_each_method_has_its_customer_do_what_its_page_says(api, kind, currency, action) -> None:
    """And pays once the customer did."""
    form = (
        f"amount=50000&currency={currency}&confirm=true&payment_method_data[type]={kind}&return_url=https://a.example"
    )
    made = api.post(INTENTS, f"{form}&allowed_payment_method_types[]={kind}")
    assert (made["status"], made["next_action"]["type"]) == ("requires_action", action)
    assert action in made["next_action"]
    assert api.post(f"{INTENTS}/{made['id']}/confirm")["status"] == "succeeded"


@pytest.mark.parametrize(
    ("kind", "held"), [("klarna", True), ("cashapp", True), *((kind, False) for kind in sorted(NOT_HELD))]
)
def test_money_is_held_by_some_methods_only(api, kind: str, held: bool) -> None:
    """A method that holds no money refuses manual capture, and nothing is made.

    https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
    """
    currency = (METHODS[kind] or ("usd",))[-1]
    form = (
        f"amount=50000&currency={currency}&confirm=true&payment_method_data[type]={kind}&return_url=https://a.example"
    )
    status, answer = api.ask("POST", INTENTS, f"{form}&capture_method=manual")
    if held:
        assert api.post(f"{INTENTS}/{answer['id']}/confirm")["status"] == "requires_capture"
    else:
        assert (status, answer["error"]["param"], api.ids(INTENTS)) == (400, "capture_method", [])


@pytest.mark.parametrize("kind", sorted(kind for kind, currencies in METHODS.items() if currencies))
def test_a_method_is_paid_in_its_currencies_only(api, kind) -> None:
    """https://docs.stripe.com/payments/payment-methods/payment-method-support; told when the intent is made, too."""
    wrong = "chf" if "chf" not in METHODS[kind] else "usd"
    form = f"amount=50000&currency={wrong}&allowed_payment_method_types[]={kind}"
    status, error = api.error("POST", INTENTS, form)
    assert (status, error["param"]) == (400, "currency")
    assert f"Payments with {kind} support the following currencies: {METHODS[kind][0]}" in error["message"]


def test_a_page_needs_to_know_where_to_lead_back(api) -> None:
    """Confirming a payment that redirects, without ``return_url``, is refused with ``parameter_missing``."""
    form = "amount=500&currency=eur&confirm=true&payment_method_data[type]=ideal&allowed_payment_method_types[]=ideal"
    status, error = api.error("POST", INTENTS, form)
    assert (status, error["code"], error["param"]) == (400, "parameter_missing", "return_url")


def test_a_redirect_method_sends_the_customer_away(api) -> None:
    """https://docs.stripe.com/testing#redirects: the second confirm stands for the customer's consent."""
    made = api.post(
        INTENTS,
        "amount=500&currency=eur&confirm=true&payment_method_data[type]=ideal&return_url=https://example.com",
    )
    assert (made["status"], made["next_action"]["type"]) == ("requires_action", "redirect_to_url")
    assert api.post(f"{INTENTS}/{made['id']}/confirm")["status"] == "succeeded"
    status, error = api.error("POST", "/v1/payment_methods", "type=sequra")
    assert (status, error["code"]) == (501, "not_simulated")
