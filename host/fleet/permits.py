"""The limits of a host that apply across all workers of the fleet, leased from the database.

A worker process leases limits from its parent (:mod:`host.remote.leased_limits`); a fleet worker leases them from
PostgreSQL with the same messages, and :class:`FleetLimits` takes the role of the parent. It has its own thread and
connection, so that a long computation in a script and a slow database do not delay each other.

A worker's lease of all its permits ends, by the database's clock, after ``lease`` seconds without a renewal; other
workers may then use them. The worker itself stops using them well before that, so that the uses never overlap.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import psycopg

from host.errors import ConfigError
from host.fleet.fleet_limiter import FleetLimiter, LeaseHeld
from host.fleet.leases import BreakerLease, PermitLease, PoolLease, RateLease
from host.fleet.permit_database import PermitDatabase, connect
from host.fleet.permit_tables import make_permit_tables
from host.fleet.rate_permits import RATE_POOL, UNANSWERED
from host.http.circuit_breaker import CircuitBreakerPolicy
from host.http.limiter import HttpLimits
from host.remote import limit_messages as m
from host.remote.leased_limits import API_POOL

__all__ = ["LEASE", "FleetLimits"]

LEASE: Final = 30.0  # seconds, as a run's
PATIENCE: Final = 10.0  # seconds without a database after which calls waiting for a rate's permit fail
RETRY: Final = (0.1, 2.0)  # seconds before connecting again: the first, the longest

_log = logging.getLogger(__name__)

Deliver = Callable[[m.Message], None]


class FleetLimits:
    """The leases of one worker; ``limiter`` is for :func:`host.http.limiter.limited`.

    ``account(api)`` distinguishes keys without revealing them; ``longest`` is the maximum duration of a request in
    seconds, ``connecting`` the part of it until the request is written. The constructor raises ``ConfigError`` if the
    database cannot be used; a connection lost later is reopened.
    """

    def __init__(
        self,
        url: str,
        limits: HttpLimits,
        *,
        account: Callable[[str], str] = lambda api: "",
        lease: float = LEASE,
        longest: float = 10.0,
        connecting: float = 3.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._url = url
        self._limits = limits
        self._account = account
        self._lease = max(lease, 3 * longest)
        self._longest = longest
        self._on_way = connecting + UNANSWERED
        self._clock = clock
        self._leases: dict[tuple[str, str], PermitLease] = {}
        self._incoming: deque[m.Message] = deque()
        self._woken = False
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_write.setblocking(False)
        self._closing = threading.Event()
        self._receiver: Deliver | None = None
        self._thread: threading.Thread | None = None
        self._member = ""
        self._away_since: float | None = None
        self._next_beat = 0.0
        self.limiter = FleetLimiter(limits, self._tell, clock=clock)
        try:
            self._database: PermitDatabase | None = self._open()
        except psycopg.Error as error:
            self._wake_read.close()
            self._wake_write.close()
            raise ConfigError(f"the fleet's limits cannot be kept in the database: {_first_line(error)}") from None

    @property
    def member(self) -> str:
        """The name this worker's lease has in the database."""
        return self._member

    @property
    def database_up(self) -> bool:
        """Whether the database answered the last request."""
        return self._away_since is None

    def start(self, deliver: Deliver) -> None:
        """Start the thread. ``deliver(message)`` must have ``limiter.receive`` called on the loop's thread."""
        self._receiver = deliver
        with contextlib.suppress(psycopg.Error):  # the thread comes back to it
            if self._database is not None:
                self._sync(self._database)  # breakers that are open are known before the first call
        self._thread = threading.Thread(target=self._run, name="host-permits", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Return all permits and end the thread. A second call does nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._wake()
        if self._thread is not None:
            self._thread.join()
        elif self._database is not None:
            self._leave(self._database)
        self._wake_read.close()
        self._wake_write.close()

    # -- the loop's side

    def _tell(self, message: m.Message) -> None:
        self._incoming.append(message)
        if not self._woken:
            self._woken = True
            self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # it is full, and so it wakes; or it is closed
            self._wake_write.send(b".")

    # -- the thread

    def _deliver(self, message: m.Message) -> None:
        if self._receiver is not None:  # before the start nobody holds anything
            self._receiver(message)

    def _run(self) -> None:
        pause = RETRY[0]
        while not self._closing.is_set():
            try:
                if self._database is None:
                    self._database = self._open()
                    pause = RETRY[0]
                self._round(self._database)
            except Exception as error:
                if not isinstance(error, psycopg.Error):
                    _log.exception("a defect: the fleet's limits are leased anew")
                self._lost(error)
                self._wait(None, self._clock() + pause)
                pause = min(RETRY[1], pause * 2)
        if self._database is not None:
            self._leave(self._database)

    def _open(self) -> PermitDatabase:
        """Connect, go on with the lease or begin a new one, and hear what there is."""
        connection = connect(self._url, "luahost permits")
        try:
            make_permit_tables(connection)
            database = PermitDatabase(connection, self._member)
            self._beat(database)
            database.listen()
            if self._limits.breaker is not None:
                for host in database.breakers():
                    self._lease_of("breaker", host).heard(self._clock())
        except BaseException:
            connection.close()
            raise
        now = self._clock()
        for lease in self._leases.values():
            lease.resume(now)
        self._away_since = None
        return database

    def _round(self, database: PermitDatabase) -> None:
        now = self._clock()
        if now >= self._next_beat:
            self._beat(database)
        due = self._sync(database)
        heard = database.heard()  # also what came while something was asked, which no select would show
        for kind, name in heard:
            self._heard(kind, name, self._clock())
        if not heard:
            self._wait(database, min(due, self._next_beat))

    def _sync(self, database: PermitDatabase) -> float:
        """Ask what is to be asked by now; returns when there is more."""
        self._take(self._clock())
        due = math.inf
        for lease in list(self._leases.values()):
            if lease.due() <= self._clock() and not lease.sync(database, self._clock()):
                self._revoke(database)
                return 0.0
            due = min(due, lease.due())
        return due

    def _wait(self, database: PermitDatabase | None, until: float) -> None:
        """Until then, or something is said."""
        seconds = max(0.0, until - self._clock())
        sources: list[Any] = [self._wake_read, *([] if database is None else [database])]
        readable, _, _ = select.select(sources, [], [], seconds)
        if self._wake_read in readable:
            self._wake_read.recv(4096)
            self._woken = False  # only now: what is said from here on wakes again, what was said before is taken next

    def _beat(self, database: PermitDatabase) -> None:
        """Go on with the lease of all permits; where it ended, begin a new one with none."""
        sent = self._clock()
        if not self._member or not database.renew(self._member, self._lease):
            self._revoke(database)
            return
        self._renewed(sent)

    def _revoke(self, database: PermitDatabase) -> None:
        if self._member:
            _log.warning("the lease of this worker's permits ended; it leases new ones")
        for lease in self._leases.values():
            if isinstance(lease, PoolLease):
                lease.revoke()
        self._member = database.member = os.urandom(8).hex()
        sent = self._clock()
        database.join(self._member, self._lease)
        self._renewed(sent)

    def _renewed(self, sent: float) -> None:
        # Asked before it was granted: the lease holds longer in the database. Requests under way must end within it.
        until = sent + self._lease - self._longest
        if self._receiver is None:
            self.limiter.until = until
        else:  # on the loop, behind what was said of a lease that ended: nothing of that is used under the new one
            self._deliver(LeaseHeld(until))
        self._next_beat = sent + self._lease / 4

    def _lost(self, error: Exception) -> None:
        now = self._clock()
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._away_since is None:
            self._away_since = now
            _log.warning("the database of the fleet's limits is away: %s", _first_line(error))
        self._take(now)
        lasts = now - self._away_since >= PATIENCE
        why = "no permit of the fleet's rate can be leased: the database is away" if lasts else None
        for lease in self._leases.values():
            lease.away(why)

    def _take(self, now: float) -> None:
        while self._incoming:
            message: Any = self._incoming.popleft()
            lease = self._of(message)
            if lease is not None:
                lease.take(message, now)

    def _heard(self, kind: str, name: str, now: float) -> None:
        for (known, _), lease in self._leases.items():
            if kind == "rate" and isinstance(lease, RateLease) and lease.name == RATE_POOL + name:
                lease.slowed_elsewhere()
                return
            if known == kind and lease.name == name:
                lease.heard(now)
                return
        if kind == "breaker" and self._limits.breaker is not None:
            self._lease_of("breaker", name).heard(now)

    def _of(self, message: Any) -> PermitLease | None:
        pool = getattr(message, "pool", None)
        if pool is not None:
            return self._lease_of("pool", pool)
        rate = getattr(message, "name", None)
        if rate is not None:
            return self._lease_of("pool", RATE_POOL + rate)
        return self._lease_of("breaker", message.host)

    def _lease_of(self, kind: str, name: str) -> PermitLease:
        found = self._leases.get((kind, name))
        if found is None:
            found = self._leases[kind, name] = self._new(kind, name)
        return found

    def _new(self, kind: str, name: str) -> PermitLease:
        if kind == "pool" and name.startswith(RATE_POOL):
            rate = name.removeprefix(RATE_POOL)
            permits = self.limiter.rate(rate)
            assert permits is not None
            window = self.limiter.windows[rate]
            return RateLease(rate, self._fleet_name(rate), window, permits, self._deliver, on_way=self._on_way)
        if kind == "pool" and name.startswith(API_POOL):
            api = name.removeprefix(API_POOL)
            return PoolLease(name, API_POOL + self._fleet_name(api), self._limits.in_flight[api], self._deliver)
        if kind == "pool":
            return PoolLease(name, name, self._limits.in_flight_per_host or 1, self._deliver)
        return BreakerLease(name, self._limits.breaker or CircuitBreakerPolicy(), self._deliver)

    def _fleet_name(self, api: str) -> str:
        account = self._account(api)
        return f"{api} {account}" if account else api

    def _leave(self, database: PermitDatabase) -> None:
        try:
            self._take(self._clock())
            for lease in self._leases.values():
                if isinstance(lease, BreakerLease) and lease.due() < math.inf:  # what was seen of servers last
                    lease.sync(database, self._clock())
                elif isinstance(lease, RateLease):
                    lease.leave(database)
            database.leave()
        except psycopg.Error as error:
            _log.warning("the permits of this worker come back when their lease ends: %s", _first_line(error))
        database.close()


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).partition("\n")[0]
