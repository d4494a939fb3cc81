"""Host: what a Python program has of all this. It owns the worker, the client, the APIs and the runs."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from host import arguments
from host.api_registry import Apis, Endpoints
from host.bridge.registry import AsyncFunctionRegistry
from host.bridge.threads import in_thread
from host.bridge.worker import AsyncWorker
from host.calls.pipeline import CallPipeline
from host.config_file import ConfigFile, read_config
from host.errors import ConfigError, UsageError
from host.events import Event, Sink
from host.extension import Additions
from host.functions.registration import Functions
from host.host_arguments import (
    api_arguments,
    check_process_arguments,
    check_settings,
    check_simulator,
    checked_parts,
)
from host.http.api_limits import limits_of, policies_of
from host.http.chain import chain
from host.http.message import Send
from host.http.sender import USER_AGENT, HttpxParts, Sender, http_client
from host.libraries.builtin import builtin_libraries
from host.limits import YEAR, Limits
from host.lua.bytecode_cache import Chunks
from host.policy.budget import Budget
from host.policy.permissions import Permissions
from host.policy.policy import HostPolicy
from host.policy.redaction import Redactor
from host.processes.runs import Runs
from host.run.lua_states import States
from host.run.options import RunKeywords, RunOptions, ScriptLike, script_of
from host.run.result_type import decoded, reader
from host.run.scheduler import Scheduler
from host.run.script import RunResult, Script
from host.run.session import RunServices, Session
from host.settings import Settings

if TYPE_CHECKING:
    import httpx

    from host.apis.api import Api
    from host.apis.definition import Document
    from host.bridge.request import AsyncRequest, Reply
    from host.durable.decisions import InDoubt
    from host.durable.runs import DurableRuns, Kept
    from host.host_arguments import ApiArguments
    from host.isolation.processes import Isolation
    from host.processes.pool import WorkerProcesses
    from host.simulator.simulator import Simulator
    from host.stats import HostStats

F = TypeVar("F", bound=Callable[..., Any])
K = TypeVar("K")
Create = Callable[[Any], Any]

V = TypeVar("V")


_FIXED = frozenset({"settings", "limits", "simulated", "registry", "isolation"})


class Host(Additions):
    """Runs Lua scripts against APIs. Use it as ``with Host() as host`` or ``async with``, or ``close()`` it.

    ``simulate=True`` answers from the built-in simulator; else a key is needed and its absence raises
    ``ConfigError``, but for a host that names its ``apis`` (other than Stripe; ``{}`` for none) or whose permissions
    grant no call of Stripe. ``apis`` are documents by name, or mappings of ``document``, ``base_url`` and ``auth``.
    ``settings`` are fields of :class:`~host.settings.Settings` by name
    (``stripe_secret_key=…``, ``http_timeout=…``); they win over the environment, which wins over ``env_file``.
    ``transport`` is ``"auto"``, ``"httpx"``, or an ``httpx.AsyncBaseTransport``;
    ``mounts``, ``event_hooks`` and ``auth`` are httpx's own. ``sinks``, objects with ``emit(event)`` or functions of
    an event, get every event of every run.
    ``permissions`` are what scripts may do; ``budget`` is what all runs together may spend, ``daily_budget`` what
    they may on each day with one key (docs/permissions.md). ``env`` holds values scripts may read, beside what
    the permissions grant of the process's environment. ``config`` is the path of a ``host.toml``, over which
    arguments win. ``isolation="process"`` runs each script in a confined process of its own;
    ``host.isolation.describe()`` then tells what holds there. ``processes`` spreads runs over so many worker
    processes; ``setup="module:function"`` is called with the host of each (docs/concurrency.md). An argument that
    cannot be what it is meant for raises ``UsageError`` naming it.
    """

    def __init__(
        self,
        simulate: bool = False,
        env_file: str | os.PathLike[str] | None = None,
        *,
        limits: Limits | Mapping[str, Any] | None = None,
        transport: str | httpx.AsyncBaseTransport | None = None,
        mounts: Mapping[str, Any] | None = None,
        event_hooks: Mapping[str, list[Callable[..., Any]]] | None = None,
        auth: Any = None,
        sinks: Sequence[Sink | Callable[[Event], Any]] = (),
        env: Mapping[str, str] | None = None,
        simulator: Simulator | None = None,
        isolation: Literal["none", "process"] = "none",
        permissions: Permissions | Mapping[str, Any] | None = None,
        budget: Budget | Mapping[str, Any] | None = None,
        daily_budget: Budget | Mapping[str, Any] | None = None,
        config: str | os.PathLike[str] | ConfigFile | None = None,
        processes: int = 1,
        setup: str | None = None,
        apis: Mapping[str, Document | ApiArguments] | None = None,
        **settings: Any,
    ) -> None:
        if isolation not in ("none", "process"):
            raise arguments.wrong("isolation", isolation, "'none' or 'process'")
        if isinstance(transport, str):
            settings["transport"], transport = transport, None
        check_settings(settings, Host.__init__.__kwdefaults__ or ())
        parts = checked_parts(transport, mounts, event_hooks, auth)
        check_process_arguments(processes, setup)
        limits = arguments.of_struct("limits", limits, Limits)
        permissions = arguments.of_struct("permissions", permissions, Permissions)
        budget = arguments.of_struct("budget", budget, Budget)
        daily_budget = arguments.of_struct("daily_budget", daily_budget, Budget)
        given = arguments.sinks("sinks", sinks)
        documents = None if apis is None else api_arguments(apis)
        if env is not None:
            arguments.text_mapping("env", env)
        if simulator is not None:
            check_simulator(simulator)
        self._config = _config(config)
        self._env_file = None if env_file is None else arguments.a_path("env_file", env_file)
        self.settings = self._read_settings(env_file, settings, self._claims(permissions, documents or {}))
        self.limits = limits or self._config.limits or Limits()
        self.simulated = arguments.a_flag("simulate", simulate) or simulator is not None
        if self.simulated and processes == 1 and (name := parts.first()) is not None:
            raise UsageError(f"{name}: a simulated host sends nothing, so it has no use for one")
        self._lock = threading.Lock()
        self._durable_runs: DurableRuns | None = None
        self._simulator, self._own_simulator = simulator, simulator is None
        # What is known, and what may be done.
        self._added = Apis(self.settings, simulated=self.simulated)
        mask = Redactor([self.settings.stripe_secret_key] if self.settings.stripe_secret_key else [])
        self._rules = HostPolicy.of_host(self._config, permissions, budget, daily_budget, self._apis, mask, env)
        if documents is None and not self._config.apis:
            self._check_key()
        if processes != 1:
            self._rules.check_one_process()
        # The loop's side: what answers calls.
        self.registry = AsyncFunctionRegistry(router=self._route, timeout=self.settings.request_deadline)
        self._worker = AsyncWorker(
            self.registry.functions,
            capacity=self.settings.queue_capacity,
            max_in_flight=self.settings.max_in_flight,
            on_orphan=self._orphaned,
        )
        self.registry.attach(self._worker)
        self._wire = Sender(self._open_client(parts), self._chain)
        self._worker.add_closer(self._wire.client.aclose)
        self.registry.register("api", self._wire.send)
        self._libraries = builtin_libraries(self.settings, USER_AGENT, self._added.secret, mask)
        self._worker.add_closer(self._libraries.aclose)
        self.registry.register("library.ended", self._libraries.wait)
        self._functions = Functions(self.registry, self._names)
        self._endpoints = Endpoints(self._apis, self._functions.by_name, self._wire)
        self.registry.register("api.endpoint", self._endpoints.call)
        # The scripts' side.
        self._runners = Scheduler(self._worker)
        if isolation == "process" or not self._wire.client.is_own:
            self._worker.pin()
        for own in ("api", "api.endpoint", "api.simulated"):
            self._worker.movable(own)
        self._worker.direct("api", lambda: bool(self._wire.client.is_direct))
        self.isolation = self._isolate() if isolation == "process" else None
        self._states = States(self._worker)  # of runs in this process
        services = RunServices(
            gate=CallPipeline(
                self.registry,
                self._apis,
                self._functions.by_name,
                self._functions.builders,
                deadline=self.settings.request_deadline,
                mask=mask,
                libraries=self._libraries,
            ),
            worker=self._worker,
            runners=self._runners,
            sinks=given,
            simulated=self.simulated,
            mask=mask,
            new_state=self._states.new if self.isolation is None else self.isolation.state,
            chunks=Chunks() if self.isolation is None else None,
        )
        self._runs = Runs(services, self._rules, self.limits)
        try:
            if processes == 1 and setup is not None:
                self._set_up(setup)
            self._add_apis(documents or {}, self._config.apis)
            if processes != 1:
                self._spread(processes, setup, isolation, parts)
        except BaseException:
            self.close(0.0)
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and "_runs" in self.__dict__:
            raise UsageError(
                f"Host.{name} is fixed once the host is open, and setting it would change nothing",
                hint="Give it to Host(…), or what is for one run to that run.",
            )
        super().__setattr__(name, value)

    # -- runs

    def compile(self, source: ScriptLike) -> Script:
        """A reusable script of a file's path, or of Lua source text. Raises ``UsageError``.

        A text is source if it holds a line break, or a space or a parenthesis while it names no file.
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

        ``durable=True`` records it in the journal, so that :meth:`resume` can go on after a crash. ``run_id``
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
        self._worker.check_may_block(method, f"Await {method}_async() there instead.")
        source = script_of(script)
        if not options.is_kept:
            return self._runs.wait(source, options)
        self._runs.check_open()
        kept = self.durable_runs.begin(
            source, options.args, options.globals, options.run_id, force_new=options.force_new, sinks=options.sinks
        )
        return kept if isinstance(kept, RunResult) else self._runs.wait(kept.script, options, kept)

    async def _run_async(self, script: ScriptLike, options: RunOptions) -> RunResult:
        source = script_of(script)
        if not options.is_kept:
            return await self._runs.wait_async(source, options)
        self._runs.check_open()
        begin, force_new, sinks = self.durable_runs.begin, options.force_new, options.sinks
        kept = await in_thread(
            lambda: begin(source, options.args, options.globals, options.run_id, force_new=force_new, sinks=sinks)
        )
        if isinstance(kept, RunResult):
            return kept
        return await self._runs.wait_async(kept.script, options, kept)

    def run_many(
        self,
        jobs: Iterable[ScriptLike | Mapping[str, Any]],
        *,
        concurrency: int = 100,
        batch_id: str | None = None,
        force_new: bool = False,
    ) -> Iterator[RunResult]:
        """Run many scripts, up to ``concurrency`` at once; gives results as they end.

        A job is a path, a :class:`Script`, or a mapping with ``script`` (or ``code``) and what
        :meth:`run` takes. Jobs are taken from the iterable as there is room for them.

        With a ``batch_id`` all runs are durable: the first job's is ``ID.1``, the next one's ``ID.2`` …, and the
        same jobs given again with the same id are gone on with: what is done gives its result again. A job that
        cannot be recorded has an error of kind ``journal`` as its result, one that is another than the one of that
        number one of kind ``usage``. ``force_new`` starts all of them over, with new keys.
        """
        if isinstance(jobs, str | bytes | Mapping) or not isinstance(jobs, Iterable):
            raise arguments.wrong("jobs", jobs, "a list of jobs, or what gives them one by one")
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise arguments.wrong("concurrency", concurrency, "at least 1")
        arguments.a_flag("force_new", force_new)
        self._worker.check_may_block("run_many", "Await run_async() there instead, with asyncio.gather() for many.")
        self._runs.check_open()
        if batch_id is not None:
            self.durable_runs.open_batch(batch_id)
        elif force_new:
            raise UsageError("force_new starts a batch over: say which with batch_id")

        def keep(job: Any, script: Script, options: RunOptions, number: int) -> Kept | RunResult | None:
            if batch_id is None and not options.is_kept:
                return None
            return self.durable_runs.begin_job(job, script, batch_id, number, force_new=force_new)

        return self._runs.many(iter(jobs), concurrency, keep)

    def interrupt(self) -> None:
        """End all runs as soon as they yield; their results carry ``kind="interrupted"``. From any thread."""
        self._runs.interrupt()

    # -- durable runs

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
        """Take up a durable run again: what is recorded answers from the journal, the rest is done now.

        The script is its file's text as it is now, or as it was recorded (``recorded``, or where the file is
        gone). ``in_doubt`` is for changes that were sent, have no recorded answer and are no longer safe to
        repeat: ``"ask"`` ends the run naming them, ``"skip"`` and ``"repeat"`` are for all of them, a mapping decides
        each by the name the error gives it (``error.facts["calls"]``): ``{"call 1 of task 1": "skip"}``, ``"repeat"``,
        ``"done:JSON"`` or ``("done", answer)``. A decision may be changed until the run has sent a change after it.
        ``force_new`` starts over with new keys. ``other_key`` says
        that the present key is of the same account as the one the run began with. Raises ``JournalError``
        where the run may not go on here, or somebody else runs it.
        """
        arguments.an_instance("run_id", run_id, str, "a text: the run's id")
        for name, value in (("recorded", recorded), ("force_new", force_new), ("other_key", other_key)):
            arguments.a_flag(name, value)
        chosen: RunKeywords = {"timeout": timeout, "limits": limits, "permissions": permissions, "budget": budget}
        options = RunOptions.of("resume", chosen)
        self._worker.check_may_block("resume", "Await resume_async() there instead.")
        self._runs.check_open()
        kept = self.durable_runs.resume(
            run_id, in_doubt=in_doubt, recorded=recorded, force_new=force_new, other_key=other_key
        )
        if isinstance(kept, RunResult):
            return kept
        return self._runs.wait(kept.script, options, kept)

    async def resume_async(
        self,
        run_id: str,
        *,
        in_doubt: InDoubt = "ask",
        recorded: bool = False,
        force_new: bool = False,
        other_key: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 -- the script is told, not merely left
        limits: Limits | Mapping[str, Any] | None = None,
        permissions: Permissions | Mapping[str, Any] | None = None,
        budget: Budget | Mapping[str, Any] | None = None,
    ) -> RunResult:
        """:meth:`resume` from a running loop, without blocking it. Cancelling it ends the run."""
        arguments.an_instance("run_id", run_id, str, "a text: the run's id")
        for name, value in (("recorded", recorded), ("force_new", force_new), ("other_key", other_key)):
            arguments.a_flag(name, value)
        chosen: RunKeywords = {"timeout": timeout, "limits": limits, "permissions": permissions, "budget": budget}
        options = RunOptions.of("resume", chosen)
        self._runs.check_open()
        kept = await in_thread(
            lambda: self.durable_runs.resume(
                run_id, in_doubt=in_doubt, recorded=recorded, force_new=force_new, other_key=other_key
            )
        )
        if isinstance(kept, RunResult):
            return kept
        return await self._runs.wait_async(kept.script, options, kept)

    @property
    def durable_runs(self) -> DurableRuns:
        """What begins, resumes and looks at durable runs."""
        if self._shards is not None:
            raise UsageError("durable runs need a host of one process: leave processes=… (--processes) out")
        with self._lock:
            if self._durable_runs is None:
                from host.durable.runs import DurableRuns, HostParts  # most hosts have none

                self._durable_runs = DurableRuns(
                    HostParts(
                        settings=self.settings,
                        apis=self._apis,
                        services=self._services,
                        simulator=lambda: self._simulator,
                        keep_simulator=self._keep_simulator,
                        run_many=self._runs.many,
                    ),
                    own_simulator=self._own_simulator,
                )
            return self._durable_runs

    def _orphaned(self, request: AsyncRequest, reply: Reply) -> None:
        session = request.source
        if isinstance(session, Session):
            session.orphaned(request, reply)

    def _keep_simulator(self, path: str) -> None:
        """Have the simulator keep its objects in a file; nothing may have been asked of it yet."""
        from host.simulator.simulator import Simulator
        from host.simulator.store import Store

        assert self._simulator is not None
        if self._simulator.ledger():
            raise UsageError(
                "this host's simulator holds objects already, and a durable run needs them on disk from the start",
                hint="run durable runs first, or give Host(simulator=Simulator(…, store=Store(path)))",
            )
        self._simulator = Simulator(self._apis["stripe"].catalog, store=Store(path))
        self._wire.client.replace("stripe", self._simulator)

    # -- the host itself

    def stats(self) -> HostStats:
        """The health of the queue and the loop, of all processes together."""
        from host.stats import measure  # asked for at the end, if at all

        apart = 0 if self.isolation is None else self.isolation.exhausted
        exhausted = self._states.exhausted + apart
        return measure(self._worker.stats(), len(self._services.alive), self._runners.threads, self._shards, exhausted)

    def close(self, grace: float = 5.0) -> None:
        """End all runs, let calls in flight finish for ``grace`` seconds, and free everything. Twice is fine."""
        if isinstance(grace, bool) or not isinstance(grace, int | float) or not 0 <= grace <= YEAR:
            raise arguments.wrong("grace", grace, "seconds from 0, at most a year")
        if not self._runs.forked and self._services.alive:
            self._worker.check_may_block("close", "Use async with, or await asyncio.to_thread(host.close).")
        self._runs.close(grace)
        if self._runs.forked:
            return
        self._worker.stop(grace)
        self._runners.close(grace)
        if self._durable_runs is not None:
            self._durable_runs.close()
        self._functions.close()
        self._states.close()
        if self.isolation is not None:
            self.isolation.close()
        self._rules.close()

    def __enter__(self) -> Host:
        self._runs.check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Host:
        self._runs.check_open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await in_thread(self.close)

    def __del__(self) -> None:
        runs: Runs | None = getattr(self, "_runs", None)  # none where opening it failed
        if runs is not None and not runs.closed and not runs.forked:
            warnings.warn("a Host was not closed", ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        where = "simulated" if self.simulated else self._apis["stripe"].base_url
        return f"<Host {where}{' closed' if self._runs.closed else ''}>"

    # -- its parts

    def _read_settings(
        self, env_file: str | os.PathLike[str] | None, given: Mapping[str, Any], claimed: Callable[[str], bool]
    ) -> Settings:
        config = (self._config.path, self._config.settings)
        return Settings.load(env_file=env_file, overrides=given, config=config, claimed=claimed)

    def _claims(self, permissions: Permissions | None, apis: Iterable[str]) -> Callable[[str], bool]:
        """Tells the variables that are no settings of ours all the same."""
        config, granted = self._config, permissions
        return lambda name: config.claims(name, apis) or (granted is not None and granted.grants_env(name))

    def _check_key(self) -> None:
        """Of a host that has Stripe alone: it needs the key, unless its permissions grant no call of it."""
        if not self.simulated and not self.settings.has_key and self._rules.grants_some("stripe"):
            self._rules.close()
            raise ConfigError(
                "there is no Stripe key: STRIPE_SECRET_KEY is not set",
                hint="Set STRIPE_SECRET_KEY, or ask for the simulator with Host(simulate=True). A host whose "
                "scripts need no Stripe says so: Host(apis={}), with the other APIs they call.",
            )

    def _open_client(self, parts: HttpxParts) -> Any:
        if not self.simulated:
            return http_client(self.settings, self._added.credential, parts)
        from host.simulator.inprocess import SimulatedClient
        from host.simulator.simulator import Simulator

        if self._simulator is None:
            self._simulator = Simulator(self._apis["stripe"].catalog)
        return SimulatedClient({"stripe": self._simulator})

    def _chain(self, send: Send) -> Send:
        limits = limits_of(self.settings, simulated=self.simulated)
        policies = policies_of(self.settings)
        return chain(send, limits=limits, on_wait=self._worker.extend_deadline, policies=policies)

    def _isolate(self) -> Isolation:
        from host.isolation.processes import Isolation  # for who asks for it

        return Isolation(self.limits, later=self._worker.call_later, held=self._runners.held)

    def _set_up(self, setup: str) -> None:
        from host.processes.setup import run_setup  # hosts of one process seldom have any

        run_setup(setup, self)

    def _spread(self, processes: int, setup: str | None, isolation: str, parts: HttpxParts) -> None:
        from host.processes.host_side import open_processes  # few hosts have more processes than one

        self._runs.shards = open_processes(
            processes,
            setup,
            {"isolation": isolation, "permissions": self._rules.permissions.plain()},
            settings=self.settings,
            simulated=self.simulated,
            parts=parts,
            apis=[api for name, api in self._apis.items() if name != "stripe"],
            sinks=self._services.sinks,
            registry=self.registry,
            wire=self._wire,
        )

    def _route(self, endpoint: str, method: str, data: dict[str, Any]) -> tuple[str, Any, bool]:
        return self._endpoints.route(endpoint, method, data)

    @property
    def _apis(self) -> Mapping[str, Api]:
        return self._added.by_name

    @property
    def _services(self) -> RunServices:
        return self._runs.services

    @property
    def _shards(self) -> WorkerProcesses | None:
        return self._runs.shards


def _config(config: str | os.PathLike[str] | ConfigFile | None) -> ConfigFile:
    if isinstance(config, ConfigFile):
        return config
    return ConfigFile() if config is None else read_config(arguments.a_path("config", config))
