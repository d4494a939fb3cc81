"""A run's limits: what it may use of time, memory, output, tasks and calls. No script gets around them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from host import Host, Limits, ScriptError

Fails = Callable[..., ScriptError]
QUICK = Limits(lua_time=0.05)

ENDLESS = {
    "a loop": "while true do end",
    "a loop that catches": "while true do pcall(function() while true do end end) end",
    "a handler": "while true do xpcall(error, function() while true do end end) end",
    "coroutines": "while true do coroutine.wrap(function() pcall(load('while true do end')) end)() end",
    "tasks": "spawn(function() while true do pcall(spawn, function() while true do end end) end end)",
    "a metamethod": "local t = setmetatable({}, {__index = function() while true do end end})\nreturn t[1]",
    "a comparison": "table.sort({3, 1, 2}, function() while true do end end)",
    "an error's text": "error(setmetatable({}, {__tostring = function() while true do end end}))",
    "a pattern": "string.match(('a'):rep(100), ('a*'):rep(100) .. 'b')",
}


@pytest.mark.parametrize("code", ENDLESS.values(), ids=ENDLESS)
def test_endless_lua_is_ended(fails: Fails, code: str) -> None:
    """Lua that computes without a call ends after its time, also when it catches every error."""
    error = fails(code, limits=QUICK)
    assert error.kind == "limit"
    assert error.message == "the script ran for 0.05 s without a call"
    assert error.line is not None
    assert error.exit_code == 5


def test_waiting_is_not_computing(host: Host) -> None:
    """The time between two calls counts, not the time in them."""
    result = host.run_source("for i = 1, 8 do sleep(0.02) end return 'done'", limits=QUICK)
    assert result.value == "done"


def test_memory(fails: Fails) -> None:
    """A script that fills its memory is ended with the limit it reached."""
    error = fails("local t = {}\nfor i = 1, 1e9 do t[i] = {} end", limits=Limits(memory=32 << 20))
    assert error.kind == "limit"
    assert "memory" in error.message


def test_one_string(fails: Fails) -> None:
    """A single string is bounded before it is made."""
    assert fails("local s = ('x'):rep(1e10)").kind != "host"
    assert fails("local s = ('x'):rep(2000)", limits=Limits(string=1000)).line == 1


def test_output(host: Host) -> None:
    """What was printed before the limit is kept."""
    result = host.run_source("while true do print(('x'):rep(9)) end", limits=Limits(output=25))
    assert result.output == "xxxxxxxxx\n" * 2
    assert result.error is not None
    assert result.error.kind == "limit"


def test_tasks(fails: Fails) -> None:
    """The task too many is refused where it is spawned."""
    error = fails("for i = 1, 5 do\n  spawn(sleep, 60)\nend", limits=Limits(tasks=4))
    assert (error.kind, error.line, error.message) == ("limit", 2, "more than 4 tasks at once")


@pytest.mark.parametrize(
    "code",
    [
        "parallel(sleep, sleep, sleep, sleep)",
        "local function f() parallel(f, f) end\nf()",
        "map({1, 2, 3, 4}, function() sleep(60) end)",
    ],
)
def test_tasks_of_parallel_and_map(host: Host, code: str) -> None:
    """The task too many fails the whole."""
    result = host.run_source(code, limits=Limits(tasks=3))
    assert result.error is not None
    assert (result.error.kind, result.error.message) == ("limit", "more than 3 tasks at once")


def test_calls(host: Host) -> None:
    """The call too many ends the run, caught or not; it is not sent."""
    code = "for i = 1, 3 do\n  try(stripe.products.create, {name = 'limited'})\nend\nreturn 'went on'"
    result = host.run_source(code, limits=Limits(calls=2))
    assert result.calls == 2
    assert result.error is not None
    assert (result.error.kind, result.error.line) == ("limit", 2)
    assert result.error.message == "the run has made its 2 calls"


ENDINGS = {
    "a wait": "local x\nsleep(60)",
    "a call that is caught": "while true do pcall(sleep, 60) end",
    "a loop that catches": "while true do pcall(function() while true do end end) end",
    "a wait in a callback": "table.sort({3, 1, 2}, function() sleep(60) end)",
    "tasks": "parallel(function() sleep(60) end, function() while true do pcall(sleep, 60) end end)",
}


@pytest.mark.parametrize("code", ENDINGS.values(), ids=ENDINGS)
def test_the_whole_run(fails: Fails, code: str) -> None:
    """A run ends at its timeout, whatever it does."""
    error = fails(code, timeout=0.5)  # enough to begin, also where others have the processor
    assert (error.kind, error.message, error.exit_code) == ("timeout", "the run's time is up", 5)
    assert error.line is not None


def test_a_run_s_own_limit_of_time(fails: Fails) -> None:
    """Limits.run_time is the timeout of runs that give none."""
    assert fails("sleep(60)", limits=Limits(run_time=0.02)).kind == "timeout"


def test_one_endless_run_does_not_hold_the_others(host: Host) -> None:
    """While one run computes, others begin and end."""
    jobs = [{"code": "while true do end", "limits": Limits(lua_time=0.5)}, *["return 1 + 1"] * 20]
    results = list(host.run_many(jobs, concurrency=21))
    assert [result.value for result in results[:20]] == [2] * 20
    assert results[20].error is not None
