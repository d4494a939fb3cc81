"""Isolated runs, through the Host: results as in process, and an error of the run whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host import Host, Limits, RunResult, UsageError
from tests.isolation.child_processes import children, linux, wait_for_end, zygote

SCRIPTS = Path(__file__).parents[2] / "lua_scripts"


async def echo(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


async def refuse(text: str) -> None:
    raise ValueError(text)


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    """One host that runs scripts in process, and one that isolates them."""
    limits = Limits(memory=64 << 20, string=16 << 20, output=4 << 20, tasks=100, calls=1000)
    with (
        Host(simulate=True, limits=limits, env={"COLOUR": "red"}) as inside,
        Host(simulate=True, limits=limits, env={"COLOUR": "red"}, isolation="process") as apart,
    ):
        for host in (inside, apart):
            host.function(echo)
            host.function(refuse)
        yield inside, apart


def outcome(result: RunResult) -> tuple[Any, ...]:
    error = result.error
    return (
        result.value,
        result.output,
        result.calls,
        result.exit_status,
        error and (error.kind, error.message, error.line, error.traceback),
    )


SAME = {
    "value": "return {1, 2.5, 'x', true, {a = {b = {}}}}",
    "nothing": "",
    "output": "print('a', nil, 1e15, 2^53) io.write('b', 1, '\\n')",
    "arguments": "return {args[1], args[2], given.tier, env.COLOUR, os.getenv('HOME')}",
    "clock": "return {type(os.time()), type(os.clock()), os.date('%H', 0), os.date('!%H:%M', 3600)}",
    "builder": "local p = new_product():name('x'):metadata('k', 'v') p:create() return {p.data.name, p.id ~= nil}",
    "unknown method": "\nnew_product():nam('x')",
    "unknown parameter": "stripe.products.create{nam = 'x'}",
    "missing object": "stripe.products.retrieve('prod_none')",
    "caught": "local ok, e = pcall(stripe.products.retrieve, 'prod_none') return {ok, e.kind, e.status, e.line}",
    "pages": "for i = 1, 5 do new_customer():create() end local n = 0"
    " for c in stripe.customers.list{limit = 2}:each() do n = n + 1 if n == 5 then break end end return n",
    "tasks": "local a, b = parallel(function() return echo(1) end, function() return echo(2) end) return {a, b}",
    "map": "return map({1, 2, 3}, function(x) return echo(x * 2) end)",
    "cancelled": "local t = spawn(function() sleep(60) end) t:cancel() return select(2, try(t.wait, t)).kind",
    "timeout": "return select(2, try(with_timeout, 0.01, function() sleep(60) end)).kind",
    "waits in place": "local t = {3, 1, 2} table.sort(t, function(a, b) return echo(a) < echo(b) end) return t",
    "waits in gsub": "return (('abc'):gsub('.', function(c) return echo(c) .. '-' end))",
    "waits in a coroutine": "local f = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(echo(i))"
    " end end) return {f(), f(), f()}",
    "function's error": "\n\nrefuse('not today')",
    "plain error": "local function f() error('broken') end\nf()",
    "error table": "error({kind = 'mine', message = 'x'})",
    "error nil": "error(nil)",
    "syntax": "local = 1",
    "exit": "print('x') os.exit(7) print('y')",
    "deadlock": "local t t = spawn(function() return t:wait() end) t:wait()",
    "json": "return json.decode(json.encode{a = {1, 2}, b = json.null})",
    "bad json": "json.decode('{')",
    "secret": "return {tostring(STRIPE_API_KEY), type(STRIPE_API_KEY)}",
    "binary": "return #echo(string.rep('\\0\\255', 100000))",
    "large": "return string.rep('x', 8 * 1024 * 1024)",
    "long string": "return #string.rep('x', 1e9)",
    "memory": "local t = {} while true do t[#t + 1] = string.rep('x', 1e6) .. #t end",
    "recursion": "local function f() return 1 + f() end return f()",
    "output limit": "while true do print(string.rep('x', 1e5)) end",
    "task limit": "for i = 1, 200 do spawn(sleep, 60) end",
    "call limit": "while true do echo(1) end",
    "no module": "require('nothing')",
    "deep value": "local t = {} for i = 1, 1000 do t = {t} end return t",
    "function value": "return print",
    "sleeps": "sleep(0.001) sleep(0) return 1",
    "log": "log.info('x', 1)",
}


@pytest.mark.parametrize("name", SAME)
def test_a_script_ends_alike_in_both_modes(hosts: tuple[Host, Host], name: str) -> None:
    """Value, output, calls, exit status and error of a script do not tell where it ran."""
    results = [
        host.run_source(SAME[name], name="s.lua", args=["a", "b"], globals={"given": {"tier": "gold"}})
        for host in hosts
    ]
    assert outcome(results[0]) == outcome(results[1])
    assert results[1].error is None or results[1].error.kind != "host"


@pytest.mark.parametrize("name", ["payment", "subscription", "error_handling"])
def test_the_examples_run_isolated(hosts: tuple[Host, Host], name: str) -> None:
    """The example scripts run the same in both modes but for the ids they print."""
    lengths = []
    for host in hosts:
        result = host.run(SCRIPTS / f"{name}.lua")
        result.raise_for_error()
        lengths.append([len(line) for line in result.output.splitlines()])
    assert lengths[0] == lengths[1]


def test_limits_of_one_run_hold_in_its_process(hosts: tuple[Host, Host]) -> None:
    """A run's own limits win over those its process was prepared for."""
    script = "local t = {} for i = 1, 1e5 do t[i] = i .. 'x' end return #t"
    small = hosts[1].run_source(script, limits=Limits(memory=1 << 20))
    assert small.error is not None
    assert small.error.kind == "limit"
    assert hosts[1].run_source(script).value == 100_000


def test_an_endless_loop_ends_at_its_line(hosts: tuple[Host, Host]) -> None:
    """The budget hook works in the process: a loop is stopped with its line, and no process is left."""
    result = hosts[1].run_source("local n = 0\nwhile true do n = n + 1 end", limits=Limits(lua_time=0.05))
    assert result.error is not None
    assert (result.error.kind, result.error.line) == ("limit", 2)
    assert "0.05 s" in result.error.message


def test_a_run_out_of_time_ends_though_it_computes(hosts: tuple[Host, Host]) -> None:
    """The timeout of the whole run reaches a script that neither calls nor yields, behind pcall too."""
    result = hosts[1].run_source("while true do pcall(function() while true do end end) end", timeout=0.05)
    assert result.error is not None
    assert result.error.kind == "timeout"


def test_many_that_compute_do_not_hold_up_one_that_calls() -> None:
    """A hundred runs that keep their processes busy leave the host's threads to others."""
    release = threading.Event()

    async def hold() -> None:
        await asyncio.to_thread(release.wait)

    with Host(simulate=True, isolation="process") as host:
        host.function(hold)
        host.function(echo)
        busy = [{"code": "hold() local s = 0 for i = 1, 200000 do s = s + i end return s"}] * 20
        runs = host.run_many(busy, concurrency=20)
        threading.Thread(target=release.set).start()
        assert host.run_source("for i = 1, 20 do echo(i) end return 'done'").value == "done"
        assert [each.error for each in runs] == [None] * 20


@linux
def test_a_killed_process_is_an_error_of_its_run_alone() -> None:
    """kill -9 of every process, the spare ones too: the run in one of them fails, the next one does not."""
    entered, release = threading.Event(), threading.Event()

    async def hold() -> None:
        entered.set()
        await asyncio.to_thread(release.wait)

    with Host(simulate=True, isolation="process") as host:
        host.function(hold)
        results = host.run_many([{"code": "hold() return 1"}])
        thread_result: list[RunResult] = []
        thread = threading.Thread(target=lambda: thread_result.extend(results))
        thread.start()
        entered.wait()
        assert host.isolation is not None
        killed = children(host.isolation)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_for_end(killed)
        release.set()
        thread.join()
        error = thread_result[0].error
        assert error is not None
        assert error.kind == "host"
        assert "SIGKILL" in error.message
        assert host.run_source("return 2").value == 2


@linux
def test_a_killed_zygote_is_replaced() -> None:
    """With the zygote dies every process of its; the next run gets a new one."""
    with Host(simulate=True, isolation="process") as host:
        assert host.run_source("return 1").value == 1
        assert host.isolation is not None
        first, processes = zygote(host.isolation), children(host.isolation)
        os.kill(first, signal.SIGKILL)
        assert host.run_source("return 2").value == 2
        assert zygote(host.isolation) != first
        wait_for_end(processes)


@linux
def test_two_hundred_runs_leave_nothing() -> None:
    """No descriptor or process more after two hundred runs, and none at all once the host is closed."""
    with Host(simulate=True, isolation="process") as host:
        assert host.isolation is not None
        host.run_source("return 1")
        before = len(os.listdir("/proc/self/fd"))
        jobs = [{"code": f"return {i}" if i % 4 else "error('x')"} for i in range(200)]
        results = list(host.run_many(jobs, concurrency=20))
        assert sorted(r.value for r in results if r.error is None) == [i for i in range(200) if i % 4]
        assert len(os.listdir("/proc/self/fd")) == before
        started = [zygote(host.isolation), *children(host.isolation)]
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)


@linux
def test_the_kernel_limits_a_process_that_runs() -> None:
    """Processor time, memory, files and processes of a running script are bounded by the kernel too."""
    found: list[dict[str, str]] = []

    def look() -> None:
        assert host.isolation is not None
        for pid in children(host.isolation):
            lines = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
            found.append({line[:26].strip(): line[26:].split()[0] for line in lines})

    with Host(simulate=True, isolation="process") as host:
        host.function(look)
        host.run_source("look()", limits=Limits(memory=32 << 20, lua_time=7.0)).raise_for_error()
    (soft,) = (each for each in found if each["Max address space"] != "unlimited")  # the others only wait
    assert int(soft["Max address space"]) < 512 << 20
    assert int(soft["Max cpu time"]) <= 12
    names = ("processes", "open files", "file size", "core file size")
    assert [soft[f"Max {name}"] for name in names] == ["0", "4", "0", "0"]


def test_closing_the_host_ends_a_run_that_does_not_yield() -> None:
    """close() kills a process that computes, and its run says so."""
    with Host(simulate=True, isolation="process") as host:
        results: list[RunResult] = []
        printed = threading.Event()

        async def started() -> None:
            printed.set()

        host.function(started)
        script = "started() while true do pcall(string.rep, 'x') end"
        thread = threading.Thread(target=lambda: results.append(host.run_source(script)))
        thread.start()
        printed.wait()
    thread.join()
    assert results[0].error is not None
    assert results[0].error.kind == "closed"


def test_a_wrong_isolation_is_refused() -> None:
    """A misspelt mode is an error, never a host without isolation."""
    with pytest.raises(UsageError, match="'none' or 'process'"):
        Host(simulate=True, isolation="proces")  # type: ignore[arg-type]
