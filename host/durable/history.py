"""The valid content of a run's log: what is replayed, which calls are open, which decisions can be changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from host.durable.records import Decided, Record, decode_decided, decode_reply, decode_sent

__all__ = ["History", "Place", "call_name"]

Place = tuple[str, int]
"""A call's task and number."""


def call_name(path: str, n: int) -> str:
    """The name of a call in messages and in decisions."""
    return f"call {n} of task {path}"


class History:
    """The content of a log, read once.

    Not valid are an answer that is to be replaced, the answer from a decision that was withdrawn, and whatever the
    script got after that. If an API gave an answer after such a decision, it is in ``late`` instead.
    """

    def __init__(self, log: Sequence[Record]) -> None:
        self.answers: deque[Record] = deque()  # as the script got them, refusals included
        self.values: deque[Record] = deque()
        self.sent: dict[Place, Record] = {}  # the first of each place, which has the age of the idempotency key
        self.late: dict[Place, Record] = {}
        self.decided: dict[Place, Decided] = {}  # decisions in force, made since the call was last sent
        self.answered: dict[Place, Record] = {}  # the valid answer
        self.printed = 0  # bytes of output that were certainly shown
        self._last_change = 0  # the seq of the last change that was sent
        self._by_decision: set[Place] = set()
        skipped = {record.n for record in log if record.kind == "resumed" and record.n}
        cuts = [
            (back_to, record.seq)
            for record in log
            if record.kind == "decided" and (back_to := decode_decided(record.data).back_to) is not None
        ]
        for record in log:
            cut = any(start <= record.seq < end for start, end in cuts)
            self._read(record, counts=not cut and record.seq not in skipped, cut=cut, first=record.seq in dict(cuts))

    def _read(self, record: Record, *, counts: bool, cut: bool, first: bool) -> None:
        place = record.path, record.n
        if record.kind == "sent":
            self._read_sent(place, record, counts=counts)
        elif record.kind in ("answer", "refused"):
            self._read_answer(place, record, counts=counts, cut=cut, first=first)
        elif record.kind == "late":
            self.late[place] = record
        elif record.kind == "value" and counts:
            self.values.append(record)
        elif record.kind == "decided":
            self.decided[place] = decode_decided(record.data)

    def _read_sent(self, place: Place, record: Record, *, counts: bool) -> None:
        sent = decode_sent(record.data)
        if not counts and sent.seconds is not None:
            return
        self.sent.setdefault(place, record)
        self.decided.pop(place, None)
        self.printed = max(self.printed, sent.printed)
        if sent.seconds is None:
            self._last_change = record.seq

    def _read_answer(self, place: Place, record: Record, *, counts: bool, cut: bool, first: bool) -> None:
        if counts:
            self.answers.append(record)
            self.answered[place] = record
            if place in self.decided:
                self._by_decision.add(place)
        elif cut and self.is_change(place) and place not in self.decided:
            self.late[place] = record
        if counts or first:  # all output before a withdrawn decision's own answer was shown, too
            self.printed = max(self.printed, decode_reply(record.data).printed)

    def is_change(self, place: Place) -> bool:
        """Whether a change was sent at a place, rather than a sleep started."""
        sent = self.sent.get(place)
        return sent is not None and decode_sent(sent.data).seconds is None

    @property
    def open(self) -> list[Place]:
        """Changes that were sent and have no answer, in the order in which they were sent."""
        return [
            place
            for place in self.sent
            if place not in self.answered and place not in self.late and self.is_change(place)
        ]

    @property
    def settled(self) -> list[Place]:
        """Changes whose answer came from a decision in force."""
        return [place for place in self.answered if place in self._by_decision and place in self.decided]

    def built_on(self, place: Place) -> bool:
        """Whether a change was sent after the script had been given the decision about this one."""
        return self._last_change > self.answered[place].seq
