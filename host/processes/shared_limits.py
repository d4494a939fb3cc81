"""The parent's side of the limits shared by worker processes: rates and calls in flight."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from host.http.limiter import HttpLimits
from host.http.rate_limiter import TokenBucket
from host.remote import limit_messages as m
from host.remote.leased_limits import API_POOL
from host.remote.permits import PermitPool

__all__ = ["ALL", "SharedLimits"]

ALL = ""  # the pool of all calls in flight, to whatever host

Tell = Callable[[int, m.Message], None]


class SharedLimits:
    """Distributes the limits of a host among its processes. Thread-safe.

    ``tell(member, message)`` must neither block nor call back. ``limits`` are those of the whole host, ``in_flight``
    its maximum number of calls in flight.
    """

    def __init__(self, limits: HttpLimits, in_flight: int, tell: Tell) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._tell = tell
        self._members: set[int] = set()
        self._pools = {ALL: self._pool(ALL, in_flight)}
        now = monotonic()
        self._buckets = {name: TokenBucket(rate, now) for name, rate in limits.rates.items()}

    def join(self, member: int, members: int, begin: Callable[[int], None]) -> None:
        """Add a process, one of ``members`` in all.

        ``begin(count)`` is called with its first places in flight, before any other message is sent to it.
        """
        with self._lock:
            self._members.add(member)
            for name, pool in self._pools.items():
                if name != ALL:
                    pool.join(member)
            everything = self._pools[ALL]
            begin(everything.join(member, max(1, everything.total // members)))

    def leave(self, member: int) -> None:
        """Remove a process that has ended; what it held becomes free for the others."""
        with self._lock:
            self._members.discard(member)
            for pool in self._pools.values():
                pool.leave(member)

    def receive(self, member: int, message: m.Message) -> None:
        """Handle a process's message about its limits."""
        with self._lock:
            if member in self._members:
                self._receive(member, message)

    def _receive(self, member: int, message: m.Message) -> None:
        match message:
            case m.PermitsWanted(pool, count):
                self._pool_of(pool).want(member, count)
            case m.PermitsReturned(pool, count):
                self._pool_of(pool).give_back(member, count)
            case m.TokensWanted(name, count):
                bucket, now = self._buckets[name], monotonic()
                waits = [bucket.take(now) for _ in range(count)]
                slowed = bucket.rate < self.limits.rates[name].per_second
                self._tell(member, m.TokensGranted(name, waits, slowed))
            case m.TokenReturned(name):
                self._buckets[name].give_back()
            case m.RateRejected(name, asked):
                self._buckets[name].rejected(monotonic(), asked)
            case m.RateAccepted(name):
                self._buckets[name].accepted()
            case m.HostFailed() | m.HostRecovered():
                for other in self._members - {member}:
                    self._tell(other, message)

    def _pool_of(self, name: str) -> PermitPool[int]:
        pool = self._pools.get(name)
        if pool is None:
            pool = self._pools[name] = self._pool(name, self._total(name))
            for member in self._members:  # every process gets a part, even if it has not requested one yet
                pool.join(member)
        return pool

    def _total(self, name: str) -> int:
        if name.startswith(API_POOL):
            return self.limits.in_flight[name.removeprefix(API_POOL)]
        return self.limits.in_flight_per_host or 1

    def _pool(self, name: str, total: int) -> PermitPool[int]:
        return PermitPool(
            total,
            lambda member, count: self._tell(member, m.PermitsGranted(name, count)),
            lambda member, count, hard: self._tell(member, m.PermitsRecalled(name, count, hard)),
        )
