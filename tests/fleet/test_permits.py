"""A worker's thread for the fleet's limits: what it leases, when that ends, what it does without a database."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic
from typing import Any

import psycopg
import pytest

from host.errors import ConfigError, LimitError
from host.fleet import permits as permits_module
from host.fleet.fleet_limiter import BreakerChanged, PermitsRevoked, TokensDelayed, TokensRefused
from host.fleet.permits import FleetLimits
from host.http.circuit_breaker import CircuitBreakerPolicy
from host.http.limiter import HttpLimits, limited
from host.http.message import Request, Response
from host.http.rate_limiter import Rate
from host.remote import limit_messages as m

URL = "http://api.example/v1/things"


class Worker:
    """The fleet's limits of one worker, and what its thread delivers."""

    def __init__(self, url: str, limits: HttpLimits, **options: Any) -> None:
        self.said: queue.Queue[Any] = queue.Queue()
        self.limits = FleetLimits(url, limits, **options)
        self.limits.start(self.said.put)

    def tell(self, message: m.Message) -> None:
        self.limits._tell(message)

    def wait_for(self, kind: type[Any]) -> Any:
        """The next message of a kind; others before it are passed over."""
        while not isinstance(found := self.said.get(timeout=60), kind):
            pass
        return found


class Fleet:
    """Workers of one database, and the database's own view."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.stack = ExitStack()

    def worker(self, limits: HttpLimits, **options: Any) -> Worker:
        found = Worker(self.url, limits, **options)
        self.stack.callback(found.limits.close)
        return found

    def do(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def cut(self) -> None:
        """End the connections of all workers, as a restart of the server does."""
        self.do(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'luahost permits'"
        )


@pytest.fixture
def fleet(database: str) -> Iterator[Fleet]:
    found = Fleet(database)
    with found.stack:
        yield found


def request() -> Request:
    return Request("GET", URL, credential="stripe")


def test_what_one_worker_sees_of_a_host_another_is_reported(fleet: Fleet) -> None:
    """Failures of two workers count together; the other hears of the open breaker, and of its closing."""
    limits = HttpLimits(breaker=CircuitBreakerPolicy(failures=4, pause=3600.0, longest=3600.0))
    one, other = fleet.worker(limits), fleet.worker(limits)
    for worker in (one, other):
        for _ in range(2):
            worker.tell(m.HostFailed("api.example", "status 503"))
    for worker in (one, other):
        while (state := worker.wait_for(BreakerChanged).now).open_for is None:
            assert state.failures < 4
        assert state.open_for > 3000
    other.tell(m.HostRecovered("api.example"))
    while one.wait_for(BreakerChanged).now.open_for is not None:
        pass


def test_idle_permits_of_one_worker_go_to_another_that_waits(fleet: Fleet) -> None:
    """It is called back, returned and granted, each told by the database."""
    limits = HttpLimits(in_flight_per_host=4)
    one, other = fleet.worker(limits), fleet.worker(limits)
    one.tell(m.PermitsWanted("api.example", 4))
    assert one.wait_for(m.PermitsGranted).count == 4
    other.tell(m.PermitsWanted("api.example", 1))
    assert one.wait_for(m.PermitsRecalled).count >= 1
    one.tell(m.PermitsReturned("api.example", 1))
    assert other.wait_for(m.PermitsGranted).count == 1


def test_a_cut_connection_costs_no_permits(fleet: Fleet) -> None:
    """The worker comes back with its lease: it holds what it held, and no more can be had by others."""
    limits = HttpLimits(in_flight_per_host=4)
    one = fleet.worker(limits)
    one.tell(m.PermitsWanted("api.example", 3))
    held = one.wait_for(m.PermitsGranted).count
    member = one.limits.member
    fleet.cut()
    one.tell(m.PermitsWanted("api.example", 4))
    held += one.wait_for(m.PermitsGranted).count if held < 4 else 0
    assert one.limits.member == member
    assert fleet.do("SELECT sum(held)::int FROM luahost_permit") == [(held,)]
    assert held == 4


def test_a_worker_whose_lease_ended_leases_anew(fleet: Fleet) -> None:
    """It is told that its permits are gone, and gets others under another name."""
    one = fleet.worker(HttpLimits(in_flight_per_host=4))
    one.tell(m.PermitsWanted("api.example", 4))
    assert one.wait_for(m.PermitsGranted).count == 4
    member = one.limits.member
    fleet.do("UPDATE luahost_permit_member SET expires = clock_timestamp()")
    one.tell(m.PermitsReturned("api.example", 1))
    assert one.wait_for(PermitsRevoked).pool == "api.example"
    one.tell(m.PermitsWanted("api.example", 2))
    assert one.wait_for(m.PermitsGranted).count >= 2
    assert one.limits.member != member
    assert fleet.do("SELECT count(*)::int FROM luahost_permit_member") == [(1,)]


def test_a_closed_worker_leaves_nothing_behind(fleet: Fleet) -> None:
    """Its permits are free at once, not when its lease would have ended; closing twice is fine."""
    one = fleet.worker(HttpLimits(in_flight_per_host=4))
    one.tell(m.PermitsWanted("api.example", 4))
    one.wait_for(m.PermitsGranted)
    one.limits.close()
    one.limits.close()
    assert fleet.do("SELECT * FROM luahost_permit_member") == []
    assert fleet.do("SELECT * FROM luahost_permit") == []


def test_keys_are_told_apart_and_never_told(fleet: Fleet) -> None:
    """Rates and permits of an API are counted by the key's fingerprint."""
    limits = HttpLimits(rates={"stripe": Rate(100.0)}, in_flight={"stripe": 2})
    one = fleet.worker(limits, account=lambda name: f"print-of-{name}")
    one.tell(m.TokensWanted("stripe", 1))
    assert len(one.wait_for(m.TokensGranted).waits) == 1
    one.tell(m.PermitsWanted("api stripe", 1))
    assert one.wait_for(m.PermitsGranted).pool == "api stripe"
    assert fleet.do("SELECT name FROM luahost_rate") == [("stripe print-of-stripe",)]
    assert fleet.do("SELECT DISTINCT pool FROM luahost_permit") == [("api stripe print-of-stripe",)]


def test_whoever_waits_long_for_a_token_is_told_so(fleet: Fleet) -> None:
    """The next token is an hour away: the wait is told again and again, and the token is not."""
    one = fleet.worker(HttpLimits(rates={"stripe": Rate(1.0)}))
    fleet.do("INSERT INTO luahost_rate (name, next) VALUES ('stripe', clock_timestamp() + interval '1 hour')")
    one.tell(m.TokensWanted("stripe", 1))
    assert one.wait_for(TokensDelayed).seconds >= 0.9
    assert one.wait_for(TokensDelayed).seconds >= 0.9


def test_without_a_database_nobody_waits_for_ever(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens are refused once the database has been away for a while; a probe needs no permission then."""
    monkeypatch.setattr(permits_module, "PATIENCE", 0.0)
    limits = HttpLimits(rates={"stripe": Rate(1.0)})
    one = fleet.worker(limits)
    fleet.do("ALTER TABLE luahost_rate RENAME TO luahost_gone")
    one.tell(m.TokensWanted("stripe", 1))
    assert "the database is away" in one.wait_for(TokensRefused).text
    assert not one.limits.database_up
    fleet.do("ALTER TABLE luahost_gone RENAME TO luahost_rate")
    one.tell(m.TokensWanted("stripe", 1))
    assert one.wait_for(m.TokensGranted).waits


def test_a_database_that_cannot_be_used_is_told_at_once() -> None:
    """Its password is not."""
    with pytest.raises(ConfigError, match="the fleet's limits cannot be kept in the database") as caught:
        FleetLimits("postgresql://me:topsecret@127.0.0.1:1/x", HttpLimits())
    assert "topsecret" not in str(caught.value)


# -- the limiter as the wrappers of requests use it


class Loop:
    """A worker whose messages cross to the test's own loop; ``said`` are all of them."""

    def __init__(self, fleet: Fleet, limits: HttpLimits, **options: Any) -> None:
        self._loop = asyncio.get_running_loop()
        self.said: list[Any] = []
        self.fleet = FleetLimits(fleet.url, limits, **options)
        fleet.stack.callback(self.fleet.close)
        self.fleet.start(self._deliver)

    def _deliver(self, message: m.Message) -> None:
        self.said.append(message)
        self._loop.call_soon_threadsafe(lambda: self.fleet.limiter.receive(message, monotonic()))


async def ok(_: Request, __: float) -> Response:
    return Response(200)


async def test_a_call_that_waits_for_a_token_has_its_deadline_moved(fleet: Fleet) -> None:
    """By as long as it waited, however often it was told that there is none yet; then it is sent."""
    worker = Loop(fleet, HttpLimits(rates={"stripe": Rate(1.0)}))
    fleet.do("INSERT INTO luahost_rate (name, next) VALUES ('stripe', clock_timestamp() + interval '2.5 seconds')")
    moved: list[float] = []
    send = limited(ok, worker.fleet.limiter, on_wait=lambda _, seconds: moved.append(seconds or 0.0))
    answer = await asyncio.wait_for(send(request(), monotonic() + 30), 60)
    assert len(moved) >= 2
    assert sum(moved) == pytest.approx(answer.waited)
    assert answer.waited > 1.5


async def test_a_token_that_cannot_be_had_ends_the_call_unsent(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an error of kind ``limit`` that says that nothing was sent."""
    monkeypatch.setattr(permits_module, "PATIENCE", 0.0)
    worker = Loop(fleet, HttpLimits(rates={"stripe": Rate(1.0)}))
    fleet.do("ALTER TABLE luahost_rate RENAME TO luahost_gone")
    send = limited(ok, worker.fleet.limiter)
    change = Request("POST", URL, credential="stripe", mutation=True, operation="things.create")
    with pytest.raises(LimitError, match="the database is away") as caught:
        await send(change, monotonic() + 30)
    assert caught.value.outcome == "not_sent"
    assert caught.value.operation == "things.create"


async def test_no_permit_is_used_past_its_lease(fleet: Fleet) -> None:
    """A worker that was stopped and woken finds them gone before it hears of it: the call waits for a new one."""
    worker = Loop(fleet, HttpLimits(in_flight_per_host=4))
    send = limited(ok, worker.fleet.limiter)
    await send(request(), monotonic() + 30)
    permits = worker.fleet.limiter.permits("api.example")
    assert permits is not None
    assert not permits.locked()
    worker.fleet.limiter.until = 0.0
    assert permits.locked()


async def test_a_closed_breaker_after_a_probe_lets_all_through(fleet: Fleet) -> None:
    """Half-open, one call asks the database for the right to try; its answer closes the breaker of all workers."""
    policy = CircuitBreakerPolicy(failures=1, pause=0.05, longest=0.05)
    failing = True
    sent = 0

    async def send(_: Request, __: float) -> Response:
        nonlocal sent
        sent += 1
        return Response(503 if failing else 200)

    workers = [Loop(fleet, HttpLimits(breaker=policy)) for _ in range(2)]
    sends = [limited(send, each.fleet.limiter) for each in workers]
    assert (await sends[0](request(), monotonic() + 30)).status == 503
    failing = False
    answers = await asyncio.gather(*(each(request(), monotonic() + 30) for each in sends for _ in range(5)))
    assert [each.status for each in answers] == [200] * 10
    assert sent == 11


def test_a_server_that_fails_now_and_then_costs_the_database_nothing(fleet: Fleet) -> None:
    """A failure that an answer follows at once is never told; one that none follows is."""
    one = fleet.worker(HttpLimits(breaker=CircuitBreakerPolicy(failures=4)))
    for _ in range(100):
        one.tell(m.HostFailed("api.example", "status 503"))
        one.tell(m.HostRecovered("api.example"))
    one.tell(m.HostFailed("api.example", "status 500"))
    assert one.wait_for(BreakerChanged).now.failures == 1
    assert fleet.do("SELECT failures, reason FROM luahost_breaker") == [(1, "status 500")]


async def test_a_token_whose_time_has_passed_is_not_used(fleet: Fleet) -> None:
    """A process that was stopped while a call waited for its token: the call takes another, and moves its deadline."""
    worker = Loop(fleet, HttpLimits(rates={"stripe": Rate(50.0)}))
    fleet.do("INSERT INTO luahost_rate (name, next) VALUES ('stripe', clock_timestamp() + interval '0.2 seconds')")
    now, slept = 0.0, []

    async def overslept(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds + (9.0 if len(slept) == 1 else 0.0)

    moved: list[float] = []
    send = limited(
        ok,
        worker.fleet.limiter,
        on_wait=lambda _, seconds: moved.append(seconds or 0.0),
        clock=lambda: now,
        sleep=overslept,
    )
    answer = await send(request(), 60.0)
    assert answer.status == 200
    assert answer.waited == pytest.approx(sum(moved))
    granted = [len(each.waits) for each in worker.said if isinstance(each, m.TokensGranted)]
    assert sum(granted) == 2
