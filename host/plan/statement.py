"""A plan as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from host.plan.plan import Plan, PlannedChange

__all__ = ["as_json", "as_text"]

LONGEST = 100  # characters of one value
MOST = 40  # parameters of one change that are shown


def as_text(plan: Plan) -> str:
    """The changes in their order, what they move, and what cannot be told; one fact a line."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    where = "the simulator" if plan.mode == "simulated" else f"{plan.base} ({plan.mode} key)"
    count = _counted(len(plan.changes), "change")
    yield f"Plan of {plan.script} for {where}: {count}, {_counted(plan.reads, 'read')}"
    width = len(str(len(plan.changes)))
    for number, change in enumerate(plan.changes, 1):
        yield ""
        yield f"{number:>{width}}. {change.place}  {change.operation}{_outcome(change)}"
        indent = " " * (width + 2)
        shown = [*_flat("", change.parameters), *_flat("options", change.options)]
        yield from (f"{indent}{name}: {value}" if name else f"{indent}{value}" for name, value in shown[:MOST])
        if len(shown) > MOST:
            yield f"{indent}… and {len(shown) - MOST} more; --json shows all"
    yield ""
    yield from _amounts(plan)
    if plan.unforeseen:
        yield ""
        yield "Cannot be foreseen:"
        yield from (f"  {each.place}  {each.text}" for each in plan.unforeseen)
    if plan.error is not None:
        yield ""
        yield "The script failed here, so the plan has no end."


def _outcome(change: PlannedChange) -> str:
    made = f" → {change.id}" if change.id is not None else ""
    if change.amount is not None and change.currency is not None:
        return f"{made}  {_money(change.currency, change.amount)}"
    return f"{made}  moves an amount that is not known before" if change.open_amount else made


def _amounts(plan: Plan) -> Iterator[str]:
    amounts = [_money(currency, amount) for currency, amount in sorted(plan.amounts.items())]
    open_amounts = sum(change.open_amount for change in plan.changes)
    yield f"Amounts, in minor units: {', '.join(amounts) or 'none'}"
    if open_amounts:
        changes = "a change moves" if open_amounts == 1 else f"{open_amounts} changes move"
        yield f"  and {changes} an amount that is not known before"


def _money(currency: str, amount: int) -> str:
    return f"{currency} {amount:,}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Each scalar with its dotted name: ``metadata.order``, ``items[1].price``."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _flat(f"{name}.{key}" if name else key, each)
    elif isinstance(value, list) and value:
        for place, each in enumerate(value, 1):
            yield from _flat(f"{name}[{place}]" if name else f"argument {place}", each)
    elif value not in (None, {}, []):
        text = msgspec.json.encode(value).decode()
        yield name, text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def as_json(plan: Plan) -> str:
    """The same as one object of JSON."""
    said: dict[str, Any] = {
        "id": plan.id,
        "script": plan.script,
        "args": list(plan.args),
        "mode": plan.mode,
        "base": plan.base,
        "changes": [_change(change) for change in plan.changes],
        "amounts": plan.amounts,
        "open_amounts": sum(change.open_amount for change in plan.changes),
        "reads": plan.reads,
        "unforeseen": [{"place": each.place, "text": each.text} for each in plan.unforeseen],
        "error": None if plan.error is None else str(plan.error),
    }
    return msgspec.json.encode(said).decode()


def _change(change: PlannedChange) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "place": change.place,
        "operation": change.operation,
        "parameters": change.parameters,
        "id": change.id,
        "task": change.task,
        "digest": change.digest,
    }
    if change.options is not None:
        shown["options"] = change.options
    if change.amount is not None:
        shown["amount"], shown["currency"] = change.amount, change.currency
    if change.open_amount:
        shown["open_amount"] = True
    return shown
