"""The host of a worker of the fleet: its rates, permits in flight, circuit breakers and budgets of a day are those of
all workers together, kept in the fleet's database."""

from __future__ import annotations

import contextlib
from time import monotonic
from typing import Any

from host.errors import ClosedError
from host.fleet.fleet_spending import FleetLedger
from host.fleet.permits import LEASE, FleetLimits
from host.host import Host
from host.http.api_limits import limits_of, policies_of
from host.http.chain import chain
from host.http.message import Send
from host.policy.budget import SpendingLedger
from host.processes.messages import Message

__all__ = ["WorkerHost"]


class WorkerHost(Host):
    """A :class:`~host.host.Host` whose limits hold over all workers. ``database`` is a URL as libpq takes it; after
    ``lease`` seconds without a word a worker's permits are the others'.

    ``limits_up`` says whether the database of the limits answered when it was last asked.
    """

    def __init__(self, *args: Any, database: str, lease: float = LEASE, **options: Any) -> None:
        self._database_url = database
        self._lease = lease
        self._fleet: FleetLimits | None = None
        super().__init__(*args, **options)

    @property
    def limits_up(self) -> bool:
        return self._fleet is not None and self._fleet.database_up

    def close(self, grace: float = 5.0) -> None:
        super().close(grace)
        if self._fleet is not None:
            self._fleet.close()

    def _new_daily_ledger(self) -> SpendingLedger:
        return FleetLedger(self._database_url)

    def _chain(self, send: Send) -> Send:
        settings = self.settings
        self._fleet = FleetLimits(
            self._database_url,
            limits_of(settings, simulated=self.simulated),
            account=self._account,
            lease=self._lease,
            longest=settings.http_timeout + settings.connect_timeout,
        )
        self._fleet.start(self._deliver)
        return chain(
            send,
            limits=self._fleet.limiter,
            on_wait=self._engine.worker.extend_deadline,
            policies=policies_of(settings),
        )

    def _account(self, name: str) -> str:
        api = self._apis.get(name)
        return "" if api is None else api.account

    def _deliver(self, message: Message) -> None:
        if self._fleet is not None:
            with contextlib.suppress(ClosedError, RuntimeError):  # there is nobody left to tell
                self._engine.worker.tell(self._fleet.limiter.receive, message, monotonic())
