"""The account's books: balance transactions for every movement of money, and the balances that they add up to.

https://docs.stripe.com/reports/balance-transaction-types, https://docs.stripe.com/payments/balances
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from host.simulator import pagination
from host.simulator.context import Object, RequestContext, Test
from host.simulator.stripe import issuing_books, payout_schedules
from host.simulator.stripe.money import decimals, rounded

# The platform's opening balance, which is in no transaction: payouts and transfers can be tried at once.
OPENING = {"usd": 100_000}
# https://stripe.com/pricing: 2.9 % and 0.30 of the currency's unit, whatever the payment method.
PERCENT, FIXED = Decimal("0.029"), Decimal("0.30")
DISPUTE_FEE = 1500  # https://stripe.com/pricing, in the currency of the dispute
_CATEGORIES = {
    "payment": "charge",
    "payment_refund": "refund",
    "application_fee": "platform_earning",
    "application_fee_refund": "platform_earning_refund",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "transfer_refund": "transfer_reversal",
}
_DAY = payout_schedules.DAY
_STATE = payout_schedules.BALANCE
_PAID_OUT = "~paid_out"  # by balance transaction: the automatic payout that it is part of
_SEEN = "~paid_out_until"  # by currency: the place up to which all transactions are part of one
_ANNOUNCED = "~told_balance"  # the balance that the last event shows
_CHARGES = ("charge", "payment")
_decode = msgspec.json.Decoder().decode


def processing_fee(amount: int, currency: str) -> int:
    """Stripe's fee for a payment, in the currency's smallest unit."""
    return rounded(amount * PERCENT + FIXED * 10 ** decimals(currency)) if amount else 0


def fee_detail(amount: int, currency: str, *, application: str | None = None, description: str = "") -> Object:
    """One entry of a transaction's ``fee_details``; ``application`` is whose fee it is, or ``None`` for Stripe's."""
    return {
        "amount": amount,
        "application": application,
        "currency": currency,
        "description": description or ("Stripe processing fees" if application is None else "application fee"),
        "type": "stripe_fee" if application is None else "application_fee",
    }


def enter(
    call: RequestContext,
    type: str,
    amount: int,
    currency: str,
    source: str | None,
    *,
    fees: tuple[Object, ...] = (),
    description: str | None = None,
    category: str | None = None,
    available_on: int = 0,
) -> str:
    """Enter a balance transaction in the account's books, and return its id.

    ``amount`` is in the currency's smallest unit. ``available_on`` (seconds since 1970) is when the money becomes
    available; by default at once. ``category`` is its ``reporting_category``, by default that of ``type``.
    """
    fee = sum(detail["amount"] for detail in fees)
    pending = available_on > call.now
    transaction = call.make(
        "balance_transaction",
        {
            "amount": amount,
            "available_on": available_on if pending else call.now,
            "balance_type": "payments",
            "currency": currency,
            "description": description,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": list(fees),
            "net": amount - fee,
            "reporting_category": category or _CATEGORIES.get(type, type),
            "source": source,
            "status": "pending" if pending else "available",
            "type": type,
        },
    )
    state = _state(call, currency)
    if pending:
        day = str(available_on)
        if day not in state["pending"]:
            call.backend.agenda.add(call, available_on, "available", f"{currency} {day}")
        state["pending"][day] = state["pending"].get(day, 0) + amount - fee
    else:
        state["available"] += amount - fee
    call.backend.store.put(_STATE, currency, state)
    if not pending and amount > 0:
        payout_schedules.plan(call, currency)
    if not pending and type in _CHARGES:
        _announce_available(call)
    return str(transaction["id"])


def _announce_available(call: RequestContext) -> None:
    """Announce that money of payments became available. The event shows the present balance."""
    call.backend.store.put(_ANNOUNCED, "balance", retrieve_balance(call))
    call.announce("balance.available", _ANNOUNCED, "balance")


def _state(call: RequestContext, currency: str) -> Object:
    found = call.backend.store.get(_STATE, currency)
    opening = 0 if call.account else OPENING.get(currency, 0)
    return found or {"currency": currency, "available": opening, "pending": {}, "settled": -1}


def make_available(call: RequestContext, id: str) -> None:
    """Make money available that is due; ``id`` is a currency and a time in seconds, with a space between."""
    currency, _, day = id.partition(" ")
    state = _state(call, currency)
    state["available"] += state["pending"].pop(day, 0)
    none_left = True
    for place_id, record in list(call.backend.store.oldest("balance_transaction", state["settled"])):
        transaction = _decode(record.body)
        if transaction["currency"] == currency and transaction["status"] == "pending":
            if transaction["available_on"] == int(day):
                transaction["status"] = "available"
                call.backend.store.put("balance_transaction", place_id, transaction)
            else:
                none_left = False
        if none_left:
            state["settled"] = record.place
    call.backend.store.put(_STATE, currency, state)
    payout_schedules.plan(call, currency)
    _announce_available(call)


def available(call: RequestContext, currency: str) -> int:
    """The available balance in a currency."""
    return int(_state(call, currency)["available"])


def owned(call: RequestContext, currency: str) -> int:
    """The balance in a currency, including what is pending."""
    state = _state(call, currency)
    return int(state["available"] + sum(state["pending"].values()))


def available_day(call: RequestContext) -> int:
    """When a payment's money becomes available: two business days later, or the account's delay, at midnight UTC."""
    return business_day(call.now, payout_schedules.delay_of(call))


def business_day(now: int, days: int) -> int:
    """Midnight UTC, ``days`` business days after ``now``. https://docs.stripe.com/payouts#standard-payout-timing"""
    day = now // _DAY
    while days:
        day += 1
        days -= (day + 3) % 7 < 5
    return day * _DAY


def when_available(call: RequestContext, transaction: str | None) -> int:
    """When the money of a transaction is or was available, or 0. What is taken from it counts at the same time."""
    found = call.find("balance_transaction", transaction) if transaction else None
    return int(found["available_on"]) if found else 0


def retrieve_balance(call: RequestContext) -> Object:
    """The available and pending balances by currency."""
    states = {str(state["currency"]): state for state in call.backend.store.each(_STATE)}
    home = "usd"
    if call.account:
        account = call.within("").find("account", call.account) or {}
        home = account.get("default_currency") or "usd"
    states.setdefault(home, _state(call, home))
    balance = call.backend.factory.fresh(call.backend.factory.template("balance"), call.now)
    balance["available"] = [_part(name, state["available"]) for name, state in sorted(states.items())]
    balance["pending"] = [_part(name, sum(state["pending"].values())) for name, state in sorted(states.items())]
    balance["issuing"] = issuing_books.part(call)
    return balance


def _part(currency: str, amount: int) -> Object:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


def list_transactions(call: RequestContext) -> bytes:
    """Balance transactions. They can be filtered by payout only for automatic payouts."""
    if payout := call.params.get("payout"):
        found = call.load("payout", payout, "payout", 400)
        if not found["automatic"]:
            raise call.refuse(
                "Balance transaction history can only be filtered on automatic transfers, not manual.", param="payout"
            )
    return pagination.page(call)


def mark_paid_out(call: RequestContext, currency: str, payout: str) -> None:
    """Note that an automatic payout pays out all available transactions that no earlier one did."""
    note = call.backend.store.get(_SEEN, currency) or {"until": -1}
    all_paid = True
    for id, record in list(call.backend.store.oldest("balance_transaction", note["until"])):
        transaction = _decode(record.body)
        if transaction["currency"] == currency and call.backend.store.record(_PAID_OUT, id) is None:
            if transaction["status"] == "available":
                call.backend.store.put(_PAID_OUT, id, {"payout": payout})
            else:
                all_paid = False
        if all_paid:
            note["until"] = record.place
    call.backend.store.put(_SEEN, currency, note)


def _is_paid_out_by(call: RequestContext, payout: str) -> Test:
    return lambda value: (call.backend.store.get(_PAID_OUT, str(value["id"])) or {}).get("payout") == payout


def spend(call: RequestContext, amount: int, currency: str, message: str) -> None:
    """Refuse ``amount`` if it is above the available balance."""
    if amount > available(call, currency):
        raise call.refuse(message, code="balance_insufficient")


def check_source_type(call: RequestContext, message: str) -> None:
    """Refuse to send money from the balance of legacy ACH payments, of which there are none.

    All other payments are of the type ``card``, but for those of FPX, which are not told apart here.
    https://docs.stripe.com/api/balance/balance_object#balance_object-available-source_types
    """
    wanted = call.params.get("source_type", "card")
    if wanted == "bank_account":
        raise call.refuse(message, code="balance_insufficient")
    if wanted != "card":
        call.not_modelled(f"source_type={wanted}", "The balance is that of the type card.", "source_type")


MAKES = {"balance_transaction"}
BEHAVIOURS = {"balance.retrieve": retrieve_balance, "balance_transactions.list": list_transactions}
FILTERS = {"balance_transactions.list": {"payout": _is_paid_out_by}}
DUE = {"available": make_available}
