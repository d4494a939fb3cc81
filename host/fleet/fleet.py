"""A host's place in a fleet: it submits runs, and may be a worker."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from host.errors import UsageError
from host.fleet.attendance import Begin
from host.fleet.database import FleetDatabase
from host.fleet.handle import RunHandle
from host.fleet.jobs import job, waiting
from host.fleet.needs import Needs, Offers, needs_of, offers_of
from host.fleet.run_order import Order, order_of
from host.fleet.schedules import save
from host.fleet.setting import database_url
from host.fleet.submission import Submitter, alive_workers
from host.fleet.texts import Parcel, parcel_of
from host.fleet.worker import FleetWorker, WorkerOptions
from host.lua.syntax import syntax_fault
from host.lua.values import to_lua
from host.run.options import RunOptions, check_id
from host.run.script import Script

if TYPE_CHECKING:
    from host.apis.api import Api
    from host.durable.runs import DurableRuns
    from host.functions.functions import Function
    from host.policy.redaction import Redactor

__all__ = ["Fleet", "FleetParts", "Placing", "check_syntax", "due_time"]


LOOKED: Final = 1.0  # seconds


class FleetParts(msgspec.Struct, frozen=True):
    """What a fleet needs of a host. ``mode`` is live, test, simulated, other, or empty: it has no key."""

    database: str | None
    durable_runs: Callable[[], DurableRuns]
    begin: Begin
    apis: Mapping[str, Api]
    functions: Mapping[str, Function]
    mode: str
    own_simulator: bool
    redactor: Redactor
    check_open: Callable[[], None]


class Placing(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when a run is to be run. ``at`` is a time with its zone, or seconds since 1970."""

    queue: str = "default"
    priority: int = 0
    at: datetime | float | None = None
    dedup: str | None = None

    def __post_init__(self) -> None:
        if self.dedup is not None and not (isinstance(self.dedup, str) and 0 < len(self.dedup) <= 200):
            raise UsageError("dedup: expected a text of 1 to 200 characters")


class Fleet:
    """Opens the database when it is made. Raises ``ConfigError`` without one that can be a fleet's."""

    def __init__(self, parts: FleetParts, what: str = "submit") -> None:
        self._parts = parts
        self.database = FleetDatabase(database_url(parts.database, what))
        self._submitter = Submitter(self.database)
        self._looked: tuple[float, list[Offers]] = (float("-inf"), [])

    def submit(self, script: Script, options: RunOptions, placing: Placing) -> RunHandle:
        """Submit a run. Raises ``UsageError``, ``JournalError``."""
        order, parcel, needs = self._order(script, options, placing)
        run_id = options.run_id or f"run_{uuid.uuid4().hex[:20]}"
        found = self._submitter.submit(run_id, order, parcel.texts, needs, dedup=placing.dedup)
        return self.handle(found)

    def submit_many(
        self,
        script: Script,
        options: RunOptions,
        placing: Placing,
        rows: Iterable[Mapping[str, Any]],
        batch: str | None = None,
    ) -> Iterator[str]:
        """Submit a run for the globals of each of ``rows``; returns their ids as they are in the queue, ``BATCH.1`` …

        The same batch again goes on where it broke off.
        """
        order, parcel, needs = self._order(script, options, placing)
        if batch is not None:
            check_id(batch, "batch")
        batch = batch or f"batch_{uuid.uuid4().hex[:16]}"
        common = dict(options.globals or {})
        made = ((order.args, to_lua({**common, **row})) for row in rows)
        return self._submitter.submit_many(batch, made, order, parcel.texts, needs)

    def schedule(
        self, script: Script, options: RunOptions, placing: Placing, *, name: str, cron: str, zone: str
    ) -> float:
        """Have runs submitted at the times of a cron expression; returns the first, in seconds since 1970."""
        check_syntax(script)
        order, parcel, needs = self._order(script, options, placing)
        order = replace(order, traceparent=None)  # a run to come is no part of what is under way now
        return save(self.database, name, cron, zone, order, parcel.texts, needs)

    def waits(self, run_id: str) -> str | None:
        """Why a run waits, as far as that is known."""
        found = job(self.database, run_id)
        return None if found is None else waiting(self.database, found)

    def handle(self, run_id: str) -> RunHandle:
        """The handle of a run that was submitted."""
        return RunHandle(run_id, self.database, self._parts.check_open)

    def worker(self, options: WorkerOptions, tell: Callable[[str], None]) -> FleetWorker:
        """A worker that runs with this host."""
        parts = self._parts
        return FleetWorker(
            self.database, parts.durable_runs(), parts.begin, self._offers(), options, tell,
            own_simulator=parts.own_simulator,
        )  # fmt: skip

    def close(self) -> None:
        """Let go of the database. A second call does nothing."""
        self.database.close()

    def _theirs(self) -> list[Offers]:
        """What the workers offer; looked at once a second where runs are submitted one after the other."""
        looked, found = self._looked
        if monotonic() - looked > LOOKED:
            found = [offers for offers, _ in alive_workers(self.database).values()]
            self._looked = monotonic(), found
        return found

    def _offers(self) -> Offers:
        return offers_of(self._parts.apis, self._parts.functions, self._parts.mode)

    def _order(self, script: Script, options: RunOptions, placing: Placing) -> tuple[Order, Parcel, Needs]:
        parcel, known = parcel_of(script), self._offers()
        for theirs in self._theirs():  # of what only they know, any that has the name will do
            known = Offers(
                {**dict.fromkeys(theirs.apis, ""), **known.apis},
                {**dict.fromkeys(theirs.functions, ""), **known.functions},
                known.mode,
            )
        needs = needs_of(parcel.texts.values(), known)
        order = order_of(
            parcel,
            options,
            needs.id,
            queue=placing.queue,
            priority=placing.priority,
            due=due_time(placing.at),
            mask=self._parts.redactor,
        )
        return order, parcel, needs


def check_syntax(script: Script) -> None:
    """Raise ``UsageError`` for a script that no worker could run, since it is no Lua."""
    fault = syntax_fault(script.source, script.name)
    if fault:
        raise UsageError(f"the script is no Lua, and no worker could run it: {fault}")


def due_time(at: Any) -> float | None:
    """Seconds since 1970. Raises ``UsageError`` for a time without its zone, of which nobody knows when it is."""
    if at is None:
        return None
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise UsageError(
                f"at: {at.isoformat()} has no time zone, and workers have theirs", hint="end it with Z or +01:00"
            )
        return at.timestamp()
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < 1e11:
        raise UsageError(f"at: expected a datetime with its time zone, or seconds since 1970; got {at!r}")
    return float(at)
