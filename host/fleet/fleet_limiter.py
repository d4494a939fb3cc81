"""The limits of a fleet worker: those of a worker process, with leases from the database that expire."""

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
    """The lease of all permits of a pool has ended. Requests in flight finish; no permit remains."""

    pool: str


class RevocationSeen(m.Message, frozen=True):
    """The loop has received :class:`PermitsRevoked`: its later messages are about the new lease."""

    pool: str


class LeaseHeld(m.Message, frozen=True):
    """The lease of all permits in flight was renewed; they may be used ``until`` then (monotonic seconds)."""

    until: float


class RateMessage(m.Message, frozen=True):
    """A message about the rate ``name``."""

    name: str

    def apply(self, permits: RatePermits) -> None:
        """Apply the message to the rate's permits."""
        raise NotImplementedError


class RateRenewed(RateMessage, frozen=True):
    """The lease of a rate's permits was renewed ``until`` then, on this machine's monotonic clock."""

    until: float

    def apply(self, permits: RatePermits) -> None:
        permits.renewed(self.until)


class RateRevoked(RateMessage, frozen=True):
    """The lease of a rate's permits has ended; the next one has the number ``lease`` and no permits yet."""

    lease: int

    def apply(self, permits: RatePermits) -> None:
        permits.lease_ended(self.lease)


class RateSlowed(RateMessage, frozen=True):
    """A rate is reduced to ``share`` (0 to 1) after answers with status 429, with a pause before the next request."""

    share: float
    seconds: float

    def apply(self, permits: RatePermits) -> None:
        permits.slowed(self.share, self.seconds)


class RateRefused(RateMessage, frozen=True):
    """No permit of a rate is available; ``text`` is the reason."""

    text: str

    def apply(self, permits: RatePermits) -> None:
        permits.refused(self.text)


class ProbeWanted(m.Message, frozen=True):
    """Requests permission to probe a host whose breaker is half-open."""

    host: str


class ProbeGranted(m.Message, frozen=True):
    """This worker may probe the ``host``."""

    host: str


class BreakerChanged(m.Message, frozen=True):
    """The current state of the fleet's breaker of a host."""

    host: str
    now: BreakerNow


class ExpiringPermits(LeasedPermits):
    """Permits that cannot be acquired once ``expired()`` is true, even before the lease's owner has noticed."""

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
    """A breaker with the fleet's shared state: when it is half-open, only one worker probes the host."""

    __slots__ = ("_asked", "_granted")

    def __init__(self, policy: CircuitBreakerPolicy, host: str, tell: Tell) -> None:
        super().__init__(policy, host, tell)
        self._asked = self._granted = False

    def wait(self, now: float) -> float:
        if self.open_until is None or now < self.open_until or self._granted:
            self._granted = False
            return super().wait(now)
        if not self._asked:
            self._asked = True
            self._tell(ProbeWanted(self._host))
        return self._policy.pause / 10

    def probe(self) -> None:
        """Let this worker probe the host."""
        self._asked, self._granted = False, True

    def changed(self, state: BreakerNow, now: float) -> None:
        """Take over the state of the fleet's breaker."""
        self._asked = False
        self.failures, self.reason = state.failures, state.reason
        if state.open_for is not None:
            self.open_until = now + state.open_for
        elif self.open_until is not None:
            self.open_until, self._pause, self._probing = None, self._policy.pause, False


class FleetLimiter(LeasedLimiter):
    """The limits of a fleet worker. No permit in flight is used after its lease ends by ``clock``."""

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
        """Whether the lease of the permits has ended or is about to."""
        return self._clock() >= self.until

    def rate(self, name: str) -> RatePermits | None:
        """The permits of a rate."""
        return self._of_rates.get(name)

    def at_rate(self, send: Send, *, on_wait: OnWait | None = None) -> Send:
        return with_rate_permits(send, self.rate, on_wait=on_wait)

    def checked(self, send: Send) -> Send:
        """A client's ``send`` that first verifies that the permit of the request's rate is still valid."""
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
        """Extend the lease. If it had nearly ended, waiting calls now get the permits granted in the meantime."""
        late, self.until = self.expired(), until
        if late:
            for lease in self._leases.values():
                lease.settle()

    def receive(self, message: Any, now: float) -> None:
        """Handle a message about the limits. Called on the loop's thread."""
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
