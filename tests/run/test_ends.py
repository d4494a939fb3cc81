"""How a run is ended from outside: interrupted, cancelled, its host closed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from host import ClosedError, Host, RunResult
from host.events import CallStarted, Event, Printed

BUSY = {
    "a wait": "print('on') sleep(60)",
    "a loop that catches": "print('on') local function f() while true do end end while true do pcall(f) end",
    "a wait in a callback": "print('on') table.sort({3, 1, 2}, function() sleep(60) end)",
    "a wait in a coroutine": "print('on') coroutine.wrap(function() while true do pcall(sleep, 9) end end)()",
    "a call in many tasks": "print('on') map({1, 2, 3}, function() while true do pcall(sleep, 60) end end)",
}


class Signs:
    """A sink that tells when runs have printed."""

    def __init__(self) -> None:
        self._printed = threading.Semaphore(0)

    def emit(self, event: Event) -> None:
        if isinstance(event, Printed):
            self._printed.release()

    def wait(self, runs: int = 1) -> None:
        for _ in range(runs):
            assert self._printed.acquire(timeout=10)


@pytest.mark.parametrize("code", BUSY.values(), ids=BUSY)
def test_interrupt(code: str) -> None:
    """interrupt() ends what runs, whatever it does; the host goes on."""
    signs = Signs()
    with Host(simulate=True, sinks=[signs]) as host, ThreadPoolExecutor(1) as thread:
        run = thread.submit(host.run_source, code)
        signs.wait()
        host.interrupt()
        result = run.result(10)
        assert result.error is not None
        assert (result.error.kind, result.error.exit_code) == ("interrupted", 130)
        assert host.run_source("return 1").value == 1


def test_close_while_runs_are_under_way() -> None:
    """close() ends every run with kind closed, and comes back."""
    signs = Signs()
    host = Host(simulate=True, sinks=[signs])
    with ThreadPoolExecutor(len(BUSY)) as threads:
        runs = [threads.submit(host.run_source, code) for code in BUSY.values()]
        signs.wait(len(BUSY))
        host.close()
        results: list[RunResult] = [run.result(10) for run in runs]
    assert [result.error.kind for result in results if result.error] == ["closed"] * len(BUSY)


def test_a_closed_host_says_so() -> None:
    """close() twice is fine; every other use raises ClosedError."""
    host = Host(simulate=True)
    host.close()
    host.close()
    uses: list[Callable[[], object]] = [
        lambda: host.run_source("return 1"),
        lambda: list(host.run_many(["return 1 + 1"])),
        lambda: host.registry.make_request("products", "GET", {}),
    ]
    for use in uses:
        with pytest.raises(ClosedError):
            use()


def test_os_exit_ends_the_run_alone() -> None:
    """os.exit ends the run from anywhere with its status; nothing after it runs."""
    with Host(simulate=True) as host:
        for code, status in [
            ("print('a') os.exit(3) print('b')", 3),
            ("print('a') pcall(os.exit, 4) print('b')", 4),
            ("print('a') spawn(function() os.exit(5) end) sleep(60) print('b')", 5),
            ("print('a') coroutine.wrap(os.exit)(false) print('b')", 1),
            ("print('a') table.sort({2, 1}, function() os.exit() end) print('b')", 0),
        ]:
            result = host.run_source(code)
            assert (result.exit_status, result.output, result.error) == (status, "a\n", None)
            assert result.value is None
        assert host.run_source("os.exit('x')").error is not None


def test_what_a_run_left_open_ends_with_it() -> None:
    """The run waits for its tasks; calls of cancelled tasks do not outlive it."""
    started: list[str] = []

    class Starts:
        def emit(self, event: Event) -> None:
            if isinstance(event, CallStarted):
                started.append(event.operation)

    with Host(simulate=True, sinks=[Starts()]) as host:
        result = host.run_source("spawn(function() sleep(0.005) print('task') end) print('main')")
        assert result.output == "main\ntask\n"
        endless = "local t = spawn(function() while true do stripe.products.list() end end)"
        assert host.run_source(f"{endless} sleep(0) t:cancel()").error is None
        count = len(started)
        assert host.run_source("sleep(0.01)").error is None
        assert len(started) == count
