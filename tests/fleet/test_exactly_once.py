"""Workers that are killed, stopped, cut off, or have a wrong clock do nothing twice and lose nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from host import Host
from host.fleet import jobs
from tests.fleet.machines import FIVE, KEY, Ledger, Link, Process, Server, five, rows, until

Api = tuple[Ledger, str]
Start = Callable[..., Process]


def test_what_a_killed_worker_had_is_finished_by_another(submitter: Host, api: Api, worker: Start) -> None:
    """kill -9 in the middle of its runs: each object is made once, each run ends."""
    first = worker()
    handles = [submitter.submit(FIVE, args=[name]) for name in "abcdef"]
    until(lambda: api[0].arrived >= 8, "runs under way")
    first.kill()
    second = worker()
    assert [handle.result(40).value for handle in handles] == list("abcdef")
    assert api[0].products() == five(*"abcdef")
    assert "which was lost" in second.log.read_text()


def test_a_worker_that_was_stopped_and_woken_neither_reports_nor_repeats(
    submitter: Host, api: Api, worker: Start, url: str
) -> None:
    """SIGSTOP for longer than the lease, then SIGCONT: what it has of the run is dropped."""
    first = worker()
    handle = submitter.submit(FIVE, args=["a"])
    until(lambda: api[0].arrived >= 2, "a run under way")
    first.signal(signal.SIGSTOP)
    second = worker()
    result = handle.result(40)
    assert (result.value, result.error) == ("a", None)
    outcome = rows(url, "SELECT * FROM luahost_job")
    first.signal(signal.SIGCONT)
    until(lambda: "is dropped" in first.log.read_text(), "the woken worker")
    assert rows(url, "SELECT worker FROM luahost_job") == [(second.name,)]
    assert rows(url, "SELECT * FROM luahost_job") == outcome
    assert api[0].products() == five("a")
    assert submitter.submit(FIVE, args=["b"]).result(40).value == "b", "both work on"


@pytest.mark.parametrize("ahead", [3600, -3600])
def test_a_wrong_clock_holds_no_run_and_loses_none(submitter: Host, api: Api, worker: Start, ahead: int) -> None:
    """A worker whose clock is an hour ahead, or behind, dies: its runs are taken over when the lease ends."""
    first = worker(ahead=ahead)
    handle = submitter.submit(FIVE, args=["a"])
    until(lambda: api[0].arrived >= 2, "a run under way")
    first.kill()
    worker()
    result = handle.result(20)
    assert (result.value, result.error) == ("a", None)
    assert api[0].products() == five("a")


def test_the_queue_may_deliver_a_run_twice(submitter: Host, api: Api, worker: Start, url: str) -> None:
    """A second job of the same run, taken by another worker at the same time, is put off, and does nothing."""
    for _ in range(2):
        worker(more=("--concurrency", "1"))
    handle = submitter.submit(FIVE, args=["a"])
    rows(
        url,
        "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(queue || '#' || need, 'luahost.run', 0, NULL, NULL, "
        "jsonb_build_object('run', id), NULL)::procrastinate_job_to_defer_v1]) FROM luahost_job",
    )
    assert handle.result(40).value == "a"
    assert api[0].products() == five("a")
    until(lambda: rows(url, "SELECT count(*) FROM procrastinate_jobs") == [(0,)], "an empty queue")
    assert (handle.status, api[0].products()) == ("done", five("a"))


def test_a_restart_of_the_database_loses_no_run(api: Api, tmp_path: Path) -> None:
    """PostgreSQL goes away in the middle and comes back: workers give back what they could not record, and go on."""
    server, workers = Server(), []
    try:
        url = server.url()
        with Host(database=url, stripe_secret_key=KEY, stripe_api_base=api[1], run_lease=2) as host:
            handles = [host.submit(FIVE, args=[name]) for name in "abcdefgh"]
            workers = [Process(url, api[1], tmp_path, more=("--concurrency", "2")) for _ in range(2)]
            until(lambda: api[0].arrived >= 6, "runs under way")
            server.stop()
            until(lambda: all("trying again" in each.log.read_text() for each in workers), "workers that notice")
            server.start()
            assert [handle.result(40).value for handle in handles] == list("abcdefgh")
            assert api[0].products() == five(*"abcdefgh")
    finally:
        for each in workers:
            each.close()
        server.close()


def test_a_worker_cut_off_from_the_database_is_replaced_and_may_come_back(
    submitter: Host, api: Api, worker: Start, url: str, server: Server, tmp_path: Path
) -> None:
    """Its runs are finished by another while nothing of it gets through; let back, it drops what it has."""
    link = Link(server.port)
    far = None
    try:
        far = Process(url.replace(f":{server.port}/", f":{link.port}/"), api[1], tmp_path, check=url)
        handles = [submitter.submit(FIVE, args=[name]) for name in "ab"]
        until(lambda: api[0].arrived >= 3, "runs under way")
        link.cut()
        second = worker()
        assert [handle.result(40).value for handle in handles] == ["a", "b"]
        assert "which was lost" in second.log.read_text()
        link.mend()
        until(lambda: "is dropped" in far.log.read_text(), "the worker that was cut off")
        assert api[0].products() == five("a", "b")
        second.kill()
        assert submitter.submit(FIVE, args=["c"]).result(40).value == "c", "it works on"
    finally:
        if far is not None:
            far.close()
        link.close()


def test_sigterm_lets_runs_end_or_gives_them_back(submitter: Host, api: Api, worker: Start, url: str) -> None:
    """A worker that is shut down takes nothing more; what it cannot end in its time another goes on with at once."""
    first = worker(more=("--grace", "0.05"))
    slow = "for n = 1, 5 do new_product():name('a ' .. n):create() sleep(0.2) end return 'a'"
    handle = submitter.submit(slow)
    until(lambda: api[0].arrived >= 2, "a run under way")
    second = worker()
    first.signal(signal.SIGTERM)
    assert first.process.wait(20) == 0, first.log.read_text()
    assert handle.result(20).value == "a"
    assert api[0].products() == five("a")
    assert rows(url, "SELECT name FROM luahost_worker") == [(second.name,)]


def test_what_nobody_knows_the_outcome_of_waits_for_a_decision(
    submitter: Host, api: Api, worker: Start, url: str, tmp_path: Path
) -> None:
    """A function that kills its worker is not called again: the run is stopped, somebody decides, and it goes on."""
    (tmp_path / "shop.py").write_text(
        "import os, signal\n"
        "def setup(host):\n"
        "    @host.function\n"
        "    def ship(id: str) -> str:\n"
        "        open('shipped', 'a').write(id)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    first = worker(more=("--setup", "shop:setup"))
    handle = submitter.submit("new_product():name('a'):create() local said = ship('x') return said or 'skipped'")
    first.process.wait(40)
    worker(more=("--setup", "shop:setup"))
    error = handle.result(40).error
    assert error is not None
    assert (handle.status, error.kind) == ("stopped", "in doubt")
    assert [each["operation"] for each in error.facts["calls"]] == ["ship"]

    @submitter.function
    def ship(id: str) -> str:
        raise AssertionError("it is not called")

    decided = submitter.resume(handle.run_id, in_doubt={"call 2 of task 1": 'done:"ok"'}, recorded=True)
    assert (decided.value, decided.error) == ("ok", None)
    jobs.retry(submitter.fleet.database, handle.run_id)
    assert handle.result(40).value == "ok"
    assert (tmp_path / "shipped").read_text() == "x"
    assert api[0].products() == ["a"]


def test_keys_do_not_travel(submitter: Host, api: Api, worker: Start, url: str) -> None:
    """No row of the database holds the key, after runs that did all they could to have it there."""
    worker()
    prying = (
        "print(STRIPE_API_KEY) log.warn(tostring(STRIPE_API_KEY)) new_product():name('x'):create() "
        "error('key ' .. tostring(STRIPE_API_KEY))"
    )
    result = submitter.submit(prying).result(40)
    assert result.error is not None
    found = [
        (table, row)
        for (table,) in rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (row,) in rows(url, f"SELECT {table}::text FROM {table}")
        if KEY in row or KEY.encode().hex() in row or KEY[8:] in row
    ]
    assert found == []
    assert rows(url, "SELECT count(*) FROM luahost_record") != [(0,)], "there was something to look through"


def test_a_script_that_holds_the_key_is_refused(submitter: Host, url: str) -> None:
    """A key in the script, its arguments or globals is not put into the database; the message does not show it."""
    for code, options in (
        (f"local key = '{KEY}' return 1", {}),
        ("return 1", {"args": [KEY]}),
        ("return 1", {"globals": {"it": {"key": KEY}}}),
    ):
        with pytest.raises(Exception, match="do not travel") as caught:
            submitter.submit(code, run_id=f"run_{uuid4().hex}", **options)  # type: ignore[arg-type]
        assert KEY not in str(caught.value)
    assert rows(url, "SELECT count(*) FROM luahost_job") == [(0,)]
