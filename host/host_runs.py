"""How a program runs scripts with its host: at once or on a loop, one or many, recorded and resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, overload

from host import arguments
from host.bridge.threads import in_thread
from host.errors import UsageError
from host.limits import Limits
from host.policy.budget import Budget
from host.policy.permissions import Permissions
from host.run.options import RunKeywords, RunOptions, ScriptLike, script_of
from host.run.result_type import decoded, reader
from host.run.script import RunResult, Script

if TYPE_CHECKING:
    from host.durable.decisions import InDoubt
    from host.durable.runs import DurableRuns, Kept
    from host.host_durable import HostDurable
    from host.host_engine import HostEngine
    from host.processes.runs import Runs

__all__ = ["RunsOfHost"]

V = TypeVar("V")
Record = Callable[[], "Kept | RunResult"]
"""Records a run that is to be done now, or gives the result of one that is done. Waits for the disk."""


class Resumption(TypedDict):
    """How a run is resumed: see :meth:`RunsOfHost.resume`."""

    in_doubt: InDoubt
    recorded: bool
    force_new: bool
    other_key: bool


class RunsOfHost:
    """The part of :class:`~host.host.Host` that runs scripts."""

    _engine: HostEngine
    _runs: Runs
    _durable: HostDurable

    def compile(self, source: ScriptLike) -> Script:
        """A reusable script of a file's path, or of Lua source text. Raises ``UsageError``.

        A string is source if it holds a line break, or a space or a parenthesis while it names no file.
        """
        return script_of(source, "source")

    @overload
    def run(self, script: ScriptLike, *, returns: type[V], **options: Unpack[RunKeywords]) -> RunResult[V]: ...

    @overload
    def run(self, script: ScriptLike, *, returns: Any = None, **options: Unpack[RunKeywords]) -> RunResult: ...

    def run(self, script: ScriptLike, *, returns: Any = None, **options: Unpack[RunKeywords]) -> RunResult:
        """Run a script (a path, or a compiled one) and wait for its result.

        ``options`` are those of :class:`~host.run.options.RunOptions`: ``args``, ``globals``, ``timeout`` (seconds
        for the whole run), ``limits``, ``permissions``, ``budget``, ``sinks`` (for this run's events); and for durable
        runs ``durable``, ``run_id``, ``force_new``.

        ``durable=True`` records it in the journal, so that :meth:`resume` can continue it after a crash. ``run_id``
        names such a run: given again, the run is resumed, or its result given if it is done; ``force_new``
        starts it over, with new keys. With ``durable=False`` the ``run_id`` is a name and nothing is recorded.

        ``returns`` is a type the value is decoded into (a dataclass, ``list[Model]`` …); what does not fit is an
        error of the result. A script's own failure raises nothing: it is ``result.error``. Raises ``UsageError``
        for a path that cannot be read or on the worker's own thread, ``ClosedError`` on a closed host,
        ``JournalError``.
        """
        chosen, convert = RunOptions.of("run", options), reader(returns)
        return decoded(self._run("run", script, chosen), convert)

    @overload
    def run_source(
        self, code: str, *, name: str = "inline", returns: type[V], **options: Unpack[RunKeywords]
    ) -> RunResult[V]: ...

    @overload
    def run_source(
        self, code: str, *, name: str = "inline", returns: Any = None, **options: Unpack[RunKeywords]
    ) -> RunResult: ...

    def run_source(
        self, code: str, *, name: str = "inline", returns: Any = None, **options: Unpack[RunKeywords]
    ) -> RunResult:
        """:meth:`run` for Lua source text; ``name`` stands in messages."""
        chosen, convert = RunOptions.of("run_source", options), reader(returns)
        return decoded(self._run("run_source", Script.of(code, name), chosen), convert)

    @overload
    async def run_async(
        self, script: ScriptLike, *, returns: type[V], **options: Unpack[RunKeywords]
    ) -> RunResult[V]: ...

    @overload
    async def run_async(
        self, script: ScriptLike, *, returns: Any = None, **options: Unpack[RunKeywords]
    ) -> RunResult: ...

    async def run_async(self, script: ScriptLike, *, returns: Any = None, **options: Unpack[RunKeywords]) -> RunResult:
        """:meth:`run` from a running loop, without blocking it. Cancelling it ends the run."""
        chosen, convert = RunOptions.of("run_async", options), reader(returns)
        return decoded(await self._run_async(script, chosen), convert)

    @overload
    async def run_source_async(
        self, code: str, *, name: str = "inline", returns: type[V], **options: Unpack[RunKeywords]
    ) -> RunResult[V]: ...

    @overload
    async def run_source_async(
        self, code: str, *, name: str = "inline", returns: Any = None, **options: Unpack[RunKeywords]
    ) -> RunResult: ...

    async def run_source_async(
        self, code: str, *, name: str = "inline", returns: Any = None, **options: Unpack[RunKeywords]
    ) -> RunResult:
        """:meth:`run_async` for Lua source text."""
        chosen, convert = RunOptions.of("run_source_async", options), reader(returns)
        return decoded(await self._run_async(Script.of(code, name), chosen), convert)

    def _run(self, method: str, script: ScriptLike, options: RunOptions) -> RunResult:
        self._engine.worker.check_may_block(method, f"Await {method}_async() there instead.")
        source = script_of(script)
        if not options.is_kept:
            return self._runs.wait(source, options)
        return self._wait(options, self._begin(source, options))

    async def _run_async(self, script: ScriptLike, options: RunOptions) -> RunResult:
        source = script_of(script)
        if not options.is_kept:
            return await self._runs.wait_async(source, options)
        return await self._wait_async(options, self._begin(source, options))

    def _begin(self, script: Script, options: RunOptions) -> Record:
        """Records a run, or finds it recorded."""
        self._runs.check_open()
        begin, force_new, sinks = self.durable_runs.begin, options.force_new, options.sinks
        return lambda: begin(script, options.args, options.globals, options.run_id, force_new=force_new, sinks=sinks)

    def _wait(self, options: RunOptions, record: Record) -> RunResult:
        kept = record()
        while not isinstance(kept, RunResult):
            result = self._runs.wait(kept.script, options, kept)
            if not kept.is_taken_over:
                return result
            kept = self.durable_runs.delivered_again(kept)
        return kept

    async def _wait_async(self, options: RunOptions, record: Record) -> RunResult:
        kept = await in_thread(record)
        while not isinstance(kept, RunResult):
            result = await self._runs.wait_async(kept.script, options, kept)
            if not kept.is_taken_over:
                return result
            kept = await in_thread(partial(self.durable_runs.delivered_again, kept))
        return kept

    def run_many(
        self,
        jobs: Iterable[ScriptLike | Mapping[str, Any]],
        *,
        concurrency: int = 100,
        batch_id: str | None = None,
        force_new: bool = False,
    ) -> Iterator[RunResult]:
        """Run many scripts, up to ``concurrency`` at once; returns results as they end.

        A job is a path, a :class:`Script`, or a mapping with ``script`` (or ``code``) and what
        :meth:`run` takes. Jobs are taken from the iterable as there is room for them.

        With a ``batch_id`` all runs are durable: the first job's is ``ID.1``, the next one's ``ID.2`` …, and the
        same jobs given again with the same id are continued: what is done gives its result again. A job that
        cannot be recorded has an error of kind ``journal`` as its result, one that is another than the one of that
        number one of kind ``usage``. ``force_new`` starts all of them over, with new keys.
        """
        if isinstance(jobs, str | bytes | Mapping) or not isinstance(jobs, Iterable):
            raise arguments.wrong("jobs", jobs, "a list of jobs, or what gives them one by one")
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise arguments.wrong("concurrency", concurrency, "at least 1")
        arguments.a_flag("force_new", force_new)
        self._engine.worker.check_may_block(
            "run_many", "Await run_async() there instead, with asyncio.gather() for many."
        )
        self._runs.check_open()
        if batch_id is not None:
            self.durable_runs.batches.open(batch_id, force_new=force_new)
        elif force_new:
            raise UsageError("force_new starts a batch over: name it with batch_id")

        def keep(job: Any, script: Script, options: RunOptions, number: int) -> Kept | RunResult | None:
            if batch_id is None and not options.is_kept:
                return None
            return self.durable_runs.batches.begin(job, script, batch_id, number, force_new=force_new)

        def again(kept: Kept) -> Kept | RunResult:
            return self.durable_runs.batches.again(kept)

        return self._runs.many(iter(jobs), concurrency, keep, again)

    def interrupt(self) -> None:
        """End all runs as soon as they yield; their results carry ``kind="interrupted"``. From any thread."""
        self._runs.interrupt()

    def resume(
        self,
        run_id: str,
        *,
        in_doubt: InDoubt = "ask",
        recorded: bool = False,
        force_new: bool = False,
        other_key: bool = False,
        timeout: float | None = None,
        limits: Limits | Mapping[str, Any] | None = None,
        permissions: Permissions | Mapping[str, Any] | None = None,
        budget: Budget | Mapping[str, Any] | None = None,
    ) -> RunResult:
        """Resume a durable run: what is recorded answers from the journal, the rest is done now.

        The script is its file's text as it is now, or as it was recorded (``recorded``, or where the file is
        gone). ``in_doubt`` is for changes that were sent, have no recorded answer and are no longer safe to
        repeat: ``"ask"`` ends the run naming them, ``"skip"`` and ``"repeat"`` are for all of them, a mapping decides
        each by the name the error gives it (``error.facts["calls"]``): ``{"call 1 of task 1": "skip"}``, ``"repeat"``,
        ``"done:JSON"`` or ``("done", answer)``. A decision may be changed until the run has sent a change after it.
        ``force_new`` starts over with new keys. ``other_key`` says
        that the present key is of the same account as the one the run began with. Raises ``JournalError``
        if the run may not continue here, or another process runs it.
        """
        self._engine.worker.check_may_block("resume", "Await resume_async() there instead.")
        how: Resumption = {
            "in_doubt": in_doubt, "recorded": recorded, "force_new": force_new, "other_key": other_key,
        }  # fmt: skip
        chosen: RunKeywords = {"timeout": timeout, "limits": limits, "permissions": permissions, "budget": budget}
        return self._wait(*self._taken_up(run_id, how, chosen))

    async def resume_async(
        self,
        run_id: str,
        *,
        in_doubt: InDoubt = "ask",
        recorded: bool = False,
        force_new: bool = False,
        other_key: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 -- the script gets an error instead of being abandoned
        limits: Limits | Mapping[str, Any] | None = None,
        permissions: Permissions | Mapping[str, Any] | None = None,
        budget: Budget | Mapping[str, Any] | None = None,
    ) -> RunResult:
        """:meth:`resume` from a running loop, without blocking it. Cancelling it ends the run."""
        how: Resumption = {
            "in_doubt": in_doubt, "recorded": recorded, "force_new": force_new, "other_key": other_key,
        }  # fmt: skip
        chosen: RunKeywords = {"timeout": timeout, "limits": limits, "permissions": permissions, "budget": budget}
        return await self._wait_async(*self._taken_up(run_id, how, chosen))

    def _taken_up(self, run_id: str, how: Resumption, chosen: RunKeywords) -> tuple[RunOptions, Record]:
        arguments.an_instance("run_id", run_id, str, "a string: the run's id")
        arguments.a_flag("recorded", how["recorded"])
        arguments.a_flag("force_new", how["force_new"])
        arguments.a_flag("other_key", how["other_key"])
        options = RunOptions.of("resume", chosen)
        self._runs.check_open()
        durable_runs = self.durable_runs
        return options, lambda: durable_runs.resume(run_id, **how)

    @property
    def durable_runs(self) -> DurableRuns:
        """What begins, resumes and looks at durable runs."""
        if self._runs.worker_processes is not None:
            raise UsageError("durable runs need a host of one process: omit processes=… (--processes)")
        if self._runs.tape is not None:
            raise UsageError("a durable run has a record of its own: omit record=… and replay=… (--record, --replay)")
        return self._durable.runs
