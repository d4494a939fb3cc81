"""The issuing balance, which issued cards spend. https://docs.stripe.com/issuing/funding/balance

Holds, releases and purchases are balance transactions with ``balance_type=issuing``:
https://docs.stripe.com/reports/balance-transaction-types#issuing
"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext

# Every account's opening balance, which is in no transaction: cards can be tried at once.
OPENING = {"eur": 100_000, "gbp": 100_000, "usd": 100_000}
MAKES = {"balance_transaction"}
_STATE = "~issuing_balance"


def enter(call: RequestContext, type: str, amount: int, currency: str, source: str) -> Object:
    """Enter a transaction in the issuing balance, without a fee and available at once; returns it."""
    transaction = call.make(
        "balance_transaction",
        {
            "amount": amount,
            "available_on": call.now,
            "balance_type": "issuing",
            "currency": currency,
            "description": None,
            "exchange_rate": None,
            "fee": 0,
            "fee_details": [],
            "net": amount,
            "reporting_category": type,
            "source": source,
            "status": "available",
            "type": type,
        },
    )
    state = {"currency": currency, "available": available(call, currency) + amount}
    call.backend.store.put(_STATE, currency, state)
    return transaction


def available(call: RequestContext, currency: str) -> int:
    """The amount that cards can spend in a currency."""
    found = call.backend.store.get(_STATE, currency)
    return OPENING.get(currency, 0) if found is None else int(found["available"])


def part(call: RequestContext) -> Object | None:
    """The ``issuing`` member of ``/v1/balance``, or ``None`` if there are no cards."""
    currencies = {str(card["currency"]) for card in call.backend.store.each("issuing.card")}
    amounts = [(currency, available(call, currency)) for currency in sorted(currencies)]
    if not amounts:
        return None
    return {"available": [{"amount": n, "currency": name, "source_types": {"card": n}} for name, n in amounts]}
