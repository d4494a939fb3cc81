"""The limits as a worker of the fleet has them: those of a worker process, leased for a time from the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from host.fleet.permit_database import BreakerNow
from host.fleet.rate_permits import RatePermits, RateWindow, check_permit, with_rate_permits
from host.http.circuit_breaker import CircuitBreakerPolicy
from host.http.limiter import HttpLimits
from host.http.message import OnWait, Send
from host.http.permits import Permits
from host.remote import limit_messages as m
from host.remote.leased_limits import (
    API_POOL,
    LeasedLimiter,
    LeasedPermits,
    SharedCircuitBreaker,
    Tell,
)

__all__ = [
    "BreakerChanged",
    "FleetLimiter",
    "LeaseHeld",
    "PermitsRevoked",
    "ProbeGranted",
    "ProbeWanted",
    "RateRefused",
    "RateRenewed",
    "RateRevoked",
    "RateSlowed",
    "RevocationSeen",
]


class PermitsRevoked(m.Message, frozen=True):
    """The lease of all permits of a pool has ended: those in use are let finish, and none is left."""

    pool: str


class RevocationSeen(m.Message, frozen=True):
    """The loop has heard of :class:`PermitsRevoked`: what it says from here on is of the new lease."""

    pool: str


class LeaseHeld(m.Message, frozen=True):
    """The lease of all permits in flight allows their use ``until`` then."""

    until: float


class RateMessage(m.Message, frozen=True):
    """What is said of the rate of that ``name``."""

    name: str

    def apply(self, permits: RatePermits) -> None:
        """Tell the rate's permits."""
        raise NotImplementedError


class RateRenewed(RateMessage, frozen=True):
    """The lease of a rate's permits holds ``until`` then, on this machine's monotonic clock."""

    until: float

    def apply(self, permits: RatePermits) -> None:
        permits.renewed(self.until)


class RateRevoked(RateMessage, frozen=True):
    """It has ended; the next has the number ``lease``, and nothing is held of it yet."""

    lease: int

    def apply(self, permits: RatePermits) -> None:
        permits.lease_ended(self.lease)


class RateSlowed(RateMessage, frozen=True):
    """The ``share`` that is left of a rate after answers of status 429, and for how long nothing may be sent at all."""

    share: float
    seconds: float

    def apply(self, permits: RatePermits) -> None:
        permits.slowed(self.share, self.seconds)


class RateRefused(RateMessage, frozen=True):
    """No permit of a rate can be had, for the reason of ``text``."""

    text: str

    def apply(self, permits: RatePermits) -> None:
        permits.refused(self.text)


class ProbeWanted(m.Message, frozen=True):
    """A breaker is half-open: may this worker try the host?"""

    host: str


class ProbeGranted(m.Message, frozen=True):
    host: str


class BreakerChanged(m.Message, frozen=True):
    """What the fleet's breaker of a host is now."""

    host: str
    now: BreakerNow


class ExpiringPermits(LeasedPermits):
    """Permits that none is taken of once ``expired()``, however late that is noticed elsewhere."""

    def __init__(self, pool: str, tell: Tell, expired: Callable[[], bool]) -> None:
        super().__init__(pool, tell)
        self._expired = expired

    def locked(self) -> bool:
        return super().locked() or self._expired()

    def serve(self) -> None:
        if not self._expired():
            super().serve()

    def revoked(self) -> None:
        self._tell(RevocationSeen(self.pool))
        super().revoked()


class FleetCircuitBreaker(SharedCircuitBreaker):
    """A breaker whose state is the fleet's: of all workers, one alone tries the host when it is half-open."""

    __slots__ = ("_asked", "_granted")

    def __init__(self, policy: CircuitBreakerPolicy, host: str, tell: Tell) -> None:
        super().__init__(policy, host, tell)
        self._asked = self._granted = False

    def wait(self, now: float) -> float:
        if self._open_until is None or now < self._open_until or self._granted:
            self._granted = False
            return super().wait(now)
        if not self._asked:
            self._asked = True
            self._tell(ProbeWanted(self._host))
        return self._policy.pause / 10

    def probe(self) -> None:
        """This worker is to try the host."""
        self._asked, self._granted = False, True

    def changed(self, state: BreakerNow, now: float) -> None:
        """What the fleet's is now."""
        self._asked = False
        self._failures, self.reason = state.failures, state.reason
        if state.open_for is not None:
            self._open_until = now + state.open_for
        elif self._open_until is not None:
            self._open_until, self._pause, self._probing = None, self._policy.pause, False


class FleetLimiter(LeasedLimiter):
    """See the module. No permit in flight is used past ``until``, by ``clock``; from any thread."""

    def __init__(self, limits: HttpLimits, tell: Tell, *, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(
            list(limits.rates),
            limits.in_flight_per_host,
            limits.breaker,
            tell,
            of_apis=list(limits.in_flight),
            clock=clock,
        )
        self.until = 0.0
        self.windows: Mapping[str, RateWindow] = {name: RateWindow.of(rate) for name, rate in limits.rates.items()}
        self._of_rates = {name: RatePermits(name, window, tell, clock=clock) for name, window in self.windows.items()}
        self._leases.update({each.pool: each for each in self._of_rates.values()})

    def expired(self) -> bool:
        """Whether the lease of the permits has ended, or is about to."""
        return self._clock() >= self.until

    def rate(self, name: str) -> RatePermits | None:
        """The permits of a rate."""
        return self._of_rates.get(name)

    def at_rate(self, send: Send, *, on_wait: OnWait | None = None) -> Send:
        return with_rate_permits(send, self.rate, on_wait=on_wait)

    def checked(self, send: Send) -> Send:
        """``send`` of a client, right before which the permit of the request's rate must still be good."""
        return check_permit(send, self.rate) if self.rates else send

    def permits(self, host: str) -> Permits | None:
        return None if self._per_host is None else self._expiring(host)

    def permits_of_api(self, name: str) -> Permits:
        return self._expiring(API_POOL + name)

    def _expiring(self, pool: str) -> ExpiringPermits:
        found = self._leases.get(pool)
        if not isinstance(found, ExpiringPermits):
            found = self._leases[pool] = ExpiringPermits(pool, self._tell, self.expired)
        return found

    def _new_breaker(self, policy: CircuitBreakerPolicy, host: str) -> FleetCircuitBreaker:
        return FleetCircuitBreaker(policy, host, self._tell)

    def _fleets(self, host: str) -> FleetCircuitBreaker | None:
        found = None if self._policy is None else self._shared(host, self._policy)
        return found if isinstance(found, FleetCircuitBreaker) else None

    def _held(self, until: float) -> None:
        """The lease goes on. Where it had nearly ended, whoever waits may now take what was granted meanwhile."""
        late, self.until = self.expired(), until
        if late:
            for lease in self._leases.values():
                lease.settle()

    def receive(self, message: Any, now: float) -> None:
        """What the database said of the limits, on the loop's thread."""
        match message:
            case LeaseHeld(until):
                self._held(until)
            case PermitsRevoked(pool):
                self._expiring(pool).revoked()
            case RateMessage():
                message.apply(self._of_rates[message.name])
            case ProbeGranted(host):
                if (breaker := self._fleets(host)) is not None:
                    breaker.probe()
            case BreakerChanged(host, state):
                if (breaker := self._fleets(host)) is not None:
                    breaker.changed(state, now)
            case _:
                super().receive(message, now)
