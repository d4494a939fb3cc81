"""Host: the Python program's side of runs."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host import ConfigError, FunctionError, Host, Limits, ScriptError, UsageError
from host.events import Event, RunEnded, RunStarted
from host.run.options import RunKeywords, RunOptions


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host(simulate=True) as host:
        yield host


def test_a_result_has_all_of_the_run(host: Host, tmp_path: Path) -> None:
    """Value, output, calls, duration, whether it was simulated; the script by path, text or compiled."""
    path = tmp_path / "script.lua"
    lines = ("#!/usr/bin/env luahost", "print('to', args[1])", "new_product():name(tier):create()")
    path.write_text("\n".join([*lines, "return {n = 1.5}"]))
    result = host.run(path, args=["you"], globals={"tier": "gold"})
    assert (result.value, result.output, result.calls, result.error) == ({"n": 1.5}, "to\tyou\n", 1, None)
    assert result.simulated
    assert result.duration > 0
    assert result.run_id.startswith("run_")
    assert result.script == str(path)
    assert result.ok
    assert result.raise_for_error() is result
    script = host.compile("return 1 + 1")
    assert [host.run(script).value for _ in range(2)] == [2, 2]


def test_a_failed_run_raises_only_when_asked(host: Host) -> None:
    """result.error is a ScriptError; raise_for_error raises it."""
    result = host.run_source("\nerror('x')", name="mine")
    assert not result.ok
    with pytest.raises(ScriptError, match="x") as caught:
        result.raise_for_error()
    assert caught.value is result.error
    assert (caught.value.script, caught.value.line) == ("mine", 2)


@pytest.mark.parametrize(
    ("given", "code", "value"),
    [
        ({"a": {"x": [1, 2.5, "s", True]}}, "return a", {"x": [1, 2.5, "s", True]}),
        ({"a": None}, "return a == nil", True),
        ({"a": (1, 2)}, "return #a", 2),
        ({"a": 2**53 + 1}, "return a", "9007199254740993"),
        ({"a": b"\xff"}, "return #a", 1),
        ({"a": {}}, "return a", {}),
        ({"spawn": 5}, "return spawn", 5),
    ],
)
def test_globals(host: Host, given: dict[str, Any], code: str, value: Any) -> None:
    """Plain Python values become the run's globals; they win over the host's own names."""
    assert host.run_source(code, globals=given).raise_for_error().value == value


def test_wrong_arguments_are_named(host: Host, tmp_path: Path) -> None:
    """Each says whose it is and what was expected; nothing runs."""
    result = host.run_source("print('ran')", globals={"a": [object()]})
    assert result.error is not None
    assert "a[1]" in result.error.message
    assert "cannot cross to Lua" in result.error.message
    assert result.output == ""
    with pytest.raises(UsageError, match="timeout is 0; expected seconds above 0"):
        host.run_source("", timeout=0)
    with pytest.raises(UsageError, match="timeout is 'x'"):
        host.run_source("", timeout="x")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="got 5"):
        host.run(5)  # type: ignore[arg-type]
    for wrong in (float("nan"), float("inf"), 1e9, True):
        with pytest.raises(UsageError, match="expected seconds above 0, at most a year"):
            host.run_source("", timeout=wrong)
        with pytest.raises(UsageError, match=r"Limits\.run_time is .*; expected seconds"):
            Limits(run_time=wrong)
    for count in (0, 1.5, 10**30):
        with pytest.raises(UsageError, match=r"Limits\.calls is .*; expected a whole number"):
            Limits(calls=count)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="this host has no API 'shop'; it has stripe"):
        host.catalog("shop")


async def test_an_unknown_keyword_is_a_type_error(host: Host) -> None:
    """As in any call: it names the method and the keyword, and nothing runs."""
    text = r"Host\.{}\(\) got an unexpected keyword argument 'tiemout'"
    with pytest.raises(TypeError, match=text.format("run")):
        host.run("nowhere.lua", tiemout=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=text.format("run_source")):
        host.run_source("", args=["a"], tiemout=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=text.format("run_async")):
        await host.run_async("nowhere.lua", tiemout=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=text.format("run_source_async")):
        await host.run_source_async("", tiemout=1)  # type: ignore[call-arg]


def test_the_options_of_a_run_are_written_down_twice_alike() -> None:
    """What type checkers are told a run takes is what it takes, each with a default."""
    assert RunKeywords.__annotations__.keys() == set(RunOptions.__struct_fields__)
    assert len(RunOptions.__struct_defaults__) == len(RunOptions.__struct_fields__)


def test_no_key_is_no_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Simulation is asked for; without a key and without asking, Host() raises."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STRIPE_SECRET_KEY", raising=False)
    with pytest.raises(ConfigError, match="STRIPE_SECRET_KEY is not set") as caught:
        Host()
    assert caught.value.hint is not None
    assert "simulate=True" in caught.value.hint


def test_hosts_share_nothing() -> None:
    """Two hosts, two simulators, two sets of functions."""
    with Host(simulate=True) as one, Host(simulate=True) as two:
        one.function(lambda: "one", name="which")
        two.function(lambda: "two", name="which")
        one.run_source("new_product():name('x'):create()").raise_for_error()
        count = "return #stripe.products.list().data"
        assert (one.run_source(count).value, two.run_source(count).value) == (1, 0)
        assert [each.run_source("return which()").value for each in (one, two)] == ["one", "two"]


async def test_run_async_does_not_block_its_loop(host: Host) -> None:
    """Many runs wait at once on a running loop, which goes on meanwhile."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    ticking = asyncio.create_task(tick())
    runs = [host.run_source_async(f"sleep(0.05) return {i}") for i in range(50)]
    results = await asyncio.gather(*runs)
    ticking.cancel()
    assert [result.value for result in results] == list(range(50))
    assert ticks > 3


async def test_cancelling_run_async_ends_the_run() -> None:
    """Nobody waits for the result: the run ends, too."""
    ended = threading.Event()
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Ends:
        def emit(self, event: Event) -> None:
            if isinstance(event, RunStarted):
                loop.call_soon_threadsafe(began.set)
            elif isinstance(event, RunEnded):
                ended.set()

    async with Host(simulate=True, sinks=[Ends()]) as host:
        run = asyncio.create_task(host.run_source_async("sleep(60)"))
        await began.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert await asyncio.to_thread(ended.wait, 10)


def test_run_many_gives_every_result_once(host: Host) -> None:
    """Jobs of every form, more than run at once, taken as there is room."""
    taken = 0

    def jobs() -> Iterator[dict[str, Any]]:
        nonlocal taken
        for i in range(60):
            taken += 1
            yield {"code": "sleep(0.001) return args[1] + plus", "args": [str(i)], "globals": {"plus": 1}}

    results = host.run_many(jobs(), concurrency=7)
    first = next(results)
    assert taken == 7
    values = sorted([first.value, *(result.value for result in results)])
    assert values == [i + 1 for i in range(60)]


def test_run_many_ends_what_is_left_when_nobody_asks_on(host: Host) -> None:
    """Leaving the loop early interrupts the rest."""
    for result in host.run_many(({"code": f"sleep({60 if i else 0})"} for i in range(100)), concurrency=5):
        assert result.error is None
        break
    gc.collect()
    assert host.run_source("return 1").value == 1


def test_run_many_names_wrong_jobs(host: Host) -> None:
    """A job that is no job is the caller's error."""
    with pytest.raises(UsageError, match="a job has script or code"):
        list(host.run_many([{"cod": "x"}]))
    with pytest.raises(UsageError, match="got 5"):
        list(host.run_many([5]))  # type: ignore[list-item]
    with pytest.raises(UsageError, match="concurrency is 0"):
        host.run_many([], concurrency=0)


def test_blocking_on_the_host_s_own_thread_raises_at_once() -> None:
    """A function that runs a script on its own host is refused instead of deadlocking."""
    with Host(simulate=True) as host:

        async def nested() -> Any:
            return host.run_source("return 1").value

        host.function(nested)
        error = host.run_source("nested()").error
        assert error is not None
        assert "blocks" in error.message
        assert isinstance(error.cause, FunctionError)


def test_after_a_fork_the_child_is_reported() -> None:
    """The child of a fork gets a clear error from the old host, and may open its own."""
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    with Host(simulate=True) as host:
        host.run_source("return 1").raise_for_error()
        read, write = os.pipe()
        child = os.fork()
        if child == 0:  # no assertion, no pytest here: report and leave
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(60)  # a lock that another thread held when it forked
            said = "?"
            try:
                host.run_source("return 1")
            except Exception as error:
                with Host(simulate=True) as own:
                    value = own.run_source("return #new_product():name('x'):create() > 5").value
                host.close()
                said = f"{type(error).__name__} {getattr(error, 'hint', '')} {value}"
            finally:
                os.write(write, said.encode())
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            assert pipe.read() == b"ClosedError Open a new Host after the fork. True"
        os.waitpid(child, 0)
        assert host.run_source("return 2").value == 2


def test_a_forgotten_close_is_reported() -> None:
    """A host that is let go without close() warns."""
    host = Host(simulate=True)
    with pytest.warns(ResourceWarning, match="a Host was not closed"):  # noqa: PT031 - both let go of it
        del host
        gc.collect()


def test_closing_frees_threads() -> None:
    """What a host started ends with it."""
    before = set(threading.enumerate())
    for _ in range(5):
        with Host(simulate=True) as host:
            host.run_source("new_product():name('x'):create()").raise_for_error()
    started = set(threading.enumerate()) - before
    left = [thread.name for thread in started if not thread.name.endswith("watch")]
    assert left == []
