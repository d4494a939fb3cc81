"""Checks values whose format the API's document does not state: e-mail addresses, URLs, countries, currencies, times.

https://docs.stripe.com/error-codes
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from host.apis.catalog import Schema
from host.simulator.api_error import invalid
from host.simulator.stripe.money import CURRENCIES

# ISO 3166-1, and Stripe's additions (Kosovo; AC and TA: https://docs.stripe.com/api/checkout/sessions/create).
COUNTRIES = frozenset(
    """AC AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY
    BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
    KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT
    MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA
    UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW ZZ""".split()  # noqa: SIM905 - 250 short words
)
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;.]+(?:\.[^@\s,;.]+)+")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s/]\S*")
LATEST = 253_402_300_799  # the last second of the year 9999
MOST_OF_DESCRIPTOR = 22
Reader = Callable[[Any, str], Any]


def _email(value: str, path: str) -> str:
    if not _EMAIL.fullmatch(value):
        raise invalid(f"Invalid email address: {value[:80]}", path, "email_invalid")
    return value


def _url(value: str, path: str) -> str:
    if not _URL.fullmatch(value):
        fault = "An explicit scheme (such as https) must be provided." if "://" not in value else value[:80]
        raise invalid(f"Invalid URL: {fault}", path, "url_invalid")
    return value


def _country(value: str, path: str) -> str:
    if value.upper() not in COUNTRIES:
        raise invalid(
            f"Country '{value[:20]}' is unknown. Try using a 2-character alphanumeric country code instead, such as "
            "'US', 'EG', or 'GB'. A full list of country codes is available at "
            "https://stripe.com/docs/api/customers/object#customer_object-address-country",
            path,
            "country_code_invalid",
        )
    return value.upper()


def _currency(value: str, path: str) -> str:
    if value.lower() not in CURRENCIES:
        some = ", ".join(sorted(CURRENCIES)[:12])
        raise invalid(
            f"Invalid currency: {value[:20].lower()}. Stripe currently supports these currencies: {some}, …", path
        )
    return value.lower()


def _descriptor(value: str, path: str) -> str:
    """https://docs.stripe.com/get-started/account/statement-descriptors#requirements"""
    if any(sign in value for sign in "<>\\'\"*"):
        raise invalid(f"Invalid {path}: it may not contain <, >, \\, ', \", or *.", path)
    if not any(sign.isalpha() for sign in value):
        raise invalid(f"Invalid {path}: it must contain at least one letter.", path)
    if len(value) > MOST_OF_DESCRIPTOR:
        raise invalid(f"Invalid {path}: it may have at most {MOST_OF_DESCRIPTOR} characters.", path)
    return value


def _moment(value: str, path: str) -> str:
    """A time in API v2: https://docs.stripe.com/api-v2-overview"""
    try:
        if "T" in value and datetime.fromisoformat(value).tzinfo is not None:
            return value
    except ValueError:
        pass
    raise invalid(f"Invalid timestamp: {value[:40]}. It must be of RFC 3339, as 2030-01-31T12:00:00Z.", path)


def _time(value: int, path: str) -> int:
    if not 0 <= value <= LATEST:
        raise invalid(f"Invalid timestamp: {value}. Timestamps are seconds since 1970.", path, "invalid_timestamp")
    return value


_BY_ENDING: tuple[tuple[str, Reader], ...] = (
    ("email", _email),
    ("url", _url),
    ("country", _country),
    ("currency", _currency),
    ("statement_descriptor", _descriptor),
    ("statement_descriptor_suffix", _descriptor),
    ("timestamp", _moment),
    ("created", _moment),  # a text in API v2 alone
)


def reader(name: str, schema: Schema) -> Reader | None:
    """The function that checks values of a parameter of that name, or ``None`` if its type is all there is to check."""
    if schema.type == "integer":
        return _time if schema.format == "unix-time" else None
    return None if schema.type != "string" or schema.enum else _by_name(name)


@lru_cache(maxsize=4096)  # the API has few names, but a client can send any
def _by_name(name: str) -> Reader | None:
    return next((read for end, read in _BY_ENDING if name == end or name.endswith("_" + end)), None)
