"""What is submitted: one run, once; batches in pieces; what does not travel is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from host import Host, UsageError
from host.apis.stripe import load
from host.errors import ConfigError
from host.fleet.fleet import Placing
from host.fleet.schedules import schedules
from host.fleet.submission import alive_workers
from host.fleet.texts import parcel_of
from host.run.options import RunOptions
from host.run.script import Script
from host.simulator.simulator import Simulator
from tests.fleet.machines import rows, until, working


def test_a_submitted_run_gives_what_host_run_gives(host: Host) -> None:
    """Value, output, calls, error with its line and facts, exit status: by the handle, waited for or awaited."""
    code = "print('hello', args[1], tier)\nlocal id = new_product():name('x'):create()\nreturn id, 2"
    with working(host):
        handle = host.submit(code, args=["a"], globals={"tier": "gold"})
        result = handle.result(20)
        failed = asyncio.run(_awaited(host, "new_product():name('x'):create()\nstripe.products.retrieve('nope')"))
        left = host.submit("print('a') os.exit(3)").result(20)
    assert result.output == "hello\ta\tgold\n"
    assert (result.values[1], result.calls, result.simulated, result.run_id) == (2, 1, True, handle.run_id)
    assert result.value.startswith("prod_")
    assert failed.error is not None
    assert (failed.error.line, failed.error.kind) == (2, "api")
    assert failed.error.status == 404
    assert (left.exit_status, left.output) == (3, "a\n")


async def _awaited(host: Host, code: str) -> Any:
    return await host.submit(code)


def test_modules_travel_with_the_run(host: Host, tmp_path: Path, url: str) -> None:
    """What a script requires, and what that requires, is there on the worker though its files are gone; kept once."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "prices.lua").write_text("local t = require('tax') return {of = function() return t + 1 end}")
    (tmp_path / "tax.lua").write_text("return 19")
    (tmp_path / "unused.lua").write_text("return 1")
    script = tmp_path / "a.lua"
    script.write_text("return require('lib.prices').of()")
    handles = [host.submit(script) for _ in range(3)]
    for path in (script, tmp_path / "tax.lua", tmp_path / "lib" / "prices.lua"):
        path.unlink()
    with working(host):
        assert [handle.result(20).value for handle in handles] == [20, 20, 20]
    assert rows(url, "SELECT count(*) FROM luahost_text") == [(3,)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("return require 'a'", {"a.lua"}),
        ('return require("deep.b")', {"deep/b.lua", "a.lua"}),
        ("return require [[a]]", {"a.lua", "deep/b.lua", "dir/init.lua"}),
        ("local name = 'a' return require(name)", {"a.lua", "deep/b.lua", "dir/init.lua"}),
        ("return require('dir')", {"dir/init.lua"}),
        ("return require('missing')", set()),
        ("-- require(name)\nreturn require('a')", {"a.lua"}),
        ("return 1", set()),
    ],
)
def test_the_modules_that_travel(code: str, expected: set[str], tmp_path: Path) -> None:
    """Those required by name, and theirs; all Lua files where names are made up; none from elsewhere."""
    folder = tmp_path / "scripts"
    (folder / "deep").mkdir(parents=True)
    (folder / "dir").mkdir()
    (folder / "a.lua").write_text("return 1")
    (folder / "deep" / "b.lua").write_text("return require('a')")
    (folder / "dir" / "init.lua").write_text("return 2")
    (tmp_path / "secret.lua").write_text("return 3")
    (folder / "link.lua").symlink_to(tmp_path / "secret.lua")
    found = parcel_of(Script("main.lua", code.encode(), folder))
    assert set(found.modules) == expected


def test_a_dedup_key_stands_for_one_run(host: Host, url: str) -> None:
    """Submitted again, also when it has ended, the first run's handle is given; for another run the key is refused."""
    first = host.submit("return 1", dedup="invoice 7")
    assert host.submit("return 1", dedup="invoice 7").run_id == first.run_id
    with working(host):
        assert first.result(20).value == 1
    assert host.submit("return 1", dedup="invoice 7").result(5).value == 1
    for other in ({"args": ["x"]}, {"globals": {"a": 1}}):
        with pytest.raises(UsageError, match="dedup key invoice 7 is that of run"):
            host.submit("return 1", dedup="invoice 7", **other)  # type: ignore[arg-type]
    host.submit("return 1", run_id="here")
    with pytest.raises(UsageError, match="there is a run here already"):
        host.submit("return 1", run_id="here")
    assert rows(url, "SELECT count(*) FROM procrastinate_jobs") == [(1,)]


def test_a_batch_is_submitted_in_pieces_and_goes_on_where_it_broke_off(host: Host, url: str) -> None:
    """Rows are read as they are submitted; the same batch again adds what is missing and nothing twice."""
    script, asked = Script.of("return row.n"), []

    def given(number: int) -> Iterator[dict[str, Any]]:
        for n in range(number):
            asked.append(n)
            yield {"row": {"n": n}}

    ids = host.fleet.submit_many(script, RunOptions(), Placing(), given(10_000), "mail")
    for _ in range(700):
        next(ids)
    assert len(asked) == 1000, "no more rows than the pieces under way"
    assert rows(url, "SELECT count(*) FROM luahost_job") == [(1000,)]
    again = list(host.fleet.submit_many(script, RunOptions(), Placing(), given(1200), "mail"))
    assert (again[0], again[-1], len(again)) == ("mail.1", "mail.1200", 1200)
    assert rows(url, "SELECT count(*), count(DISTINCT args->>'run') FROM procrastinate_jobs") == [(1200, 1200)]
    with working(host, concurrency=20):
        assert host.fleet.handle("mail.1200").result(60).value == 1199


def test_higher_priorities_go_first_and_nothing_before_its_time(host: Host) -> None:
    """One at a time, the higher priority first, then by age; what has a time is not begun before it."""
    order: list[str] = []

    @host.function
    async def note(name: str) -> None:
        order.append(name)

    handles = [host.submit(f"note('{n}')", priority=p) for n, p in (("low", -1), ("a", 0), ("b", 0), ("high", 5))]
    later = datetime.now(UTC) + timedelta(seconds=1.5)
    timed = host.submit("note('timed')", at=later, priority=9)
    with working(host, concurrency=1):
        for handle in handles:
            assert handle.result(20).error is None
        assert order == ["high", "a", "b", "low"] or order[-1] == "timed"
        assert timed.result(20).error is None
    assert time.time() >= later.timestamp()
    assert order == ["high", "a", "b", "low", "timed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"queue": "a b"}, "queue's name"),
        ({"queue": "x" * 29}, "queue's name"),
        ({"priority": 1.5}, "priority"),
        ({"at": datetime(2030, 1, 1)}, "no time zone"),
        ({"at": "tomorrow"}, "at: expected"),
        ({"dedup": ""}, "dedup"),
        ({"sinks": [print]}, "sinks are objects of this process"),
        ({"durable": False}, "durable"),
        ({"run_id": "a b"}, "run's id"),
        ({"globals": {"f": object()}}, "globals"),
    ],
)
def test_what_cannot_be_submitted_is_refused(host: Host, options: dict[str, Any], message: str) -> None:
    """Each option that cannot be is named."""
    with pytest.raises(UsageError, match=message):
        host.submit("return 1", **options)


@pytest.mark.parametrize("database", [None, "sqlite:////tmp/x.sqlite", "runs.sqlite"])
def test_without_postgresql_it_says_what_to_do(database: str | None) -> None:
    """A SQLite file, or nothing, is no fleet's database."""
    with (
        Host(simulate=True, **({} if database is None else {"database": database})) as host,
        pytest.raises(ConfigError, match="HOST_DATABASE") as caught,
    ):
        host.submit("return 1")
    assert "postgresql://USER@HOST/NAME" in str(caught.value.hint)


def test_a_database_that_is_away_is_named_without_its_password() -> None:
    """The error says which database, and not what its password is."""
    with (
        Host(simulate=True, database="postgresql://me:hunter2secret@127.0.0.1:9/x") as host,
        pytest.raises(Exception, match=r"postgresql://me:\*\*\*@127\.0\.0\.1:9/x") as caught,
    ):
        host.submit("return 1")
    assert "hunter2secret" not in str(caught.value)


def test_waiting_has_an_end_and_says_why(host: Host) -> None:
    """A timeout tells what the run waits for, and leaves it alone."""
    handle = host.submit("return 1")
    with pytest.raises(TimeoutError, match="no worker of the queue default is running"):
        handle.result(0.05)
    with working(host):
        assert handle.result(20).value == 1
    until(lambda: handle.status == "done", "its status")


@pytest.mark.parametrize(
    "code",
    [
        r"error('\255\254 no text')",
        r"error({kind = 'mine', ['n\0ul'] = 'a\0b', deep = {1/0, -1/0, 0/0, {x = '\237\160\128'}}})",
        r"print('\255\0') return '\255\0', {'\237\160\128'}",
        "error()",
        "error(setmetatable({}, {__tostring = function() error('again') end}))",
        "return function() end",
        "return STRIPE_API_KEY",
        "local t = {} t.t = t return t",
        "syntax error here",
        "while true do end",
    ],
)
def test_whatever_a_script_ends_with_its_run_ends(host: Host, code: str) -> None:
    """Bytes that are no text, NUL, values that are none: each has an outcome, and the worker goes on."""
    with working(host, concurrency=1):
        result = host.submit(code, limits={"lua_time": 0.2}).result(20)
        assert result.error is not None or result.values is not None
        assert host.submit("return 1").result(20).value == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"queues": "default"}, "queues"),
        ({"queues": []}, "queues"),
        ({"queues": ["a b"]}, "queue's name"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": True}, "concurrency"),
        ({"grace": -1}, "grace"),
        ({"keep": float("nan")}, "keep"),
    ],
)
def test_a_worker_that_cannot_be_is_refused(host: Host, options: dict[str, Any], message: str) -> None:
    """Each option that cannot be is named."""
    with pytest.raises(UsageError, match=message):
        host.fleet_worker(**options)


def test_a_host_of_several_processes_is_no_worker(url: str) -> None:
    """It is told to start as many workers, and is left as it was; it may submit."""
    with Host(simulate=True, database=url, processes=2) as host:
        with pytest.raises(UsageError, match="does its runs in its own process"):
            host.fleet_worker()
        assert not host.limits_up
        assert host.submit("return 1").status == "queued"


def test_of_two_workers_with_simulators_of_their_own_the_second_is_refused(host: Host, url: str) -> None:
    """Neither could go on with the other's runs; one of other queues may be a worker, and two hosts of one process that
    were given one simulator may."""
    with working(host), Host(simulate=True, database=url, run_lease=2) as second:
        assert host.submit("return 1").result(20).value == 1
        worker = second.fleet_worker()
        with pytest.raises(ConfigError, match="has a simulator of its own"):
            asyncio.run(worker.run())
        with working(second, queues=["mail"]):
            assert second.submit("return 2", queue="mail").result(20).value == 2
    shared = Simulator(load())
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(working(stack.enter_context(Host(simulator=shared, database=url, run_lease=2))))
        until(lambda: len(alive_workers(host.fleet.database)) == 2, "both are there")


@pytest.mark.parametrize("code", ["this is { no Lua", "\x1bLJ\x02", "print('a'", "\0"])
def test_a_schedule_of_what_is_no_lua_is_refused(host: Host, code: str) -> None:
    """With the script's line: its runs would all fail. A run of it that a program submits fails as any run of it."""
    script = Script.of(code, "broken.lua")
    with pytest.raises(UsageError, match=r"is no Lua, and no worker could run it: broken\.lua:1: "):
        host.fleet.schedule(script, RunOptions(), Placing(), name="nightly", cron="@daily", zone="UTC")
    assert schedules(host.fleet.database) == []


def test_whose_worker_is_gone_is_said(host: Host) -> None:
    """To whoever waits for a run that no living worker has: as long as none is there, and when another is."""
    handle = host.submit("return 1")
    taken = "UPDATE luahost_job SET status = 'running', worker = 'elsewhere:1:a' RETURNING id"
    host.fleet.database.rows(taken)
    with pytest.raises(TimeoutError, match="elsewhere:1:a is gone, and no worker of the queue default is running"):
        handle.result(0)
    with working(host):
        until(lambda: alive_workers(host.fleet.database), "the worker is there")
        with pytest.raises(TimeoutError, match="elsewhere:1:a is gone; another one continues the run"):
            host.fleet.handle(handle.run_id).result(0)
