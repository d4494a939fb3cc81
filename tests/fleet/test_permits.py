"""A worker's thread for the fleet's limits: what it leases, when that ends, what it does without a database."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import monotonic
from typing import Any

import psycopg
import pytest

from host.errors import ConfigError, LimitError
from host.fleet import permits as permits_module
from host.fleet.fleet_limiter import (
    BreakerChanged,
    FleetLimiter,
    LeaseHeld,
    PermitsRevoked,
    RateRefused,
    RateRenewed,
    RateRevoked,
    RateSlowed,
    RevocationSeen,
)
from host.fleet.permit_database import _BOUNDS
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
    until = one.limits.limiter.until
    one.tell(m.PermitsReturned("api.example", 1))
    assert one.wait_for(PermitsRevoked).pool == "api.example"
    assert one.wait_for(LeaseHeld).until > until
    assert one.limits.limiter.until == until, "the new lease counts once the loop has heard that the old one ended"
    one.tell(m.PermitsReturned("api.example", 3))  # said before it heard: of the lease that ended
    one.tell(RevocationSeen("api.example"))
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
    one.tell(m.PermitsWanted("rate stripe", 1))
    assert one.wait_for(m.PermitsGranted).pool == "rate stripe"
    one.tell(m.PermitsWanted("api stripe", 1))
    assert one.wait_for(m.PermitsGranted).pool == "api stripe"
    pools = fleet.do("SELECT DISTINCT pool FROM luahost_permit ORDER BY pool")
    assert pools == [("api stripe print-of-stripe",), ("rate stripe print-of-stripe",)]


def test_a_rate_whose_lease_ended_is_leased_anew(fleet: Fleet) -> None:
    """The worker is told that it holds nothing, and its next question gets permits of another lease."""
    one = fleet.worker(HttpLimits(rates={"stripe": Rate(4.0)}))
    one.tell(m.PermitsWanted("rate stripe", 4))
    until = one.wait_for(RateRenewed).until
    assert one.wait_for(m.PermitsGranted).count == 4
    fleet.do("UPDATE luahost_permit_member SET expires = clock_timestamp()")
    one.tell(m.PermitsWanted("rate stripe", 2))
    assert one.wait_for(RateRevoked).lease == 1
    one.tell(m.PermitsWanted("rate stripe", 2))
    assert one.wait_for(RateRenewed).until > until
    assert one.wait_for(m.PermitsGranted).count >= 2


def test_a_429_slows_down_every_worker(fleet: Fleet) -> None:
    """Each hears of half the rate and of the pause; what is accepted restores it."""
    limits = HttpLimits(rates={"stripe": Rate(4.0)})
    one, other = fleet.worker(limits), fleet.worker(limits)
    for worker in (one, other):
        worker.tell(m.PermitsWanted("rate stripe", 1))
        assert worker.wait_for(RateSlowed).share == 1.0
    one.tell(m.RateRejected("stripe", 30.0))
    for worker in (one, other):
        slowed = worker.wait_for(RateSlowed)
        assert slowed.share == 0.5
        assert slowed.seconds == pytest.approx(30.0, abs=5.0)
    for _ in range(25):
        other.tell(m.RateAccepted("stripe"))
    other.tell(m.RateRejected("stripe", None))  # within the pause: it says the same thing once more
    assert other.wait_for(RateSlowed).share == pytest.approx(0.75)


def test_a_worker_that_ends_leaves_its_rate_to_rest(fleet: Fleet) -> None:
    """Its permits are others' two seconds later, when what it sent last has arrived, and not at once."""
    limits = HttpLimits(rates={"stripe": Rate(4.0)})
    one = fleet.worker(limits, connecting=600.0)
    one.tell(m.PermitsWanted("rate stripe", 4))
    one.wait_for(m.PermitsGranted)
    one.limits.close()
    left = "SELECT extract(epoch FROM expires - clock_timestamp())::float8 FROM luahost_permit_member"
    ((seconds,),) = fleet.do(left)
    assert seconds <= 2.0


def test_without_a_database_nobody_waits_for_ever(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permits of a rate are refused once the database has been away for a while; a probe needs no permission then."""
    monkeypatch.setattr(permits_module, "PATIENCE", 0.0)
    limits = HttpLimits(rates={"stripe": Rate(1.0)})
    one = fleet.worker(limits)
    fleet.do("ALTER TABLE luahost_rate RENAME TO luahost_gone")
    one.tell(m.PermitsWanted("rate stripe", 1))
    assert "the database is away" in one.wait_for(RateRefused).text
    assert not one.limits.database_up
    fleet.do("ALTER TABLE luahost_gone RENAME TO luahost_rate")
    one.tell(m.PermitsWanted("rate stripe", 1))
    assert one.wait_for(m.PermitsGranted).count


def test_a_database_that_cannot_be_used_is_told_at_once() -> None:
    """Its password is not."""
    with pytest.raises(ConfigError, match="the fleet's limits cannot be kept in the database") as caught:
        FleetLimits("postgresql://me:topsecret@127.0.0.1:1/x", HttpLimits())
    assert "topsecret" not in str(caught.value)


# -- a worker that is stopped

STEPS = 14  # statements with which a worker begins, and leases permits in flight and of a rate


class Stopping:
    """A worker's connection, on which its thread stands still behind the statement of that number."""

    def __init__(self, connection: psycopg.Connection[Any], step: int) -> None:
        self._connection = connection
        self._left = step
        self.stopped, self.goes_on = threading.Event(), threading.Event()

    def execute(self, *what: Any) -> Any:
        found = self._connection.execute(*what)
        self._left -= 1
        if self._left == 0:
            self.stopped.set()
            self.goes_on.wait(60)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_wherever_a_worker_is_stopped_its_permits_come_back(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind each of its statements in turn, within transactions that hold locks and between them: another worker has
    all permits of the host and of the rate after the lease."""
    monkeypatch.setitem(_BOUNDS, "options", "-c statement_timeout=5000 -c idle_in_transaction_session_timeout=500")
    limits = HttpLimits(in_flight_per_host=4, rates={"stripe": Rate(4.0)})

    def worker(step: int) -> Worker:
        account = f"of step {step}"  # each has limits of its own, so that all can be tried at once
        return fleet.worker(limits, lease=1.5, longest=0.5, connecting=0.1, account=lambda _: account)

    def want(one: Worker, step: int) -> None:
        one.tell(m.PermitsWanted(f"host-{step}", 4))
        one.tell(m.PermitsWanted("rate stripe", 4))

    worker(0)  # has the tables made
    connections: list[Stopping] = []
    stop = ExitStack()
    with ThreadPoolExecutor(STEPS) as pool, stop:
        for step in range(1, STEPS + 1):
            connections.append(Stopping(permits_module.connect(fleet.url, "luahost permits"), step))
            stop.callback(connections[-1].goes_on.set)
            with monkeypatch.context() as patch:
                patch.setattr(permits_module, "connect", lambda *_: connections[-1])
                begun = pool.submit(lambda step=step: want(worker(step), step))
                while not (connections[-1].stopped.wait(0.01) or (begun.done() and connections[-1].stopped.wait(20))):
                    continue
        for step in range(1, STEPS + 1):
            other = worker(step)
            want(other, step)
            got = {f"host-{step}": 0, "rate stripe": 0}
            while got != {f"host-{step}": 4, "rate stripe": 4}:
                granted = other.wait_for(m.PermitsGranted)
                got[granted.pool] += granted.count


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


async def test_a_call_waits_for_a_permit_of_its_rate(fleet: Fleet) -> None:
    """The second request of a rate of one in two seconds is sent two seconds after the answer of the first."""
    worker = Loop(fleet, HttpLimits(rates={"stripe": Rate(0.5)}))
    moved: list[float] = []
    send = limited(
        worker.fleet.limiter.checked(ok), worker.fleet.limiter, on_wait=lambda _, seconds: moved.append(seconds or 0.0)
    )
    await send(request(), monotonic() + 30)
    answered = monotonic()
    answer = await send(request(), monotonic() + 30)
    assert monotonic() - answered >= 2.0
    assert sum(moved) >= answer.waited >= 1.9


async def test_a_rate_that_cannot_be_had_ends_the_call_unsent(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_what_was_granted_too_late_is_used_when_the_lease_goes_on() -> None:
    """The loop was held up until the lease had nearly ended, and hears of new permits before it hears that the lease
    goes on: the call that waits has one of them."""
    said: list[Any] = []
    limiter = FleetLimiter(HttpLimits(in_flight_per_host=4), said.append)
    permits = limiter.permits("api.example")
    assert permits is not None
    waiting = asyncio.ensure_future(permits.acquire())
    await asyncio.sleep(0)
    assert said == [m.PermitsWanted("api.example", 1)]
    limiter.receive(m.PermitsGranted("api.example", 1), monotonic())
    await asyncio.sleep(0)
    assert not waiting.done()
    limiter.receive(LeaseHeld(monotonic() + 60), monotonic())
    await asyncio.sleep(0)
    assert waiting.done()


def test_what_is_said_while_the_thread_wakes_up_wakes_it_again(fleet: Fleet) -> None:
    """The loop says something in the moment between two steps of the thread's waking: what it says next is not left
    until the next heartbeat."""
    one = fleet.worker(HttpLimits(in_flight_per_host=4), longest=1000.0)  # so the next heartbeat is far off
    real = one.limits._wake_read

    class Late:
        """The socket that wakes the thread; something is said before it is read."""

        def __init__(self) -> None:
            self.missed = 1

        def fileno(self) -> int:
            return real.fileno()

        def recv(self, size: int) -> bytes:
            if self.missed:
                self.missed -= 1
                one.tell(m.PermitsReturned("other.example", 0))
            return real.recv(size)

        def close(self) -> None:
            real.close()

    one.limits._wake_read = Late()  # type: ignore[assignment]
    for name in ("first.example", "second.example", "third.example"):  # the first select has the socket itself
        one.tell(m.PermitsWanted(name, 1))
        assert one.wait_for(m.PermitsGranted).pool == name


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


async def test_a_lost_workers_rate_is_anothers_once_its_requests_have_arrived(fleet: Fleet) -> None:
    """Its lease of a rate is a short one of its own: a call of another worker waits until that has ended."""
    limits = HttpLimits(rates={"stripe": Rate(4.0)})
    lost = fleet.worker(limits, connecting=0.5)
    started = monotonic()
    lost.tell(m.PermitsWanted("rate stripe", 4))  # nobody uses them, or renews their lease
    assert lost.wait_for(m.PermitsGranted).count == 4
    other = Loop(fleet, limits, connecting=0.5)
    await limited(ok, other.fleet.limiter)(request(), monotonic() + 30)
    # 2 s of use, 1.5 s on the way and 1 s of rest, from the moment when the database was asked.
    assert monotonic() - started >= 4.4
