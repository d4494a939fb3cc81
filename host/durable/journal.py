"""The journal of a host: one thread writes for all its runs, many records in one commit.

What is appended for one run is committed in that order, completely or up to some point. So it is enough to wait
for the commit before something is done that can be seen outside: a change is sent, or the run's end is reported.
Answers are passed to the script at once; anything the script then does waits for a later commit, with them.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Final

import msgspec

from host.durable.database import Conflict, Damaged, JournalDatabase, MustChange, Statement, insert, open_database
from host.durable.journal_writer import BEAT, INSERT_RECORD, RELEASE, JournalItem, JournalWriter, Then, UnderWay
from host.durable.kept_output import KEEP_OUTPUT, cut_output, kept_length
from host.durable.lease import is_dead, this_owner
from host.durable.records import Record, RunRow, check_log, decode_decided
from host.errors import JournalError

LEASE: Final = 30.0  # seconds after which a run whose owner is silent may be taken over


INSERT_RUN: Final = insert("luahost_run").replace(":lease", "{now} + :lease")
RUN_COLUMNS: Final = ", ".join(RunRow.__struct_fields__)
RECORD_COLUMNS: Final = ", ".join(Record._fields)

# In these {now} is the time by the clock that all who use the database share.
_TAKE = (
    "UPDATE luahost_run SET owner = :owner, lease = {now} + :lease, status = 'running', updated = {now} "
    "WHERE id = :id AND status NOT IN ('replaced', 'partly undone', 'undone') "
    "AND (owner IS NULL OR owner = :before OR lease < {now})"
)
_UNPRINTED = "UPDATE luahost_run SET printed = 0 WHERE id = :id"  # the log still says what was shown
_MARK = (
    "UPDATE luahost_run SET owner = NULL, lease = 0, status = :status, updated = :updated "
    "WHERE id = :id AND (owner IS NULL OR owner = :before OR lease < {now})"
)
_END = (
    "UPDATE luahost_run SET status = :status, updated = {now}, printed = :printed, calls = :calls, "
    "value = :value, error = :error, exit_status = :exit_status WHERE id = :id AND owner = :owner"
)


class BeingRun(JournalError):
    """Somebody else runs the run; ``seconds`` are left of their lease, unless they renew it."""

    def __init__(self, run_id: str, seconds: float) -> None:
        self.seconds = max(0.0, seconds)
        super().__init__(
            f"run {run_id} is being run by another process",
            hint="if that process is gone without a trace, its lease ends "
            f"in {self.seconds:.0f} s and the run can be taken over",
        )


class Journal:
    """Takes records of many runs from any thread; see the module for its guarantees.

    ``clock`` gives seconds since 1970, by default the database's; ``lease`` is seconds. Raises :class:`JournalError`.
    """

    def __init__(
        self, database: JournalDatabase, *, clock: Callable[[], float] | None = None, lease: float = LEASE
    ) -> None:
        self.clock = clock or database.clock
        self.name = database.name
        self.option = ""  # the option by which a command finds it, such as `` --journal FILE``
        self._database = database
        self.lease = lease
        self.owner = this_owner()
        self._writer = JournalWriter(database, self.owner, self.clock, lease)

    @classmethod
    def open(
        cls, url: str, *, clock: Callable[[], float] | None = None, lease: float = LEASE, existing: bool = False
    ) -> Journal:
        """The journal at a path or URL; made if it is not there, unless it is to be an ``existing`` one."""
        return cls(open_database(url, existing=existing), clock=clock, lease=lease)

    def command(self, verb: str, run_id: str) -> str:
        """A command about a run, for messages, as a shell takes it."""
        return f"luahost {verb} {shlex.quote(run_id)}{self.option}"

    # -- runs

    def begin(self, run: RunRow) -> None:
        """Add a new run of ours. Its id must be free, which shows only with its first commit."""
        now = self.clock()
        values = msgspec.structs.asdict(run)
        values.update(owner=self.owner, lease=self.lease, created=now, updated=now, now=now, status="running")
        self._writer.held.add(run.id)
        self._writer.put(JournalItem(run.id, None, [(self.timed(INSERT_RUN), [values])], None, urgent=False))

    def timed(self, statement: str) -> str:
        """A statement with the time that counts for ``{now}``: the value ``now`` where that is this process's."""
        return type(statement)(statement.replace("{now}", self._database.now))

    def take(self, run: RunRow, skip: Callable[[list[Record]], int], decided: Sequence[Record] = ()) -> list[Record]:
        """Make an existing run ours, and mark in its log where we begin. Returns the log, including the mark.

        ``skip(log)`` is the ``seq`` of an answer that is no longer to count, or 0. ``decided``: what was decided, from
        the log as it is, of calls in doubt; recorded behind the mark. Raises :class:`JournalError`
        if somebody else runs it. Whoever had it before cannot write any more: their next ``seq`` is taken.
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
        except JournalError:  # it stays what it was, for somebody who can read it
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
        """Rename a run and its records to ``id~generation``, so that the id can be used again."""
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
        """Keep what a run of ours prints, and cancel it when somebody wants that: until its end."""
        self._writer.under_way[run] = under_way

    def take_up_output(self, run: str, shown: int) -> int:
        """A run of ours is taken up again, which showed so much: gives how much of its output is kept. What was kept
        of more than it showed for certain is forgotten, as it prints that anew, and maybe another way.
        """
        kept = min(kept_length(self, run), shown)
        made = [*cut_output(run, kept), ("DELETE FROM luahost_cancel WHERE run = :id", [{"id": run}])]
        self._writer.put(JournalItem(run, None, made, None, urgent=False))
        return kept

    @property
    def lease_age(self) -> float:
        """Seconds since the last heartbeat that was recorded."""
        return monotonic() - self._writer.beaten

    def keep_beating(self, also: Callable[[], Sequence[Statement]]) -> None:
        """Have a heartbeat from now on, even without runs, with what ``also()`` gives in its transaction."""
        self._writer.also = also
        self._writer.start()

    def mark(self, run: RunRow, status: str) -> None:
        """Set the status of a run. Raises :class:`JournalError` if somebody runs it."""
        dead = run.owner is not None and is_dead(run.owner)
        if not self._mark(run, status, self.clock(), run.owner if dead else ""):
            raise self.being_run(run.id)

    def _mark(self, run: RunRow, status: str, updated: float, before: str | None) -> int:
        values = {"id": run.id, "status": status, "updated": updated, "before": before, "now": self.clock()}
        return self._database.write([(self.timed(_MARK), [values])])

    def being_run(self, run_id: str) -> BeingRun:
        """The error for a run that somebody else runs."""
        run = self.run(run_id)
        return BeingRun(run_id, 0.0 if run is None or run.owner is None else run.lease - self.clock())

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
        exit_status: int | None = None, output: tuple[int, bytes] = (0, b""), release: bool = True,
        also: Sequence[Statement] = (),
    ) -> None:  # fmt: skip
        """How a run ended, with the last of its ``output`` (its place, its bytes) and ``also`` in the same transaction:
        all of it if the run is still ours, else nothing.

        The lease is kept until :meth:`release` where ``release`` is not said here.
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
        """Give up the lease: nothing more will be recorded of the run, and anybody may take it."""
        self._writer.held.discard(run)
        self._writer.put(JournalItem(run, None, [(RELEASE, [{"id": run, "owner": self.owner}])], None, urgent=False))

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
                ("DELETE FROM luahost_output WHERE run = :id", values),
                ("DELETE FROM luahost_cancel WHERE run = :id", values),
                ("DELETE FROM luahost_run WHERE id = :id", values),
            ]
        )
        name, _, number = run.rpartition(".")
        if name and number.isdecimal() and not self.batch(name):  # the last of its batch
            for log in (once_name(name), real_name(name)):
                self.forget(log)

    def add(self, records: Sequence[Record]) -> bool:
        """Add records to a log that several processes write; not if one of them has done so since it was read."""
        try:
            self._database.write([(INSERT_RECORD, [each._asdict() for each in records])])
        except Conflict:
            return False
        return True

    def forget(self, log: str) -> None:
        """Delete the records of a log."""
        self._database.write([("DELETE FROM luahost_record WHERE run = :id", [{"id": log}])])

    def is_running(self, run: RunRow) -> bool:
        """Whether a live process has it, as far as can be seen from here."""
        return run.owner is not None and run.lease >= self.clock() and not is_dead(run.owner)

    # -- records

    def append(
        self, record: Record, then: Then | None = None, *, urgent: bool = False, behind: str | None = None
    ) -> None:
        """Add a record to its run's log. ``urgent``: somebody waits for it. ``behind``: the run whose records are to be
        there before this one, where that is another.
        """
        self._writer.put(JournalItem(behind or record.run, record, [], then, urgent=urgent or then is not None))

    def confirm(self, run: str, then: Then) -> None:
        """Call ``then`` once all that was appended for a run is on the disk and it is still ours, or else with why."""
        values = {"id": run, "owner": self.owner, "lease": self.lease, "now": self.clock()}
        self._writer.put(JournalItem(run, None, [(MustChange(self.timed(BEAT)), [values])], then, urgent=True))

    def forget_events(self, before: float) -> None:
        """Forget events that were handled, and received before then: one that comes again is handled again."""
        sql = "DELETE FROM luahost_event WHERE status = 'done' AND received < :before"
        self._database.write([(sql, [{"before": before}])])

    def write(self, statements: list[Statement], then: Then) -> None:
        """Commit what belongs to no run, together with what else is to be written."""
        self._writer.put(JournalItem("", None, statements, then, urgent=True))

    def write_now(self, statements: list[Statement]) -> None:
        """Commit what belongs to no run of ours, at once."""
        self._database.write(statements)

    def read(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a query, of what is committed."""
        return self._database.read(sql, values)

    def close(self) -> None:
        """Commit pending records, release the runs and end the thread. A second call does nothing."""
        self._writer.close()


def once_name(batch: str) -> str:
    """The name of the log of a batch's ``once`` among the runs; no run can have it."""
    return f"{batch}#once"


def real_name(plan: str) -> str:
    """The same for the real values of a plan of several runs."""
    return f"{plan}#real"


def _run(row: tuple[Any, ...]) -> RunRow:
    return RunRow(*row)
