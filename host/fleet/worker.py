"""A fleet worker: takes runs from the queue while it has capacity, and ensures that none is lost.

It takes only runs whose needs it meets. Its heartbeat is the journal's: one transaction renews the leases of its runs
and records that the worker is alive. Runs that it can no longer record are returned once the database is available.
"""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

import msgspec

from host import arguments
from host.bridge.threads import in_thread
from host.durable.database import JournalLost, Statement
from host.errors import HostError, JournalError
from host.fleet import claims, lost_jobs, upkeep
from host.fleet.attendance import Attendance, Begin, Ended, Left
from host.fleet.claims import TakenJob
from host.fleet.database import FleetDatabase
from host.fleet.health import WorkerHealth
from host.fleet.jobs import is_to_come
from host.fleet.listener import Listener
from host.fleet.needs import Needs, Offers, lacking
from host.fleet.registration import SHARED_SIMULATOR, Registration, register, unregister
from host.fleet.run_order import check_queue
from host.fleet.texts import ScriptFolders
from host.limits import is_seconds

if TYPE_CHECKING:
    from host.bridge.stats import WorkerStats
    from host.durable.runs import DurableRuns

__all__ = ["FleetWorker", "WorkerOptions"]

POLL: Final = 1.0  # seconds between looks where nothing wakes a worker: what is due, what another left
LONGEST_BACKOFF: Final = 5.0  # seconds, while the database is away

_BEAT: Final = """
WITH alive AS (
    UPDATE luahost_worker SET beat = now(), running = :running, draining = :draining WHERE name = :name RETURNING number
)
UPDATE procrastinate_workers SET last_heartbeat = now() FROM alive WHERE id = number
"""


class WorkerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a worker. ``grace`` is the time in seconds that runs have to end when the worker is stopped;
    ``keep`` is the time in seconds for which ended runs are kept.
    """

    queues: Sequence[str] = ("default",)
    concurrency: int = 10
    grace: float = 30.0
    keep: float = 7 * 86400.0

    def __post_init__(self) -> None:
        if isinstance(self.queues, str) or not self.queues:
            raise arguments.wrong("queues", self.queues, "a list of the queues to take from")
        for queue in self.queues:
            check_queue(queue)
        if isinstance(self.concurrency, bool) or not isinstance(self.concurrency, int) or self.concurrency < 1:
            raise arguments.wrong("concurrency", self.concurrency, "at least 1")
        for name in ("grace", "keep"):
            if not is_seconds(getattr(self, name)):
                raise arguments.wrong(name, getattr(self, name), "seconds above 0, at most a year")


class FleetWorker:
    """A worker of the fleet, which reports lines of text to ``tell``. :meth:`run` and :meth:`stop` are for one loop."""

    def __init__(
        self,
        database: FleetDatabase,
        durable_runs: DurableRuns,
        begin: Begin,
        offers: Offers,
        options: WorkerOptions,
        tell: Callable[[str], None],
        *,
        own_simulator: bool = False,
    ) -> None:
        self.name = f"{platform.node()}:{os.getpid()}:{os.urandom(3).hex()}"
        self.number = 0
        self._started = time.time()
        self.offers = offers
        self.running: dict[str, Attendance] = {}
        self.draining = False
        self.taken = 0
        self.ended: Counter[str] = Counter()  # runs by how they ended here
        self.away = False  # whether the last request to the database failed
        self._database = database
        self._durable_runs = durable_runs
        self._begin = begin
        self._options = options
        self._tell = tell
        self._own_simulator = own_simulator
        self._needs: dict[str, Needs | None] = {}  # by id; ``None``: left to other workers
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = True  # there may be runs whose needs were not looked at yet
        self._broken: dict[str, TakenJob] = {}  # runs whose record broke off, to be given back
        self._unsure = False  # whether there may be a job that was claimed without an answer
        durable_runs.batches.still_queued = partial(is_to_come, database)
        self._upkeep = upkeep.Upkeep(database, durable_runs.journal.lease, options.keep, options.queues)

    @property
    def lease(self) -> float:
        """Seconds without a heartbeat after which this worker is considered dead."""
        return self._durable_runs.journal.lease

    async def run(self) -> None:
        """Work until :meth:`stop`; then wait for the runs to end during the grace period, and return the others."""
        self._wake = asyncio.Event()
        self._lock = asyncio.Lock()
        await self._persist(self._register)
        self._folders = ScriptFolders(self._texts)
        listener = Listener(self._database, asyncio.get_running_loop(), self._notified)
        self._durable_runs.journal.keep_beating(self._beat)
        listener.start()
        try:
            failures = 0
            while not self.draining:
                self._wake.clear()
                delay = POLL
                try:
                    await self._round()
                    if failures:
                        self._tell("the database is there again")
                    failures, self.away = 0, False
                except JournalError as error:  # what one statement fails of may pass: two that wait for each other
                    if not failures:
                        self._tell(f"{error.message}; trying again")
                    failures, self.away = failures + 1, True
                    delay = min(LONGEST_BACKOFF, 0.1 * 2 ** min(failures, 10))
                await self._pause(delay)
        finally:
            await self._drain()
            await in_thread(listener.stop)
            self._folders.close()

    def stop(self) -> None:
        """Stop taking runs and let :meth:`run` end."""
        self.draining = True
        if hasattr(self, "_wake"):
            self._wake.set()

    def health(self, calls: WorkerStats, *, limits_up: bool = True) -> WorkerHealth:
        """A snapshot of the worker's state, from any thread, without querying the database."""

        return WorkerHealth(
            version=package_version(),
            name=self.name,
            taken=self.taken,
            ended=dict(self.ended),
            in_flight=len(self.running),
            concurrency=self._options.concurrency,
            queues=dict(self._upkeep.depths),
            lease_age=self._durable_runs.journal.lease_age,
            lease=self.lease,
            database_up=limits_up and not self.away,
            draining=self.draining,
            started=self._started,
            calls=calls,
        )

    # -- taking

    async def _round(self) -> None:
        for claimed in list(self._broken.values()):
            await in_thread(partial(self._give_back, claimed))
            self._broken.pop(claimed.run, None)
        if self._unsure:
            known = [*self.running, *self._broken]
            await in_thread(partial(lost_jobs.return_unknown, self._database, self.name, self.number, known))
            self._unsure = False
        if self._upkeep.is_due:
            for line in await in_thread(lambda: self._upkeep.do(self.running)):
                self._tell(line)
        if self._news:
            self._news = False  # before: what comes while it looks is looked at again
            try:
                await in_thread(self._look_at_needs)
            except JournalError:
                self._news = True
                raise
        await self._take_stranded()
        while not self.draining and len(self.running) < self._options.concurrency:
            queues = self._queues()
            found = await self._claimed(partial(claims.claim, self._database, queues))
            if found is None:
                return
            await self._take(found)

    async def _claimed(self, claim: Callable[[str, int], TakenJob | None]) -> TakenJob | None:
        try:
            return await in_thread(partial(claim, self.name, self.number))
        except JournalError:
            self._unsure = True
            raise

    def _queues(self) -> list[str]:
        return [f"{queue}#{id}" for queue in self._options.queues for id, each in self._needs.items() if each]

    async def _take_stranded(self) -> None:
        """Take unclaimed runs that runs here wait for, even beyond the capacity: they would otherwise wait for ever."""
        for run in self._durable_runs.batches.stranded():
            claim = partial(claims.claim_run, self._database, run, self._queues())
            found = None if self.draining else await self._claimed(claim)
            if found is not None:
                await self._take(found)

    async def _take(self, claimed: TakenJob) -> None:
        if claimed.script is None:
            await in_thread(lambda: claims.let_go(self._database, claimed, self.number))
            return
        if claimed.run in self.running:  # it was taken from us, and comes back before we are done with it
            await in_thread(lambda: self._put_off(claimed, self.lease / 3, "its worker has not let go of it yet"))
            return
        needs = self._needs[claimed.need]
        assert needs is not None
        attendance = Attendance(claimed, self._durable_runs, self._begin, sorted(needs.apis))
        self.running[claimed.run] = attendance
        self.taken += 1
        task = asyncio.create_task(self._attend(attendance))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attend(self, attendance: Attendance) -> None:
        claimed = attendance.claimed
        try:
            ended: Ended | Left = await attendance.attend(self._folders, self._lock)
            self.ended["left" if isinstance(ended, Left) else attendance.status if ended == "ended" else ended] += 1
            if isinstance(ended, Left):
                self._tell(f"run {claimed.run} is left: {ended.reason}")
                await in_thread(lambda: self._leave(claimed, ended))
            elif ended == "broken off":
                self._broken[claimed.run] = claimed
            elif ended == "taken over":
                self._tell(f"run {claimed.run} was taken over by another worker; what this one has of it is dropped")
                # A job that is still ours was delivered beside another of the same run: it ends when it comes again.
                await in_thread(lambda: self._put_off(claimed, self.lease, "another worker has it"))
        except JournalLost:
            self._broken[claimed.run] = claimed
        except HostError as error:
            self._tell(f"run {claimed.run}: {error.message}")
            self._broken[claimed.run] = claimed
        finally:
            del self.running[claimed.run]
            self._wake.set()

    def _leave(self, claimed: TakenJob, left: Left) -> None:
        if left.seconds is not None:
            self._put_off(claimed, left.seconds, left.reason)
        else:
            claims.refuse(self._database, claimed, self.name, left.reason)

    def _put_off(self, claimed: TakenJob, seconds: float, note: str) -> None:
        claims.put_off(self._database, claimed, self.name, self.number, seconds, note)

    def _give_back(self, claimed: TakenJob) -> None:
        owner, note = self._durable_runs.journal.owner, "the database was away"
        claims.give_back(self._database, claimed, self.name, self.number, owner, note)

    def _look_at_needs(self) -> None:
        """Determine which runs this worker can run; those it cannot are reported once."""
        rows = self._database.rows("SELECT id, needs FROM luahost_need WHERE NOT id = ANY(%s)", [list(self._needs)])
        for id, plain in rows:
            needs = msgspec.convert(plain, Needs)
            lacks = lacking(needs, self.offers)
            self._needs[id] = None if lacks else needs
            if lacks:
                self._tell(f"this worker leaves some runs to others: {', '.join(lacks)}")

    def _texts(self, hashes: list[str]) -> dict[str, bytes]:
        rows = self._database.rows("SELECT sha256, text FROM luahost_text WHERE sha256 = ANY(%s)", [hashes])
        return {hash: bytes(text) for hash, text in rows}

    # -- being there

    def _notified(self, payload: str) -> None:
        """On the loop."""
        kind, _, run = payload.partition(":")
        if kind == "cancel":
            attendance = self.running.get(run)
            if attendance is not None:
                attendance.end("cancelled")
        else:
            self._news = True
            self._wake.set()

    def _register(self) -> None:
        options = self._options
        worker = Registration(
            name=self.name, version=package_version(), queues=options.queues, concurrency=options.concurrency,
            offers=self.offers, lease=self.lease, own_simulator=self._own_simulator,
        )  # fmt: skip
        self.number = register(self._database, worker)
        if self._own_simulator and self.offers.mode == "simulated":
            self._tell(f"this worker has a simulator of its own, so it is to be the only one; {SHARED_SIMULATOR}")

    def _beat(self) -> list[Statement]:
        return [(_BEAT, [{"name": self.name, "running": len(self.running), "draining": self.draining}])]

    async def _persist(self, work: Callable[[], Any]) -> None:
        """Do ``work``, repeating it while the database is unavailable."""
        failures = 0
        while not self.draining:
            try:
                await in_thread(work)
                return
            except JournalLost as error:
                if not failures:
                    self._tell(f"{error.message}; trying again")
                failures += 1
                await self._pause(min(LONGEST_BACKOFF, 0.1 * 2 ** min(failures, 10)))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            self._news = True

    async def _drain(self) -> None:
        self.draining = True
        if self._tasks:
            self._tell(f"{len(self._tasks)} runs have {self._options.grace:g} s to end")
            await asyncio.wait(set(self._tasks), timeout=self._options.grace)
        for attendance in list(self.running.values()):
            attendance.end("interrupted")
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        try:
            for claimed in self._broken.values():
                await in_thread(partial(self._give_back, claimed))
            await in_thread(self._unregister)
        except HostError:  # its leases end by themselves, and others take what it had
            return

    def _unregister(self) -> None:
        self._durable_runs.journal.keep_beating(tuple)
        unregister(self._database, self.name, self.number)


def package_version() -> str:
    """The installed version; ``source`` for a source tree that was never installed."""
    try:
        return version("luahost")
    except PackageNotFoundError:
        return "source"
