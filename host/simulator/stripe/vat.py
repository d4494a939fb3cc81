"""Value added tax at a country's standard rate, for sales to consumers by a seller who is registered there.

The rates as of 2025-08-01: https://taxation-customs.ec.europa.eu/taxation/vat/vat-directive/vat-rates_en and
https://www.gov.uk/vat-rates
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from host.simulator.stripe.money import rounded

STANDARD: Final = {
    "AT": "20", "BE": "21", "BG": "20", "CY": "19", "CZ": "21", "DE": "19", "DK": "25", "EE": "24", "ES": "21",
    "FI": "25.5", "FR": "20", "GB": "20", "GR": "24", "HR": "25", "HU": "27", "IE": "23", "IT": "22", "LT": "21",
    "LU": "17", "LV": "21", "MT": "18", "NL": "21", "PL": "23", "PT": "23", "RO": "21", "SE": "25", "SI": "22",
    "SK": "23",
}  # fmt: skip
# The postal codes of places with other taxes, or none.
_ELSEWHERE: Final = {
    "AT": "6691|699[1-3]",
    "DE": "27498|78266",
    "ES": "(35|38|51|52)...",
    "FI": "22...",
    "FR": "(97|98|20)...",
    "GR": "63086",
    "IT": "23030|23041|22061",
    "PT": "9.*",
}
# Tax codes that have the standard rate in all countries: https://docs.stripe.com/tax/tax-codes
CODES: Final = {
    "txcd_10000000": "general, electronically supplied services",
    "txcd_20030000": "general services",
    "txcd_99999999": "general, tangible goods",
    "txcd_92010001": "shipping",
}


def rate_of(country: str, postal_code: str | None) -> str | None:
    """The standard rate of a country, in percent; ``None`` if it is unknown, or the place has another."""
    elsewhere = _ELSEWHERE.get(country)
    if elsewhere and (not postal_code or re.fullmatch(elsewhere, postal_code.replace(" ", ""))):
        return None
    return STANDARD.get(country)


def tax_of(amount: int, rate: str, *, inclusive: bool) -> int:
    """The tax on an amount, or in it if ``inclusive``, in minor units."""
    percent = Decimal(rate)
    return rounded(amount * percent / (100 + percent if inclusive else 100))
