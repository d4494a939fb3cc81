from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import pytest

from host.errors import CallTimeout, ConfigError, LimitError, NetworkError
from host.http.chain import chain, retried
from host.http.circuit_breaker import CircuitBreakerPolicy
from host.http.limiter import HttpLimits, limited
from host.http.message import Request, Response, host_of
from host.http.rate_limiter import Rate
from host.http.retry import RetryPolicy

READ = Request("GET", "https://api.example/v1")
KEYED = Request("POST", "https://api.example/v1", mutation=True, idempotency_key="k", credential="stripe")


class World:
    """A clock that only sleeping moves, and a server that answers by a list."""

    def __init__(self, *answers: Any, takes: float = 0.0) -> None:
        self.now = 0.0
        self.answers = list(answers)
        self.takes = takes
        self.sent: list[tuple[float, Request, float]] = []
        self.told: list[tuple[str, float | None]] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def send(self, request: Request, deadline: float) -> Response:
        self.sent.append((self.now, request, deadline))
        self.now += self.takes
        outcome = self.answers.pop(0) if self.answers else Response(200)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def retried(self, policy: RetryPolicy | None = None, send: Any = None, **options: Any) -> Any:
        return retried(
            send or self.send,
            policy or RetryPolicy(),
            rng=lambda: 1.0,
            clock=self.clock,
            sleep=self.sleep,
            **options,
        )

    def tell(self, reason: str, seconds: float | None) -> None:
        self.told.append((reason, seconds))

    def limited(self, **limits: Any) -> Any:
        return limited(self.send, HttpLimits(**limits), on_wait=self.tell, clock=self.clock, sleep=self.sleep)


def reset() -> NetworkError:
    return NetworkError("reset", phase="response", retryable=True, outcome="unknown")


async def test_what_fails_for_a_while_is_sent_again_with_the_same_key_and_says_how_often():
    """What fails for a while is sent again with the same key, and the result says how often."""
    world = World(reset(), Response(503), Response(200, body=b"done"))
    answer = await world.retried()(KEYED, 30.0)
    assert (answer.body, answer.attempts) == (b"done", 3)
    assert [(at, request) for at, request, _ in world.sent] == [(0.0, KEYED), (0.5, KEYED), (1.5, KEYED)]


async def test_the_last_outcome_is_what_comes_back_when_retries_are_used_up():
    """The last outcome is what comes back when retries are used up."""
    world = World(Response(500), Response(500), Response(502))
    answer = await world.retried()(READ, 30.0)
    assert (answer.status, answer.attempts) == (502, 3)
    world = World(reset(), reset(), last := reset())
    with pytest.raises(NetworkError) as caught:
        await world.retried()(READ, 30.0)
    assert caught.value is last
    assert last.attempts == 3


async def test_a_failure_at_the_first_attempt_says_one_attempt():
    """A failure at the first attempt says one attempt."""
    world = World(NetworkError("tls", retryable=False))
    with pytest.raises(NetworkError) as caught:
        await world.retried()(READ, 30.0)
    assert caught.value.attempts == 1


async def test_an_api_can_have_its_own_policy():
    """An API can have its own policy."""
    world = World(reset(), reset(), reset(), reset())
    send = world.retried(policies={"stripe": RetryPolicy(retries=0)})
    with pytest.raises(NetworkError) as caught:
        await send(KEYED, 30.0)
    assert caught.value.attempts == 1
    with pytest.raises(NetworkError) as caught:
        await send(READ, 30.0)
    assert caught.value.attempts == 3


async def test_a_failing_host_gets_no_more_retries_than_its_budget_and_others_keep_theirs():
    """A failing host gets no more retries than its budget and others keep theirs."""
    world = World()
    always = Response(500)

    async def send(request: Request, deadline: float) -> Response:
        world.sent.append((0, request, deadline))
        return always

    send_with_retries = world.retried(send=send)
    for _ in range(1000):
        await send_with_retries(READ, 1e9)
    assert len(world.sent) <= 1000 + 100 + 200 + 1
    other = Request("GET", "https://other.example/")
    assert (await send_with_retries(other, 1e9)).attempts == 3


async def test_waiting_for_a_rate_moves_the_deadline_and_is_reported():
    """Waiting for a rate moves the deadline and is reported."""
    world = World()
    send = world.limited(rates={"stripe": Rate(2, burst=1)})
    await send(KEYED, 5.0)
    answer = await send(KEYED, 5.0)
    assert answer.waited == 0.5
    assert [(at, deadline) for at, _, deadline in world.sent] == [(0.0, 5.0), (0.5, 5.5)]
    assert world.told == [("rate limit", 0.5)]


async def test_rates_are_for_their_own_api_or_host_only():
    """Rates are for their own API or host only."""
    world = World()
    send = world.limited(rates={"stripe": Rate(1, burst=1), "slow.example": Rate(1, burst=1)})
    for _ in range(3):
        await send(READ, 5.0)
    assert world.now == 0
    slow = Request("GET", "http://slow.example/x")
    await send(slow, 5.0)
    await send(slow, 5.0)
    assert world.now == 1.0


async def test_retries_after_a_wait_for_the_rate_keep_the_calls_own_time():
    """Retries after a wait for the rate keep the call's own time."""
    world = World(Response(200), reset(), Response(200), takes=1.0)
    within = world.limited(rates={"stripe": Rate(0.1, burst=1)})
    send = world.retried(send=within)
    await send(KEYED, 5.0)
    answer = await send(KEYED, world.now + 3.0)
    assert answer.attempts == 2
    assert answer.waited > 15
    assert world.sent[-1][2] - world.sent[-1][0] > 0


async def test_a_429_slows_down_whoever_comes_next():
    """A 429 slows down the requests that follow."""
    world = World(Response(429, {"retry-after": "2"}))
    send = world.limited(rates={"stripe": Rate(10)})
    await send(KEYED, 30.0)
    await send(KEYED, 30.0)
    assert world.sent[1][0] == 2.0


async def test_a_cancelled_wait_gives_its_token_back():
    """A cancelled wait gives its token back."""
    world = World()
    impatient = True

    async def sleep(seconds: float) -> None:
        if impatient:
            raise asyncio.CancelledError
        await world.sleep(seconds)

    limits = HttpLimits(rates={"stripe": Rate(1, burst=1)})
    send = limited(world.send, limits, clock=world.clock, sleep=sleep)
    await send(KEYED, 5.0)
    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            await send(KEYED, 5.0)
    impatient = False
    await send(KEYED, 5.0)
    assert world.now == 1.0


async def test_an_open_breaker_makes_calls_wait_within_their_deadline():
    """An open breaker makes calls wait within their deadline."""
    world = World(*[Response(500)] * 3)
    send = world.limited(breaker=CircuitBreakerPolicy(failures=3, pause=2.0))
    for _ in range(3):
        await send(READ, 30.0)
    assert (await send(READ, 30.0)).status == 200
    assert world.sent[3][0] == 2.0
    await send(READ, 30.0)
    assert world.sent[4][0] == 2.0


async def test_an_open_breaker_says_so_where_the_deadline_comes_first():
    """An open breaker says so where the deadline comes first."""
    world = World(*[reset() for _ in range(3)])
    send = world.limited(breaker=CircuitBreakerPolicy(failures=3, pause=2.0))
    for _ in range(3):
        with pytest.raises(NetworkError):
            await send(READ, 30.0)
    with pytest.raises(
        LimitError, match=r"breaker of api\.example is open for 2\.0 s \(3 consecutive failures, the last: reset\)"
    ) as caught:
        await send(KEYED, 1.0)
    error = caught.value
    assert (error.phase, error.outcome, error.retry_after) == ("limit", "not_sent", 2.0)
    assert len(world.sent) == 3


@pytest.mark.parametrize("outcome", [Response(429), Response(404), Response(402), Response(501)])
async def test_answers_of_a_healthy_host_never_open_the_breaker(outcome):
    """Answers of a healthy host never open the breaker."""
    world = World(*[outcome] * 50)
    send = world.limited(breaker=CircuitBreakerPolicy(failures=3))
    for _ in range(50):
        await send(READ, 30.0)
    assert world.now == 0


async def test_a_cancelled_probe_does_not_keep_the_breaker_open():
    """A cancelled probe does not keep the breaker open."""
    world = World(Response(500), asyncio.CancelledError(), Response(200))
    send = world.limited(breaker=CircuitBreakerPolicy(failures=1, pause=1.0))
    await send(READ, 30.0)
    with pytest.raises(asyncio.CancelledError):
        await send(READ, 30.0)
    assert (await send(READ, 30.0)).status == 200
    assert world.now == 1.0


async def test_no_more_than_so_many_are_in_flight_to_one_host_and_order_is_kept():
    """No more than so many are in flight to one host and order is kept."""
    running, most, order = 0, 0, []
    door, three = asyncio.Event(), asyncio.Event()

    async def send(request: Request, deadline: float) -> Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        order.append(request.operation)
        if len(order) == 3:
            three.set()
        await door.wait()
        running -= 1
        return Response(200)

    within = limited(send, HttpLimits(in_flight_per_host=2))
    far = asyncio.get_running_loop().time() + 1e6
    names = [str(n) for n in range(6)]
    tasks = [asyncio.create_task(within(Request("GET", READ.url, operation=n), far)) for n in names]
    elsewhere = asyncio.create_task(within(Request("GET", "https://other.example/", operation="other"), far))
    await three.wait()
    assert order == ["0", "1", "other"]
    door.set()
    await asyncio.gather(*tasks, elsewhere)
    assert most == 3
    assert [name for name in order if name != "other"] == names


async def test_a_place_that_does_not_become_free_is_a_timeout_of_the_limit():
    """A place that does not become free is a timeout of the limit."""
    door = asyncio.Event()

    async def send(request: Request, deadline: float) -> Response:
        await door.wait()
        return Response(200)

    within = limited(send, HttpLimits(in_flight_per_host=1))
    first = asyncio.create_task(within(READ, monotonic() + 60))
    await asyncio.sleep(0)
    with pytest.raises(CallTimeout) as caught:
        await within(KEYED, monotonic() + 0.01)
    assert (caught.value.phase, caught.value.outcome) == ("limit", "not_sent")
    door.set()
    await first
    assert (await within(READ, monotonic() + 60)).status == 200


async def test_the_whole_chain_retries_within_limits():
    """Retries and rate limits work together: a 503 is sent again, and the second answer comes back."""
    world = World(Response(503, {"retry-after": "0"}), Response(200))
    send = chain(world.send, policy=RetryPolicy(base=0), limits=HttpLimits(rates={"stripe": Rate(1000)}))
    answer = await send(KEYED, 1e9)
    assert (answer.status, answer.attempts) == (200, 2)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.stripe.com/v1/x?y=//z", "api.stripe.com"),
        ("http://localhost:8000", "localhost:8000"),
        ("http://user:pw@h.example:1/x", "h.example:1"),
        ("http://h.example?q=1", "h.example"),
        ("http://[::1]:80/", "[::1]:80"),
    ],
)
def test_hosts_are_named_without_user_and_password(url, host):
    """Hosts are named without user and password."""
    assert host_of(url) == host


def test_a_limit_below_one_is_refused():
    """Nothing could ever be sent with ``in_flight_per_host=0``."""
    with pytest.raises(ConfigError, match="in_flight_per_host"):
        HttpLimits(in_flight_per_host=0)


@pytest.mark.parametrize(
    ("limits", "layers"),
    [
        ({"breaker": None}, 0),
        ({}, 1),
        ({"in_flight_per_host": 1}, 2),
        ({"in_flight": {"stripe": 1}, "rates": {"stripe": Rate(1)}}, 3),
        ({"breaker": None, "rates": {"stripe": Rate(1)}}, 1),
    ],
)
def test_a_request_passes_only_the_limits_there_are(limits, layers):
    """Each kind of limit is a wrapper of its own, and there is none for a limit that is not set."""

    async def send(request: Request, deadline: float) -> Response:
        return Response(200)

    outer: Any = limited(send, HttpLimits(**limits))
    depth = 0
    while outer is not send:
        outer = next(
            cell.cell_contents
            for cell in outer.__closure__
            if callable(cell.cell_contents) and cell.cell_contents.__name__.startswith("send")
        )
        depth += 1
    assert depth == layers


def refused() -> NetworkError:
    return NetworkError("refused", phase="connect", retryable=True, outcome="not_sent")


async def test_once_an_attempt_is_in_doubt_a_later_refusal_does_not_say_that_nothing_was_sent():
    """Once an attempt is in doubt a later refusal does not say that nothing was sent."""
    world = World(reset(), refused(), refused())
    with pytest.raises(NetworkError) as caught:
        await world.retried()(KEYED, 30.0)
    assert (caught.value.outcome, caught.value.attempts) == ("unknown", 3)


async def test_a_last_answer_says_that_an_earlier_attempt_is_in_doubt():
    """A last answer says that an earlier attempt is in doubt."""
    world = World(reset(), Response(429), Response(429))
    answer = await world.retried()(KEYED, 30.0)
    assert (answer.status, answer.in_doubt) == (429, True)


async def test_refusals_alone_leave_no_doubt():
    """When every attempt was refused a connection, the outcome is ``not_sent``."""
    world = World(refused(), refused(), refused())
    with pytest.raises(NetworkError) as caught:
        await world.retried()(KEYED, 30.0)
    assert caught.value.outcome == "not_sent"


async def test_an_apis_own_places_hold_in_place_of_its_hosts():
    """Two calls of an API with one place: the second waits for it, and a call of another API to that host does not."""
    release, under_way = asyncio.Event(), 0

    async def send(request: Request, deadline: float) -> Response:
        nonlocal under_way
        under_way += 1
        await release.wait()
        return Response(200)

    send = limited(send, HttpLimits(in_flight={"stripe": 1}, in_flight_per_host=2))
    calls = [asyncio.ensure_future(send(each, monotonic() + 60)) for each in (KEYED, KEYED, READ)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert under_way == 2
    release.set()
    assert [answer.status for answer in await asyncio.gather(*calls)] == [200] * 3


async def test_waiting_for_a_breaker_or_a_place_is_reported_beside_that_for_a_rate():
    """``held`` is what the deadline counts; over several attempts both are sums, also on an error."""
    world = World(*[Response(500)] * 3)
    send = world.limited(breaker=CircuitBreakerPolicy(failures=3, pause=2.0))
    for _ in range(3):
        await send(READ, 30.0)
    answer = await send(READ, 30.0)
    assert (answer.held, answer.waited) == (2.0, 0.0)

    world = World(Response(503), Response(503), reset())
    breaker = CircuitBreakerPolicy(failures=1, pause=3.0, longest=3.0)
    within = world.limited(rates={"stripe": Rate(1, burst=1)}, breaker=breaker)
    with pytest.raises(NetworkError) as caught:
        await world.retried(RetryPolicy(retries=2, base=0), send=within)(KEYED, 60.0)
    assert (caught.value.attempts, caught.value.waited, caught.value.held) == (3, 1.0, 5.0)


async def test_waiting_for_a_place_is_reported():
    """Also by the error of a call whose place did not come in time."""
    release = asyncio.Event()

    async def send(request: Request, deadline: float) -> Response:
        await release.wait()
        return Response(200)

    send = limited(send, HttpLimits(in_flight_per_host=1))
    first = asyncio.ensure_future(send(READ, monotonic() + 60))
    await asyncio.sleep(0)
    with pytest.raises(CallTimeout) as caught:
        await send(READ, monotonic() + 0.01)
    assert caught.value.held > 0
    second = asyncio.ensure_future(send(READ, monotonic() + 60))
    await asyncio.sleep(0)
    release.set()
    assert (await first).held == 0
    assert (await second).held > 0


async def test_each_wait_is_reported_as_it_begins():
    """By its reason, with its seconds; one for a permit has none, and its end is told."""
    world = World(Response(500), Response(500))
    breaker = CircuitBreakerPolicy(failures=2, pause=2.0)
    inner = world.limited(rates={"stripe": Rate(1, burst=1)}, breaker=breaker)
    await world.retried(RetryPolicy(retries=2, base=0.25), send=inner, on_wait=world.tell)(KEYED, 60.0)
    assert world.told == [
        ("retry", 0.25), ("rate limit", 0.75), ("retry", 0.5), ("rate limit", 0.5), ("circuit breaker", 1.0),
    ]  # fmt: skip

    release, told = asyncio.Event(), World()

    async def send(request: Request, deadline: float) -> Response:
        await release.wait()
        return Response(200)

    send = limited(send, HttpLimits(in_flight_per_host=1), on_wait=told.tell)
    calls = [asyncio.ensure_future(send(READ, monotonic() + 60)) for _ in range(2)]
    for _ in range(5):  # steps of the two
        await asyncio.sleep(0)
    assert told.told == [("permit", None)]
    release.set()
    await asyncio.gather(*calls)
    assert told.told == [("permit", None), ("permit", 0.0)]


@pytest.mark.parametrize(
    ("body", "in_doubt"), [(b'{"error": {"code": "idempotency_key_in_use"}}', True), (b"{}", False)]
)
async def test_a_key_in_use_leaves_doubt_and_another_conflict_does_not(body: bytes, in_doubt: bool):
    """The other request under the key may work yet, whatever the next attempt is answered."""
    world = World(Response(409, {}, body), Response(401))
    answer = await world.retried()(KEYED, 30.0)
    assert (answer.status, answer.in_doubt) == (401, in_doubt)
