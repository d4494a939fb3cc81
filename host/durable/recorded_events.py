"""The events of a recorded run, reconstructed from the journal for the programs that show runs.

The journal holds neither the arguments and bodies that were sent nor when a read began. A read is assumed to begin
when its task got its previous answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, get_args

import msgspec

from host.durable.audit_trail import decoded, request_facts
from host.durable.history import History, call_name
from host.durable.records import FAILED, Record, RunRow, Status, decode_decided, decode_reply, decode_sent
from host.events import CallEnded, CallStarted, Event, Logged, RunEnded, RunStarted
from host.policy.private_members import without_private_text
from host.policy.redaction import Redactor
from host.run.shortening import LONGEST

__all__ = ["recorded_events"]

_OVER = frozenset(get_args(Status)) - {"running"}


def recorded_events(
    run: RunRow, log: Sequence[Record], redactor: Redactor, undone: Collection[str] = ()
) -> Iterator[Event]:
    """The events of a run, in order. ``undone`` are the names of the calls that were undone."""
    yield RunStarted(
        run.id, run.created, run.script, run.mode == "simulated", redactor(run.source.decode("utf-8", "replace"))
    )
    yield from _EventReader(run, log, redactor, undone).events()
    if run.status in _OVER:
        seconds = max(run.updated - run.created, 0.0)
        yield RunEnded(run.id, run.updated, seconds, run.calls, None if run.error is None else redactor(run.error))


class _EventReader:
    """One run's log, read from its beginning."""

    def __init__(self, run: RunRow, log: Sequence[Record], redactor: Redactor, undone: Collection[str]) -> None:
        self._run = run
        self._log = log
        self._redactor = redactor
        self._undone = undone
        self._history = History(log)
        self._numbers: dict[tuple[str, int], int] = {}
        self._answered_at: dict[str, float] = {}  # by task

    def events(self) -> Iterator[Event]:
        """The starts and ends of calls, the run's resumptions, and the decisions on calls in doubt."""
        answered = self._history.answered
        for record in self._log:
            place = record.path, record.n
            if record.kind == "sent" and self._history.sent.get(place) is record:
                yield self._begin(record, record.at)
                if place in self._history.late and place not in answered:
                    yield self._end(self._history.late[place])
            elif answered.get(place) is record:
                if place not in self._numbers:
                    yield self._begin(record, self._answered_at.get(record.path, self._run.created))
                # A late outcome is more informative than the answer that the call was cancelled.
                yield self._end(self._history.late.get(place) or record)
                self._answered_at[record.path] = record.at
            elif record.kind == "resumed":
                yield Logged(self._run.id, record.at, "info", "the run was resumed")
            elif record.kind == "decided":
                text = f"decided of {call_name(*place)}: {decode_decided(record.data).word}"
                yield Logged(self._run.id, record.at, "info", text)

    def _begin(self, record: Record, at: float) -> CallStarted:
        number = self._numbers[record.path, record.n] = len(self._numbers) + 1
        return CallStarted(self._run.id, at, number, record.name or "sleep", record.line, {}, record.path)

    def _end(self, record: Record) -> CallEnded:
        place = record.path, record.n
        recorded, sent = decode_reply(record.data), self._history.sent.get(place)
        value = decoded(recorded.b if recorded.b is not None and recorded.status != FAILED else recorded.a)
        error = self._redactor.value(value) if recorded.status == FAILED else None
        began = sent.at if sent is not None else self._answered_at.get(record.path, self._run.created)
        id = value.get("id") if isinstance(value, dict) and error is None else None
        result = None if id is None else str(id)
        if call_name(*place) in self._undone:
            result = f"{result or 'undone'}, undone" if result else "undone"
        facts = request_facts(recorded, error)
        return CallEnded(
            self._run.id,
            record.at,
            self._numbers[place],
            record.name or "sleep",
            max(record.at - began, 0.0),
            result=result,
            error=error if isinstance(error, dict) else None,
            detail={"tries": [], "request": self._key(sent), "response": self._answer(value, error)},
            **facts,
        )

    def _key(self, sent: Record | None) -> dict[str, Any] | None:
        """The request's detail: of what was sent, only the idempotency key is recorded."""
        key = None if sent is None else decode_sent(sent.data).key
        return None if key is None else {"headers": [["Idempotency-Key", key]], "body": None, "size": 0}

    def _answer(self, value: Any, error: Any) -> dict[str, Any] | None:
        if value is None or error is not None:
            return None
        text = msgspec.json.encode(value, enc_hook=str).decode()
        shown = without_private_text(self._redactor(text))
        cut = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}… ({len(shown):,} characters)"
        return {"headers": [], "body": cut, "size": len(text.encode())}
