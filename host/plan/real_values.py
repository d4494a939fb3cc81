"""The real values for planned ones that several runs of one plan use.

A finished run is not run again when the application of its plan is resumed, so the real values are recorded in the
journal, after the run's own records.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from host.durable.journal import Journal, real_name
from host.durable.records import Record, encode

__all__ = ["RealValues"]


class RealValues:
    """The real values of the plan ``plan``. ``wanted`` are the planned values shared by runs; ``known`` maps them."""

    def __init__(self, journal: Journal, plan: str, wanted: Iterable[str | int]) -> None:
        self._journal = journal
        self._name = real_name(plan)
        self._wanted = frozenset(wanted)
        log = journal.records(self._name)
        self._seq = len(log)
        self.known: dict[Any, Any] = {}
        for record in log:
            planned, value = msgspec.msgpack.decode(record.data)
            self.known[planned] = value

    def learn(self, planned: Any, value: Any, run: str) -> None:
        """Record that ``value``, found by the run ``run``, is the real one for ``planned``, unless that is known."""
        if planned not in self._wanted or planned in self.known:
            return
        self.known[planned] = value
        self._seq += 1
        at, data = self._journal.clock(), encode([planned, value])
        record = Record(self._name, self._seq, "real", run, at=at, name=str(planned), data=data)
        self._journal.append(record, behind=run)
