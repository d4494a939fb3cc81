"""Host(processes=2): the same to scripts as one process, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from host import CallError, ClosedError, ConfigError, Host, Limits, RunResult, UsageError
from host.events import Event, Printed, RunEnded, RunStarted
from host.policy.permissions import Permissions
from tests.processes.conftest import Server

SETUPS = "tests.processes.setups"
KEY = "sk_test_51AbCdEfGhIjKlMnOpQr4242"
linux = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")


class Events:
    """A sink that keeps everything, and lets a test wait for something."""

    def __init__(self) -> None:
        self.seen: SimpleQueue[Event] = SimpleQueue()

    def emit(self, event: Event) -> None:
        self.seen.put(event)

    def until(self, wanted: Any) -> list[Event]:
        found: list[Event] = []
        while not found or not wanted(found[-1]):
            found.append(self.seen.get(timeout=60))
        return found


def pids(host: Host) -> list[int]:
    assert host._worker_processes is not None
    return host._worker_processes.pids


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host(simulate=True, processes=2, setup=f"{SETUPS}:functions") as host:
        yield host


@pytest.fixture(scope="module")
def single() -> Iterator[Host]:
    with Host(simulate=True, setup=f"{SETUPS}:functions") as host:
        yield host


SCRIPTS = {
    "value": "return {1, 2.5, {a = true}, 'x'}",
    "output": "print('a', 1) io.write('\\255\\0')",
    "arguments": "return args[1] .. args[2]",
    "globals": "return {tier, row.name, #row.list}",
    "calls": "local id = new_product():name('x'):create() return stripe.products.retrieve(id).name",
    "pages": """
        for i = 1, 5 do new_coupon():percent_off(i):duration('once'):create() end
        local n = 0
        for c in stripe.coupons.list{limit = 2}:each() do n = n + 1 if n == 5 then break end end
        return n""",
    "tasks": """
        local t = {}
        for i = 1, 20 do t[i] = i end
        return map(t, function(i) sleep(0.001) return i * i end)""",
    "api error": "stripe.products.retrieve('prod_nowhere')",
    "caught": "local _, e = pcall(stripe.products.retrieve, 'prod_no') return e.kind .. e.status .. e.line",
    "invalid": "new_product():nam('x')",
    "error": "local function f() error({kind = 'mine', message = 'no'}) end f()",
    "syntax": "local = 1",
    "limit": "while true do end",
    "memory": "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
    "exit": "print(1) os.exit(3)",
    "function": "return double(21)",
    "function's error": "broken()",
    "unknown": "no_such()",
    "stdin": "return io.read('*l') == nil",
    "key": "return tostring(STRIPE_API_KEY)",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_sees_no_difference(host: Host, single: Host, name: str) -> None:
    """Value, output, calls, exit status and error of each kind of script are those of one process."""
    given = {
        "args": ["x", "y"],
        "globals": {"tier": "gold", "row": {"name": "n", "list": [1, 2, 3]}},
        "limits": Limits(lua_time=0.2, memory=8 << 20),
    }
    code = SCRIPTS[name]
    here, there = single.run_source(code, **given), host.run_source(code, **given)
    if name == "memory":  # which allocation is one too many decides who tells of it
        for result in (here, there):
            assert result.error is not None
            assert result.error.kind == "limit"
            assert "memory" in result.error.message
        return
    assert facts(there) == facts(here)


def facts(result: RunResult) -> dict[str, Any]:
    error = result.error
    plain = ("script", "value", "output", "calls", "simulated", "exit_status")
    found = {name: getattr(result, name) for name in plain}
    if error is not None:
        changing = ("request_id", "request_log_url", "body", "idempotency_key")  # the body has the request's too
        found["facts"] = {name: value for name, value in error.facts.items() if name not in changing}
        names = ("message", "line", "kind", "source", "hint", "script", "exit_code", "traceback")
        found |= {name: getattr(error, name) for name in names}
        # What is no CallError crosses as one, by the name of its type.
        crossing = error.cause is None or isinstance(error.cause, CallError)
        found["cause"] = type(error.cause).__name__ if crossing else "FunctionError"
    return found


def test_globals_that_cannot_cross_fail_their_run(host: Host, single: Host) -> None:
    """As in one process: the run's own error, and the host goes on."""
    for each in (host, single):
        result = each.run_source("return 1", globals={"x": object()})
        assert result.error is not None
        assert result.error.message == "globals: x is a object, which cannot cross to Lua" or (
            "globals: x" in result.error.message
        )
        assert result.error.kind == "invalid"


def test_runs_are_spread_and_all_come_back(host: Host) -> None:
    """200 runs at once end each with its own result, in both processes."""
    jobs = [{"code": "sleep(0.001) return {n, process()}", "globals": {"n": n}} for n in range(200)]
    results = list(host.run_many(jobs, concurrency=50))
    assert sorted(result.value[0] for result in results) == list(range(200))
    assert all(result.job["globals"]["n"] == result.value[0] for result in results)
    assert {int(result.value[1]) for result in results} == set(pids(host))


async def test_run_async_waits_without_blocking_and_its_cancelling_ends_the_run(host: Host) -> None:
    """The caller's loop stays free; whoever stops waiting ends the run."""
    results = await asyncio.gather(*(host.run_source_async("sleep(0.01) return 1") for _ in range(20)))
    assert [result.value for result in results] == [1] * 20
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(host.run_source_async("sleep(1000)"), 0.05)
    assert (await host.run_source_async("return 2")).value == 2


def test_a_run_has_its_timeout(host: Host) -> None:
    """The whole run's time holds in another process too."""
    result = host.run_source("sleep(100)", timeout=0.05)
    assert result.error is not None
    assert result.error.kind == "timeout"


def test_stats_are_those_of_all_processes(host: Host) -> None:
    """Answers of both processes are counted, and how many processes there are."""
    before = host.stats().answered
    for result in host.run_many([{"code": "return double(1)"}] * 20):
        result.raise_for_error()
    stats = host.stats()
    assert stats.answered == before + 20
    assert (stats.processes, stats.runs) == (2, 0)
    assert stats.cpu > 0
    assert stats.peak_memory > 10 << 20


def test_a_permission_denied_is_denied_there_too(host: Host, single: Host) -> None:
    """What a run is granted crosses with it."""
    code = "new_product():name('x'):create()"
    results = [each.run_source(code, permissions=Permissions(read_only=True)) for each in (host, single)]
    assert facts(results[0]) == facts(results[1])
    assert results[0].error is not None
    assert results[0].error.kind == "denied"


def test_events_stream_while_a_run_runs() -> None:
    """What a script prints is there before it ends, in order."""
    events = Events()
    with Host(simulate=True, processes=2, sinks=[events]) as host:
        ended: SimpleQueue[RunResult] = SimpleQueue()
        code = "print('one') sleep(1000)"
        waiting = threading.Thread(target=lambda: ended.put(host.run_source(code)))
        waiting.start()
        seen = events.until(lambda event: isinstance(event, Printed))
        assert isinstance(seen[0], RunStarted)
        assert isinstance(seen[-1], Printed)
        assert seen[-1].text == "one\n"
        host.interrupt()
        waiting.join(30)
        assert isinstance(events.until(lambda event: isinstance(event, RunEnded))[-1], RunEnded)
        result = ended.get(timeout=30)
        assert result.run_id == seen[0].run_id
        assert result.error is not None
        assert result.error.kind == "interrupted"


@linux
def test_a_killed_process_ends_its_runs_clearly_and_another_takes_its_place() -> None:
    """kill -9 of a worker process: its runs say so, the others go on, new ones find two processes again."""
    events = Events()
    with Host(simulate=True, processes=2, sinks=[events], setup=f"{SETUPS}:functions") as host:
        before = pids(host)
        code = "print(process()) sleep(1000)"
        ended: SimpleQueue[RunResult] = SimpleQueue()
        threads = [threading.Thread(target=lambda: ended.put(host.run_source(code, name="hit"))) for _ in range(2)]
        for thread in threads:
            thread.start()
        printed = [events.until(lambda event: isinstance(event, Printed))[-1] for _ in threads]
        texts = {int(event.text) for event in printed if isinstance(event, Printed)}
        assert texts == set(before)
        os.kill(before[0], signal.SIGKILL)
        hit = ended.get(timeout=30)
        assert hit.error is not None
        assert hit.error.kind == "host"
        assert hit.error.message == "the worker process the script ran in was killed by SIGKILL"
        assert hit.script == "hit"
        assert ended.empty()
        jobs = [{"code": "sleep(0.01) return process()"}] * 40
        seen: set[int] = set()
        while len(seen) < 2:  # the other process is still busy with its run, so both take part
            seen |= {int(result.raise_for_error().value) for result in host.run_many(jobs)}
        assert before[0] not in seen
        host.interrupt()
        for thread in threads:
            thread.join(30)


@linux
def test_the_key_is_neither_on_the_command_line_nor_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another user's ps and /proc show nothing, even where the parent's own environment has the key."""
    monkeypatch.setenv("STRIPE_SECRET_KEY", KEY)
    with Host(processes=2) as host:
        for pid in pids(host):
            shown = b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
            assert KEY.encode() not in shown
            assert b"PATH=" in shown
        shown = host.run_source("return tostring(STRIPE_API_KEY)").raise_for_error().value
        with Host() as single:
            assert shown == single.run_source("return tostring(STRIPE_API_KEY)").value


def test_close_leaves_no_process_and_ends_what_runs() -> None:
    """A run that never yields does not keep its process; whoever waits is told."""
    events = Events()
    host = Host(simulate=True, processes=2, sinks=[events])
    before = pids(host)
    ended: SimpleQueue[RunResult] = SimpleQueue()
    codes = ["print(1) while true do end", "print(1) sleep(1000)"]
    threads = [threading.Thread(target=lambda c=code: ended.put(host.run_source(c))) for code in codes]
    for thread in threads:
        thread.start()
    for _ in threads:
        events.until(lambda event: isinstance(event, Printed))
    host.close(0.1)
    host.close()
    for thread in threads:
        thread.join(30)
    kinds = {result.error.kind for result in (ended.get(), ended.get()) if result.error is not None}
    assert kinds == {"closed"}
    assert not any(alive(pid) for pid in before)
    with pytest.raises(ClosedError):
        host.run_source("return 1")


@linux
def test_the_processes_end_with_their_parent() -> None:
    """kill -9 of the program itself: its worker processes see their pipe closed, and end."""
    program = """
from host import Host
host = Host(simulate=True, processes=2)
print(*host._worker_processes.pids, flush=True)
host.run_source("sleep(1000)")
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        watched = [os.pidfd_open(pid) for pid in children]
        parent.kill()
    assert len(watched) == 2
    for descriptor in watched:  # readable when its process has ended
        assert select.select([descriptor], [], [], 30)[0]
        os.close(descriptor)


def test_bench_counts_what_all_processes_take(server: Server) -> None:
    """--processes 2 makes exactly the creates asked for, and its figures are of all processes."""
    arguments = ["--base-url", server.url, "--key", KEY, "--scripts", "4", "--creates", "40", "--warmup", "8"]
    done = subprocess.run(
        [sys.executable, "-m", "host", "bench", *arguments, "--processes", "2"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["creates"], server.requests) == (40, 48)
    assert figures["peak_rss_kb"] > 60_000
    assert figures["cpu_us_per_create"] > 0


def test_isolated_runs_work_in_processes_too() -> None:
    """Each process confines its scripts as the one of a host of one process does."""
    with Host(simulate=True, processes=2, isolation="process") as host:
        code = "local id = new_product():name('x'):create() return stripe.products.retrieve(id).name"
        results = list(host.run_many([{"code": code}] * 6))
        assert [result.raise_for_error().value for result in results] == ["x"] * 6


def test_a_transport_is_made_by_setup() -> None:
    """use() in a setup function gives each process its own transport."""
    with Host(stripe_secret_key=KEY, processes=2, setup=f"{SETUPS}:transport") as host:
        results = list(host.run_many([{"code": "return new_product():name('x'):create()"}] * 4))
        assert [result.raise_for_error().value for result in results] == ["prod_mock"] * 4


@pytest.mark.parametrize(
    ("setup", "message"),
    [
        ("nonsense", "setup is 'nonsense'; expected 'module:function'"),
        ("no_such_module:f", "the module no_such_module cannot be imported"),
        (f"{SETUPS}:nothing", "has no function nothing"),
        (f"{SETUPS}:failing", "raised ValueError: not today"),
        (f"{SETUPS}:refusing", "not like this"),
        (f"{SETUPS}:simulated_api", "would be simulated by each worker process for itself"),
        (f"{SETUPS}:dying", "ended with status 7 before it was ready"),
    ],
)
def test_a_setup_that_fails_is_said_when_the_host_opens(setup: str, message: str) -> None:
    """ConfigError with what is wrong, and no process is left."""
    before = set(threading.enumerate())
    with pytest.raises(ConfigError, match=r"setup|worker process") as caught:
        Host(simulate=True, processes=2, setup=setup)
    assert message in caught.value.message
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert not any(name.startswith("host-process") for name in left)


def test_what_cannot_cross_is_refused_with_the_way_that_works(host: Host) -> None:
    """Functions, transports and hooks are made in setup; budgets and durable runs need one process."""
    import httpx

    from host.policy.budget import Budget

    with pytest.raises(UsageError, match="which cannot cross to another process") as caught:
        Host(simulate=True, processes=2, transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    assert "setup='module:function'" in str(caught.value.hint)
    from host.libraries.library import Library

    for what, add in (
        ("function", lambda: host.function(len)),
        ("functions", lambda: host.functions(json)),
        ("builder", lambda: host.builder(Server)),
        ("add_library", lambda: host.add_library(Library("abc", "return {}", ("abc",)))),
        ("use", lambda: host.use()),
    ):
        with pytest.raises(UsageError, match=rf"^{what}\(\): this host's scripts run in worker") as caught:
            add()
        assert "setup='module:function'" in str(caught.value.hint)
    with pytest.raises(UsageError, match="a budget is counted in one process"):
        host.run_source("return 1", budget=Budget(max_calls=1))
    with pytest.raises(UsageError, match="durable runs need a host of one process"):
        host.run_source("return 1", durable=True)
    for wrong in (0, -1, 2.5, "2"):
        with pytest.raises(UsageError, match="processes is"):
            Host(simulate=True, processes=wrong)  # type: ignore[arg-type]
