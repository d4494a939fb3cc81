"""The records of a durable run: read when it is resumed, and added to while it executes."""

from __future__ import annotations

import threading
from collections.abc import Callable

from host.durable.history import History
from host.durable.journal import Journal
from host.durable.records import Record, decode_reply
from host.errors import HostError, kinds
from host.lua import protocol as p
from host.lua.values import from_lua

__all__ = ["RunLog", "failure_to_repeat"]

Then = Callable[[HostError | None], None]


class RunLog:
    """A run's log during replay and after it.

    ``answers`` and ``values`` are those that the script has not got yet, in order. ``sent``, ``late`` and ``decided``
    are records by place. ``refused`` are the places of calls that are tried again although their answer says that
    nothing was changed; they are not in doubt. ``open_before`` are the places that were sent and had no answer.
    ``shown`` is how many bytes of output were shown before.
    """

    def __init__(self, journal: Journal, run_id: str, log: list[Record], printed: int) -> None:
        self._journal = journal
        self._run_id = run_id
        self._lock = threading.RLock()
        self._seq = log[-1].seq if log else 0
        self.refused = {
            (record.path, record.n)
            for record in log
            if log[-1].kind == "resumed" and record.seq == log[-1].n and _is_refusal(record)
        }
        history = History(log)
        self.answers, self.values = history.answers, history.values
        self.sent, self.late, self.decided = history.sent, history.late, history.decided
        self.open_before = {place for place in self.sent if place not in history.answered}
        self.shown = max(printed, history.printed)

    def append(
        self, kind: str, path: str, n: int, name: str, line: int | None, digest: bytes, data: bytes,
        then: Then | None, *, urgent: bool,
    ) -> None:  # fmt: skip
        """Add a record; records are in the order of these calls.

        ``then`` is called once the record is committed, or known not to be.
        """
        with self._lock:  # late replies are recorded on the event loop's thread
            self._seq += 1
            record = Record(self._run_id, self._seq, kind, path, n, self._journal.clock(), name, line, digest, data)
            self._journal.append(record, then, urgent=urgent)


def failure_to_repeat(log: list[Record]) -> int:
    """The ``seq`` of the answer whose call is tried again when a failed run is resumed, or 0.

    It is the last record of the log and an error that is not final. The run ended with it, and the call's idempotency
    key makes trying again safe.
    """
    last = log[-1] if log else None
    if last is not None and last.kind == "refused":  # the budget may have been raised since
        return last.seq
    if last is None or last.kind != "answer":
        return 0
    reply = decode_reply(last.data)
    if reply.status != p.ERROR or reply.a is None:
        return 0
    facts = from_lua(reply.a)
    status = facts.get("status")
    error = kinds().get(str(facts.get("kind")))
    passing = (error is not None and error.passing) or (
        isinstance(status, int) and (status >= 500 or status in (409, 429) or facts.get("outcome") == "unknown")
    )
    return last.seq if passing else 0


def _is_refusal(record: Record) -> bool:
    """Whether an answer is an error which says that nothing was changed."""
    reply = decode_reply(record.data) if record.kind == "answer" else None
    if reply is None or reply.status != p.ERROR or reply.a is None:
        return False
    return from_lua(reply.a).get("outcome") in ("rejected", "not_sent")
