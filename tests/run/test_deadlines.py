"""The time of a task and of a run holds for every call below it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest

from host import Host
from host.limits import ApiLimits

KEY = "sk_test_51AbCdEfGhIjKlMnOpQr4242"


class Hanging:
    """An API that answers nothing before :meth:`release`. What came, what was aborted, what was answered."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.aborted: list[str] = []
        self.answered: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._go: asyncio.Event | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if self._go is None:
            self._loop, self._go = asyncio.get_running_loop(), asyncio.Event()
        self.came.append(request.method)
        try:
            await self._go.wait()
        except asyncio.CancelledError:
            self.aborted.append(request.method)
            raise
        self.answered.append(request.method)
        return httpx.Response(200, json={"id": "prod_1", "object": "product"})

    def release(self) -> None:
        assert self._loop is not None
        assert self._go is not None
        self._loop.call_soon_threadsafe(self._go.set)


@pytest.fixture
def api() -> Hanging:
    return Hanging()


@pytest.fixture
def host(api: Hanging) -> Iterator[Host]:
    with Host(stripe_secret_key=KEY, transport=httpx.MockTransport(api)) as host:
        yield host


@pytest.mark.parametrize(
    "code",
    [
        "with_timeout(0.25, stripe.products.retrieve, 'p')",
        "with_timeout(0.25, function() spawn(stripe.products.retrieve, 'p'):wait() end)",
        "spawn(function() with_timeout(0.25, stripe.products.retrieve, 'p') end):wait()",
        "with_timeout(0.25, parallel, function() stripe.products.retrieve('p') end, function() sleep(60) end)",
        "with_timeout(0.25, with_timeout, 60, stripe.products.retrieve, 'p')",
        "with_timeout(60, map, {1}, function() with_timeout(0.25, stripe.products.retrieve, 'p') end)",
    ],
)
def test_a_tasks_time_ends_a_read_below_it(host: Host, api: Hanging, code: str) -> None:
    """However deep the call is: the script hears of the timeout, and the request is aborted."""
    error = host.run_source(code).error
    assert error is not None
    assert (error.kind, error.exit_code) == ("timeout", 5)
    host.close()  # returns when the loop has done what it was told
    assert (api.came, api.aborted) == (["GET"], ["GET"])


def test_a_change_under_way_is_let_finish_when_its_time_is_over(host: Host, api: Hanging) -> None:
    """The script goes on without its outcome; the request is not cut off."""
    code = "return select(2, try(with_timeout, 0.25, function() new_product():name('a'):create() end)).kind"
    assert host.run_source(code).value == "timeout"
    assert (api.came, api.aborted) == (["POST"], [])
    api.release()
    host.close()
    assert (api.answered, api.aborted) == (["POST"], [])


def test_a_runs_time_ends_the_calls_of_all_its_tasks(host: Host, api: Hanging) -> None:
    """Three tasks with a read each: the run ends at its time, and none of them is left."""
    code = "map({1, 2, 3}, function() stripe.products.retrieve('p') end)"
    error = host.run_source(code, timeout=0.25).error
    assert error is not None
    assert error.kind == "timeout"
    host.close()
    assert api.aborted == ["GET"] * 3


def test_who_did_not_answer_is_told_from_the_first_call_on() -> None:
    """Not only that the call's time is up, which the worker finds at the same moment."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Host(stripe_secret_key=KEY, stripe_api_base=url, request_deadline=1.5) as host:
            for _ in range(2):
                result = host.run_source("new_product():name('x'):create()")
                assert result.error is not None
                assert result.error.message.startswith(f"no answer from {url[7:]} within 1")


def test_who_waits_for_a_place_until_its_deadline_has_sent_nothing() -> None:
    """Nor where the wait for the place and the call's own time end together."""
    code = """local tasks, out = {}, {}
    for i = 1, 30 do
      tasks[i] = spawn(function()
        local ok, err = pcall(function() new_product():name("x"):create() end)
        return err.phase .. " " .. err.outcome
      end)
    end
    for i = 1, 30 do out[i] = tasks[i]:wait() end
    return out"""
    came: list[bytes] = []
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def listen() -> None:
            while not came or came[-1] != b"end":  # so that none is left waiting to be accepted
                connection = stack.enter_context(silent.accept()[0])
                with suppress(ConnectionError):
                    came.append(connection.recv(65536))

        listening = threading.Thread(target=listen)
        listening.start()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        limits = {"stripe": ApiLimits(in_flight=1, rate=0)}
        with Host(stripe_secret_key=KEY, stripe_api_base=url, request_deadline=0.4, api_limits=limits) as host:
            value = host.run_source(code).raise_for_error().value
        with socket.create_connection(silent.getsockname()) as last:
            last.sendall(b"end")
            listening.join(20)
    assert value.count("response unknown") == sum(each.startswith(b"POST") for each in came) > 0
    assert value.count("limit not_sent") > 20
