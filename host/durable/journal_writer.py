"""The thread that writes a journal: what many runs append becomes few commits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Final, NamedTuple

from host.durable.database import Conflict, JournalDatabase, JournalLost, Statement, insert
from host.durable.kept_output import KEEP_OUTPUT, OutputKeeper
from host.durable.records import Record
from host.errors import ClosedError, HostError, JournalError

__all__ = [
    "BEAT",
    "CANCELLED",
    "INSERT_RECORD",
    "RELEASE",
    "JournalItem",
    "JournalWriter",
    "TakenOver",
    "Then",
    "UnderWay",
]

LOOK: Final = 1.0  # seconds between looks at what runs print, and which of them somebody wants ended
LINGER: Final = 0.004  # seconds that records nobody waits for may wait, so as to be committed together
MOST: Final = 5000  # items in one commit


class TakenOver(JournalError):
    """The run is somebody else's by now: what this process has of it counts no more."""


Then = Callable[[HostError | None], None]
"""Called on the writer's thread once it is committed (``None``) or known that it will not be."""

INSERT_RECORD: Final = insert("luahost_record")
BEAT: Final = "UPDATE luahost_run SET lease = {now} + :lease WHERE id = :id AND owner = :owner"
RELEASE = "UPDATE luahost_run SET owner = NULL, lease = 0 WHERE id = :id AND owner = :owner"


CANCELLED: Final = "SELECT run, at FROM luahost_cancel WHERE owner = :owner"
_SEEN: Final = "DELETE FROM luahost_cancel WHERE run = :run AND owner = :owner"


class UnderWay(NamedTuple):
    """A run of ours that goes on: what it prints, what cancels it, and since when it is ours."""

    output: OutputKeeper
    cancel: Callable[[], None]
    since: float


class JournalItem:
    """Something to commit for one run: a record, or statements."""

    __slots__ = ("record", "run", "statements", "then", "urgent")

    def __init__(
        self, run: str, record: Record | None, statements: list[Statement], then: Then | None, *, urgent: bool
    ) -> None:
        self.run = run
        self.record = record
        self.statements = statements
        self.then = then
        self.urgent = urgent


class JournalWriter:
    """``held`` are runs of ours, whose lease is kept up. ``broken``: a run's record was lost, so none may follow it.
    ``under_way``: those that go on.
    """

    def __init__(self, database: JournalDatabase, owner: str, clock: Callable[[], float], lease: float) -> None:
        self.held: set[str] = set()
        self.broken: dict[str, HostError] = {}
        self.under_way: dict[str, UnderWay] = {}
        self._database = database
        self._owner = owner
        self._clock = clock
        self._lease = lease
        self._queue: SimpleQueue[JournalItem | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._beat_at = self._look_at = 0.0
        self.beaten = monotonic()  # the last heartbeat that was recorded
        self._beat_sql = BEAT.replace("{now}", database.now)
        self.also: Callable[[], Sequence[Statement]] = tuple  # what else is in a heartbeat's transaction

    def close(self) -> None:
        """Commit what is there, let go of the runs, end the thread and the database. A second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            thread = self._thread
            self._queue.put(None)
        if thread is not None:
            thread.join()
        else:
            self._drain_refused()
        held = [{"id": run, "owner": self._owner} for run in self.held]
        try:
            if held:
                self._database.write([(RELEASE, held)])
        except JournalError:  # the leases end by themselves
            pass
        finally:
            self._database.close()

    def put(self, item: JournalItem) -> None:
        """Have it committed, in the order of these calls. From any thread."""
        with self._lock:  # what is put before the end of the queue is answered, and nothing is put behind it
            closed = self._closed
            if not closed:
                self._queue.put(item)
        if not closed:
            self.start()
        elif item.then is not None:
            item.then(ClosedError("the journal is closed"))

    def start(self) -> None:
        """Have the thread at work: the heartbeat is its."""
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closed:
                    # Not a daemon's work to lose: close() joins it. A daemon all the same, so that a
                    # forgotten host cannot keep its process from ending.
                    self._thread = threading.Thread(target=self._write, name="host-journal", daemon=True)
                    self._thread.start()

    def _write(self) -> None:
        self._beat_at = monotonic() + self._lease / 3
        self._look_at = monotonic() + LOOK
        open_ = True
        while open_:
            batch, open_ = self._gather()
            if batch:
                self._commit(batch)
            now = monotonic()
            if now >= self._beat_at:
                self._beat()
            if now >= self._look_at:
                self._look()
        self._drain_refused()

    def _gather(self) -> tuple[list[JournalItem], bool]:
        """What to commit next, and whether there will be more."""
        queue = self._queue
        batch: list[JournalItem] = []
        until = min(self._beat_at, self._look_at) if self.held else self._beat_at
        while len(batch) < MOST:
            try:
                item = queue.get_nowait() if until == 0.0 else queue.get(timeout=max(0.0, until - monotonic()))
            except Empty:
                break
            if item is None:
                return batch, False
            batch.append(item)
            if item.urgent:
                until = 0.0
            elif until != 0.0:
                until = min(until, monotonic() + LINGER) if len(batch) == 1 else until
        return batch, True

    def _commit(self, batch: list[JournalItem]) -> None:
        if self.broken:
            batch = self._without_broken(batch)
        try:
            self._database.write(_statements(batch))
        except HostError as error:
            if len(batch) == 1 or isinstance(error, JournalLost):  # what is lost is lost for all
                for item in batch:
                    self._fail(item, error)
            else:  # whose fault it is shows when each is written alone
                for item in batch:
                    self._commit([item])
            return
        for item in batch:
            if item.then is not None:
                self._notify(item.run, item.then)

    def _notify(self, run: str, then: Then) -> None:
        """Go on with what waited. A fault there ends that run, not the journal of the others."""
        try:
            then(None)
        except Exception as fault:
            error = JournalError(f"run {run} cannot go on: {type(fault).__name__}: {fault}")
            error.__cause__ = fault
            self.broken[run] = error
            with suppress(Exception):
                then(error)

    def _without_broken(self, batch: list[JournalItem]) -> list[JournalItem]:
        whole = []
        for item in batch:
            error = self.broken.get(item.run)
            if error is None:
                whole.append(item)
            elif item.then is not None:
                item.then(error)
        return whole

    def _fail(self, item: JournalItem, error: HostError) -> None:
        if not item.run:  # nothing follows from it
            if item.then is not None:
                item.then(error)
            return
        self.held.discard(item.run)  # nothing more is written of it: somebody else may go on once the lease ends
        if isinstance(error, Conflict):
            error = TakenOver(f"run {item.run} has been taken over by another process")
        self.broken[item.run] = error
        if item.then is not None:
            item.then(error)

    def _beat(self) -> None:
        self._beat_at = monotonic() + self._lease / 3
        try:
            self._database.measure_clock()
            now = self._clock()
            held = [
                {"id": run, "owner": self._owner, "lease": self._lease, "now": now} for run in sorted(self.held.copy())
            ]
            made: list[Statement] = [*([(self._beat_sql, held)] if held else []), *self.also()]
            if made:
                self._database.write(made)
            self.beaten = monotonic()
        except JournalError:  # the next record says so where it matters
            self._beat_at = monotonic() + self._lease / 15

    def _look(self) -> None:
        """Keep what runs have printed, and end those that somebody wants ended."""
        self._look_at = monotonic() + LOOK
        if not self.under_way:
            return
        printed = [(run, each.output, *each.output.take()) for run, each in list(self.under_way.items())]
        pieces = [
            {"id": run, "owner": self._owner, "start": start, "data": data} for run, _, start, data in printed if data
        ]
        try:
            if pieces:
                self._database.write([(KEEP_OUTPUT, pieces)])
                printed.clear()
            self._cancel(self._database.read(CANCELLED, {"owner": self._owner}))
        except JournalError:  # at the next look, or the runs' next records say so
            for _, output, start, data in printed:
                output.put_back(start, data)

    def _cancel(self, asked: Sequence[tuple[Any, ...]]) -> None:
        """``asked`` are runs, and when; one that begins only now is left for the next look."""
        seen = [(run, at) for run, at in asked if run in self.under_way or run not in self.held]
        if seen:
            self._database.write([(_SEEN, [{"run": run, "owner": self._owner} for run, _ in seen])])
        for run, at in seen:
            watched = self.under_way.get(run)
            if watched is not None and at >= watched.since:  # not one of that name that had ended
                watched.cancel()

    def _drain_refused(self) -> None:
        """Answer what came after the end."""
        while True:
            try:
                item = self._queue.get_nowait()
            except Empty:
                return
            if item is not None and item.then is not None:
                item.then(ClosedError("the journal is closed"))


def _statements(batch: list[JournalItem]) -> list[Statement]:
    """In their order, records that follow each other in one statement."""
    found: list[Statement] = []
    records: list[dict[str, Any]] = []
    for item in batch:
        if item.record is not None:
            records.append(item.record._asdict())
        else:
            if records:
                found.append((INSERT_RECORD, records))
                records = []
            found.extend(item.statements)
    if records:
        found.append((INSERT_RECORD, records))
    return found
