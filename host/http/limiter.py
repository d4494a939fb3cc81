"""The limits of a host's requests, and the counts behind them: tokens left, requests in flight, failures.

A host of one process keeps them itself (:class:`LocalLimiter`). One of several worker processes keeps them in its
parent, of which the others lease; the wrappers speak to both in the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from time import monotonic
from types import MappingProxyType
from typing import Protocol

import msgspec

from host.errors import ConfigError
from host.http.circuit_breaker import CircuitBreaker, CircuitBreakerPolicy, with_circuit_breaker
from host.http.message import OnWait, Send
from host.http.permits import Permits, with_permits
from host.http.rate_limiter import Rate, RateTokens, TokenBucket, rate_limited

__all__ = ["HttpLimits", "Limiter", "LocalLimiter", "TokenRates", "limited"]


class HttpLimits(msgspec.Struct, frozen=True):
    """``rates`` by the request's ``credential`` (an API's name, one key each), else by ``host:port``.

    ``in_flight_per_host`` ``None`` is no limit; ``in_flight`` has those of single APIs, which hold in its place.
    ``breaker`` ``None`` is none.
    """

    rates: Mapping[str, Rate] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    in_flight_per_host: int | None = None
    in_flight: Mapping[str, int] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    breaker: CircuitBreakerPolicy | None = msgspec.field(default_factory=CircuitBreakerPolicy)

    def __post_init__(self) -> None:
        if self.in_flight_per_host is not None and self.in_flight_per_host < 1:
            raise ConfigError(f"in_flight_per_host is {self.in_flight_per_host}, expected 1 or more")


class Limiter(Protocol):
    """Returns the limit for one name; ``None`` if there is none. Callers keep what they got."""

    @property
    def rates(self) -> bool:
        """Whether there is any rate at all."""

    def at_rate(self, send: Send, *, on_wait: OnWait | None = None) -> Send:
        """``send``, no faster than the rates, by the limiter's own clock."""

    @property
    def in_flight(self) -> Collection[str]:
        """The APIs that have permits of their own."""

    @property
    def per_host(self) -> bool:
        """Whether requests in flight to one host are limited."""

    def permits(self, host: str) -> Permits | None: ...

    def permits_of_api(self, name: str) -> Permits:
        """The permits of one of ``in_flight``."""

    @property
    def breakers(self) -> bool:
        """Whether hosts have circuit breakers."""

    def breaker(self, host: str) -> CircuitBreaker:
        """A host's circuit breaker, where there are any."""


def limited(
    send: Send,
    limits: HttpLimits | Limiter,
    *,
    on_wait: OnWait | None = None,
    clock: Callable[[], float] = monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Send:
    """``send`` behind those limits that are set: a rate's token, the host's circuit breaker, a permit; in this
    order.
    """
    limiter = LocalLimiter(limits, clock=clock, sleep=sleep) if isinstance(limits, HttpLimits) else limits
    if limiter.per_host or limiter.in_flight:
        send = with_permits(send, limiter, on_wait=on_wait, clock=clock)
    if limiter.breakers:
        send = with_circuit_breaker(send, limiter, on_wait=on_wait, clock=clock, sleep=sleep)
    if limiter.rates:
        send = limiter.at_rate(send, on_wait=on_wait)
    return send


class TokenRates:
    """The rates of a limiter that has ``tokens`` for each. ``clock`` never goes back, and ``sleep`` is by it."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep

    def tokens(self, name: str) -> RateTokens | None:
        """The tokens of one rate."""
        raise NotImplementedError

    def at_rate(self, send: Send, *, on_wait: OnWait | None = None) -> Send:
        """See :class:`Limiter`."""
        return rate_limited(send, self.tokens, on_wait=on_wait, clock=self._clock, sleep=self._sleep)


class LocalLimiter(TokenRates):
    """All counts in this process, on one loop."""

    def __init__(
        self,
        limits: HttpLimits,
        *,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(clock=clock, sleep=sleep)
        self._limits = limits
        self.rates = bool(limits.rates)
        self.in_flight: Collection[str] = limits.in_flight
        self.per_host = limits.in_flight_per_host is not None
        self.breakers = limits.breaker is not None

    def tokens(self, name: str) -> RateTokens | None:
        rate = self._limits.rates.get(name)
        return None if rate is None else _Bucket(rate)

    def permits(self, host: str) -> Permits | None:
        count = self._limits.in_flight_per_host
        return None if count is None else asyncio.Semaphore(count)

    def permits_of_api(self, name: str) -> Permits:
        return asyncio.Semaphore(self._limits.in_flight[name])

    def breaker(self, host: str) -> CircuitBreaker:
        assert self._limits.breaker is not None
        return CircuitBreaker(self._limits.breaker)


class _Bucket:
    """A token bucket that is full when it is first asked."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._bucket: TokenBucket | None = None

    def _at(self, now: float) -> TokenBucket:
        if self._bucket is None:
            self._bucket = TokenBucket(self._rate, now)
        return self._bucket

    async def take(self, now: float) -> float:
        return self._at(now).take(now)

    def give_back(self) -> None:
        if self._bucket is not None:
            self._bucket.give_back()

    def rejected(self, now: float, asked: float | None) -> None:
        self._at(now).rejected(now, asked)

    def accepted(self) -> None:
        if self._bucket is not None:
            self._bucket.accepted()
