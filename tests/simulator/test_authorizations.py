"""What a card payment may ask of its authorization: several captures, more than was authorized, a longer hold."""

from __future__ import annotations

import pytest

INTENTS = "/v1/payment_intents"
DAY = 24 * 3600


def held(api, option: str = "", **more: str) -> dict:
    """A payment of 20.00 that waits for its capture."""
    asks = f"&payment_method_options[card]{option}" if option else ""
    given = "".join(f"&{name}={value}" for name, value in more.items())
    form = "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa"
    return api.post(INTENTS, f"{form}{asks}{given or '&capture_method=manual'}")


def card(api, intent: dict) -> dict:
    return api.get(f"/v1/charges/{intent['latest_charge']}")["payment_method_details"]["card"]


def capture(api, intent: dict, **params) -> dict:
    form = "&".join(f"{name}={str(value).lower()}" for name, value in params.items())
    return api.post(f"{INTENTS}/{intent['id']}/capture", form)


def test_a_payment_is_captured_several_times(api) -> None:
    """Each capture is a transaction; the fee is that of the sum; the last one releases the rest.

    https://docs.stripe.com/payments/multicapture
    """
    made = held(api, "[request_multicapture]=if_available")
    assert card(api, made)["multicapture"] == {"status": "available"}
    for amount, received in ((500, 500), (700, 1200)):
        after = capture(api, made, amount_to_capture=amount, final_capture=False)
        assert (after["status"], after["amount_received"]) == ("requires_capture", received)
        assert after["amount_capturable"] == 2000 - received
    done = capture(api, made, amount_to_capture=300)
    assert (done["status"], done["amount_received"], done["amount_capturable"]) == ("succeeded", 1500, 0)
    charge = api.get(f"/v1/charges/{made['latest_charge']}")
    assert (charge["captured"], charge["amount_captured"], charge["amount_refunded"]) == (True, 1500, 0)
    books = api.get("/v1/balance_transactions", source=charge["id"])["data"]
    assert [each["amount"] for each in books] == [300, 700, 500]
    assert sum(each["fee"] for each in books) == round(1500 * 0.029) + 30
    assert api.post("/v1/refunds", f"charge={charge['id']}")["amount"] == 1500


def test_what_was_captured_is_refunded_before_the_last_capture(api) -> None:
    """Up to what was captured; the charge counts as refunded once the last capture is made and all of it came back.

    https://docs.stripe.com/payments/multicapture
    """
    made = held(api, "[request_multicapture]=if_available")
    capture(api, made, amount_to_capture=500, final_capture=False)
    assert api.post("/v1/refunds", f"payment_intent={made['id']}&amount=200")["amount"] == 200
    status, error = api.error("POST", "/v1/refunds", f"payment_intent={made['id']}&amount=301")
    assert (status, error["param"]) == (400, "amount")
    assert api.post("/v1/refunds", f"charge={made['latest_charge']}")["amount"] == 300
    charge = api.get(f"/v1/charges/{made['latest_charge']}")
    assert (charge["amount_captured"], charge["amount_refunded"], charge["refunded"]) == (500, 500, False)
    after = capture(api, made, amount_to_capture=700)
    assert (after["status"], after["amount_received"]) == ("succeeded", 1200)
    assert api.get(f"/v1/charges/{made['latest_charge']}")["refunded"] is False
    assert api.post("/v1/refunds", f"payment_intent={made['id']}")["amount"] == 700
    assert api.get(f"/v1/charges/{made['latest_charge']}")["refunded"] is True


def test_a_last_capture_of_nothing_leaves_what_was_refunded(api) -> None:
    """A capture of 0 after everything captured came back completes a payment that is refunded."""
    made = held(api, "[request_multicapture]=if_available")
    capture(api, made, amount_to_capture=500, final_capture=False)
    api.post("/v1/refunds", f"payment_intent={made['id']}")
    assert capture(api, made, amount_to_capture=0)["status"] == "succeeded"
    assert api.get(f"/v1/charges/{made['latest_charge']}")["refunded"] is True


@pytest.mark.parametrize("how", ["nothing more", "time"])
def test_what_several_captures_leave_is_released(api, clock, how: str) -> None:
    """By a final capture of 0, or when the hold ends; the payment has succeeded with what was captured."""
    made = held(api, "[request_multicapture]=if_available")
    capture(api, made, amount_to_capture=500, final_capture=False)
    if how == "time":
        clock.now += 8 * DAY
        done = api.get(f"{INTENTS}/{made['id']}")
    else:
        done = capture(api, made, amount_to_capture=0, final_capture=True)
    assert (done["status"], done["amount_received"], done["amount_capturable"]) == ("succeeded", 500, 0)


def test_several_captures_of_all_end_by_themselves(api) -> None:
    """A capture of everything that is left completes the payment, even with ``final_capture=false``."""
    made = held(api, "[request_multicapture]=if_available")
    capture(api, made, amount_to_capture=500, final_capture=False)
    assert capture(api, made, final_capture=False)["status"] == "succeeded"


def test_a_payment_that_did_not_ask_for_it_is_captured_once(api) -> None:
    """Without ``request_multicapture``, ``final_capture=false`` is refused and nothing is captured."""
    made = held(api)
    assert card(api, made)["multicapture"] == {"status": "unavailable"}
    form = "amount_to_capture=500&final_capture=false"
    status, error = api.error("POST", f"{INTENTS}/{made['id']}/capture", form)
    assert (status, error["param"]) == (400, "final_capture")
    assert api.get(f"{INTENTS}/{made['id']}")["status"] == "requires_capture"


def test_more_than_was_authorized_is_captured_where_it_was_asked_for(api) -> None:
    """https://docs.stripe.com/payments/overcapture: the charge says how much more."""
    made = held(api, "[request_overcapture]=if_available")
    assert card(api, made)["overcapture"] == {"status": "available", "maximum_amount_capturable": 2400}
    path = f"{INTENTS}/{made['id']}/capture"
    assert api.error("POST", path, "amount_to_capture=2401")[1]["code"] == "amount_too_large"
    assert capture(api, made, amount_to_capture=2400)["amount_received"] == 2400
    charge = api.get(f"/v1/charges/{made['latest_charge']}")
    assert (charge["amount_captured"], charge["amount_refunded"]) == (2400, 0)
    assert api.post("/v1/refunds", f"charge={charge['id']}")["amount"] == 2400
    other = held(api)
    path = f"{INTENTS}/{other['id']}/capture"
    assert api.error("POST", path, "amount_to_capture=2001")[1]["code"] == "amount_too_large"


@pytest.mark.parametrize(("option", "days"), [("", 7), ("[request_extended_authorization]=if_available", 30)])
def test_a_hold_ends_after_its_time(api, clock, option: str, days: int) -> None:
    """https://docs.stripe.com/payments/extended-authorization: longer where it was asked for."""
    made = held(api, option)
    facts = card(api, made)
    assert facts["capture_before"] == clock.now + days * DAY
    assert facts["extended_authorization"]["status"] == ("enabled" if option else "disabled")
    clock.now += days * DAY - 1
    assert api.get(f"{INTENTS}/{made['id']}")["status"] == "requires_capture"
    clock.now += 1
    done = api.get(f"{INTENTS}/{made['id']}")
    assert (done["status"], done["cancellation_reason"]) == ("canceled", "expired")
    types = [event["type"] for event in api.get("/v1/events?limit=2")["data"]]
    assert types == ["payment_intent.canceled", "charge.expired"]


@pytest.mark.parametrize("how", ["in part", "too late"])
def test_what_is_released_is_no_refund(api, clock, how: str) -> None:
    """What is not captured is not refunded; before 2025-03-31 it was.

    https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow
    """
    made = held(api)
    if how == "in part":
        capture(api, made, amount_to_capture=1500)
    clock.now += 8 * DAY
    at = f"/v1/charges/{made['latest_charge']}"
    charge = api.get(f"{at}?expand[]=refunds")
    assert (charge["amount_refunded"], charge["refunded"], charge["refunds"]["data"]) == (0, False, [])
    assert "charge.refunded" not in [event["type"] for event in api.get("/v1/events")["data"]]
    acacia = {"Stripe_Version": "2025-02-24.acacia"}
    _, old = api.ask("GET", at, **acacia)
    assert old["amount_refunded"] == (500 if how == "in part" else 0)
    _, intent = api.ask("GET", f"{INTENTS}/{made['id']}", **acacia)
    assert intent["cancellation_reason"] == (None if how == "in part" else "automatic")
    if how == "in part":
        assert api.post("/v1/refunds", f"charge={charge['id']}")["amount"] == 1500
        assert api.get(at)["refunded"] is True


def test_what_is_captured_is_described_by_the_capture(api) -> None:
    """A suffix given at the capture is what the cardholder reads; a descriptor of its own is refused for cards.

    https://docs.stripe.com/api/payment_intents/capture#capture_payment_intent-statement_descriptor
    """
    made = held(api, "[request_multicapture]=if_available")
    path = f"{INTENTS}/{made['id']}/capture"
    assert api.error("POST", path, "statement_descriptor=ORDERS")[1]["param"] == "statement_descriptor"
    for suffix, final in (("one", "false"), ("two", "true")):
        capture(api, made, amount_to_capture=500, final_capture=final, statement_descriptor_suffix=suffix)
        charge = api.get(f"/v1/charges/{made['latest_charge']}")
        assert charge["calculated_statement_descriptor"].endswith(f"* {suffix}")


def test_a_hold_of_one_type_of_method_alone(api) -> None:
    """``capture_method`` of a type's options is that of its payments, whatever the intent says of others.

    https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
    """
    assert held(api, "[capture_method]=manual", description="x")["status"] == "requires_capture"


@pytest.mark.parametrize("future", ["off_session", "on_session"])
def test_a_method_is_kept_as_its_type_asks(api, future: str) -> None:
    """``setup_future_usage`` in the options for cards saves the payment method to the customer.

    https://docs.stripe.com/api/payment_intents/create
    """
    customer = api.post("/v1/customers")["id"]
    made = held(api, f"[setup_future_usage]={future}", customer=customer)
    assert api.get(f"/v1/payment_methods/{made['payment_method']}")["customer"] == customer


@pytest.mark.parametrize("at", [INTENTS, "/v1/setup_intents"])
@pytest.mark.parametrize(
    ("name", "asked"),
    [("threeDSecureOptional", True), ("visa", False), ("amex_threeDSecureNotSupported", False)],
)
@pytest.mark.parametrize("word", ["any", "challenge", "automatic"])
def test_a_payment_may_ask_for_authentication(api, at: str, name: str, asked: bool, word: str) -> None:
    """Only customers of enrolled cards are asked: https://docs.stripe.com/testing#three-ds-cards."""
    form = f"confirm=true&payment_method=pm_card_{name}&payment_method_options[card][request_three_d_secure]={word}"
    made = api.post(at, form + ("&amount=2000&currency=usd" if at == INTENTS else ""))
    expected = "requires_action" if asked and word != "automatic" else "succeeded"
    assert made["status"] == expected
    if expected == "requires_action":
        assert api.post(f"{at}/{made['id']}/confirm")["status"] == "succeeded"


def test_an_authentication_that_ends_in_a_processing_error(api) -> None:
    """4000 0000 0000 3097 pays where nobody asks, and fails where the payment does."""
    form = "amount=2000&currency=usd&confirm=true&payment_method=pm_card_threeDSecureOptionalProcessingError"
    assert api.post(INTENTS, form)["status"] == "succeeded"
    made = api.post(INTENTS, f"{form}&payment_method_options[card][request_three_d_secure]=any")
    status, error = api.error("POST", f"{INTENTS}/{made['id']}/confirm")
    assert (status, error["code"]) == (402, "processing_error")


def test_nobody_is_asked_in_an_order_by_mail_or_telephone(api) -> None:
    """With ``moto`` a card that requires authentication succeeds at once; without a confirmation it is not simulated.

    https://docs.stripe.com/payments/payment-intents/moto
    """
    form = "amount=2000&currency=usd&payment_method=pm_card_authenticationRequired"
    moto = "payment_method_options[card][moto]=true"
    assert api.post(INTENTS, f"{form}&confirm=true&{moto}")["status"] == "succeeded"
    made = api.post(INTENTS, form)
    assert api.post(f"{INTENTS}/{made['id']}/confirm", moto)["status"] == "succeeded"
    assert api.error("POST", INTENTS, f"{form}&{moto}")[0] == 501
