"""The durable runs of a host: starting and resuming them, after checking that this host may resume them."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
from msgspec.structs import replace

from host.apis.api import Api
from host.durable.batch_runs import BatchRuns
from host.durable.binding import HostParts, binding_of, bound_apis, check_bound, kept_simulator
from host.durable.chosen_journal import no_such_run, open_journal
from host.durable.database import Damaged
from host.durable.decisions import InDoubt, decisions
from host.durable.journal import Journal
from host.durable.journal_writer import TakenOver
from host.durable.records import Record, RunRow, decode_decided
from host.durable.replay import Durable
from host.durable.run_end import Outcome
from host.durable.run_log import failure_to_repeat
from host.errors import InvalidCall, LimitError, UsageError
from host.events import Logged, Sink
from host.lua.values import from_lua, to_lua
from host.run.once import OnceResults
from host.run.options import check_id
from host.run.recording import Recording
from host.run.result_type import read
from host.run.script import RunResult, Script


class Kept(msgspec.Struct, frozen=True):
    """A durable run that this process owns, ready to start."""

    run_id: str
    script: Script
    args: tuple[str, ...]
    globals: Mapping[str, Any]
    durable: Recording
    once: OnceResults | None = None  # the results of its batch's ``once``

    @property
    def is_taken_over(self) -> bool:
        """For a run that has ended here: whether another process owns it.

        That process began it at the same moment, or has taken it over.
        """
        return isinstance(self.durable, Durable) and isinstance(self.durable.unrecorded, TakenOver)


class DurableRuns:
    """Starts and resumes durable runs; opens the host's journal when it is first needed."""

    def __init__(self, parts: HostParts) -> None:
        self._parts = parts
        self._lock = Lock()
        self._journal: Journal | None = None
        self.batches = BatchRuns(self, parts)

    @property
    def journal(self) -> Journal:
        """The journal, opened, and made if it is not there. Raises :class:`JournalError`."""
        return self._opened()

    @property
    def existing_journal(self) -> Journal:
        """The journal, opened; for what needs a run in it. Raises :class:`JournalError` too where there is none."""
        return self._opened(existing=True)

    def _opened(self, *, existing: bool = False) -> Journal:
        with self._lock:
            if self._journal is None:
                settings = self._parts.settings
                existing = existing and settings.journal != settings.database  # else the fleet makes it
                self._journal = open_journal(settings.journal, settings.run_lease, existing=existing)
            return self._journal

    @property
    def apis(self) -> Mapping[str, Api]:
        """The host's APIs."""
        return self._parts.apis

    def begin(
        self,
        script: Script,
        args: Sequence[str],
        globals: Mapping[str, Any] | None,
        run_id: str | None,
        *,
        force_new: bool = False,
        batch: str | None = None,
        sinks: Sequence[Sink] = (),
    ) -> Kept | RunResult:
        """Start a run, or with the ``run_id`` of an existing run resume it, or return its result if it is done.

        ``force_new`` starts an existing run over instead, with new keys. Simulated runs of one ``batch`` share a
        simulator.
        """
        args = tuple(str(each) for each in args)
        try:
            given = to_lua(dict(globals or {}))
        except (InvalidCall, LimitError) as error:
            raise UsageError(f"globals: {error.message}") from None
        generation = 1
        if run_id is None:
            run_id = f"run_{uuid.uuid4().hex[:20]}"
        else:
            check_id(run_id)
            found = self.journal.run(run_id)
            if found is not None:
                if not force_new:
                    self._same(found, args, given)
                    return self._resume(found, script, "ask", recorded=False, other_key=False, sinks=sinks)
                self._aside(found)
                generation = found.generation + 1
            elif force_new:  # a deleted run of this id, or one in another journal, may have used the first one's keys
                generation = 2 + secrets.randbelow(2**30)
        return self._new(run_id, generation, script, args, given, batch)

    def delivered_again(self, kept: Kept) -> Kept | RunResult:
        """Handle a run that another process has taken over as if it were submitted once more.

        Returns its result if it is done; resumes it if it was interrupted. Raises
        :class:`~host.durable.journal.BeingRun` while the other process runs it.
        """
        found = self.journal.run(kept.run_id)
        if found is None:
            raise no_such_run(self.journal, kept.run_id)
        self._same(found, kept.args, to_lua(dict(kept.globals)))
        return self._resume(found, kept.script, "ask", recorded=False, other_key=False)

    def carry(
        self,
        script: Script,
        args: Sequence[str],
        globals: Mapping[str, Any],
        run_id: str,
        *,
        fresh: bool,
        batch: str | None,
        apis: Collection[str],
        outcome: Outcome,
    ) -> Kept | RunResult:
        """Start a run that a queue has delivered if it is ``fresh``, otherwise resume it with its recorded modules.

        It is bound to the APIs ``apis`` alone; ``outcome`` is that of :class:`Durable`. If a run is interrupted while
        it executes something once for its ``batch``, the others wait for it while ``batches.still_queued`` says so.
        Raises :class:`~host.durable.journal.BeingRun` while another process runs it.
        """
        found = None if fresh else self.journal.run(run_id)
        if found is None:
            return self._new(run_id, 1, script, args, to_lua(dict(globals)), batch, apis, outcome)
        if found.source != script.source:
            raise UsageError(
                f"run {run_id} in the journal is a different run: it was started with another script, "
                "without the fleet",
                hint="submit it under another id",
            )
        self._same(found, tuple(args), to_lua(dict(globals)))
        return self._resume(found, script, "ask", recorded=True, other_key=False, batch=batch, outcome=outcome)

    def resume(
        self,
        run_id: str,
        *,
        in_doubt: InDoubt = "ask",
        recorded: bool = False,
        force_new: bool = False,
        other_key: bool = False,
    ) -> Kept | RunResult:
        """Resume a run, or return its result if it is done. See :meth:`Host.resume`."""
        # raise for an invalid word before anything else
        decisions((), in_doubt if isinstance(in_doubt, str) else {}, self._is_api)
        found = self.existing_journal.run(run_id)
        if found is None:
            raise no_such_run(self.journal, run_id)
        script = _script(found, recorded=recorded)
        if force_new:
            self.check_bound(found, other_key=other_key)
            self._aside(found)
            args = tuple(_field(found, "args", self.journal))
            return self._new(found.id, found.generation + 1, script, args, found.globals)
        return self._resume(found, script, in_doubt, recorded=recorded, other_key=other_key)

    def close(self) -> None:
        """Commit pending records, and close the journal and the simulator's file."""
        with self._lock:
            if self._journal is not None:
                self._journal.close()
            simulator = self._parts.simulator()
            if self._parts.own_simulator and simulator is not None:
                simulator.close()

    # -- steps

    def _new(
        self,
        run_id: str,
        generation: int,
        script: Script,
        args: Sequence[str],
        given: bytes,
        batch: str | None = None,
        apis: Collection[str] | None = None,
        outcome: Outcome | None = None,
    ) -> Kept:
        binding = binding_of(self._parts, apis)
        journal = self.journal
        run = RunRow(
            id=run_id,
            script=script.name,
            source=script.source,
            folder=None if script.folder is None else str(script.folder.resolve()),
            args=to_lua(list(args)),
            globals=given,
            base=binding.base,
            mode=binding.mode,
            account=binding.account,
            simulator=self._keep_simulator(batch or run_id, None),
            generation=generation,
        )
        journal.begin(run)
        return self._kept(run, script, [], "ask", recorded=False, batch=batch, outcome=outcome)

    def _resume(
        self,
        run: RunRow,
        script: Script,
        in_doubt: InDoubt,
        *,
        recorded: bool,
        other_key: bool,
        sinks: Sequence[Sink] = (),
        batch: str | None = None,
        outcome: Outcome | None = None,
    ) -> Kept | RunResult:
        if run.status == "replaced" or "~" in run.id:
            raise UsageError(f"run {run.id} was started over, and is kept only to be looked at or undone")
        if run.status in ("undone", "partly undone"):
            left = f"; {self.journal.command('runs undo', run.id)} does what is left"
            raise UsageError(
                f"run {run.id} was {run.status}: what it created is gone, and it cannot be resumed",
                hint=f"--force-new starts it over, with new keys{'' if run.status == 'undone' else left}",
            )
        if run.status == "done":
            if not isinstance(in_doubt, str) and decisions(self.journal.records(run.id), in_doubt, self._is_api):
                raise UsageError(f"run {run.id} is done: what was decided of its calls cannot be taken back")
            (value, rest), simulated = _field(run, "value", self.journal, read), run.mode == "simulated"
            changed = script.source != run.source
            subject = f"{run.script} has changed since, and the run" if changed else "the run"
            text = f"{subject} is done: this is its result, and nothing is done again"
            self._say(run.id, "warn" if changed else "info", text, sinks)
            return RunResult(
                run.id, run.script, value=value, rest=rest, calls=run.calls, simulated=simulated,
                exit_status=run.exit_status,
            )  # fmt: skip
        self.check_bound(run, other_key=other_key)
        if run.simulator is not None and self.journal.is_running(run):  # whoever runs it has the simulator's file too
            raise self.journal.being_run(run.id)
        self._keep_simulator(run.id, run.simulator)
        decided = [] if in_doubt == "ask" else decisions(self.journal.records(run.id), in_doubt, self._is_api)
        log = self.journal.take(run, failure_to_repeat if run.status == "failed" else _nothing, decided)
        if script.source != run.source:
            self._say(
                run.id,
                "warn",
                f"{run.script} has changed since the run began; the run continues if its calls so far are the same",
                sinks,
            )
        for_all = in_doubt if isinstance(in_doubt, str) else "ask"
        if any(decode_decided(each.data).back_to is not None for each in decided):
            run = replace(run, printed=0)  # after a withdrawn decision the output differs; the log has what was shown
        return self._kept(run, script, log, for_all, recorded=recorded, batch=batch, outcome=outcome)

    def _is_api(self, operation: str) -> bool:
        return operation.partition(".")[0] in self._parts.apis

    def _kept(
        self,
        run: RunRow,
        script: Script,
        log: list[Record],
        in_doubt: str,
        *,
        recorded: bool,
        outcome: Outcome | None = None,
        batch: str | None = None,
    ) -> Kept:
        args, globals = _field(run, "args", self.journal), _field(run, "globals", self.journal)
        durable = Durable(
            self.journal,
            run.id,
            generation=run.generation,
            log=log,
            printed=run.printed,
            in_doubt=in_doubt,
            modules="recorded" if recorded else "current",
            submit=self._parts.services.pipeline.submit,
            outcome=outcome,
        )
        once = self.batches.once_of(run.id, batch, globals)
        return Kept(run.id, script, tuple(args), globals, durable, once)

    def _same(self, run: RunRow, args: tuple[str, ...], given: bytes) -> None:
        now, before = from_lua(given), _field(run, "globals", self.journal)
        for each in (now, before):
            each.pop("rows", None)  # the file of rows may have grown; this run's row is unchanged
        if list(args) != _field(run, "args", self.journal) or now != before:
            raise UsageError(
                f"run {run.id} was started with other arguments or globals",
                hint="resume takes the recorded ones; another run needs another id",
            )

    def _aside(self, run: RunRow) -> None:
        if run.status == "replaced" or "~" in run.id:
            raise UsageError(f"run {run.id} was started over already")
        if self.journal.is_running(run):
            raise self.journal.being_run(run.id)
        self.journal.replace(run)

    def check_bound(self, run: RunRow, *, other_key: bool = False) -> None:
        """Raise ``JournalError`` unless the run's calls go to the same place as before: URL, mode and account."""
        check_bound(run, binding_of(self._parts, bound_apis(run)), other_key=other_key)

    def _keep_simulator(self, run_id: str, path: str | None) -> str | None:
        with self._lock:
            return kept_simulator(self._parts, run_id, path)

    def _say(self, run_id: str, level: str, text: str, sinks: Sequence[Sink]) -> None:
        for sink in (*sinks, *self._parts.services.sinks):
            sink.emit(Logged(run_id, time.time(), level, text))


def _script(run: RunRow, *, recorded: bool) -> Script:
    """The script's file as it is now, or its recorded text if the file no longer exists or ``recorded`` is set."""
    folder = None if run.folder is None else Path(run.folder)
    if folder is not None and not recorded:
        file = folder / Path(run.script).name
        if file.is_file():
            return Script(run.script, Script.read(file).source, folder)
    return Script(run.script, run.source, folder)


def _field(run: RunRow, name: str, journal: Journal, decode: Callable[[bytes], Any] = from_lua) -> Any:
    """A column of a run's row, decoded from MessagePack. Raises :class:`Damaged` if that fails."""
    try:
        return decode(getattr(run, name))
    except (InvalidCall, TypeError) as error:
        raise Damaged(f"the journal {journal.name} is damaged: run {run.id}: its {name} cannot be read") from error


def _nothing(_: list[Record]) -> int:
    return 0
