"""The host of a worker of the fleet: its rates, permits in flight, circuit breakers and budgets of a day are those of
all workers together, kept in the fleet's database."""

from __future__ import annotations

import contextlib
from time import monotonic

from host.errors import ClosedError, ConfigError
from host.fleet.setting import database_url
from host.host import Host
from host.http.api_limits import limits_of, policies_of
from host.http.chain import chain
from host.http.message import Send
from host.policy.budget import SpendingLedger
from host.remote.limit_messages import Message

try:
    from host.fleet.fleet_spending import FleetLedger
    from host.fleet.permits import FleetLimits
except ImportError as error:
    raise ConfigError(
        f"a fleet needs its extra: {error.name} is not installed", hint="pip install 'luahost[fleet]'"
    ) from error

__all__ = ["WorkerHost"]


class WorkerHost(Host):
    """A :class:`~host.host.Host` whose limits hold over all workers with the same setting ``database``; after
    ``run_lease`` seconds without a word its permits are the others'.
    """

    _shared_limits: FleetLimits | None = None

    @property
    def limits_up(self) -> bool:
        """Whether the database of the limits answered when it was last asked."""
        return self._shared_limits is not None and self._shared_limits.database_up

    def close(self, grace: float = 5.0) -> None:
        """As :meth:`Host.close`; the permits are the others' at once."""
        super().close(grace)
        if self._shared_limits is not None:
            self._shared_limits.close()

    def _url(self) -> str:
        return database_url(self.settings.database, "a worker")

    def _new_daily_ledger(self) -> SpendingLedger:
        return FleetLedger(self._url())

    def _chain(self, send: Send) -> Send:
        settings = self.settings
        self._shared_limits = FleetLimits(
            self._url(),
            limits_of(settings, simulated=self.simulated),
            account=self._account,
            lease=settings.run_lease,
            longest=settings.http_timeout + settings.connect_timeout,
        )
        self._shared_limits.start(self._deliver)
        return chain(
            send,
            limits=self._shared_limits.limiter,
            on_wait=self._engine.on_wait,
            policies=policies_of(settings),
        )

    def _account(self, name: str) -> str:
        api = self._apis.get(name)
        return "" if api is None else api.account

    def _deliver(self, message: Message) -> None:
        if self._shared_limits is not None:
            with contextlib.suppress(ClosedError, RuntimeError):  # the worker is gone
                self._engine.worker.call_soon(self._shared_limits.limiter.receive, message, monotonic())
