"""Amounts: their limits by currency, minor units, and how messages write them. https://docs.stripe.com/currencies"""

from __future__ import annotations

import pytest

from host.apis.amounts import THREE_DECIMALS, ZERO_DECIMALS
from host.simulator.api_error import SimulatedError
from host.simulator.stripe.money import CURRENCIES, LEAST, MOST, check_charge, decimals, least_charge, shown

INTENTS = "/v1/payment_intents"
# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts, in minor units.
MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300,
    "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip


@pytest.mark.parametrize("currency", sorted(MINIMUM))
def test_the_least_amount_of_each_currency(api, currency) -> None:
    """The amounts of Stripe's table: one less is refused, and the message shows it."""
    least = MINIMUM[currency]
    for path, more in ((INTENTS, ""), ("/v1/charges", "&source=tok_visa")):
        status, error = api.error("POST", path, f"amount={least - 1}&currency={currency}{more}")
        assert (status, error["code"], error["param"]) == (400, "amount_too_small", "amount")
        assert shown(least, currency) in error["message"]
        assert api.post(path, f"amount={least}&currency={currency.upper()}{more}")["currency"] == currency
    assert LEAST == MINIMUM


@pytest.mark.parametrize(("currency", "most"), [("usd", 99_999_999), ("eur", 99_999_999), ("idr", 999_999_999_999)])
def test_the_greatest_amount(api, currency, most) -> None:
    """One unit above it is ``amount_too_large``."""
    assert api.post(INTENTS, f"amount={most}&currency={currency}")["amount"] == most
    error = api.error("POST", INTENTS, f"amount={most + 1}&currency={currency}")[1]
    assert (error["code"], error["param"]) == ("amount_too_large", "amount")


def test_an_updated_amount_has_the_same_limits(api) -> None:
    """An updated amount has the same limits."""
    made = api.post(INTENTS, "amount=5000&currency=jpy")
    assert api.error("POST", f"{INTENTS}/{made['id']}", "amount=49")[1]["code"] == "amount_too_small"
    assert api.error("POST", f"{INTENTS}/{made['id']}", f"amount={10_000_000_000}")[1]["code"] == "amount_too_large"
    assert api.post(f"{INTENTS}/{made['id']}", "amount=50")["amount"] == 50


# https://docs.stripe.com/currencies#three-decimal and #special-cases
@pytest.mark.parametrize(
    ("amount", "currency", "taken"),
    [
        (1230, "kwd", True), (1234, "kwd", False), (1000, "bhd", True), (1001, "tnd", False),
        (500, "isk", True), (550, "isk", False), (500, "ugx", True), (505, "ugx", False), (501, "jpy", True),
    ],
)  # fmt: skip
def test_what_a_currencys_banks_do_not_know_is_refused(api, amount, currency, taken) -> None:
    """What a currency's banks do not know is refused."""
    status, answer = api.ask("POST", INTENTS, f"amount={amount}&currency={currency}")
    assert status == (200 if taken else 400), answer
    if not taken:
        assert answer["error"]["param"] == "amount"


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
def test_every_currency_is_charged_in_its_minor_unit(api, currency) -> None:
    """Every currency is charged in its minor unit."""
    places = decimals(currency)
    special = currency in ("isk", "ugx")
    expected = 0 if currency in ZERO_DECIMALS and not special else 3 if currency in THREE_DECIMALS else 2
    assert places == expected
    amount = max(LEAST.get(currency, 0), 10 * 10**places, 100)
    paid = api.post(INTENTS, f"amount={amount}&currency={currency}&confirm=true&payment_method=pm_card_visa")
    assert (paid["status"], paid["amount_received"]) == ("succeeded", amount)


@pytest.mark.parametrize("currency", sorted({*CURRENCIES, "zzz"}))
def test_every_amount_of_every_currency_is_charged_or_refused_by_name(currency: str) -> None:
    """An amount at the edge of what a currency allows is taken or refused; no currency, known or not, is an error of
    its own.
    """
    found = {}
    for amount in (0, least_charge(currency) - 1, 10_000, MOST + 1, 10**15, 10**15 + 1):
        try:
            check_charge(amount, currency, "price")
        except SimulatedError as error:
            found[amount] = f"{error.code} of {error.param}"
    assert found[0] == found[least_charge(currency) - 1] == "amount_too_small of price"
    assert found[10**15] == found[10**15 + 1] == "amount_too_large of price"
    assert 10_000 not in found or least_charge(currency) > 10_000


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (2999, "usd", "$29.99"), (MOST, "usd", "$999,999.99"), (500, "jpy", "¥500"), (1230, "kwd", "1.230"),
        (50, "eur", "€0.50"), (500, "ugx", "5.00"),
    ],
)  # fmt: skip
def test_amounts_in_messages(amount, currency, text) -> None:
    """An amount is shown as people write it in its currency."""
    assert shown(amount, currency) == text
