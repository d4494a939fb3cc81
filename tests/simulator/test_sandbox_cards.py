"""Stripe's test cards, each against what its documentation says of it. https://docs.stripe.com/testing"""

from __future__ import annotations

import pytest

from host.simulator.stripe.card_facts import luhn
from host.simulator.stripe.sandbox_cards import CARDS, NUMBERS

INTENTS = "/v1/payment_intents"
PAY = "amount=2000&currency=usd&confirm=true&payment_method="
# https://docs.stripe.com/testing#cards and #international-cards: name, brand, funding, country, last four digits.
SUCCEED = [
    ("visa", "visa", "credit", "US", "4242"),
    ("visa_debit", "visa", "debit", "US", "5556"),
    ("mastercard", "mastercard", "credit", "US", "4444"),
    ("mastercard_debit", "mastercard", "debit", "US", "8210"),
    ("mastercard_prepaid", "mastercard", "prepaid", "US", "5100"),
    ("amex", "amex", "credit", "US", "0005"),
    ("discover", "discover", "credit", "US", "1117"),
    ("diners", "diners", "credit", "US", "0004"),
    ("jcb", "jcb", "credit", "JP", "0505"),
    ("unionpay", "unionpay", "credit", "CN", "0005"),
    ("br", "visa", "credit", "BR", "0002"),
    ("ca", "visa", "credit", "CA", "0000"),
    ("mx", "visa", "credit", "MX", "8001"),
    ("gb_debit", "visa", "debit", "GB", "0005"),
    ("gb_mastercard", "mastercard", "credit", "GB", "4449"),
    ("jp_jcb", "jcb", "credit", "JP", "0000"),
    ("th_debit", "visa", "debit", "TH", "0008"),
]
# https://docs.stripe.com/testing#declined-payments: code and decline code of each.
DECLINED = [
    ("visa_chargeDeclined", "card_declined", "generic_decline"),
    ("visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("chargeDeclinedExpiredCard", "expired_card", None),
    ("chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ("chargeDeclinedProcessingError", "processing_error", None),
    ("visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
]
# https://docs.stripe.com/testing#invalid-data: what is said of the card, and the error's code.
INVALID = [
    ("number=4242424242424241&exp_month=12&exp_year=2034", "incorrect_number"),
    ("number=4242&exp_month=12&exp_year=2034", "invalid_number"),
    ("number=4242424242424242&exp_month=13&exp_year=2034", "invalid_expiry_month"),
    ("number=4242424242424242&exp_month=12&exp_year=95", "invalid_expiry_year"),
    ("number=4242424242424242&exp_month=12&exp_year=2020", "invalid_expiry_year"),
    ("number=4242424242424242&exp_month=12&exp_year=2034&cvc=99", "invalid_cvc"),
    ("number=4000056655665564&exp_month=12&exp_year=2034", "card_declined"),  # no test card
]


def card(said: str) -> str:
    return "&".join(f"card[{name}]={value}" for name, value in (each.split("=") for each in said.split("&")))


@pytest.mark.parametrize(("name", "brand", "funding", "country", "last4"), SUCCEED)
def test_a_card_is_what_its_page_says_by_id_token_and_number(api, name, brand, funding, country, last4) -> None:
    """The same card whichever way it is named, with the same fingerprint, and its payment succeeds."""
    number = CARDS[name].number
    methods = [
        api.get(f"/v1/payment_methods/{api.post(INTENTS, PAY + f'pm_card_{name}')['payment_method']}"),
        api.post("/v1/payment_methods", f"type=card&card[token]=tok_{name}"),
        api.post("/v1/payment_methods", f"type=card&card[number]={number}&card[exp_month]=1&card[exp_year]=34"),
    ]
    facts = {tuple(method["card"][k] for k in ("brand", "funding", "country", "last4")) for method in methods}
    assert facts == {(brand, funding, country, last4)}
    assert len({method["card"]["fingerprint"] for method in methods}) == 1
    assert methods[2]["card"]["exp_year"] == 2034


def test_every_number_is_one_that_banks_could_give_and_has_its_own_fingerprint() -> None:
    """Every number is one that banks could give and has its own fingerprint."""
    assert all(luhn(number) for number in NUMBERS)
    assert len(NUMBERS) >= 100


@pytest.mark.parametrize(("name", "code", "decline"), DECLINED)
def test_a_declined_card_pays_nothing_and_cannot_be_attached(api, name, code, decline) -> None:
    """402 when it is charged, attached, made a source or set up; the charge says who declined."""
    customer = api.post("/v1/customers")["id"]
    charged = api.error("POST", INTENTS, PAY + f"pm_card_{name}")[1]
    token = f"tok_{name}"
    others = [
        api.error("POST", f"/v1/payment_methods/pm_card_{name}/attach", f"customer={customer}"),
        api.error("POST", f"/v1/customers/{customer}/sources", f"source={token}"),
        api.error("POST", "/v1/customers", f"source={token}"),
        api.error("POST", f"/v1/customers/{customer}", f"source={token}"),
        api.error("POST", "/v1/customers", f"payment_method=pm_card_{name}"),
        api.error("POST", "/v1/setup_intents", f"confirm=true&customer={customer}&payment_method=pm_card_{name}"),
    ]
    for status, error in [(402, charged), *others]:
        assert (status, error["type"], error["code"], error.get("decline_code")) == (402, "card_error", code, decline)
        assert error["advice_code"] in ("confirm_card_data", "do_not_try_again", "try_again_later")
    charge = api.get(f"/v1/charges/{charged['charge']}")
    assert (charge["status"], charge["paid"], charge["failure_code"]) == ("failed", False, code)
    assert charge["outcome"]["type"] == "issuer_declined"
    assert charge["outcome"]["reason"] == (decline or code)
    assert charge["balance_transaction"] is None
    assert api.ids(f"/v1/customers/{customer}/payment_methods") == []


@pytest.mark.parametrize(
    ("token", "decline"),
    [
        ("tok_chargeCustomerFail", "generic_decline"),
        ("tok_visa_chargeCustomerFailLostCard", "lost_card"),
        ("tok_visa_chargeCustomerFailStolenCard", "stolen_card"),
    ],
)
def test_a_card_that_declines_after_attaching_attaches(api, token, decline) -> None:
    """A card that declines after attaching attaches."""
    customer = api.post("/v1/customers", f"source={token}")["id"]
    method = api.ids(f"/v1/customers/{customer}/payment_methods")[0]
    status, error = api.error("POST", INTENTS, PAY + f"{method}&customer={customer}")
    assert (status, error["decline_code"]) == (402, decline)
    assert (
        api.error("POST", "/v1/charges", f"amount=500&currency=usd&customer={customer}")[1]["decline_code"] == decline
    )


@pytest.mark.parametrize(("said", "code"), INVALID)
def test_wrong_facts_of_a_card_are_refused_for_methods_and_tokens(api, said, code) -> None:
    """Wrong facts of a card are refused for methods and tokens."""
    for path, kind in (("/v1/payment_methods", "type=card&"), ("/v1/tokens", "")):
        status, error = api.error("POST", path, kind + card(said))
        assert (status, error["type"], error["code"]) == (402, "card_error", code)


# https://docs.stripe.com/testing#fraud-prevention: risk level, outcome's type, and whether the payment succeeds.
@pytest.mark.parametrize(
    ("name", "risk", "kind", "status"),
    [
        ("radarBlock", "highest", "blocked", 402),
        ("riskLevelHighest", "highest", "blocked", 402),
        ("riskLevelElevated", "elevated", "authorized", 200),
        ("visa", "normal", "authorized", 200),
    ],
)
def test_risk_is_in_the_outcome_and_the_highest_is_blocked(api, name, risk, kind, status) -> None:
    """Risk is in the outcome and the highest is blocked."""
    assert api.ask("POST", INTENTS, PAY + f"pm_card_{name}")[0] == status
    charge = api.get("/v1/charges")["data"][0]
    assert (charge["outcome"]["risk_level"], charge["outcome"]["type"]) == (risk, kind)
    assert (charge["outcome"]["network_status"] == "not_sent_to_network") == (status == 402)


# The same section: what is checked when the caller gave code and address.
@pytest.mark.parametrize(
    ("name", "cvc", "postal_code", "line1"),
    [
        ("visa", "pass", "pass", "pass"),
        ("cvcCheckFail", "fail", "pass", "pass"),
        ("avsZipFail", "pass", "fail", "pass"),
        ("avsLine1Fail", "pass", "pass", "fail"),
        ("avsFail", "pass", "fail", "fail"),
        ("avsUnchecked", "pass", "unavailable", "unavailable"),
    ],
)
def test_checks_are_made_of_what_was_given(api, name, cvc, postal_code, line1) -> None:
    """Checks are made of what was given."""
    number = f"card[number]={CARDS[name].number}&card[exp_month]=1&card[exp_year]=2034"
    place = "billing_details[address][line1]=x&billing_details[address][postal_code]=1"
    full = api.post("/v1/payment_methods", f"type=card&{number}&card[cvc]=123&{place}")["id"]
    bare = api.post("/v1/payment_methods", f"type=card&{number}")["id"]

    def checks(method: str) -> tuple:
        paid = api.post(INTENTS, PAY + method + "&expand[]=latest_charge")["latest_charge"]
        return tuple(paid["payment_method_details"]["card"]["checks"].values())

    assert checks(full) == (line1, postal_code, cvc)
    assert checks(bare) == (None, None, None)


# https://docs.stripe.com/testing#regulatory-cards: status on session; off session before and after setting up.
AUTHENTICATION = [
    ("visa", "succeeded", "succeeded", "succeeded"),
    ("authenticationRequiredOnSetup", "requires_action", "authentication_required", "succeeded"),
    ("authenticationRequired", "requires_action", "authentication_required", "authentication_required"),
    ("authenticationRequiredSetupForOffSession", "requires_action", "succeeded", "succeeded"),
    (
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        "requires_action",
        "authentication_required",
        "insufficient_funds",
    ),
    ("threeDSecure2Required", "requires_action", "authentication_required", "authentication_required"),
    ("threeDSecureOptional", "succeeded", "succeeded", "succeeded"),
    ("amex_threeDSecureNotSupported", "succeeded", "succeeded", "succeeded"),
]


@pytest.mark.parametrize(("name", "on_session", "before", "after"), AUTHENTICATION)
def test_authentication_on_and_off_session_before_and_after_setting_up(api, name, on_session, before, after) -> None:
    """Authentication is asked for on and off session, before and after setting up."""
    customer = api.post("/v1/customers")["id"]
    method = api.post(f"/v1/payment_methods/pm_card_{name}/attach", f"customer={customer}")["id"]
    pay = PAY + f"{method}&customer={customer}"

    def off_session() -> str:
        status, answer = api.ask("POST", INTENTS, pay + "&off_session=true")
        if status == 200:
            return answer["status"]
        assert (status, answer["error"]["payment_intent"]["status"]) == (402, "requires_payment_method")
        assert answer["error"]["charge"]
        return answer["error"]["decline_code"]

    assert api.post(INTENTS, pay)["status"] == on_session
    assert off_session() == before
    setup = api.post("/v1/setup_intents", f"confirm=true&customer={customer}&payment_method={method}")
    if setup["status"] == "requires_action":
        setup = api.post(f"/v1/setup_intents/{setup['id']}/confirm")
    assert setup["status"] == "succeeded"
    assert off_session() == after


@pytest.mark.parametrize(
    ("name", "decline"),
    [
        ("threeDSecureRequiredChargeDeclined", "generic_decline"),
        ("threeDSecureRequiredProcessingError", "generic_decline"),
        ("authenticationRequiredChargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_a_card_that_declines_after_authentication(api, name, decline) -> None:
    """The customer authenticates, and then the bank declines."""
    made = api.post(INTENTS, PAY + f"pm_card_{name}")
    assert made["status"] == "requires_action"
    status, error = api.error("POST", f"{INTENTS}/{made['id']}/confirm")
    assert (status, error["code"], error["decline_code"]) == (402, "card_declined", decline)


def test_where_the_customer_is_sent_depends_on_the_return_url(api) -> None:
    """Where the customer is sent depends on the return URL.

    https://docs.stripe.com/api/payment_intents/object#payment_intent_object-next_action
    """
    pay = PAY + "pm_card_threeDSecure2Required"
    by_script = api.post(INTENTS, pay)["next_action"]
    assert (by_script["type"], by_script["use_stripe_sdk"]["type"]) == ("use_stripe_sdk", "three_d_secure_redirect")
    by_page = api.post(INTENTS, pay + "&return_url=https://example.com/done")["next_action"]
    assert by_page["redirect_to_url"]["return_url"] == "https://example.com/done"
    assert by_page["redirect_to_url"]["url"].startswith("https://hooks.stripe.com/")
    both = api.post(INTENTS, pay + "&return_url=https://example.com/done&use_stripe_sdk=true")["next_action"]
    assert both["type"] == "use_stripe_sdk"
    refused = api.error("POST", INTENTS, pay + "&error_on_requires_action=true")
    assert (refused[0], refused[1]["code"]) == (402, "authentication_required")


def test_a_token_is_used_once(api) -> None:
    """https://docs.stripe.com/api/tokens: own tokens have the card they were made of."""
    token = api.post("/v1/tokens", card("number=5200828282828210&exp_month=3&exp_year=2031&cvc=123"))
    assert (token["type"], token["used"], token["card"]["last4"]) == ("card", False, "8210")
    assert (token["card"]["brand"], token["card"]["exp_year"]) == ("MasterCard", 2031)
    charge = api.post("/v1/charges", f"amount=500&currency=usd&source={token['id']}")
    shown = charge["payment_method_details"]["card"]
    assert (shown["last4"], shown["funding"], shown["exp_month"], shown["exp_year"]) == ("8210", "debit", 3, 2031)
    assert api.get(f"/v1/tokens/{token['id']}")["used"] is True
    again = api.error("POST", "/v1/charges", f"amount=500&currency=usd&source={token['id']}")
    assert (again[0], again[1]["code"]) == (400, "token_already_used")
    unknown = api.error("POST", "/v1/charges", "amount=500&currency=usd&source=tok_nothing")
    assert unknown[1]["code"] == "resource_missing"
