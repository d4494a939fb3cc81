"""A run's log as an audit trail: its changes, when they were sent, and their outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from host.apis.amounts import THREE_DECIMALS, ZERO_DECIMALS
from host.durable.history import History, call_name
from host.durable.records import FAILED, Record, RecordedReply, decode_reply, decode_sent

_AMOUNTS: Final = ("amount", "unit_amount", "amount_total", "total", "amount_due", "amount_off")


class TrailEntry(msgspec.Struct, frozen=True):
    """One change.

    ``outcome`` is ``done``, ``rejected``, ``not sent``, ``unknown``, ``failed``, ``refused`` (by a budget) or ``in
    doubt`` (no answer was recorded). ``at`` is in seconds since 1970; ``answer`` is the decoded answer, ``error`` the
    facts of the error, ``call`` the call's name for decisions, ``key`` its idempotency key.
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
    call: str = ""
    key: str | None = None


def trail_of(log: Sequence[Record]) -> list[TrailEntry]:
    """The changes of a run in the order in which they were sent."""
    history = History(log)
    refused = {record.seq for record in history.answers if record.kind == "refused"}
    entries = []
    for record in log:
        place = record.path, record.n
        if record.seq in refused:
            facts = decoded(decode_reply(record.data).a)
            entries.append(
                TrailEntry(record.at, record.line, record.name, "refused", error=facts, call=call_name(*place))
            )
        if record.kind == "sent" and history.sent[place] is record and history.is_change(place):
            # A late outcome is more informative than the answer that the call was cancelled.
            found = history.late.get(place) or history.answered.get(place)
            entries.append(_entry(record, None if found is None else decode_reply(found.data)))
    return entries


def _entry(sent: Record, reply: RecordedReply | None) -> TrailEntry:
    entry = TrailEntry(
        sent.at, sent.line, sent.name, "in doubt",
        call=call_name(sent.path, sent.n), key=decode_sent(sent.data).key,
    )  # fmt: skip
    if reply is None:
        return entry
    if reply.status == FAILED:
        error = decoded(reply.a)
        facts = error if isinstance(error, dict) else {}
        outcome = str(facts.get("outcome") or "failed").replace("_", " ")
        return replace(entry, outcome=outcome, request_id=facts.get("request_id"), error=facts)
    answer = decoded(reply.b if reply.b is not None else reply.a)
    found = answer if isinstance(answer, dict) else {}
    id = found.get("id")
    # The value of an http.* call is its answer, successful or not.
    return replace(
        entry,
        outcome=str(found.get("outcome") or "done") if sent.name.startswith("http.") else "done",
        id=str(id) if isinstance(id, str | int) and not isinstance(id, bool) else "",
        amount=_amount(found),
        request_id=reply.request_id,
        answer=answer,
    )


def decoded(data: Any) -> Any:
    """The decoded MessagePack of a record, without opaque secrets; ``None`` if it cannot be read."""
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
    """An amount in minor units, for display: ``29.99 USD``, ``500 JPY``."""
    digits = 0 if currency in ZERO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    if digits == 0:
        return f"{amount} {currency.upper()}"
    whole, rest = divmod(abs(amount), 10**digits)
    return f"{'-' if amount < 0 else ''}{whole}.{rest:0{digits}} {currency.upper()}"


def request_facts(reply: RecordedReply, error: Any) -> dict[str, Any]:
    """The facts about the request of an answer: ``request_id``, ``attempts`` and, for an error, ``status``."""
    facts = error if isinstance(error, dict) else {}
    status = facts.get("status")
    return {
        "request_id": reply.request_id or facts.get("request_id"),
        "attempts": reply.attempts or facts.get("attempts") or 1,
        "status": status if isinstance(status, int) else None,
    }
