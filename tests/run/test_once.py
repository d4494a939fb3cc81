"""``once`` in batches: one run does it, all others get what it gave, and no two runs wait for each other."""

from __future__ import annotations

from typing import Any

import pytest

from host import Host, RunResult
from host.errors import CallError
from host.run.once import OnceResults
from host.run.sources import has_siblings

CODE = """
local id = once(function()
  done()
  sleep(0.01)
  return new_product():name(n):create()
end)
return id
"""


def batch(code: str, count: int = 20, **options: Any) -> tuple[list[RunResult], int]:
    """The results of a batch of one script, and how often ``done`` was called."""
    calls = 0
    with Host(simulate=True, **options) as host:

        @host.function(effect="read", inline=True)
        def done() -> None:
            nonlocal calls
            calls += 1

        jobs = [{"code": code, "globals": {"n": str(n)}} for n in range(count)]
        return list(host.run_many(jobs, concurrency=7)), calls


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_one_run_of_a_batch_does_it(isolation: str) -> None:
    """Twenty runs, seven at once: one object is made, and all have its id."""
    results, calls = batch(CODE, isolation=isolation)
    assert all(result.ok for result in results), results[0].error
    assert calls == 1
    assert len({result.value for result in results}) == 1
    assert sum(result.calls for result in results) == 2  # done() and the create: once itself is no call


def test_two_batches_and_two_single_runs_share_nothing() -> None:
    """What is done once is done once for each batch, or for each run that is of none."""
    with Host(simulate=True) as host:
        first, second = ({r.value for r in host.run_many([{"code": CODE.replace("done()", ""),
            "globals": {"n": "x"}}] * 3)} for _ in range(2))  # fmt: skip
        assert len(first) == len(second) == 1
        assert first != second
        single = [host.run_source(CODE.replace("done()", ""), globals={"n": "x"}).value for _ in range(2)]
        assert len(set(single)) == 2


def test_a_failure_is_delivered_to_all() -> None:
    """The run that did it has its own error, the others one of kind once with its message; nobody does it again."""
    results, calls = batch("once(function() done() sleep(0.01) error('no such price', 0) end)")
    assert calls == 1
    kinds = sorted(result.error.kind for result in results if result.error)
    assert kinds == ["error"] + ["once"] * 19
    other = next(result.error for result in results if result.error and result.error.kind == "once")
    assert "and failed: no such price" in str(other)
    assert other.exit_code == 1


@pytest.mark.parametrize("ending", ["os.exit(3)", "while true do end", "sleep(100)"])
def test_a_run_that_ends_in_the_middle_keeps_nobody_waiting(ending: str) -> None:
    """However the one that does it ends, the others are told."""
    code = f"once(function() if n == '0' then sleep(0.01) {ending} end end) return 'x'"
    with Host(simulate=True, limits={"lua_time": 0.3}) as host:
        jobs = [{"code": code, "globals": {"n": str(n)}, "timeout": None if n else 0.5} for n in range(5)]
        results = list(host.run_many(jobs))
    assert len(results) == 5
    assert [result.error.kind for result in results if result.error and result.error.kind == "once"] == ["once"] * 4


def test_crossing_ones_do_not_wait_for_each_other() -> None:
    """Runs that come to two of them in either order, one within the other: each is done once, and all end."""
    code = """
    local function a(f) return once("a", function() done() sleep(0.002) return "a" .. (f and f() or "") end) end
    local function b(f) return once("b", function() done() sleep(0.002) return "b" .. (f and f() or "") end) end
    if tonumber(n) % 2 == 0 then return a(b) else return b(a) end
    """
    results, calls = batch(code)
    assert all(result.ok for result in results)
    assert calls == 2


def test_tasks_that_wait_for_each_other_end_with_the_error_of_a_deadlock() -> None:
    """The one circle there can be is within a run, which notices it."""
    code = """
    parallel(
      function() return once("a", function() sleep(0.01) return once("b", function() end) end) end,
      function() return once("b", function() sleep(0.01) return once("a", function() end) end) end
    )
    """
    with Host(simulate=True) as host:
        error = host.run_source(code).error
    assert error is not None
    assert "deadlock" in error.message


def test_who_waits_can_be_cancelled() -> None:
    """A run whose time is over while it waits ends; the others get their results."""
    code = "if n == 'late' then return try(with_timeout, 0.02, function() return once('x', function() end) end) end\n"
    code += "return once('x', function() sleep(0.2) return 5 end)"
    with Host(simulate=True) as host:
        jobs = [{"code": code, "globals": {"n": n}} for n in ("a", "late", "b")]
        results = {result.job["globals"]["n"]: result for result in host.run_many(jobs)}
    assert [results[n].value for n in "ab"] == [5, 5]
    assert results["late"].ok
    assert results["late"].value is None


def test_a_run_that_is_none_of_this_process_strands_those_that_wait() -> None:
    """It is begun if there are more to begin; else they are told how to go on. One that is over gives way."""

    class Record:
        def __init__(self, state: str) -> None:
            self.claims = [("k", "b.9", None)]
            self.now = state

        def read(self) -> list[Any]:
            return self.claims

        def begun(self, run: str, then: Any) -> None:
            then(None)

        def claim(self, key: str, run: str) -> bool:
            self.claims = [*self.claims, (key, run, None)]
            return True

        def keep(self, key: str, run: str, value: bytes, then: Any) -> None:
            then(None)

        def state(self, run: str) -> Any:
            return self.now

        def resume(self, run: str) -> str:
            return f"resume {run}"

    told: list[Any] = []
    woken: list[None] = []
    results = OnceResults(Record("broken off"))
    results.expect(lambda: woken.append(None))
    results.begun("b.1")
    results.ask("b.1", "k", told.append)
    assert (told, woken, results.stranded) == ([], [None], 1)
    results.begun("b.9")
    results.done("b.9", "k", b"\x91\x01", lambda _: None)
    assert told == [b"\x91\x01"]
    assert results.stranded == 0

    results = OnceResults(Record("broken off"))
    results.expect(lambda: None)
    results.ask("b.1", "k", told.append)
    results.expect(None)
    assert isinstance(told[-1], CallError)
    assert "resume b.9 continues it" in told[-1].message

    results = OnceResults(Record("over"))
    results.begun("b.1")
    results.ask("b.1", "k", told.append)
    assert told[-1] is None
    results.ask("b.2", "k", told.append)
    results.failed("b.1", "k", "no", lambda _: None)
    assert "run b.1, and failed: no" in told[-1].message

    elsewhere = Record("running")
    timers: list[Any] = []
    results = OnceResults(elsewhere, lambda seconds, receiver: timers.append(receiver))
    results.ask("b.1", "k", told.append)
    elsewhere.claims = [("k", "b.9", b"\x90")]
    timers.pop()(None)
    assert told[-1] == b"\x90"


def test_what_is_kept_is_bounded_and_of_who_did_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a value beyond the bound nor one of a run that does not do it reaches another run."""
    monkeypatch.setattr("host.run.once.MOST_BYTES", 100)
    monkeypatch.setattr("host.run.once.MOST_KEYS", 3)
    told: list[Any] = []
    results = OnceResults()
    results.ask("a", "k", told.append)
    results.done("b", "k", b"\x90", told.append)
    assert "not for this run to do" in told[-1].message
    results.failed("b", "k", "no", told.append)
    results.done("a", "k", b"x" * 60, told.append)
    assert told[-1] == b"x" * 60
    results.done("a", "k", b"y", told.append)
    assert told[-1] == b"x" * 60
    results.ask("a", "l", told.append)
    results.done("a", "l", b"x" * 60, told.append)
    assert told[-1].kind == "limit"
    results.ask("b", "l", told.append)
    assert "failed: what the runs of a batch do once" in told[-1].message
    results.ask("b", "k", told.append)
    assert told[-1] == b"x" * 60
    results.ask("b", "m", told.append)
    results.done("b", "m", b"\x90", told.append)
    results.ask("b", "n", told.append)
    assert told[-1].kind == "limit"


@pytest.mark.parametrize(
    ("line", "siblings"),
    [
        ("once(function() return 1 end), once(function() return 2 end)", True),
        ("f(function() once(function() end) once(function() end) end)", True),
        ("once(function() if x then return g(function() end) end end)", False),
        ("once(function() -- function", False),
        ("local s = 'function() end' .. \"function\" once(function() end)", False),
        ("end, function()", False),
    ],
)
def test_functions_of_one_line_that_cannot_be_told_apart(line: str, siblings: bool) -> None:
    """Two of which none is within the other; words in texts and comments are no functions."""
    assert has_siblings(line) is siblings
