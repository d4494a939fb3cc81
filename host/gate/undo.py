"""What takes back what a run did: decided from its statement, run as a script like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from host.gate.api import Api
from host.gate.journal.statement import Entry

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


class Reversal(msgspec.Struct, frozen=True):
    """How an entry is taken back: ``tries`` are (operation, arguments). Without any, ``why`` says why not."""

    entry: Entry
    tries: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    why: str = ""
    needs_refund: bool = False


def reversals(entries: Sequence[Entry], apis: Mapping[str, Api], *, refunds: bool) -> list[Reversal]:
    """What to do, last change first. Money that has moved goes back only with ``refunds``."""
    gone = {
        argument
        for entry in entries
        if entry.outcome == "done" and entry.operation.endswith(_TAKES_BACK)
        for argument in [entry.id]
    }
    found = []
    for entry in reversed(entries):
        if entry.outcome in ("rejected", "refused", "not sent") or entry.operation.endswith(_TAKES_BACK):
            continue
        if entry.outcome != "done":
            found.append(Reversal(entry, why="whether it was done is unknown: resume the run first"))
        elif entry.id in gone and entry.id:
            continue
        else:
            found.append(_reversal(entry, apis, refunds=refunds))
    return found


def _reversal(entry: Entry, apis: Mapping[str, Api], *, refunds: bool) -> Reversal:
    name, _, operation = entry.operation.partition(".")
    api = apis.get(name)
    answer = entry.answer if isinstance(entry.answer, dict) else {}
    if api is None or not entry.id:
        return Reversal(entry, why="nothing is known that takes it back")
    if name == "stripe":
        money = _money(operation, answer)
        if money is not None:
            if not refunds:
                return Reversal(entry, why="money has moved; --refunds gives it back", needs_refund=True)
            return Reversal(entry, tries=((f"stripe.{money[0]}", money[1]),))
        if operation in _STRIPE:
            return Reversal(
                entry,
                tries=tuple(
                    (f"stripe.{each}", (entry.id,) if params is None else (entry.id, dict(params)))
                    for each, params in _STRIPE[operation]
                ),
            )
    resource, _, action = operation.rpartition(".")
    if action == "create":
        delete = api.catalog.operation(f"{resource}.delete")
        if delete is not None:
            path = [param for param in delete.params.values() if param.location == "path"]
            if len(path) == 1:
                return Reversal(entry, tries=((f"{name}.{resource}.delete", (entry.id,)),))
            # Below another object: its id is in the answer under that object's name.
            parents = [answer.get(param.name) for param in path[:-1]]
            if all(isinstance(each, str) for each in parents):
                return Reversal(entry, tries=((f"{name}.{resource}.delete", (*parents, entry.id)),))
        return Reversal(entry, why="the API has no operation that takes it back")
    return Reversal(entry, why="what was there before is not known")


def _money(operation: str, answer: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]] | None:
    """The refund of a payment that succeeded, or ``None`` where no money has moved."""
    id = answer.get("id")
    if operation in ("payment_intents.create", "payment_intents.confirm", "payment_intents.capture"):
        if answer.get("status") == "succeeded":
            return "refunds.create", ({"payment_intent": id},)
        return None
    if operation in ("charges.create", "charges.capture") and answer.get("paid"):
        return "refunds.create", ({"charge": id},)
    if operation == "transfers.create":
        return "transfers.reversals.create", (id, {})
    return None


class UndoScript(msgspec.Struct, frozen=True):
    """A script that does reversals in turn and says what came of each; exits with 1 if any failed."""

    steps: list[dict[str, Any]] = msgspec.field(default_factory=list)

    @classmethod
    def of(cls, found: Sequence[Reversal]) -> UndoScript:
        """The script for the reversals that can be done."""
        return cls(
            [
                {
                    "what": f"{each.entry.operation} {each.entry.id}",
                    "tries": [{"operation": name, "args": list(args)} for name, args in each.tries],
                }
                for each in found
                if each.tries
            ]
        )

    SOURCE = """
local failed = 0
for _, step in ipairs(steps) do
  local problem
  for _, try_ in ipairs(step.tries) do
    local operation = _G
    for name in try_.operation:gmatch("[^.]+") do operation = operation[name] end
    local ok, err = pcall(operation, unpack(try_.args))
    if ok then
      print("undone   " .. step.what .. "  by " .. try_.operation)
      problem = nil
      break
    end
    problem = tostring(type(err) == "table" and err.message or err)
  end
  if problem then
    failed = failed + 1
    print("NOT DONE " .. step.what .. ": " .. problem)
  end
end
if failed > 0 then os.exit(1) end
"""
