"""Checks the form of bank account numbers.

https://docs.stripe.com/error-codes#account-number-invalid, https://docs.stripe.com/payments/bank-debits
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from host.simulator.api_error import SimulatedError, invalid

# By type of payment method and member: the least and the greatest number of digits.
_DIGITS: dict[str, dict[str, tuple[int, int]]] = {
    "us_bank_account": {"account_number": (4, 17)},
    "bacs_debit": {"account_number": (8, 8), "sort_code": (6, 6)},
    "au_becs_debit": {"account_number": (5, 9), "bsb_number": (6, 6)},
    "acss_debit": {"account_number": (5, 12), "institution_number": (3, 3), "transit_number": (5, 5)},
}


def check(kind: str, given: Mapping[str, Any], path: str) -> None:
    """Refuse numbers that no account of the type ``kind`` has; ``path`` is the parameter that they are in."""
    for name, (least, most) in _DIGITS.get(kind, {}).items():
        number = str(given[name]).replace("-", "") if given.get(name) else None
        if number is not None and not (_digits(number) and least <= len(number) <= most):
            long = f"{least}" if least == most else f"{least} to {most}"
            raise _wrong(f"{name} must have {long} digits", f"{path}[{name}]")
    if kind == "us_bank_account" and given.get("routing_number"):
        check_routing(str(given["routing_number"]), f"{path}[routing_number]")
    if kind == "sepa_debit" and not is_iban(str(given.get("iban") or "")):
        raise _wrong("The IBAN you provided is invalid", f"{path}[iban]")


def check_routing(number: str, path: str) -> None:
    """Refuse an invalid US routing number: https://docs.stripe.com/error-codes#routing-number-invalid"""
    if not _digits(number) or len(number) != 9:
        raise invalid("Routing number must have 9 digits", path, "routing_number_invalid")
    weights = (3, 7, 1) * 3
    if sum(weight * int(digit) for weight, digit in zip(weights, number, strict=True)) % 10:
        raise invalid("The bank routing number provided is invalid.", path, "routing_number_invalid")


def is_iban(text: str) -> bool:
    """Whether a text has the form and the check digits of an IBAN (ISO 13616)."""
    number = text.replace(" ", "").upper()
    if not (15 <= len(number) <= 34 and number.isascii() and number.isalnum() and number[:2].isalpha()):
        return False
    turned = number[4:] + number[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1  # A is 10, Z is 35


def _digits(number: str) -> bool:
    return number.isascii() and number.isdecimal()


def _wrong(message: str, path: str) -> SimulatedError:
    return invalid(f"{message}.", path, "account_number_invalid")
