"""Payments by bank debit, which are ``processing`` at first, and succeed or fail later.

https://docs.stripe.com/payments/ach-direct-debit, …/sepa-debit, …/payment-methods/bacs-debit, …/au-becs-debit,
…/acss-debit: the sections on testing.
"""

from __future__ import annotations

import msgspec

from host.simulator.context import Object, RequestContext
from host.simulator.stripe.sandbox_cards import fingerprint

SOON, DELAYED = 5, 180  # seconds; the pages say "at least three minutes" for the delayed ones
CURRENCIES: dict[str, tuple[str, ...]] = {
    "us_bank_account": ("usd",),
    "sepa_debit": ("eur",),
    "bacs_debit": ("gbp",),
    "au_becs_debit": ("aud",),
    "acss_debit": ("cad", "usd"),
}
# https://docs.stripe.com/error-codes, https://docs.stripe.com/api/charges/object#charge_object-failure_code
MESSAGES = {
    "account_closed": "The customer's bank account has been closed.",
    "no_account": "The customer's bank account could not be located.",
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "debit_not_authorized": "The customer has notified their bank that this payment was unauthorized.",
    "invalid_currency": "The bank was unable to process this payment because of its currency.",
    "charge_exceeds_source_limit": "This payment exceeds the limit of the bank account.",
    "generic_decline": "The payment failed.",
}


class Bank(msgspec.Struct, frozen=True):
    """A test bank account, and the outcome of its debits.

    ``failure`` is the code of a failure, or "". ``delay`` is in seconds. With ``dispute`` the charge is disputed, with
    ``forever`` it stays ``processing``.
    """

    type: str
    number: str
    failure: str = ""
    delay: int = SOON
    dispute: bool = False
    forever: bool = False
    verified: bool = True


_US = "us_bank_account"
BANKS: dict[str, Bank] = {
    "pm_usBankAccount_success": Bank(_US, "000123456789"),
    "pm_usBankAccount_accountClosed": Bank(_US, "000111111113", "account_closed"),
    "pm_usBankAccount_noAccount": Bank(_US, "000111111116", "no_account"),
    "pm_usBankAccount_insufficientFunds": Bank(_US, "000222222227", "insufficient_funds"),
    "pm_usBankAccount_debitNotAuthorized": Bank(_US, "000333333335", "debit_not_authorized"),
    "pm_usBankAccount_invalidCurrency": Bank(_US, "000444444440", "invalid_currency"),
    "pm_usBankAccount_dispute": Bank(_US, "000555555559", dispute=True),
    "pm_usBankAccount_processing": Bank(_US, "000000000009", forever=True),
    "pm_bacsDebit_success": Bank("bacs_debit", "00012345"),
    "pm_bacsDebit_successDelayed": Bank("bacs_debit", "90012345", delay=DELAYED),
    "pm_bacsDebit_debitNotAuthorized": Bank("bacs_debit", "33333335", "debit_not_authorized"),
    "pm_bacsDebit_debitNotAuthorizedDelayed": Bank("bacs_debit", "93333335", "debit_not_authorized", DELAYED),
    "pm_bacsDebit_insufficientFunds": Bank("bacs_debit", "22222227", "insufficient_funds"),
    "pm_bacsDebit_insufficientFundsDelayed": Bank("bacs_debit", "92222227", "insufficient_funds", DELAYED),
    "pm_bacsDebit_dispute": Bank("bacs_debit", "55555559", dispute=True),
}
_SEPA = "sepa_debit"
_OTHERS = (
    Bank("au_becs_debit", "900123456", delay=DELAYED),
    Bank("au_becs_debit", "000123456"),
    Bank("au_becs_debit", "111111113", "account_closed"),
    Bank("au_becs_debit", "111111116", "no_account"),
    Bank("au_becs_debit", "222222227", "insufficient_funds"),
    Bank("acss_debit", "000123456789"),
    Bank("acss_debit", "900123456789", delay=DELAYED),
    Bank("acss_debit", "000222222227", "insufficient_funds"),
    Bank("acss_debit", "900222222227", "insufficient_funds", DELAYED),
    Bank("acss_debit", "000666666661", forever=True),
)
# https://docs.stripe.com/payments/sepa-debit/accept-a-payment#test-integration
for _country, _success, _later, _failed, _failed_later, _disputed in (
    (
        "at",
        "AT611904300234573201",
        "AT321904300235473204",
        "AT861904300235473202",
        "AT051904300235473205",
        "AT591904300235473203",
    ),
    (
        "de",
        "DE89370400440532013000",
        "DE08370400440532013003",
        "DE62370400440532013001",
        "DE78370400440532013004",
        "DE35370400440532013002",
    ),
    (
        "fr",
        "FR1420041010050500013M02606",
        "FR3020041010050500013M02609",
        "FR8420041010050500013M02607",
        "FR7920041010050500013M02600",
        "FR5720041010050500013M02608",
    ),
):
    BANKS |= {
        f"pm_success_{_country}": Bank(_SEPA, _success),
        f"pm_successDelayed_{_country}": Bank(_SEPA, _later, delay=DELAYED),
        f"pm_failed_{_country}": Bank(_SEPA, _failed, "generic_decline"),
        f"pm_failedDelayed_{_country}": Bank(_SEPA, _failed_later, "generic_decline", DELAYED),
        f"pm_disputed_{_country}": Bank(_SEPA, _disputed, dispute=True),
    }
BY_NUMBER = {bank.number: bank for bank in BANKS.values() if bank.type == _US}
FINGERPRINTS = {fingerprint(bank.type + bank.number): bank for bank in (*_OTHERS, *BANKS.values())}


def bank_of(method: Object) -> Bank | None:
    """The test bank account of a payment method; ``None`` if it is no bank account."""
    kind = str(method.get("type"))
    if kind not in CURRENCIES:
        return None
    found = FINGERPRINTS.get((method.get(kind) or {}).get("fingerprint") or "")
    return found or Bank(kind, "")


def bank_facts(call: RequestContext, kind: str, number: str, given: Object) -> Object:
    """The member of a payment method that describes its bank account."""
    facts: Object = {"fingerprint": fingerprint(kind + number), "last4": number[-4:]}
    if kind == "us_bank_account":
        facts |= {
            "account_holder_type": given.get("account_holder_type", "individual"),
            "account_type": given.get("account_type", "checking"),
            "bank_name": "STRIPE TEST BANK",
            "financial_connections_account": None,
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": given.get("routing_number", "110000000"),
            "status_details": None,
        }
    elif kind == "sepa_debit":
        facts |= {
            "bank_code": number[4:9] if number[:2] == "AT" else number[4:12],
            "branch_code": None,
            "country": number[:2],
            "generated_from": {"charge": None, "setup_attempt": None},
        }
    elif kind == "bacs_debit":
        facts["sort_code"] = given.get("sort_code", "108800")
    elif kind == "au_becs_debit":
        facts["bsb_number"] = given.get("bsb_number", "000000")
    else:
        facts |= {
            "bank_name": "STRIPE TEST BANK",
            "institution_number": given.get("institution_number", "000"),
            "transit_number": given.get("transit_number", "11000"),
        }
    return facts


def debit_due(call: RequestContext, bank: Bank) -> int | None:
    """The time at which a debit made now succeeds or fails, or ``None`` for never."""
    return None if bank.forever else call.now + bank.delay
