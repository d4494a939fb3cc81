"""The limits as a worker of the fleet has them: those of a worker process, leased for a time from the database."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from host.errors import LimitError
from host.fleet.permit_database import BreakerNow
from host.http.circuit_breaker import CircuitBreakerPolicy
from host.http.limiter import HttpLimits
from host.http.permits import Permits
from host.http.rate_limiter import RateTokens
from host.remote import limit_messages as m
from host.remote.leased_limits import (
    API_POOL,
    LeasedLimiter,
    LeasedPermits,
    LeasedTokens,
    SharedCircuitBreaker,
    Tell,
)

__all__ = [
    "LATE",
    "BreakerChanged",
    "FleetLimiter",
    "PermitsRevoked",
    "ProbeGranted",
    "ProbeWanted",
    "TokensDelayed",
    "TokensRefused",
]


LATE: Final = 0.04  # seconds after its time at which a token is still used: half of it until a call gets it


class PermitsRevoked(m.Message, frozen=True):
    """The lease of all permits of a pool has ended: those in use are let finish, and none is left."""

    pool: str


class TokensDelayed(m.Message, frozen=True):
    """``seconds`` have passed, and there is no token yet for who waits."""

    name: str
    seconds: float


class TokensRefused(m.Message, frozen=True):
    """No token can be had, for the reason of ``text``."""

    name: str
    text: str


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
        """All are gone; what waits asks anew."""
        self.held = self.hard = self.soft = self._asked = 0
        self.settle()


class FleetTokens(LeasedTokens):
    """Tokens that may be longer in coming than a call's deadline, which then moves on, or not come at all."""

    patience = LATE / 2

    def __init__(self, name: str, tell: Tell) -> None:
        super().__init__(name, tell)
        self._returning = 0  # calls delayed once and about to wait again; their tokens are asked for already
        self._early: deque[float] = deque()  # granted while they were

    async def take(self, now: float) -> float:
        """As :meth:`RateTokens.take`; a negative number says how long nothing came; then ``take`` is to be called
        again.
        """
        if self._early:
            self._returning -= 1
            return self._early.popleft()
        if not self._returning:
            return await super().take(now)
        self._returning -= 1
        return await self._wait()

    def delayed(self, seconds: float) -> None:
        waiting, self._waiters = self._waiters, deque()
        for each in waiting:
            if each.done():  # its call was cancelled: what comes for it goes back
                self._waiters.append(each)
            else:
                self._returning += 1
                each.set_result(-seconds)

    def given(self, waits: list[float], slowed: bool) -> None:
        ready = len(self._waiters)
        super().given(waits[:ready], slowed)
        self._early.extend(waits[ready:])

    def refused(self, text: str) -> None:
        """Nobody gets one."""
        waiting, self._waiters = self._waiters, deque()
        self._returning = 0
        for each in waiting:
            if not each.done():
                each.set_exception(LimitError(text))

    def _gone(self, value: float) -> None:
        if value >= 0:
            super()._gone(value)
            return
        self._returning -= 1  # it learnt of a delay, and still has its place in line
        if self._early:
            self._early.pop()
            self.give_back()
        else:
            self._new_waiter().cancel()


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
    """See the module. No permit in flight is used past ``until``, on :func:`time.monotonic`; from any thread."""

    def __init__(self, limits: HttpLimits, tell: Tell) -> None:
        super().__init__(
            list(limits.rates), limits.in_flight_per_host, limits.breaker, tell, of_apis=list(limits.in_flight)
        )
        self.until = 0.0

    def expired(self) -> bool:
        """Whether the lease of the permits has ended, or is about to."""
        return monotonic() >= self.until

    def tokens(self, name: str) -> RateTokens | None:
        if name not in self._names:
            return None
        found = self._tokens[name] = FleetTokens(name, self._tell)
        return found

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

    def receive(self, message: Any, now: float) -> None:
        """What the database said of the limits, on the loop's thread."""
        match message:
            case PermitsRevoked(pool):
                self._expiring(pool).revoked()
            case m.TokensGranted(name, waits, slowed):
                self._granted(name, waits, slowed, monotonic() - now)
            case TokensDelayed(name, seconds):
                self._fleet_tokens(name).delayed(seconds)
            case TokensRefused(name, text):
                self._fleet_tokens(name).refused(text)
            case ProbeGranted(host):
                if (breaker := self._fleets(host)) is not None:
                    breaker.probe()
            case BreakerChanged(host, state):
                if (breaker := self._fleets(host)) is not None:
                    breaker.changed(state, now)
            case _:
                super().receive(message, now)

    def _granted(self, name: str, waits: list[float], slowed: bool, late: float) -> None:
        """Tokens that took ``late`` seconds to get here; those whose time has passed are asked for again."""
        tokens = self._fleet_tokens(name)
        good = [max(0.0, wait - late) for wait in waits if wait - late >= -tokens.patience]
        if good:
            tokens.given(good, slowed)
        if len(good) < len(waits):
            self._tell(m.TokensWanted(name, len(waits) - len(good)))

    def _fleet_tokens(self, name: str) -> FleetTokens:
        found = self._tokens[name]
        assert isinstance(found, FleetTokens)
        return found
