"""``once`` in durable batches: recorded, and done once whatever breaks off when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from host import Host, RunResult
from host.durable.journal_writer import JournalItem
from tests.durable.lab import Lab

CODE = """
local made = once(function()
  local product = new_product():name("p"):create()
  sleep(0)
  return { product, new_price():product(product):currency("eur"):unit_amount(5):create() }
end)
new_customer():name(n):create()
return made
"""


def do(lab: Lab, code: str = CODE, count: int = 3, **more: Any) -> dict[str, RunResult]:
    """The batch b, begun or gone on with."""
    with lab.host() as host:
        jobs = [{"code": code, "globals": {"n": f"c{n}"}} for n in range(1, count + 1)]
        return {result.run_id: result for result in host.run_many(jobs, **{"batch_id": "b", **more})}


def made(lab: Lab) -> tuple[int, int]:
    """How many products and prices, and customers, there are."""
    kinds = [kind for kind, _ in lab.api.ledger()]
    return sum(kind in ("product", "price") for kind in kinds), kinds.count("customer")


def once_log(lab: Lab) -> list[tuple[Any, ...]]:
    return lab.sql("SELECT seq, path, length(data) > 0 FROM luahost_record WHERE run = 'b#once' ORDER BY seq")


def test_a_batch_given_again_has_the_recorded_results(lab: Lab) -> None:
    """Later rows of a batch that was done get what its first run made, long ago."""
    first = do(lab)
    again = do(lab, count=5)
    assert len({str(result.value) for result in (*first.values(), *again.values())}) == 1
    assert made(lab) == (2, 5)
    assert once_log(lab) == [(1, "", 0), (2, "b.1", 0), (3, "b.1", 1)]


def test_wherever_the_first_run_breaks_off_each_thing_is_made_once(lab: Lab, tmp_path: Path) -> None:
    """Its log is cut behind each of its records in turn, with all that other runs did later: gone on with one by one or
    together, from the front or from the back, there is one product and one price."""
    do(lab)
    whole = len(lab.sql("SELECT seq FROM luahost_record WHERE run = 'b.1'"))
    for cut in range(whole):
        for order in ("together", "one by one"):
            folder = tmp_path / f"{cut}{order}"
            folder.mkdir()
            now = Lab(folder)
            do(now)
            now.break_off(cut, "b.1")
            has_value = now.sql("SELECT 1 FROM luahost_record WHERE run = 'b.1' AND name = 'once' AND n > 3")
            if not has_value:
                now.sql("DELETE FROM luahost_record WHERE run = 'b#once' AND seq > 2")
                for run in ("b.2", "b.3"):
                    now.break_off(0, run)
            results = do(now, concurrency=1 if order == "one by one" else 9)
            assert all(result.ok for result in results.values()), (cut, [r.error for r in results.values()])
            assert len({str(result.value) for result in results.values()}) == 1, cut
            assert made(now) == (2, 3), (cut, order)


@pytest.mark.parametrize("fails", [False, True], ids=["done", "failed and tried again"])
def test_a_run_of_no_batch_goes_on_wherever_it_broke_off(lab: Lab, tmp_path: Path, fails: bool) -> None:
    """Its log is cut behind each of its records in turn: resumed, it has done each thing once."""
    code = f"""
local tries = 0
local function make()
  tries = tries + 1
  local id = new_product():name("p" .. tries):create()
  if {str(fails).lower()} and tries == 1 then error("no") end
  return id
end
local ok, id = pcall(once, "product", make)
if not ok then id = once("product", make) end
assert(id == once("product", make))
local other = once(function() return new_customer():create() end)
return {{id, other}}
"""
    first = lab.run(code)
    assert first.ok, first.error
    products = 2 if fails else 1
    for cut in range(len(lab.log())):
        folder = tmp_path / str(cut)
        folder.mkdir()
        now = Lab(folder)
        now.run(code)
        now.break_off(cut)
        result = now.resume()
        assert result.ok, (cut, result.error)
        assert made(now) == (products, 1), cut


def test_one_run_alone_names_the_run_it_waits_for(lab: Lab) -> None:
    """Where the run that began it broke off, another one ends with the command, and goes on once that is done."""
    do(lab)
    lab.sql("DELETE FROM luahost_record WHERE run = 'b#once' AND seq > 2")
    for run in ("b.1", "b.2"):
        lab.break_off(0, run)
    with lab.host() as host:
        error = host.resume("b.2").error
        assert error is not None
        assert error.kind == "once"
        assert "run b.1" in error.message
        assert "luahost resume b.1" in error.message
        assert host.resume("b.1").ok
        assert host.resume("b.2").ok
    assert made(lab) == (2, 3)


def test_the_run_that_does_it_may_come_last(lab: Lab) -> None:
    """With one run at a time, those that wait for one still to begin do not keep it from beginning."""
    code = CODE.replace("function()", "function() claimed()", 1)
    code = f"if n ~= 'c3' then wait() end\n{code}"
    jobs = [{"code": code, "globals": {"n": f"c{n}"}} for n in (1, 2, 3)]
    begun = threading.Event()

    def results(concurrency: int) -> list[RunResult]:
        with lab.host() as host:
            host.function(lambda: begun.wait(10), name="wait", effect="read")
            host.function(begun.set, name="claimed", effect="read")
            return list(host.run_many(jobs, batch_id="b", concurrency=concurrency))

    assert all(result.ok for result in results(3))
    assert once_log(lab) == [(1, "", 0), (2, "b.3", 0), (3, "b.3", 1)]
    lab.sql("DELETE FROM luahost_record WHERE run = 'b#once' AND seq > 2")
    for run in ("b.1", "b.2", "b.3"):
        lab.break_off(0, run)
    assert [result.error for result in results(1)] == [None] * 3
    assert once_log(lab) == [(1, "", 0), (2, "b.3", 0), (3, "b.3", 1)]
    assert made(lab) == (2, 3)


def test_a_failure_is_tried_again_when_the_batch_is_resumed(lab: Lab) -> None:
    """The run that failed goes on where it failed, and the others get what it makes."""
    code = CODE.replace("sleep(0)", "if not ready() then error('not ready') end")
    for ready, ok in ((False, 0), (True, 3)):
        with lab.host() as host:
            host.function(lambda ready=ready: ready, name="ready", effect="read", inline=True)
            jobs = [{"code": code, "globals": {"n": f"c{n}"}} for n in (1, 2, 3)]
            if ready:
                lab.sql("DELETE FROM luahost_record WHERE name = 'ready' OR (run = 'b.1' AND seq > 4)")
            results = list(host.run_many(jobs, batch_id="b", concurrency=1))
        assert sum(result.ok for result in results) == ok, [result.error for result in results]
    assert made(lab) == (2, 3)


def test_a_batch_started_over_does_it_anew(lab: Lab) -> None:
    """--force-new forgets what was done once; deleting the last run of a batch forgets it too."""
    first = do(lab)
    other = do(lab, force_new=True)
    assert first["b.1"].value != other["b.1"].value
    with lab.host() as host:
        for run in host.durable_runs.journal.runs():
            host.durable_runs.journal.delete(run.id)
    assert once_log(lab) == []


def test_a_host_that_lives_long_forgets_batches_that_are_over(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they did is read again where one of their runs comes back."""
    monkeypatch.setattr("host.durable.batch_runs.BATCHES", 2)
    job = {"code": "return once(function() return new_product():name('x'):create() end)"}
    with lab.host() as host:
        values = [next(iter(host.run_many([job], batch_id=f"b{n}"))).value for n in range(5)]
        assert len(host.durable_runs.batches._once) <= 2
        again = [result.value for result in host.run_many([job, job], batch_id="b0")]
    assert again == [values[0]] * 2
    assert len(set(values)) == 5


def test_a_journal_that_cannot_be_written_ends_the_runs_that_wait(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """No run goes on with a result that was not recorded."""
    from host.durable.once_log import OnceLog
    from host.errors import JournalError

    def full(*_: Any) -> bool:
        raise JournalError("the disk is full")

    monkeypatch.setattr(OnceLog, "claim", full)
    results = do(lab)
    assert {result.error.kind for result in results.values() if result.error} == {"once"}
    assert made(lab) == (0, 0)


def hold_commits(host: Host) -> Callable[[], None]:
    """Nothing that the host's runs record is committed until what is given back is called."""
    writer = host.durable_runs.journal._writer
    commit, gate = writer._commit, threading.Event()

    def later(batch: list[JournalItem]) -> None:
        assert gate.wait(30)
        commit(batch)

    writer._commit = later  # type: ignore[method-assign]
    return gate.set


@pytest.mark.parametrize("other", ["b.2", "b.1"])
def test_two_processes_on_one_batch_do_it_once(lab: Lab, other: str) -> None:
    """A run asks before anybody else can see that it has begun; another process's run of the batch, or the same run
    there, asks meanwhile. What they do once is made once, and all have it."""
    jobs = [{"code": CODE, "globals": {"n": f"c{n}"}, "run_id": f"b.{n}"} for n in (1, 2)]
    asked = threading.Event()
    with lab.host() as slow, lab.host() as quick, ThreadPoolExecutor(1) as pool:
        go_on = hold_commits(slow)
        confirm = slow.durable_runs.journal.confirm

        def asks(*told: Any) -> None:
            asked.set()
            confirm(*told)

        slow.durable_runs.journal.confirm = asks  # type: ignore[method-assign]
        late = pool.submit(lambda: list(slow.run_many(jobs[:1], batch_id="b")))
        assert asked.wait(30)
        chosen = [each for each in jobs if each["run_id"] == other]
        early = list(quick.run_many(chosen, batch_id="b"))
        go_on()
        results = [*early, *late.result(30)]
    assert [result.error for result in results] == [None, None]
    assert len({str(result.value) for result in results}) == 1
    assert made(lab) == (2, len({result.run_id for result in results}))


def test_a_run_that_is_anothers_by_now_claims_nothing(lab: Lab) -> None:
    """A process that was silent for so long that its run was taken over asks what is to be done once: that is not for
    it to do."""
    code = "gate() return once(function() return new_product():name('p'):create() end)"
    gate, entered = threading.Event(), threading.Event()
    with lab.host() as slow, lab.host() as quick, ThreadPoolExecutor(1) as pool:
        slow.function(lambda: (entered.set(), gate.wait(30))[1], name="gate", effect="read")
        quick.function(lambda: True, name="gate", effect="read")
        job = [{"code": code}]
        late = pool.submit(lambda: list(slow.run_many(job, batch_id="b")))
        assert entered.wait(30)
        while not lab.sql("SELECT 1 FROM luahost_run"):
            continue
        lab.sql("UPDATE luahost_run SET owner = NULL, lease = 0")
        (early,) = quick.run_many(job, batch_id="b")
        gate.set()
        (result,) = late.result(30)
    assert (early.error, result.error) == (None, None)
    assert result.value == early.value
    assert made(lab) == (1, 0)
