from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from host.bridge.registry import AsyncFunctionRegistry
from host.errors import CallTimeout, InvalidCall, NetworkError, UsageError


@pytest.fixture
def registry(make_worker):
    registry = AsyncFunctionRegistry()

    async def describe(payload: Any, deadline: float) -> Any:
        return payload

    async def fail(payload: Any, deadline: float) -> Any:
        raise NetworkError("refused")

    async def hang(payload: Any, deadline: float) -> Any:
        await asyncio.Event().wait()

    async def deadlock(payload: Any, deadline: float) -> Any:
        return registry.make_request("describe")

    for function in (describe, fail, hang, deadlock):
        registry.register(function.__name__, function)
    registry.attach(make_worker(dict(registry.functions)))
    return registry


def test_make_request_blocks_and_gives_the_answer_for_any_method(registry):
    """``make_request`` blocks and returns the answer, whatever the method."""
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        answer = registry.make_request("describe", method, {"name": "x"})
        assert answer == {"method": method, "data": {"name": "x"}}
    assert registry.make_request("describe") == {"method": "POST", "data": {}}


def test_make_request_raises_the_calls_error(registry):
    """An error of the function arrives as it is; an unknown name says which ones there are."""
    with pytest.raises(NetworkError, match="refused"):
        registry.make_request("fail")
    with pytest.raises(InvalidCall, match="'describ'") as caught:
        registry.make_request("describ")
    assert "describe" in caught.value.hint


def test_make_request_has_a_deadline(registry):
    """A call that hangs ends with ``CallTimeout``; a timeout of nothing is refused."""
    with pytest.raises(CallTimeout):
        registry.make_request("hang", timeout=0.05)
    with pytest.raises(UsageError, match="timeout is 0"):
        registry.make_request("hang", timeout=0)


def test_make_request_on_the_workers_thread_raises_instead_of_deadlocking(registry):
    """``make_request`` on the worker's thread raises instead of deadlocking."""
    with pytest.raises(Exception, match="would wait for") as caught:
        registry.make_request("deadlock", timeout=20)
    assert isinstance(caught.value.__cause__, UsageError)


async def test_make_request_async_does_not_block_the_callers_loop(registry):
    """``make_request_async`` does not block the caller's loop."""
    answers = await asyncio.gather(*(registry.make_request_async("describe", "GET", {"n": n}) for n in range(50)))
    assert [answer["data"]["n"] for answer in answers] == list(range(50))
    with pytest.raises(NetworkError):
        await registry.make_request_async("fail")


async def test_cancelling_make_request_async_cancels_the_call(registry):
    """Cancelling make_request_async cancels the call."""
    ended = threading.Event()
    entered = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def watched(payload: Any, deadline: float) -> Any:
        loop.call_soon_threadsafe(entered.set)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    registry._attached()._functions["watched"] = watched
    task = asyncio.create_task(registry.make_request_async("watched", "GET"))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, 20)


def test_an_answer_for_a_loop_that_is_closed_meanwhile_harms_nobody(registry):
    """An answer for a loop that was closed meanwhile does no harm."""

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await registry.make_request_async("hang", "POST")

    asyncio.run(give_up())
    assert registry.make_request("describe", "GET") == {"method": "GET", "data": {}}


def test_the_router_says_what_an_endpoint_means(make_worker):
    """The router says what an endpoint means."""

    def route(endpoint: str, method: str, data: dict[str, Any]) -> tuple[str, Any, bool]:
        return "echo", (endpoint, method, data), True

    registry = AsyncFunctionRegistry(router=route)
    registry.attach(make_worker())
    assert registry.make_request("products", "post", {"name": "x"}) == ("products", "POST", {"name": "x"})


async def _function(payload: Any, deadline: float) -> Any: ...


@pytest.mark.parametrize(
    ("name", "function", "message"),
    [("", _function, "needs a name"), ("taken", _function, "already registered"), ("x", 3, "not an async")],
)
def test_a_registration_that_makes_no_sense_says_why(name, function, message):
    """A registration that makes no sense says why."""
    registry = AsyncFunctionRegistry()
    registry.register("taken", _function)
    with pytest.raises(UsageError, match=message):
        registry.register(name, function)


def test_without_a_worker_the_registry_says_what_is_missing():
    """Without a worker the registry says what is missing."""
    with pytest.raises(UsageError, match="no worker"):
        AsyncFunctionRegistry().make_request("x")
