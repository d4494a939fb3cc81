"""The journal of a host: one thread writes for all its runs, many records in one commit.

The records of one run are committed in the order in which they were appended, all of them or those up to some
point. So it is enough to wait for the commit before something that can be seen outside: before a change is sent, or
the run's end is reported. Answers are passed to the script immediately; whatever the script then does waits for a later
commit, which includes those answers.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Final

import msgspec

from host.durable.database import Conflict, Damaged, JournalDatabase, MustChange, Statement
from host.durable.database_url import open_database
from host.durable.journal_writer import BEAT, INSERT_RECORD, RELEASE, JournalItem, JournalWriter, Then, UnderWay
from host.durable.kept_output import KEEP_OUTPUT, cut_output, kept_length
from host.durable.lease import is_dead, this_owner
from host.durable.records import Record, RunRow, check_log, decode_decided
from host.durable.tables import insert
from host.errors import JournalError

LEASE: Final = 30.0  # seconds without a heartbeat of the owner after which another process may take over a run


INSERT_RUN: Final = insert("luahost_run").replace(":lease", "{now} + :lease")
RUN_COLUMNS: Final = ", ".join(RunRow.__struct_fields__)
RECORD_COLUMNS: Final = ", ".join(Record._fields)

# In these statements {now} stands for the time by the clock which all users of the database share.
_TAKE = (
    "UPDATE luahost_run SET owner = :owner, lease = {now} + :lease, status = 'running', updated = {now} "
    "WHERE id = :id AND status NOT IN ('replaced', 'partly undone', 'undone') "
    "AND (owner IS NULL OR owner = :before OR lease < {now})"
)
_UNPRINTED = "UPDATE luahost_run SET printed = 0 WHERE id = :id"  # the log still records what was shown
_MARK = (
    "UPDATE luahost_run SET owner = NULL, lease = 0, status = :status, updated = :updated "
    "WHERE id = :id AND (owner IS NULL OR owner = :before OR lease < {now})"
)
_END = (
    "UPDATE luahost_run SET status = :status, updated = {now}, printed = :printed, calls = :calls, "
    "value = :value, error = :error, exit_status = :exit_status WHERE id = :id AND owner = :owner"
)


class BeingRun(JournalError):
    """The run is being run, ``here`` or by another process; the lease ends in ``seconds`` unless it is renewed."""

    def __init__(self, run_id: str, seconds: float, *, here: bool = False) -> None:
        self.seconds = max(0.0, seconds)
        gone = f"its lease ends in {self.seconds:.0f} s and the run can be taken over"
        super().__init__(
            f"run {run_id} is being run by {'this' if here else 'another'} process",
            hint=None if here else f"if that process is gone without a trace, {gone}",
        )


class Journal:
    """Accepts records of many runs from any thread; the module's docstring states the guarantees.

    ``clock()`` returns seconds since 1970, by default from the database's clock. ``lease`` is in seconds. Methods
    raise :class:`JournalError` if the database cannot be read or written.
    """

    def __init__(
        self, database: JournalDatabase, *, clock: Callable[[], float] | None = None, lease: float = LEASE
    ) -> None:
        self.clock = clock or database.clock
        self.name = database.name
        self.option = ""  # the option with which a command opens this journal, such as `` --journal FILE``
        self._database = database
        self.lease = lease
        self.owner = this_owner()
        self._beginning = threading.Lock()
        self._writer = JournalWriter(database, self.owner, self.clock, lease)

    @classmethod
    def open(
        cls, url: str, *, clock: Callable[[], float] | None = None, lease: float = LEASE, existing: bool = False
    ) -> Journal:
        """Open the journal at a path or URL; create it if it does not exist, unless ``existing``."""
        return cls(open_database(url, existing=existing), clock=clock, lease=lease)

    def command(self, verb: str, run_id: str) -> str:
        """The shell command ``luahost VERB RUN_ID``, with the journal's option, for use in messages."""
        return f"luahost {verb} {shlex.quote(run_id)}{self.option}"

    # -- runs

    def begin(self, run: RunRow) -> None:
        """Add a new run owned by this process. A conflict over its id with another process shows only when this is
        committed. Raises :class:`BeingRun` if this process runs one of this id.
        """
        now = self.clock()
        values = msgspec.structs.asdict(run)
        values.update(owner=self.owner, lease=self.lease, created=now, updated=now, now=now, status="running")
        with self._beginning:
            if run.id in self._writer.held:
                raise BeingRun(run.id, self.lease, here=True)
            self._writer.held.add(run.id)
        self._writer.broken.pop(run.id, None)  # an attempt to begin it that was lost with the database
        self._writer.put(JournalItem(run.id, None, [(self.timed(INSERT_RUN), [values])], None, urgent=False))

    def timed(self, statement: str) -> str:
        """Replace ``{now}`` in a statement by the database's clock, or by the parameter ``:now`` if it has none."""
        return type(statement)(statement.replace("{now}", self._database.now))

    def take(self, run: RunRow, skip: Callable[[list[Record]], int], decided: Sequence[Record] = ()) -> list[Record]:
        """Make this process the owner of an existing run, and add a ``resumed`` record to its log.

        ``skip(log)`` returns the ``seq`` of an answer that is no longer valid, or 0. ``decided`` are the decisions on
        calls in doubt, made from the log before this call; they are recorded after the ``resumed`` record. Returns
        the log including these records. Raises :class:`BeingRun` if another process runs it. The previous owner
        cannot write to the log any more, because its next ``seq`` is used by the ``resumed`` record.
        """
        now = self.clock()
        dead = run.owner is not None and is_dead(run.owner)
        values = {
            "owner": self.owner, "lease": self.lease, "now": now, "id": run.id,
            "before": run.owner if dead else "",
        }  # fmt: skip
        if not self._database.write([(self.timed(_TAKE), [values])]):
            raise self.being_run(run.id)
        try:
            log = self.records(run.id)
        except JournalError:  # restore the run as it was, for a process that can read its log
            self._mark(run, run.status, run.updated, self.owner)
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
            raise self.being_run(run.id) from None
        self._writer.broken.pop(run.id, None)
        self._writer.held.add(run.id)
        return [*log, *marks]

    def replace(self, run: RunRow) -> None:
        """Rename a run and its records to ``ID~GENERATION``, so that the id can be used again."""
        aside = f"{run.id}~{run.generation}"
        values = [{"aside": aside, "id": run.id, "now": self.clock()}]
        self._database.write(
            [
                ("UPDATE luahost_record SET run = :aside WHERE run = :id", values),
                ("UPDATE luahost_output SET run = :aside WHERE run = :id", values),
                (
                    "UPDATE luahost_run SET id = :aside, status = CASE WHEN status IN ('partly undone', 'undone') "
                    "THEN status ELSE 'replaced' END, owner = NULL, updated = :now WHERE id = :id",
                    values,
                ),
            ]
        )

    def watch(self, run: str, under_way: UnderWay) -> None:
        """Until the run ends, save its output at intervals, and cancel it when its cancellation is requested."""
        self._writer.under_way[run] = under_way

    def resume_output(self, run: str, shown: int) -> int:
        """Prepare the saved output of a run for its resumption; returns how many bytes of it stay saved.

        ``shown`` is how many bytes the run has shown according to its log. Saved output beyond that is deleted: the
        run prints it again, possibly with other contents. Pending requests to cancel the run are deleted too.
        """
        kept = min(kept_length(self, run), shown)
        made = [*cut_output(run, kept), ("DELETE FROM luahost_cancel WHERE run = :id", [{"id": run}])]
        self._writer.put(JournalItem(run, None, made, None, urgent=False))
        return kept

    @property
    def lease_age(self) -> float:
        """Seconds since the last heartbeat that was recorded."""
        return monotonic() - self._writer.last_beat

    def keep_beating(self, also: Callable[[], Sequence[Statement]]) -> None:
        """Record heartbeats from now on, even without runs; the statements of ``also()`` join their transaction."""
        self._writer.also = also
        self._writer.start()

    def mark(self, run: RunRow, status: str) -> None:
        """Set the status of a run. Raises :class:`BeingRun` if another process runs it."""
        dead = run.owner is not None and is_dead(run.owner)
        if not self._mark(run, status, self.clock(), run.owner if dead else ""):
            raise self.being_run(run.id)

    def _mark(self, run: RunRow, status: str, updated: float, before: str | None) -> int:
        values = {"id": run.id, "status": status, "updated": updated, "before": before, "now": self.clock()}
        return self._database.write([(self.timed(_MARK), [values])])

    def being_run(self, run_id: str) -> BeingRun:
        """The error for a run that this process or another runs."""
        run = self.run(run_id)
        if run is None or run.owner is None:
            return BeingRun(run_id, 0.0)
        return BeingRun(run_id, run.lease - self.clock(), here=run.owner == self.owner)

    def batch(self, id: str) -> list[RunRow]:
        """The runs of a batch, ``ID.1``, ``ID.2`` …, in the order of their numbers."""
        rows = self._database.read(
            f"SELECT {RUN_COLUMNS} FROM luahost_run WHERE id LIKE :like",  # noqa: S608
            {"like": f"{id}.%"},
        )
        found = [_run(row) for row in rows]
        numbered = [run for run in found if run.id.startswith(f"{id}.") and run.id[len(id) + 1 :].isdecimal()]
        return sorted(numbered, key=lambda run: int(run.id[len(id) + 1 :]))

    def calls(self) -> dict[str, int]:
        """The number of recorded calls of each run that is not done, by its id.

        They are counted in the log because an interrupted run's row holds no count.
        """
        rows = self._database.read(
            "SELECT run, COUNT(*) FROM (SELECT DISTINCT run, path, n FROM luahost_record "
            "WHERE kind IN ('sent', 'answer', 'refused', 'late') AND name <> 'sleep' "
            "AND run IN (SELECT id FROM luahost_run WHERE status <> 'done')) AS made GROUP BY run"
        )
        return {run: int(number) for run, number in rows}

    def end(
        self, run: str, status: str, *, printed: int, calls: int, value: bytes, error: str | None, then: Then,
        exit_status: int | None = None, output: tuple[int, bytes] = (0, b""), release: bool = True,
        also: Sequence[Statement] = (),
    ) -> None:  # fmt: skip
        """Record how a run ended, in one transaction with the rest of its output and the statements ``also``.

        ``output`` is the offset of the first byte and the bytes. Nothing is recorded if this process does not own
        the run any more. With ``release=False`` the lease is kept until :meth:`release`.
        """
        values = {
            "status": status, "now": self.clock(), "printed": printed, "calls": calls, "value": value,
            "error": error, "exit_status": exit_status, "id": run, "owner": self.owner,
        }  # fmt: skip
        made: list[Statement] = [(MustChange(self.timed(_END)), [values])]
        if output[1]:
            piece = {"id": run, "owner": self.owner, "start": output[0], "data": output[1]}
            made.append((KEEP_OUTPUT, [piece]))
        made += also
        self._writer.under_way.pop(run, None)
        if release:
            self._writer.held.discard(run)
            made.append((RELEASE, [{"id": run, "owner": self.owner}]))
        self._writer.put(JournalItem(run, None, made, then, urgent=True))

    def release(self, run: str) -> None:
        """Give up the lease: this process records nothing more of the run, and any process may take it over."""
        self._writer.held.discard(run)
        self._writer.put(JournalItem(run, None, [(RELEASE, [{"id": run, "owner": self.owner}])], None, urgent=False))

    def run(self, id: str) -> RunRow | None:
        """The run with an id, or ``None``."""
        rows = self._database.read(f"SELECT {RUN_COLUMNS} FROM luahost_run WHERE id = :id", {"id": id})  # noqa: S608 - own names
        return _run(rows[0]) if rows else None

    def runs(self) -> list[RunRow]:
        """All runs, newest first."""
        rows = self._database.read(f"SELECT {RUN_COLUMNS} FROM luahost_run ORDER BY created DESC, id")  # noqa: S608
        return [_run(row) for row in rows]

    def records(self, run: str) -> list[Record]:
        """A run's log, in order. Raises :class:`Damaged`, naming the record, if one cannot be read."""
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
        """Delete a run with its records and output, and with the last run of a batch also the batch's own logs."""
        values = [{"id": run}]
        self._database.write(
            [
                ("DELETE FROM luahost_record WHERE run = :id", values),
                ("DELETE FROM luahost_output WHERE run = :id", values),
                ("DELETE FROM luahost_cancel WHERE run = :id", values),
                ("DELETE FROM luahost_run WHERE id = :id", values),
            ]
        )
        name, _, number = run.rpartition(".")
        if name and number.isdecimal() and not self.batch(name):  # it was the last run of its batch
            for log in (once_name(name), real_name(name)):
                self.forget(log)

    def add(self, records: Sequence[Record]) -> bool:
        """Add records to a log that several processes write.

        Returns ``False``, and adds none, if another process has added one with the same ``seq`` since the log was read.
        """
        try:
            self._database.write([(INSERT_RECORD, [each._asdict() for each in records])])
        except Conflict:
            return False
        return True

    def forget(self, log: str) -> None:
        """Delete the records of a log."""
        self._database.write([("DELETE FROM luahost_record WHERE run = :id", [{"id": log}])])

    def is_running(self, run: RunRow) -> bool:
        """Whether a live process runs it, as far as this machine can determine."""
        return run.owner is not None and run.lease >= self.clock() and not is_dead(run.owner)

    # -- records

    def append(
        self, record: Record, then: Then | None = None, *, urgent: bool = False, behind: str | None = None
    ) -> None:
        """Add a record to its run's log; ``then`` is called once it is committed, or known not to be.

        With ``urgent`` it is committed without delay. ``behind`` is another run whose records so far must be
        committed before this one.
        """
        self._writer.put(JournalItem(behind or record.run, record, [], then, urgent=urgent or then is not None))

    def confirm(self, run: str, then: Then) -> None:
        """Call ``then`` once all that was appended for a run is on the disk and it is still ours, or else with why."""
        values = {"id": run, "owner": self.owner, "lease": self.lease, "now": self.clock()}
        self._writer.put(JournalItem(run, None, [(MustChange(self.timed(BEAT)), [values])], then, urgent=True))

    def forget_events(self, before: float) -> None:
        """Delete the handled events received before ``before`` (seconds since 1970).

        If one of them is delivered once more, it is handled once more.
        """
        sql = "DELETE FROM luahost_event WHERE status = 'done' AND received < :before"
        self._database.write([(sql, [{"before": before}])])

    def write(self, statements: list[Statement], then: Then) -> None:
        """Commit statements that belong to no run, in one transaction with other pending items."""
        self._writer.put(JournalItem("", None, statements, then, urgent=True))

    def write_now(self, statements: list[Statement]) -> None:
        """Commit statements that belong to no run of this process, before this returns."""
        self._database.write(statements)

    def read(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a query over the committed data."""
        return self._database.read(sql, values)

    def close(self) -> None:
        """Commit pending records, release the runs and end the thread. A second call does nothing."""
        self._writer.close()


def once_name(batch: str) -> str:
    """The name under which the log of a batch's ``once`` is stored; no run id can contain ``#``."""
    return f"{batch}#once"


def real_name(plan: str) -> str:
    """The name under which the real values of a plan of several runs are stored."""
    return f"{plan}#real"


def _run(row: tuple[Any, ...]) -> RunRow:
    return RunRow(*row)
