"""Host: owns the worker, the client, the catalogs and the runs."""

from __future__ import annotations

import asyncio
import os
import threading
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from host.apis.answers import interpret
from host.apis.call import prepare
from host.apis.options import CallOptions
from host.bridge.registry import AsyncFunctionRegistry
from host.bridge.stats import WorkerStats
from host.bridge.worker import AsyncWorker
from host.errors import ClosedError, ConfigError, InvalidCall, UsageError
from host.events import Sink
from host.gate.api import Api
from host.gate.gate import Gate
from host.gate.masking import Mask
from host.http.chain import Limits as HttpLimits
from host.http.chain import chain
from host.http.client import Credential, HttpClient
from host.http.idempotency import random_key
from host.http.limits import Rate
from host.http.message import Answer, Request
from host.http.settings import HttpSettings
from host.limits import Limits
from host.lua.state import LuaState
from host.run.runners import Runners
from host.run.script import RunResult, Script
from host.run.session import Job, Session, Surroundings
from host.settings import STRIPE_API_BASE, Settings

if TYPE_CHECKING:
    import httpx

    from host.apis.catalog import Catalog
    from host.run.child.isolation import Isolation
    from host.simulator.simulator import Simulator

F = TypeVar("F", bound=Callable[..., Any])

VERSION = "0.1.0"


class Host:
    """Runs Lua scripts against APIs. Use it as ``with Host() as host`` or ``async with``, or ``close()`` it.

    ``simulate=True`` answers from the built-in simulator; else a key is needed and its absence raises
    ``ConfigError``. ``settings`` are fields of :class:`~host.settings.Settings` by name
    (``stripe_secret_key=…``, ``http_timeout=…``); they win over the environment, which wins over ``env_file``.
    ``transport`` is ``"auto"``, ``"reqwest"``, ``"httpx"``, or an ``httpx.AsyncBaseTransport``;
    ``mounts``, ``event_hooks`` and ``auth`` are httpx's own. ``sinks`` get every event of every run.
    ``env`` holds the environment names scripts may read. ``isolation="process"`` runs each script in a confined
    process of its own; ``host.isolation.describe()`` then tells what holds there.
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
        **settings: Any,
    ) -> None:
        if isolation not in ("none", "process"):
            raise UsageError(f"isolation is {isolation!r}; expected 'none' or 'process'")
        custom = None
        if isinstance(transport, str):
            settings["transport"] = transport
        else:
            custom = transport
        self.settings = Settings.load(env_file=env_file, overrides=settings)
        self.limits = limits or Limits()
        self.simulated = simulate or simulator is not None
        if not self.simulated and not self.settings.has_key:
            raise ConfigError(
                "there is no Stripe key: STRIPE_SECRET_KEY is not set",
                hint="Set STRIPE_SECRET_KEY, or ask for the simulator with Host(simulate=True).",
            )
        self._env = dict(env or {})
        self._pid = os.getpid()
        self._closed = False
        self._lock = threading.Lock()
        self._functions: dict[str, Any] = {}
        self._apis = {"stripe": self._stripe()}
        self._credentials: dict[str, Credential | None] = {}  # by API, made when first needed
        self._simulator = simulator
        self._client = self._open_client(custom, mounts, event_hooks, auth)
        self.registry = AsyncFunctionRegistry(router=self._route, timeout=self.settings.request_deadline)
        self.registry.register("api", self._call_api)
        self.registry.register("request", self._call_endpoint)
        self._worker = AsyncWorker(
            self.registry.functions,
            capacity=self.settings.queue_capacity,
            max_in_flight=self.settings.max_in_flight,
        )
        self._send = chain(
            self._client.send, limits=HttpLimits() if self.simulated else _http_limits(self.settings), on_wait=self._worker.extend_deadline
        )
        self._worker.add_closer(self._client.aclose)
        self.registry.attach(self._worker)
        self._runners = Runners()
        mask = Mask([self.settings.stripe_secret_key] if self.settings.stripe_secret_key else [])
        self.isolation = self._isolate() if isolation == "process" else None
        self._around = Surroundings(
            gate=Gate(self.registry, self._apis, self._functions, deadline=self.settings.request_deadline),
            worker=self._worker,
            runners=self._runners,
            sinks=tuple(sinks),
            simulated=self.simulated,
            mask=mask,
            new_state=self.isolation.state if self.isolation is not None else LuaState,
        )

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
    ) -> RunResult:
        """Run a script (a path, or a compiled one) and wait for its result.

        A script's own failure raises nothing: it is ``result.error``. Raises ``UsageError`` for a path that
        cannot be read or on the worker's own thread, ``ClosedError`` on a closed host.
        """
        self._worker.check_may_block("run")
        finished: SimpleQueue[RunResult] = SimpleQueue()
        session = self._launch(_script(script), args, globals, timeout, limits, finished.put)
        try:
            return finished.get()
        except BaseException:  # Ctrl-C: whoever waited is gone
            session.kill("interrupted")
            raise

    def run_source(
        self,
        code: str,
        *,
        name: str = "inline",
        args: Sequence[str] = (),
        globals: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        limits: Limits | None = None,
    ) -> RunResult:
        """:meth:`run` for Lua source text; ``name`` stands in messages."""
        return self.run(Script.of(code, name), args=args, globals=globals, timeout=timeout, limits=limits)

    async def run_async(
        self,
        script: str | os.PathLike[str] | Script,
        *,
        args: Sequence[str] = (),
        globals: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- the script is told, not merely left
        limits: Limits | None = None,
    ) -> RunResult:
        """:meth:`run` from a running loop, without blocking it. Cancelling it ends the run."""
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

        session = self._launch(_script(script), args, globals, timeout, limits, finished)
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
    ) -> RunResult:
        """:meth:`run_async` for Lua source text."""
        script = Script.of(code, name)
        return await self.run_async(script, args=args, globals=globals, timeout=timeout, limits=limits)

    def run_many(
        self, jobs: Iterable[str | os.PathLike[str] | Script | Mapping[str, Any]], *, concurrency: int = 100
    ) -> Iterator[RunResult]:
        """Run many scripts, up to ``concurrency`` at once; gives results as they end.

        A job is a path, a :class:`Script`, or a mapping with ``script`` (or ``code``) and what
        :meth:`run` takes. Jobs are taken from the iterable as there is room for them.
        """
        if concurrency < 1:
            raise UsageError(f"concurrency is {concurrency}; expected at least 1")
        self._worker.check_may_block("run_many")
        return self._run_many(iter(jobs), concurrency)

    def _run_many(self, jobs: Iterator[Any], concurrency: int) -> Iterator[RunResult]:
        finished: SimpleQueue[RunResult] = SimpleQueue()
        running: set[Session] = set()
        open_runs = 0
        more = True
        try:
            while more or open_runs:
                while more and open_runs < concurrency:
                    try:
                        job = _job_arguments(next(jobs))
                    except StopIteration:
                        more = False
                        break
                    running.add(self._launch(*job, finished.put))
                    open_runs += 1
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
        for session in list(self._around.alive):
            session.kill("interrupted")

    def _launch(
        self,
        script: Script,
        args: Sequence[str],
        globals: Mapping[str, Any] | None,
        timeout: float | None,
        limits: Limits | None,
        finished: Callable[[RunResult], None],
    ) -> Session:
        self._check_open()
        limits = limits or self.limits
        seconds = timeout if timeout is not None else limits.run_time
        if seconds is not None and (not isinstance(seconds, int | float) or not seconds > 0):
            raise UsageError(f"timeout is {seconds!r}; expected seconds above 0")
        job = Job(script, tuple(str(a) for a in args), dict(globals or {}), limits, self._env)

        timer: list[Any] = []

        def done(session: Session) -> None:
            self._around.alive.discard(session)
            for each in timer:
                each.cancel()
            assert session.result is not None
            finished(session.result)

        session = Session(f"run_{uuid.uuid4().hex[:20]}", job, self._around, done)
        with self._lock:
            self._check_open()
            self._around.alive.add(session)
        if seconds is not None:
            timer.append(self._worker.call_later(seconds, lambda _: session.kill("timeout")))
        session.start()
        return session

    # -- functions and APIs

    def function(self, fn: F | None = None, *, name: str | None = None) -> Any:
        """Register a Python function for scripts: ``@host.function``. Scripts call it by its name."""

        def register(target: F) -> F:
            label = name or target.__name__
            self._functions[label] = target
            self.registry.register(label, _adapted(target))
            return target

        return register if fn is None else register(fn)

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

    def _credential(self, request: Request) -> Credential | None:
        name = request.credential or ""
        try:
            return self._credentials[name]
        except KeyError:
            api = self._apis.get(name)
            found = None
            if api is not None and api.key is not None:
                found = Credential(api.origin, api.headers(), api.query())
            self._credentials[name] = found
            return found

    async def _call_api(self, request: Request, deadline: float) -> Answer:
        return await self._send(request, deadline)

    def _route(self, endpoint: str, method: str, data: dict[str, Any]) -> tuple[str, Any, bool]:
        """``make_request("products", "POST", {…})`` → an operation by its path (of another API:
        ``"petstore:pets"``), or a function by its name."""
        mutation = method not in ("GET", "HEAD", "OPTIONS")
        if endpoint in self._functions:
            return endpoint, [data], mutation
        return "request", (endpoint, method, data), mutation

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

    # -- the host itself

    def stats(self) -> WorkerStats:
        """The health of the queue and the loop."""
        return self._worker.stats()

    def close(self, grace: float = 5.0) -> None:
        """End all runs, let calls in flight finish for ``grace`` seconds, and free everything. Twice is fine."""
        with self._lock:
            first, self._closed = not self._closed, True
        if os.getpid() != self._pid:
            return
        if first:
            for session in list(self._around.alive):
                session.kill("closed")
        self._worker.stop(grace)
        self._runners.close(grace)
        if self.isolation is not None:
            self.isolation.close()

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


def _http_limits(settings: Settings) -> HttpLimits:
    """Stripe's own rates, at Stripe's own address only (https://docs.stripe.com/rate-limits)."""
    if settings.stripe_api_base != STRIPE_API_BASE:
        return HttpLimits()
    return HttpLimits(rates={"stripe": Rate(100.0 if settings.mode == "live" else 25.0)})


def _script(source: str | os.PathLike[str] | Script) -> Script:
    if isinstance(source, Script):
        return source
    if not isinstance(source, str | os.PathLike):
        raise UsageError(f"a script is a path, Lua source text or a compiled Script; got {source!r}")
    if isinstance(source, str) and ("\n" in source or (not source.endswith(".lua") and not Path(source).exists()
                                                       and any(c in source for c in " (="))):
        return Script.of(source)
    return Script.read(source)


def _job_arguments(job: Any) -> tuple[Script, Sequence[str], Any, Any, Any]:
    if not isinstance(job, Mapping):
        return _script(job), (), None, None, None
    known = {"script", "code", "name", "args", "globals", "timeout", "limits"}
    unknown = set(job) - known
    if unknown or ("script" in job) == ("code" in job):
        raise UsageError(
            f"a job has script or code, and may have {', '.join(sorted(known - {'script', 'code'}))}; got {sorted(job)}"
        )
    script = _script(job["script"]) if "script" in job else Script.of(job["code"], job.get("name", "inline"))
    return script, job.get("args", ()), job.get("globals"), job.get("timeout"), job.get("limits")


def _adapted(function: Callable[..., Any]) -> Callable[[Any, float], Any]:
    """``await adapted(arguments, deadline)`` for a plain or async function."""

    async def call(args: list[Any], deadline: float) -> Any:
        if asyncio.iscoroutinefunction(function):
            return await function(*args)
        return await asyncio.to_thread(function, *args)

    return call
