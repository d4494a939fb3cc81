"""What a worker asks of the fleet's limits in the database: one method, one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import psycopg

from host.fleet import permit_tables as sql
from host.http.circuit_breaker import CircuitBreakerPolicy
from host.processes.permits import PermitPool, PermitShare

__all__ = ["BreakerNow", "LeasedSlots", "PermitDatabase", "PoolExchange", "connect"]

CONNECT: Final = 5  # seconds
STATEMENT: Final = 5_000  # milliseconds
_BOUNDS: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT,
    "options": f"-c statement_timeout={STATEMENT}",
    "tcp_user_timeout": STATEMENT,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}


def connect(url: str, name: str) -> psycopg.Connection[Any]:
    """A connection that commits each statement, on which nothing waits for long. Raises ``psycopg.Error``."""
    return psycopg.connect(url, autocommit=True, application_name=name, **_BOUNDS)


class PoolExchange(NamedTuple):
    """What became of a worker's share of a pool: permits granted, permits called back, and the share itself."""

    granted: int
    hard: int
    soft: int
    share: PermitShare


class LeasedSlots(NamedTuple):
    """``number`` tokens, the first usable in ``first`` seconds (negative: since then), each ``spacing`` after the one
    before. ``share`` is what is left of the full rate after answers of status 429."""

    number: int
    first: float
    spacing: float
    share: float


class BreakerNow(NamedTuple):
    """A circuit breaker: failures in a row, for how long it is open yet (``None``: closed), the last reason."""

    failures: int = 0
    open_for: float | None = None
    reason: str = ""


class PermitDatabase:
    """The statements of one worker, whose lease is ``member``, on one connection. Raises ``psycopg.Error``."""

    def __init__(self, connection: psycopg.Connection[Any], member: str) -> None:
        self._connection = connection
        self.member = member
        self._rates: set[str] = set()

    # -- the lease of all permits

    def join(self, lease: float) -> None:
        """Begin to be a member, which holds nothing yet."""
        self._connection.execute(sql.JOIN, {"member": self.member, "lease": lease})

    def renew(self, lease: float) -> int | None:
        """Go on being one: how many there are, or ``None`` where the lease ended and the permits are others'."""
        row = self._connection.execute(sql.RENEW, {"member": self.member, "lease": lease}).fetchone()
        return None if row is None else max(1, int(row[0]))

    def leave(self) -> None:
        """Give everything back."""
        self._connection.execute(sql.LEAVE, {"member": self.member})

    # -- permits in flight

    def exchange(self, name: str, total: int, mine: PermitShare, returned: int, *, afresh: bool) -> PoolExchange | None:
        """Return permits, ask for some, and take what there is. ``mine`` is what this worker has and wants now, its
        ``hard`` and ``soft`` as it last heard of them. ``None`` where its lease has ended.

        ``afresh``: it is not known whether the exchange before this one was made, so what is called back is forgotten.
        """
        granted: dict[str, int] = {}
        recalled = {True: 0, False: 0}
        others: set[str] = set()

        def grant(member: str, count: int) -> None:
            granted[member] = granted.get(member, 0) + count

        def recall(member: str, count: int, hard: bool) -> None:
            if member == self.member:
                recalled[hard] += count
            else:
                others.add(member)

        with self._connection.transaction():
            self._connection.execute(sql.LOCK_POOL, {"pool": name})
            self._connection.execute(sql.EXPIRE)
            before = self._shares(name)
            was = before.get(self.member)
            if was is None:
                return None
            told = PermitShare() if afresh else mine
            hard, soft = (0, 0) if afresh else (was.hard, was.soft)
            pool: PermitPool[str] = PermitPool(total, grant, recall)
            turn = 0 if was.held > mine.held + returned else was.turn if was.wanted else len(before) + 1
            pool.restore({**before, self.member: PermitShare(mine.held + returned, mine.wanted, turn, hard, soft)})
            pool.give_back(self.member, returned)
            after = pool.shares()
            self._put(name, {each: share for each, share in after.items() if share != before[each]})
            others.update(member for member in granted if member != self.member)
            if others:
                self._notify(["pool", name, sorted(others)])
        return PoolExchange(
            granted.get(self.member, 0),
            hard - told.hard + recalled[True],
            soft - told.soft + recalled[False],
            after[self.member],
        )

    def _shares(self, pool: str) -> dict[str, PermitShare]:
        rows = self._connection.execute(sql.SHARES, {"pool": pool})
        return {member: PermitShare(*numbers) for member, *numbers in rows}

    def _put(self, pool: str, changed: Mapping[str, PermitShare]) -> None:
        if not changed:
            return
        columns = {name: [getattr(share, name) for share in changed.values()] for name in PermitShare._fields}
        self._connection.execute(sql.PUT_SHARES, {"pool": pool, "members": list(changed), **columns})

    # -- rates

    def lease_tokens(
        self, name: str, count: int, *, spacing: float, burst: float, horizon: float, accepted: int
    ) -> LeasedSlots:
        """Up to ``count`` tokens of those that come within ``horizon`` seconds. ``accepted`` requests were not
        answered by 429 meanwhile."""
        if name not in self._rates:
            self._connection.execute(sql.MAKE_RATE, {"name": name})
            self._rates.add(name)
        values = {
            "name": name,
            "count": count,
            "spacing": spacing,
            "burst": burst,
            "horizon": horizon,
            "accepted": accepted,
        }
        row = self._connection.execute(sql.LEASE_TOKENS, values).fetchone()
        if row is None:  # somebody emptied the table
            self._rates.discard(name)
            return LeasedSlots(0, horizon, spacing, 1.0)
        return LeasedSlots(*row)

    def slow_down(self, name: str, spacing: float, pause: float | None) -> None:
        """The server said 429, and to come back after ``pause`` seconds if it said so. All workers are notified."""
        with self._connection.transaction():
            self._connection.execute(sql.SLOW_DOWN, {"name": name, "spacing": spacing, "pause": pause})
            self._notify(["rate", name, []])

    # -- circuit breakers

    def failed(self, host: str, count: int, policy: CircuitBreakerPolicy, reason: str) -> BreakerNow:
        """Count failures in a row, and open the breaker where they are enough. All workers are notified of the first,
        so that the next answer of any of them counts, and of its opening."""
        values = {
            "host": host,
            "member": self.member,
            "count": count,
            "most": policy.failures,
            "pause": policy.pause,
            "longest": policy.longest,
            "reason": reason,
        }
        with self._connection.transaction():
            row = self._connection.execute(sql.FAILED, values).fetchone()
            assert row is not None
            found = BreakerNow(*row)
            if found.open_for is not None or found.failures == count:
                self._notify(["breaker", host, []])
        return found

    def recovered(self, host: str) -> None:
        """The host answered. All workers are notified."""
        with self._connection.transaction():
            self._connection.execute(sql.RECOVERED, {"host": host})
            self._notify(["breaker", host, []])

    def may_probe(self, host: str, seconds: float) -> bool:
        """Whether this worker is the one that tries the host now; it has ``seconds`` to report the result."""
        values = {"host": host, "member": self.member, "seconds": seconds}
        return self._connection.execute(sql.PROBE, values).rowcount == 1

    def breaker(self, host: str) -> BreakerNow:
        row = self._connection.execute(sql.BREAKER, {"host": host}).fetchone()
        return BreakerNow() if row is None else BreakerNow(*row)

    def breakers(self) -> dict[str, BreakerNow]:
        """All breakers that have counted failures, by host."""
        return {host: BreakerNow(*state) for host, *state in self._connection.execute(sql.BREAKERS)}

    # -- what others did

    def listen(self) -> None:
        """Hear of what other workers change from now on."""
        self._connection.execute(f"LISTEN {sql.CHANNEL}")

    def fileno(self) -> int:
        return self._connection.fileno()

    def heard(self) -> list[tuple[str, str]]:
        """What others changed since, as kind and name; what concerns other members alone is left out."""
        own, found = self._connection.info.backend_pid, []
        for each in self._connection.notifies(timeout=0):
            if each.pid != own:
                kind, name, members = json.loads(each.payload)
                if not members or self.member in members:
                    found.append((kind, name))
        return found

    def _notify(self, message: list[Any]) -> None:
        payload = json.dumps(message, separators=(",", ":"))
        if len(payload) > 7000:  # the most of a NOTIFY is 8,000 bytes: then all look
            payload = json.dumps([*message[:2], []])
        self._connection.execute(sql.NOTIFY, {"channel": sql.CHANNEL, "payload": payload})

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._connection.close()
