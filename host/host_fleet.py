"""How a program has its runs done by other machines."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Unpack

from host.errors import ClosedError, UsageError
from host.host_webhooks import WebhooksOfHost
from host.http.api_limits import limits_of
from host.run.options import RunKeywords, RunOptions, ScriptLike, script_of
from host.run.script import RunResult

if TYPE_CHECKING:
    from host.apis.api import Api
    from host.durable.runs import Kept
    from host.fleet.fleet import Fleet, FleetParts
    from host.fleet.handle import RunHandle
    from host.fleet.permits import FleetLimits
    from host.fleet.worker import FleetWorker
    from host.functions.registration import Functions
    from host.host_engine import HostEngine
    from host.host_simulator import HostSimulator
    from host.http.sender import Sender
    from host.policy.policy import HostPolicy
    from host.remote.limit_messages import Message
    from host.run.session import Session

__all__ = ["FleetOfHost"]


class FleetOfHost(WebhooksOfHost):
    """The part of :class:`~host.host.Host` that submits runs to a fleet, or is a worker of one."""

    _functions: Functions
    _rules: HostPolicy
    _engine: HostEngine
    _sender: Sender
    _simulation: HostSimulator
    _fleet_limits: FleetLimits | None = None

    @property
    def _apis(self) -> Mapping[str, Api]:
        raise NotImplementedError  # the host's

    def submit(
        self,
        script: ScriptLike,
        *,
        queue: str = "default",
        priority: int = 0,
        at: datetime | float | None = None,
        dedup: str | None = None,
        **options: Unpack[RunKeywords],
    ) -> RunHandle:
        """Have a script run by a worker of the fleet whose database is the setting ``database``, durably.

        Gives a handle: ``handle.result(timeout)`` or ``await handle``, ``handle.run_id``, ``handle.cancel()``. The
        script travels with the modules it requires; keys do not. ``options`` are those of :meth:`run`: limits,
        permissions and budgets narrow the worker's. ``priority``: higher ones go first. ``at``: not before. ``dedup``:
        a key that stands for one run; submitted again, that run's handle is given. Raises ``UsageError``,
        ``ConfigError`` without PostgreSQL, ``JournalError`` where it cannot be reached.
        """
        from host.fleet.fleet import Placing  # an extra, for few programs

        chosen = RunOptions.of("submit", options)
        placing = Placing(queue=queue, priority=priority, at=at, dedup=dedup)
        return self.fleet.submit(script_of(script), chosen, placing)

    def fleet_worker(
        self,
        *,
        queues: Sequence[str] = ("default",),
        concurrency: int = 10,
        grace: float = 30.0,
        keep: float = 7 * 86400.0,
        tell: Callable[[str], None] = lambda line: None,
    ) -> FleetWorker:
        """A worker of the fleet that runs with this host, its functions and its APIs: ``await worker.run()``.

        From now on the host's rates, permits in flight, circuit breakers and budgets of a day are those of all workers
        together, kept in the fleet's database. ``grace``: seconds for runs to end when it is stopped; ``keep``: seconds
        for which runs that ended are kept.
        """
        from host.fleet.worker import WorkerOptions

        if self._runs.worker_processes is not None:
            raise UsageError(
                "a worker of a fleet does its runs in its own process: omit processes=…",
                hint="start as many workers as there are processors to use",
            )
        fleet, _ = self.fleet, self.durable_runs  # first of all: they say what is wrong with the database or the host
        self._share_limits()
        return fleet.worker(WorkerOptions(queues=queues, concurrency=concurrency, grace=grace, keep=keep), tell)

    @property
    def fleet(self) -> Fleet:
        """The fleet of the setting ``database``, opened with the first use."""
        self._runs.check_open()
        return self._durable.fleet(lambda: self.fleet_parts)

    @property
    def fleet_parts(self) -> FleetParts:
        """What a fleet needs of this host."""
        from host.fleet.fleet import FleetParts as Parts

        services, keyed = self._runs.services, self.settings.mode or ("other" if self.settings.has_key else "")
        return Parts(
            database=self.settings.database,
            durable_runs=lambda: self.durable_runs,
            begin=self._begin_kept,
            apis=self._apis,
            functions=self._functions.by_name,
            mode="simulated" if services.simulated else keyed,
            own_simulator=self._simulation.is_own,
            redactor=services.redactor,
            check_open=self._runs.check_open,
        )

    @property
    def limits_up(self) -> bool:
        """Whether the database of the fleet's limits answered when it was last asked; of a worker of a fleet."""
        return self._fleet_limits is not None and self._fleet_limits.database_up

    def _share_limits(self) -> None:
        """Have the limits of this host hold over all workers with the same database."""
        if self._fleet_limits is not None:
            return
        from host.fleet.fleet_spending import FleetLedger  # an extra
        from host.fleet.permits import FleetLimits as Shared
        from host.fleet.setting import database_url

        settings, url = self.settings, database_url(self.settings.database, "a worker")
        self._rules.keep_daily(lambda: FleetLedger(url))
        self._fleet_limits = shared = Shared(
            url,
            limits_of(settings, simulated=self.simulated),
            account=self._account,
            lease=settings.run_lease,
            longest=settings.http_timeout + settings.connect_timeout,
            connecting=settings.connect_timeout,
        )
        shared.start(self._deliver)
        self._sender.use(self._sender.client)  # through the limits there are now

    def _account(self, name: str) -> str:
        api = self._apis.get(name)
        return "" if api is None else api.account

    def _deliver(self, message: Message) -> None:
        if self._fleet_limits is not None:
            with contextlib.suppress(ClosedError, RuntimeError):  # there is nobody left to tell
                self._engine.worker.call_soon(self._fleet_limits.limiter.receive, message, monotonic())

    def _begin_kept(self, kept: Kept, options: RunOptions, finished: Callable[[RunResult], None]) -> Session | Any:
        return self._runs.begin(kept.script, options, finished, kept=kept)
