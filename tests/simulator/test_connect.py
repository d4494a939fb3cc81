"""Connected accounts: worlds of their own, and payments divided with them. https://docs.stripe.com/connect"""

from __future__ import annotations

import pytest

INTENTS = "/v1/payment_intents"
PAY = "amount=10000&currency=usd&confirm=true&payment_method=pm_card_visa"
BANK = "external_account[object]=bank_account&external_account[country]=US&external_account[currency]=usd"
BANK += "&external_account[routing_number]=110000000&external_account[account_number]="
PERSON = {
    "first_name": "Jenny", "last_name": "Rosen", "email": "j@example.com", "phone": "5555551234", "dob": "",
    "ssn_last_4": "9876",
}  # fmt: skip


@pytest.fixture
def account(api) -> str:
    return api.post("/v1/accounts", "type=express&country=US")["id"]


def entries(api, **headers: str) -> list[tuple]:
    """(type, amount, fee) of an account's books, oldest first."""
    status, page = api.ask("GET", "/v1/balance_transactions?limit=100", **headers)
    assert status == 200
    return [(t["type"], t["amount"], t["fee"]) for t in page["data"][::-1]]


def test_accounts_are_worlds_of_their_own(api, account) -> None:
    """https://docs.stripe.com/connect/authentication: what is made with the header is only there with it."""
    other = api.post("/v1/accounts", "type=express")["id"]
    customer = api.post("/v1/customers", "name=x", Stripe_Account=account)["id"]
    paid = api.post(INTENTS, PAY, Stripe_Account=account)
    for headers in ({}, {"Stripe_Account": other}):
        assert api.ask("GET", f"/v1/customers/{customer}", **headers)[0] == 404
        assert api.ask("GET", f"{INTENTS}/{paid['id']}", **headers)[0] == 404
        assert api.ask("GET", "/v1/charges", **headers)[1]["data"] == []
        assert entries(api, **headers) == []
        status, error = api.ask("POST", INTENTS, PAY + f"&customer={customer}", **headers)
        assert (status, error["error"]["code"]) == (400, "resource_missing")
    assert api.ask("GET", f"/v1/customers/{customer}", Stripe_Account=account)[1]["id"] == customer
    assert api.ask("GET", "/v1/account", Stripe_Account=account)[1]["id"] == account
    expanded = api.post(f"{INTENTS}?", PAY + "&expand[]=latest_charge", Stripe_Account=account)
    assert expanded["latest_charge"]["amount"] == 10000


@pytest.mark.parametrize("path", ["/v1/charges", "/v1/customers", "/v1/balance", "/v1/account"])
def test_an_unknown_account_is_refused(api, path) -> None:
    """The error names the account and does not show the key."""
    status, error = api.ask("GET", path, Stripe_Account="acct_nowhere")
    assert (status, error["error"]["code"]) == (403, "account_invalid")
    assert "acct_nowhere" in error["error"]["message"]
    assert "abcdefgh" not in error["error"]["message"]


def test_a_deleted_account_is_refused(api, account) -> None:
    """Nothing can be asked of it or paid to it."""
    api.delete(f"/v1/accounts/{account}")
    assert api.ask("GET", "/v1/charges", Stripe_Account=account)[0] == 403
    assert api.error("POST", "/v1/transfers", f"amount=100&currency=usd&destination={account}")[0] == 400


def test_an_idempotency_key_is_an_accounts_own(api, account) -> None:
    """An idempotency key is an account's own."""
    key = {"Idempotency_Key": "k"}
    own = api.post("/v1/customers", "name=x", **key)
    theirs = api.post("/v1/customers", "name=x", Stripe_Account=account, **key)
    assert own["id"] != theirs["id"]
    assert api.post("/v1/customers", "name=x", Stripe_Account=account, **key)["id"] == theirs["id"]
    assert (api.headers["idempotent-replayed"], api.headers["idempotency-key"]) == ("true", "k")


def test_a_destination_charge_with_a_fee(api, account) -> None:
    """https://docs.stripe.com/connect/destination-charges: 100.00 to the account, of which 12.30 come back."""
    paid = api.post(INTENTS, PAY + f"&application_fee_amount=1230&transfer_data[destination]={account}")
    charge = api.get(f"/v1/charges/{paid['latest_charge']}")
    assert (charge["application_fee_amount"], charge["transfer_data"]["destination"]) == (1230, account)
    transfer = api.get(f"/v1/transfers/{charge['transfer']}")
    assert (transfer["amount"], transfer["source_transaction"]) == (10000, charge["id"])
    fee = api.get(f"/v1/application_fees/{charge['application_fee']}")
    assert (fee["amount"], fee["account"], fee["originating_transaction"]) == (1230, account, charge["id"])
    assert fee["charge"] == transfer["destination_payment"]
    assert entries(api) == [("charge", 10000, 320), ("transfer", -10000, 0), ("application_fee", 1230, 0)]
    assert entries(api, Stripe_Account=account) == [("payment", 10000, 1230)]


def test_a_destination_charge_with_an_amount(api, account) -> None:
    """So much goes to the account, and the rest less the fee stays."""
    paid = api.post(INTENTS, PAY + f"&transfer_data[destination]={account}&transfer_data[amount]=8770")
    charge = api.get(f"/v1/charges/{paid['latest_charge']}")
    assert (charge["application_fee"], charge["transfer_data"]["amount"]) == (None, 8770)
    assert entries(api) == [("charge", 10000, 320), ("transfer", -8770, 0)]
    assert entries(api, Stripe_Account=account) == [("payment", 8770, 0)]


def test_a_direct_charge_with_a_fee(api, account) -> None:
    """https://docs.stripe.com/connect/direct-charges: the account pays Stripe's fee and the platform's."""
    paid = api.post(INTENTS, PAY + "&application_fee_amount=1230", Stripe_Account=account)
    [fee] = api.get(f"/v1/application_fees?charge={paid['latest_charge']}")["data"]
    assert (fee["amount"], fee["account"], fee["charge"]) == (1230, account, paid["latest_charge"])
    assert entries(api) == [("application_fee", 1230, 0)]
    assert entries(api, Stripe_Account=account) == [("charge", 10000, 320 + 1230)]
    part = api.post(f"/v1/application_fees/{fee['id']}/refunds", "amount=230&metadata[a]=b")
    assert (part["amount"], part["fee"], part["metadata"]) == (230, fee["id"], {"a": "b"})
    assert api.get(f"/v1/application_fees/{fee['id']}")["amount_refunded"] == 230
    assert api.post(f"/v1/application_fees/{fee['id']}/refunds")["amount"] == 1000
    whole = api.get(f"/v1/application_fees/{fee['id']}")
    assert (whole["refunded"], [r["amount"] for r in whole["refunds"]["data"]]) == (True, [1000, 230])
    assert api.error("POST", f"/v1/application_fees/{fee['id']}/refunds", "amount=1")[0] == 400
    assert entries(api)[1:] == [("application_fee_refund", -230, 0), ("application_fee_refund", -1000, 0)]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ("application_fee_amount=10001&transfer_data[destination]={account}", "application_fee_amount"),
        ("application_fee_amount=-1&transfer_data[destination]={account}", "application_fee_amount"),
        ("application_fee_amount=100", "application_fee_amount"),
        ("transfer_data[destination]=acct_nowhere", "transfer_data[destination]"),
        ("transfer_data[destination]={account}&transfer_data[amount]=10001", "transfer_data[amount]"),
        ("on_behalf_of=acct_nowhere", "on_behalf_of"),
    ],
)
def test_a_division_that_cannot_be_is_refused(api, account, more, param) -> None:
    """An impossible division is refused."""
    for confirm in ("true", "false"):
        params = f"amount=10000&currency=usd&confirm={confirm}&payment_method=pm_card_visa&{more}"
        status, error = api.error("POST", INTENTS, params.format(account=account))
        assert (status, error["param"]) == (400, param)
    assert api.ids("/v1/charges") == []


def test_a_fee_and_a_transferred_amount_exclude_each_other(api, account) -> None:
    """A fee and a transferred amount exclude each other."""
    both = f"application_fee_amount=1&transfer_data[destination]={account}&transfer_data[amount]=5"
    assert api.error("POST", INTENTS, f"{PAY}&{both}")[1]["code"] == "parameters_exclusive"


@pytest.mark.parametrize(
    ("how", "reversed_", "fee_refunded", "platform"),
    [
        ("", 0, 0, [("refund", -5000, 0)]),
        ("&reverse_transfer=true", 5000, 0, [("transfer_refund", 5000, 0), ("refund", -5000, 0)]),
        (
            "&reverse_transfer=true&refund_application_fee=true",
            5000,
            615,
            [("application_fee_refund", -615, 0), ("transfer_refund", 5000, 0), ("refund", -5000, 0)],
        ),
    ],
)
def test_a_refund_of_a_divided_payment_takes_back_what_it_is_told_to(
    api, account, how, reversed_, fee_refunded, platform
) -> None:
    """https://docs.stripe.com/connect/destination-charges#issue-refunds: in the proportion of the refund."""
    paid = api.post(INTENTS, PAY + f"&application_fee_amount=1230&transfer_data[destination]={account}")
    refund = api.post("/v1/refunds", f"charge={paid['latest_charge']}&amount=5000{how}")
    charge = api.get(f"/v1/charges/{paid['latest_charge']}")
    transfer = api.get(f"/v1/transfers/{charge['transfer']}")
    assert transfer["amount_reversed"] == reversed_
    assert (refund["transfer_reversal"] is not None) == bool(reversed_)
    assert api.get(f"/v1/application_fees/{charge['application_fee']}")["amount_refunded"] == fee_refunded
    assert entries(api)[3:] == platform
    balance = api.ask("GET", "/v1/balance", Stripe_Account=account)[1]
    assert balance["pending"][0]["amount"] == 10000 - 1230 - reversed_ + fee_refunded


def test_what_is_not_divided_cannot_be_taken_back(api) -> None:
    """What is not divided cannot be taken back."""
    paid = api.post(INTENTS, PAY)
    for name in ("reverse_transfer", "refund_application_fee"):
        status, error = api.error("POST", "/v1/refunds", f"charge={paid['latest_charge']}&{name}=true")
        assert (status, error["param"]) == (400, name)
    assert api.ids("/v1/refunds") == []


def test_transfers_come_from_the_available_balance_or_a_payment(api, account) -> None:
    """Transfers come from the available balance or from a payment.

    https://docs.stripe.com/connect/separate-charges-and-transfers
    """
    plain = api.post("/v1/transfers", f"amount=1000&currency=usd&destination={account}&description=x")
    payment = api.ask("GET", f"/v1/charges/{plain['destination_payment']}", Stripe_Account=account)[1]
    assert (payment["amount"], payment["source_transfer"]) == (1000, plain["id"])
    assert api.ask("GET", "/v1/balance", Stripe_Account=account)[1]["available"][0]["amount"] == 1000
    too_much = api.error("POST", "/v1/transfers", f"amount=99999999&currency=usd&destination={account}")[1]
    assert too_much["code"] == "balance_insufficient"
    charge = api.post(INTENTS, PAY)["latest_charge"]
    source = f"currency=usd&destination={account}&source_transaction={charge}"
    first = api.post("/v1/transfers", f"amount=6000&{source}")
    second = api.post("/v1/transfers", f"amount=4000&{source}")
    assert first["transfer_group"] == second["transfer_group"] == api.get(f"/v1/charges/{charge}")["transfer_group"]
    assert api.error("POST", "/v1/transfers", f"amount=1&{source}")[0] == 400
    unknown = api.error("POST", "/v1/transfers", "amount=1&currency=usd&destination=acct_nowhere")[1]
    assert (unknown["code"], unknown["param"]) == ("resource_missing", "destination")


def test_reversals_are_counted_and_bounded(api, account) -> None:
    """Reversals add up to the transfer at most. https://docs.stripe.com/api/transfer_reversals"""
    made = api.post("/v1/transfers", f"amount=1000&currency=usd&destination={account}")
    path = f"/v1/transfers/{made['id']}"
    assert api.error("POST", f"{path}/reversals", "amount=1001")[1]["param"] == "amount"
    part = api.post(f"{path}/reversals", "amount=400&metadata[a]=b")
    assert (part["amount"], part["transfer"], part["metadata"]) == (400, made["id"], {"a": "b"})
    now = api.get(path)
    assert (now["amount_reversed"], now["reversed"]) == (400, False)
    assert api.post(f"{path}/reversals")["amount"] == 600
    now = api.get(path)
    assert (now["amount_reversed"], now["reversed"], len(now["reversals"]["data"])) == (1000, True, 2)
    assert api.ids(f"{path}/reversals") == [r["id"] for r in now["reversals"]["data"]]
    assert api.error("POST", f"{path}/reversals", "amount=1")[0] == 400
    assert [kind for kind, *_ in entries(api)] == ["transfer", "transfer_refund", "transfer_refund"]


def test_what_an_account_paid_out_cannot_be_taken_back(api) -> None:
    """What an account paid out cannot be taken back."""
    account = api.post("/v1/accounts", f"type=custom&country=US&{BANK}000123456789")["id"]
    transfer = api.post("/v1/transfers", f"amount=1000&currency=usd&destination={account}")["id"]
    api.post("/v1/payouts", "amount=900&currency=usd", Stripe_Account=account)
    assert api.error("POST", f"/v1/transfers/{transfer}/reversals")[1]["code"] == "balance_insufficient"
    assert api.post(f"/v1/transfers/{transfer}/reversals", "amount=100")["amount"] == 100


# https://docs.stripe.com/connect/testing#account-numbers
@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        ("000123456789", "paid", None),
        ("000111111116", "failed", "no_account"),
        ("000111111113", "failed", "account_closed"),
        ("000222222227", "failed", "insufficient_funds"),
        ("000333333335", "failed", "debit_not_authorized"),
        ("000444444440", "failed", "invalid_currency"),
    ],
)
def test_a_payout_to_an_accounts_bank_account(api, clock, number, status, code) -> None:
    """A payout goes to an account's bank account."""
    account = api.post("/v1/accounts", f"type=custom&country=US&{BANK}{number}")["id"]
    api.post("/v1/transfers", f"amount=1000&currency=usd&destination={account}")
    made = api.post("/v1/payouts", "amount=1000&currency=usd", Stripe_Account=account)
    clock.now = made["arrival_date"]
    after = api.ask("GET", f"/v1/payouts/{made['id']}", Stripe_Account=account)[1]
    assert (after["status"], after["failure_code"]) == (status, code)
    assert bool(after["failure_balance_transaction"]) == (status == "failed")
    (bank,) = api.get(f"/v1/accounts/{account}/external_accounts")["data"]
    assert (bank["status"] == "errored") == (status == "failed")
    left = api.ask("GET", "/v1/balance", Stripe_Account=account)[1]["available"][0]["amount"]
    assert left == (1000 if status == "failed" else 0)


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        ("btok_us_verified", "paid", None),
        ("btok_us_verified_noAccount", "failed", "no_account"),
        ("btok_us_verified_accountClosed", "failed", "account_closed"),
        ("btok_us_verified_insufficientFunds", "failed", "insufficient_funds"),
        ("btok_us_verified_debitNotAuthorized", "failed", "debit_not_authorized"),
        ("btok_us_verified_invalidCurrency", "failed", "invalid_currency"),
        ("tok_visa_debit_us_transferSuccess", "paid", None),
        ("tok_visa_debit_us_transferFail", "failed", "could_not_process"),
        ("tok_discover_debit_us_transferSuccess", "paid", None),
    ],
)
def test_a_payout_ends_as_its_token_says(api, clock, token, status, code) -> None:
    """Bank accounts and debit cards by their tokens. https://docs.stripe.com/connect/testing#payouts"""
    account = api.post("/v1/accounts", f"type=custom&country=US&external_account={token}")["id"]
    api.post("/v1/transfers", f"amount=1000&currency=usd&destination={account}")
    made = api.post("/v1/payouts", "amount=1000&currency=usd", Stripe_Account=account)
    clock.now = made["arrival_date"]
    after = api.ask("GET", f"/v1/payouts/{made['id']}", Stripe_Account=account)[1]
    assert (after["status"], after["failure_code"]) == (status, code)


@pytest.mark.parametrize("country", ["us", "ca", "sg", "au", "ae", "gb", "de", "fr", "nz", "se", "pl", "ro"])
def test_every_country_has_its_debit_cards(api, country: str) -> None:
    """Three of Visa, of which one takes no instant payout, and one Mastercard.

    https://docs.stripe.com/connect/testing#debit-card-numbers, https://docs.stripe.com/error-codes
    """
    account = api.post("/v1/accounts", "type=custom&country=US")["id"]
    api.post("/v1/transfers", f"amount=1000&currency=usd&destination={account}")
    kinds = ("visa_debit_{}_transferSuccess", "visa_debit_{}_transferFail", "mastercard_debit_{}_transferSuccess",
             "visa_debit_{}_instantPayoutUnsupported")  # fmt: skip
    refused = []
    for kind in kinds:
        given = f"external_account=tok_{kind.format(country)}"
        card = api.post(f"/v1/accounts/{account}/external_accounts", given)
        assert (card["funding"], card["country"]) == ("debit", country.upper())
        ask = f"amount=100&currency=usd&method=instant&destination={card['id']}"
        status, answer = api.ask("POST", "/v1/payouts", ask, Stripe_Account=account)
        if status != 200:
            refused.append((kind, answer["error"]["code"], card["available_payout_methods"]))
    assert refused == [(kinds[-1], "instant_payouts_unsupported", ["standard"])]


def test_an_account_without_a_bank_account_gets_no_payout(api, account) -> None:
    """An account without a bank account gets no payout."""
    api.post("/v1/transfers", f"amount=1000&currency=usd&destination={account}")
    status, answer = api.ask("POST", "/v1/payouts", "amount=100&currency=usd", Stripe_Account=account)
    assert (status, answer["error"]["param"]) == (400, "destination")


# https://docs.stripe.com/connect/migrate-to-controller-properties
@pytest.mark.parametrize(
    ("kind", "controller"),
    [
        ("standard", {"type": "account"}),
        ("express", {"type": "application", "dashboard": "express", "collects": "stripe", "losses": "application"}),
        ("custom", {"type": "application", "dashboard": "none", "collects": "application", "losses": "application"}),
    ],
)
def test_the_type_of_an_account_says_who_controls_it(api, kind, controller) -> None:
    """The type of an account says who controls it."""
    made = api.post("/v1/accounts", f"type={kind}&capabilities[transfers][requested]=true")["controller"]
    found = {"type": made["type"]}
    if made.get("stripe_dashboard"):
        found |= {
            "dashboard": made["stripe_dashboard"]["type"],
            "collects": made["requirement_collection"],
            "losses": made["losses"]["payments"],
        }
    assert found == controller


def test_an_account_can_do_what_it_asked_for_when_all_is_known_of_it(api) -> None:
    """An account can do what it asked for once all is known of it.

    https://docs.stripe.com/connect/required-verification-information
    """
    asked = "capabilities[card_payments][requested]=true&capabilities[transfers][requested]=true"
    made = api.post("/v1/accounts", f"type=custom&country=US&business_type=individual&{asked}")
    path = f"/v1/accounts/{made['id']}"
    assert (made["charges_enabled"], made["payouts_enabled"]) == (False, False)
    assert made["capabilities"] == {"card_payments": "inactive", "transfers": "inactive"}
    assert "external_account" in made["requirements"]["currently_due"]
    assert made["requirements"]["disabled_reason"] == "requirements.past_due"
    told = [f"individual[{name}]={value}" for name, value in PERSON.items() if value]
    told += [f"individual[dob][{part}]={n}" for part, n in (("day", 1), ("month", 2), ("year", 1990))]
    told += [f"individual[address][{n}]=CA" for n in ("line1", "city", "state", "postal_code")]
    api.post(path, "&".join(told))
    api.post(path, "business_profile[mcc]=5734&business_profile[url]=https://example.com")
    api.post(path, "tos_acceptance[date]=1800000000&tos_acceptance[ip]=127.0.0.1")
    left = api.get(path)["requirements"]["currently_due"]
    assert left == ["external_account"]
    done = api.post(path, f"{BANK}000123456789")
    assert (done["charges_enabled"], done["payouts_enabled"], done["details_submitted"]) == (True, True, True)
    assert done["capabilities"] == {"card_payments": "active", "transfers": "active"}
    assert done["individual"]["ssn_last_4_provided"] is True
    assert "9876" not in str(done["individual"])
    capability = api.get(f"{path}/capabilities/transfers")
    assert (capability["status"], capability["requested"], capability["account"]) == ("active", True, made["id"])
    rejected = api.post(f"{path}/reject", "reason=fraud_other")
    assert (rejected["charges_enabled"], rejected["requirements"]["disabled_reason"]) == (
        False,
        "rejected.platform_fraud",
    )


def test_links_and_sessions_have_an_address_or_a_secret(api, account, clock) -> None:
    """Links and sessions have an address or a secret.

    https://docs.stripe.com/api/account_links, …/account/login_link, …/account_sessions
    """
    asked = f"account={account}&type=account_onboarding&refresh_url=https://a.example&return_url=https://b.example"
    link = api.post("/v1/account_links", asked)
    assert link["url"].startswith("https://connect.stripe.com/setup/e/")
    assert link["expires_at"] > link["created"] == clock.now
    assert api.post(f"/v1/accounts/{account}/login_links")["url"].startswith("https://connect.stripe.com/express/")
    session = api.post("/v1/account_sessions", f"account={account}&components[payments][enabled]=true")
    assert (session["account"], session["components"]["payments"]["enabled"]) == (account, True)
    assert session["components"]["payouts"]["enabled"] is False
    assert session["client_secret"].startswith("accs_secret_")
    standard = api.post("/v1/accounts", "type=standard")["id"]
    assert "not an Express account" in api.error("POST", f"/v1/accounts/{standard}/login_links")[1]["message"]
    for path, params in (("account_links", asked.replace(account, "acct_x")), ("accounts/acct_x/login_links", "")):
        assert api.error("POST", f"/v1/{path}", params)[0] == 403


@pytest.mark.parametrize(
    ("country", "currency"), [("US", "usd"), ("GB", "gbp"), ("DE", "eur"), ("FR", "eur"), ("JP", "jpy"), ("SE", "sek")]
)
def test_an_accounts_currency_is_its_countrys(api, country, currency) -> None:
    """A balance is in the currency of the account's country."""
    made = api.post("/v1/accounts", f"type=express&country={country}")
    assert (made["country"], made["default_currency"]) == (country, currency)
    balance = api.ask("GET", "/v1/balance", Stripe_Account=made["id"])[1]
    assert [part["currency"] for part in balance["available"]] == [currency]


def test_an_account_in_a_country_whose_currency_is_not_known_is_refused(api) -> None:
    """An account in a country whose currency is not known is refused."""
    status, error = api.error("POST", "/v1/accounts", "type=express&country=ZZ")
    assert (status, error["code"], error["param"]) == (501, "not_simulated", "country")


def test_the_accounts_that_payouts_go_to(api, account) -> None:
    """Bank accounts and debit cards are added, made the default of their currency, and deleted.

    https://docs.stripe.com/api/external_accounts
    """
    path = f"/v1/accounts/{account}/external_accounts"
    bank = api.post(path, "external_account=btok_us_verified&metadata[a]=b")
    assert (bank["default_for_currency"], bank["metadata"]) == (True, {"a": "b"})
    card = api.post(path, "external_account=tok_visa_debit&default_for_currency=true")
    assert [(item["id"], item["default_for_currency"]) for item in api.get(path)["data"]] == [
        (card["id"], True),
        (bank["id"], False),
    ]
    assert api.ids(f"{path}?object=card") == [card["id"]]
    held = api.post(f"{path}/{bank['id']}", "account_holder_name=Jenny&default_for_currency=true")
    assert (held["account_holder_name"], held["default_for_currency"]) == ("Jenny", True)
    assert api.get(f"{path}/{card['id']}")["default_for_currency"] is False
    assert api.get(f"/v1/accounts/{account}")["external_accounts"]["data"][1]["account_holder_name"] == "Jenny"
    assert api.error("DELETE", f"{path}/{bank['id']}")[0] == 400
    assert api.delete(f"{path}/{card['id']}")["deleted"] is True
    assert api.ids(path) == [bank["id"]]
    assert "debit" in api.error("POST", path, "external_account=tok_visa")[1]["message"]
    assert api.error("GET", f"{path}/ba_nothing")[0] == 404


def test_a_person_tells_numbers_that_nobody_is_shown(api) -> None:
    """https://docs.stripe.com/api/persons/object: ``ssn_last_4_provided``, ``id_number_provided``; they stay told."""
    account = api.post("/v1/accounts", "type=custom&country=US&business_type=company")["id"]
    path = f"/v1/accounts/{account}/persons"
    person = api.post(path, "first_name=Jenny&ssn_last_4=8765&relationship[owner]=true")
    assert (person["ssn_last_4_provided"], person["id_number_provided"]) == (True, False)
    assert "8765" not in str(person)
    person = api.post(f"{path}/{person['id']}", "id_number=000000000")
    assert (person["ssn_last_4_provided"], person["id_number_provided"]) == (True, True)
    assert api.post(f"{path}/{person['id']}", "last_name=Rosen")["id_number_provided"] is True
    assert api.ids(path) == [person["id"]]


def test_a_platforms_method_is_copied_for_its_accounts(api) -> None:
    """The copy is charged there; whose the original is must be said.

    https://docs.stripe.com/connect/direct-charges-multiple-accounts
    """
    account = api.post("/v1/accounts", "type=express&country=US")["id"]
    owner, other = (api.post("/v1/customers")["id"] for _ in range(2))
    method = api.post("/v1/payment_methods/pm_card_mastercard/attach", f"customer={owner}")["id"]
    form = f"payment_method={method}&customer={owner}"
    copy = api.post("/v1/payment_methods", form, Stripe_Account=account)
    assert (copy["customer"], copy["card"]["brand"]) == (None, "mastercard")
    assert copy["id"] != method
    form = f"amount=500&currency=usd&confirm=true&payment_method={copy['id']}"
    assert api.post("/v1/payment_intents", form, Stripe_Account=account)["status"] == "succeeded"
    for whose in ("", f"&customer={other}", "&customer=cus_none"):
        form = f"payment_method={method}{whose}"
        assert api.error("POST", "/v1/payment_methods", form, Stripe_Account=account)[0] == 400


def test_an_account_as_customer_is_there(api) -> None:
    """An unknown one is refused by name: https://docs.stripe.com/connect/use-accounts-as-customers."""
    status, error = api.error("POST", "/v1/payment_intents", "amount=500&currency=usd&customer_account=acct_none")
    assert (status, error["param"]) == (400, "customer_account")


def test_a_companys_tax_number_is_a_text(api) -> None:
    """``tax_id`` of a company and of billing details is a string of digits, not an object or a number.

    https://docs.stripe.com/connect/testing#business-information
    """
    form = "type=custom&country=US&business_type=company&company[name]=Shop&company[tax_id]=000000000"
    assert api.post("/v1/accounts", form)["company"]["tax_id_provided"] is True
    details = "payment_method_data[billing_details][tax_id]=000000000"
    form = f"amount=500&currency=usd&confirm=true&payment_method_data[type]=card&{details}"
    made = api.post("/v1/payment_intents", f"{form}&payment_method_data[card][token]=tok_visa")
    method = api.get(f"/v1/payment_methods/{made['payment_method']}")
    assert method["billing_details"]["tax_id"] == "000000000"


def test_what_a_platform_makes_in_an_account_bears_its_application(api, account) -> None:
    """Its payments, setups and charges; those of the platform itself bear none.

    https://docs.stripe.com/api/payment_intents/object#payment_intent_object-application
    """
    applications = set()
    for headers in ({"Stripe_Account": account}, {}):
        made = api.post(INTENTS, PAY + "&expand[]=latest_charge", **headers)
        setup = api.post("/v1/setup_intents", **headers)
        applications.add((made["application"], made["latest_charge"]["application"], setup["application"]))
    (own,) = applications - {(None, None, None)}
    assert len(set(own)) == 1
    assert own[0].startswith("ca_")


def test_debits_of_accounts_are_not_simulated(api, account) -> None:
    """https://docs.stripe.com/connect/account-debits: refused as such, and not as a token that does not exist."""
    status, error = api.error("POST", "/v1/charges", f"amount=500&currency=usd&source={account}")
    assert (status, error["code"], error["param"]) == (501, "not_simulated", "source")


def test_what_is_said_of_a_reversal_stands_in_the_books(api, account) -> None:
    """A reversal's description is that of its balance transaction.

    https://docs.stripe.com/api/transfer_reversals/create#create_transfer_reversal-description
    """
    made = api.post("/v1/transfers", f"amount=500&currency=usd&destination={account}")["id"]
    back = api.post(f"/v1/transfers/{made}/reversals", "amount=100&description=too+much")
    assert api.get(f"/v1/balance_transactions/{back['balance_transaction']}")["description"] == "too much"
