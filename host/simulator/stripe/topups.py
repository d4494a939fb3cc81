"""Top-ups of a platform's balance. https://docs.stripe.com/connect/top-ups, https://docs.stripe.com/api/topups"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import SimulatedError, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import bank_debits, books, tokens
from host.simulator.stripe.money import check_amount, check_currency
from host.simulator.stripe.payment_methods import payment_method
from host.simulator.stripe.payout_cards import BANK_TOKENS

MAKES = {"topup", "balance_transaction", "source"}
EFFECTS = {"topups.create": {"source"}}
_FAILURES = "~topup_failure"  # by top-up: the code of its failure, if its bank account is one of those that fail
_MESSAGES = {
    "account_closed": "The bank account has been closed.",
    "no_account": "The bank account could not be located.",
    "insufficient_funds": "The bank account has insufficient funds to cover this top-up.",
    "debit_not_authorized": "Debit transactions are not approved on your bank account.",
    "invalid_currency": "The bank was unable to process this top-up because of its currency.",
}


def create_topup(call: RequestContext) -> Object:
    """Create a top-up, which is pending until the money is available on the next business day."""
    check_currency(call)
    check_amount(call)
    topup = call.put(
        resources.fresh(call), {k: v for k, v in call.params.items() if k not in ("payment_method", "source")}
    )
    if source := call.params.get("source"):
        topup["source"] = _source(call, str(topup["id"]), source)
    if given := call.params.get("payment_method"):
        topup["payment_method"] = payment_method(call, given)["id"]
    due = books.business_day(call.now, 1)
    topup.update(expected_availability_date=due, initiated_by="user", status="pending")
    topup["balance_transaction"] = books.enter(
        call,
        "topup",
        topup["amount"],
        topup["currency"],
        topup["id"],
        description=topup.get("description"),
        available_on=due,
    )
    call.backend.agenda.add(call, due, "topup", topup["id"])
    return call.save("topup", topup)


def _source(call: RequestContext, topup: str, given: str) -> Object:
    """The source of a test bank account. https://docs.stripe.com/connect/testing#add-funds-to-stripe-balance"""
    number = BANK_TOKENS.get(given)
    if number is None:
        raise missing("source", given, "source", 400)
    if given == "btok_us":
        raise call.refuse("The bank account must be verified before it can be used for top-ups.", param="source")
    if call.params["currency"] != "usd":
        raise call.refuse("The bank account is in usd, and so must the top-up be.", param="currency")
    bank = bank_debits.BY_NUMBER[number]
    if bank.failure:
        call.backend.store.put(_FAILURES, topup, {"code": bank.failure})
    facts = {"account_number": number, "routing_number": "110000000", "country": "US", "currency": "usd"}
    account = tokens.bank_account(call, facts)
    shown = ("bank_name", "country", "fingerprint", "last4", "routing_number")
    return call.make(
        "source",
        {
            "ach_debit": {**{name: account[name] for name in shown}, "type": "individual"},
            "client_secret": f"src_client_secret_{call.backend.ids.new('', 24)}",
            "currency": "usd",
            "flow": "code_verification",
            "metadata": {},
            "status": "chargeable",
            "type": "ach_debit",
            "usage": "reusable",
        },
    )


def arrive(call: RequestContext, id: str) -> None:
    """Let a pending top-up succeed or, if its bank account is one of those that fail, fail."""
    topup = call.find("topup", id)
    if topup is None or topup["status"] != "pending":
        return
    failure = call.backend.store.get(_FAILURES, id)
    if failure is None:
        call.save("topup", {**topup, "status": "succeeded"})
        return
    _take_back(call, topup)
    code = failure["code"]
    call.save("topup", {**topup, "status": "failed", "failure_code": code, "failure_message": _MESSAGES[code]})


def _take_back(call: RequestContext, topup: Object) -> None:
    due = topup["expected_availability_date"]
    books.enter(call, "topup_reversal", -topup["amount"], topup["currency"], topup["id"], available_on=due)


def cancel_topup(call: RequestContext) -> Object:
    """Cancel a pending top-up."""
    topup = call.subject()
    if topup["status"] != "pending":
        raise SimulatedError(
            400,
            f"You cannot cancel this Top-up because it has a status of {topup['status']}. Only a Top-up with a status "
            "of pending may be canceled.",
            worked=True,
        )
    _take_back(call, topup)
    return call.save("topup", {**topup, "status": "canceled"})


BEHAVIOURS = {"topups.cancel": cancel_topup, "topups.create": create_topup}
DUE = {"topup": arrive}
