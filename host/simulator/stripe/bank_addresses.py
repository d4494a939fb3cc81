"""Virtual bank accounts that customers send transfers to. https://docs.stripe.com/payments/bank-transfers

Each customer has one for each kind of transfer. Its number is derived from the customer's id, so it is the same each
time, and has valid check digits.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, NamedTuple

from host.simulator.context import Object, RequestContext

BANK = "STRIPE TEST BANK"
ROUTING = "110000000"  # https://docs.stripe.com/connect/testing#account-numbers
SORT_CODE = "108800"  # the same page
BIC = "TESTXX22"
PLATFORM = "STRIPE SIMULATOR"  # the name of the platform's own business
_FIELDS = ("city", "country", "line1", "line2", "postal_code", "state")


class Place(NamedTuple):
    """A kind of bank transfer.

    ``currency`` is its currency, ``address`` the type of its account numbers, ``country`` the country of the accounts
    ("" if the customer's request names one), ``networks`` are those that it is sent by.
    """

    currency: str
    address: str
    country: str
    networks: tuple[str, ...]


PLACES: Final[dict[str, Place]] = {
    "eu_bank_transfer": Place("eur", "iban", "", ("sepa",)),
    "gb_bank_transfer": Place("gbp", "sort_code", "GB", ("bacs", "fps")),
    "jp_bank_transfer": Place("jpy", "zengin", "JP", ("zengin",)),
    "mx_bank_transfer": Place("mxn", "spei", "MX", ("spei",)),
    "us_bank_transfer": Place("usd", "aba", "US", ("ach", "domestic_wire_us")),
}
# By country in the EU: how many letters and digits of an IBAN follow the check digits.
IBANS: Final = {"BE": (0, 12), "DE": (0, 18), "ES": (0, 20), "FR": (0, 23), "IE": (4, 14), "NL": (4, 10)}


def addresses(call: RequestContext, type: str, country: str, customer: str) -> list[Object]:
    """The ``financial_addresses`` of a customer for one kind of transfer, in a country where that can be chosen."""
    place = PLACES[type]
    land = country or place.country
    nowhere = dict.fromkeys(_FIELDS)
    shared: Object = {
        "account_holder_address": {**nowhere, "country": land},
        "account_holder_name": _holder(call),
        "bank_address": {**nowhere, "country": land},
    }
    facts = {**shared, **_number(place.address, land, f"{customer} {type} {land}")}
    return [
        {
            **dict.fromkeys((*(each.address for each in PLACES.values()), "swift")),
            place.address: facts,
            "supported_networks": list(place.networks),
            "type": place.address,
        }
    ]


def _holder(call: RequestContext) -> str:
    """The account's holder: the name of the business that is paid, if it has one."""
    account = call.within("").find("account", call.account) if call.account else None
    profile = (account or {}).get("business_profile") or {}
    return str(profile.get("name") or PLATFORM)


def _number(address: str, country: str, of: str) -> Object:
    if address == "iban":
        letters, digits = IBANS[country]
        return {"bic": BIC, "country": country, "iban": _iban(country, "TEST"[:letters] + _digits(of, digits))}
    if address == "sort_code":
        return {"account_number": _digits(of, 8), "sort_code": SORT_CODE}
    if address == "spei":
        body = "000" + _digits(of, 14)
        return {"bank_code": "000", "bank_name": BANK, "clabe": body + _clabe_digit(body)}
    if address == "zengin":
        account: Object = {"account_number": _digits(of, 7), "account_type": "futsu", "bank_code": "0000"}
        return {**account, "bank_name": BANK, "branch_code": "000", "branch_name": None}
    return {
        "account_number": _digits(of, 17),
        "account_type": "checking",
        "bank_name": BANK,
        "routing_number": ROUTING,
    }


def _digits(of: str, count: int) -> str:
    return str(int(sha256(of.encode()).hexdigest(), 16) % 10**count).zfill(count)


def _iban(country: str, body: str) -> str:
    """An IBAN, with the check digits of ISO 13616."""
    number = "".join(str(int(sign, 36)) for sign in f"{body}{country}00")
    return f"{country}{98 - int(number) % 97:02d}{body}"


def _clabe_digit(body: str) -> str:
    """The last digit of a CLABE: https://en.wikipedia.org/wiki/CLABE#Control_digit"""
    return str(-sum(int(digit) * weight % 10 for digit, weight in zip(body, (3, 7, 1) * 6, strict=False)) % 10)
