"""Amounts and currencies."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from host.apis.amounts import THREE_DECIMALS, ZERO_DECIMALS
from host.simulator.api_error import invalid
from host.simulator.checks import at_least
from host.simulator.context import RequestContext

# https://docs.stripe.com/currencies
CURRENCIES = frozenset(
    """
    usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bif bmd bnd bob brl bsd bwp byn bzd cad
    cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd
    hnl htg huf idr ils inr isk jmd jpy kes kgs khr kmf krw kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd
    mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln pyg qar ron rsd
    rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx uyu uzs vnd
    vuv wst xaf xcd xof xpf yer zar zmw bhd jod kwd omr tnd
    """.split()  # noqa: SIM905 - a table of 140 short words
)
# The minimum charge, in minor units: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
LEAST = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300,
    "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
# The maximum charge, in minor units: eight digits, and more in currencies of small value (the same page).
MOST = 99_999_999
_MOST = {"idr": 999_999_999_999, "cop": 9_999_999_999, "huf": 9_999_999_999, "inr": 999_999_999, "jpy": 9_999_999_999}
# Currencies without decimals whose amounts are given with two: https://docs.stripe.com/currencies#special-cases
_WHOLE = frozenset(("isk", "ugx"))
_SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "cad": "$", "aud": "$", "nzd": "$", "hkd": "$", "sgd": "$",
          "mxn": "$", "inr": "₹", "brl": "R$"}  # fmt: skip


def check_currency(call: RequestContext, name: str = "currency") -> None:
    """Change the currency in the parameters to lower case; refuse an unknown one."""
    currency = call.params.get(name)
    if currency is None:
        return
    currency = currency.lower()
    if currency not in CURRENCIES:
        some = ", ".join(sorted(CURRENCIES)[:12])
        raise invalid(f"Invalid currency: {currency}. Stripe currently supports these currencies: {some}, …", name)
    call.params[name] = currency


def check_amount(call: RequestContext, name: str = "amount", *, charge: bool = False, currency: str = "") -> None:
    """Refuse an amount below 1 and, with ``charge``, one outside the limits of charges in its currency."""
    amount, currency = call.params.get(name), currency or call.params.get("currency") or "usd"
    if amount is None:
        return
    if amount < 1:
        raise at_least(name, "1")
    if charge:
        check_charge(amount, currency, name)


def check_charge(amount: int, currency: str, name: str = "amount") -> None:
    """Refuse an amount that cannot be charged: too small, too large, or with more decimals than are charged."""
    least = least_charge(currency)
    if amount < least:
        raise invalid(f"Amount must be at least {shown(least, currency)} {currency}", name, "amount_too_small")
    most = _MOST.get(currency, MOST)
    if amount > most:
        raise invalid(f"Amount must be no more than {shown(most, currency)}", name, "amount_too_large")
    check_minor_units(amount, currency, name)


def check_minor_units(amount: int, currency: str, name: str) -> None:
    """Refuse an amount with more decimals than are charged. https://docs.stripe.com/currencies#special-cases"""
    if currency in THREE_DECIMALS and amount % 10:
        raise invalid(
            f"Invalid amount: {amount}. Amounts in {currency} must end in 0: three decimals are sent, two are charged.",
            name,
        )
    if currency in _WHOLE and amount % 100:
        raise invalid(f"Invalid amount: {amount}. Amounts in {currency} must be a multiple of 100.", name)


def whole_payout(amount: int, currency: str) -> int:
    """What of ``amount`` can be paid out: some currencies are paid out without decimals, though charged with two.

    https://docs.stripe.com/currencies#special-cases
    """
    return amount - amount % 100 if currency in _WHOLE or currency in ("huf", "twd") else amount


def least_charge(currency: str) -> int:
    """The minimum charge in a currency, in minor units."""
    return LEAST.get(currency, 1)


def amount_of(call: RequestContext, name: str, default: int) -> int:
    """The amount in the parameters, or ``default``."""
    given = call.params.get(name)
    return default if given is None else int(given)


def shown(amount: int, currency: str) -> str:
    """An amount in minor units as text: ``2999, "usd"`` → ``$29.99``."""
    places = decimals(currency)
    sign = _SIGNS.get(currency, "")
    return f"{sign}{amount:,}" if places == 0 else f"{sign}{amount / 10**places:,.{places}f}"


def decimals(currency: str) -> int:
    """How many decimals an amount in ``currency`` is written with."""
    if currency in _WHOLE:
        return 2
    return 0 if currency in ZERO_DECIMALS else 3 if currency in THREE_DECIMALS else 2


def rounded(amount: Decimal) -> int:
    """Rounded to whole minor units, halves away from zero."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
