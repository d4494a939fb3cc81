"""A run's log read like a bank statement: what was changed, when, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from host.apis.amounts import THREE_DECIMALS, ZERO_DECIMALS
from host.gate.journal.records import Record, Told, decode_sent, decode_told

_AMOUNTS: Final = ("amount", "unit_amount", "amount_total", "total", "amount_due", "amount_off")
_FAILED: Final = 1


class Entry(msgspec.Struct, frozen=True):
    """One change. ``outcome``: done, rejected, not sent, unknown, refused (by a budget), in doubt (no answer was
    recorded).

    ``at`` is seconds since 1970; ``answer`` the decoded answer, ``error`` the error's facts.
    """

    at: float
    line: int | None
    operation: str
    outcome: str
    id: str = ""
    amount: str = ""
    request_id: str | None = None
    answer: Any = None
    error: dict[str, Any] | None = None


def statement(log: Sequence[Record]) -> list[Entry]:
    """The changes of a run in the order in which they were sent."""
    skipped = {record.n for record in log if record.kind == "resumed" and record.n}
    answers: dict[tuple[str, int], Told] = {}
    for record in log:
        if record.kind == "late" or (record.kind == "answer" and record.seq not in skipped):
            place = record.path, record.n
            told = decode_told(record.data)
            # What was found out late is better than that nobody waited for it.
            if record.kind == "late" or place not in answers:
                answers[place] = told
    entries = []
    for record in log:
        if record.kind == "refused" and record.seq not in skipped:
            facts = _decoded(decode_told(record.data).a)
            entries.append(Entry(record.at, record.line, record.name, "refused", error=facts))
        if record.kind == "sent" and decode_sent(record.data).seconds is None:
            entries.append(_entry(record, answers.get((record.path, record.n))))
    return entries


def _entry(sent: Record, told: Told | None) -> Entry:
    if told is None:
        return Entry(sent.at, sent.line, sent.name, "in doubt")
    if told.status == _FAILED:
        error = _decoded(told.a)
        facts = error if isinstance(error, dict) else {}
        outcome = str(facts.get("outcome") or "failed").replace("_", " ")
        return Entry(sent.at, sent.line, sent.name, outcome, request_id=facts.get("request_id"), error=facts)
    answer = _decoded(told.b if told.b is not None else told.a)
    found = answer if isinstance(answer, dict) else {}
    id = found.get("id")
    # What an http.* call was answered, success or not, is its value.
    outcome = str(found.get("outcome") or "done") if sent.name.startswith("http.") else "done"
    return Entry(
        sent.at,
        sent.line,
        sent.name,
        outcome,
        id=id if isinstance(id, str) else "",
        amount=_amount(found),
        request_id=told.request_id,
        answer=answer,
    )


def _decoded(data: Any) -> Any:
    if not isinstance(data, bytes):
        return data
    try:
        return msgspec.msgpack.decode(data, ext_hook=lambda code, data: None)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _amount(answer: dict[str, Any]) -> str:
    currency = answer.get("currency")
    for name in _AMOUNTS:
        amount = answer.get(name)
        if isinstance(amount, int) and not isinstance(amount, bool) and isinstance(currency, str):
            return money(amount, currency)
    return ""


def money(amount: int, currency: str) -> str:
    """Minor units as people write them: ``29.99 USD``, ``500 JPY``."""
    digits = 0 if currency in ZERO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    if digits == 0:
        return f"{amount} {currency.upper()}"
    whole, rest = divmod(abs(amount), 10**digits)
    return f"{'-' if amount < 0 else ''}{whole}.{rest:0{digits}} {currency.upper()}"
