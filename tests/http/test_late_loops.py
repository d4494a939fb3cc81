"""A loop that was busy sees a call's deadline and the end of what it waits for at once: which comes first says nothing.

What the worker cancels then still tells where the call stood, so that "not sent" is never told as "outcome unknown".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from threading import Event
from time import monotonic

import pytest

from host.errors import CallError, CallTimeout, LimitError, NetworkError
from host.http.chain import retried
from host.http.circuit_breaker import CircuitBreakerPolicy
from host.http.client import HttpClient
from host.http.limiter import HttpLimits, limited
from host.http.message import Request, Response, Send
from host.http.retry import RetryPolicy
from tests.http.servers import FaultServer

SECONDS = 0.2


def keyed(port: int = 1, path: str = "v1") -> Request:
    return Request("POST", f"http://127.0.0.1:{port}/{path}", mutation=True, idempotency_key="k", credential=None)


async def cut_off(call: Awaitable[Response], *, seconds: float = SECONDS, after: Event | None = None) -> CallError:
    """What a call raises that is cancelled at its deadline, while it waits: nothing else was seen meanwhile."""
    task = asyncio.ensure_future(call)
    await asyncio.sleep(0)
    if after is not None:
        await asyncio.to_thread(after.wait, 10)
    be_busy(seconds * 1.1)
    task.cancel()
    with pytest.raises(CallError) as caught:
        await task
    return caught.value


def be_busy(seconds: float) -> None:
    """The loop sees nothing meanwhile."""
    time.sleep(seconds)


async def refuse(request: Request, deadline: float) -> Response:
    raise NetworkError("refused", phase="connect", retryable=True, outcome="not_sent")


async def hang(request: Request, deadline: float) -> Response:
    await asyncio.Event().wait()
    raise AssertionError("it waits for ever")


async def test_while_it_connects(silent_port: int) -> None:
    """No connection, so nothing was sent."""
    client = HttpClient(environ={})
    error = await cut_off(client.send(keyed(silent_port), monotonic() + SECONDS))
    await client.aclose()
    assert (type(error), error.phase, error.outcome) == (CallTimeout, "connect", "not_sent")


async def test_while_it_waits_for_its_answer(server: FaultServer) -> None:
    """It is on its way, and who does not answer is named."""
    client = HttpClient(environ={})
    request = keyed(server.port, "hang")
    error = await cut_off(client.send(request, monotonic() + 1.0), seconds=1.0, after=server.hanging)
    await client.aclose()
    assert (type(error), error.phase, error.outcome) == (CallTimeout, "response", "unknown")
    assert "127.0.0.1" in error.message


async def test_while_it_waits_for_a_permit() -> None:
    """The permit that came too late is there for the next."""
    send = limited(hang, HttpLimits(in_flight_per_host=1))
    first = asyncio.ensure_future(send(keyed(), monotonic() + 60))
    await asyncio.sleep(0)
    error = await cut_off(send(keyed(), monotonic() + SECONDS))
    assert (type(error), error.phase, error.outcome) == (CallTimeout, "limit", "not_sent")
    first.cancel()


async def test_while_a_breaker_is_open() -> None:
    """The breaker lets the next one probe."""
    send = limited(refuse, HttpLimits(breaker=CircuitBreakerPolicy(failures=1, pause=SECONDS * 0.9)))
    with pytest.raises(NetworkError):
        await send(keyed(), monotonic() + 60)
    error = await cut_off(send(keyed(), monotonic() + SECONDS))
    assert (type(error), error.phase, error.outcome) == (LimitError, "limit", "not_sent")
    with pytest.raises(NetworkError, match="refused"):
        await send(keyed(), monotonic() + 60)


async def break_off(request: Request, deadline: float) -> Response:
    raise NetworkError("reset", phase="response", retryable=True, outcome="unknown")


@pytest.mark.parametrize(("fails", "outcome"), [(refuse, "not_sent"), (break_off, "unknown")])
async def test_while_it_waits_to_try_again(fails: Send, outcome: str) -> None:
    """The last attempt's outcome holds."""
    send = retried(fails, RetryPolicy(base=SECONDS * 0.9), rng=lambda: 1.0)
    error = await cut_off(send(keyed(), monotonic() + SECONDS))
    assert (type(error), error.attempts, error.outcome) == (NetworkError, 1, outcome)


async def test_one_that_is_cancelled_before_its_deadline_is_cancelled(silent_port: int) -> None:
    """Everywhere: only the deadline makes it a timeout."""
    client = HttpClient(environ={})
    calls: list[Awaitable[Response]] = [
        client.send(keyed(silent_port), monotonic() + 60),
        limited(hang, HttpLimits(in_flight_per_host=1))(keyed(), monotonic() + 60),
        retried(refuse, RetryPolicy(base=30.0, cap=30.0), rng=lambda: 1.0)(keyed(), monotonic() + 60),
    ]
    for call in calls:
        task = asyncio.ensure_future(call)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await client.aclose()
