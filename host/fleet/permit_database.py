"""A worker's operations on the fleet's limits in the database, each method in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import psycopg

from host.fleet import permit_tables as sql
from host.http.circuit_breaker import CircuitBreakerPolicy
from host.remote.permits import PermitPool, PermitShare

__all__ = ["BreakerNow", "PermitDatabase", "PoolExchange", "connect", "exchanged"]

CONNECT: Final = 5  # seconds
STATEMENT: Final = 5_000  # milliseconds
_BOUNDS: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT,
    # A worker that is stopped within a transaction has locks that all others wait for.
    "options": f"-c statement_timeout={STATEMENT} -c idle_in_transaction_session_timeout={STATEMENT}",
    "tcp_user_timeout": STATEMENT,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}


def connect(url: str, name: str) -> psycopg.Connection[Any]:
    """An autocommit connection with timeouts for connecting and for statements. Raises ``psycopg.Error``."""
    return psycopg.connect(url, autocommit=True, application_name=name, **_BOUNDS)


class PoolExchange(NamedTuple):
    """The outcome for a worker's share of a pool: permits granted, permits recalled, and the share itself."""

    granted: int
    hard: int
    soft: int
    share: PermitShare


class BreakerNow(NamedTuple):
    """A circuit breaker: failures in a row, for how long it is open yet (``None``: closed), the last reason."""

    failures: int = 0
    open_for: float | None = None
    reason: str = ""


def exchanged(
    before: Mapping[str, PermitShare], total: int, mine: PermitShare, returned: int, member: str, *, afresh: bool
) -> tuple[PoolExchange, dict[str, PermitShare], set[str]]:
    """What an exchange of one of the members does with a pool: what it gets, the shares after it, and which others
    are to look."""
    granted: dict[str, int] = {}
    recalled = {True: 0, False: 0}
    others: set[str] = set()

    def grant(one: str, count: int) -> None:
        granted[one] = granted.get(one, 0) + count

    def recall(one: str, count: int, hard: bool) -> None:
        if one == member:
            recalled[hard] += count
        else:
            others.add(one)

    was = before[member]
    told = PermitShare() if afresh else mine
    hard, soft = (0, 0) if afresh else (was.hard, was.soft)
    pool: PermitPool[str] = PermitPool(total, grant, recall)
    turn = 0 if was.held > mine.held + returned else was.turn if was.wanted else len(before) + 1
    pool.restore({**before, member: PermitShare(mine.held + returned, mine.wanted, turn, hard, soft)})
    pool.give_back(member, returned)
    after = pool.shares()
    others.update(one for one in granted if one != member)
    found = PoolExchange(
        granted.get(member, 0),
        hard - told.hard + recalled[True],
        soft - told.soft + recalled[False],
        after[member],
    )
    return found, after, others


class PermitDatabase:
    """The statements of one worker, whose lease is ``member``, on one connection. Raises ``psycopg.Error``."""

    def __init__(self, connection: psycopg.Connection[Any], member: str) -> None:
        self._connection = connection
        self.member = member
        self._members = {member}

    # -- the lease of all permits

    def join(self, member: str, lease: float) -> None:
        """Begin a lease of ``lease`` seconds for ``member``, without permits."""
        self._members.add(member)
        self._connection.execute(sql.JOIN, {"member": member, "lease": lease})

    def renew(self, member: str, lease: float) -> bool:
        """Renew a lease for ``lease`` seconds. Returns False if it had ended, so that its permits are lost."""
        if self._connection.execute(sql.RENEW, {"member": member, "lease": lease}).rowcount == 1:
            return True
        self._members.discard(member)
        return False

    def retire(self, member: str, seconds: float) -> None:
        """Make a lease end within ``seconds``."""
        self._connection.execute(sql.RETIRE, {"member": member, "seconds": seconds})

    def leave(self) -> None:
        """Give back everything of the lease of all permits in flight."""
        self._connection.execute(sql.LEAVE, {"member": self.member})

    # -- permits in flight

    def exchange(
        self, name: str, total: int, mine: PermitShare, returned: int, *, member: str, afresh: bool
    ) -> PoolExchange | None:
        """Return permits, ask for some, and take what there is. ``mine`` is what this worker has and wants now, its
        ``hard`` and ``soft`` as it last heard of them. ``None`` where its lease has ended.

        ``afresh``: it is not known whether the exchange before this one was made, so what is called back is forgotten.
        """
        with self._connection.transaction():
            self._connection.execute(sql.LOCK_POOL, {"pool": name})
            self._connection.execute(sql.EXPIRE)
            before = self._shares(name, member)
            if member not in before:
                return None
            found, after, others = exchanged(before, total, mine, returned, member, afresh=afresh)
            self._put(name, {each: share for each, share in after.items() if share != before[each]})
            if others:
                self._notify(["pool", name, sorted(others)])
        return found

    def _shares(self, pool: str, member: str) -> dict[str, PermitShare]:
        rows = self._connection.execute(sql.SHARES, {"pool": pool, "member": member})
        return {member: PermitShare(*numbers) for member, *numbers in rows}

    def _put(self, pool: str, changed: Mapping[str, PermitShare]) -> None:
        if not changed:
            return
        columns = {name: [getattr(share, name) for share in changed.values()] for name in PermitShare._fields}
        self._connection.execute(sql.PUT_SHARES, {"pool": pool, "members": list(changed), **columns})

    # -- rates

    def rate(self, name: str, accepted: int) -> tuple[float, float]:
        """What is left of a rate after answers of status 429, of which each of ``accepted`` other answers restores a
        hundredth; and for how many seconds nothing may be sent."""
        values = {"name": name, "accepted": accepted}
        row = self._connection.execute(sql.RATE, values).fetchone()
        return (1.0, 0.0) if row is None else (row[0], max(0.0, row[1]))

    def slow_down(self, name: str, pause: float) -> None:
        """The server said 429, and is not to be asked for ``pause`` seconds. All workers are notified."""
        with self._connection.transaction():
            self._connection.execute(sql.SLOW_DOWN, {"name": name, "pause": pause})
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
        """Reset the breaker after an answer of the host. All workers are notified."""
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
        """Receive notifications of changes by other workers from now on."""
        self._connection.execute(f"LISTEN {sql.CHANNEL}")

    def fileno(self) -> int:
        return self._connection.fileno()

    def heard(self) -> list[tuple[str, str]]:
        """What others changed since, as kind and name; what concerns other members alone is left out."""
        own, found = self._connection.info.backend_pid, []
        for each in self._connection.notifies(timeout=0):
            if each.pid != own:
                kind, name, members = json.loads(each.payload)
                if not members or not self._members.isdisjoint(members):
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
