"""What a worker has leased of each limit, and what is asked of the database for it.

A lease takes what the loop says (``take``), says when to ask the database (``due``), asks it (``sync``), and
delivers what came of it. All of this runs on the one thread of :class:`~host.fleet.permits.FleetLimits`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from host.fleet.fleet_limiter import (
    LATE,
    BreakerChanged,
    PermitsRevoked,
    ProbeGranted,
    ProbeWanted,
    TokensDelayed,
    TokensRefused,
)
from host.fleet.permit_database import BreakerNow, PermitDatabase
from host.http.circuit_breaker import CircuitBreakerPolicy
from host.http.rate_limiter import Rate
from host.processes import messages as m
from host.processes.permits import PermitShare

__all__ = ["BreakerLease", "PermitLease", "PoolLease", "RateLease"]

Deliver = Callable[[m.Message], None]
POLL: Final = 1.0  # seconds after which permits that are wanted are asked for again: a lost worker says nothing
AHEAD: Final = 0.5  # seconds for which tokens are leased ahead: a lost worker's are lost that long
RECENT: Final = 0.25  # seconds whose use decides how many are leased ahead
DELAY: Final = 1.0  # seconds after which whoever waits for a token learns that none came
NOISE: Final = 0.1  # seconds before a failure is shared with the other workers
PROBE: Final = 10.0  # seconds a probe may take before another worker tries
NEVER: Final = math.inf


class PermitLease(Protocol):
    """See the module; times are of one clock that never goes back. ``name`` is the limit's in the database."""

    name: str

    def take(self, message: Any, now: float) -> None:
        """What the loop said."""

    def due(self) -> float:
        """When the database is to be asked."""

    def sync(self, database: PermitDatabase, now: float) -> bool:
        """Ask it. Returns whether the lease of all permits still holds."""

    def heard(self, now: float) -> None:
        """Another worker changed something of it."""

    def away(self, why: str | None) -> None:
        """The database cannot be asked; ``why`` is given once that has lasted."""

    def resume(self, now: float) -> None:
        """The database is there again; it is not known what of the last question it has done."""


class PoolLease:
    """Permits in flight of one pool, of ``total`` in the fleet."""

    def __init__(self, pool: str, name: str, total: int, deliver: Deliver) -> None:
        self._pool = pool  # as the limiter names it
        self.name = name
        self._total = total
        self._deliver = deliver
        self._share = PermitShare()
        self._returned = 0
        self._due = NEVER
        self._afresh = True

    def take(self, message: Any, now: float) -> None:
        share = self._share
        if isinstance(message, m.PermitsWanted):
            self._share = share._replace(wanted=share.wanted + message.count)
        else:
            count = min(message.count, share.held)  # those of a lease that ended are not there any more
            self._share = share._replace(held=share.held - count)
            self._returned += count
        self._due = now

    def due(self) -> float:
        return self._due

    def sync(self, database: PermitDatabase, now: float) -> bool:
        found = database.exchange(self.name, self._total, self._share, self._returned, afresh=self._afresh)
        if found is None:
            return False
        self._share, self._returned, self._afresh = found.share, 0, False
        self._due = now + POLL if found.share.wanted else NEVER
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
        self._returned = 0  # the share says what is held, whatever was recorded
        self._due = now

    def revoke(self) -> None:
        """The lease of all permits has ended."""
        self._share, self._returned, self._due = PermitShare(), 0, NEVER
        self._deliver(PermitsRevoked(self._pool))

    def renewed(self) -> None:
        """It goes on after it had nearly ended: whoever waited may take what is held."""
        self._deliver(m.PermitsGranted(self._pool, 0))


class RateLease:
    """Tokens of one rate: times at which a request may go, leased some at once and used or lost.

    A rate without a burst of its own is paced: no second has more than ``per_second``, where tokens are used late
    included, and requests as long on their way.
    """

    def __init__(self, rate: str, name: str, limit: Rate, deliver: Deliver, clock: Callable[[], float]) -> None:
        self._rate = rate  # as the limiter names it
        self.name = name
        self._deliver = deliver
        self._clock = clock
        self._burst = 1.0 if limit.burst is None else limit.burst
        self._spacing = (1 + 2 * LATE if limit.burst is None else 1.0) / limit.per_second
        self._horizon = max(AHEAD, self._spacing)
        self._slots: deque[tuple[float, float]] = deque()  # usable from, until
        self._waiting = 0
        self._waiting_since = NEVER  # … or learnt of a delay
        self._recent = (0.0, 0, 0)  # the window's begin, tokens used in it, in the one before
        self._accepted = 0
        self._rejected: list[float | None] = []
        self._share = 1.0
        self._again = NEVER
        self.members = 1

    def take(self, message: Any, now: float) -> None:
        match message:
            case m.TokensWanted(_, count):
                if not self._waiting:
                    self._waiting_since = now
                    self._again = now
                self._waiting += count
                self._serve(now)
            case m.RateRejected(_, asked):
                self._rejected.append(asked)
                self._slots.clear()
                self._share = min(self._share, 0.5)
            case m.RateAccepted():
                self._accepted += 1  # reported with the next lease
        # A token that comes back is lost: its time may have passed.

    def due(self) -> float:
        if self._rejected:
            return 0.0
        return min(self._again, self._waiting_since + DELAY) if self._waiting else NEVER

    def sync(self, database: PermitDatabase, now: float) -> bool:
        if self._rejected:
            pauses = [min(pause, 60.0) for pause in self._rejected if pause is not None]
            database.slow_down(self.name, self._spacing, max(pauses, default=None))
            self._rejected.clear()
        if self._waiting and now >= self._again:
            self._lease(database, now)
        if self._waiting and now - self._waiting_since >= DELAY:
            self._deliver(TokensDelayed(self._rate, now - self._waiting_since))
            self._waiting_since = now
        return True

    def _lease(self, database: PermitDatabase, sent: float) -> None:
        began, used, before = self._recent
        ahead = max(used, before) if sent - began < 2 * RECENT else 0
        part = math.ceil(self._horizon / self._spacing / self.members)
        got = database.lease_tokens(
            self.name,
            max(1, min(self._waiting + ahead, part)),
            spacing=self._spacing,
            burst=self._burst,
            horizon=self._horizon,
            accepted=self._accepted,
        )
        self._accepted, self._share = 0, got.share
        now = self._clock()
        # The database's "now" was between the question and its answer: never before a token's time, and not long after.
        earliest = max(sent, now - LATE / 4)
        for number in range(got.number):
            wait = max(0.0, got.first + number * got.spacing)
            self._slots.append((now + wait, earliest + wait + LATE / 2))
        self._serve(now)
        if self._waiting:
            later = got.first + got.number * got.spacing - self._horizon / 2
            self._again = now + min(max(later, self._spacing / 4, 0.002), self._horizon)

    def _serve(self, now: float) -> None:
        waits: list[float] = []
        while self._slots and len(waits) < self._waiting:
            usable, until = self._slots.popleft()
            if until >= now:
                waits.append(max(0.0, usable - now))
        if not waits:
            return
        self._waiting -= len(waits)
        self._waiting_since = now if self._waiting else NEVER
        began, used, before = self._recent
        if now - began >= RECENT:
            began, used, before = now, 0, used if now - began < 2 * RECENT else 0
        self._recent = began, used + len(waits), before
        self._deliver(m.TokensGranted(self._rate, waits, self._share < 1.0))

    def heard(self, now: float) -> None:
        self._slots.clear()  # the server told another worker to slow down
        self._share = min(self._share, 0.5)

    def away(self, why: str | None) -> None:
        if why is not None and self._waiting:
            self._waiting, self._waiting_since = 0, NEVER
            self._deliver(TokensRefused(self._rate, why))

    def resume(self, now: float) -> None:
        self._again = now


class BreakerLease:
    """The circuit breaker of one host.

    A failure is shared a little later, and not at all where the host answers meanwhile: of a server that fails now
    and then the database hears nothing.
    """

    def __init__(self, host: str, policy: CircuitBreakerPolicy, deliver: Deliver) -> None:
        self.name = self._host = host
        self._policy = policy
        self._deliver = deliver
        self._failures = 0  # not shared yet
        self._reason = ""
        self._known = False  # the database counts failures of it
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
        if self._probe:  # nobody can be asked: each worker for itself
            self._probe = False
            self._deliver(ProbeGranted(self._host))

    def resume(self, now: float) -> None:
        self.heard(now)
