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
        found.join(lease)
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
    found = worker.exchange("api", total, mine._replace(wanted=count), 0, afresh=False)
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
            found = worker.exchange("api", 5, share, returned, afresh=False)
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
    called = first.exchange("api", 10, mine, 0, afresh=False)
    assert called is not None
    assert called.hard >= 2, "a worker with more than its part is told to return what another waits for"
    done = first.exchange("api", 10, called.share._replace(held=8), 2, afresh=False)
    assert done is not None
    assert heard(second) == {("pool", "api")}
    got = second.exchange("api", 10, waiting.share, 0, afresh=False)
    assert got is not None
    assert got.granted == 2
    assert got.share.held == 2


def test_a_lost_workers_permits_come_back(workers: Workers) -> None:
    """Once its lease has ended by the database's clock; it is then told that it holds nothing any more."""
    lost, other = workers.join("lost"), workers.join("other")
    mine = want(lost, 10).share
    assert want(other, 1).granted == 0
    workers.expire("lost")
    assert other.exchange("api", 10, PermitShare(wanted=1), 0, afresh=False) == PoolExchange(
        10, 0, 0, PermitShare(held=10)
    )
    assert lost.renew(60.0) is None
    assert lost.exchange("api", 10, mine, 0, afresh=False) is None


def test_an_exchange_nobody_knows_the_end_of_is_made_anew(workers: Workers) -> None:
    """Whether it was made or not: afterwards the database says what the worker holds."""
    worker, other = workers.join("worker"), workers.join("other")
    made = want(worker, 4)  # its answer is lost: the worker still holds none, and wants 4
    assert made.granted > 0
    again = worker.exchange("api", 10, PermitShare(wanted=4), 0, afresh=True)
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


NEXT = "SELECT extract(epoch FROM next)::float8 FROM luahost_rate WHERE name = 'api'"


def lease(
    worker: PermitDatabase, count: int, *, rate: float = 10.0, burst: float = 1.0, horizon: float = 1e6
) -> object:
    return worker.lease_tokens("api", count, spacing=1 / rate, burst=burst, horizon=horizon, accepted=0)


def test_no_token_is_leased_twice(workers: Workers) -> None:
    """Three workers lease at the same time: the time of the next token moves on by one spacing for each."""
    lease(workers.join("first"), 100)  # from here on tokens are ahead of the clock, each right behind the last
    begin = workers.value(NEXT)
    counts: list[int] = []

    def work(number: int) -> None:
        worker = workers.join(f"w{number}")
        chance = random.Random(number)
        for _ in range(50):
            count = chance.randint(1, 8)
            lease(worker, count)
            counts.append(count)

    threads = [threading.Thread(target=work, args=[number]) for number in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    end = workers.value(NEXT)
    assert isinstance(begin, float)
    assert isinstance(end, float)
    assert len(counts) == 150
    assert end - begin == pytest.approx(sum(counts) / 10.0, abs=1e-3)


@pytest.mark.parametrize("burst", [1.0, 5.0])
def test_an_idle_rate_saves_up_its_burst_and_no_more(workers: Workers, burst: float) -> None:
    """After an hour without a request, ``burst`` tokens are there at once; the others come a spacing apart."""
    worker = workers.join("worker")
    lease(worker, 1)
    with psycopg.connect(workers.url, autocommit=True) as connection:
        connection.execute("UPDATE luahost_rate SET next = next - interval '1 hour'")
    got = worker.lease_tokens("api", 20, spacing=0.1, burst=burst, horizon=1e6, accepted=0)
    assert got.first == pytest.approx(-(burst - 1) * 0.1, abs=0.001)
    assert sum(got.first + n * got.spacing <= 0.001 for n in range(got.number)) == burst


def test_tokens_are_leased_for_a_short_time_ahead(workers: Workers) -> None:
    """A worker that dies takes at most those of the horizon with it."""
    worker = workers.join("worker")
    got = worker.lease_tokens("api", 1000, spacing=0.1, burst=1.0, horizon=2.0, accepted=0)
    assert got.number == 21
    assert worker.lease_tokens("api", 1, spacing=0.1, burst=1.0, horizon=0.5, accepted=0).number == 0


def test_a_429_slows_down_all_workers(workers: Workers) -> None:
    """Half the rate, once for answers of one moment; a hundredth of it comes back with each that is accepted."""
    one, other = workers.join("one"), workers.join("other")
    lease(one, 1)
    other.listen()
    for _ in range(3):
        one.slow_down("api", 0.1, 30.0)
    assert heard(other) == {("rate", "api")}
    got = other.lease_tokens("api", 1, spacing=0.1, burst=1.0, horizon=1e6, accepted=0)
    assert got.first == pytest.approx(30.0, abs=1.0)
    assert (got.share, got.spacing) == (0.5, 0.2)
    again = other.lease_tokens("api", 1, spacing=0.1, burst=1.0, horizon=1e6, accepted=25)
    assert again.share == pytest.approx(0.75)


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
