"""The fees that a platform collects from its accounts' payments. https://docs.stripe.com/api/application_fees"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import books, tokens
from host.simulator.stripe.includable import PLATFORM
from host.simulator.stripe.listing import embed, renew
from host.simulator.stripe.money import amount_of, check_amount, shown

# https://docs.stripe.com/connect/testing#account-numbers
_BANK = {"country": "US", "currency": "usd", "account_number": "000123456789", "routing_number": "110000000"}
EFFECTS = {"application_fees.refunds.create": set[str]()}
MAKES = {"application_fee", "balance_transaction", "fee_refund"}


def application(call: RequestContext) -> str:
    """The id of the platform's application."""
    return str(platform(call)["application"])


def sign(call: RequestContext, value: Object) -> None:
    """Note the platform's application in what it makes in a connected account.

    https://docs.stripe.com/api/payment_intents/object#payment_intent_object-application
    """
    if call.account:
        value["application"] = application(call)


def platform(call: RequestContext) -> Object:
    """The platform's own ids (account, application, bank account) and its external accounts."""
    home = call.within("")
    found = home.backend.store.get(PLATFORM, PLATFORM)
    if found is None:
        ids = call.backend.ids
        found = {"account": ids.new("acct_", 16), "application": ids.new("ca_"), "bank_account": ids.new("ba_")}
        bank = tokens.bank_account(home, _BANK) | {"id": found["bank_account"], "account": found["account"]}
        found["external_accounts"] = {"data": [bank | {"default_for_currency": True}]}
        home.backend.store.put(PLATFORM, PLATFORM, found)
    return found


def collect(home: RequestContext, amount: int, charge: Object, account: str, source: str) -> str:
    """Create an application fee of ``amount`` in the platform's backend ``home``; returns its id.

    ``source`` is the charge in the account itself, whose id is ``account``.
    """
    currency, id = charge["currency"], home.new_id("application_fee")
    transaction = home.find("balance_transaction", str(charge.get("balance_transaction")))
    home.make(
        "application_fee",
        {
            "account": account,
            "amount": amount,
            "amount_refunded": 0,
            "application": application(home),
            "balance_transaction": books.enter(
                home,
                "application_fee",
                amount,
                currency,
                id,
                description="application fee",
                available_on=transaction["available_on"] if transaction else books.available_day(home),
            ),
            "charge": source,
            "currency": currency,
            "fee_source": {"charge": source, "payout": None, "type": "charge"},
            "originating_transaction": charge["id"] if charge["id"] != source else None,
            "refunded": False,
            "refunds": {
                "object": "list",
                "data": [],
                "has_more": False,
                "url": f"/v1/application_fees/{id}/refunds",
            },
        },
        id=id,
    )
    return id


def create_fee_refund(call: RequestContext) -> Object:
    """Refund all or a part of an application fee to the account."""
    fee = call.load("application_fee", call.path_args["id"])
    check_amount(call)
    left = fee["amount"] - fee["amount_refunded"]
    if left <= 0:
        raise call.refuse(f"Application fee {fee['id']} has already been refunded.", code="charge_already_refunded")
    amount = amount_of(call, "amount", left)
    if amount > left:
        raise call.refuse(
            f"Refund amount ({shown(amount, fee['currency'])}) is greater than unrefunded amount on fee "
            f"({shown(left, fee['currency'])})",
            param="amount",
        )
    return give_back(call, fee, amount, call.params.get("metadata") or {})


def give_back(call: RequestContext, fee: Object, amount: int, metadata: Object) -> Object:
    """Move ``amount`` of a fee from the platform's balance to the account's; returns the refund."""
    currency, id = fee["currency"], call.new_id("fee_refund")
    path = f"/v1/application_fees/{fee['id']}/refunds"
    when = books.when_available(call, fee["balance_transaction"])
    refund = call.make(
        "fee_refund",
        {
            "amount": amount,
            "balance_transaction": books.enter(
                call, "application_fee_refund", -amount, currency, id, available_on=when
            ),
            "currency": currency,
            "fee": fee["id"],
            "metadata": dict(metadata),
        },
        id=id,
        under=path,
    )
    books.enter(call.within(fee["account"]), "application_fee_refund", amount, currency, id, available_on=when)
    fee["amount_refunded"] += amount
    fee["refunded"] = fee["amount_refunded"] == fee["amount"]
    embed(fee["refunds"], refund)
    call.save("application_fee", fee)
    call.saved = None
    return refund


def watch_refund(call: RequestContext, refund: Object) -> None:
    """Show what was changed of a refund in its fee too."""
    renew(call, call.find("application_fee", refund["fee"]), "refunds", refund)


WATCHERS = {"fee_refund": watch_refund}
BEHAVIOURS = {"application_fees.refunds.create": create_fee_refund}
