"""Payment intents, charges, refunds, setup intents and payment methods."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from host.simulator.stripe.sandbox_cards import CARDS

INTENTS = "/v1/payment_intents"


def intent(api, more: str = "") -> dict:
    return api.post(INTENTS, f"amount=2000&currency=usd&{more}")


def test_from_requires_payment_method_over_confirm_to_succeeded(api) -> None:
    """An intent goes from requires_payment_method over confirm to succeeded."""
    made = intent(api, "metadata[order]=1")
    assert made["status"] == "requires_payment_method"
    assert made["client_secret"].startswith(made["id"] + "_secret_")
    done = api.post(f"{INTENTS}/{made['id']}/confirm", "payment_method=pm_card_visa&expand[]=latest_charge")
    assert (done["status"], done["amount_received"]) == ("succeeded", 2000)
    charge = done["latest_charge"]
    assert (charge["amount"], charge["captured"], charge["status"]) == (2000, True, "succeeded")
    assert (charge["payment_intent"], charge["metadata"]) == (made["id"], {"order": "1"})
    assert charge["payment_method_details"]["card"]["last4"] == "4242"
    assert api.get(f"{INTENTS}/{made['id']}")["status"] == "succeeded"


def test_a_payment_method_alone_waits_for_confirmation(api) -> None:
    """A payment method alone waits for confirmation."""
    assert intent(api, "payment_method=pm_card_visa")["status"] == "requires_confirmation"
    assert intent(api, "payment_method=pm_card_visa&confirm=true")["status"] == "succeeded"
    status, error = api.error("POST", f"{INTENTS}/{intent(api)['id']}/confirm")
    assert (status, error["code"]) == (400, "payment_intent_unexpected_state")
    assert "missing a payment method" in error["message"]


@pytest.mark.parametrize(
    ("card", "code", "decline"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
def test_a_declined_card_is_402_with_the_intent_and_can_be_tried_again(api, card, code, decline) -> None:
    """A declined card is 402 with the intent and can be tried again."""
    made = intent(api)
    status, error = api.error("POST", f"{INTENTS}/{made['id']}/confirm", f"payment_method={card}")
    assert (status, error["type"], error["code"]) == (402, "card_error", code)
    assert error.get("decline_code") == decline
    assert error["payment_intent"]["id"] == made["id"]
    kept = api.get(f"{INTENTS}/{made['id']}")
    assert (kept["status"], kept["last_payment_error"]["code"]) == ("requires_payment_method", code)
    assert api.get(f"/v1/charges/{kept['latest_charge']}")["status"] == "failed"
    again = api.post(f"{INTENTS}/{made['id']}/confirm", "payment_method=pm_card_visa")
    assert (again["status"], again["last_payment_error"]) == ("succeeded", None)


def test_a_card_made_by_number_or_token_behaves_as_that_card(api) -> None:
    """A card made by number or token behaves as that card."""
    date = "card[exp_month]=12&card[exp_year]=2034"
    declined = api.post("/v1/payment_methods", f"type=card&card[number]=4000000000000002&{date}")["id"]
    assert api.error("POST", INTENTS, f"amount=100&currency=usd&confirm=true&payment_method={declined}")[0] == 402
    good = api.post("/v1/payment_methods", "type=card&card[token]=tok_mastercard")
    assert good["card"]["brand"] == "mastercard"


@pytest.mark.parametrize("missing", ["number", "exp_month", "exp_year"])
@pytest.mark.parametrize("at", ["/v1/payment_methods", "/v1/tokens"])
def test_a_new_card_has_its_number_and_date(api, at, missing) -> None:
    """A card without its number, month or year is refused, and the error names the missing one.

    https://docs.stripe.com/api/payment_methods/create#create_payment_method-card
    """
    given = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2034"}
    card = "&".join(f"card[{name}]={value}" for name, value in given.items() if name != missing)
    status, error = api.error("POST", at, f"type=card&{card}" if at.endswith("methods") else card)
    assert (status, error["code"], error["param"]) == (400, "parameter_missing", f"card[{missing}]")


@pytest.mark.parametrize("at", [INTENTS, "/v1/setup_intents"])
def test_an_intent_is_read_with_its_own_secret(api, at) -> None:
    """An intent is returned for its own ``client_secret`` and refused for that of another intent.

    https://docs.stripe.com/api/payment_intents/retrieve
    """
    form = "amount=100&currency=usd" if at == INTENTS else ""
    made, other = api.post(at, form), api.post(at, form)
    path = f"{at}/{made['id']}?client_secret="
    assert api.get(path + made["client_secret"])["id"] == made["id"]
    status, error = api.error("GET", path + other["client_secret"])
    assert (status, error["param"]) == (400, "client_secret")


def test_a_generic_decline_has_the_networks_code(api) -> None:
    """In the error and in the charge: https://docs.stripe.com/declines/network-codes."""
    form = "amount=100&currency=usd&confirm=true&payment_method=pm_card_chargeDeclined"
    _, error = api.error("POST", INTENTS, form)
    outcome = api.get(f"/v1/charges/{error['charge']}")["outcome"]
    assert error["network_decline_code"] == outcome["network_decline_code"] == "01"


def test_authentication_is_asked_for_once(api) -> None:
    """The second confirmation succeeds."""
    made = intent(api, "confirm=true&payment_method=pm_card_authenticationRequired")
    assert (made["status"], made["next_action"]["type"]) == ("requires_action", "use_stripe_sdk")
    assert api.post(f"{INTENTS}/{made['id']}/confirm")["status"] == "succeeded"


def test_manual_capture_in_full_and_in_part(api) -> None:
    """Manual capture takes all or a part."""
    held = intent(api, "confirm=true&payment_method=pm_card_visa&capture_method=manual")
    assert (held["status"], held["amount_capturable"]) == ("requires_capture", 2000)
    too_much = api.error("POST", f"{INTENTS}/{held['id']}/capture", "amount_to_capture=2001")[1]
    assert too_much["code"] == "amount_too_large"
    taken = api.post(f"{INTENTS}/{held['id']}/capture", "amount_to_capture=1500")
    assert (taken["status"], taken["amount_received"], taken["amount_capturable"]) == ("succeeded", 1500, 0)
    charge = api.get(f"/v1/charges/{taken['latest_charge']}")
    assert (charge["captured"], charge["amount_captured"]) == (True, 1500)
    assert api.error("POST", f"{INTENTS}/{held['id']}/capture")[1]["code"] == "payment_intent_unexpected_state"


def test_cancel_is_for_intents_that_have_not_succeeded(api) -> None:
    """Cancel is for intents that have not succeeded."""
    made = intent(api)
    gone = api.post(f"{INTENTS}/{made['id']}/cancel", "cancellation_reason=duplicate")
    assert (gone["status"], gone["cancellation_reason"]) == ("canceled", "duplicate")
    assert gone["canceled_at"] == 1_800_000_000
    for path in ("cancel", "confirm", "capture"):
        status, error = api.error("POST", f"{INTENTS}/{made['id']}/{path}")
        assert (status, error["code"]) == (400, "payment_intent_unexpected_state")
        assert error["payment_intent"]["status"] == "canceled"
    paid = intent(api, "confirm=true&payment_method=pm_card_visa")
    assert "status of succeeded" in api.error("POST", f"{INTENTS}/{paid['id']}/cancel")[1]["message"]


def test_amounts_and_currencies_are_checked(api) -> None:
    """Amounts out of range and unknown currencies are refused with Stripe's codes and words."""

    def refused(params: str) -> tuple:
        error = api.error("POST", INTENTS, params)[1]
        return error.get("code"), error["param"], error["message"]

    assert refused("amount=0&currency=usd") == (
        "parameter_invalid_integer",
        "amount",
        "This value must be greater than or equal to 1.",
    )
    assert refused("amount=49&currency=usd") == (
        "amount_too_small",
        "amount",
        "Amount must be at least $0.50 usd",
    )
    assert refused("amount=100&currency=zzz")[1] == "currency"
    assert intent(api)["currency"] == "usd"


def test_refunds_in_full_in_part_and_not_beyond(api) -> None:
    """A refund is of all or a part, and not of more."""
    paid = intent(api, "confirm=true&payment_method=pm_card_visa")
    part = api.post("/v1/refunds", f"payment_intent={paid['id']}&amount=500&reason=duplicate&metadata[a]=b")
    assert (part["amount"], part["status"], part["charge"]) == (500, "succeeded", paid["latest_charge"])
    assert (part["reason"], part["metadata"]) == ("duplicate", {"a": "b"})
    status, error = api.error("POST", "/v1/refunds", f"charge={paid['latest_charge']}&amount=1501")
    assert (status, error["param"]) == (400, "amount")
    assert "greater than unrefunded amount" in error["message"]
    rest = api.post("/v1/refunds", f"charge={paid['latest_charge']}")
    assert rest["amount"] == 1500
    charge = api.get(f"/v1/charges/{paid['latest_charge']}")
    assert (charge["refunded"], charge["amount_refunded"]) == (True, 2000)
    again = api.error("POST", "/v1/refunds", f"payment_intent={paid['id']}")[1]
    assert again["code"] == "charge_already_refunded"
    assert api.error("POST", "/v1/refunds", "")[1]["code"] == "parameter_missing"
    unpaid = api.error("POST", "/v1/refunds", f"payment_intent={intent(api)['id']}")[1]
    assert "does not have a successful charge" in unpaid["message"]
    assert api.ids(f"/v1/refunds?payment_intent={paid['id']}") == [rest["id"], part["id"]]


def test_methods_are_attached_and_detached(api) -> None:
    """A method is one customer's at a time."""
    customer, other = api.post("/v1/customers")["id"], api.post("/v1/customers")["id"]
    method = api.post("/v1/payment_methods/pm_card_visa/attach", f"customer={customer}")
    assert (method["customer"], method["card"]["brand"]) == (customer, "visa")
    path = f"/v1/payment_methods/{method['id']}"
    assert api.ids(f"/v1/customers/{customer}/payment_methods") == [method["id"]]
    assert "already been attached" in api.error("POST", f"{path}/attach", f"customer={other}")[1]["message"]
    assert api.post(f"{path}/detach")["customer"] is None
    assert api.ids(f"/v1/payment_methods?customer={customer}") == []
    assert "not attached" in api.error("POST", f"{path}/detach")[1]["message"]


def test_setup_intents(api) -> None:
    """A setup intent attaches its method, and can be confirmed or canceled once."""
    customer = api.post("/v1/customers")["id"]
    made = api.post("/v1/setup_intents", f"customer={customer}")
    assert made["status"] == "requires_payment_method"
    done = api.post(f"/v1/setup_intents/{made['id']}/confirm", "payment_method=pm_card_visa")
    assert done["status"] == "succeeded"
    assert api.ids(f"/v1/customers/{customer}/payment_methods") == [done["payment_method"]]
    error = api.error("POST", f"/v1/setup_intents/{made['id']}/confirm")[1]
    assert error["code"] == "setup_intent_unexpected_state"
    assert api.post(f"/v1/setup_intents/{api.post('/v1/setup_intents')['id']}/cancel")["status"] == "canceled"


def test_charges_the_old_way(api) -> None:
    """A charge without an intent is captured once, or declined."""
    charge = api.post("/v1/charges", "amount=500&currency=usd&source=tok_visa&capture=false")
    assert (charge["captured"], charge["paid"]) == (False, True)
    assert api.post(f"/v1/charges/{charge['id']}/capture")["amount_captured"] == 500
    assert api.error("POST", f"/v1/charges/{charge['id']}/capture")[1]["code"] == "charge_already_captured"
    assert api.error("POST", "/v1/charges", "amount=500&currency=usd&source=tok_chargeDeclined")[0] == 402


def _subscribe(api, card: str) -> str:
    customer = api.post("/v1/customers", f"payment_method={card}&invoice_settings[default_payment_method]={card}")["id"]
    product = api.post("/v1/products", "name=x")["id"]
    monthly = f"product={product}&currency=usd&unit_amount=500&recurring[interval]=month"
    price = api.post("/v1/prices", monthly)["id"]
    return f"customer={customer}&items[0][price]={price}&payment_behavior=error_if_incomplete"


def _invoice(api) -> str:
    customer = api.post("/v1/customers", "name=x")["id"]
    api.post("/v1/invoiceitems", f"customer={customer}&amount=500&currency=usd")
    made = api.post("/v1/invoices", f"customer={customer}&pending_invoice_items_behavior=include")
    return made["id"]


# How a card is charged: path, parameters, and what is told of it besides its code and decline code.
CHARGED = {
    "confirmed at once": lambda api, card: (
        INTENTS, f"amount=500&currency=usd&confirm=true&payment_method={card}", "charge payment_intent payment_method",
    ),
    "confirmed": lambda api, card: (
        f"{INTENTS}/{intent(api)['id']}/confirm", f"payment_method={card}", "charge payment_intent payment_method",
    ),
    "a charge": lambda api, card: (
        "/v1/charges", f"amount=500&currency=usd&source={card.replace('pm_card', 'tok')}", "charge",
    ),
    "an invoice": lambda api, card: (
        f"/v1/invoices/{_invoice(api)}/pay", f"payment_method={card}", "charge payment_intent payment_method",
    ),
    "a setup": lambda api, card: (
        "/v1/setup_intents", f"confirm=true&payment_method={card}", "setup_intent payment_method",
    ),
    "a subscription": lambda api, card: (
        "/v1/subscriptions", _subscribe(api, card), "charge payment_intent payment_method",
    ),
}  # fmt: skip


def _ways() -> list[tuple[str, str]]:
    """(card, how) of all cards that decline at once: some can be attached and set up, the others cannot."""
    found = []
    for name, card in CARDS.items():
        if card.code and not card.authentication:
            left_out = "a setup" if card.attaches else "a subscription"
            found.extend((name, how) for how in CHARGED if how != left_out)
    return found


@pytest.mark.parametrize(("name", "how"), _ways())
def test_every_declined_card_says_why_however_it_is_charged(api, name, how) -> None:
    """Every declined card says why, however it is charged.

    Code, decline code where the card has one, and the objects Stripe's error has (https://docs.stripe.com/api/errors).
    """
    path, params, members = CHARGED[how](api, f"pm_card_{name}")
    status, error = api.error("POST", path, params)
    card = CARDS[name]
    assert (status, error["type"], error["code"]) == (402, "card_error", card.code)
    assert error.get("decline_code") == (card.decline or None)
    assert error["doc_url"].endswith(card.code.replace("_", "-"))
    for member in members.split():
        found = error[member]
        assert (found if member == "charge" else found["object"]).startswith("ch_" if member == "charge" else member)
    for member in {"payment_intent", "setup_intent"} & set(error):
        assert error[member]["status"] == "requires_payment_method"
        last = error[member]["last_payment_error" if member == "payment_intent" else "last_setup_error"]
        assert (last["code"], last.get("decline_code")) == (card.code, card.decline or None)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("", "STRIPE SIMULATOR"),
        ("&statement_descriptor_suffix=ORDER 7", "STRIPE SIMULATOR* ORDE"),
        ("&statement_descriptor_suffix=A1", "STRIPE SIMULATOR* A1"),
    ],
)
def test_a_charge_says_what_its_cardholder_reads(api, given: str, shown: str) -> None:
    """https://docs.stripe.com/get-started/account/statement-descriptors: 22 characters at most."""
    form = f"amount=500&currency=usd&confirm=true&payment_method=pm_card_visa&payment_method_types[]=card{given}"
    charge = api.get(f"/v1/charges/{api.post('/v1/payment_intents', form)['latest_charge']}")
    assert charge["calculated_statement_descriptor"] == shown


def test_only_a_payment_that_asked_for_it_is_incremented(api) -> None:
    """https://docs.stripe.com/payments/incremental-authorization: the charge says whether it can be."""
    form = "amount=500&currency=usd&confirm=true&payment_method=pm_card_visa&payment_method_types[]=card"
    asks = "payment_method_options[card][request_incremental_authorization]=if_available"
    for asked, status in ((f"&{asks}", "available"), ("", "unavailable")):
        made = api.post("/v1/payment_intents", f"{form}&capture_method=manual{asked}")
        details = api.get(f"/v1/charges/{made['latest_charge']}")["payment_method_details"]["card"]
        assert details["incremental_authorization"]["status"] == status
        path = f"/v1/payment_intents/{made['id']}/increment_authorization"
        if not asked:
            assert api.error("POST", path, "amount=700")[0] == 400
            continue
        assert api.post(path, "amount=700")["amount_capturable"] == 700
        charge = api.get(f"/v1/charges/{made['latest_charge']}")
        assert (charge["amount"], charge["payment_method_details"]["card"]["amount_authorized"]) == (700, 700)


@pytest.mark.parametrize("text", ["12345", "A<B", "it's", 'say "x"', "A*B", "back\\slash", "A" * 23])
@pytest.mark.parametrize("name", ["statement_descriptor", "statement_descriptor_suffix"])
def test_a_text_for_a_statement_has_its_form(api, name: str, text: str) -> None:
    """A statement descriptor has its form.

    https://docs.stripe.com/get-started/account/statement-descriptors#requirements
    """
    form = urlencode({"amount": 500, "currency": "usd", name: text})
    status, error = api.error("POST", "/v1/payment_intents", form)
    assert (status, error["param"]) == (400, name)


def test_a_card_payment_takes_a_suffix_and_no_text_of_its_own(api) -> None:
    """A card payment takes a suffix and no descriptor of its own.

    https://docs.stripe.com/api/payment_intents/create#create_payment_intent-statement_descriptor: an error.

    In a charge without intent it counts as the suffix.
    """
    form = "amount=500&currency=usd&confirm=true&payment_method_types[]=card&statement_descriptor=SHOP"
    status, error = api.error("POST", "/v1/payment_intents", f"{form}&payment_method=pm_card_visa")
    assert (status, error["param"]) == (400, "statement_descriptor")
    charge = api.post("/v1/charges", "amount=500&currency=usd&source=tok_visa&statement_descriptor=SHOP")
    assert charge["calculated_statement_descriptor"] == "STRIPE SIMULATOR* SHOP"
    debit = "amount=500&currency=eur&confirm=true&payment_method=pm_success_at&statement_descriptor=SHOP"
    debit += "&mandate_data[customer_acceptance][type]=offline"
    made = api.post("/v1/payment_intents", debit)
    assert api.get(f"/v1/charges/{made['latest_charge']}")["calculated_statement_descriptor"] == "SHOP"


def test_a_method_is_named_or_described(api) -> None:
    """A payment takes one of the two, not both.

    https://docs.stripe.com/api/payment_intents/create#create_payment_intent-payment_method_data
    """
    both = "payment_method=pm_card_visa&payment_method_data[type]=card&payment_method_data[card][token]=tok_amex"
    for path, params in ((INTENTS, "amount=2000&currency=usd&"), ("/v1/setup_intents", "")):
        assert api.error("POST", path, params + both)[1]["code"] == "parameters_exclusive"


def test_what_a_request_says_goes_before_its_confirmation_token(api) -> None:
    """Its payment method, and what it keeps it for.

    https://docs.stripe.com/api/payment_intents/confirm#confirm_payment_intent-confirmation_token
    """
    of = "payment_method=pm_card_visa&setup_future_usage=on_session"
    token = api.post("/v1/test_helpers/confirmation_tokens", of)["id"]
    said = f"confirm=true&confirmation_token={token}&payment_method=pm_card_amex&setup_future_usage=off_session"
    done = intent(api, f"{said}&expand[]=payment_method")
    assert (done["payment_method"]["card"]["brand"], done["setup_future_usage"]) == ("amex", "off_session")
    assert api.get(f"/v1/confirmation_tokens/{token}")["payment_intent"] == done["id"]


@pytest.mark.parametrize(
    ("card", "asked", "over"),
    [
        ("visa_cartesBancaires", "", "visa"),
        ("visa_cartesBancaires", "cartes_bancaires", "cartes_bancaires"),
        ("mastercard_debit_eftposAuCoBranded", "eftpos_au", "eftpos_au"),
        ("visa", "visa", "visa"),
        ("visa", "amex", None),
    ],
)
def test_a_co_branded_card_is_charged_over_the_network_asked_for(api, card, asked, over) -> None:
    """The charge says which it was; a network that the card is not on is refused.

    https://docs.stripe.com/co-branded-cards-compliance
    """
    option = f"&payment_method_options[card][network]={asked}" if asked else ""
    params = f"amount=2000&currency=usd&confirm=true&payment_method=pm_card_{card}{option}&expand[]=latest_charge"
    if over is None:
        assert api.error("POST", INTENTS, params)[1]["param"] == "payment_method_options[card][network]"
    else:
        made = api.post(INTENTS, params)
        assert made["latest_charge"]["payment_method_details"]["card"]["network"] == over


def test_a_refund_of_too_much_says_of_what(api) -> None:
    """Of the charge, or of what is left of it. https://docs.stripe.com/api/refunds/create#create_refund-amount"""
    made = intent(api, "confirm=true&payment_method=pm_card_visa")
    ask = f"payment_intent={made['id']}&amount="
    message = api.error("POST", "/v1/refunds", f"{ask}3000")[1]["message"]
    assert message == "Refund amount ($30.00) is greater than charge amount ($20.00)"
    api.post("/v1/refunds", f"{ask}500")
    message = api.error("POST", "/v1/refunds", f"{ask}1600")[1]["message"]
    assert message == "Refund amount ($16.00) is greater than unrefunded amount on charge ($15.00)"


def test_the_customer_of_a_charge_is_set_once(api) -> None:
    """A charge of nobody may get a customer, who stays.

    https://docs.stripe.com/api/charges/update#update_charge-customer
    """
    made = api.post("/v1/charges", "amount=2000&currency=usd&source=tok_visa")
    first, other = (api.post("/v1/customers")["id"] for _ in range(2))
    path = f"/v1/charges/{made['id']}"
    for customer in (first, first):
        assert api.post(path, f"customer={customer}")["customer"] == first
    assert api.error("POST", path, f"customer={other}")[1]["param"] == "customer"
    assert api.post(path, "description=x")["customer"] == first


@pytest.mark.parametrize(
    ("option", "currency", "plans"),
    [("[enabled]=true", "usd", []), ("[enabled]=true", "mxn", None), ("[plan][type]=fixed_count", "usd", None)],
)
def test_installments_are_none_or_not_simulated(api, option, currency, plans) -> None:
    """A currency without installments has no plans; elsewhere they are refused, and not taken without effect.

    https://docs.stripe.com/payments/mx-installments
    """
    params = f"amount=20000&currency={currency}&payment_method_options[card][installments]{option}"
    status, answer = api.ask("POST", INTENTS, params)
    if plans is None:
        assert (status, answer["error"]["code"]) == (501, "not_simulated")
    else:
        assert answer["payment_method_options"]["card"]["installments"]["available_plans"] == plans


@pytest.mark.parametrize(
    "said",
    ["amount=100", "capture_method=manual", "setup_future_usage=off_session", "statement_descriptor_suffix=x",
     "payment_method_options[card][request_three_d_secure]=any", "payment_method=pm_card_amex"],
)  # fmt: skip
def test_what_a_confirmation_settles_is_settled(api, said) -> None:
    """It is refused afterwards, and its words and metadata are not.

    https://docs.stripe.com/error-codes#payment-intent-unexpected-state
    """
    made = intent(api, "confirm=true&payment_method=pm_card_visa&transfer_group=a")
    path = f"{INTENTS}/{made['id']}"
    error = api.error("POST", path, said)[1]
    assert (error["code"], error["param"]) == (
        "payment_intent_unexpected_state",
        said.partition("=")[0].partition("[")[0],
    )
    assert api.post(path, "description=x&metadata[a]=b")["description"] == "x"
    assert api.error("POST", path, "transfer_group=b")[1]["param"] == "transfer_group"
    assert api.post(path, "transfer_group=a")["transfer_group"] == "a"


@pytest.mark.parametrize(
    ("path", "params", "param"),
    [
        ("/v1/payouts", "amount=100&currency=usd&payout_method=fa_1", "payout_method"),
        ("/v1/refunds", "amount=100&charge={charge}&customer={customer}", "customer"),
    ],
)
def test_what_has_no_effect_is_not_taken(api, path, params, param) -> None:
    """Payouts by methods of v2, and refunds of a cash balance.

    https://docs.stripe.com/api/payouts/create, https://docs.stripe.com/api/refunds/create#create_refund-customer
    """
    customer = api.post("/v1/customers")["id"]
    charge = intent(api, "confirm=true&payment_method=pm_card_visa")["latest_charge"]
    status, error = api.error("POST", path, params.format(charge=charge, customer=customer))
    assert (status, error["code"], error["param"]) == (501, "not_simulated", param)
