"""Renders a plan as text or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from host.plan.plan import Plan, PlannedChange
from host.plan.plan_set import PlanSection, PlanTotals

__all__ = ["PlanRenderer", "as_json", "as_text"]

LONGEST = 100  # characters shown of one value
MOST = 40  # parameters of one change that are shown


def as_text(plan: Plan) -> str:
    """The changes in order, the amounts they move, and what cannot be foreseen, line by line."""
    return "\n".join(_lines(plan)) + "\n"


class PlanRenderer:
    """Renders a plan of ``runs`` runs, run by run, as text or as a line of JSON for each run and one for the totals.

    In text, what cannot be foreseen is shown only for the first run it concerns.
    """

    def __init__(self, runs: int, *, as_json: bool) -> None:
        self._runs = runs
        self._as_json = as_json
        self._begun = False
        self._said: set[tuple[str, str]] = set()
        self._left = 0

    def section(self, section: PlanSection) -> str:
        """One run's plan."""
        plan = section.plan
        if self._as_json:
            said = {"event": "plan", "number": section.number, "row": section.row, **_plain(plan)}
            return msgspec.json.encode(said).decode() + "\n"
        lines = [] if self._begun else [f"Plan of {_counted(self._runs, 'run')} for {_where(plan)}"]
        self._begun = True
        lines += ["", f"== {section.number}. {section.label}: {_counts(plan)}", *_changes(plan)]
        for each in plan.unforeseen:
            key = each.place, re.sub(r"\d+", "", each.text)
            if key in self._said:
                self._left += 1
                continue
            self._said.add(key)
            lines += ["", f"Cannot be foreseen: {each.place}  {each.text}"]
        if plan.error is not None:
            lines += ["", f"The script failed here: {plan.error}"]
        return "".join(f"{line}\n" for line in lines)

    def end(self, totals: PlanTotals) -> str:
        """The totals of all runs."""
        if self._as_json:
            return msgspec.json.encode({"event": "summary", **msgspec.structs.asdict(totals)}).decode() + "\n"
        failed = f", {totals.failed:,} failed" if totals.failed else ""
        count = f"{_counted(totals.changes, 'change')}, {_counted(totals.reads, 'read')}"
        lines = ["", f"In all: {count} in {_counted(totals.runs, 'run')}{failed}"]
        lines += _amounts(totals.amounts, totals.open_amounts)
        if self._left:
            lines.append(f"{self._left:,} more lines that cannot be foreseen, like those above; --json shows all")
        return "".join(f"{line}\n" for line in lines)


def _where(plan: Plan) -> str:
    return "the simulator" if plan.mode == "simulated" else f"{plan.base} ({plan.mode} key)"


def _counts(plan: Plan) -> str:
    return f"{_counted(len(plan.changes), 'change')}, {_counted(plan.reads, 'read')}"


def _lines(plan: Plan) -> Iterator[str]:
    yield f"Plan of {plan.script} for {_where(plan)}: {_counts(plan)}"
    yield from _changes(plan)
    yield ""
    yield from _amounts(plan.amounts, sum(change.open_amount for change in plan.changes))
    if plan.unforeseen:
        yield ""
        yield "Cannot be foreseen:"
        yield from (f"  {each.place}  {each.text}" for each in plan.unforeseen)
    if plan.error is not None:
        yield ""
        yield "The script failed here, so the plan is incomplete."


def _changes(plan: Plan) -> Iterator[str]:
    width = len(str(len(plan.changes)))
    for number, change in enumerate(plan.changes, 1):
        yield ""
        yield f"{number:>{width}}. {change.place}  {change.operation}{_outcome(change)}"
        indent = " " * (width + 2)
        shown = [*_flat("", change.parameters), *_flat("options", change.options)]
        yield from (f"{indent}{name}: {value}" if name else f"{indent}{value}" for name, value in shown[:MOST])
        if len(shown) > MOST:
            yield f"{indent}… and {len(shown) - MOST} more; --json shows all"


def _outcome(change: PlannedChange) -> str:
    made = f" → {change.id}" if change.id is not None else ""
    if change.amount is not None and change.currency is not None:
        return f"{made}  {_money(change.currency, change.amount)}"
    return f"{made}  moves an amount that is not known in advance" if change.open_amount else made


def _amounts(by_currency: Mapping[str, int], open_amounts: int) -> Iterator[str]:
    amounts = [_money(currency, amount) for currency, amount in sorted(by_currency.items())]
    yield f"Amounts, in minor units: {', '.join(amounts) or 'none'}"
    if open_amounts:
        changes = "a change moves" if open_amounts == 1 else f"{open_amounts} changes move"
        yield f"  and {changes} an amount that is not known in advance"


def _money(currency: str, amount: int) -> str:
    return f"{currency} {amount:,}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Each scalar in ``value`` with its dotted name, such as ``metadata.order`` or ``items[1].price``."""
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
    """The same as one JSON object."""
    return msgspec.json.encode({"id": plan.id, **_plain(plan)}).decode()


def _plain(plan: Plan) -> dict[str, Any]:
    return {
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
