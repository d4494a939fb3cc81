"""A worker's side of shared limits: the permits leased to it, and its requests for more.

All of this runs on the worker's loop thread. ``tell(message)`` sends to the source of the limits and never blocks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import Any

from host.bridge.in_flight import InFlight
from host.http.circuit_breaker import CircuitBreaker, CircuitBreakerPolicy
from host.http.limiter import TokenRates
from host.http.permits import Permits
from host.http.rate_limiter import RateTokens
from host.remote import limit_messages as m

__all__ = [
    "API_POOL",
    "Lease",
    "LeasedCapacity",
    "LeasedLimiter",
    "LeasedPermits",
    "LeasedTokens",
    "SharedCircuitBreaker",
    "Tell",
]

Tell = Callable[[m.Message], None]
API_POOL = "api "  # begins the pool of an API's places: no host and port do


class Lease:
    """The permits of one pool that this process holds. ``hard`` and ``soft`` are the numbers of recalled permits.

    A permit that becomes free is returned if there is a ``hard`` recall, else given to a waiting call, else returned
    if there is a ``soft`` recall, else kept for the next call.
    """

    def __init__(self, pool: str, tell: Tell, held: int = 0) -> None:
        self.pool = pool
        self.held = held
        self.hard = self.soft = 0
        self._asked = 0
        self._tell = tell

    def used(self) -> int:
        raise NotImplementedError

    def waiting(self) -> int:
        raise NotImplementedError

    def serve(self) -> None:
        """Let waiting calls start, as far as ``held`` permits."""
        raise NotImplementedError

    def granted(self, count: int) -> None:
        """Add ``count`` granted permits."""
        self.held += count
        self._asked = max(0, self._asked - count)
        self.settle()

    def recalled(self, count: int, hard: bool) -> None:
        """Return ``count`` permits when free; if ``hard``, even while calls wait for them."""
        if hard:
            self.hard += count
        else:
            self.soft += count
        self.settle()

    def revoked(self) -> None:
        """Handle the end of the lease: no permits are held, and waiting calls request new ones."""
        self.held = self.hard = self.soft = self._asked = 0
        self.settle()

    def settle(self) -> None:
        """Return, hand out and request permits. Call it after every change."""
        self._give_back(hard=True)
        if self.held > self.used() and self.waiting():
            self.serve()
        if not self.waiting():
            self._give_back(hard=False)
        self._ask(self.waiting() - self._asked)

    def _ask(self, short: int) -> None:
        if short > 0:
            self._want(short)

    def _want(self, count: int) -> None:
        self._asked += count
        self._tell(m.PermitsWanted(self.pool, count))

    def _give_back(self, *, hard: bool) -> None:
        count = min(self.hard if hard else self.soft, self.held - self.used())
        if count > 0:
            if hard:
                self.hard -= count
            else:
                self.soft -= count
            self.held -= count
            self._tell(self._returned(count))

    def _returned(self, count: int) -> m.Message:
        return m.PermitsReturned(self.pool, count)


class LeasedPermits(Lease):
    """Places in flight to one host, for :func:`host.http.permits.with_permits`."""

    def __init__(self, pool: str, tell: Tell) -> None:
        super().__init__(pool, tell)
        self._used = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    def locked(self) -> bool:
        return self._used >= self.held

    async def acquire(self) -> bool:
        if not self.locked():
            self._used += 1
            return True
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self.settle()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # it had come in the last moment
                self.release()
            else:
                with suppress(ValueError):  # passed over already
                    self._waiters.remove(waiter)
            raise
        return True

    def release(self) -> None:
        self._used -= 1
        if self._waiters or self.hard or self.soft:
            self.settle()

    def used(self) -> int:
        return self._used

    def waiting(self) -> int:
        while self._waiters and self._waiters[0].done():  # its call was cancelled, and does not know yet
            self._waiters.popleft()
        return len(self._waiters)

    def serve(self) -> None:
        while self._used < self.held and self.waiting():
            self._used += 1
            self._waiters.popleft().set_result(None)


class LeasedCapacity(Lease):
    """The calls in flight of this process to all hosts together."""

    def __init__(self, pool: str, tell: Tell, held: int, calls: InFlight) -> None:
        super().__init__(pool, tell, held)
        self._calls = calls
        calls.room = held
        calls.on_full = self.settle

    def settle(self) -> None:
        super().settle()
        self._calls.room = self.held
        self._calls.on_leave = self.settle if self.hard or self.soft else None

    def used(self) -> int:
        return self._calls.in_flight

    def waiting(self) -> int:
        return len(self._calls.queue)

    def serve(self) -> None:
        self._calls.room = self.held
        self._calls.refill()


class LeasedTokens:
    """Tokens of one rate. All tokens needed in one iteration of the event loop are requested at once."""

    def __init__(self, name: str, tell: Tell) -> None:
        self.name = name
        self._tell = tell
        self._waiters: deque[asyncio.Future[float]] = deque()
        self._unasked = 0
        self._slowed = False

    async def take(self, now: float) -> float:
        if not self._unasked:
            asyncio.get_running_loop().call_soon(self._ask)
        self._unasked += 1
        return await self._wait()

    def _new_waiter(self) -> asyncio.Future[float]:
        waiter: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        return waiter

    async def _wait(self) -> float:
        waiter = self._new_waiter()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._gone(waiter.result())
            raise

    def _gone(self, value: float) -> None:
        """Handle a token that arrived for a call which no longer waits."""
        self.give_back()

    def _ask(self) -> None:
        self._tell(m.TokensWanted(self.name, self._unasked))
        self._unasked = 0

    def given(self, waits: list[float], slowed: bool) -> None:
        self._slowed = slowed
        for wait in waits:
            waiter = self._waiters.popleft()
            if waiter.done():  # the waiter has gone
                self.give_back()
            else:
                waiter.set_result(wait)

    def give_back(self) -> None:
        self._tell(m.TokenReturned(self.name))

    def rejected(self, now: float, asked: float | None) -> None:
        self._slowed = True
        self._tell(m.RateRejected(self.name, asked))

    def accepted(self) -> None:
        if self._slowed:
            self._tell(m.RateAccepted(self.name))


class SharedCircuitBreaker(CircuitBreaker):
    """A breaker that reports its failures and successes to the other processes, so that all breakers open and close."""

    __slots__ = ("_host", "_tell")

    def __init__(self, policy: CircuitBreakerPolicy, host: str, tell: Tell) -> None:
        super().__init__(policy)
        self._host = host
        self._tell = tell

    def succeeded(self) -> None:
        if self.failures or not self.closed:
            self._tell(m.HostRecovered(self._host))
        super().succeeded()

    def failed(self, now: float, reason: str) -> None:
        self._tell(m.HostFailed(self._host, reason))
        super().failed(now, reason)

    def others_succeeded(self) -> None:
        super().succeeded()

    def others_failed(self, now: float, reason: str) -> None:
        super().failed(now, reason)


class LeasedLimiter(TokenRates):
    """The limits as a worker process has them, leased from its parent (:class:`host.http.limiter.Limiter`)."""

    def __init__(
        self,
        rates: list[str],
        per_host: int | None,
        breaker: CircuitBreakerPolicy | None,
        tell: Tell,
        *,
        of_apis: list[str] | None = None,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(clock=clock, sleep=sleep)
        self.in_flight = of_apis or []
        self.rates = bool(rates)
        self.per_host = per_host is not None
        self.breakers = breaker is not None
        self._names = frozenset(rates)
        self._per_host = per_host
        self._policy = breaker
        self._tell = tell
        self._tokens: dict[str, LeasedTokens] = {}
        self._breakers: dict[str, SharedCircuitBreaker] = {}
        self._leases: dict[str, Lease] = {}

    def tokens(self, name: str) -> RateTokens | None:
        if name not in self._names:
            return None
        found = self._tokens[name] = LeasedTokens(name, self._tell)
        return found

    def permits(self, host: str) -> Permits | None:
        if self._per_host is None:
            return None
        found = self._leases[host] = LeasedPermits(host, self._tell)
        return found

    def permits_of_api(self, name: str) -> Permits:
        pool = API_POOL + name
        found = self._leases.get(pool)
        if not isinstance(found, LeasedPermits):
            found = self._leases[pool] = LeasedPermits(pool, self._tell)
        return found

    def breaker(self, host: str) -> CircuitBreaker:
        assert self._policy is not None
        return self._shared(host, self._policy)

    def _shared(self, host: str, policy: CircuitBreakerPolicy) -> SharedCircuitBreaker:
        found = self._breakers.get(host)
        if found is None:
            found = self._breakers[host] = self._new_breaker(policy, host)
        return found

    def _new_breaker(self, policy: CircuitBreakerPolicy, host: str) -> SharedCircuitBreaker:
        return SharedCircuitBreaker(policy, host, self._tell)

    def room(self, pool: str, held: int, calls: InFlight) -> None:
        """Also lease the worker's capacity, beginning with ``held`` places."""

        self._leases[pool] = LeasedCapacity(pool, self._tell, held, calls)

    def receive(self, message: Any, now: float) -> None:
        """Handle a message of the source about the limits."""
        match message:
            case m.PermitsGranted(pool, count):
                self._leases[pool].granted(count)
            case m.PermitsRecalled(pool, count, hard):
                lease = self._leases.get(pool)
                if lease is None:  # a pool this process has not used holds nothing to give back
                    return
                lease.recalled(count, hard)
            case m.TokensGranted(name, waits, slowed):
                self._tokens[name].given(waits, slowed)
            case m.HostFailed(host, reason):
                if self._policy is not None:  # also for a server to which this process has sent nothing yet
                    self._shared(host, self._policy).others_failed(now, reason)
            case m.HostRecovered(host):
                if (breaker := self._breakers.get(host)) is not None:
                    breaker.others_succeeded()
