"""What a host has only once holds over all its processes: rates, places in flight, what servers fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

import pytest

from host import Host
from host.errors import CallTimeout, LimitError, NetworkError
from host.http.circuit_breaker import CircuitBreakerPolicy
from host.http.limiter import HttpLimits, limited
from host.http.message import Request, Response, Send
from host.http.rate_limiter import Rate
from host.processes.shared_limits import SharedLimits
from host.remote.leased_limits import LeasedLimiter
from tests.processes.conftest import Server

URL = "http://api.example/v1/things"


class Processes:
    """The limits of a parent and of so many children, in one process: messages cross on the next round."""

    def __init__(self, limits: HttpLimits, members: int, in_flight: int = 1000, **times: Any) -> None:
        loop = asyncio.get_running_loop()
        self.messages = 0
        self.lenders: list[LeasedLimiter] = []

        def down(member: int, message: Any) -> None:
            loop.call_soon(lambda: self.lenders[member].receive(message, monotonic()))

        self.counts = SharedLimits(limits, in_flight, down)
        for member in range(members):
            self.counts.join(member, members, lambda room: None)
            self.lenders.append(
                LeasedLimiter(
                    list(limits.rates),
                    limits.in_flight_per_host,
                    limits.breaker,
                    self._up(loop, member),
                    of_apis=list(limits.in_flight),
                    **times,
                )
            )

    def _up(self, loop: asyncio.AbstractEventLoop, member: int) -> Callable[[Any], None]:
        def up(message: Any) -> None:
            self.messages += 1
            loop.call_soon(lambda: self.counts.receive(member, message))

        return up

    def sends(self, send: Send) -> list[Send]:
        return [limited(send, lenders) for lenders in self.lenders]


async def delivered() -> None:
    """All messages have gone up, and what they cause down."""
    for _ in range(3):
        await asyncio.sleep(0)


def request(**more: Any) -> Request:
    return Request("GET", URL, credential="stripe", **more)


async def all_of(*calls: Coroutine[Any, Any, Response]) -> list[Response]:
    return list(await asyncio.gather(*calls))


async def test_places_in_flight_are_those_of_the_whole_host() -> None:
    """Three processes with 40 calls each and 4 places: never more than 4 at once, and all are answered."""
    now = most = 0

    async def send(_: Request, __: float) -> Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _each in range(3):
            await asyncio.sleep(0)
        now -= 1
        return Response(200)

    sends = Processes(HttpLimits(in_flight_per_host=4), 3).sends(send)
    deadline = monotonic() + 60
    answers = await all_of(*(send(request(), deadline) for send in sends for _ in range(40)))
    assert len(answers) == 120
    assert most == 4


async def test_a_place_that_is_lent_costs_no_messages() -> None:
    """1,000 calls one after another ask once."""

    async def send(_: Request, __: float) -> Response:
        return Response(200)

    processes = Processes(HttpLimits(in_flight_per_host=4), 2)
    first = processes.sends(send)[0]
    for _ in range(1000):
        await first(request(), monotonic() + 60)
    assert processes.messages == 1


async def test_whoever_waits_for_a_place_until_its_deadline_is_reported() -> None:
    """The same error as in one process; a place that comes too late is not lost."""
    release = asyncio.Event()

    async def send(_: Request, __: float) -> Response:
        await release.wait()
        return Response(200)

    one, other = Processes(HttpLimits(in_flight_per_host=1), 2).sends(send)
    holding = asyncio.ensure_future(one(request(), monotonic() + 60))
    await asyncio.sleep(0)
    with pytest.raises(CallTimeout, match=r"no permit for a request in flight to api\.example") as caught:
        await other(request(), monotonic() + 0.02)
    assert caught.value.phase == "limit"
    release.set()
    assert (await holding).status == 200
    assert (await other(request(), monotonic() + 60)).status == 200
    assert (await one(request(), monotonic() + 60)).status == 200


async def test_a_rate_is_that_of_the_whole_host() -> None:
    """Two processes share one bucket: the waits are those of one line."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def send(_: Request, __: float) -> Response:
        return Response(200)

    processes = Processes(HttpLimits(rates={"stripe": Rate(10, burst=2)}), 2, sleep=sleep)
    sends = processes.sends(send)
    await all_of(*(each(request(), monotonic() + 60) for each in sends for _ in range(6)))
    assert sorted(waits) == pytest.approx([n / 10 for n in range(1, 11)], abs=0.05)
    assert processes.messages <= 4


async def test_a_429_slows_all_down() -> None:
    """One process is told to come back later, and the other waits too."""
    waits: list[float] = []
    statuses = [429, 200]

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def send(_: Request, __: float) -> Response:
        return Response(statuses.pop(0), {"retry-after": "7"})

    one, other = Processes(HttpLimits(rates={"stripe": Rate(10)}), 2, sleep=sleep).sends(send)
    await one(request(), monotonic() + 60)
    await delivered()
    await other(request(), monotonic() + 60)
    assert waits == pytest.approx([7], abs=0.5)


async def test_a_server_that_fails_for_one_is_not_asked_by_any() -> None:
    """A breaker opens in every process, and closes in every one when the server is back."""
    sent: list[int] = []
    works = False

    async def send(_: Request, __: float) -> Response:
        sent.append(1)
        if not works:
            raise NetworkError("down", phase="connect")
        return Response(200)

    limits = HttpLimits(breaker=CircuitBreakerPolicy(failures=3, pause=0.05))
    one, other = Processes(limits, 2).sends(send)
    for _ in range(3):
        with pytest.raises(NetworkError):
            await one(request(), monotonic() + 60)
    await delivered()
    with pytest.raises(LimitError, match="circuit breaker of"):
        await other(request(), monotonic() + 0.01)
    assert len(sent) == 3
    works = True
    await one(request(), monotonic() + 60)  # waits for the pause, then is the probe
    await delivered()
    await other(request(), monotonic() + 0.01)


@pytest.mark.parametrize(
    "limit", [{"max_in_flight": 3}, {"max_per_host": 3}, {"api_limits": "stripe: in_flight=3, rate=5000"}], ids=str
)
def test_a_host_of_two_processes_keeps_its_limits_at_a_real_server(limit: dict[str, Any], server: Server) -> None:
    """40 scripts in two processes, 3 places: the server never sees more than 3 at once."""
    settings = {**limit, "stripe_secret_key": "sk_test_51AbCdEfGhIjKlMnOpQr4242"}
    with Host(processes=2, stripe_api_base=server.url, **settings) as host:
        code = "for _ = 1, 3 do new_product():name('x'):create() end"
        for result in host.run_many([{"code": code}] * 40, concurrency=40):
            result.raise_for_error()
    assert server.most == 3
    assert server.requests == 120
