"""Whose a payment method is, what it is used up by, bank debits, customers' sources, and setting up."""

from __future__ import annotations

import pytest

INTENTS = "/v1/payment_intents"
PAY = "amount=2000&currency=usd&confirm=true&payment_method="


def customer(api, more: str = "") -> str:
    return api.post("/v1/customers", more)["id"]


def test_a_method_used_without_a_customer_is_used_up(api) -> None:
    """A method used without a customer is used up. https://docs.stripe.com/payments/payment-methods#reusability"""
    method = api.post("/v1/payment_methods", "type=card&card[token]=tok_visa")["id"]
    assert api.post(INTENTS, PAY + method)["status"] == "succeeded"
    owner = customer(api)
    for path, params in (
        (INTENTS, PAY + method),
        (INTENTS, f"amount=500&currency=usd&payment_method={method}"),
        (f"/v1/payment_methods/{method}/attach", f"customer={owner}"),
        ("/v1/setup_intents", f"confirm=true&payment_method={method}"),
    ):
        status, error = api.error("POST", path, params)
        assert (status, error["param"]) == (400, "payment_method")
        assert "may not be used again" in error["message"]


def test_a_declined_method_is_not_used_up(api) -> None:
    """A declined method is not used up."""
    method = api.post("/v1/payment_methods", "type=card&card[token]=tok_chargeDeclined")["id"]
    for _ in range(2):
        assert api.error("POST", INTENTS, PAY + method)[0] == 402


def test_another_customers_method_is_refused(api) -> None:
    """A method pays and is set up for its own customer only."""
    one, other = customer(api), customer(api)
    method = api.post("/v1/payment_methods/pm_card_visa/attach", f"customer={one}")["id"]
    for more in ("", f"&customer={other}"):
        for path, params in (
            (INTENTS, PAY + method + more),
            (INTENTS, f"amount=500&currency=usd&payment_method={method}{more}"),
            ("/v1/setup_intents", f"confirm=true&payment_method={method}{more}"),
        ):
            status, error = api.error("POST", path, params)
            assert (status, error["param"]) == (400, "payment_method")
            assert "ustomer" in error["message"]
    assert api.post(INTENTS, PAY + method + f"&customer={one}")["status"] == "succeeded"
    assert api.post(INTENTS, PAY + method + f"&customer={one}")["status"] == "succeeded"
    assert api.error("GET", f"/v1/customers/{other}/payment_methods/{method}")[0] == 404


def test_a_detached_method_is_nobodys_for_ever(api) -> None:
    """A detached method is nobody's for ever."""
    owner = customer(api, "payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_mastercard")
    method = api.get(f"/v1/customers/{owner}")["invoice_settings"]["default_payment_method"]
    assert api.post(f"/v1/payment_methods/{method}/detach")["customer"] is None
    assert api.get(f"/v1/customers/{owner}")["invoice_settings"]["default_payment_method"] is None
    assert api.error("POST", f"/v1/payment_methods/{method}/attach", f"customer={owner}")[0] == 400
    assert api.error("POST", INTENTS, PAY + method + f"&customer={owner}")[0] == 400


def test_a_method_is_kept_for_later_when_asked(api) -> None:
    """A method is kept for later when that is asked for. https://docs.stripe.com/payments/save-during-payment"""
    owner = customer(api)
    api.post(INTENTS, PAY + f"pm_card_visa&customer={owner}")
    assert api.ids(f"/v1/customers/{owner}/payment_methods") == []
    made = api.post(INTENTS, PAY + f"pm_card_visa&customer={owner}&setup_future_usage=off_session")
    assert api.ids(f"/v1/customers/{owner}/payment_methods") == [made["payment_method"]]
    card = api.post(
        INTENTS, PAY + f"pm_card_authenticationRequiredOnSetup&customer={owner}&setup_future_usage=off_session"
    )
    api.post(f"{INTENTS}/{card['id']}/confirm")
    later = PAY + f"{card['payment_method']}&customer={owner}&off_session=true"
    assert api.post(INTENTS, later)["status"] == "succeeded"


@pytest.mark.parametrize("kind", ["payment_intents", "setup_intents"])
def test_automatic_methods_need_a_return_url(api, kind) -> None:
    """Without one, ``allow_redirects`` has to be ``never``. https://docs.stripe.com/upgrades/manage-payment-methods"""
    path = f"/v1/{kind}"
    base = ("amount=500&currency=usd&" if kind == "payment_intents" else "") + "automatic_payment_methods[enabled]=true"
    confirm = "&confirm=true&payment_method=pm_card_visa"
    status, error = api.error("POST", path, base + confirm)
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert "return_url" in error["message"]
    assert "allow_redirects" in error["message"]
    for more in ("&return_url=https://example.com", "&automatic_payment_methods[allow_redirects]=never"):
        assert api.post(path, base + confirm + more)["status"] == "succeeded"
    waiting = api.post(path, base + "&payment_method=pm_card_visa")["id"]
    assert api.error("POST", f"{path}/{waiting}/confirm")[0] == 400
    assert api.post(f"{path}/{waiting}/confirm", "return_url=https://example.com")["status"] == "succeeded"


AUTOMATIC = "amount=500&currency=usd&confirm=true&automatic_payment_methods[enabled]=true&payment_method=pm_card_visa"


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (AUTOMATIC, "return_url"),
        (f"{AUTOMATIC}&off_session=true", ""),
        (f"{AUTOMATIC}&return_url=https://example.com", ""),
        (f"{AUTOMATIC}&automatic_payment_methods[allow_redirects]=never", ""),
        (f"{AUTOMATIC}&return_url=https://example.com&error_on_requires_action=true", "error_on_requires_action"),
        (f"{PAY}pm_card_visa", ""),
        (f"{PAY}pm_card_visa&automatic_payment_methods[enabled]=false", ""),
        (f"{PAY}pm_card_visa&payment_method_types[0]=card&error_on_requires_action=true", ""),
    ],
)
def test_who_may_be_redirected_needs_an_address(api, given, fault) -> None:
    """The customer may be redirected by automatic payment methods; off session there is no customer.

    https://docs.stripe.com/changelog/2023-08-16/automatic-payment-methods. Without a word on payment methods, an
    intent takes those of the account's settings, which here are cards.
    """
    status, answer = api.ask("POST", INTENTS, given)
    if fault:
        assert (status, fault in answer["error"]["message"]) == (400, True)
        assert api.ids(INTENTS) == []
    else:
        assert (status, answer["status"]) == (200, "succeeded")


@pytest.mark.parametrize(
    "name", ["return_url=https://example.com", "off_session=true", "error_on_requires_action=true"]
)
def test_what_is_for_a_confirmation_needs_one(api, name) -> None:
    """What is for a confirmation needs one."""
    status, error = api.error("POST", INTENTS, f"amount=500&currency=usd&{name}")
    assert (status, error["param"]) == (400, name.partition("=")[0])


def test_sources_are_the_customers_cards_of_old(api) -> None:
    """Sources are the cards of a customer in their older form. https://docs.stripe.com/api/cards"""
    owner = customer(api, "source=tok_visa")
    first = api.get(f"/v1/customers/{owner}")["default_source"]
    path = f"/v1/customers/{owner}/sources"
    second = api.post(path, "source=tok_mastercard&metadata[a]=b")
    assert (second["object"], second["brand"], second["last4"]) == ("card", "MasterCard", "4444")
    assert (second["customer"], second["metadata"]) == (owner, {"a": "b"})
    assert api.ids(path) == [second["id"], first]
    assert api.ids(f"{path}?limit=1&starting_after={second['id']}") == [first]
    assert api.get(f"/v1/customers/{owner}")["default_source"] == first
    charge = api.post("/v1/charges", f"amount=500&currency=usd&customer={owner}")
    assert (charge["source"]["id"], charge["source"]["last4"]) == (first, "4242")
    api.post(f"/v1/customers/{owner}", f"default_source={second['id']}")
    charge = api.post("/v1/charges", f"amount=500&currency=usd&customer={owner}")
    assert charge["payment_method_details"]["card"]["last4"] == "4444"
    paid = api.post(INTENTS, PAY + f"{first}&customer={owner}")
    assert paid["payment_method"] == first
    assert api.post(f"{path}/{first}", "exp_month=5&exp_year=2033&name=Joe")["exp_year"] == 2033
    assert api.delete(f"{path}/{second['id']}") == {"id": second["id"], "object": "card", "deleted": True}
    assert api.get(f"/v1/customers/{owner}")["default_source"] == first
    assert api.error("POST", "/v1/charges", f"amount=500&currency=usd&customer={owner}&source={second['id']}")[0] == 400


def test_a_customer_without_a_card_cannot_be_charged(api) -> None:
    """A customer without a card cannot be charged."""
    owner, other = customer(api), customer(api, "source=tok_visa")
    status, error = api.error("POST", "/v1/charges", f"amount=500&currency=usd&customer={owner}")
    assert (status, error["type"], error["code"]) == (402, "card_error", "missing")
    theirs = api.get(f"/v1/customers/{other}")["default_source"]
    foreign = api.error("POST", "/v1/charges", f"amount=500&currency=usd&customer={owner}&source={theirs}")
    assert (foreign[0], foreign[1]["code"]) == (400, "resource_missing")
    assert api.error("POST", f"/v1/customers/{owner}", f"default_source={theirs}")[0] == 400
    assert api.error("POST", "/v1/charges", "amount=500&currency=usd")[0] == 400


def test_a_bank_account_is_verified_by_its_deposits(api) -> None:
    """https://docs.stripe.com/ach-deprecated: 32 and 45 are right in test mode."""
    owner = customer(api)
    said = "&".join(
        f"bank_account[{k}]={v}"
        for k, v in {
            "country": "US", "currency": "usd", "routing_number": "110000000", "account_number": "000123456789",
        }.items()
    )  # fmt: skip
    token = api.post("/v1/tokens", said)["id"]
    made = api.post(f"/v1/customers/{owner}/sources", f"source={token}")
    assert (made["object"], made["status"], made["last4"]) == ("bank_account", "new", "6789")
    path = f"/v1/customers/{owner}/sources/{made['id']}/verify"
    assert api.error("POST", path, "amounts[]=1&amounts[]=2")[0] == 400
    assert api.post(path, "amounts[]=32&amounts[]=45")["status"] == "verified"


def test_every_try_to_set_up_is_an_attempt(api) -> None:
    """Every try to set up is an attempt. https://docs.stripe.com/api/setup_attempts"""
    made = api.post("/v1/setup_intents")["id"]
    path = f"/v1/setup_intents/{made}"
    assert api.error("POST", f"{path}/confirm", "payment_method=pm_card_chargeDeclined")[0] == 402
    assert api.post(f"{path}/confirm", "payment_method=pm_card_authenticationRequired")["status"] == "requires_action"
    done = api.post(f"{path}/confirm")
    attempts = api.get(f"/v1/setup_attempts?setup_intent={made}")["data"]
    assert [a["status"] for a in attempts] == ["succeeded", "failed"]
    assert done["latest_attempt"] == attempts[0]["id"]
    assert attempts[0]["payment_method_details"]["card"]["three_d_secure"]["result"] == "authenticated"
    assert attempts[1]["setup_error"]["code"] == "card_declined"
    assert api.error("POST", f"{path}/cancel")[1]["code"] == "setup_intent_unexpected_state"
    assert api.error("POST", path, "payment_method=pm_card_visa")[1]["code"] == "setup_intent_unexpected_state"


def test_a_confirmation_token_confirms_once(api) -> None:
    """The second use of a token is refused by its parameter. https://docs.stripe.com/api/confirmation_tokens"""
    token = api.post("/v1/test_helpers/confirmation_tokens", "payment_method=pm_card_visa&return_url=https://e.example")
    assert token["payment_method_preview"]["card"]["last4"] == "4242"
    confirm = (
        f"amount=500&currency=usd&confirm=true&automatic_payment_methods[enabled]=true&confirmation_token={token['id']}"
    )
    assert api.post(INTENTS, confirm)["status"] == "succeeded"
    assert api.error("POST", INTENTS, confirm)[1]["param"] == "confirmation_token"


def test_what_is_held_is_released_when_it_is_canceled_or_too_old(api, clock) -> None:
    """https://docs.stripe.com/payments/place-a-hold-on-a-payment-method: seven days for cards."""
    held = [api.post(INTENTS, PAY + "pm_card_visa&capture_method=manual") for _ in range(2)]
    charge = api.get(f"/v1/charges/{held[0]['latest_charge']}")
    assert charge["payment_method_details"]["card"]["capture_before"] == clock.now + 7 * 86400
    assert api.post(f"{INTENTS}/{held[0]['id']}/cancel")["status"] == "canceled"
    clock.now += 7 * 86400
    late = api.get(f"{INTENTS}/{held[1]['id']}")
    assert (late["status"], late["cancellation_reason"]) == ("canceled", "expired")
    for intent, back in zip(held, (2000, 0), strict=True):
        charge = api.get(f"/v1/charges/{intent['latest_charge']}", **{"expand[]": "refunds"})
        assert (charge["refunded"], charge["amount_refunded"], charge["amount_captured"]) == (back > 0, back, 0)
        assert sum(refund["amount"] for refund in charge["refunds"]["data"]) == back


def test_a_customers_balance_is_written_down(api) -> None:
    """Each change of a customer's balance is a transaction, also one made by an update.

    https://docs.stripe.com/billing/customer/balance
    """
    owner = customer(api, "balance=-500")
    path = f"/v1/customers/{owner}/balance_transactions"
    made = api.post(path, "amount=-200&currency=usd&description=x&metadata[a]=b")
    assert (made["ending_balance"], made["type"], made["customer"]) == (-700, "adjustment", owner)
    api.post(f"/v1/customers/{owner}", "balance=100")
    assert api.get(f"/v1/customers/{owner}")["balance"] == 100
    listed = api.get(path)["data"]
    assert [(t["amount"], t["ending_balance"], t["type"]) for t in listed] == [
        (800, 100, "adjustment"),
        (-200, -700, "adjustment"),
        (-500, -500, "initial"),
    ]
    assert api.get(f"{path}/{made['id']}")["description"] == "x"
    assert api.post(path, "amount=5&currency=eur")["ending_balance"] == 5
    assert api.get(f"/v1/customers/{owner}")["balance"] == 100


def test_a_charge_of_a_token_shows_its_card(api) -> None:
    """The card object of old, whose id is that of the payment method: https://docs.stripe.com/api/charges/object."""
    token = api.post("/v1/tokens", "card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2034&card[name]=Jo")
    for source in (token["id"], "tok_mastercard"):
        charge = api.post("/v1/charges", f"amount=500&currency=usd&source={source}")
        assert charge["source"]["object"] == "card"
        assert charge["source"]["id"] == charge["payment_method"]
        assert api.get(f"/v1/charges/{charge['id']}")["source"] == charge["source"]
    assert (charge["source"]["brand"], charge["source"]["last4"]) == ("MasterCard", "4444")


def test_a_charge_without_an_intent_takes_tokens_and_sources_only(api) -> None:
    """https://docs.stripe.com/api/charges/create: a payment method needs an intent; a source of a card is used once."""
    for given in ("pm_card_visa", "card_nothing", "tok_nothing"):
        status, error = api.error("POST", "/v1/charges", f"amount=500&currency=usd&source={given}")
        assert (status, error["code"], error["param"]) == (400, "resource_missing", "source")
        assert api.error("POST", "/v1/customers", f"source={given}")[0] == 400
    source = api.post("/v1/sources", "type=card&token=tok_mastercard")
    assert (source["status"], source["card"]["last4"]) == ("chargeable", "4444")
    charge = api.post("/v1/charges", f"amount=500&currency=usd&source={source['id']}")
    assert charge["payment_method_details"]["card"]["last4"] == "4444"
    assert (
        "consumed" in api.error("POST", "/v1/charges", f"amount=500&currency=usd&source={source['id']}")[1]["message"]
    )


def test_a_payment_takes_a_card_described_with_it(api) -> None:
    """A token of the browser: https://docs.stripe.com/payments/payment-intents/migration."""
    for at in ("payment_intents", "setup_intents"):
        amount = "amount=500&currency=usd&" if at == "payment_intents" else ""
        sent = f"{amount}confirm=true&return_url=https://example.com"
        made = api.post(
            f"/v1/{at}", f"{sent}&payment_method_data[type]=card&payment_method_data[card][token]=tok_mastercard"
        )
        assert made["status"] == "succeeded"
        assert api.get(f"/v1/payment_methods/{made['payment_method']}")["card"]["brand"] == "mastercard"


def test_what_is_wrong_with_a_method_is_told_at_its_place(api) -> None:
    """What is wrong with a method is reported at its place."""
    for data, param in (
        ("type=card", "payment_method_data[card]"),
        ("type=sepa_debit", "payment_method_data[sepa_debit][iban]"),
        ("type=us_bank_account", "payment_method_data[us_bank_account][account_number]"),
    ):
        sent = "&".join(f"payment_method_data[{n}]={v}" for n, v in (each.split("=") for each in data.split("&")))
        error = api.error("POST", INTENTS, f"amount=500&currency=eur&{sent}")[1]
        assert (error["code"], error["param"]) == ("parameter_missing", param)


def test_a_declined_card_is_taken_when_its_bank_is_not_to_be_asked(api) -> None:
    """A declined card is taken when its bank is not to be asked.

    https://docs.stripe.com/api/cards/create: ``validate``
    """
    path = f"/v1/customers/{customer(api)}/sources"
    assert api.error("POST", path, "source=tok_chargeDeclined&validate=true")[0] == 402
    made = api.post(path, "source=tok_chargeDeclined&validate=false")
    assert made["last4"] == "0002"


def test_the_methods_of_a_deleted_customer_are_nobodys(api) -> None:
    """The methods of a deleted customer are nobody's."""
    owner = customer(api, "payment_method=pm_card_visa&source=tok_mastercard")
    methods = api.ids(f"/v1/customers/{owner}/payment_methods")
    assert api.delete(f"/v1/customers/{owner}")["deleted"] is True
    for method in methods:
        assert api.get(f"/v1/payment_methods/{method}")["customer"] is None
        assert api.error("POST", INTENTS, PAY + method)[0] == 400


def test_the_default_of_a_customer_is_their_own(api) -> None:
    """A method that is nobody's or another's is no default of invoices; a test card by name becomes the customer's.

    https://docs.stripe.com/api/customers/update#update_customer-invoice_settings-default_payment_method
    """
    mine, other = (api.post("/v1/customers")["id"] for _ in range(2))
    loose = api.post("/v1/payment_methods", "type=card&card[token]=tok_visa")["id"]
    theirs = api.post("/v1/payment_methods/pm_card_visa/attach", f"customer={other}")["id"]
    name = "invoice_settings[default_payment_method]"
    for id in (loose, theirs):
        assert api.error("POST", f"/v1/customers/{mine}", f"{name}={id}")[1]["param"] == name
        assert api.get(f"/v1/customers/{mine}/payment_methods")["data"] == []
    assert api.error("POST", f"/v1/customers/{mine}", f"{name}=pm_card_chargeDeclined")[0] == 402
    done = api.post(f"/v1/customers/{mine}", f"{name}=pm_card_visa")
    assert api.ids(f"/v1/customers/{mine}/payment_methods") == [done["invoice_settings"]["default_payment_method"]]


@pytest.mark.parametrize("at", ["create", "update"])
def test_a_customer_is_told_how_their_cash_is_reconciled(api, at) -> None:
    """When it is made and when it is changed.

    https://docs.stripe.com/api/customers/create#create_customer-cash_balance
    """
    mode = "cash_balance[settings][reconciliation_mode]=manual"
    id = api.post("/v1/customers", mode if at == "create" else "")["id"]
    if at == "update":
        api.post(f"/v1/customers/{id}", mode)
    settings = {"reconciliation_mode": "manual", "using_merchant_default": False}
    assert api.get(f"/v1/customers/{id}/cash_balance")["settings"] == settings
    assert api.get(f"/v1/customers/{id}?expand[]=cash_balance")["cash_balance"]["settings"] == settings


@pytest.mark.parametrize(
    ("given", "prefix"),
    [
        ("card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2034", "tok_"),
        (
            "bank_account[country]=US&bank_account[currency]=usd&bank_account[routing_number]=110000000"
            "&bank_account[account_number]=000123456789",
            "btok_",
        ),
        ("pii[id_number]=000000000", "pii_"),
        ("account[business_type]=individual", "ct_"),
        ("person[first_name]=Jenny", "cpt_"),
        ("cvc_update[cvc]=123", "cvctok_"),
    ],
)
def test_a_token_says_what_it_is_of(api, given: str, prefix: str) -> None:
    """Its id has a prefix for each kind, and it is found by it. https://docs.stripe.com/api/tokens"""
    made = api.post("/v1/tokens", given)
    assert made["id"].startswith(prefix)
    assert api.get(f"/v1/tokens/{made['id']}")["type"] == made["type"]
