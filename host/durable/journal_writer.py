"""The thread that writes a journal: it combines the records of many runs into few commits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Final, NamedTuple

from host.durable.database import Conflict, JournalDatabase, JournalLost, Statement
from host.durable.kept_output import KEEP_OUTPUT, OutputKeeper
from host.durable.records import Record
from host.durable.tables import insert
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

POLL_INTERVAL: Final = 1.0  # seconds between saving the output of runs and reading the requests to cancel runs
COMMIT_DELAY: Final = 0.004  # seconds that records which are not urgent may wait, to be committed together
MAX_BATCH: Final = 5000  # items in one commit


class TakenOver(JournalError):
    """Another process owns the run by now; the state of the run in this process is no longer valid."""


Then = Callable[[HostError | None], None]
"""Called on the writer's thread: with ``None`` once the item is committed, or with the error that prevents it."""

INSERT_RECORD: Final = insert("luahost_record")
BEAT: Final = "UPDATE luahost_run SET lease = {now} + :lease WHERE id = :id AND owner = :owner"
RELEASE = "UPDATE luahost_run SET owner = NULL, lease = 0 WHERE id = :id AND owner = :owner"


CANCELLED: Final = "SELECT run, at FROM luahost_cancel WHERE owner = :owner"
_SEEN: Final = "DELETE FROM luahost_cancel WHERE run = :run AND owner = :owner"


class UnderWay(NamedTuple):
    """A run that is executing in this process.

    ``cancel()`` ends it; ``since`` is when this process became its owner, in seconds since 1970.
    """

    output: OutputKeeper
    cancel: Callable[[], None]
    since: float


class JournalItem:
    """Something to commit for one run: a record, or else statements. ``run`` is ``""`` if it belongs to no run."""

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
    """Owns the writing thread, which starts with the first item.

    ``held`` are the runs of this process, whose lease is renewed. ``broken`` maps a run whose record was lost to the
    error: no later record of it may be written. ``under_way`` are the runs that are executing.
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
        self._beat_at = self._poll_at = 0.0
        self.last_beat = monotonic()  # when the last heartbeat was recorded
        self._beat_sql = BEAT.replace("{now}", database.now)
        self.also: Callable[[], Sequence[Statement]] = tuple  # further statements of a heartbeat's transaction

    def close(self) -> None:
        """Commit pending items, release the runs, end the thread and close the database.

        A second call does nothing.
        """
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
        except JournalError:  # the leases expire by themselves
            pass
        finally:
            self._database.close()

    def put(self, item: JournalItem) -> None:
        """Queue an item; items are committed in the order of these calls. May be called on any thread."""
        with self._lock:  # nothing is queued behind the end of the queue, where it would never be answered
            closed = self._closed
            if not closed:
                self._queue.put(item)
        if not closed:
            self.start()
        elif item.then is not None:
            item.then(ClosedError("the journal is closed"))

    def start(self) -> None:
        """Start the thread, which also records the heartbeats, unless it runs already."""
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closed:
                    # close() joins the thread, so that nothing is lost. It is a daemon thread all the same, so that
                    # a host which was never closed does not keep its process from ending.
                    self._thread = threading.Thread(target=self._write, name="host-journal", daemon=True)
                    self._thread.start()

    def _write(self) -> None:
        self._beat_at = monotonic() + self._lease / 3
        self._poll_at = monotonic() + POLL_INTERVAL
        open_ = True
        while open_:
            batch, open_ = self._gather()
            if batch:
                self._commit(batch)
            now = monotonic()
            if now >= self._beat_at:
                self._beat()
            if now >= self._poll_at:
                self._poll()
        self._drain_refused()

    def _gather(self) -> tuple[list[JournalItem], bool]:
        """The items to commit next, and whether the journal is still open."""
        queue = self._queue
        batch: list[JournalItem] = []
        until = min(self._beat_at, self._poll_at) if self.held else self._beat_at
        while len(batch) < MAX_BATCH:
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
                until = min(until, monotonic() + COMMIT_DELAY) if len(batch) == 1 else until
        return batch, True

    def _commit(self, batch: list[JournalItem]) -> None:
        if self.broken:
            batch = self._without_broken(batch)
        try:
            self._database.write(_statements(batch))
        except HostError as error:
            if len(batch) == 1 or isinstance(error, JournalLost):  # a lost journal fails every item
                for item in batch:
                    self._fail(item, error)
            else:  # commit each item alone, so that only the one at fault fails
                for item in batch:
                    self._commit([item])
            return
        for item in batch:
            if item.then is not None:
                self._notify(item.run, item.then)

    def _notify(self, run: str, then: Then) -> None:
        """Call ``then(None)``. An exception it raises breaks that run alone: other runs' records are still written."""
        try:
            then(None)
        except Exception as fault:
            error = JournalError(f"run {run} cannot continue: {type(fault).__name__}: {fault}")
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
        if not item.run:  # no later record depends on it
            if item.then is not None:
                item.then(error)
            return
        self.held.discard(item.run)  # nothing more is written of it: another process may resume it after the lease
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
            self.last_beat = monotonic()
        except JournalError:  # if the journal stays unwritable, the next record of a run fails and reports it
            self._beat_at = monotonic() + self._lease / 15

    def _poll(self) -> None:
        """Save what the runs have printed, and cancel the runs whose cancellation was requested."""
        self._poll_at = monotonic() + POLL_INTERVAL
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
        except JournalError:  # try again at the next poll; if it persists, the runs' next records report it
            for _, output, start, data in printed:
                output.put_back(start, data)

    def _cancel(self, requests: Sequence[tuple[Any, ...]]) -> None:
        """Handle requests to cancel: pairs of run and time. One for a run that is starting waits for the next poll."""
        seen = [(run, at) for run, at in requests if run in self.under_way or run not in self.held]
        if seen:
            self._database.write([(_SEEN, [{"run": run, "owner": self._owner} for run, _ in seen])])
        for run, at in seen:
            watched = self.under_way.get(run)
            if watched is not None and at >= watched.since:  # else it was meant for an earlier run of that id
                watched.cancel()

    def _drain_refused(self) -> None:
        """Fail the items that were queued after the journal was closed."""
        while True:
            try:
                item = self._queue.get_nowait()
            except Empty:
                return
            if item is not None and item.then is not None:
                item.then(ClosedError("the journal is closed"))


def _statements(batch: list[JournalItem]) -> list[Statement]:
    """The statements of a batch, in order; records that follow each other are combined into one statement."""
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
