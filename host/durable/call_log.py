"""The calls of a run in pages, in the order in which they were first recorded, whatever their number and size.

A page reads a section of the log and all other records of the calls in it, so that each call appears once, with its
outcome. Records are interpreted as a resume would (:class:`History`); one that cannot be read is named.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, Literal

import msgspec

from host.durable.audit_trail import TrailEntry, decoded, trail_of
from host.durable.history import History, Place, call_name
from host.durable.journal import RECORD_COLUMNS, Journal
from host.durable.records import (
    FAILED,
    Record,
    RecordedReply,
    check_record,
    decode_decided,
    decode_reply,
    decode_sent,
    encode,
)

__all__ = ["CallPage", "LogEntry", "call_page"]

LARGEST: Final = 64 * 1024  # most bytes of a record's data that are read


class LogEntry(msgspec.Struct, frozen=True):
    """A call, a sleep, or a mark: the run was resumed, something was decided, a record cannot be read.

    Times are seconds since 1970. ``began`` is when a change or a sleep was recorded. The beginning of a read is not
    recorded: ``began`` is ``None``, and ``after`` is when its task last got an answer, before which it cannot have
    begun. ``outcome`` of a change is as in :class:`TrailEntry`. ``detail`` is the answer or the error's facts, decoded;
    if it is too large to be read here, ``size`` is its length in bytes, else 0.
    """

    seq: int
    kind: Literal["change", "read", "sleep", "resumed", "decided", "damaged"]
    operation: str
    outcome: str
    task: str = ""
    call: str = ""
    line: int | None = None
    began: float | None = None
    ended: float | None = None
    after: float | None = None
    id: str = ""
    amount: str = ""
    request_id: str | None = None
    attempts: int = 0
    key: str | None = None
    arguments: str = ""
    detail: Any = None
    size: int = 0


class CallPage(msgspec.Struct, frozen=True):
    """One page. ``next`` is the ``after`` of the next page, or ``None``; ``missing`` counts records the log lost."""

    entries: list[LogEntry]
    next: int | None
    missing: int


class _Found(msgspec.Struct):
    """By ``seq``: the readable records, the full length of those that were cut, and the faults of the others."""

    records: dict[int, Record]
    sizes: dict[int, int]
    faults: dict[int, tuple[Record, str]]


def call_page(journal: Journal, run: str, *, after: int, limit: int) -> CallPage:
    """The calls and marks whose first record is among the ``limit`` records that follow ``seq`` ``after``."""
    found = _Found({}, {}, {})
    window = _read(
        journal, run, "kind <> 'value' AND seq > :after ORDER BY seq LIMIT :limit", found, after=after, limit=limit
    )
    if window:
        _read(journal, run, "kind IN ('resumed', 'decided')", found)
        _read_places(
            journal, run, {(record.path, record.n) for record in window if record.seq not in found.faults}, found
        )
    last = window[-1].seq if window else after
    entries = _entries(found, after, last)
    ((count, highest),) = journal.read("SELECT COUNT(*), MAX(seq) FROM luahost_record WHERE run = :run", {"run": run})
    return CallPage(entries, last if len(window) == limit else None, (highest or 0) - count)


def _read(journal: Journal, run: str, condition: str, found: _Found, **values: Any) -> list[Record]:
    """Add the records that meet a condition to ``found``. Returns them as they are in the database."""
    columns = RECORD_COLUMNS.removesuffix("data")
    rows = journal.read(
        f"SELECT LENGTH(data), {columns} CASE WHEN LENGTH(data) <= {LARGEST} THEN data ELSE SUBSTR(data, 1, 2) END "  # noqa: S608 - texts of this file
        f"FROM luahost_record WHERE run = :run AND {condition}",
        {"run": run, **values},
    )
    records = [Record(*row[1:]) for row in rows]
    for record, (size, *_) in zip(records, rows, strict=True):
        if size > LARGEST and type(record.data) is bytes:
            found.sizes[record.seq] = size
            found.records[record.seq] = record._replace(data=encode(RecordedReply(_status(record.data))))
            continue
        try:
            _check_columns(record)
            check_record(record)
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            found.faults[record.seq] = record, str(error)
        else:
            found.records[record.seq] = record
    return records


def _check_columns(record: Record) -> None:
    """Check the types, as SQLite stores any value in any column. Raises ``TypeError``."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "path": str, "n": int, "at": (int, float), "name": str, "line": (int, type(None)),
    }  # fmt: skip
    for name, kind in kinds.items():
        value = getattr(record, name)
        if not isinstance(value, kind):
            raise TypeError(f"its {name} is {type(value).__name__}")


def _status(head: bytes) -> int:
    """The status of an answer, from its first bytes: an array of at most 15, then a number of at most 127."""
    return head[1] if len(head) == 2 and head[1] < 0x80 else 0


def _read_places(journal: Journal, run: str, places: Collection[Place], found: _Found) -> None:
    """Add all records of some calls to ``found``; the calls of one task are read as one range of numbers."""
    stretches: dict[str, list[int]] = {}
    for path, n in places:
        stretches.setdefault(path, []).append(n)
    for path, numbers in stretches.items():
        _read(
            journal, run, "kind <> 'value' AND path = :path AND n BETWEEN :low AND :high", found,
            path=path, low=min(numbers), high=max(numbers),
        )  # fmt: skip


def _entries(found: _Found, after: int, last: int) -> list[LogEntry]:
    log = [found.records[seq] for seq in sorted(found.records)]
    history = History(log)
    changes = {entry.call: entry for entry in trail_of(log)}
    answered: dict[str, float] = {}  # task → when it last got an answer
    seen: set[Place] = set()
    entries = []
    for seq in sorted({*found.records, *found.faults}):
        record, fault = found.faults.get(seq) or (found.records[seq], "")
        place = record.path, record.n
        new = after < seq <= last
        if fault or record.kind in ("resumed", "decided"):
            if new:
                entries.append(_mark(record, fault))
            continue
        if place not in seen and new:
            entry = _entry(record, history, changes.get(call_name(*place)), found)
            entries.append(msgspec.structs.replace(entry, after=answered.get(record.path)))
        seen.add(place)
        if record.kind in ("answer", "refused"):
            answered[record.path] = record.at
    return entries


def _mark(record: Record, fault: str) -> LogEntry:
    if fault:
        return LogEntry(
            record.seq, "damaged", str(record.name), f"record {record.seq} cannot be read: {fault}",
            task=str(record.path), line=record.line if isinstance(record.line, int) else None,
        )  # fmt: skip
    if record.kind == "resumed":
        return LogEntry(record.seq, "resumed", "", "", ended=record.at)
    return LogEntry(
        record.seq, "decided", record.name, decode_decided(record.data).word, task=record.path,
        call=call_name(record.path, record.n), line=record.line, ended=record.at,
    )  # fmt: skip


def _entry(first: Record, history: History, change: TrailEntry | None, found: _Found) -> LogEntry:
    place = first.path, first.n
    answer = history.late.get(place) or history.answered.get(place)
    sent = history.sent.get(place)
    reply = None if answer is None else decode_reply(answer.data)
    entry = LogEntry(
        first.seq, "read", first.name, _outcome(reply), task=first.path, call=call_name(*place), line=first.line,
        began=None if sent is None else sent.at, ended=None if answer is None else answer.at,
        request_id=None if reply is None else reply.request_id, attempts=0 if reply is None else reply.attempts,
        detail=None if reply is None else _content(reply), size=0 if answer is None else found.sizes.get(answer.seq, 0),
    )  # fmt: skip
    if sent is not None and decode_sent(sent.data).seconds is not None:
        over = "over" if reply is not None else "not over"
        return msgspec.structs.replace(entry, kind="sleep", outcome=over, detail=decode_sent(sent.data).seconds)
    if change is None:
        return entry
    return msgspec.structs.replace(
        entry, kind="change", outcome=change.outcome, id=change.id, amount=change.amount, key=change.key,
        arguments="" if sent is None else decode_sent(sent.data).arguments,
        request_id=change.request_id,
    )  # fmt: skip


def _outcome(reply: RecordedReply | None) -> str:
    if reply is None:
        return "no answer"
    return "failed" if reply.status == FAILED else "done"


def _content(reply: RecordedReply) -> Any:
    """The answer, or the facts of the error."""
    return decoded(reply.a if reply.status == FAILED or reply.b is None else reply.b)
