"""Host: the entry point for Python programs. It owns the worker, the HTTP client, the APIs and the runs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from host import arguments
from host.api_registry import Apis, Endpoints
from host.bridge.registry import AsyncFunctionRegistry
from host.bridge.threads import in_thread
from host.calls.call import DOWNLOAD
from host.calls.pipeline import CallPipeline
from host.config_file import ConfigFile, read_config
from host.errors import ConfigError, UsageError
from host.events import Event, Sink
from host.extension import Additions
from host.functions.registration import Functions
from host.host_arguments import (
    api_arguments,
    check_cassette,
    check_given,
    check_process_arguments,
    check_settings,
    checked_parts,
)
from host.host_durable import HostDurable
from host.host_engine import HostEngine
from host.host_fleet import FleetOfHost
from host.host_plans import PlansOfHost
from host.host_simulator import HostSimulator
from host.http.api_limits import limits_of, policies_of
from host.http.chain import chain
from host.http.message import Request, Response, Send
from host.http.sender import USER_AGENT, HttpxParts, Sender, http_client
from host.libraries.builtin import builtin_libraries
from host.libraries.library import directly
from host.limits import YEAR, Limits
from host.lua.bytecode_cache import Chunks
from host.policy.budget import Budget
from host.policy.ledger import SpendingLedger
from host.policy.permissions import Permissions
from host.policy.policy import HostPolicy
from host.policy.redaction import Redactor
from host.processes.runs import Runs
from host.run.job import RunServices
from host.settings import Settings

if TYPE_CHECKING:
    import httpx

    from host.apis.api import Api
    from host.apis.definition import Document
    from host.cassettes.assembly import CassetteLike
    from host.cassettes.tape import Tape
    from host.durable.binding import HostParts
    from host.host_arguments import ApiArguments, NamedApi
    from host.isolation.zygote_client import Isolation
    from host.processes.pool import WorkerProcesses
    from host.simulator.simulator import Simulator
    from host.stats import HostStats
    from host.webhooks.service import Webhooks


_FIXED = frozenset({"settings", "limits", "simulated", "registry", "isolation"})


class Host(FleetOfHost, PlansOfHost, Additions):
    """Runs Lua scripts against APIs. Use it as ``with Host() as host`` or ``async with``, or ``close()`` it.

    ``simulate=True`` answers from the built-in simulator; else a key is needed and its absence raises
    ``ConfigError``, except for a host that names its ``apis`` (other than Stripe; ``{}`` for none) or whose permissions
    grant no call of Stripe. ``apis`` are documents by name, or mappings of ``document``, ``base_url`` and ``auth``.
    ``settings`` are fields of :class:`~host.settings.Settings` by name
    (``stripe_secret_key=…``, ``http_timeout=…``); they win over the environment, which wins over ``env_file``.
    ``transport`` is ``"auto"``, ``"httpx"``, or an ``httpx.AsyncBaseTransport``;
    ``mounts``, ``event_hooks`` and ``auth`` are httpx's own. ``sinks``, objects with ``emit(event)`` or functions of
    an event, get every event of every run.
    ``permissions`` limit what scripts may do; ``budget`` is what all runs together may spend, ``daily_budget`` what
    they may spend each day with one key (docs/permissions.md). ``env`` holds values scripts may read, in addition to
    what the permissions grant of the process's environment. ``config`` is the path of a ``host.toml``, over which
    arguments win. ``isolation="process"`` runs each script in its own confined process;
    ``host.isolation.describe()`` then says which measures are in force. ``processes`` spreads runs over so many worker
    processes; ``setup="module:function"`` is called with the host of each (docs/concurrency.md). ``record`` is the path
    of a cassette that is written when the host closes, ``replay`` of one that answers instead of any API: no key is
    needed and nothing is sent (docs/testing.md). An argument of the wrong type or value raises ``UsageError``
    naming it.
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
        record: CassetteLike | None = None,
        replay: CassetteLike | None = None,
        **settings: Any,
    ) -> None:
        if isinstance(transport, str):
            settings["transport"], transport = transport, None
        check_settings(settings, Host.__init__.__kwdefaults__ or ())
        parts = checked_parts(transport, mounts, event_hooks, auth)
        check_process_arguments(processes, setup, isolation)
        check_cassette(record, replay, processes, settings)
        limits = arguments.of_struct("limits", limits, Limits)
        permissions = arguments.of_struct("permissions", permissions, Permissions)
        budget = arguments.of_struct("budget", budget, Budget)
        daily_budget = arguments.of_struct("daily_budget", daily_budget, Budget)
        given = arguments.sinks("sinks", sinks)
        documents = api_arguments(apis)
        check_given(env, simulator)
        file = _config(config)
        self._env_file = None if env_file is None else arguments.a_path("env_file", env_file)
        self.settings = self._read_settings(settings, file, _claims(file, permissions, documents or {}))
        self.limits = limits or file.limits or Limits()
        self.simulated = arguments.a_flag("simulate", simulate) or simulator is not None
        if self.simulated and processes == 1 and (name := parts.first()) is not None:
            raise UsageError(f"{name}: a simulated host sends nothing, so this would have no effect")
        self._simulation = HostSimulator(simulator, lenient=self.settings.lenient)
        self._webhooks: list[Webhooks] = []
        self._added = Apis(self.settings, simulated=self.simulated)
        redactor = Redactor([self.settings.stripe_secret_key] if self.settings.stripe_secret_key else [])
        self._rules = self._policy_of(file, permissions, budget, daily_budget, redactor, env, processes)
        if documents is None and not file.apis:
            self._check_key()
        tape = self._tape_of(record, replay, redactor)
        self._prepare_calls(parts, redactor, tape, isolation)
        services = self._services_of(given, redactor, replaying=replay is not None)
        self._runs = Runs(services, self._rules, self.limits, tape, sends_traceparent=self.settings.send_traceparent)
        self._durable = HostDurable(self._durable_parts)
        self._open(documents or {}, file, processes, setup, isolation, parts)

    def _policy_of(
        self,
        file: ConfigFile,
        permissions: Permissions | None,
        budget: Budget | None,
        daily_budget: Budget | None,
        redactor: Redactor,
        env: Mapping[str, str] | None,
        processes: int,
    ) -> HostPolicy:
        """What scripts may do and spend. Raises ``UsageError`` for what several processes cannot enforce."""
        ledger = self._new_daily_ledger
        found = HostPolicy.of_host(file, permissions, budget, daily_budget, self._apis, redactor, env, ledger)
        if processes != 1:
            found.check_one_process()
        return found

    def _tape_of(self, record: CassetteLike | None, replay: CassetteLike | None, redactor: Redactor) -> Tape | None:
        """The cassette that is written or that answers, if there is one."""
        if record is None and replay is None:
            return None
        from host.cassettes.assembly import open_tape  # few hosts record or replay

        return open_tape(record, replay, self._apis, redactor)

    def _prepare_calls(self, parts: HttpxParts, redactor: Redactor, tape: Tape | None, isolation: str) -> None:
        """Set up what answers calls on the loop: registry and engine, the client, libraries and functions."""
        self.registry = AsyncFunctionRegistry(
            router=lambda *asked: endpoints.route(*asked), timeout=self.settings.request_deadline
        )
        self._engine = HostEngine(self.registry, self.settings)
        through = directly if tape is None else tape.through
        client = tape.client if tape is not None and tape.replaying else self._open_client(parts)
        self._sender = Sender(client, lambda send: through(self._chain(send)))
        self._libraries = builtin_libraries(self.settings, USER_AGENT, self._added.secret, redactor, through)
        self._functions = Functions(self.registry, self._names)
        endpoints = Endpoints(self._apis, self._functions.by_name, self._sender)
        self._register(endpoints)
        self._engine.isolate(isolation, self.limits)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and "_runs" in self.__dict__:
            raise UsageError(
                f"Host.{name} is fixed once the host is open, and setting it would change nothing",
                hint="Pass it to Host(…), or to the run if it is for one run only.",
            )
        super().__setattr__(name, value)

    @property
    def isolation(self) -> Isolation | None:
        """What confines scripts in separate processes, if they run in such."""
        return self._engine.isolation

    def stats(self) -> HostStats:
        """The health of the queue and the loop, summed over all processes."""
        from host.stats import measure  # asked for at the end, if at all

        engine, alive = self._engine, len(self._services.alive)
        return measure(engine.worker.stats(), alive, engine.scheduler.threads, self._worker_processes, engine.exhausted)

    @property
    def not_modelled(self) -> tuple[str, ...]:
        """What a lenient simulator answered only in shape, each listed once: ``"topups.create: the parameter
        source"``.
        """
        return () if self._simulator is None else tuple(map(str, self._simulator.not_modelled))

    @property
    def unasked(self) -> tuple[str, ...]:
        """Recorded requests that no script has made so far, one line each; empty unless a cassette is replayed."""
        return () if self._tape is None or not self._tape.replaying else tuple(self._tape.unreplayed())

    def close(self, grace: float = 5.0) -> None:
        """End all runs, let calls in flight finish for ``grace`` seconds, and free all resources. A second call does
        nothing.
        """
        if isinstance(grace, bool) or not isinstance(grace, int | float) or not 0 <= grace <= YEAR:
            raise arguments.wrong("grace", grace, "seconds from 0, at most a year")
        if not self._runs.has_lost_its_threads and self._services.alive:
            self._engine.worker.check_may_block("close", "Use async with, or await asyncio.to_thread(host.close).")
        if not self._runs.has_lost_its_threads:
            for each in self._webhooks:
                each.close(grace)
        self._runs.close(grace)
        if self._runs.has_lost_its_threads:
            return
        self._engine.stop(grace)
        self._durable.close()
        self._functions.close()
        self._engine.close()
        self._rules.close()
        if self._fleet_limits is not None:
            self._fleet_limits.close()
        if self._tape is not None:
            self._tape.close()

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

    def _read_settings(self, given: Mapping[str, Any], file: ConfigFile, claimed: Callable[[str], bool]) -> Settings:
        config = (file.path, file.settings)
        return Settings.load(env_file=self._env_file, overrides=given, config=config, claimed=claimed)

    def _check_key(self) -> None:
        """Raise ``ConfigError`` for a host with Stripe as its only API and no key, unless its permissions grant no
        call of it.
        """
        if not self.simulated and not self.settings.has_key and self._rules.grants_some("stripe"):
            self._rules.close()
            raise ConfigError(
                "there is no Stripe key: STRIPE_SECRET_KEY is not set",
                hint="Set STRIPE_SECRET_KEY, or ask for the simulator with Host(simulate=True). A host whose "
                "scripts do not use Stripe is opened with Host(apis={…}), naming the APIs they call.",
            )

    def _open_client(self, parts: HttpxParts) -> Any:
        if not self.simulated:
            return http_client(self.settings, self._added.credential, parts)
        return self._simulation.client(self._apis["stripe"].catalog)

    def _new_daily_ledger(self) -> SpendingLedger:
        from host.policy.daily_spending import DailyLedger, default_path  # a file, for such budgets alone

        return DailyLedger(default_path())

    def _chain(self, send: Send) -> Send:
        policies, shared = policies_of(self.settings), self._fleet_limits
        if shared is not None:
            limiter = shared.limiter
            return chain(limiter.checked(send), limits=limiter, on_wait=self._engine.on_wait, policies=policies)
        limits = limits_of(self.settings, simulated=self.simulated)
        return chain(send, limits=limits, on_wait=self._engine.on_wait, policies=policies)

    def _register(self, endpoints: Endpoints) -> None:
        """Register what the loop answers, and what it closes at its end."""
        worker, client = self._engine.worker, self._sender.client
        self.registry.register("api", self._sender.send)
        self.registry.register("api.endpoint", endpoints.call)
        self.registry.register(DOWNLOAD, self._download)
        self.registry.register("library.ended", self._libraries.wait)
        worker.add_closer(client.aclose)
        worker.add_closer(self._libraries.aclose)
        self._engine.drive(client)
        worker.direct("api", lambda: self._sender.client.is_direct)

    async def _download(self, request: Request, deadline: float) -> Response:
        from host.calls.downloads import download  # for calls whose answer goes to a file

        return await download(self._sender.send, request, deadline)

    def _services_of(self, sinks: Sequence[Sink], redactor: Redactor, *, replaying: bool) -> RunServices:
        engine = self._engine
        return RunServices(
            pipeline=CallPipeline(
                self.registry,
                self._apis,
                self._functions.by_name,
                self._functions.builders,
                deadline=self.settings.request_deadline,
                redactor=redactor,
                libraries=self._libraries,
            ),
            worker=engine.worker,
            runners=engine.scheduler,
            sinks=sinks,
            simulated=self.simulated or replaying,
            redactor=redactor,
            new_state=engine.new_state,
            chunks=Chunks() if engine.isolation is None else None,
        )

    def _durable_parts(self) -> HostParts:
        from host.durable.binding import HostParts as Parts  # most hosts have none

        catalog, sender = self._apis["stripe"].catalog, self._sender
        return Parts(
            settings=self.settings,
            apis=self._apis,
            services=self._services,
            simulator=lambda: self._simulator,
            keep_simulator=lambda path: self._simulation.keep(path, catalog, sender),
            own_simulator=self._simulation.is_own,
            run_many=self._runs.many,
        )

    def _open(
        self,
        documents: Mapping[str, NamedApi],
        file: ConfigFile,
        processes: int,
        setup: str | None,
        isolation: str,
        parts: HttpxParts,
    ) -> None:
        """Do what may fail after threads were started, which then have to be ended."""
        try:
            if processes == 1 and setup is not None:
                from host.processes.setup import run_setup  # hosts of one process seldom have any

                run_setup(setup, self)
            self._add_apis(documents, file.apis)
            if processes != 1:
                self._spread(processes, setup, isolation, parts)
        except BaseException:
            self.close(0.0)
            raise

    def _spread(self, processes: int, setup: str | None, isolation: str, parts: HttpxParts) -> None:
        from host.processes.host_side import open_processes  # few hosts have more processes than one

        self._runs.worker_processes = open_processes(
            processes,
            setup,
            {"isolation": isolation, "permissions": self._rules.permissions.plain()},
            settings=self.settings,
            simulated=self.simulated,
            parts=parts,
            apis=[api for name, api in self._apis.items() if name != "stripe"],
            sinks=self._services.sinks,
            registry=self.registry,
            sender=self._sender,
        )

    @property
    def _apis(self) -> Mapping[str, Api]:
        return self._added.by_name

    @property
    def _simulator(self) -> Simulator | None:
        return self._simulation.simulator

    @property
    def _services(self) -> RunServices:
        return self._runs.services

    @property
    def _tape(self) -> Tape | None:
        return self._runs.tape

    @property
    def _worker_processes(self) -> WorkerProcesses | None:
        return self._runs.worker_processes


def _config(config: str | os.PathLike[str] | ConfigFile | None) -> ConfigFile:
    if isinstance(config, ConfigFile):
        return config
    return ConfigFile() if config is None else read_config(arguments.a_path("config", config))


def _claims(file: ConfigFile, granted: Permissions | None, apis: Iterable[str]) -> Callable[[str], bool]:
    """Recognises the variables that are settings of something other than the host."""
    return lambda name: file.claims(name, apis) or (granted is not None and granted.grants_env(name))
