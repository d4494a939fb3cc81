"""The rate of a fleet as the API sees it: no window of time has more requests than permits, whatever is late or lost.

A simulation in virtual time: workers with the real limiter and the real lease, a database that keeps shares by the
real decisions, and an adversary for the network, the database and the API. Each seed is one course of events.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from host.errors import LimitError, NetworkError
from host.fleet.fleet_limiter import RateMessage
from host.fleet.leases import RateLease
from host.fleet.permit_database import PoolExchange, exchanged
from host.fleet.rate_permits import RatePermits, RateWindow, check_permit, with_rate_permits
from host.http.message import Request, Response
from host.http.rate_limiter import Rate
from host.remote import limit_messages as m
from host.remote.permits import PermitShare
from tests.fleet.virtual_time import run

ON_WAY = 4.0  # seconds a request of a lost worker may be on its way


class Lost(Exception):
    """No answer came from the database."""


class Ways(msgspec.Struct, frozen=True):
    """What the adversary does: seconds at most, chances of 0 to 1."""

    request: float = 0.05  # until a request reaches the API
    answer: float = 0.05
    stall: float = 0.0  # the API takes nothing for so long, now and then
    unanswered: float = 0.0  # chance
    slow: float = 0.0  # until a request that has its permit is written
    database: float = 0.01  # a question's way, and the same for what came of it
    cut: float = 0.0  # chance that a question or its answer is lost
    away: float = 0.0  # seconds without the database, now and then
    killed: float = 0.0  # chance for each second of each worker
    rejected: float = 0.0  # chance of an answer of status 429


class Database:
    """Leases and shares in memory, by the clock of the loop."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.expires: dict[str, float] = {}
        self.shares: dict[str, PermitShare] = {}
        self.share = 1.0
        self.not_before = 0.0

    def expire(self) -> None:
        for member in [each for each, at in self.expires.items() if at <= self.clock()]:
            del self.expires[member]
            self.shares.pop(member, None)


class Connection:
    """What a worker's lease asks of the database; an answer may be lost after what it tells of was done."""

    def __init__(self, database: Database, fails: Callable[[], bool]) -> None:
        self._database = database
        self._fails = fails

    def _done(self, found: Any) -> Any:
        if self._fails():
            raise Lost
        return found

    def join(self, member: str, lease: float) -> None:
        self._database.expires[member] = self._database.clock() + lease
        self._done(None)

    def renew(self, member: str, lease: float) -> bool:
        self._database.expire()
        alive = member in self._database.expires
        if alive:
            self._database.expires[member] = self._database.clock() + lease
        return bool(self._done(alive))

    def exchange(
        self, name: str, total: int, mine: PermitShare, returned: int, *, member: str, afresh: bool
    ) -> PoolExchange | None:
        database = self._database
        database.expire()
        if member not in database.expires:
            return self._done(None)  # type: ignore[no-any-return]
        before = {member: PermitShare(), **database.shares}
        found, database.shares, _ = exchanged(before, total, mine, returned, member, afresh=afresh)
        assert sum(each.held for each in database.shares.values()) <= total
        return self._done(found)  # type: ignore[no-any-return]

    def rate(self, _: str, accepted: int) -> tuple[float, float]:
        database = self._database
        database.share = min(1.0, database.share + accepted / 100)
        return self._done((database.share, database.not_before - database.clock()))  # type: ignore[no-any-return]

    def slow_down(self, _: str, pause: float) -> None:
        database = self._database
        database.share = max(1 / 16, database.share / 2)
        database.not_before = max(database.not_before, database.clock() + pause)
        self._done(None)


class Api:
    """Notes when requests reach it. It answers at once, or when a stall is over."""

    def __init__(self, clock: Callable[[], float], chance: random.Random, ways: Ways) -> None:
        self.times: list[float] = []
        self._clock = clock
        self._chance = chance
        self._ways = ways
        self._free = 0.0

    async def arrive(self, delay: float) -> None:
        await asyncio.sleep(delay)
        now = self._clock()
        if self._ways.stall and now >= self._free and self._chance.random() < 0.02:
            self._free = now + self._chance.uniform(0, self._ways.stall)
        if now < self._free:
            await asyncio.sleep(self._free - now)
        self.times.append(self._clock())

    def most_in(self, seconds: float) -> int:
        """The most of any such time, wherever it begins."""
        times, most, first = sorted(self.times), 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - seconds + 1e-6:
                first += 1
            most = max(most, last - first + 1)
        return most


class Worker:
    """One worker: calls that each want a permit, and the thread that leases them, as tasks of the loop."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self._fleet = fleet
        self._chance = random.Random(f"{fleet.seed} {number}")
        self._wrong = self._chance.uniform(-1e6, 1e6)  # its clock began somewhere else
        self._incoming: list[Any] = []
        self._woken = asyncio.Event()
        self._last = 0.0
        self._away_until = -math.inf
        self._outbox: list[Any] = []
        loop = asyncio.get_running_loop()
        self.permits = RatePermits(
            "api", fleet.window, self._tell, clock=self.clock, call_at=lambda at, do: loop.call_at(at - self._wrong, do)
        )
        self._lease = RateLease("api", "api", fleet.window, self.permits, self._outbox.append, on_way=ON_WAY)
        self._database: Any = Connection(fleet.database, self._fails)
        self._tasks = [loop.create_task(self._thread()), *(loop.create_task(self._calls()) for _ in range(15))]

    def clock(self) -> float:
        return asyncio.get_running_loop().time() + self._wrong

    def kill(self) -> None:
        """Nothing of it goes on; what is on its way arrives."""
        for task in self._tasks:
            if task.done():
                task.result()  # it failed
            task.cancel()

    def _fails(self) -> bool:
        return self._chance.random() < self._fleet.ways.cut

    def _tell(self, message: Any) -> None:
        self._incoming.append(message)
        self._woken.set()

    async def _thread(self) -> None:
        lease, ways, chance = self._lease, self._fleet.ways, self._chance
        while True:
            wait = max(0.0, min(lease.due(), self.clock() + 0.2) - self.clock())
            if not self._incoming and wait:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), wait)
            self._woken.clear()
            sent, taken = self.clock(), self._incoming[:]
            del self._incoming[: len(taken)]
            for message in taken:
                lease.take(message, sent)
            if chance.random() < 0.02:
                lease.heard(sent)
            if ways.away and chance.random() < 0.01:
                self._away_until = sent + chance.uniform(0, ways.away)
            await asyncio.sleep(chance.uniform(0, ways.database))
            try:
                if self.clock() < self._away_until:
                    raise Lost
                if lease.due() <= sent:
                    lease.sync(self._database, sent)
            except Lost:
                lease.away(None)
                await asyncio.sleep(0.1)
                lease.resume(self.clock())
            self._deliver()

    def _deliver(self) -> None:
        """What came of it reaches the loop later, in order."""
        loop = asyncio.get_running_loop()
        for message in self._outbox:
            self._last = max(self._last, loop.time() + self._chance.uniform(0, self._fleet.ways.database))
            loop.call_at(self._last, self._receive, message)
        self._outbox.clear()

    def _receive(self, message: Any) -> None:
        match message:
            case m.PermitsGranted(_, count):
                self.permits.granted(count)
            case m.PermitsRecalled(_, count, hard):
                self.permits.recalled(count, hard)
            case RateMessage():
                message.apply(self.permits)

    async def _calls(self) -> None:
        async def slow(request: Request, deadline: float) -> Response:
            if self._fleet.ways.slow:  # it waits for a permit in flight, or for a breaker
                await asyncio.sleep(self._chance.uniform(0, self._fleet.ways.slow))
            return await checked(request, deadline)

        checked = check_permit(self._send, lambda _: self.permits)
        send = with_rate_permits(slow, lambda _: self.permits)
        while True:
            request = Request("POST", "http://api/v1/things", credential="api", mutation=True)
            try:
                await send(request, math.inf)
            except NetworkError:
                continue

    async def _send(self, request: Request, _: float) -> Response:
        ways, chance, fleet = self._fleet.ways, self._chance, self._fleet
        on_way = asyncio.get_running_loop().create_task(fleet.api.arrive(chance.uniform(0, ways.request)))
        fleet.on_way.add(on_way)
        on_way.add_done_callback(fleet.on_way.discard)
        if chance.random() < ways.unanswered:  # given up up to a second before it reaches the API
            await asyncio.sleep(max(0.0, ways.request - 1.0))
            raise NetworkError("no answer", phase="response", outcome="unknown")
        await asyncio.shield(on_way)
        await asyncio.sleep(chance.uniform(0, ways.answer))
        return Response(429 if chance.random() < ways.rejected else 200, {"retry-after": "1"})


class Fleet:
    """Three workers at once, another for each that is killed."""

    def __init__(self, seed: int, ways: Ways, rate: Rate, window: RateWindow | None = None) -> None:
        clock = asyncio.get_running_loop().time
        self.seed, self.ways = seed, ways
        self.window = window or RateWindow.of(rate)
        self.database = Database(clock)
        self.api = Api(clock, random.Random(seed), ways)
        self.on_way: set[asyncio.Task[None]] = set()

    async def work(self, seconds: float) -> Api:
        chance = random.Random(self.seed)
        workers, number = [Worker(self, n) for n in range(3)], 3
        for _ in range(int(seconds)):
            await asyncio.sleep(1.0)
            for place, each in enumerate(workers):
                if chance.random() < self.ways.killed:
                    each.kill()
                    workers[place] = Worker(self, number)
                    number += 1
        for each in workers:
            each.kill()
        await asyncio.gather(*self.on_way)
        return self.api


COURSES = {
    "nothing is late": Ways(),
    "requests are up to a minute on their way": Ways(request=60.0),
    "answers are a minute late": Ways(answer=60.0),
    "the API stalls": Ways(stall=20.0),
    "calls wait long between their permit and the wire": Ways(slow=12.0, away=10.0),
    "the database is slow": Ways(database=1.5),
    "questions and answers of the database are lost": Ways(cut=0.1, away=10.0, request=ON_WAY - 1),
    "workers are killed": Ways(killed=0.1, request=ON_WAY, answer=1.0),
    "requests are given up": Ways(unanswered=0.3, request=2.0),
    "the API says 429": Ways(rejected=0.02, request=1.0),
    "all of it": Ways(
        request=ON_WAY - 1, answer=3.0, unanswered=0.1, slow=5.0, database=0.5, cut=0.05, away=8.0, killed=0.05,
        rejected=0.01,
    ),
}  # fmt: skip


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("seed", range(3))
def test_no_window_has_more_requests_than_permits(course: str, seed: int) -> None:
    """Every second of 90, wherever it begins, has at most 20 requests at the API, and the fleet goes on sending."""
    api = run(_work(seed, COURSES[course], Rate(20.0)))
    assert api.most_in(1.0) <= 20
    assert len(api.times) > 20


@pytest.mark.parametrize(
    ("rate", "most", "seconds"),
    [
        (Rate(20.0), 20, 1.0),
        (Rate(2.5), 3, 1.2),  # never more than 2.5 a second on average, in whole requests
        (Rate(0.2), 1, 5.0),
        (Rate(20.0, 5), 20, 1.0),
        (Rate(20.0, 60), 60, 3.0),
        (Rate(1.0, 3), 3, 3.0),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_each_kind_of_rate_has_its_window(rate: Rate, most: int, seconds: float, seed: int) -> None:
    """Whole, broken, below one a second, with a burst below and above: the window says how many, and it holds."""
    assert (RateWindow.of(rate).permits, RateWindow.of(rate).seconds) == (most, pytest.approx(seconds))
    api = run(_work(seed, Ways(request=2.0, stall=5.0, killed=0.02), rate))
    assert api.most_in(seconds) <= most
    assert len(api.times) >= 90 / (seconds + 12) * most / 3


def test_a_permit_that_did_not_rest_would_be_seen() -> None:
    """The simulation finds a fault: with permits that rest for half the window only, some second has too many."""
    short = RateWindow(20, 0.5, 20.0)
    assert run(_work(0, Ways(), Rate(20.0), short)).most_in(1.0) > 20


def test_the_rate_is_nearly_used_up_where_answers_are_quick() -> None:
    """Permits rest for a second and are under way for 20 ms: a fleet of three sends 95 % of its rate or more."""
    api = run(_work(1, Ways(request=0.02, answer=0.02), Rate(20.0)))
    assert len(api.times) >= 0.95 * 20 * 90


def test_requests_are_spread_over_the_second() -> None:
    """Without a burst of its own a rate is paced: a tenth of a second has a tenth of its requests, and few more."""
    api = run(_work(2, Ways(request=0.001, answer=0.001), Rate(40.0)))
    assert api.most_in(0.1) <= 12


async def _work(seed: int, ways: Ways, rate: Rate, window: RateWindow | None = None) -> Api:
    return await Fleet(seed, ways, rate, window).work(90.0)


async def _until_waiting() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def _alone(told: list[Any], permits: int = 1) -> RatePermits:
    """Permits of one worker that nobody leases any for."""
    loop = asyncio.get_running_loop()
    return RatePermits("api", RateWindow(permits, 1.0, float(permits)), told.append, clock=loop.time)


def _request() -> Request:
    return Request("POST", "http://api/v1/things", credential="api", mutation=True, operation="things.create")


def test_what_was_not_sent_costs_nothing() -> None:
    """A call that found no connection gives its permit to the next one at once, one that was sent does not."""

    async def work() -> None:
        permits = _alone([])
        permits.renewed(100.0)
        permits.granted(1)
        lease, waited = await permits.take(_request())
        permits.unused(_request(), lease)
        again, _ = await permits.take(_request())
        assert waited == 0.0
        assert asyncio.get_running_loop().time() == 0.0
        permits.ended(_request(), again, answered=True)
        await permits.take(_request())
        assert asyncio.get_running_loop().time() == pytest.approx(1.0)

    run(work())


def test_a_call_that_is_cancelled_in_the_last_moment_returns_its_permit() -> None:
    """It had just been given one: the next call has it."""

    async def work() -> None:
        permits = _alone([])
        permits.renewed(100.0)
        waiting = asyncio.ensure_future(permits.take(_request()))
        await _until_waiting()
        permits.granted(1)
        waiting.cancel()
        await asyncio.wait((waiting,))
        await permits.take(_request())
        assert asyncio.get_running_loop().time() == 0.0

    run(work())


def test_a_permit_that_went_stale_is_not_used() -> None:
    """Its lease ended while the call waited for a connection: the call asks anew, and is sent with the next one."""

    async def work() -> None:
        told: list[Any] = []
        permits, loop = _alone(told), asyncio.get_running_loop()
        permits.renewed(1.0)
        permits.granted(1)
        sent: list[float] = []

        async def client(_: Request, __: float) -> Response:
            sent.append(loop.time())
            return Response(200)

        checked = check_permit(client, lambda _: permits)

        async def slow(request: Request, deadline: float) -> Response:
            await asyncio.sleep(1.5)
            return await checked(request, deadline)

        call = asyncio.ensure_future(with_rate_permits(slow, lambda _: permits)(_request(), math.inf))
        await asyncio.sleep(2.0)
        assert not sent
        assert told == [m.PermitsWanted("rate api", 0)]
        permits.renewed(50.0)
        assert (await call).status == 200
        assert sent == [3.5]

    run(work())


def test_whoever_waits_long_has_its_deadline_moved() -> None:
    """The wait is told each second, and is ``waited`` of the answer."""

    async def work() -> None:
        permits, loop = _alone([]), asyncio.get_running_loop()
        moved: list[float] = []
        deadlines: list[float] = []

        async def client(_: Request, deadline: float) -> Response:
            deadlines.append(deadline)
            return Response(200)

        send = with_rate_permits(
            client, lambda _: permits, on_wait=lambda _, seconds: moved.append(seconds if seconds is not None else 0.0)
        )
        call = asyncio.ensure_future(send(_request(), 10.0))
        await asyncio.sleep(2.5)
        permits.renewed(100.0)
        permits.granted(1)
        answer = await call
        assert moved == pytest.approx([1.0, 1.0, 0.5])
        assert answer.waited == pytest.approx(2.5)
        assert deadlines == pytest.approx([12.5])
        assert loop.time() == pytest.approx(2.5)

    run(work())


def test_a_permit_that_cannot_be_had_ends_the_call_unsent() -> None:
    """With an error of kind ``limit`` that names the operation and says that nothing was sent."""

    async def work() -> None:
        permits = _alone([])

        async def client(_: Request, __: float) -> Response:
            raise AssertionError("it was sent")

        call = asyncio.ensure_future(with_rate_permits(client, lambda _: permits)(_request(), 10.0))
        await _until_waiting()
        permits.refused("the database is away")
        with pytest.raises(LimitError, match="the database is away") as caught:
            await call
        assert (caught.value.outcome, caught.value.operation) == ("not_sent", "things.create")

    run(work())


def test_recalled_permits_go_back_once_they_have_rested() -> None:
    """Not while a request with one is under way, nor in the second after its answer; a lease before is not counted."""

    async def work() -> None:
        told: list[Any] = []
        permits, loop = _alone(told), asyncio.get_running_loop()
        permits.renewed(100.0)
        permits.granted(1)
        lease, _ = await permits.take(_request())
        permits.recalled(1, hard=True)
        permits.ended(_request(), lease, answered=True)
        await asyncio.sleep(0.9)
        assert told == []
        await asyncio.sleep(0.2)
        (returned,) = told
        assert (returned.count, returned.lease) == (1, 0)
        permits.lease_ended(1)
        permits.granted(1)
        permits.ended(_request(), lease, answered=True)
        await asyncio.sleep(2.0)
        assert permits.held == 1
        assert loop.time() == pytest.approx(3.1)

    run(work())
