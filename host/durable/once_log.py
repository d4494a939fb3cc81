"""The results of ``once`` in a durable batch: a log beside those of its runs, written by all their processes.

Its first record is written when the batch begins. Each further record is a claim: the run ``path`` executes the key
``name``. With ``data`` it is the result of that. Only one process can write a given ``seq``, so two runs cannot claim
the same key.
"""

from __future__ import annotations

from collections.abc import Callable

from host.durable.journal import Journal, once_name
from host.durable.records import Record
from host.errors import HostError
from host.run.once_protocols import RunState

__all__ = ["OnceLog"]

_OVER = ("done", "replaced", "partly undone", "undone")


class OnceLog:
    """The log of the batch ``batch``; implements :class:`host.run.once_protocols.OnceRecord`.

    ``queued(run)`` returns whether a queue will deliver an interrupted run again.
    """

    def __init__(self, journal: Journal, batch: str, queued: Callable[[str], bool] = lambda run: False) -> None:
        self._journal = journal
        self._queued = queued
        self._name = once_name(batch)
        self._seq = 0

    @property
    def is_there(self) -> bool:
        """Whether the batch exists."""
        return bool(self._records())

    def begin(self, *, anew: bool = False) -> None:
        """Begin the batch or continue it; with ``anew`` its earlier results are deleted."""
        if anew:
            self._journal.forget(self._name)
        if not self._records():
            self._journal.add([Record(self._name, 1, "once", at=self._journal.clock())])

    def read(self) -> list[tuple[str, str, bytes | None]]:
        """Key, run and value of all records, in order; a claim without a result has the value ``None``."""
        records = self._records()
        self._seq = records[-1].seq if records else 0
        return [(each.name, each.path, each.data or None) for each in records if each.name]

    def begun(self, run: str, then: Callable[[HostError | None], None]) -> None:
        """``then`` once the run is ours for all to see: who claims something unseen would be taken for gone."""
        self._journal.confirm(run, then)

    def claim(self, key: str, run: str) -> bool:
        """Record that ``run`` executes ``key``. Returns ``False`` if another record was added since :meth:`read`."""
        record = Record(self._name, self._seq + 1, "once", run, at=self._journal.clock(), name=key)
        if not self._journal.add([record]):
            return False
        self._seq += 1
        return True

    def keep(self, key: str, run: str, value: bytes, then: Callable[[HostError | None], None]) -> None:
        """Record the result of ``key`` after all records of its run; ``then`` is called once it is committed or lost.

        Only one run at a time executes a key, so no other process writes to the log meanwhile.
        """
        self.read()
        record = Record(self._name, self._seq + 1, "once", run, at=self._journal.clock(), name=key, data=value)
        self._journal.append(record, then, behind=run)

    def state(self, run: str) -> RunState:
        """The state of a run of another process."""
        row = self._journal.run(run)
        if row is None:  # it was recorded before it claimed anything, and has been deleted since
            return "queued" if self._queued(run) else "over"
        if row.status in _OVER:
            return "over"
        if self._journal.is_running(row):
            return "running"
        return "queued" if self._queued(run) else "broken off"

    def resume(self, run: str) -> str:
        """The command that resumes a run."""
        return self._journal.command("resume", run)

    def _records(self) -> list[Record]:
        return self._journal.records(self._name)
