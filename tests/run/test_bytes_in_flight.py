"""What the arguments of a run's calls under way may weigh, which Lua's own memory limit does not see."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
from msgspec.structs import replace

from host import Budget, Host, Limits
from tests.durable.lab import Lab

MB = 1 << 20
LIMITS = replace(Limits(), memory=8 * MB)
SEND = "local text = ('x'):rep(2 ^ 20)\n"


def test_calls_under_way_weigh_at_most_the_run_s_memory() -> None:
    """The calls that fit are sent, the next is refused, and has room again once they are answered."""
    gate, pool = threading.Event(), ThreadPoolExecutor(16)
    with Host(simulate=True, limits=LIMITS) as host:

        @host.function(effect="read")
        async def keep(text: str) -> int:
            await asyncio.get_running_loop().run_in_executor(pool, gate.wait, 20)
            return len(text)

        @host.function(inline=True, effect="read")
        def let_go() -> None:
            gate.set()

        result = host.run_source(
            SEND
            + """
            local sizes, refused = 0, {}
            map({ 1, 2, 3, 4, 5, 6, 7, 8, "last" }, function(n)
              if n == "last" then return let_go() end
              local size, err = try(keep, text)
              if size then sizes = sizes + size else refused[#refused + 1] = err end
            end)
            return { sizes, #refused, refused[1].kind, refused[1].message, keep(text), keep(text) }
            """
        )
    pool.shutdown()
    assert result.error is None
    message = "the arguments of the run's calls in flight would exceed its memory limit,  8 MB"
    assert result.value == [7 * MB, 1, "limit", message, MB, MB]


def test_a_refused_call_weighs_nothing() -> None:
    """A loop of heavy calls that are refused, or answered at once, never runs into the limit."""
    with Host(simulate=True, limits=LIMITS) as host:

        @host.function(inline=True, effect="read")
        def size(text: str) -> int:
            return len(text)

        result = host.run_source(
            SEND
            + """
            local kinds = {}
            for n = 1, 30 do
              local _, err = try(stripe.products.create, { nmae = text })
              kinds[err.kind] = true
              size(text)
            end
            return kinds
            """
        )
    assert result.error is None
    assert result.value == {"invalid": True}


def test_a_refusal_given_again_weighs_nothing(lab: Lab) -> None:
    """A durable run that goes on passes the refusals of its budget again, however heavy the calls."""
    code = (
        SEND
        + """
        local kinds = {}
        for n = 1, 12 do
          local _, err = try(stripe.products.create, { name = "x", description = text })
          kinds[n] = err.kind
        end
        return kinds
        """
    )
    budget = Budget(max_mutations=1)
    with lab.host(limits=LIMITS) as host:
        whole = host.run_source(code, run_id="r", budget=budget)
        assert whole.value == ["api", *["limit"] * 11]  # too long a text, then the budget
        lab.break_off(len(lab.log()))
        again = host.resume("r", budget=budget)
    assert (again.error, again.value) == (None, whole.value)


def test_a_change_given_up_under_way_weighs_until_it_is_made() -> None:
    """Cancelling stops the waiting, not the change: its arguments are held, and counted, until it ends."""
    gate, arrived, pool = threading.Event(), threading.Semaphore(0), ThreadPoolExecutor(16)

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            arrived.release()
            await asyncio.get_running_loop().run_in_executor(pool, gate.wait, 20)
            return httpx.Response(200, json={"id": "prod_1", "object": "product"})

    with Host(stripe_secret_key="sk_test_weight_123456", transport=Slow(), limits=LIMITS) as host:

        @host.function(effect="read")
        async def under_way() -> None:
            await asyncio.get_running_loop().run_in_executor(pool, arrived.acquire, True, 20)

        @host.function(inline=True, effect="read")
        def let_go() -> None:
            gate.set()

        result = host.run_source(
            SEND
            + """
            local function change() stripe.products.create { name = "x", description = text } end
            local kinds = {}
            for n = 1, 7 do
              local task = spawn(change)
              under_way()
              task:cancel()
              kinds[n] = select(2, try(task.wait, task)).kind
            end
            kinds[8] = select(2, try(change)).kind
            let_go()
            repeat sleep(0) until pcall(change)
            return kinds
            """,
            timeout=20,
        )
        gate.set()
    pool.shutdown()
    assert result.error is None
    assert result.value == ["cancelled"] * 7 + ["limit"]
