"""A worker's lease of each limit, and its exchanges with the database.

A lease handles messages from the loop (``take``), states when it next needs the database (``due``), exchanges data
with it (``sync``), and delivers the outcome to the loop. All of this runs on the thread of
:class:`~host.fleet.permits.FleetLimits`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any, Final, Protocol

from host.fleet.fleet_limiter import (
    BreakerChanged,
    PermitsRevoked,
    ProbeGranted,
    ProbeWanted,
    RateRefused,
    RateRenewed,
    RateRevoked,
    RateSlowed,
    RevocationSeen,
)
from host.fleet.permit_database import BreakerNow, PermitDatabase
from host.fleet.rate_permits import RATE_POOL, UNANSWERED, RatePermits, RatePermitsReturned, RateWindow
from host.http.circuit_breaker import CircuitBreakerPolicy
from host.remote import limit_messages as m
from host.remote.permits import PermitShare

__all__ = ["BreakerLease", "PermitLease", "PoolLease", "RateLease"]

Deliver = Callable[[m.Message], None]
POLL: Final = 1.0  # seconds between requests for wanted permits, since a lost worker sends no notification
RATE_POLL: Final = 2.0  # the same for a rate, whose permits may be wanted by all workers all the time
RATE_GAP: Final = 0.5  # seconds between exchanges of a rate's permits, to return several at once
USABLE: Final = 2.0  # seconds for which a rate's permits may be used after a renewal
NOISE: Final = 0.1  # seconds before a failure is shared with the other workers
PROBE: Final = 10.0  # seconds a probe may take before another worker tries
NEVER: Final = math.inf


class PermitLease(Protocol):
    """The lease of one limit. Times are of a monotonic clock; ``name`` is the limit's name in the database."""

    name: str

    def take(self, message: Any, now: float) -> None:
        """Handle a message from the loop."""

    def due(self) -> float:
        """The time at which :meth:`sync` is next needed."""

    def sync(self, database: PermitDatabase, now: float) -> bool:
        """Exchange data with the database. Returns whether the lease of all permits still holds."""

    def heard(self, now: float) -> None:
        """Handle a notification that another worker changed this limit."""

    def away(self, why: str | None) -> None:
        """Handle an outage of the database; ``why`` is the reason once it has lasted for some time, else ``None``."""

    def resume(self, now: float) -> None:
        """Continue after an outage. It is unknown whether the last exchange was committed."""


class PoolLease:
    """The permits in flight of one pool, which has ``total`` permits in the fleet."""

    def __init__(self, pool: str, name: str, total: int, deliver: Deliver, *, poll: float = POLL) -> None:
        self._poll = poll
        self._pool = pool  # the limiter's name of it
        self.name = name
        self._total = total
        self._deliver = deliver
        self._share = PermitShare()
        self._returned = 0
        self._due = NEVER
        self._afresh = True
        self._revoked = False  # whether a revocation still has to be acknowledged by the loop

    @property
    def holds(self) -> bool:
        """Whether any permit is held."""
        return self._share.held > 0

    def take(self, message: Any, now: float) -> None:
        share = self._share
        if isinstance(message, RevocationSeen):
            self._revoked = False
        if self._revoked or isinstance(message, RevocationSeen):
            return  # the message is about the lease that ended
        if isinstance(message, m.PermitsWanted):
            self._share = share._replace(wanted=share.wanted + message.count)
        else:
            count = min(message.count, share.held)  # permits of a lease that ended are no longer held
            self._share = share._replace(held=share.held - count)
            self._returned += count
        self._due = now

    def due(self) -> float:
        return self._due

    def sync(self, database: PermitDatabase, now: float) -> bool:
        return self.exchange(database, now, database.member)

    def exchange(self, database: PermitDatabase, now: float, member: str) -> bool:
        """As :meth:`sync`, for the lease of ``member``."""
        found = database.exchange(
            self.name, self._total, self._share, self._returned, member=member, afresh=self._afresh
        )
        if found is None:
            return False
        self._share, self._returned, self._afresh = found.share, 0, False
        self._due = now + self._poll if found.share.wanted else NEVER
        if found.granted:
            self._deliver(m.PermitsGranted(self._pool, found.granted))
        for hard, count in ((True, found.hard), (False, found.soft)):
            if count > 0:
                self._deliver(m.PermitsRecalled(self._pool, count, hard))
        return True

    def heard(self, now: float) -> None:
        self._due = now

    def away(self, why: str | None) -> None:
        pass  # what is held is used until its lease ends

    def resume(self, now: float) -> None:
        self._afresh = True
        self._returned = 0  # the share states what is held, whatever was recorded
        self._due = now

    def revoke(self) -> None:
        """Handle the end of the lease of all permits."""
        self.forget()
        self._revoked = True
        self._deliver(PermitsRevoked(self._pool))

    def forget(self) -> None:
        """Reset to holding and wanting no permits."""
        self._share, self._returned, self._due = PermitShare(), 0, NEVER


class RateLease:
    """The lease of one rate's permits, which the loop uses as ``permits``.

    It is separate from the lease of permits in flight, shorter, and renewed only while it is needed. In the database
    it ends later than the last permitted use, by the time a request may be in transit (``on_way``, seconds) and its
    permit rests. So the requests of a lost worker no longer count when others get its permits.
    """

    def __init__(
        self, rate: str, name: str, window: RateWindow, permits: RatePermits, deliver: Deliver, *, on_way: float
    ) -> None:
        self.name = RATE_POOL + name
        self._rate = rate  # the limiter's name of it
        self._name = name  # the name in the database
        self._window = window
        self._permits = permits
        self._deliver = deliver
        self._seconds = USABLE + on_way + window.seconds
        self._pool = PoolLease(permits.pool, self.name, window.permits, deliver, poll=RATE_POLL)
        self._member = ""
        self._number = 0
        self._beat = NEVER
        self._accepted = 0
        self._rejected: list[float | None] = []
        self._share = 1.0
        self._look = False
        self._exchanged = -NEVER

    def take(self, message: Any, now: float) -> None:
        match message:
            case m.PermitsWanted():
                self._pool.take(message, now)
                if self._beat == NEVER:  # the lease was not needed for a while and may have ended
                    self._beat = now
            case RatePermitsReturned(_, count, lease):
                if lease == self._number:
                    self._pool.take(m.PermitsReturned(self._permits.pool, count), now)
            case m.RateRejected(_, asked):
                self._rejected.append(asked)
            case m.RateAccepted():
                self._accepted += 1  # reported with the next heartbeat

    def due(self) -> float:
        return -NEVER if self._rejected else min(self._beat, self._exchange_due())

    def _exchange_due(self) -> float:
        return max(self._pool.due(), self._exchanged + RATE_GAP if self._pool.holds else -NEVER)

    def sync(self, database: PermitDatabase, now: float) -> bool:
        if self._rejected:
            pauses = [min(pause, 60.0) for pause in self._rejected if pause is not None]
            usual = self._window.seconds / self._window.permits / self._share
            database.slow_down(self._name, max(pauses, default=usual))
            self._rejected.clear()
            self._look = True
        if now >= self._beat:
            self._renew(database, now)
        if self._look:
            self._slowed(database)
        if now >= self._exchange_due():
            self._exchanged = now
            if not self._pool.exchange(database, now, self._member):
                self._end()
        return True

    def _renew(self, database: PermitDatabase, sent: float) -> None:
        if self._member and not database.renew(self._member, self._seconds):
            self._end()
        if not self._member:
            self._member = os.urandom(8).hex()
            database.join(self._member, self._seconds)
            self._look = True
        # Counted from before the request, so that in the database the lease ends later than here.
        self._deliver(RateRenewed(self._rate, sent + USABLE))
        self._beat = sent + USABLE / 3 if self._permits.is_busy(sent) else NEVER
        self._look = self._look or self._share < 1.0

    def _end(self) -> None:
        """Handle the end of the lease; waiting requests will want permits of the next one."""
        self._member, self._beat = "", NEVER
        self._number += 1
        self._pool.forget()
        self._deliver(RateRevoked(self._rate, self._number))

    def _slowed(self, database: PermitDatabase) -> None:
        self._share, wait = database.rate(self._name, self._accepted)
        self._accepted, self._look = 0, False
        self._deliver(RateSlowed(self._rate, self._share, max(0.0, wait)))

    def heard(self, now: float) -> None:
        self._pool.heard(now)

    def slowed_elsewhere(self) -> None:
        """Handle a notification that another worker received status 429."""
        self._look = True
        self._beat = -NEVER

    def away(self, why: str | None) -> None:
        if why is not None:
            self._deliver(RateRefused(self._rate, why))

    def resume(self, now: float) -> None:
        self._pool.resume(now)
        if self._member:
            self._beat = now

    def leave(self, database: PermitDatabase) -> None:
        """Give up the lease when the worker ends; its permits become available once they have rested."""
        if self._member:
            database.retire(self._member, self._window.seconds + UNANSWERED)


class BreakerLease:
    """The shared circuit breaker of one host.

    A failure is reported to the database after :data:`NOISE` seconds, and not at all if the host answers before, so
    that occasional failures cause no traffic.
    """

    def __init__(self, host: str, policy: CircuitBreakerPolicy, deliver: Deliver) -> None:
        self.name = self._host = host
        self._policy = policy
        self._deliver = deliver
        self._failures = 0  # not shared yet
        self._reason = ""
        self._known = False  # whether the database has failures of this host
        self._probing = False
        self._recovered = self._probe = self._look = False
        self._due = NEVER

    def take(self, message: Any, now: float) -> None:
        match message:
            case m.HostFailed(_, reason):
                self._failures += 1
                self._reason = reason
                urgent = self._probing or self._failures >= self._policy.failures
                self._due = min(self._due, now if urgent else now + NOISE)
            case m.HostRecovered():
                self._failures, self._recovered = 0, self._known
                self._due = now if self._recovered or self._probe or self._look else NEVER
            case ProbeWanted():
                self._probe, self._due = True, now

    def due(self) -> float:
        return self._due

    def sync(self, database: PermitDatabase, now: float) -> bool:
        if self._recovered:
            database.recovered(self._host)
            self._recovered = self._known = self._probing = False
        if self._failures:
            self._told(database.failed(self._host, self._failures, self._policy, self._reason))
            self._failures, self._probing = 0, False
        if self._probe and database.may_probe(self._host, PROBE):
            self._probing = True
            self._deliver(ProbeGranted(self._host))
        elif self._probe or self._look:
            self._told(database.breaker(self._host))
        self._probe = self._look = False
        self._due = NEVER
        return True

    def _told(self, state: BreakerNow) -> None:
        self._known = state.failures > 0
        self._deliver(BreakerChanged(self._host, state))

    def heard(self, now: float) -> None:
        self._look, self._due = True, now

    def away(self, why: str | None) -> None:
        if self._probe:  # without the database, each worker decides alone
            self._probe = False
            self._deliver(ProbeGranted(self._host))

    def resume(self, now: float) -> None:
        self.heard(now)
