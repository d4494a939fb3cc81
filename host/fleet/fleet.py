"""A host as a member of a fleet: it submits runs and schedules, and can start a worker."""

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
    """The parts of a host that its fleet uses. ``mode`` is live, test, simulated, other, or empty without a key."""

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
    """The queue, priority and time of a run. ``at`` is a time with a zone, or seconds since 1970.

    ``dedup`` is a key of 1 to 200 characters that identifies repeated submissions of the same run.
    """

    queue: str = "default"
    priority: int = 0
    at: datetime | float | None = None
    dedup: str | None = None

    def __post_init__(self) -> None:
        if self.dedup is not None and not (isinstance(self.dedup, str) and 0 < len(self.dedup) <= 200):
            raise UsageError("dedup: expected a text of 1 to 200 characters")


class Fleet:
    """A host's connection to its fleet's database, opened by the constructor.

    ``what`` names the operation in errors. Raises ``ConfigError`` if the database is not set or not suitable.
    """

    def __init__(self, parts: FleetParts, what: str = "submit") -> None:
        self._parts = parts
        self.database = FleetDatabase(database_url(parts.database, what))
        self._submitter = Submitter(self.database)
        self._looked: tuple[float, list[Offers]] = (float("-inf"), [])

    def submit(self, script: Script, options: RunOptions, placing: Placing) -> RunHandle:
        """Submit a run; returns its handle. Raises ``UsageError`` and ``JournalError``."""
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
        """Submit one run per item of ``rows``, its globals; yields the ids (``BATCH.1`` …) once they are in the queue.

        Submitting the same ``batch`` again continues an interrupted submission.
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
        """Save a schedule that submits runs by a cron expression; returns its first time, in seconds since 1970."""
        check_syntax(script)
        order, parcel, needs = self._order(script, options, placing)
        order = replace(order, traceparent=None)  # scheduled runs do not belong to the current trace
        return save(self.database, name, cron, zone, order, parcel.texts, needs)

    def waits(self, run_id: str) -> str | None:
        """The reason why a run waits, or ``None`` if it does not wait or the reason is unknown."""
        found = job(self.database, run_id)
        return None if found is None else waiting(self.database, found)

    def handle(self, run_id: str) -> RunHandle:
        """The handle of a submitted run."""
        return RunHandle(run_id, self.database, self._parts.check_open)

    def worker(self, options: WorkerOptions, tell: Callable[[str], None]) -> FleetWorker:
        """A worker that uses this host; it reports lines of text to ``tell``."""
        parts = self._parts
        return FleetWorker(
            self.database, parts.durable_runs(), parts.begin, self._offers(), options, tell,
            own_simulator=parts.own_simulator,
        )  # fmt: skip

    def close(self) -> None:
        """Close the connections to the database. A second call does nothing."""
        self.database.close()

    def _theirs(self) -> list[Offers]:
        """The offers of all workers, cached for :data:`LOOKED` seconds."""
        looked, found = self._looked
        if monotonic() - looked > LOOKED:
            workers = self.database.patiently(lambda: alive_workers(self.database))
            found = [offers for offers, _ in workers.values()]
            self._looked = monotonic(), found
        return found

    def _offers(self) -> Offers:
        return offers_of(self._parts.apis, self._parts.functions, self._parts.mode)

    def _order(self, script: Script, options: RunOptions, placing: Placing) -> tuple[Order, Parcel, Needs]:
        parcel, known = parcel_of(script), self._offers()
        for theirs in self._theirs():  # for APIs known only to workers, any version with the name is accepted
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
    """Raise ``UsageError`` if a script has a syntax error."""
    fault = syntax_fault(script.source, script.name)
    if fault:
        raise UsageError(f"the script is no Lua, and no worker could run it: {fault}")


def due_time(at: Any) -> float | None:
    """``at`` in seconds since 1970, or ``None``. Raises ``UsageError`` for a time without a zone."""
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
