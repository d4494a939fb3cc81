"""Many runs in one host: few threads, and nobody holds up the others."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from host import Host, Limits


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host(simulate=True) as host:
        yield host


def test_ten_thousand_runs_need_no_thread_each(host: Host) -> None:
    """10,000 small runs, 1,000 alive at a time: all end with their own value, on a handful of threads."""
    script = host.compile("sleep(0.001) return n")
    jobs = ({"script": script, "globals": {"n": n}} for n in range(10_000))
    total = threads = 0
    for result in host.run_many(jobs, concurrency=1000):
        total += result.raise_for_error().value
        threads = max(threads, host.stats().threads) if result.value % 500 == 0 else threads
    assert total == sum(range(10_000))
    assert 0 < threads <= 32


def test_an_endless_loop_does_not_stop_the_others(host: Host) -> None:
    """Of 50 runs two never yield: the others end first, then those at their limit."""
    endless, short = "while true do end", "sleep(0.001) return 1"
    limits = Limits(lua_time=1.5)
    jobs = [{"code": endless if n in (3, 7) else short, "limits": limits} for n in range(50)]
    results = list(host.run_many(jobs, concurrency=50))
    assert [result.ok for result in results] == [True] * 48 + [False] * 2
    assert {result.error.kind for result in results[48:] if result.error is not None} == {"limit"}


def test_a_result_says_which_job_it_is_of(host: Host) -> None:
    """Whatever run_many was given comes back with the result: the very object."""
    jobs = [{"code": f"return {n}"} for n in range(20)]
    for result in host.run_many(jobs):
        assert any(result.job is job for job in jobs)
        assert result.job["code"] == f"return {result.value}"


def test_jobs_are_taken_as_there_is_room(host: Host) -> None:
    """An endless iterable is fine: no more is taken than can run, and leaving early ends what runs."""
    taken = 0

    def jobs() -> Iterator[dict[str, str]]:
        nonlocal taken
        while True:
            taken += 1
            yield {"code": "return 1" if taken <= 5 else "sleep(1000)"}

    runs = host.run_many(jobs(), concurrency=5)
    for _ in range(5):
        assert next(runs).value == 1
    assert taken <= 10
    runs.close()  # type: ignore[attr-defined]
    assert host.run_source("return 2").value == 2


def test_a_result_does_not_wait_for_a_run_that_computes() -> None:
    """One run ends while the next computes until the first one's result has been taken."""
    with Host(simulate=True) as host:
        taken = threading.Event()

        @host.function(effect="read")
        def is_taken() -> bool:
            return taken.is_set()

        jobs = [
            {"code": "sleep(0.01) return 1"},
            {"code": "sleep(0.01) while not is_taken() do for i = 1, 1000 do end end return 2"},
        ]
        values = []
        for result in host.run_many(jobs, concurrency=2):
            values.append(result.raise_for_error().value)
            taken.set()
        assert values == [1, 2]
