"""Stripe's test cards, and the outcomes of their payments. https://docs.stripe.com/testing"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from host.simulator.stripe import payout_cards

_BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
Authentication = Literal["", "always", "unless_set_up", "on_session"]


class Card(msgspec.Struct, frozen=True):
    """A test card.

    ``code`` and ``decline`` are the error of its payments; such a card can be attached to a customer only with
    ``attaches``. ``authentication`` says when the customer has to authenticate; with ``optional`` they do if the
    payment requests it; ``challenged`` is the error of a payment after that. ``dispute`` are the reasons of disputes
    that follow a payment, and with ``warning`` there is an early fraud warning. ``refund`` is the outcome of refunds.
    With ``bypass`` the money is available immediately. With ``blocked`` Radar blocks payments. ``cvc``, ``postal_code``
    and ``line1`` are the results of checks. ``variant`` distinguishes cards with the same number.
    """

    number: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    code: str = ""
    decline: str = ""
    attaches: bool = False
    authentication: Authentication = ""
    optional: bool = False
    challenged: str = ""
    dispute: tuple[str, ...] = ()
    warning: bool = False
    refund: Literal["", "pending", "fail"] = ""
    bypass: bool = False
    risk: str = "normal"
    blocked: bool = False
    cvc: str = "pass"
    postal_code: str = "pass"
    line1: str = "pass"
    three_d_secure: bool = True
    networks: tuple[str, ...] = ()
    payout: Literal["instant", "standard", "fail"] = "instant"  # the quickest it takes, if any reaches it
    variant: str = ""  # distinguishes cards of one number

    @property
    def fingerprint(self) -> str:
        """The card's fingerprint, which does not depend on how it was given."""
        return PRINTS[self.number + self.variant]

    @property
    def last4(self) -> str:
        """The number's last four digits."""
        return self.number[-4:]

    @property
    def action(self) -> bool:
        """Whether a payment with the customer present requires authentication."""
        return bool(self.authentication)

    @property
    def enrolled(self) -> bool:
        """Whether a payment may request authentication. For other cards the request is ignored.

        https://docs.stripe.com/testing#three-ds-cards
        """
        return self.optional or self.action

    @property
    def message(self) -> str:
        """The message of its payments' error, or ""."""
        return MESSAGES.get(self.decline, MESSAGES.get(self.code, MESSAGES["card_declined"])) if self.code else ""


# https://docs.stripe.com/error-codes, https://docs.stripe.com/declines/codes
MESSAGES = {
    "card_declined": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "incorrect_zip": "Your card's zip code failed validation.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "card_velocity_exceeded": (
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."
    ),
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}
# By decline code, the advice code: https://docs.stripe.com/declines#using-advice-codes
ADVICE = {
    "generic_decline": "try_again_later",
    "insufficient_funds": "try_again_later",
    "processing_error": "try_again_later",
    "card_velocity_exceeded": "try_again_later",
    "lost_card": "do_not_try_again",
    "stolen_card": "do_not_try_again",
    "fraudulent": "do_not_try_again",
    "expired_card": "confirm_card_data",
    "incorrect_cvc": "confirm_card_data",
}
# By decline code, the network's code that test mode has: https://docs.stripe.com/declines/network-codes
NETWORK = {"generic_decline": "01"}


def _declined(number: str, decline: str, **more: Any) -> Card:
    return Card(number, code="card_declined", decline=decline, **more)


_DECLINED = _declined("4000000000000002", "generic_decline")
_INSUFFICIENT = _declined("4000000000009995", "insufficient_funds")
_LOST = _declined("4000000000009987", "lost_card")
_STOLEN = _declined("4000000000009979", "stolen_card")
_BLOCKED = _declined("4100000000000019", "fraudulent", attaches=True, risk="highest", blocked=True)
_CUSTOMER_FAIL = _declined("4000000000000341", "generic_decline", attaches=True)

# Names as in pm_card_NAME and tok_NAME.
CARDS: dict[str, Card] = {
    # https://docs.stripe.com/testing#cards
    "visa": Card("4242424242424242"),
    "visa_debit": Card("4000056655665556", funding="debit"),
    "mastercard": Card("5555555555554444", "mastercard"),
    "mastercard_debit": Card("5200828282828210", "mastercard", "debit"),
    "mastercard_prepaid": Card("5105105105105100", "mastercard", "prepaid"),
    "amex": Card("378282246310005", "amex"),
    "discover": Card("6011111111111117", "discover"),
    "diners": Card("3056930009020004", "diners"),
    "jcb": Card("3566002020360505", "jcb", country="JP"),
    "unionpay": Card("6200000000000005", "unionpay", country="CN"),
    "visa_cartesBancaires": Card("4000002500001001", country="FR", networks=("cartes_bancaires", "visa")),
    "mastercard_cartesBancaires": Card(
        "5555552500001001", "mastercard", country="FR", networks=("cartes_bancaires", "mastercard")
    ),
    "visa_debit_eftposAuCoBranded": Card(
        "4000050360000001", funding="debit", country="AU", networks=("eftpos_au", "visa")
    ),
    "mastercard_debit_eftposAuCoBranded": Card(
        "5555050360000080", "mastercard", "debit", "AU", networks=("eftpos_au", "mastercard")
    ),
    # https://docs.stripe.com/testing#declined-payments
    "chargeDeclined": _DECLINED,
    "visa_chargeDeclined": _DECLINED,
    "chargeDeclinedInsufficientFunds": _INSUFFICIENT,
    "visa_chargeDeclinedInsufficientFunds": _INSUFFICIENT,
    "chargeDeclinedLostCard": _LOST,
    "visa_chargeDeclinedLostCard": _LOST,
    "chargeDeclinedStolenCard": _STOLEN,
    "visa_chargeDeclinedStolenCard": _STOLEN,
    "chargeDeclinedExpiredCard": Card("4000000000000069", code="expired_card"),
    "chargeDeclinedIncorrectCvc": Card("4000000000000127", code="incorrect_cvc", cvc="fail"),
    "chargeDeclinedProcessingError": Card("4000000000000119", code="processing_error"),
    "visa_chargeDeclinedVelocityLimitExceeded": _declined("4000000000006975", "card_velocity_exceeded"),
    "chargeCustomerFail": _CUSTOMER_FAIL,
    "visa_chargeCustomerFail": _CUSTOMER_FAIL,
    "visa_chargeCustomerFailLostCard": _declined("4000000000000341", "lost_card", attaches=True, variant="lost"),
    "visa_chargeCustomerFailStolenCard": _declined("4000000000000341", "stolen_card", attaches=True, variant="stolen"),
    # https://docs.stripe.com/testing#fraud-prevention
    "radarBlock": _BLOCKED,
    "chargeDeclinedFraudulent": _BLOCKED,
    "riskLevelHighest": _declined("4000000000004954", "fraudulent", attaches=True, risk="highest", blocked=True),
    "highFraudDisputeScore": Card("4000008400000407"),
    "highEfwScore": Card("4000008400000159"),
    "radarDynamicRiskThreshold": Card("4000008400001017"),
    "freeTrialAbuseBlock": Card("4001858821843804"),
    "adaptive3dsChallenge": Card("4000008405600003"),
    "riskLevelElevated": Card("4000000000009235", risk="elevated"),
    "cvcCheckFail": Card("4000000000000101", cvc="fail"),
    "avsZipFail": Card("4000000000000036", postal_code="fail"),
    "cvcCheckFailElevatedRisk": Card("4000058400307872", cvc="fail", risk="elevated"),
    "avsZipFailElevatedRisk": Card("4000058400306072", postal_code="fail", risk="elevated"),
    "avsLine1Fail": Card("4000000000000028", line1="fail"),
    "avsFail": Card("4000000000000010", postal_code="fail", line1="fail"),
    "avsUnchecked": Card("4000000000000044", postal_code="unavailable", line1="unavailable"),
    # https://docs.stripe.com/testing#disputes
    "createDispute": Card("4000000000000259", dispute=("fraudulent",)),
    "createDisputeProductNotReceived": Card("4000000000002685", dispute=("product_not_received",)),
    "createDisputeInquiry": Card("4000000000001976", dispute=("inquiry",)),
    "createIssuerFraudRecord": Card("4000000000005423", warning=True),
    "createMultipleDisputes": Card("4000000404000079", dispute=("fraudulent", "product_not_received")),
    # https://docs.stripe.com/testing#refunds
    "pendingRefund": Card("4000000000007726", refund="pending"),
    "refundFail": Card("4000000000005126", refund="fail"),
    # https://docs.stripe.com/testing#available-balance
    "bypassPending": Card("4000000000000077", bypass=True),
    "bypassPendingInternational": Card("4000003720000278", country="IE", bypass=True),
    # https://docs.stripe.com/testing#regulatory-cards
    "authenticationRequiredOnSetup": Card("4000002500003155", country="FR", authentication="unless_set_up"),
    "authenticationRequired": Card("4000002760003184", country="DE", authentication="always"),
    "authenticationRequiredSetupForOffSession": Card("4000003800000446", country="IT", authentication="on_session"),
    "authenticationRequiredChargeDeclinedInsufficientFunds": _declined(
        "4000008260003178", "insufficient_funds", country="GB", attaches=True, authentication="unless_set_up"
    ),
    "threeDSecure2Required": Card("4000000000003220", authentication="always"),
    "threeDSecureRequired": Card("4000000000003063", authentication="always"),
    "threeDSecureRequiredChargeDeclined": _declined(
        "4000008400001629", "generic_decline", attaches=True, authentication="always"
    ),
    "threeDSecureRequiredProcessingError": _declined(
        "4000008400001280", "generic_decline", attaches=True, authentication="always"
    ),
    "threeDSecureOptional": Card("4000000000003055", optional=True),
    "threeDSecureOptionalProcessingError": Card("4000000000003097", optional=True, challenged="processing_error"),
    "amex_threeDSecureNotSupported": Card("378282246310005", "amex", three_d_secure=False),
}
# https://docs.stripe.com/testing#international-cards; all are visa but for those named.
_COUNTRIES = """
    us 4242424242424242 ar 4000000320000021 br 4000000760000002 ca 4000001240000000 cl 4000001520000001
    co 4000001700000003 cr 4000001880000005 ec 4000002180000000 mx 4000004840008001 pa 4000005910000000
    py 4000006000000066 pe 4000006040000068 uy 4000008580000003 ae 4000007840000001 at 4000000400000008
    be 4000000560000004 bg 4000001000000000 by 4000001120000005 hr 4000001910000009 cy 4000001960000008
    cz 4000002030000002 dk 4000002080000001 ee 4000002330000009 fi 4000002460000001 fr 4000002500000003
    de 4000002760000016 gi 4000002920000005 gr 4000003000000030 hu 4000003480000005 ie 4000003720000005
    it 4000003800000008 lv 4000004280000005 li 4000004380000004 lt 4000004400000000 lu 4000004420000006
    mt 4000004700000007 nl 4000005280000002 no 4000005780000007 pl 4000006160000005 pt 4000006200000007
    ro 4000006420000001 sa 4000006820000007 si 4000007050000006 sk 4000007030000001 es 4000007240000007
    se 4000007520000008 ch 4000007560000009 gb 4000008260000000 au 4000000360000006 cn 4000001560000002
    hk 4000003440000004 in 4000003560000008 jp 4000003920000003 my 4000004580000002 nz 4000005540000008
    sg 4000007020000003 tw 4000001580000008 th_credit 4000007640000003
""".split()  # noqa: SIM905 - a table of 50 pairs
CARDS |= {
    name: Card(number, country=name[:2].upper()) for name, number in zip(_COUNTRIES[::2], _COUNTRIES[1::2], strict=True)
}
CARDS |= {
    "th_debit": Card("4000057640000008", funding="debit", country="TH"),
    "gb_debit": Card("4000058260000005", funding="debit", country="GB"),
    "gb_mastercard": Card("5555558265554449", "mastercard", country="GB"),
    "ae_mastercard": Card("5200007840000022", "mastercard", country="AE"),
    "jp_jcb": Card("3530111333300000", "jcb", country="JP"),
}
CARDS |= {
    name: Card(
        number,
        name.partition("_")[0],
        "debit",
        country,
        payout="fail" if name.endswith("Fail") else "standard" if name.endswith("Unsupported") else "instant",
    )
    for name, (number, country) in payout_cards.NUMBERS.items()
}
CARDS |= {
    "discover_debit_us_transferSuccess": Card("6011981111111113", "discover", "debit"),
    "visa_credit_au": CARDS["au"],
}
# Numbers without an id of their own.
_OTHERS = (
    Card("2223003122003222", "mastercard"),
    Card("371449635398431", "amex"),
    Card("6011000990139424", "discover"),
    Card("36227206271667", "diners"),
    Card("6555900000604105", "discover"),
    Card("6200000000000047", "unionpay", "debit", "CN"),
    Card("6205500000000000004", "unionpay", country="CN"),
    Card("4000000000003238", authentication="always"),
    Card("4000000000003246", authentication="always"),
    Card("4000000000003253", authentication="always"),
    Card("4111111111111111"),
    Card("4012888888881881"),
)


def fingerprint(number: str) -> str:
    """16 letters and digits that are the same for the same number."""
    value = int.from_bytes(hashlib.blake2b(number.encode(), digest_size=12).digest())
    text = ""
    for _ in range(16):
        value, rest = divmod(value, 62)
        text += _BASE_62[rest]
    return text


NUMBERS: dict[str, Card] = {card.number: card for card in (*_OTHERS, *reversed(CARDS.values())) if not card.variant}
PRINTS = {key: fingerprint(key) for key in (card.number + card.variant for card in (*CARDS.values(), *_OTHERS))}
FINGERPRINTS: dict[str, Card] = {card.fingerprint: card for card in (*CARDS.values(), *NUMBERS.values())}
