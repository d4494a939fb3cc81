"""Amounts and currencies."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from host.apis.amounts import ZERO_DECIMALS
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
# Minor units, per charge: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
_LEAST = {"usd": 50, "eur": 50, "gbp": 30, "cad": 50, "aud": 50, "chf": 50, "jpy": 50}


def check_currency(call: RequestContext, name: str = "currency") -> None:
    """Put the currency in lower case; refuse one that does not exist."""
    currency = call.params.get(name)
    if currency is None:
        return
    currency = currency.lower()
    if currency not in CURRENCIES:
        some = ", ".join(sorted(CURRENCIES)[:12])
        raise invalid(f"Invalid currency: {currency}. Stripe currently supports these currencies: {some}, …", name)
    call.params[name] = currency


def check_amount(call: RequestContext, name: str = "amount", *, charge: bool = False) -> None:
    """Refuse an amount below 1, or below the least that a ``charge`` may be in its currency."""
    amount, currency = call.params.get(name), call.params.get("currency", "usd")
    if amount is None:
        return
    if amount < 1:
        raise at_least(name, "1")
    if charge and amount < _LEAST.get(currency, 0):
        raise invalid(
            f"Amount must be at least {shown(_LEAST[currency], currency)} {currency}",
            name,
            "amount_too_small",
        )


def least_charge(currency: str) -> int:
    """The least that can be charged in a currency, in minor units."""
    return _LEAST.get(currency, 1)


def amount_of(call: RequestContext, name: str, default: int) -> int:
    """The amount asked for, or ``default``."""
    said = call.params.get(name)
    return default if said is None else int(said)


def shown(amount: int, currency: str) -> str:
    """``2999, "usd"`` → ``$29.99``."""
    sign = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}.get(currency, "")
    return f"{sign}{amount}" if currency in ZERO_DECIMALS else f"{sign}{amount / 100:.2f}"


def rounded(amount: Decimal) -> int:
    """To whole minor units, halves up."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
