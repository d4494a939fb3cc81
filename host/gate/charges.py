"""What a call may cost: the table of Stripe's operations that move money.

An amount counts where money is asked for or leaves: charges, transfers, payouts, refunds, credits. It is read
from the request as it will be sent. Three kinds of operations:

- ``DIRECT`` tell amount and currency themselves;
- ``FOLLOWING`` act on an object that was counted when it was made (confirming a payment intent costs nothing
  more, refunding it costs its amount again);
- ``UNBOUNDED`` charge what nobody can tell before: subscriptions, invoices, a customer's checkout.

Source: https://docs.stripe.com/api, the operations of the catalog one by one; a test holds that none with an
amount is missing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec

from host.apis.answers import decode_json
from host.apis.catalog import Operation
from host.errors import LimitError
from host.http.message import Answer, Request

__all__ = ["Cost", "Money", "cost", "counted_ids"]


class Money(msgspec.Struct, frozen=True):
    """``amount`` is in the currency's minor unit, 0 or above; ``currency`` lower case."""

    currency: str
    amount: int


class Cost(msgspec.Struct, frozen=True):
    """``money`` is what a call adds, ``total`` what the object it is about stands for from then on.

    ``known`` is False where nobody can tell before it is sent.
    """

    money: Money | None = None
    total: Money | None = None
    known: bool = True


NOTHING = Cost()
UNKNOWN = Cost(known=False)
AMBIGUOUS = "\0"  # the value of a member that was given twice, differently

_PLAIN = ("amount", "currency")
_NESTED = ("amount[value]", "amount[currency]")

# Operation → the members that tell amount and currency. Without them it is unbounded.
DIRECT: dict[str, tuple[str, str]] = {
    "billing.credit_grants.create": ("amount[monetary][value]", "amount[monetary][currency]"),
    "charges.create": _PLAIN,
    "climate.orders.create": _PLAIN,
    "customers.balance_transactions.create": _PLAIN,  # a credit is negative; it counts all the same
    "invoice_items.create": _PLAIN,  # goes on the next invoice, which is charged by itself
    "payment_intents.create": _PLAIN,  # also without confirm: the customer's side can confirm it
    "payouts.create": _PLAIN,
    "topups.create": _PLAIN,
    "transfers.create": _PLAIN,
    "treasury.inbound_transfers.create": _PLAIN,
    "treasury.outbound_payments.create": _PLAIN,
    "treasury.outbound_transfers.create": _PLAIN,
    "v2.money_management.inbound_transfers.create": _NESTED,
    "v2.money_management.outbound_payments.create": _NESTED,
    "v2.money_management.payout_intents.create": _NESTED,
}

How = Literal["free", "up_to", "again"]

# Operation → (how it counts, the member with its amount). "free": it was counted; "up_to": what goes beyond
# what was counted; "again": money goes back or once more, the whole of it without that member.
FOLLOWING: dict[str, tuple[How, str]] = {
    "charges.capture": ("up_to", "amount"),
    "payment_intents.apply_customer_balance": ("up_to", "amount"),
    "payment_intents.capture": ("up_to", "amount_to_capture"),
    "payment_intents.confirm": ("up_to", "amount_to_confirm"),
    "payment_intents.increment_authorization": ("up_to", "amount"),
    "payment_intents.update": ("up_to", "amount"),
    "payouts.reverse": ("again", ""),
    "refunds.create": ("again", "amount"),
    "terminal.readers.confirm_payment_intent": ("free", ""),
    "terminal.readers.process_payment_intent": ("free", ""),
    "terminal.readers.refund_payment": ("again", "amount"),
    "transfers.reversals.create": ("again", "amount"),
    "v2.money_management.payout_intents.confirm": ("free", ""),
}
_ABOUT = ("payment_intent", "charge")  # members that name the object, where the path does not

UNBOUNDED = frozenset(
    {
        "application_fees.refunds.create",
        "billing.meter_event_adjustments.create",
        "billing.meter_events.create",  # usage is invoiced later
        "checkout.sessions.create",
        "checkout.sessions.update",
        "credit_notes.create",
        "disputes.close",  # accepts the loss
        "forwarding.requests.create",  # charges a card somewhere else
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
        "subscriptions.resume",
        "subscriptions.update",
        "treasury.credit_reversals.create",
        "treasury.debit_reversals.create",
        "v2.billing.meter_event_adjustments.create",
        "v2.billing.meter_event_session.create",
        "v2.billing.meter_event_stream.create",
        "v2.billing.meter_events.create",
    }
)

# Unbounded where the member has that value.
UNBOUNDED_IF: dict[str, tuple[str, str]] = {
    "invoices.create": ("auto_advance", "true"),
    "invoices.update": ("auto_advance", "true"),
    "subscription_schedules.cancel": ("invoice_now", "true"),
    "subscriptions.cancel": ("invoice_now", "true"),
}

# Have an amount and move nothing: descriptions, records of what happened elsewhere, Stripe's test helpers.
MOVES_NOTHING = (
    "coupons.",
    "customers.payment_sources.verify",
    "invoices.",
    "issuing.disputes.",
    "payment_intents.verify_microdeposits",
    "payment_records.",
    "plans.",
    "prices.",
    "quotes.",
    "setup_intents.",
    "shipping_rates.",
    "sources.",
    "tax.",
    "test_helpers.",
    "three_d_secure.",
    "v2.core.vault.",
    "v2.money_management.test_helpers.",
)


def cost(operation: Operation, request: Request, counted: Mapping[str, Money]) -> Cost:
    """What a call to Stripe may cost. ``counted`` has what was counted before, by object id."""
    id = operation.id
    members = DIRECT.get(id)
    if members is not None:
        sent = _sent(request)
        money = _money(sent.get(members[0]), sent.get(members[1]))
        return Cost(money, money) if money is not None else UNKNOWN
    if id in FOLLOWING:
        return _following(operation, request, counted)
    if id in UNBOUNDED:
        only_saved = id == "checkout.sessions.create" and _sent(request).get("mode") == "setup"
        return NOTHING if only_saved else UNKNOWN
    if id in UNBOUNDED_IF:
        member, value = UNBOUNDED_IF[id]
        return UNKNOWN if _sent(request).get(member) in (value, AMBIGUOUS) else NOTHING
    if operation.mutation and "amount" in operation.params and not id.startswith(MOVES_NOTHING):
        return UNKNOWN  # a newer catalog's, not in these tables
    return NOTHING


def _following(operation: Operation, request: Request, counted: Mapping[str, Money]) -> Cost:
    how, member = FOLLOWING[operation.id]
    sent = _sent(request)
    if operation.id == "payment_intents.update" and not ({"amount", "currency"} & sent.keys()):
        return NOTHING
    known = next((counted[id] for id in _named(operation, request, sent) if id in counted), None)
    if known is None:  # a refund from a customer's balance tells its currency itself
        money = _money(sent.get(member), sent.get("currency")) if how == "again" else None
        return Cost(money) if money is not None else UNKNOWN
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
    """Ids of the object a call is about: in its path, and in its body."""
    path = request.url.partition("?")[0].split("/")
    wanted = operation.path.strip("/").split("/")
    steps = path[-len(wanted) :]
    in_path = [step for want, step in zip(wanted, steps, strict=False) if want.startswith("{")]
    return [*in_path[-1:], *(sent[name] for name in _ABOUT if name in sent)]


def counted_ids(answer: Answer) -> list[str]:
    """The ids by which what an answer tells of may be named later: its own, and a payment intent's charge."""
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
    """The members of a body as it is sent, a form's names for nested ones."""
    kind = next((value for name, value in request.headers if name.lower() == "content-type"), "")
    if "json" not in kind:
        form: dict[str, str] = {}
        for name, value in parse_qsl(request.content.decode("ascii", "replace"), keep_blank_values=True):
            form[name] = value if form.get(name, value) == value else AMBIGUOUS
        return form
    try:
        data = msgspec.json.decode(request.content) if request.content else {}
    except msgspec.MsgspecError:
        return {}
    found: dict[str, str] = {}
    _flatten(found, "", data)
    return found


def _flatten(found: dict[str, str], name: str, value: Any) -> None:
    if isinstance(value, dict):
        for key, each in value.items():
            _flatten(found, f"{name}[{key}]" if name else str(key), each)
    elif isinstance(value, bool):
        found[name] = "true" if value else "false"
    elif isinstance(value, str | int | float):
        found[name] = str(value)
