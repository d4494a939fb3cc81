"""Payouts from the balance to a bank account. https://docs.stripe.com/payouts, https://docs.stripe.com/api/payouts"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import SimulatedError, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import books, payout_schedules
from host.simulator.stripe.application_fees import platform
from host.simulator.stripe.money import check_amount, check_currency, whole_payout
from host.simulator.stripe.sandbox_cards import FINGERPRINTS, fingerprint

INSTANT = 1800  # seconds: "typically within 30 minutes", https://docs.stripe.com/payouts/instant-payouts
MAKES = {"payout", "balance_transaction"}
_TOO_LITTLE = (
    "You have insufficient funds in your Stripe account for this transfer. Your card balance is too low.  You can use "
    "the the /v1/balance endpoint to view your Stripe balance (for more details, see stripe.com/docs/api#balance)."
)
# Bank accounts to which payouts fail: https://docs.stripe.com/connect/testing#account-numbers
_FAILING = {
    "000111111113": ("account_closed", "The bank account has been closed."),
    "000111111116": ("no_account", "The bank account could not be located."),
    "000222222227": ("insufficient_funds", "Your Stripe account has insufficient funds to cover the payout."),
    "000333333335": ("debit_not_authorized", "Debit transactions are not approved on your bank account."),
    "000444444440": ("invalid_currency", "The bank was unable to process this payout because of its currency."),
}
_CARD_FAILURE = ("could_not_process", "The bank could not process this payout.")
_FAILURES = {fingerprint(f"US110000000{number}"): failure for number, failure in _FAILING.items()}


def create_payout(call: RequestContext) -> Object:
    """Create a payout: the money leaves the available balance, and the payout is paid when it arrives."""
    check_currency(call)
    check_amount(call)
    params = call.params
    books.check_source_type(call, _TOO_LITTLE.replace("card", "bank_account"))
    if params.get("payout_method"):
        call.not_modelled("payout methods of v2", "A destination is an external account.", "payout_method")
    if whole_payout(params["amount"], params["currency"]) != params["amount"]:
        raise call.refuse(
            f"Invalid amount: {params['amount']}. Payouts in {params['currency']} must be a multiple of 100.",
            param="amount",
        )
    destination = _destination(call, params.get("destination"), params["currency"])
    books.spend(call, params["amount"], params["currency"], _TOO_LITTLE)
    payout = call.put(resources.fresh(call), {k: v for k, v in params.items() if k != "destination"})
    return send(call, payout, destination, params.get("method", "standard"))


def send(
    call: RequestContext, payout: Object, destination: str, method: str = "standard", *, automatic: bool = False
) -> Object:
    """Send a payout of an amount and a currency to an external account, and save it."""
    payout.update(
        arrival_date=call.now + INSTANT if method == "instant" else books.business_day(call.now, 2),
        automatic=automatic,
        destination=destination,
        method=method,
        reconciliation_status="in_progress" if automatic else "not_applicable",
        source_type="card",
        status="pending",
        type="card" if destination.startswith("card_") else "bank_account",
    )
    payout["balance_transaction"] = books.enter(
        call, "payout", -payout["amount"], payout["currency"], payout["id"], description="STRIPE PAYOUT"
    )
    call.backend.agenda.add(call, payout["arrival_date"], "payout", payout["id"])
    return call.save("payout", payout)


def pay_out(call: RequestContext, id: str) -> None:
    """Pay out the available balance automatically, to the default external account in its currency, with which ``id``
    begins.

    https://docs.stripe.com/payouts#payout-schedule, https://docs.stripe.com/payouts/minimum-balances-for-automatic-payouts
    """
    currency, settings = id.partition(" ")[0], payout_schedules.settings_of(call)
    amount = whole_payout(books.available(call, currency) - (settings["minimum"] or {}).get(currency, 0), currency)
    if settings["schedule"]["interval"] == "manual" or not settings["enabled"] or amount <= 0:
        return
    fitting = [each for each in _held(call) if each.get("currency") == currency and each.get("status") != "errored"]
    if not fitting:
        return
    chosen = next((each for each in fitting if each.get("default_for_currency")), fitting[0])
    payout = call.blank("payout")
    payout.update(amount=amount, currency=currency, description="STRIPE PAYOUT", metadata={})
    payout["statement_descriptor"] = settings["statement_descriptor"]
    send(call, payout, str(chosen["id"]), automatic=True)
    books.mark_paid_out(call, currency, str(payout["id"]))


def _held(call: RequestContext) -> list[Object]:
    """The external accounts of the account that the request is for."""
    owner = call.within("").load("account", call.account) if call.account else platform(call)
    held: list[Object] = (owner.get("external_accounts") or {}).get("data") or []
    return held


def _destination(call: RequestContext, given: str | None, currency: str) -> str:
    """The id of the account's bank account: the given one, else the first in the currency."""
    if not call.account:
        own = str(platform(call)["bank_account"])
        if given not in (None, own):
            raise missing("external account", str(given), "destination", 400)
        return own
    held = _held(call)
    if given is not None:
        found = next((item for item in held if item["id"] == given), None)
        if found is None:
            raise missing("external account", given, "destination", 400)
        _check_method(call, found)
        return given
    fitting = [item for item in held if item.get("currency") in (None, currency)]
    if not fitting:
        raise call.refuse(
            f"Sorry, you don't have any external accounts in that currency ({currency}). If you would like to create "
            "external accounts in that currency, you can do so in your account settings.",
            param="destination",
        )
    _check_method(call, fitting[0])
    return str(fitting[0]["id"])


def _check_method(call: RequestContext, destination: Object) -> None:
    """Refuse an instant payout to a card that takes none. https://docs.stripe.com/error-codes"""
    methods = destination.get("available_payout_methods")
    if call.params.get("method") == "instant" and methods and "instant" not in methods:
        raise call.refuse(
            "The debit card provided as an external account does not support Instant Payouts. Provide another debit "
            "card or use a bank account instead.",
            code="instant_payouts_unsupported",
            param="method",
        )


def arrive(call: RequestContext, id: str) -> None:
    """Let a payout arrive at its bank account, or fail."""
    payout = call.find("payout", id)
    if payout is None or payout["status"] not in ("pending", "in_transit"):
        return
    code, message = _failure(call, payout)
    if not code:
        if payout["automatic"]:
            payout["reconciliation_status"] = "completed"
        call.save("payout", {**payout, "status": "paid"})
        if payout["automatic"]:
            call.announce("payout.reconciliation_completed", "payout", id)
        return
    payout.update(status="failed", failure_code=code, failure_message=message)
    payout["failure_balance_transaction"] = books.enter(
        call, "payout_failure", payout["amount"], payout["currency"], id, description="PAYOUT FAILURE"
    )
    call.save("payout", payout)


def _failure(call: RequestContext, payout: Object) -> tuple[str, str]:
    """Why it comes back, if it does: then the bank account is in error.

    https://docs.stripe.com/api/external_account_bank_accounts/object#account_bank_account_object-status
    """
    home = call.within("")
    account = home.find("account", call.account) or {}
    for item in (account.get("external_accounts") or {}).get("data") or []:
        card = FINGERPRINTS.get(str(item.get("fingerprint")))
        failure = _CARD_FAILURE if card and card.payout == "fail" else _FAILURES.get(item.get("fingerprint"))
        if item["id"] == payout["destination"] and failure:
            item["status"] = "errored"
            home.save("account", account)
            return failure
    return "", ""


def cancel_payout(call: RequestContext) -> Object:
    """Cancel a pending payout that was created manually."""
    payout = call.subject()
    if payout["status"] != "pending" or payout["automatic"] or payout["amount"] < 0:
        raise call.refuse(
            f"Payouts can only be canceled while they are pending, and were not made automatically; {payout['id']} is "
            f"{payout['status']}.",
            code="payouts_not_allowed" if payout["status"] == "pending" else None,
        )
    payout["status"] = "canceled"
    books.enter(call, "payout_cancel", payout["amount"], payout["currency"], payout["id"], description="PAYOUT CANCEL")
    return call.save("payout", payout)


def reverse_payout(call: RequestContext) -> Object:
    """Reverse a payout by one of the opposite amount, from the bank account to the balance."""
    payout = call.subject()
    if payout["status"] != "paid" or payout.get("reversed_by") or payout["amount"] < 0:
        why = "was reversed already" if payout.get("reversed_by") else f"has a status of {payout['status']}"
        raise SimulatedError(400, f"Payout {payout['id']} cannot be reversed because it {why}.", worked=True)
    back: Object = {
        **payout,
        "id": call.new_id("payout"),
        "amount": -payout["amount"],
        "arrival_date": books.business_day(call.now, 2),
        "automatic": False,
        "created": call.now,
        "metadata": dict(call.params.get("metadata") or {}),
        "original_payout": payout["id"],
        "reconciliation_status": "not_applicable",
        "status": "pending",
    }
    back["balance_transaction"] = books.enter(
        call,
        "payout",
        payout["amount"],
        payout["currency"],
        back["id"],
        description="STRIPE PAYOUT REVERSAL",
        available_on=back["arrival_date"],
    )
    call.save("payout", {**payout, "reversed_by": back["id"]})
    call.backend.agenda.add(call, back["arrival_date"], "payout", back["id"])
    return call.save("payout", back)


BEHAVIOURS = {
    "payouts.cancel": cancel_payout,
    "payouts.create": create_payout,
    "payouts.reverse": reverse_payout,
}
DUE = {"payout": arrive, payout_schedules.PAY_OUT: pay_out}
