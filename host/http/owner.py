"""Who keeps the counts behind the limits: how many tokens are left, who is in flight, what has failed.

A host of one process keeps them itself (:class:`LocalOwner`). One of several processes keeps them in one of
these, which the others ask; :func:`host.http.chain.limited` speaks to both in the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Protocol

import msgspec

from host.errors import ConfigError
from host.http.limits import Breaker, BreakerPolicy, Rate, TokenBucket

__all__ = ["Limits", "LocalOwner", "Owner", "Places", "Tokens"]


class Limits(msgspec.Struct, frozen=True):
    """``rates`` by the request's ``credential`` (an API's name, one key each), else by ``host:port``.

    ``in_flight_per_host`` ``None`` is no limit; ``in_flight`` has those of single APIs, which hold in its place.
    ``breaker`` ``None`` is none.
    """

    rates: Mapping[str, Rate] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    in_flight_per_host: int | None = None
    in_flight: Mapping[str, int] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    breaker: BreakerPolicy | None = msgspec.field(default_factory=BreakerPolicy)

    def __post_init__(self) -> None:
        if self.in_flight_per_host is not None and self.in_flight_per_host < 1:
            raise ConfigError(f"in_flight_per_host is {self.in_flight_per_host}, expected 1 or more")

    @property
    def none(self) -> bool:
        return (
            not self.rates and self.in_flight_per_host is None and not self.in_flight and self.breaker is None
        )


class Tokens(Protocol):
    """A rate's tokens, as :class:`~host.http.limits.TokenBucket` has them."""

    async def take(self, now: float) -> float:
        """Take one token: seconds to wait until it is there."""

    def give_back(self) -> None: ...

    def rejected(self, now: float, asked: float | None) -> None: ...

    def accepted(self) -> None: ...


class Places(Protocol):
    """Places in flight, as :class:`asyncio.Semaphore` has them."""

    def locked(self) -> bool: ...

    async def acquire(self) -> bool: ...

    def release(self) -> None: ...


class Owner(Protocol):
    """Gives what holds for one name; ``None`` where nothing does. The caller keeps what it got."""

    @property
    def rates(self) -> bool:
        """Whether there is any rate at all."""

    def tokens(self, name: str) -> Tokens | None: ...

    @property
    def in_flight(self) -> Collection[str]:
        """The APIs that have places of their own."""

    def places(self, host: str) -> Places | None: ...

    def places_of_api(self, name: str) -> Places:
        """The places of one of ``in_flight``."""

    def breaker(self, host: str) -> Breaker | None: ...


class LocalOwner:
    """All counts in this process, on one loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.rates = bool(limits.rates)
        self.in_flight: Collection[str] = limits.in_flight

    def tokens(self, name: str) -> Tokens | None:
        rate = self._limits.rates.get(name)
        return None if rate is None else _Bucket(rate)

    def places(self, host: str) -> Places | None:
        count = self._limits.in_flight_per_host
        return None if count is None else asyncio.Semaphore(count)

    def places_of_api(self, name: str) -> Places:
        return asyncio.Semaphore(self._limits.in_flight[name])

    def breaker(self, host: str) -> Breaker | None:
        return None if self._limits.breaker is None else Breaker(self._limits.breaker)


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
