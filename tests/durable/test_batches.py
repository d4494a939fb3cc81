"""Many durable runs, and durable runs in a running loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from host import Host, RunResult, UsageError
from tests.durable.lab import Lab

CODE = "local id = new_product():name('p' .. n):create() if n > limit then error('stop') end return id"


def jobs(count: int, limit: int) -> list[dict[str, Any]]:
    code = CODE.replace("limit", str(limit))
    return [{"code": code, "globals": {"n": n}} for n in range(1, count + 1)]


def test_a_batch_given_again_does_what_is_left(lab: Lab) -> None:
    """Ten runs of which four fail: mended and given again, all give a value, and nothing was made twice."""

    def all_of(limit: int) -> dict[str, RunResult]:
        with lab.host() as host:
            results = host.run_many(jobs(10, limit), concurrency=3, batch_id="b")
            return {result.run_id: result for result in results}

    first = all_of(6)
    assert sorted(first) == sorted(f"b.{n}" for n in range(1, 11))
    assert sum(result.ok for result in first.values()) == 6
    again = all_of(99)
    assert all(result.ok for result in again.values())
    assert {id: again[id].value for id in first if first[id].ok} == {
        id: result.value for id, result in first.items() if result.ok
    }
    assert lab.made() == 10
    assert again["b.3"].job["globals"] == {"n": 3}


def test_a_job_that_cannot_be_recorded_is_a_result(lab: Lab) -> None:
    """Another job in a number's place, a wrong id: the others run. A job may have its own id."""
    with lab.host() as host:
        list(host.run_many(jobs(2, 9), batch_id="b"))
        other = [*jobs(1, 9), {"code": CODE, "globals": {"n": 77}}, {"code": "return 5", "run_id": "own"}]
        results = list(host.run_many(other, batch_id="b"))
        assert {result.run_id for result in results} == {"b.1", "b.2", "own"}
        [error] = [result.error for result in results if not result.ok]
        assert error is not None
        assert (error.kind, error.exit_code) == ("usage", 2)
        assert "run b.2 was started with other arguments" in error.message
        [wrong] = host.run_many([{"code": "return 1", "run_id": "a b"}])
        assert "a run's id is" in str(wrong.error)
        [single] = host.run_many([{"code": "return 1", "durable": True}])
        assert host.resume(single.run_id).value == 1
        with pytest.raises(UsageError, match="a run's id is"):
            host.run_many([], batch_id="a b")
        with pytest.raises(UsageError, match="batch_id"):
            host.run_many([], force_new=True)


async def test_a_run_is_resumed_without_blocking_the_loop(lab: Lab) -> None:
    """resume_async goes on as resume does, gives a done run's result, and ends the run when it is cancelled."""
    code = "local id = new_product():name('a'):create() if wait() then sleep(600) end return id"

    async def with_wait(value: bool, work: Any) -> RunResult:
        async with lab.host() as host:
            entered = asyncio.Event()
            loop = asyncio.get_running_loop()

            @host.function(effect="read", inline=True)
            def wait() -> bool:
                loop.call_soon_threadsafe(entered.set)
                return value

            running = asyncio.ensure_future(work(host))
            await entered.wait()
            if value:
                running.cancel()
            return await running

    with pytest.raises(asyncio.CancelledError):
        await with_wait(True, lambda host: host.run_source_async(code, run_id="r"))
    lab.break_off(lab.seq("answer", "stripe.products.create"))
    with pytest.raises(asyncio.CancelledError):
        await with_wait(True, lambda host: host.resume_async("r"))
    lab.break_off(lab.seq("answer", "stripe.products.create"))
    result = await with_wait(False, lambda host: host.resume_async("r"))
    assert result.value.startswith("prod_")
    assert lab.made() == 1
    async with lab.host() as host:
        assert (await host.resume_async("r")).value == result.value
        with pytest.raises(UsageError, match="there is no run nothing"):
            await host.resume_async("nothing")
    assert threading.active_count() < 50


def test_a_host_of_several_processes_has_none(lab: Lab) -> None:
    """The message says what to leave out."""
    with Host(simulate=True, processes=2) as host, pytest.raises(UsageError, match="host of one process"):
        host.run_many([], batch_id="b")
