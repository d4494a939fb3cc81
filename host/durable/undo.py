"""The reversals of what a run did: derived from its audit trail, then run as a script like any other.

Objects are judged by the last answer about them: an intent that was created and then paid is a payment.
What an API refuses to take back is looked up: if it is already gone or cancelled, nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from host.apis.api import Api
from host.durable.audit_trail import TrailEntry
from host.durable.inverses import INVERSES, TAKES_BACK, Inverse, ways_back

_PAYMENTS: Final = frozenset(
    (
        "charges.capture",
        "charges.create",
        "charges.update",
        "invoices.create",
        "invoices.finalize_invoice",
        "invoices.pay",
        "invoices.update",
        "payment_intents.capture",
        "payment_intents.confirm",
        "payment_intents.create",
        "payment_intents.update",
        "transfers.create",
    )
)
_CANCELLABLE_REFUNDS: Final = ("pending", "requires_action")  # with another status the customer has the money back


class Lookup(msgspec.Struct, frozen=True):
    """The call that shows whether an object has been taken back already.

    It has been if the text of ``field`` (a path with dots) in the answer is one of ``values``; an absent field has the
    text ``""``.
    """

    operation: str
    args: tuple[Any, ...]
    field: str
    values: tuple[str, ...]


class Reversal(msgspec.Struct, frozen=True):
    """How an entry is taken back: by the first of ``tries`` (operation, arguments) that succeeds.

    Without ``tries`` it cannot be, for the reason ``why``. ``look`` is used when all tries are refused. ``note`` names
    what remains after it is taken back.
    """

    entry: TrailEntry
    tries: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    why: str = ""
    needs_refund: bool = False
    look: Lookup | None = None
    note: str = ""


def reversals(
    entries: Sequence[TrailEntry], apis: Mapping[str, Api], *, refunds: bool, undone: Collection[str] = ()
) -> list[Reversal]:
    """The reversals of a run's entries, last change first. Payments are refunded only with ``refunds``.

    ``undone`` are the calls (``TrailEntry.call``) that were taken back before; they are left out.
    """
    things = _Things(entries)
    found: list[Reversal] = []
    paid: set[str] = set()
    for entry in reversed(entries):
        if entry.outcome in ("rejected", "refused", "not sent") or entry.operation.endswith(TAKES_BACK):
            continue
        if entry.outcome != "done":
            found.append(Reversal(entry, why=_unknown(entry)))
            continue
        answer = things.latest(entry)
        moved = _moved(entry.operation, answer)
        if entry.id in things.gone or entry.id in paid or (not moved and things.is_a_part(entry)):
            continue
        given_back = 0 < moved <= things.refunded(entry.id)
        reversal = None if given_back else _reversal(entry, answer, apis, refunds=refunds)
        if reversal is None:
            paid.add(entry.id)
            continue
        if moved:
            paid.add(entry.id)  # refunding the payment suffices: its earlier steps need no reversal
        if entry.call not in undone:
            found.append(reversal)
    return found


class _Things:
    """The objects that a run's entries concern, according to the entries."""

    def __init__(self, entries: Sequence[TrailEntry]) -> None:
        done = [entry for entry in entries if entry.outcome == "done"]
        self.gone = {entry.id for entry in done if entry.id and entry.operation.endswith(TAKES_BACK)}
        self._created = {entry.id: entry for entry in done if entry.operation.endswith(".create") and entry.id}
        self._latest: dict[str, Mapping[str, Any]] = {}
        self._refunds: dict[str, int] = {}
        for entry in done:
            answer = entry.answer if isinstance(entry.answer, dict) else {}
            if entry.id:
                self._latest[entry.id] = answer
            if entry.operation == "stripe.refunds.create" and answer.get("status") not in ("failed", "canceled"):
                for payment in (answer.get("payment_intent"), answer.get("charge")):
                    if isinstance(payment, str) and isinstance(answer.get("amount"), int):
                        self._refunds[payment] = self._refunds.get(payment, 0) + answer["amount"]

    def latest(self, entry: TrailEntry) -> Mapping[str, Any]:
        """The last recorded answer for the entry's object."""
        return self._latest.get(entry.id, {})

    def refunded(self, id: str) -> int:
        """How much of a payment the run itself refunded, in minor units."""
        return self._refunds.get(id, 0)

    def is_a_part(self, entry: TrailEntry) -> bool:
        """Whether an entry's effect is taken back together with the object that another entry created."""
        if entry.operation == "stripe.refunds.create" and isinstance(entry.answer, dict):
            return entry.answer.get("payment_intent") in self._created or entry.answer.get("charge") in self._created
        created = self._created.get(entry.id)
        has_its_own = entry.operation.rpartition(".")[2] in INVERSES
        return created is not None and created is not entry and not has_its_own


def _unknown(entry: TrailEntry) -> str:
    key = f", sent with the idempotency key {entry.key}" if entry.key else ""
    return f"whether it was done is unknown{key}: look for it, or resume the run first"


def _reversal(entry: TrailEntry, answer: Mapping[str, Any], apis: Mapping[str, Api], *, refunds: bool) -> Reversal:
    name, _, operation = entry.operation.partition(".")
    api = apis.get(name)
    if api is None or not entry.id:
        return Reversal(entry, why="no way to undo it is known")
    if name == "stripe" and _moved(entry.operation, answer):
        return _refund(entry, operation, answer, refunds=refunds)
    made = api.catalog.operation(operation)
    if made is None or not (made.builder or operation.rpartition(".")[2] in INVERSES):
        return Reversal(entry, why="what was there before is not known")
    id = answer.get(api.catalog.id_field) or entry.id  # a number stays one
    ways = [way for way in ways_back(api.catalog, operation, id, answer) if not way.inverse.moves_money]
    if name == "stripe" and operation == "refunds.create" and answer.get("status") not in _CANCELLABLE_REFUNDS:
        ways = []
    if not ways:
        return Reversal(entry, why="the API has no operation that undoes it")
    tries = tuple((f"{name}.{way.operation}", way.args) for way in ways)
    last = ways[-1]
    at = last.args if last.inverse.params is None else last.args[:-1]
    return Reversal(entry, tries=tries, look=_look(api, last.operation, at, last.inverse), note=_stays(answer))


def _look(api: Api, operation: str, args: tuple[Any, ...], inverse: Inverse) -> Lookup | None:
    """The lookup that shows whether an inverse operation is still needed, or ``None``."""
    retrieve = f"{operation.rpartition('.')[0]}.retrieve"
    if not inverse.field or api.catalog.operation(retrieve) is None:
        return None
    return Lookup(f"{api.name}.{retrieve}", args, inverse.field, inverse.values)


def _moved(operation: str, answer: Mapping[str, Any]) -> int:
    """How much money has moved with an object, in minor units; 0 for none."""
    if operation.removeprefix("stripe.") not in _PAYMENTS:
        return 0
    thing = operation.split(".")[1]
    if thing == "payment_intents":
        paid = answer.get("status") == "succeeded"
    elif thing == "charges":
        paid = bool(answer.get("paid")) and answer.get("captured") is not False
    elif thing == "invoices":
        paid = answer.get("status") == "paid" and answer.get("amount_paid") != 0
    else:
        paid = True
    amounts = ("amount_received", "amount_captured", "amount_paid", "amount")
    known = [answer[name] for name in amounts if isinstance(answer.get(name), int) and answer[name] > 0]
    return (known[0] if known else 1) if paid else 0


def _refund(entry: TrailEntry, operation: str, answer: Mapping[str, Any], *, refunds: bool) -> Reversal:
    """The reversal of a payment: a full refund, which the API accepts only once."""
    if not refunds:
        return Reversal(entry, why="money has moved; --refunds returns it", needs_refund=True)
    thing = operation.partition(".")[0]
    if thing == "transfers":
        look = Lookup("stripe.transfers.retrieve", (entry.id,), "reversed", ("true",))
        return Reversal(entry, tries=(("stripe.transfers.reversals.create", (entry.id, {})),), look=look)
    by = {"payment_intents": "payment_intent", "charges": "charge"}.get(thing)
    payment: Any = entry.id
    if by is None:  # an invoice's payment
        by = next((name for name in ("payment_intent", "charge") if isinstance(answer.get(name), str)), None)
        if by is None:
            why = "money has moved; the answer does not name the payment: return it by hand"
            return Reversal(entry, why=why, needs_refund=True)
        payment = answer[by]
    if by == "charge":
        look = Lookup("stripe.charges.retrieve", (payment,), "refunded", ("true",))
    else:
        args = (payment, {"expand": ["latest_charge"]})
        look = Lookup("stripe.payment_intents.retrieve", args, "latest_charge.refunded", ("true",))
    return Reversal(entry, tries=(("stripe.refunds.create", ({by: payment},)),), look=look)


def _stays(answer: Mapping[str, Any]) -> str:
    invoice = answer.get("latest_invoice")
    if answer.get("object") == "subscription" and answer.get("status") == "active" and invoice:
        id = invoice.get("id") if isinstance(invoice, dict) else invoice
        return f"what was paid for it is not returned: see invoice {id}"
    return ""
