"""The journal of a host: one thread writes for all its runs, many records in one commit.

What is appended for one run is committed in that order, all of it or its beginning. So it is enough to wait
for the commit before something is done that can be seen outside: a change is sent, or the run's end is told.
Answers go on to the script at once; anything the script then does waits for a later commit, with them.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Final

import msgspec

from host.durable.database import Conflict, Damaged, JournalDatabase, JournalLost, Statement, insert, open_database
from host.durable.lease import is_dead, this_owner
from host.durable.records import Record, RunRow, check_log, decode_decided
from host.errors import ClosedError, HostError, JournalError

LEASE: Final = 30.0  # seconds after which a run whose owner is silent may be taken over
LINGER: Final = 0.004  # seconds that what nobody waits for may wait for company
MOST: Final = 5000  # items in one commit

Then = Callable[[HostError | None], None]
"""Called on the writer's thread once it is committed (``None``) or known that it will not be."""

INSERT_RECORD: Final = insert("luahost_record")
INSERT_RUN: Final = insert("luahost_run")
RUN_COLUMNS: Final = ", ".join(RunRow.__struct_fields__)
RECORD_COLUMNS: Final = ", ".join(Record._fields)

_TAKE = (
    "UPDATE luahost_run SET owner = :owner, lease = :lease, status = 'running', updated = :now "
    "WHERE id = :id AND status NOT IN ('replaced', 'partly undone', 'undone') "
    "AND (owner IS NULL OR owner = :before OR lease < :now)"
)
_UNPRINTED = "UPDATE luahost_run SET printed = 0 WHERE id = :id"  # the log still says what was shown
_MARK = (
    "UPDATE luahost_run SET owner = NULL, lease = 0, status = :status, updated = :now "
    "WHERE id = :id AND (owner IS NULL OR owner = :before OR lease < :now)"
)
_BEAT = "UPDATE luahost_run SET lease = :lease WHERE id = :id AND owner = :owner"
_RELEASE = "UPDATE luahost_run SET owner = NULL, lease = 0 WHERE id = :id AND owner = :owner"
_END = (
    "UPDATE luahost_run SET status = :status, updated = :now, printed = :printed, calls = :calls, "
    "value = :value, error = :error, exit_status = :exit_status WHERE id = :id AND owner = :owner"
)


class _Item:
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


class Journal:
    """Takes records of many runs from any thread; see the module for what is promised when.

    ``clock`` gives seconds since 1970, ``lease`` is seconds. Raises :class:`JournalError`.
    """

    def __init__(
        self, database: JournalDatabase, *, clock: Callable[[], float] = time.time, lease: float = LEASE
    ) -> None:
        self.clock = clock
        self.name = database.name
        self.option = ""  # what a command needs to find it, such as `` --journal FILE``
        self._database = database
        self._lease = lease
        self._owner = this_owner()
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._held: set[str] = set()  # runs of ours, whose lease is kept up
        self._broken: dict[str, HostError] = {}  # a run's record was lost: none may follow it
        self._beat_at = 0.0

    @classmethod
    def open(cls, url: str, *, clock: Callable[[], float] = time.time, lease: float = LEASE) -> Journal:
        """The journal at a path or URL; made if it is not there."""
        return cls(open_database(url), clock=clock, lease=lease)

    def command(self, verb: str, run_id: str) -> str:
        """A command about a run, for messages, as a shell takes it."""
        return f"luahost {verb} {shlex.quote(run_id)}{self.option}"

    # -- runs

    def begin(self, run: RunRow) -> None:
        """A new run, ours. Its id must be free, which is seen only with its first commit."""
        now = self.clock()
        values = msgspec.structs.asdict(run)
        values.update(owner=self._owner, lease=now + self._lease, created=now, updated=now, status="running")
        self._held.add(run.id)
        self._put(_Item(run.id, None, [(INSERT_RUN, [values])], None, urgent=False))

    def take(self, run: RunRow, skip: Callable[[list[Record]], int], decided: Sequence[Record] = ()) -> list[Record]:
        """Make an existing run ours, and mark in its log where we begin. Gives the log, the mark included.

        ``skip(log)`` is the ``seq`` of an answer that is to count no more, or 0. ``decided``: what was decided, from
        the log as it is, of calls in doubt; recorded behind the mark. Raises :class:`JournalError`
        if somebody else runs it. Whoever had it before cannot write any more: their next ``seq`` is taken.
        """
        now = self.clock()
        dead = run.owner is not None and is_dead(run.owner)
        values = {
            "owner": self._owner, "lease": now + self._lease, "now": now, "id": run.id,
            "before": run.owner if dead else "",
        }  # fmt: skip
        if not self._database.write([(_TAKE, [values])]):
            raise JournalError(
                f"run {run.id} is being run by another process",
                hint="if that process is gone without a trace, its lease ends "
                f"in {max(0.0, run.lease - now):.0f} s and the run can be taken over",
            )
        try:
            log = self.records(run.id)
        except JournalError:  # it stays what it was, for somebody who can read it
            given_back = {"id": run.id, "status": run.status, "now": run.updated, "before": self._owner}
            self._database.write([(_MARK, [given_back])])
            raise
        seq = log[-1].seq + 1 if log else 1
        marks = [Record(run.id, seq, "resumed", n=skip(log), at=now)]
        marks += [each._replace(seq=seq + n, at=now) for n, each in enumerate(decided, 1)]
        made: list[Statement] = [(INSERT_RECORD, [mark._asdict() for mark in marks])]
        if any(decode_decided(each.data).back_to is not None for each in decided):
            made.append((_UNPRINTED, [{"id": run.id}]))
        try:
            self._database.write(made)
        except Conflict:
            raise JournalError(f"run {run.id} is being run by another process") from None
        self._broken.pop(run.id, None)
        self._held.add(run.id)
        return [*log, *marks]

    def replace(self, run: RunRow) -> None:
        """Put a run and its records aside as ``id~generation``, so that the id can begin anew."""
        aside = f"{run.id}~{run.generation}"
        values = [{"aside": aside, "id": run.id, "now": self.clock()}]
        self._database.write(
            [
                ("UPDATE luahost_record SET run = :aside WHERE run = :id", values),
                (
                    "UPDATE luahost_run SET id = :aside, status = CASE WHEN status IN ('partly undone', 'undone') "
                    "THEN status ELSE 'replaced' END, owner = NULL, updated = :now WHERE id = :id",
                    values,
                ),
            ]
        )

    def mark(self, run: RunRow, status: str) -> None:
        """Set the status of a run. Raises :class:`JournalError` if somebody runs it."""
        dead = run.owner is not None and is_dead(run.owner)
        values = {"id": run.id, "status": status, "now": self.clock(), "before": run.owner if dead else ""}
        if not self._database.write([(_MARK, [values])]):
            raise JournalError(f"run {run.id} is being run by another process")

    def batch(self, id: str) -> list[RunRow]:
        """The runs of a batch, ``ID.1``, ``ID.2`` …, in their order."""
        rows = self._database.read(
            f"SELECT {RUN_COLUMNS} FROM luahost_run WHERE id LIKE :like",  # noqa: S608
            {"like": f"{id}.%"},
        )
        found = [_run(row) for row in rows]
        numbered = [run for run in found if run.id.startswith(f"{id}.") and run.id[len(id) + 1 :].isdecimal()]
        return sorted(numbered, key=lambda run: int(run.id[len(id) + 1 :]))

    def calls(self) -> dict[str, int]:
        """How many calls are recorded of each run that is not done: one that broke off has no count of its own."""
        rows = self._database.read(
            "SELECT run, COUNT(*) FROM (SELECT DISTINCT run, path, n FROM luahost_record "
            "WHERE kind IN ('sent', 'answer', 'refused', 'late') AND name <> 'sleep' "
            "AND run IN (SELECT id FROM luahost_run WHERE status <> 'done')) AS made GROUP BY run"
        )
        return {run: int(number) for run, number in rows}

    def end(
        self, run: str, status: str, *, printed: int, calls: int, value: bytes, error: str | None, then: Then,
        exit_status: int | None = None,
    ) -> None:  # fmt: skip
        """How a run ended. The lease is kept until :meth:`release`."""
        values = {
            "status": status, "now": self.clock(), "printed": printed, "calls": calls, "value": value,
            "error": error, "exit_status": exit_status, "id": run, "owner": self._owner,
        }  # fmt: skip
        self._put(_Item(run, None, [(_END, [values])], then, urgent=True))

    def release(self, run: str) -> None:
        """Nothing more will be recorded of it: anybody may take it."""
        self._held.discard(run)
        self._put(_Item(run, None, [(_RELEASE, [{"id": run, "owner": self._owner}])], None, urgent=False))

    def run(self, id: str) -> RunRow | None:
        """A run by its id."""
        rows = self._database.read(f"SELECT {RUN_COLUMNS} FROM luahost_run WHERE id = :id", {"id": id})  # noqa: S608 - own names
        return _run(rows[0]) if rows else None

    def runs(self) -> list[RunRow]:
        """All runs, newest first."""
        rows = self._database.read(f"SELECT {RUN_COLUMNS} FROM luahost_run ORDER BY created DESC, id")  # noqa: S608
        return [_run(row) for row in rows]

    def records(self, run: str) -> list[Record]:
        """A run's log. Raises :class:`Damaged` naming a record that cannot be read."""
        rows = self._database.read(
            f"SELECT {RECORD_COLUMNS} FROM luahost_record WHERE run = :run ORDER BY seq",  # noqa: S608
            {"run": run},
        )
        log = [Record(*row) for row in rows]
        try:
            check_log(log)
        except ValueError as error:
            raise Damaged(
                f"the journal {self.name} is damaged: run {run}: {error}",
                hint="the run cannot be resumed; what it did before that record stands in the journal",
            ) from error
        return log

    def delete(self, run: str) -> None:
        """Forget a run."""
        values = [{"id": run}]
        self._database.write(
            [
                ("DELETE FROM luahost_record WHERE run = :id", values),
                ("DELETE FROM luahost_run WHERE id = :id", values),
            ]
        )

    def is_running(self, run: RunRow) -> bool:
        """Whether a living process has it, as far as can be seen from here."""
        return run.owner is not None and run.lease >= self.clock() and not is_dead(run.owner)

    # -- records

    def append(self, record: Record, then: Then | None = None, *, urgent: bool = False) -> None:
        """Add a record to its run's log. ``urgent``: somebody waits for it."""
        self._put(_Item(record.run, record, [], then, urgent=urgent or then is not None))

    def forget_events(self, before: float) -> None:
        """Forget events that were handled, and received before then: one that comes once more is handled once more."""
        sql = "DELETE FROM luahost_event WHERE status = 'done' AND received < :before"
        self._database.write([(sql, [{"before": before}])])

    def write(self, statements: list[Statement], then: Then) -> None:
        """Commit what belongs to no run, together with what else is to be written."""
        self._put(_Item("", None, statements, then, urgent=True))

    def read(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a query, of what is committed."""
        return self._database.read(sql, values)

    def close(self) -> None:
        """Commit what is there, let go of the runs, end the thread. Twice is fine."""
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
        held = [{"id": run, "owner": self._owner} for run in self._held]
        try:
            if held:
                self._database.write([(_RELEASE, held)])
        except JournalError:  # the leases end by themselves
            pass
        finally:
            self._database.close()

    # -- the writer

    def _put(self, item: _Item) -> None:
        if self._closed:
            if item.then is not None:
                item.then(ClosedError("the journal is closed"))
            return
        self._queue.put(item)
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closed:
                    # Not a daemon's work to lose: close() joins it. A daemon all the same, so that a
                    # forgotten host cannot keep its process from ending.
                    self._thread = threading.Thread(target=self._write, name="host-journal", daemon=True)
                    self._thread.start()

    def _write(self) -> None:
        self._beat_at = monotonic() + self._lease / 3
        open_ = True
        while open_:
            batch, open_ = self._gather()
            if batch:
                self._commit(batch)
            if monotonic() >= self._beat_at:
                self._beat()
        self._drain_refused()

    def _gather(self) -> tuple[list[_Item], bool]:
        """What to commit next, and whether there will be more."""
        queue = self._queue
        batch: list[_Item] = []
        until = self._beat_at
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

    def _commit(self, batch: list[_Item]) -> None:
        if self._broken:
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
                self._tell(item.run, item.then)

    def _tell(self, run: str, then: Then) -> None:
        """Go on with what waited. A fault there ends that run, not the journal of the others."""
        try:
            then(None)
        except Exception as fault:
            error = JournalError(f"run {run} cannot go on: {type(fault).__name__}: {fault}")
            error.__cause__ = fault
            self._broken[run] = error
            with suppress(Exception):
                then(error)

    def _without_broken(self, batch: list[_Item]) -> list[_Item]:
        whole = []
        for item in batch:
            error = self._broken.get(item.run)
            if error is None:
                whole.append(item)
            elif item.then is not None:
                item.then(error)
        return whole

    def _fail(self, item: _Item, error: HostError) -> None:
        if not item.run:  # nothing follows from it
            if item.then is not None:
                item.then(error)
            return
        if isinstance(error, Conflict):
            error = JournalError(f"run {item.run} has been taken over by another process")
            self._held.discard(item.run)
        self._broken[item.run] = error
        if item.then is not None:
            item.then(error)

    def _beat(self) -> None:
        self._beat_at = monotonic() + self._lease / 3
        until = self.clock() + self._lease
        held = [{"id": run, "owner": self._owner, "lease": until} for run in list(self._held)]
        if held:
            try:
                self._database.write([(_BEAT, held)])
            except JournalError:  # the next record says so where it matters
                return

    def _drain_refused(self) -> None:
        """Answer what came after the end."""
        while True:
            try:
                item = self._queue.get_nowait()
            except Empty:
                return
            if item is not None and item.then is not None:
                item.then(ClosedError("the journal is closed"))


def _statements(batch: list[_Item]) -> list[Statement]:
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


def _run(row: tuple[Any, ...]) -> RunRow:
    return RunRow(*row)
