"""Host: owns the worker, the client, the catalogs and the runs."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from host.apis.answers import interpret
from host.bridge.registry import AsyncFunctionRegistry
from host.bridge.request import AsyncRequest
from host.bridge.worker import AsyncWorker
from host.configfile import ConfigFile, read_config
from host.errors import ClosedError, ConfigError, DeniedError, InvalidCall, UsageError
from host.events import Sink
from host.gate.api import Api
from host.gate.budget import Budget
from host.gate.gate import Gate
from host.gate.masking import Mask
from host.gate.permissions import Permissions
from host.gate.rules import Rules
from host.http.chain import Limits as HttpLimits
from host.http.chain import Send, chain
from host.http.client import Credential, HttpClient
from host.http.idempotency import random_key
from host.http.message import Answer, Request
from host.http.settings import HttpSettings
from host.http.traffic import limits_of, policies_of
from host.limits import Limits
from host.lua.state import LuaState
from host.run.functions import Functions
from host.run.libraries import builtin_libraries
from host.run.names import STANDARD
from host.run.returned import decoded
from host.run.runners import Runners
from host.run.script import RunResult, Script
from host.run.session import Job, Session, Surroundings
from host.settings import Secret, Settings

if TYPE_CHECKING:
    import httpx

    from host.apis.catalog import Catalog
    from host.bridge.request import AsyncRequest, Reply
    from host.durable import DurableRuns, Kept
    from host.gate.added import Credentials, Document
    from host.gate.functions import Effect
    from host.gate.libraries.library import Library
    from host.gate.tokens import Tokens
    from host.run.child.isolation import Isolation
    from host.run.durable import InDoubt
    from host.shards.shards import RemoteRun, Shards
    from host.simulator.simulator import Simulator
    from host.stats import HostStats

F = TypeVar("F", bound=Callable[..., Any])
K = TypeVar("K")

VERSION = "0.1.0"


class Host:
    """Runs Lua scripts against APIs. Use it as ``with Host() as host`` or ``async with``, or ``close()`` it.

    ``simulate=True`` answers from the built-in simulator; else a key is needed and its absence raises
    ``ConfigError``. ``settings`` are fields of :class:`~host.settings.Settings` by name
    (``stripe_secret_key=…``, ``http_timeout=…``); they win over the environment, which wins over ``env_file``.
    ``transport`` is ``"auto"``, ``"reqwest"``, ``"httpx"``, or an ``httpx.AsyncBaseTransport``;
    ``mounts``, ``event_hooks`` and ``auth`` are httpx's own. ``sinks`` get every event of every run.
    ``permissions`` are what scripts may do; ``budget`` is what all runs together may spend, ``daily_budget`` what
    they may on each day with one key (docs/permissions.md). ``env`` holds values scripts may read, beside what
    the permissions grant of the process's environment. ``config`` is the path of a ``host.toml``, over which
    arguments win. ``isolation="process"`` runs each script in a confined process of its own;
    ``host.isolation.describe()`` then tells what holds there. ``processes`` spreads runs over so many worker
    processes; ``setup="module:function"`` is called with the host of each (docs/concurrency.md).
    """

    def __init__(
        self,
        simulate: bool = False,
        env_file: str | os.PathLike[str] | None = None,
        *,
        limits: Limits | None = None,
        transport: str | httpx.AsyncBaseTransport | None = None,
        mounts: Mapping[str, Any] | None = None,
        event_hooks: Mapping[str, list[Callable[..., Any]]] | None = None,
        auth: Any = None,
        sinks: Sequence[Sink] = (),
        env: Mapping[str, str] | None = None,
        simulator: Simulator | None = None,
        isolation: Literal["none", "process"] = "none",
        permissions: Permissions | None = None,
        budget: Budget | None = None,
        daily_budget: Budget | None = None,
        config: str | os.PathLike[str] | ConfigFile | None = None,
        processes: int = 1,
        setup: str | None = None,
        apis: Mapping[str, Document] | None = None,
        **settings: Any,
    ) -> None:
        if isolation not in ("none", "process"):
            raise UsageError(f"isolation is {isolation!r}; expected 'none' or 'process'")
        custom = None
        if isinstance(transport, str):
            settings["transport"] = transport
        else:
            custom = transport
        self._config = _config(config)
        self.settings = self._read_settings(env_file, settings)
        self.limits = limits or self._config.limits or Limits()
        self.simulated = simulate or simulator is not None
        if not self.simulated and not self.settings.has_key and not apis:
            raise ConfigError(
                "there is no Stripe key: STRIPE_SECRET_KEY is not set",
                hint="Set STRIPE_SECRET_KEY, or ask for the simulator with Host(simulate=True).",
            )
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._apis = {"stripe": self._stripe()}
        mask = Mask([self.settings.stripe_secret_key] if self.settings.stripe_secret_key else [])
        self._rules = Rules.of_host(self._config, permissions, budget, daily_budget, self._apis, mask, env)
        if processes != 1:
            self._rules.check_one_process()
        self._closed = False  # from here on there is something to close
        self._credentials: dict[str, Credential | None] = {}  # by API, made when first needed
        self._simulator = simulator
        self._own_simulator = simulator is None
        self._durable_runs: DurableRuns | None = None
        self._env_file = env_file
        self._tokens: Tokens | None = None  # with the first API that is added
        self._client = self._open_client(custom, mounts, event_hooks, auth)
        self.registry = AsyncFunctionRegistry(router=self._route, timeout=self.settings.request_deadline)
        self.registry.register("api", self._call_api)
        self.registry.register("api.endpoint", self._call_endpoint)
        self._functions = Functions(self.registry, self._names)
        self._worker = AsyncWorker(
            self.registry.functions,
            capacity=self.settings.queue_capacity,
            max_in_flight=self.settings.max_in_flight,
            on_orphan=self._orphaned,
        )
        self._send = self._chain(self._client.send)
        self._worker.add_closer(self._client.aclose)
        self._libraries = builtin_libraries(self.settings, f"luahost/{VERSION}", self._secret_of, mask)
        self.registry.register("library.ended", self._libraries.wait)
        self._worker.add_closer(self._libraries.aclose)
        self.registry.attach(self._worker)
        self._runners = Runners(self._worker)
        self.isolation = self._isolate() if isolation == "process" else None
        self._around = Surroundings(
            gate=Gate(self.registry, self._apis, self._functions.by_name, self._functions.builders,
                deadline=self.settings.request_deadline, mask=mask, libraries=self._libraries),
            worker=self._worker,
            runners=self._runners,
            sinks=tuple(sinks),
            simulated=self.simulated,
            mask=mask,
            new_state=self.isolation.state if self.isolation is not None else LuaState,
        )
        self._shards: Shards | None = None
        if processes != 1 or setup is not None:
            local = {"transport": custom, "mounts": mounts, "event_hooks": event_hooks, "auth": auth}
            try:
                options = {"isolation": isolation, "permissions": self._rules.permissions.plain()}
                self._set_up(processes, setup, options, local)
            except BaseException:
                self.close(0.0)
                raise
        try:
            for name, document in (apis or {}).items():
                self.add_api(name, document)
        except BaseException:
            self.close(0.0)
            raise

    # -- runs

    def compile(self, source: str | os.PathLike[str]) -> Script:
        """A reusable script of a file's path, or of Lua source text.

        A text is source if it holds a line break, a space or a parenthesis and names no file.
        """
        return _script(source)

    def run(
        self,
        script: str | os.PathLike[str] | Script,
        *,
        args: Sequence[str] = (),
        globals: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        limits: Limits | None = None,
        permissions: Permissions | None = None,
        budget: Budget | None = None,
        durable: bool = False,
        run_id: str | None = None,
        force_new: bool = False,
        returns: Any = None,
    ) -> RunResult:
        """Run a script (a path, or a compiled one) and wait for its result.

        ``durable=True`` records it in the journal, so that :meth:`resume` can go on after a crash. ``run_id``
        names such a run: given again, the run is resumed, or its result given if it is done; ``force_new``
        starts it over, with new keys.

        ``returns`` is a type the value is decoded into (a dataclass, ``list[Model]`` …); what does not fit is an
        error of the result. A script's own failure raises nothing: it is ``result.error``. Raises ``UsageError``
        for a path that cannot be read or on the worker's own thread, ``ClosedError`` on a closed host,
        ``JournalError``.
        """
        self._worker.check_may_block("run")
        kept: Kept | RunResult | None = None
        if durable or run_id is not None:
            self._check_open()
            kept = self.durable_runs.begin(_script(script), args, globals, run_id, force_new=force_new)
        result = self._run(script, args, globals, timeout, limits, permissions, budget, kept)
        return decoded(result, returns)

    def _run(
        self,
        script: str | os.PathLike[str] | Script,
        args: Sequence[str],
        globals: Mapping[str, Any] | None,
        timeout: float | None,
        limits: Limits | None,
        permissions: Permissions | None,
        budget: Budget | None,
        kept: Kept | RunResult | None,
    ) -> RunResult:
        if isinstance(kept, RunResult):
            return kept
        source = kept.script if kept is not None else _script(script)
        finished: SimpleQueue[RunResult] = SimpleQueue()
        session = self._launch(
            source, args, globals, timeout, limits, permissions, budget, finished.put, kept=kept
        )
        try:
            return finished.get()
        except BaseException:  # Ctrl-C: whoever waited is gone
            session.kill("interrupted")
            raise

    def resume(
        self,
        run_id: str,
        *,
        in_doubt: InDoubt = "ask",
        recorded: bool = False,
        force_new: bool = False,
        other_key: bool = False,
        timeout: float | None = None,
        limits: Limits | None = None,
        permissions: Permissions | None = None,
        budget: Budget | None = None,
    ) -> RunResult:
        """Take up a durable run again: what is recorded answers from the journal, the rest is done now.

        The script is its file's text as it is now, or as it was recorded (``recorded``, or where the file is
        gone). ``in_doubt`` is for changes that were sent, have no recorded answer and are no longer safe to
        repeat: ``"ask"`` ends the run naming them. ``force_new`` starts over with new keys. ``other_key`` says
        that the present key is of the same account as the one the run began with. Raises ``JournalError``
        where the run may not go on here, or somebody else runs it.
        """
        self._worker.check_may_block("resume")
        self._check_open()
        kept = self.durable_runs.resume(
            run_id, in_doubt=in_doubt, recorded=recorded, force_new=force_new, other_key=other_key
        )
        return self._run("", (), None, timeout, limits, permissions, budget, kept)

    def run_source(
        self,
        code: str,
        *,
        name: str = "inline",
        args: Sequence[str] = (),
        globals: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        limits: Limits | None = None,
        permissions: Permissions | None = None,
        budget: Budget | None = None,
        durable: bool = False,
        run_id: str | None = None,
        force_new: bool = False,
        returns: Any = None,
    ) -> RunResult:
        """:meth:`run` for Lua source text; ``name`` stands in messages."""
        return self.run(
            Script.of(code, name),
            args=args,
            globals=globals,
            timeout=timeout,
            limits=limits,
            permissions=permissions,
            budget=budget,
            durable=durable,
            run_id=run_id,
            force_new=force_new,
            returns=returns,
        )

    async def run_async(
        self,
        script: str | os.PathLike[str] | Script,
        *,
        args: Sequence[str] = (),
        globals: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- the script is told, not merely left
        limits: Limits | None = None,
        permissions: Permissions | None = None,
        budget: Budget | None = None,
        durable: bool = False,
        run_id: str | None = None,
        force_new: bool = False,
        returns: Any = None,
    ) -> RunResult:
        """:meth:`run` from a running loop, without blocking it. Cancelling it ends the run."""
        source = _script(script)
        kept: Kept | None = None
        if durable or run_id is not None:
            self._check_open()
            begun = await asyncio.to_thread(
                self.durable_runs.begin, source, args, globals, run_id, force_new=force_new
            )
            if isinstance(begun, RunResult):
                return decoded(begun, returns)
            kept, source = begun, begun.script
        result = await self._run_async(source, args, globals, timeout, limits, permissions, budget, kept)
        return decoded(result, returns)

    async def _run_async(
        self,
        source: Script,
        args: Sequence[str],
        globals: Mapping[str, Any] | None,
        timeout: float | None,  # noqa: ASYNC109
        limits: Limits | None,
        permissions: Permissions | None,
        budget: Budget | None,
        kept: Kept | None,
    ) -> RunResult:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[RunResult] = loop.create_future()

        def settle(result: RunResult) -> None:
            if not future.done():
                future.set_result(result)

        def finished(result: RunResult) -> None:
            try:
                loop.call_soon_threadsafe(settle, result)
            except RuntimeError:  # that loop is closed: nobody waits
                return

        session = self._launch(
            source, args, globals, timeout, limits, permissions, budget, finished, kept=kept
        )
        try:
            return await future
        except asyncio.CancelledError:
            session.kill("interrupted")
            raise

    async def run_source_async(
        self,
        code: str,
        *,
        name: str = "inline",
        args: Sequence[str] = (),
        globals: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
        limits: Limits | None = None,
        permissions: Permissions | None = None,
        budget: Budget | None = None,
        durable: bool = False,
        run_id: str | None = None,
        force_new: bool = False,
        returns: Any = None,
    ) -> RunResult:
        """:meth:`run_async` for Lua source text."""
        script = Script.of(code, name)
        return await self.run_async(
            script,
            args=args,
            globals=globals,
            timeout=timeout,
            limits=limits,
            permissions=permissions,
            budget=budget,
            durable=durable,
            run_id=run_id,
            force_new=force_new,
            returns=returns,
        )

    async def resume_async(
        self,
        run_id: str,
        *,
        in_doubt: InDoubt = "ask",
        recorded: bool = False,
        force_new: bool = False,
        other_key: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109
        limits: Limits | None = None,
        permissions: Permissions | None = None,
        budget: Budget | None = None,
    ) -> RunResult:
        """:meth:`resume` from a running loop, without blocking it. Cancelling it ends the run."""
        self._check_open()
        kept = await asyncio.to_thread(
            self.durable_runs.resume,
            run_id,
            in_doubt=in_doubt,
            recorded=recorded,
            force_new=force_new,
            other_key=other_key,
        )
        if isinstance(kept, RunResult):
            return kept
        return await self._run_async(kept.script, (), None, timeout, limits, permissions, budget, kept)

    def run_many(
        self,
        jobs: Iterable[str | os.PathLike[str] | Script | Mapping[str, Any]],
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
        cannot be recorded, or is another than the one of that number, has an error of kind ``journal`` as its
        result. ``force_new`` starts all of them over, with new keys.
        """
        if concurrency < 1:
            raise UsageError(f"concurrency is {concurrency}; expected at least 1")
        self._worker.check_may_block("run_many")
        if batch_id is not None:
            self._check_open()
            self.durable_runs.open_batch(batch_id)
        elif force_new:
            raise UsageError("force_new starts a batch over: say which with batch_id")
        return self._run_many(iter(jobs), concurrency, batch_id, force_new)

    def _run_many(
        self, jobs: Iterator[Any], concurrency: int, batch_id: str | None, force_new: bool
    ) -> Iterator[RunResult]:
        finished: SimpleQueue[RunResult] = SimpleQueue()
        running: set[Session | RemoteRun] = set()
        open_runs = 0
        more, number = True, 0
        try:
            while more or open_runs:
                while more and open_runs < concurrency:
                    try:
                        job = next(jobs)
                    except StopIteration:
                        more = False
                        break
                    number += 1
                    arguments, told = _job_arguments(job), _with_job(job, finished.put)
                    kept: Kept | RunResult | None = None
                    if batch_id is not None or _asks_to_be_kept(job):
                        runs = self.durable_runs
                        kept = runs.begin_job(job, arguments[0], batch_id, number, force_new=force_new)
                    open_runs += 1
                    if isinstance(kept, RunResult):
                        told(kept)
                        continue
                    script = arguments[0] if kept is None else kept.script
                    running.add(self._launch(script, *arguments[1:], told, kept=kept))
                if open_runs:
                    result = finished.get()
                    open_runs -= 1
                    running = {s for s in running if s.result is None} if len(running) > 2 * concurrency else running
                    yield result
        finally:
            for session in running:
                if session.result is None:
                    session.kill("interrupted")

    def interrupt(self) -> None:
        """End all runs as soon as they yield; their results carry ``kind="interrupted"``. From any thread."""
        if self._shards is not None:
            self._shards.interrupt()
        for session in list(self._around.alive):
            session.kill("interrupted")

    def _launch(
        self,
        script: Script,
        args: Sequence[str],
        globals: Mapping[str, Any] | None,
        timeout: float | None,
        limits: Limits | None,
        permissions: Permissions | None,
        budget: Budget | None,
        finished: Callable[[RunResult], None],
        run_id: str | None = None,
        kept: Kept | None = None,
    ) -> Session | RemoteRun:
        self._check_open()
        if kept is not None:
            args, globals = kept.args, kept.globals
        limits = limits or self.limits
        seconds = timeout if timeout is not None else limits.run_time
        if seconds is not None and (not isinstance(seconds, int | float) or not seconds > 0):
            raise UsageError(f"timeout is {seconds!r}; expected seconds above 0")
        run_id = run_id or f"run_{uuid.uuid4().hex[:20]}"
        if kept is not None:
            run_id = kept.run_id
        granted, meters, env = self._rules.of_run(permissions, budget)
        job = Job(script, tuple(str(a) for a in args), dict(globals or {}), limits, env, granted, meters)
        if self._shards is not None:
            return self._shards.launch(run_id, job, seconds, finished)

        timer: list[Any] = []

        def done(session: Session) -> None:
            self._around.alive.discard(session)
            for each in timer:
                each.cancel()
            assert session.result is not None
            finished(session.result)

        session = Session(run_id, job, self._around, done, kept.durable if kept is not None else None)
        with self._lock:
            self._check_open()
            self._around.alive.add(session)
        if seconds is not None:
            timer.append(self._worker.call_later(seconds, lambda _: session.kill("timeout")))
        session.start()
        return session

    # -- durable runs

    @property
    def durable_runs(self) -> DurableRuns:
        """What begins, resumes and looks at durable runs."""
        if self._shards is not None:
            raise UsageError("durable runs need a host of one process: leave processes=… (--processes) out")
        with self._lock:
            if self._durable_runs is None:
                from host.durable import DurableRuns  # most hosts have none

                self._durable_runs = DurableRuns(self, own_simulator=self._own_simulator)
            return self._durable_runs

    def _orphaned(self, request: AsyncRequest, reply: Reply) -> None:
        session = request.source
        if isinstance(session, Session):
            session.orphaned(getattr(request.deliver, "__self__", None), reply)

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
        self._client.replace("stripe", self._simulator)

    # -- functions and APIs

    @overload
    def function(
        self, fn: F, /, *, name: str | None = None, effect: Effect = "write", inline: bool = False
    ) -> F: ...

    @overload
    def function(
        self, fn: None = None, /, *, name: str | None = None, effect: Effect = "write", inline: bool = False
    ) -> Callable[[F], F]: ...

    def function(
        self,
        fn: F | None = None,
        /,
        *,
        name: str | None = None,
        effect: Effect = "write",
        inline: bool = False,
    ) -> Any:
        """Register a Python function for scripts: ``@host.function`` or ``@host.function(effect="read")``.

        Async or plain (plain ones run in a pool of threads; with ``inline`` on the run's own, for what takes
        microseconds); a generator becomes a Lua iterator. Type hints become checks of the arguments, a
        parameter annotated with :class:`RunContext` gets one. ``effect`` says what a call does: ``"write"``
        changes something, ``"read"`` looks, ``"pure"`` depends on its arguments alone. See docs/functions.md.
        """
        scope = sys._getframe(1).f_locals  # classes defined beside the function, for its annotations

        def register(target: F) -> F:
            self._check_local("function()")
            self._functions.add(target, name, effect=effect, inline=inline, scope=scope)
            return target

        return register if fn is None else register(fn)

    def add_library(self, library: Library) -> None:
        """Give scripts a library of your own: Lua in front, async functions behind (docs/libraries.md).

        Raises ``UsageError`` for a name that is taken.
        """
        self._check_open()
        self._libraries.add(library, {*STANDARD, *self._names(), *self._functions.by_name})

    def functions(self, source: object, *, effect: Effect = "write", prefix: str = "") -> list[str]:
        """Register a module's public functions, or an object's public methods; gives their names."""
        self._check_local("functions()")
        return self._functions.add_all(source, effect=effect, prefix=prefix)

    @overload
    def builder(
        self,
        kind: type[K],
        /,
        *,
        name: str | None = None,
        create: Callable[[Any], Any] | None = None,
        effect: Effect = "write",
    ) -> type[K]: ...

    @overload
    def builder(
        self,
        kind: None = None,
        /,
        *,
        name: str | None = None,
        create: Callable[[Any], Any] | None = None,
        effect: Effect = "write",
    ) -> Callable[[type[K]], type[K]]: ...

    def builder(
        self,
        kind: type[Any] | None = None,
        /,
        *,
        name: str | None = None,
        create: Callable[[Any], Any] | None = None,
        effect: Effect = "write",
    ) -> Any:
        """Make a builder of a dataclass, msgspec or pydantic model: ``new_order():customer("c"):create()``.

        ``create()`` makes an instance and calls ``create(instance)``, or the class's method ``create``.
        """

        def register(target: type[K]) -> type[K]:
            self._check_local("builder()")
            self._functions.add_builder(target, name=name, create=create, effect=effect)
            return target

        return register if kind is None else register(kind)

    def _names(self) -> set[str]:
        """Names scripts know that are no functions."""
        builders = (f"new_{name}" for name in self._apis["stripe"].catalog.builder_names())
        return {*self._apis, *self._libraries.globals, *builders}

    def catalog(self, api: str = "stripe") -> Catalog:
        """What is known of an API. Raises ``UsageError`` for one this host does not have."""
        if api not in self._apis:
            raise UsageError(f"this host has no API {api!r}; it has {', '.join(self._apis)}")
        return self._apis[api].catalog

    def _isolate(self) -> Isolation:
        from host.run.child.isolation import Isolation  # for who asks for it

        return Isolation(self.limits, later=self._worker.call_later, held=self._runners.held)

    def _stripe(self) -> Api:
        from host.apis.stripe import load  # read when a host opens, not when the package is imported

        settings = self.settings
        catalog = load()
        key = None if self.simulated else settings.stripe_secret_key
        return Api(catalog, settings.stripe_api_base, key)

    def _open_client(self, transport: Any, mounts: Any, event_hooks: Any, auth: Any) -> Any:
        if self.simulated:
            from host.simulator.inprocess import SimulatedClient
            from host.simulator.simulator import Simulator

            if self._simulator is None:
                self._simulator = Simulator(self._apis["stripe"].catalog)
            return SimulatedClient({"stripe": self._simulator})
        http = HttpSettings(
            connect_timeout=self.settings.connect_timeout,
            read_timeout=self.settings.http_timeout,
            transport=self.settings.transport,
            user_agent=f"luahost/{VERSION}",
        )
        return HttpClient(
            http,
            credentials=self._credential,
            transport=transport,
            mounts=mounts,
            event_hooks=event_hooks,
            auth=auth,
        )

    def _secret_of(self, name: str) -> tuple[Secret | None, str] | None:
        """An API's key, for a script's request to the API's own origin."""
        api = self._apis.get(name)
        return None if api is None else (api.key, api.origin)

    def add_api(
        self,
        name: str,
        document: Document,
        *,
        base_url: str | None = None,
        auth: Credentials | None = None,
    ) -> Catalog:
        """Give scripts another API, from its OpenAPI 3 document: a file, its decoded content, or a catalog.

        Scripts then have ``petstore.pets.list{…}``, ``petstore.new_pet()`` and so on. ``base_url`` is the
        document's server by default, or the setting ``PETSTORE_API_BASE``. ``auth`` is the key (or the setting
        ``PETSTORE_API_KEY``): a text, ``(user, password)``, :class:`OAuth2`, or a mapping of these by the
        document's security schemes. On a simulated host the API is simulated. See docs/apis.md.

        Raises ``CatalogError`` for a document that cannot be used, ``ConfigError``, and ``UsageError`` for a name
        that is taken. What was left out of the document is in the catalog's ``warnings``.
        """
        from host.gate.added import added_api  # for hosts with other APIs

        self._check_open()
        self._check_local("add_api()")
        if name in {*STANDARD, *self._names(), *self._functions.by_name}:
            raise UsageError(f"the name {name!r} is taken")
        auth = {} if self.simulated and auth is None else auth
        api = added_api(name, document, base_url, auth, Settings.variables(env_file=self._env_file))
        self._add_api(api)
        return api.catalog

    def _add_api(self, api: Api) -> None:
        self._rules.check_key(api)
        if self.simulated:
            from host.simulator.simulator import Simulator

            self._client.replace(api.name, Simulator(api.catalog))
        elif self._tokens is None:
            from host.gate.tokens import Tokens

            self._tokens = Tokens(self._apis, self._client.send, self._around.mask.add)
            self._send = self._chain(self._tokens.send)
        self._apis[api.name] = api

    def _credential(self, request: Request) -> Credential | None:
        name = request.credential or ""
        if self._tokens is not None and name != "stripe":
            parts = self._tokens.parts(name, request)
            return None if parts is None else Credential(*parts)
        try:
            return self._credentials[name]
        except KeyError:
            api = self._apis.get(name)
            found = None
            if api is not None and api.key is None:
                raise DeniedError(
                    f"{request.operation} needs a key, and STRIPE_SECRET_KEY is not set",
                    hint="Set it, or run against the simulator.",
                    operation=request.operation,
                    outcome="not_sent" if request.mutation else None,
                ) from None
            if api is not None and api.key is not None:
                found = Credential(api.origin, api.headers(), api.query())
            self._credentials[name] = found
            return found

    def _read_settings(self, env_file: str | os.PathLike[str] | None, given: Mapping[str, Any]) -> Settings:
        config = (self._config.path, self._config.settings)
        return Settings.load(env_file=env_file, overrides=given, config=config)

    def _http_limits(self) -> HttpLimits:
        return limits_of(self.settings, simulated=self.simulated)

    def _chain(self, send: Send) -> Send:
        return chain(
            send,
            limits=self._http_limits(),
            on_wait=self._worker.extend_deadline,
            policies=policies_of(self.settings),
        )

    async def _call_api(self, request: Request, deadline: float) -> Answer:
        return await self._send(request, deadline)

    def _route(self, endpoint: str, method: str, data: dict[str, Any]) -> tuple[str, Any, bool]:
        """``make_request("products", "POST", {…})`` → an operation by its path (of another API:
        ``"petstore:pets"``), or a function by its name."""
        mutation = method not in ("GET", "HEAD", "OPTIONS")
        function = self._functions.by_name.get(endpoint)
        if function is not None:
            return endpoint, function.bind_names(data), function.mutation
        return "api.endpoint", (endpoint, method, data), mutation

    async def _call_endpoint(self, payload: tuple[str, str, dict[str, Any]], deadline: float) -> Any:
        from host.apis.rest import endpoint_request  # only for make_request

        endpoint, method, data = payload
        name, colon, path = endpoint.partition(":")
        api = self._apis.get(name) if colon and name.isidentifier() else self._apis["stripe"]
        if api is None:
            raise InvalidCall(f"{endpoint!r}: there is no API {name!r}; there are {', '.join(self._apis)}")
        endpoint = path if colon and name in self._apis else endpoint
        operation, request = endpoint_request(api.catalog, endpoint, method, data, api.base_url, random_key)
        return interpret(api.catalog, operation, await self._call_api(request, deadline))

    # -- worker processes

    def use(
        self,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        mounts: Mapping[str, Any] | None = None,
        event_hooks: Mapping[str, list[Callable[..., Any]]] | None = None,
        auth: Any = None,
    ) -> None:
        """Send through these parts of httpx from now on, as those :class:`Host` takes: for a ``setup`` function.

        Raises ``UsageError`` for a simulated host, and for one that spreads its runs over worker processes.
        """
        self._check_local("use()")
        if self.simulated:
            raise UsageError("a simulated host sends nothing, so it has no use for a transport")
        if self._tokens is not None:
            raise UsageError("use() comes before add_api(), whose tokens are fetched the same way")
        self._client = self._open_client(transport, mounts, event_hooks, auth)
        self._send = self._chain(self._client.send)
        self._worker.add_closer(self._client.aclose)

    def _set_up(
        self, processes: int, setup: str | None, options: Mapping[str, Any], local: Mapping[str, Any]
    ) -> None:
        # Imported here: few hosts have more processes than one.
        from host.shards.opening import open_shards
        from host.shards.setup import run_setup

        if processes == 1:
            run_setup(setup, self)
            return
        if isinstance(processes, bool) or not isinstance(processes, int) or not 1 < processes <= 256:
            raise UsageError(f"processes is {processes!r}; expected a whole number from 1 to 256")
        self.registry.register("api.simulated", self._client.send)

        def answer(request: Request, seconds: float, deliver: Callable[[Reply], None]) -> None:
            asked = AsyncRequest(
                "api.simulated", request, monotonic() + seconds, deliver, mutation=request.mutation
            )
            self.registry.submit(asked)

        self._shards = open_shards(
            processes,
            settings=self.settings,
            simulated=self.simulated,
            http_limits=self._http_limits(),
            setup=setup,
            sinks=self._around.sinks,
            answer=answer,
            options=options,
            local=local,
        )

    def _check_local(self, what: str) -> None:
        if self._shards is not None:
            raise UsageError(
                f"{what}: this host's scripts run in worker processes, to which nothing crosses by itself",
                hint="Do it in setup='module:function', which is called with each process's host.",
            )

    # -- the host itself

    def stats(self) -> HostStats:
        """The health of the queue and the loop, of all processes together."""
        from host.stats import measure  # asked for at the end, if at all

        return measure(self._worker.stats(), len(self._around.alive), self._runners.threads, self._shards)

    def close(self, grace: float = 5.0) -> None:
        """End all runs, let calls in flight finish for ``grace`` seconds, and free everything. Twice is fine."""
        with self._lock:
            first, self._closed = not self._closed, True
        if os.getpid() != self._pid:
            return
        if first:
            if self._shards is not None:
                self._shards.close(grace)
            for session in list(self._around.alive):
                session.kill("closed")
        self._worker.stop(grace)
        self._runners.close(grace)
        if self._durable_runs is not None:
            self._durable_runs.close()
        self._functions.close()
        if self.isolation is not None:
            self.isolation.close()
        self._rules.close()

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Host:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)

    def __del__(self) -> None:
        if not getattr(self, "_closed", True) and os.getpid() == self._pid:
            warnings.warn("a Host was not closed", ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        where = "simulated" if self.simulated else self._apis["stripe"].base_url
        return f"<Host {where}{' closed' if self._closed else ''}>"

    def _check_open(self) -> None:
        if os.getpid() != self._pid:
            raise ClosedError(
                "this host was opened before the process forked", hint="Open a new Host after the fork."
            )
        if self._closed:
            raise ClosedError("the host is closed")


def _config(config: str | os.PathLike[str] | ConfigFile | None) -> ConfigFile:
    if isinstance(config, ConfigFile):
        return config
    return ConfigFile() if config is None else read_config(config)


def _script(source: str | os.PathLike[str] | Script) -> Script:
    if isinstance(source, Script):
        return source
    if not isinstance(source, str | os.PathLike):
        raise UsageError(f"a script is a path, Lua source text or a compiled Script; got {source!r}")
    if isinstance(source, str) and ("\n" in source or (not source.endswith(".lua") and not Path(source).exists()
                                                       and any(c in source for c in " (="))):
        return Script.of(source)
    return Script.read(source)


def _with_job(job: Any, finished: Callable[[RunResult], None]) -> Callable[[RunResult], None]:
    return lambda result: finished(replace(result, job=job))


def _asks_to_be_kept(job: Any) -> bool:
    return isinstance(job, Mapping) and bool(job.get("durable") or job.get("run_id") is not None)


def _job_arguments(job: Any) -> tuple[Script, Sequence[str], Any, Any, Any, Any, Any]:
    if not isinstance(job, Mapping):
        return _script(job), (), None, None, None, None, None
    known = {"script", "code", "name", "args", "globals", "timeout", "limits", "permissions", "budget"}
    known |= {"durable", "run_id", "force_new"}
    unknown = set(job) - known
    if unknown or ("script" in job) == ("code" in job):
        raise UsageError(
            f"a job has script or code, and may have {', '.join(sorted(known - {'script', 'code'}))}; got {sorted(job)}"
        )
    script = _script(job["script"]) if "script" in job else Script.of(job["code"], job.get("name", "inline"))
    rest = (job.get(name) for name in ("globals", "timeout", "limits", "permissions", "budget"))
    return (script, job.get("args", ()), *rest)

