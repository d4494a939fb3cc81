"""What a call may cost: a table of Stripe's operations that move money.

An amount counts if money is collected or leaves: charges, transfers, payouts, refunds, credits. It is read from the
request as it will be sent. There are three kinds of operations:

- ``DIRECT`` operations state the amount and currency themselves.
- ``FOLLOWING`` operations act on an object that was counted when it was made: confirming a payment intent costs nothing
  more, refunding it costs its amount again.
- ``UNBOUNDED`` operations charge an amount that is not known in advance: subscriptions, invoices, a customer's
  checkout. Those in ``UNBOUNDED_IF`` do so only with certain members: a customer's balance, a card that becomes active.

Any other operation is refused under a budget of amounts unless :mod:`host.policy.harmless_operations` lists it, and the
amounts it sends.

Source: https://docs.stripe.com/api, read operation by operation; a test checks that none is missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec

from host.apis.amounts import is_money
from host.apis.catalog import Operation
from host.apis.json_values import decode_json
from host.errors import LimitError
from host.http.message import Request, Response
from host.policy.harmless_operations import moves_nothing

__all__ = ["Cost", "Money", "cost", "counted_ids"]


class Money(msgspec.Struct, frozen=True):
    """``amount`` is in the currency's minor unit, 0 or above; ``currency`` lower case."""

    currency: str
    amount: int


class Cost(msgspec.Struct, frozen=True):
    """``money`` is the cost of a call, ``total`` the amount its object counts for afterwards.

    ``known`` is False if the cost is not known in advance.
    """

    money: Money | None = None
    total: Money | None = None
    known: bool = True


NOTHING = Cost()
UNKNOWN = Cost(known=False)
AMBIGUOUS = "\0"  # the value of a member that was given twice, differently

_PLAIN = ("amount", "currency")
_NESTED = ("amount[value]", "amount[currency]")

# Operation → the members that state amount and currency. A call without them is unbounded.
DIRECT: dict[str, tuple[str, str]] = {
    "billing.credit_grants.create": ("amount[monetary][value]", "amount[monetary][currency]"),
    "charges.create": _PLAIN,
    "climate.orders.create": _PLAIN,
    "customers.balance_transactions.create": _PLAIN,  # a credit is negative, and counts too
    "invoice_items.create": _PLAIN,  # is added to the next invoice, which is charged automatically
    "payment_intents.create": _PLAIN,  # also without confirm, since the client can confirm it
    "payouts.create": _PLAIN,
    "test_helpers.customers.fund_cash_balance": _PLAIN,
    "test_helpers.issuing.authorizations.create": _PLAIN,
    "test_helpers.issuing.transactions.create_force_capture": _PLAIN,
    "test_helpers.issuing.transactions.create_unlinked_refund": _PLAIN,
    "test_helpers.treasury.received_credits.create": _PLAIN,
    "test_helpers.treasury.received_debits.create": _PLAIN,
    "topups.create": _PLAIN,
    "transfers.create": _PLAIN,
    "treasury.inbound_transfers.create": _PLAIN,
    "treasury.outbound_payments.create": _PLAIN,
    "treasury.outbound_transfers.create": _PLAIN,
    "v2.money_management.inbound_transfers.create": _NESTED,
    "v2.money_management.outbound_payments.create": _NESTED,
    "v2.money_management.payout_intents.create": _NESTED,
    "v2.money_management.test_helpers.financial_addresses.credit": _NESTED,
}

# Operation of ``DIRECT`` → the members with which it charges another amount than it states.
BESIDE: dict[str, tuple[str, ...]] = {
    "invoice_items.create": (
        "price_data", "pricing", "quantity", "quantity_decimal", "tax_rates", "unit_amount_decimal",
    ),
}  # fmt: skip

How = Literal["free", "up_to", "again"]

# Operation → (how it counts, the member with its amount). "free": not again; "up_to": only the part above the amount
# counted before; "again": the money moves a second time or back, and without that member all of it.
FOLLOWING: dict[str, tuple[How, str]] = {
    "charges.capture": ("up_to", "amount"),
    "payment_intents.apply_customer_balance": ("up_to", "amount"),
    "payment_intents.capture": ("up_to", "amount_to_capture"),
    "payment_intents.confirm": ("up_to", "amount_to_confirm"),
    "payment_intents.increment_authorization": ("up_to", "amount"),
    "payment_intents.update": ("up_to", "amount"),
    "payment_intents.verify_microdeposits": ("free", ""),  # charges what was confirmed before
    "payouts.reverse": ("again", ""),
    "refunds.create": ("again", "amount"),
    "terminal.readers.confirm_payment_intent": ("free", ""),
    "terminal.readers.process_payment_intent": ("free", ""),
    "terminal.readers.refund_payment": ("again", "amount"),
    "transfers.reversals.create": ("again", "amount"),
    "v2.money_management.payout_intents.confirm": ("free", ""),
}
_ABOUT = ("payment_intent", "charge")  # members that name the object if the path does not

UNBOUNDED = frozenset(
    {
        "application_fees.refunds.create",
        "balance_settings.update",  # changes when and what is paid out
        "billing.meter_event_adjustments.create",
        "billing.meter_events.create",  # usage is invoiced later
        "checkout.sessions.create",
        "checkout.sessions.update",
        "credit_notes.create",
        "disputes.close",  # accepts the loss
        "forwarding.requests.create",  # charges a card with another processor
        "invoice_items.update",
        "invoices.add_lines",
        "invoices.finalize_invoice",
        "invoices.line_items.update",
        "invoices.pay",
        "invoices.send_invoice",
        "invoices.update_lines",
        "issuing.authorizations.approve",
        "payment_links.create",
        "payment_links.update",
        "quotes.accept",
        "subscription_items.create",
        "subscription_items.delete",
        "subscription_items.update",
        "subscription_schedules.create",
        "subscription_schedules.update",
        "subscriptions.create",
        "subscriptions.pause",  # may bill or credit the rest of the period
        "subscriptions.resume",
        "subscriptions.update",
        "test_helpers.issuing.authorizations.capture",
        "test_helpers.issuing.authorizations.finalize_amount",
        "test_helpers.issuing.authorizations.increment",
        "test_helpers.issuing.authorizations.respond",
        "test_helpers.issuing.authorizations.reverse",
        "test_helpers.issuing.transactions.refund",
        "test_helpers.test_clocks.advance",  # bills everything that is due until then
        "treasury.credit_reversals.create",
        "treasury.debit_reversals.create",
        "v2.billing.meter_event_adjustments.create",
        "v2.billing.meter_event_session.create",
        "v2.billing.meter_event_stream.create",
        "v2.billing.meter_events.create",
    }
)

ANY = ""

# Unbounded if one of the members has that value; with ``ANY``, if the member or a part of it is sent.
UNBOUNDED_IF: dict[str, tuple[tuple[str, str], ...]] = {
    "accounts.external_accounts.create": (("default_for_currency", "true"),),  # the account its balance is paid out to
    "accounts.external_accounts.update": (("default_for_currency", "true"),),
    "accounts.update": (("settings[payouts]", ANY), ("external_account", ANY)),  # when and to whom it is paid out
    "customers.cash_balance.update": (("settings", ANY),),  # whether it pays invoices automatically
    "customers.create": (("balance", ANY), ("cash_balance", ANY)),  # a credit, in a currency not stated
    # A new card is charged for invoices that are past due.
    "customers.update": (("balance", ANY), ("cash_balance", ANY), ("source", ANY)),
    "invoices.create": (("auto_advance", "true"), ("automatically_finalizes_at", ANY)),
    "invoices.update": (  # a subscription's draft is charged automatically, with all that is added to it
        ("auto_advance", "true"),
        ("automatic_tax[enabled]", "true"),
        ("automatically_finalizes_at", ANY),
        ("default_tax_rates", ANY),
        ("shipping_cost", ANY),
    ),
    "issuing.cardholders.update": (("status", "active"), ("spending_controls", ANY)),
    "issuing.cards.create": (("status", "active"),),  # payments can be made with it
    "issuing.cards.update": (("status", "active"), ("spending_controls", ANY)),
    "issuing.tokens.update": (("status", "active"),),
    "subscription_schedules.cancel": (("invoice_now", "true"), ("prorate", "true")),
    "subscriptions.cancel": (("invoice_now", "true"), ("prorate", "true")),
    "test_helpers.terminal.readers.present_payment_method": (("amount_tip", ANY),),
    "treasury.financial_accounts.close": (("forwarding_settings", ANY),),  # where the remaining balance goes
}


def cost(operation: Operation, request: Request, counted: Mapping[str, Money], beyond: tuple[str, ...] = ()) -> Cost:
    """What a call to Stripe may cost. ``counted`` has the amounts counted before, by object id.

    ``beyond`` are names the call sends that the catalog does not have. Their effect is unknown (the ``plan`` of a
    customer in an old version starts a subscription), so the cost is unknown, except for operations whose amount is
    read from other members.
    """
    id = operation.id
    members = DIRECT.get(id)
    read: tuple[str, ...] = members or FOLLOWING.get(id) or ()
    if beyond and operation.mutation and (not read or any(is_money(name) and name not in read for name in beyond)):
        return UNKNOWN
    if members is not None:
        sent = _sent(request)
        if any(_has(sent, member, ANY) for member in BESIDE.get(id, ())):
            return UNKNOWN
        money = _money(sent.get(members[0]), sent.get(members[1]))
        return Cost(money, money) if money is not None else UNKNOWN
    if id in FOLLOWING:
        return _following(operation, request, counted)
    if id in UNBOUNDED:
        only_saved = id == "checkout.sessions.create" and _sent(request).get("mode") == "setup"
        return NOTHING if only_saved else UNKNOWN
    if not operation.mutation:
        return NOTHING
    sent = _sent(request)
    if any(_has(sent, member, value) for member, value in UNBOUNDED_IF.get(id, ())):
        return UNKNOWN
    return NOTHING if moves_nothing(id, map(_dotted, filter(lambda name: _is_number(sent[name]), sent))) else UNKNOWN


_INDEX = re.compile(r"\[[0-9]*\]")  # an index in a list


def _dotted(name: str) -> str:
    """``a[b][0][c]`` as ``a.b.c``."""
    return _INDEX.sub("", name).replace("[", ".").replace("]", "")


def _has(sent: Mapping[str, str], member: str, value: str) -> bool:
    if value == ANY:
        return any(name == member or name.startswith(f"{member}[") for name in sent)
    return sent.get(member) in (value, AMBIGUOUS)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return value == AMBIGUOUS
    return True


def _following(operation: Operation, request: Request, counted: Mapping[str, Money]) -> Cost:
    how, member = FOLLOWING[operation.id]
    sent = _sent(request)
    if operation.id == "payment_intents.update" and not ({"amount", "currency"} & sent.keys()):
        return NOTHING
    named = _named(operation, request, sent)
    if not any(name in counted for name in named):
        # A refund from a customer's balance states its currency. The call cannot state that of a charge.
        whose = how == "again" and not any(name in sent for name in _ABOUT)
        money = _money(sent.get(member), sent.get("currency")) if whose else None
        return Cost(money) if money is not None else UNKNOWN
    if any(sent[name] not in counted for name in _ABOUT if name in sent):
        return UNKNOWN  # two objects are named, and only the API decides which one is meant
    known = max((counted[name] for name in named if name in counted), key=lambda each: each.amount)
    if how == "free":
        return NOTHING
    asked = _money(sent.get(member, str(known.amount)), sent.get("currency", known.currency))
    if asked is None:
        return UNKNOWN
    if how == "again":
        return Cost(asked)
    if asked.currency != known.currency:
        return Cost(asked, asked)
    if asked.amount <= known.amount:
        return NOTHING
    return Cost(Money(asked.currency, asked.amount - known.amount), asked)


def _named(operation: Operation, request: Request, sent: Mapping[str, str]) -> list[str]:
    """Ids of the object that a call acts on, from its path and its body."""
    path = request.url.partition("?")[0].split("/")
    wanted = operation.path.strip("/").split("/")
    steps = path[-len(wanted) :]
    in_path = [step for want, step in zip(wanted, steps, strict=False) if want.startswith("{")]
    return [*in_path[-1:], *(sent[name] for name in _ABOUT if name in sent)]


def counted_ids(answer: Response) -> list[str]:
    """The ids by which later calls may name the object in an answer: its own, and that of a payment intent's charge."""
    try:
        data = decode_json(answer.body)
    except (ValueError, LimitError):
        return []
    found = (data.get("id"), data.get("latest_charge")) if isinstance(data, dict) else ()
    ids = (each.get("id") if isinstance(each, dict) else each for each in found)
    return [each for each in ids if isinstance(each, str)]


def _money(amount: str | None, currency: str | None) -> Money | None:
    if amount is None or not currency:
        return None
    try:
        return Money(currency.lower(), abs(int(amount)))
    except ValueError:
        return None


def _sent(request: Request) -> dict[str, str]:
    """The members of the body and the query as they are sent. Nested ones have the names of a form: ``a[b]``."""
    query = _form(request.url.partition("?")[2])
    kind = next((value for name, value in request.headers if name.lower() == "content-type"), "")
    if "json" not in kind:
        return _form(request.content.decode("ascii", "replace"), query)
    try:
        data = msgspec.json.decode(request.content) if request.content else {}
    except msgspec.MsgspecError:
        return query
    _flatten(query, "", data)
    return query


def _form(text: str, before: Mapping[str, str] | None = None) -> dict[str, str]:
    form = dict(before or {})
    for name, value in parse_qsl(text, keep_blank_values=True):
        form[name] = value if form.get(name, value) == value else AMBIGUOUS
    return form


def _flatten(found: dict[str, str], name: str, value: Any) -> None:
    if isinstance(value, dict):
        for key, each in value.items():
            _flatten(found, f"{name}[{key}]" if name else str(key), each)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            _flatten(found, f"{name}[{place}]", each)
    elif isinstance(value, bool):
        found[name] = "true" if value else "false"
    elif isinstance(value, str | int | float):
        found[name] = str(value)
