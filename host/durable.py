"""The durable runs of a host: begun, taken up again, bound to where they may run."""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from host.errors import InvalidCall, JournalError, LimitError, ScriptError, UsageError
from host.events import Logged
from host.gate.api import Api
from host.gate.journal.journal import Journal
from host.gate.journal.records import Binding, Record, Run
from host.lua.values import from_lua, to_lua
from host.run.durable import Durable, InDoubt, failure_to_repeat
from host.run.script import RunResult, Script

if TYPE_CHECKING:
    from host.host import Host

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


class Kept(msgspec.Struct, frozen=True):
    """A durable run that is ours, ready to start."""

    run_id: str
    script: Script
    args: tuple[str, ...]
    globals: Mapping[str, Any]
    durable: Durable


def default_journal() -> str:
    """Where journals are kept unless told otherwise."""
    base = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(base, "luahost", "journal.sqlite")


class DurableRuns:
    """Opens the host's journal with the first durable run. ``own_simulator``: it may be put on disk."""

    def __init__(self, host: Host, *, own_simulator: bool) -> None:
        self._host = host
        self._own_simulator = own_simulator
        self._lock = Lock()
        self._journal: Journal | None = None

    @property
    def journal(self) -> Journal:
        """The journal, opened. Raises :class:`JournalError`."""
        with self._lock:
            if self._journal is None:
                self._journal = Journal.open(self._host.settings.journal or default_journal())
            return self._journal

    @property
    def apis(self) -> Mapping[str, Api]:
        """The host's APIs."""
        return self._host._apis

    def begin(
        self,
        script: Script,
        args: Sequence[str],
        globals: Mapping[str, Any] | None,
        run_id: str | None,
        *,
        force_new: bool = False,
        batch: str | None = None,
    ) -> Kept | RunResult:
        """A new run. With the ``run_id`` of an old one that is resumed, or its result given if it is done.

        ``force_new`` starts it over instead, with new keys. Runs of one ``batch`` are simulated together.
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
                    return self._resume(found, script, "ask", recorded=False, other_key=False)
                self._aside(found)
                generation = found.generation + 1
        return self._new(run_id, generation, script, args, given, batch)

    def open_batch(self, batch_id: str) -> None:
        """See that the runs of a batch can be recorded. Raises ``UsageError``, ``JournalError``."""
        check_id(batch_id)
        assert self.journal is not None

    def begin_job(
        self, job: Any, script: Script, batch_id: str | None, number: int, *, force_new: bool
    ) -> Kept | RunResult:
        """:meth:`begin` for a job of ``Host.run_many``; what is wrong with it is its result, not the batch's end."""
        said = job if isinstance(job, Mapping) else {}
        run_id = said.get("run_id") or (None if batch_id is None else f"{batch_id}.{number}")
        force_new = force_new or bool(said.get("force_new"))
        try:
            return self.begin(
                script, said.get("args", ()), said.get("globals"), run_id, force_new=force_new, batch=batch_id
            )
        except (JournalError, UsageError) as error:
            failure = ScriptError(error.message, script=script.name, kind="journal", hint=error.hint, cause=error)
            simulated = self._host.simulated
            return RunResult(run_id or "", script.name, error=failure, simulated=simulated)

    def resume(
        self,
        run_id: str,
        *,
        in_doubt: InDoubt = "ask",
        recorded: bool = False,
        force_new: bool = False,
        other_key: bool = False,
    ) -> Kept | RunResult:
        """Take up a run again, or give its result if it is done. See :meth:`Host.resume`."""
        if in_doubt not in ("ask", "repeat", "skip"):
            raise UsageError(f"in_doubt is {in_doubt!r}; expected 'ask', 'repeat' or 'skip'")
        found = self.journal.run(run_id)
        if found is None:
            raise no_such_run(self.journal, run_id)
        script = _script(found, recorded=recorded)
        if force_new:
            self.check_bound(found, other_key=other_key)
            self._aside(found)
            args = tuple(from_lua(found.args))
            return self._new(found.id, found.generation + 1, script, args, found.globals)
        return self._resume(found, script, in_doubt, recorded=recorded, other_key=other_key)

    def close(self) -> None:
        """Commit what is there and let go of the journal and of the simulator's file."""
        with self._lock:
            if self._journal is not None:
                self._journal.close()
            simulator = self._host._simulator
            if self._own_simulator and simulator is not None:
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
    ) -> Kept:
        binding = self._binding()
        journal = self.journal
        run = Run(
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
        return self._kept(run, script, [], "ask", recorded=False)

    def _resume(
        self, run: Run, script: Script, in_doubt: InDoubt, *, recorded: bool, other_key: bool
    ) -> Kept | RunResult:
        if run.status == "replaced":
            raise UsageError(f"run {run.id} was started over, and is kept only to be looked at or undone")
        if run.status == "done":
            value, simulated = from_lua(run.value), run.mode == "simulated"
            self._say(run.id, "info", "the run is done: this is its result, and nothing is done again")
            return RunResult(
                run.id, run.script, value=value, calls=run.calls, simulated=simulated, exit_status=run.exit_status
            )
        self.check_bound(run, other_key=other_key)
        self._keep_simulator(run.id, run.simulator)
        log = self.journal.take(run, failure_to_repeat if run.status == "failed" else _nothing)
        if script.source != run.source:
            self._say(
                run.id,
                "warn",
                f"{run.script} has changed since the run began; it goes on if its calls so far are the same",
            )
        return self._kept(run, script, log, in_doubt, recorded=recorded)

    def _kept(
        self, run: Run, script: Script, log: list[Record], in_doubt: InDoubt, *, recorded: bool
    ) -> Kept:
        durable = Durable(
            self.journal,
            run.id,
            generation=run.generation,
            log=log,
            printed=run.printed,
            in_doubt=in_doubt,
            modules="recorded" if recorded else "current",
            submit=self._host._around.gate.submit,
        )
        return Kept(run.id, script, tuple(from_lua(run.args)), from_lua(run.globals), durable)

    def _same(self, run: Run, args: tuple[str, ...], given: bytes) -> None:
        if list(args) != from_lua(run.args) or from_lua(given) != from_lua(run.globals):
            raise UsageError(
                f"run {run.id} was started with other arguments or globals",
                hint="resume takes the recorded ones; another run needs another id",
            )

    def _aside(self, run: Run) -> None:
        if run.status == "replaced":
            raise UsageError(f"run {run.id} was started over already")
        if self.journal.is_running(run):
            raise JournalError(f"run {run.id} is being run by another process")
        self.journal.replace(run)

    def _binding(self) -> Binding:
        host = self._host
        if host.simulated:
            return Binding("simulated", "simulated", "")
        apis = sorted(host._apis.items())
        keys = "\0".join(f"{name}\0{api.key.reveal() if api.key else ''}" for name, api in apis)
        account = hashlib.sha256(f"luahost journal\0{keys}".encode()).hexdigest()[:16]
        return Binding(
            ", ".join(f"{name} {api.base_url}" for name, api in apis), host.settings.mode or "other", account
        )

    def check_bound(self, run: Run, *, other_key: bool = False) -> None:
        """Raises unless the run's calls go where they went before."""
        here, there = self._binding(), run.binding
        if here.mode != there.mode:
            raise JournalError(
                f"run {run.id} is a {there.mode} run and would go on as a {here.mode} one",
                hint="resume it with the key it was started with"
                if there.mode != "simulated"
                else "resume it with --simulate",
            )
        if here.base != there.base:
            raise JournalError(f"run {run.id} called {there.base}, and would go on with {here.base}")
        if here.account != there.account and not other_key:
            raise JournalError(
                f"run {run.id} was started with another key",
                hint="with a new key of the same account, resume it with --other-key; "
                "the keys of another account would do everything again there",
            )

    def _keep_simulator(self, run_id: str, path: str | None) -> str | None:
        """See that a simulated run's objects are on disk; gives the file's path."""
        simulator = self._host._simulator
        if simulator is None:
            return None
        with self._lock:
            kept = simulator.store.path
            if kept is None and self._own_simulator:
                kept = path or self._simulator_file(run_id)
                self._host._keep_simulator(kept)
        if path is not None and kept != path:
            raise JournalError(
                f"run {run_id} is simulated with {path}, and this host's simulator keeps {kept or 'nothing'}"
            )
        return kept

    def _simulator_file(self, run_id: str) -> str:
        journal = self._host.settings.journal or default_journal()
        beside = (
            journal.removeprefix("sqlite:///")
            if "://" not in journal.removeprefix("sqlite:///")
            else default_journal()
        )
        folder = Path(beside).absolute().parent / "simulated"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(folder / f"{run_id}.sqlite")

    def _say(self, run_id: str, level: str, text: str) -> None:
        for sink in self._host._around.sinks:
            sink.emit(Logged(run_id, time.time(), level, text))


def no_such_run(journal: Journal, run_id: str) -> UsageError:
    """The error for an id that names none."""
    text = f"there is no run {run_id} in the journal {journal.name}"
    if journal.run(f"{run_id}.1") is not None:
        return UsageError(
            f"{text}; it is a batch, whose runs are {run_id}.1, {run_id}.2 …",
            hint=f"give its command again, with --run-id {run_id}: what is done is not done again",
        )
    return UsageError(text, hint="luahost runs list shows them")


def check_id(run_id: str) -> None:
    """Raise ``UsageError`` for what cannot be a run's id."""
    if not isinstance(run_id, str) or not _ID.fullmatch(run_id):
        raise UsageError(
            "a run's id is 1 to 100 letters, digits and . _ : -, beginning with a letter or digit; "
            f"got {run_id!r}"
        )


def _script(run: Run, *, recorded: bool) -> Script:
    """The script's file as it is now, or its text as it was recorded where there is none any more."""
    folder = None if run.folder is None else Path(run.folder)
    if folder is not None and not recorded:
        file = folder / Path(run.script).name
        if file.is_file():
            return Script(run.script, Script.read(file).source, folder)
    return Script(run.script, run.source, folder)


def _nothing(_: list[Record]) -> int:
    return 0
