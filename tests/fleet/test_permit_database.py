"""What several workers lease of the limits of the fleet never comes to more than there is, whoever is lost."""

from __future__ import annotations

import random
import select
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from host.fleet.permit_database import BreakerNow, PermitDatabase, PoolExchange, connect
from host.fleet.permit_tables import make_permit_tables
from host.http.circuit_breaker import CircuitBreakerPolicy
from host.remote.permits import PermitShare

NONE = PermitShare()


class Workers:
    """Connections of so many members of one database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.stack = ExitStack()

    def join(self, member: str, lease: float = 60.0) -> PermitDatabase:
        connection = connect(self.url, "test")
        self.stack.callback(connection.close)
        make_permit_tables(connection)
        found = PermitDatabase(connection, member)
        found.join(member, lease)
        return found

    def value(self, statement: str) -> object:
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(statement).fetchone()
            assert row is not None
            return row[0]

    def expire(self, member: str) -> None:
        """Let a member's lease end, as if it had been silent for long enough."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            done = connection.execute(
                "UPDATE luahost_permit_member SET expires = clock_timestamp() WHERE id = %s", [member]
            )
            assert done.rowcount == 1


@pytest.fixture
def workers(database: str) -> Iterator[Workers]:
    found = Workers(database)
    with found.stack:
        yield found


def want(worker: PermitDatabase, count: int, total: int = 10, mine: PermitShare = NONE) -> PoolExchange:
    found = worker.exchange("api", total, mine._replace(wanted=count), 0, member=worker.member, afresh=False)
    assert found is not None
    return found


def heard(worker: PermitDatabase) -> set[tuple[str, str]]:
    """What it hears of, once it does."""
    readable, _, _ = select.select([worker.fileno()], [], [], 60)
    assert readable
    return set(worker.heard())


def test_all_permits_of_a_pool_are_never_more_than_its_total(workers: Workers) -> None:
    """Four workers take, use and return permits at random, at the same time: never more than 5 are held."""
    held: list[int] = []
    lock = threading.Lock()
    now = 0

    def work(number: int) -> None:
        nonlocal now
        worker = workers.join(f"w{number}")
        chance = random.Random(number)
        share, returned = NONE, 0
        for _ in range(60):
            if share.held and chance.random() < 0.6:
                count = chance.randint(1, share.held)
                with lock:
                    now -= count
                share, returned = share._replace(held=share.held - count), returned + count
            else:
                share = share._replace(wanted=share.wanted + 1)
            found = worker.exchange("api", 5, share, returned, member=worker.member, afresh=False)
            assert found is not None
            share, returned = found.share, 0
            with lock:
                now += found.granted
                held.append(now)

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(held) == 240
    assert 0 < max(held) <= 5


def test_whoever_waits_gets_what_another_gives_back(workers: Workers) -> None:
    """It is granted in the transaction of who returns it, and heard of."""
    first, second = workers.join("first"), workers.join("second")
    mine = want(first, 10).share
    assert mine.held == 10
    waiting = want(second, 2)
    assert waiting.granted == 0
    second.listen()
    called = first.exchange("api", 10, mine, 0, member=first.member, afresh=False)
    assert called is not None
    assert called.hard >= 2, "a worker with more than its part is told to return what another waits for"
    done = first.exchange("api", 10, called.share._replace(held=8), 2, member=first.member, afresh=False)
    assert done is not None
    assert heard(second) == {("pool", "api")}
    got = second.exchange("api", 10, waiting.share, 0, member=second.member, afresh=False)
    assert got is not None
    assert got.granted == 2
    assert got.share.held == 2


def test_a_lost_workers_permits_come_back(workers: Workers) -> None:
    """Once its lease has ended by the database's clock; it is then told that it holds nothing any more."""
    lost, other = workers.join("lost"), workers.join("other")
    mine = want(lost, 10).share
    assert want(other, 1).granted == 0
    workers.expire("lost")
    assert other.exchange("api", 10, PermitShare(wanted=1), 0, member=other.member, afresh=False) == PoolExchange(
        10, 0, 0, PermitShare(held=10)
    )
    assert lost.renew("lost", 60.0) is False
    assert lost.exchange("api", 10, mine, 0, member=lost.member, afresh=False) is None


def test_an_exchange_nobody_knows_the_end_of_is_made_anew(workers: Workers) -> None:
    """Whether it was made or not: afterwards the database says what the worker holds."""
    worker, other = workers.join("worker"), workers.join("other")
    made = want(worker, 4)  # its answer is lost: the worker still holds none, and wants 4
    assert made.granted > 0
    again = worker.exchange("api", 10, PermitShare(wanted=4), 0, member=worker.member, afresh=True)
    assert again is not None
    assert again.granted == again.share.held == made.granted
    assert want(other, 10).granted == 10 - again.share.held


def test_a_lease_ends_by_the_databases_clock_alone(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose clock is an hour ahead or behind has its lease as long as any."""
    for number, wrong in enumerate((-3600.0, 3600.0)):
        monkeypatch.setattr("time.time", lambda wrong=wrong: wrong)
        workers.join(f"worker{number}")
    left = "SELECT max(abs(extract(epoch FROM expires - clock_timestamp()) - 60)) < 30 FROM luahost_permit_member"
    assert workers.value(left) is True


def test_a_429_slows_down_all_workers(workers: Workers) -> None:
    """Half the rate, once for answers of one moment; a hundredth of it comes back with each that is accepted."""
    one, other = workers.join("one"), workers.join("other")
    assert one.rate("api", 0) == (1.0, 0.0)
    other.listen()
    for _ in range(3):
        one.slow_down("api", 30.0)
    assert heard(other) == {("rate", "api")}
    share, wait = other.rate("api", 0)
    assert (share, wait) == (0.5, pytest.approx(30.0, abs=5.0))
    assert other.rate("api", 25)[0] == pytest.approx(0.75)
    assert one.rate("api", 1000)[0] == 1.0


def test_a_lease_can_be_made_to_end_sooner_but_not_later(workers: Workers) -> None:
    """A worker that ends leaves what it has to rest, and no longer than it would have."""
    worker = workers.join("worker", 60.0)
    left = "SELECT extract(epoch FROM expires - clock_timestamp())::float8 FROM luahost_permit_member"
    worker.retire("worker", 600.0)
    assert 0 < workers.value(left) <= 60.0  # type: ignore[operator]
    worker.retire("worker", 2.0)
    assert workers.value(left) <= 2.0  # type: ignore[operator]


POLICY = CircuitBreakerPolicy(failures=5, pause=20.0, longest=60.0)


def test_failures_seen_by_several_workers_open_one_breaker(workers: Workers) -> None:
    """Five in a row, of whichever worker; a success of any closes it for all."""
    one, other = workers.join("one"), workers.join("other")
    other.listen()
    assert one.failed("api", 3, POLICY, "status 503").open_for is None
    opened = other.failed("api", 2, POLICY, "connection refused")
    assert opened.failures == 5
    assert opened.open_for == pytest.approx(20.0, abs=1.0)
    assert one.breaker("api").reason == "connection refused"
    assert set(workers.join("third").breakers()) == {"api"}
    other.recovered("api")
    assert one.breaker("api") == BreakerNow()


def test_one_worker_of_all_probes(workers: Workers) -> None:
    """Of three workers that see the breaker half-open one may try the host; its failure opens it for twice as long."""
    all_ = [workers.join(name) for name in ("a", "b", "c")]
    all_[0].failed("api", 5, POLICY, "status 503")
    assert not all_[0].may_probe("api", 60.0), "it is open"
    with psycopg.connect(workers.url, autocommit=True) as connection:
        connection.execute("UPDATE luahost_breaker SET open_until = clock_timestamp()")
    assert [each.may_probe("api", 60.0) for each in all_] == [True, False, False]
    assert all_[1].failed("api", 1, POLICY, "late").open_for == pytest.approx(0.0, abs=1.0), "another's late failure"
    assert all_[0].failed("api", 1, POLICY, "status 503").open_for == pytest.approx(40.0, abs=1.0)


def test_a_probe_whose_worker_is_lost_is_anothers(workers: Workers) -> None:
    """Once the time for it has passed."""
    one, other = workers.join("one"), workers.join("other")
    one.failed("api", 5, POLICY, "status 503")
    with psycopg.connect(workers.url, autocommit=True) as connection:
        connection.execute("UPDATE luahost_breaker SET open_until = clock_timestamp()")
    assert one.may_probe("api", 0.0)
    assert other.may_probe("api", 60.0)
