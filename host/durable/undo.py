"""What takes back what a run did: decided from its statement, run as a script like any other.

A thing is looked at as the last answer about it says it is: an intent that was created and then paid is a payment.
What an API refuses to take back is looked up: where it is gone or off already, that is all there was to do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from host.apis.api import Api
from host.apis.catalog import Operation
from host.durable.audit_trail import TrailEntry

_OFF: Final[Mapping[str, Any]] = {"active": False}

# Created by → the operation that takes it back, and its parameters. In this order where the first is refused.
_STRIPE: Final[dict[str, tuple[tuple[str, Mapping[str, Any] | None], ...]]] = {
    "billing_portal.configurations.create": (("billing_portal.configurations.update", _OFF),),
    "checkout.sessions.create": (("checkout.sessions.expire", None),),
    "credit_notes.create": (("credit_notes.void_credit_note", None),),
    "invoices.create": (("invoices.delete", None), ("invoices.void_invoice", None)),
    "payment_intents.create": (("payment_intents.cancel", None),),
    "payment_links.create": (("payment_links.update", _OFF),),
    "payment_methods.attach": (("payment_methods.detach", None),),
    "payouts.create": (("payouts.cancel", None),),
    "prices.create": (("prices.update", _OFF),),
    # A product that has prices cannot be deleted, and prices cannot be either.
    "products.create": (("products.delete", None), ("products.update", _OFF)),
    "promotion_codes.create": (("promotion_codes.update", _OFF),),
    "quotes.create": (("quotes.cancel", None),),
    "setup_intents.create": (("setup_intents.cancel", None),),
    "shipping_rates.create": (("shipping_rates.update", _OFF),),
    "subscription_schedules.create": (("subscription_schedules.cancel", None),),
    "subscriptions.create": (("subscriptions.cancel", None),),
    "tax_rates.create": (("tax_rates.update", _OFF),),
    "topups.create": (("topups.cancel", None),),
}
_TAKES_BACK: Final = (".delete", ".cancel", ".expire", ".void_invoice", ".void_credit_note", ".detach")

# Operation → the field, and its values, by which a thing shows that it is taken back already.
_STATE: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "cancel": ("status", ("canceled", "cancelled", "incomplete_expired", "released")),
    "expire": ("status", ("expired",)),
    "void_invoice": ("status", ("void",)),
    "void_credit_note": ("status", ("void",)),
    "detach": ("customer", ("",)),
    "update": ("active", ("false",)),
    "delete": ("deleted", ("true",)),
}
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


class Lookup(msgspec.Struct, frozen=True):
    """Where to see whether a thing is taken back already: ``field`` (a path with dots) is one of ``values``, as
    texts; absent is the empty one."""

    operation: str
    args: tuple[Any, ...]
    field: str
    values: tuple[str, ...]


class Reversal(msgspec.Struct, frozen=True):
    """How an entry is taken back: ``tries`` are (operation, arguments). Without any, ``why`` says why not.

    ``look`` is for when all tries are refused. ``note`` says what stays although it is taken back.
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
    """What to do, last change first. Money that has moved goes back only with ``refunds``.

    ``undone`` are the calls (``TrailEntry.call``) that were taken back before.
    """
    things = _Things(entries)
    found: list[Reversal] = []
    paid: set[str] = set()
    for entry in reversed(entries):
        if entry.outcome in ("rejected", "refused", "not sent") or entry.operation.endswith(_TAKES_BACK):
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
            paid.add(entry.id)  # what was only its beginning is not taken back beside
        if entry.call not in undone:
            found.append(reversal)
    return found


class _Things:
    """What a run's entries say of the things they are about."""

    def __init__(self, entries: Sequence[TrailEntry]) -> None:
        done = [entry for entry in entries if entry.outcome == "done"]
        self.gone = {entry.id for entry in done if entry.id and entry.operation.endswith(_TAKES_BACK)}
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
        """The last answer about the entry's thing."""
        return self._latest.get(entry.id, {})

    def refunded(self, id: str) -> int:
        """How much of a payment the run gave back itself."""
        return self._refunds.get(id, 0)

    def is_a_part(self, entry: TrailEntry) -> bool:
        """Whether what an entry did goes with the thing that another one created."""
        if entry.operation == "stripe.refunds.create" and isinstance(entry.answer, dict):
            return entry.answer.get("payment_intent") in self._created or entry.answer.get("charge") in self._created
        created = self._created.get(entry.id)
        has_its_own = entry.operation.removeprefix("stripe.") in _STRIPE
        return created is not None and created is not entry and not has_its_own


def _unknown(entry: TrailEntry) -> str:
    key = f", sent with the idempotency key {entry.key}" if entry.key else ""
    return f"whether it was done is unknown{key}: look for it, or resume the run first"


def _reversal(entry: TrailEntry, answer: Mapping[str, Any], apis: Mapping[str, Api], *, refunds: bool) -> Reversal:
    name, _, operation = entry.operation.partition(".")
    api = apis.get(name)
    if api is None or not entry.id:
        return Reversal(entry, why="nothing is known that takes it back")
    if name == "stripe":
        if _moved(entry.operation, answer):
            return _refund(entry, operation, answer, refunds=refunds)
        if operation in _STRIPE:
            tries = tuple(
                (f"stripe.{each}", (entry.id,) if params is None else (entry.id, dict(params)))
                for each, params in _STRIPE[operation]
            )
            return Reversal(entry, tries=tries, look=_look(api, tries[-1][0], (entry.id,)), note=_stays(answer))
    made = api.catalog.operation(operation)
    if made is None or not (made.builder or operation.endswith(".create")):
        return Reversal(entry, why="what was there before is not known")
    delete = api.catalog.operation(f"{operation.rpartition('.')[0]}.delete") or _deleting(api, made)
    if delete is not None:
        path = [param for param in delete.params.values() if param.location == "path"]
        # Below another object: its id is in the answer under that object's name.
        parents = [answer.get(param.name) for param in path[:-1]]
        if path and all(isinstance(each, str) for each in parents):
            args = (*parents, answer.get(api.catalog.id_field) or entry.id)  # a number stays one
            way = f"{name}.{delete.id}"
            return Reversal(entry, tries=((way, args),), look=_look(api, way, args))
    return Reversal(entry, why="the API has no operation that takes it back")


def _deleting(api: Api, made: Operation) -> Operation | None:
    """The DELETE of what a POST to a collection made, by its path, whatever the document calls it."""
    for id, method, path in api.catalog.routes():
        collection, _, last = path.rpartition("/")
        if method == "DELETE" and collection == made.path.rstrip("/") and last.startswith("{"):
            return api.catalog.operation(id)
    return None


def _look(api: Api, operation: str, args: tuple[Any, ...]) -> Lookup | None:
    """Where to see that an operation has nothing left to do."""
    resource, _, action = operation.rpartition(".")
    retrieve = f"{resource}.retrieve"
    if action not in _STATE or api.catalog.operation(retrieve.partition(".")[2]) is None:
        return None
    return Lookup(retrieve, args, *_STATE[action])


def _moved(operation: str, answer: Mapping[str, Any]) -> int:
    """How much money has moved with a thing, in minor units; 0 for none."""
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
    """How a payment is given back: in full, which an API does once."""
    if not refunds:
        return Reversal(entry, why="money has moved; --refunds gives it back", needs_refund=True)
    thing = operation.partition(".")[0]
    if thing == "transfers":
        look = Lookup("stripe.transfers.retrieve", (entry.id,), "reversed", ("true",))
        return Reversal(entry, tries=(("stripe.transfers.reversals.create", (entry.id, {})),), look=look)
    by = {"payment_intents": "payment_intent", "charges": "charge"}.get(thing)
    payment: Any = entry.id
    if by is None:  # an invoice's payment
        by = next((name for name in ("payment_intent", "charge") if isinstance(answer.get(name), str)), None)
        if by is None:
            why = "money has moved; which payment it was is not in the answer: give it back by hand"
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
        return f"what was paid for it is not given back: look at invoice {id}"
    return ""


class UndoScript(msgspec.Struct, frozen=True):
    """A script that does reversals in turn and says what came of each.

    It returns a list with, for each, ``call``, ``ok`` (it is taken back, by this or before) and ``unknown`` (an
    attempt whose outcome is not known).
    """

    steps: list[dict[str, Any]] = msgspec.field(default_factory=list)

    @classmethod
    def of(cls, found: Sequence[Reversal], run: str = "") -> UndoScript:
        """The script for the reversals that can be done. ``run`` is told beside each, where there are several."""
        return cls(
            [
                {
                    "call": each.entry.call,
                    "what": f"{each.entry.operation} {each.entry.id}" + (f" of {run}" if run else ""),
                    "tries": [{"operation": name, "args": list(args)} for name, args in each.tries],
                    "look": None if each.look is None else msgspec.to_builtins(each.look),
                }
                for each in found
                if each.tries
            ]
        )

    SOURCE = """
local function named(path)
  local operation = _G
  for name in path:gmatch("[^.]+") do operation = operation[name] end
  return operation
end

local function is_gone(err)
  return type(err) == "table" and (err.status == 404 or err.status == 410 or err.code == "resource_missing")
end

-- Whether it was taken back before; nil where that cannot be seen.
local function is_back(look)
  local ok, found = pcall(named(look.operation), unpack(look.args))
  if not ok then return is_gone(found) or nil end
  for name in look.field:gmatch("[^.]+") do
    if type(found) == "table" then found = found[name] else found = nil end
  end
  local text = found == nil and "" or tostring(found)
  for _, value in ipairs(look.values) do
    if text == value then return true, look.field .. " " .. text end
  end
  return false, look.field .. " " .. (text == "" and "nothing" or text)
end

local function undo(step)
  local problem, unknown, rejected
  for _, try_ in ipairs(step.tries) do
    local ok, err = pcall(named(try_.operation), unpack(try_.args))
    if ok then
      print("undone   " .. step.what .. "  by " .. try_.operation)
      return true
    end
    if is_gone(err) then
      print("gone     " .. step.what .. ": it is not there any more")
      return true
    end
    problem = tostring(type(err) == "table" and err.message or err)
    unknown = unknown or type(err) == "table" and err.outcome == "unknown"
    rejected = rejected or type(err) == "table" and type(err.status) == "number"
  end
  if rejected and step.look then
    local back, state = is_back(step.look)
    if back then
      print("gone     " .. step.what .. ": it was taken back before" .. (state and " (" .. state .. ")" or ""))
      return true
    end
    if state then problem = problem .. " (its " .. state .. ")" end
  end
  print("NOT DONE " .. step.what .. ": " .. problem)
  return false, unknown or false
end

local results = {}
for i, step in ipairs(steps) do
  local ok, unknown = undo(step)
  results[i] = {call = step.call, ok = ok, unknown = unknown or false}
end
return results
"""
