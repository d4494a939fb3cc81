"""One run asked for by two processes at once: one of them does it, for the other it is as if it came later."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from host import Host, JournalError, RunResult, UsageError
from host.durable.journal import BeingRun
from tests.durable.lab import Lab

CODE = "print('here') new_product():name('a'):create() gate() return args[1]"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def gated(host: Host, gate: threading.Event) -> Host:
    """The host with a function that waits for the gate."""

    @host.function(effect="read", name="gate")
    def wait() -> None:
        assert gate.wait(20)

    return host


def before_it_is_recorded(host: Host, meanwhile: Callable[[], object]) -> None:
    """Have something happen between a run's being looked for in the journal and its being begun there."""
    journal = host.durable_runs.journal
    begin = journal.begin

    def begin_later(run: Any) -> None:
        meanwhile()
        begin(run)

    journal.begin = begin_later  # type: ignore[method-assign]


def run(host: Host, way: str, arg: str = "a") -> RunResult:
    """The run, asked for in one of the ways there are."""
    if way == "run":
        return host.run_source(CODE, run_id="r", args=[arg])
    if way == "run_many":
        (result,) = host.run_many([{"code": CODE, "run_id": "r", "args": [arg]}])
        return result
    return asyncio.run(host.run_source_async(CODE, run_id="r", args=[arg]))


@pytest.mark.parametrize("way", ["run", "run_async", "run_many"])
def test_the_result_of_who_was_first_is_given(lab: Lab, way: str) -> None:
    """Where it is done by then; what the second had begun changed nothing."""
    gate = threading.Event()
    gate.set()
    with gated(lab.host(), gate) as first, gated(lab.host(), gate) as second:
        before_it_is_recorded(second, lambda: first.run_source(CODE, run_id="r", args=["a"]))
        result = run(second, way)
    assert (result.value, result.error, lab.made()) == ("a", None, 1)
    assert lab.sql("SELECT status FROM luahost_run") == [("done",)]


@pytest.mark.parametrize("way", ["run", "run_async"])
def test_while_it_goes_on_it_is_refused_as_a_later_one_is(lab: Lab, way: str) -> None:
    """With the error that says who has it and for how long, whatever the script was doing."""
    gate = threading.Event()
    opened = threading.Event()
    opened.set()
    with gated(lab.host(), gate) as first, gated(lab.host(), opened) as second, ThreadPoolExecutor(1) as pool:
        begun = []

        def begin() -> None:
            begun.append(pool.submit(first.run_source, CODE, run_id="r", args=["a"]))
            while lab.made() < 1:
                continue

        before_it_is_recorded(second, begin)
        with pytest.raises(BeingRun, match="is being run by another process"):
            run(second, way)
        with pytest.raises(JournalError, match="is being run by another process"):  # as one that comes later
            run(second, way)
        gate.set()
        assert begun[0].result(20).value == "a"
    assert lab.made() == 1


def test_a_simulated_run_is_refused_as_any_other(tmp_path: Path) -> None:
    """Not because of the simulator's file, which whoever has the run has too; once it is done there is its result."""
    gate, entered = threading.Event(), threading.Event()

    def wait() -> str:
        entered.set()
        assert gate.wait(20)
        return "done"

    hosts = [Host(simulate=True, journal=str(tmp_path / "j.sqlite")) for _ in range(2)]
    with hosts[0] as first, hosts[1] as second, ThreadPoolExecutor(1) as pool:
        for host in hosts:
            host.function(wait)
        begun = pool.submit(first.run_source, "return wait()", run_id="r")
        assert entered.wait(20)
        with pytest.raises(BeingRun, match="is being run by"):
            second.run_source("return wait()", run_id="r")
        gate.set()
        assert begun.result(20).value == "done"
        assert second.run_source("return wait()", run_id="r").value == "done"


def test_in_a_batch_the_refusal_is_the_result(lab: Lab) -> None:
    """While another process has the run, the batch's result of it says so as a single run's error does; the other runs
    of the batch are done."""
    gate, opened = threading.Event(), threading.Event()
    opened.set()
    with gated(lab.host(), gate) as first, gated(lab.host(), opened) as second, ThreadPoolExecutor(1) as pool:
        begun = []

        def begin() -> None:
            if not begun:
                begun.append(pool.submit(run, first, "run"))
                while lab.made() < 1:
                    continue

        before_it_is_recorded(second, begin)
        jobs = [{"code": CODE, "run_id": each, "args": ["a"]} for each in ("r", "s")]
        results = {result.run_id: result for result in second.run_many(jobs)}
        gate.set()
        assert begun[0].result(20).value == "a"
    assert results["s"].value == "a"
    error = results["r"].error
    assert error is not None
    assert error.kind == "journal"
    assert "is being run by another process" in error.message
    assert lab.made() == 2


def test_two_that_ask_for_other_things_are_told_so(lab: Lab) -> None:
    """One id stands for one run: the second has other arguments."""
    gate = threading.Event()
    gate.set()
    with gated(lab.host(), gate) as first, gated(lab.host(), gate) as second:
        before_it_is_recorded(second, lambda: first.run_source(CODE, run_id="r", args=["a"]))
        with pytest.raises(UsageError, match="other arguments"):
            run(second, "run", "b")
    assert lab.made() == 1


def test_a_run_that_was_taken_over_gives_what_the_other_made_of_it(lab: Lab) -> None:
    """A process that was silent for longer than its lease, and is woken when another has done the run."""
    gate = threading.Event()
    opened = threading.Event()
    opened.set()
    with gated(lab.host(), gate) as sleeper, ThreadPoolExecutor(1) as pool:
        result = pool.submit(sleeper.run_source, CODE, run_id="r", args=["a"])
        while lab.made() < 1:
            continue
        lab.sql("UPDATE luahost_run SET lease = 0, owner = 'elsewhere:1:1:a' WHERE id = 'r'")
        with gated(lab.host(), opened) as other:
            assert other.resume("r").value == "a"
        gate.set()
        found = result.result(20)
    assert (found.value, found.error, lab.made()) == ("a", None, 1)


@pytest.mark.parametrize("begin", ["run", "apply"])
def test_of_threads_that_begin_one_run_at_once_one_runs_it(lab: Lab, begin: str) -> None:
    """Of a new run too: the others are refused before they are anything, and break nothing of the first one's."""
    entered, gate = threading.Barrier(4), threading.Event()
    with gated(lab.host(), gate) as host:
        gate.set()
        plan = host.plan(CODE)
        gate.clear()
        results: list[RunResult] = []
        refused: list[BeingRun] = []

        def enter() -> None:
            entered.wait()
            try:
                done = host.apply(plan) if begin == "apply" else host.run_source(CODE, run_id="r")
                results.append(done)
            except BeingRun as error:
                refused.append(error)
                if len(refused) == 3:
                    gate.set()

        threads = [threading.Thread(target=enter) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [each.error for each in results] == [None]
        assert len(refused) == 3
        assert all("is being run by this process" in each.message for each in refused)
        again = host.apply(plan) if begin == "apply" else host.run_source(CODE, run_id="r")
        assert again.error is None
    assert lab.made() == 1
