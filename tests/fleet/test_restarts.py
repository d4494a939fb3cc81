"""What is under way while the database restarts, or while its answer is lost, goes on and is done once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from host import Host
from host.durable.database import JournalLost
from host.errors import HostError
from host.fleet import claims
from host.fleet.connections import Connections, NoneFree
from host.fleet.database import FleetDatabase
from host.fleet.fleet import Placing
from host.run.options import RunOptions
from host.run.script import Script
from tests.fleet.machines import KEY, ROOT, Process, Server, rows, until, working

AWAY = "the database was restarted in this moment"


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that a test may stop."""
    found = Server()
    yield found
    found.start_again()
    found.close()


@pytest.fixture
def database(url: str) -> Iterator[FleetDatabase]:
    found = FleetDatabase(url)
    yield found
    found.close()


def end_sessions(url: str) -> None:
    """End all connections to the database, as a restart does."""
    rows(url, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
         "WHERE pid <> pg_backend_pid() AND datname = current_database()")  # fmt: skip


def test_a_connection_that_the_server_closed_is_not_used(url: str, database: FleetDatabase) -> None:
    """However many there were: after a restart no statement fails because of an old connection."""
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            assert list(pool.map(lambda _: database.rows("SELECT 1 FROM pg_sleep(0.02)"), range(4))) == [[(1,)]] * 4
            end_sessions(url)
    assert database.rows("SELECT 1") == [(1,)]


def test_a_connection_is_waited_for_and_returned_whatever_happens(url: str) -> None:
    """One at a time: a failed statement and a failed transaction give it back, a broken one is replaced."""
    connections = Connections(lambda: psycopg.connect(url, autocommit=True), 1, 0.01)
    with connections.connection() as first, pytest.raises(NoneFree), connections.connection():
        raise AssertionError("it is in use")
    with suppress(psycopg.errors.UndefinedColumn), connections.connection() as again:
        assert again is first
        again.execute("SELECT nothing")
    with connections.connection() as again:
        assert again is first
        again.execute("BEGIN")
    with connections.connection() as other:
        assert other is not first, "left within a transaction"
    assert first.closed
    connections.close()
    assert other.closed
    with pytest.raises(psycopg.OperationalError), connections.connection():
        raise AssertionError("it is closed")


@pytest.mark.parametrize("run_id", [None, "monday"])
def test_a_submission_whose_answer_is_lost_is_one_run(
    host: Host, url: str, run_id: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was committed, and nobody heard: the same is submitted again and found, also with an id of one's own."""
    lose_answer(host.fleet.database, "INTO luahost_job", monkeypatch)
    handle = host.submit("return 1", run_id=run_id)
    assert rows(url, "SELECT id FROM luahost_job") == [(handle.run_id,)]
    assert rows(url, "SELECT count(*) FROM procrastinate_jobs") == [(1,)]
    with pytest.raises(HostError, match="there is a run"):
        host.submit("return 1", run_id=handle.run_id)


def test_another_run_of_that_id_is_not_taken_for_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the database was away before the submission, the id may be another run's."""
    host.submit("return 1", run_id="monday")
    lose_answer(host.fleet.database, "INTO luahost_job", monkeypatch, before=True)
    with pytest.raises(HostError, match="there is a run monday already"):
        host.submit("return 2", run_id="monday")


def test_a_batch_goes_on_over_a_restart(host: Host, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row is one run."""
    monkeypatch.setattr("host.fleet.submission.PIECE", 2)
    lose_answer(host.fleet.database, "INTO luahost_job", monkeypatch)
    ids = list(host.fleet.submit_many(*batch_of(5)))
    assert sorted(ids) == sorted(id for (id,) in rows(url, "SELECT id FROM luahost_job"))
    assert rows(url, "SELECT count(*) FROM procrastinate_jobs") == [(5,)]


def test_a_job_whose_claim_was_not_answered_is_taken_again(
    host: Host, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue says that a live worker has it, and the worker does not know of it: it gives it back and runs it."""
    claim, lost = claims.claim, []

    def claimed(*told: Any) -> Any:
        found = claim(*told)
        if found is not None and not lost:
            lost.append(found.run)
            raise JournalLost(AWAY)
        return found

    monkeypatch.setattr(claims, "claim", claimed)
    with working(host):
        handle = host.submit("return 'ran'")
        assert handle.result(20).value == "ran"
    assert lost == [handle.run_id]
    assert rows(url, "SELECT attempts FROM luahost_job") == [(2,)]


def test_a_run_whose_beginning_was_lost_is_begun_again(host: Host, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker that could not record it is the one that runs it, at its second attempt."""
    database = host.durable_runs.journal._database
    write, lost = database.write, []

    def writing(statements: Any) -> int:
        if not lost and any("INTO luahost_run" in sql for sql, _ in statements):
            lost.append(statements)
            raise JournalLost(AWAY)
        return write(statements)

    monkeypatch.setattr(database, "write", writing)
    with working(host):
        assert host.submit("return new_product():name('x'):create()").result(20).value.startswith("prod_")
    assert lost
    assert rows(url, "SELECT attempts FROM luahost_job") == [(2,)]


def test_commands_wait_for_a_database_that_restarts(own_server: Server, tmp_path: Path) -> None:
    """``host.submit`` returns once it is back; ``runs show -f`` shows all that the run prints, each line once."""
    url = own_server.url()
    script = "for n = 1, 6 do print('line ' .. n) sleep(0.3) end return 'done'"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "HOST_DATABASE": url}
    out, err = tmp_path / "out", tmp_path / "err"
    with (
        Host(database=url, stripe_secret_key=KEY, run_lease=2) as host,
        closing(Process(url, "http://127.0.0.1:9", tmp_path)) as worker,
        out.open("wb") as stdout,
        err.open("wb") as stderr,
    ):
        handle = host.submit(script)
        command = [sys.executable, "-m", "host", "runs", "show", "-f", handle.run_id]
        with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=stdout, stderr=stderr) as following:
            until(out.read_text, "output that is followed")
            own_server.stop()
            for log in (worker.log, err):
                until(lambda log=log: "trying again" in log.read_text(), "that it is away is noticed")
            with ThreadPoolExecutor(1) as thread:
                submitted = thread.submit(host.submit, "return 'later'")
                own_server.start()
                assert submitted.result(40).result(40).value == "later"
            assert following.wait(40) == 0, err.read_text()
    assert out.read_text().splitlines()[:7] == [*(f"line {n}" for n in range(1, 7)), job_line(handle.run_id)]


def job_line(run_id: str) -> str:
    return f"{run_id}  inline  done  queue default, priority 0"


def lose_answer(database: FleetDatabase, part: str, monkeypatch: pytest.MonkeyPatch, *, before: bool = False) -> None:
    """Make the first statement with this text fail after it was executed, or ``before``."""
    execute, lost = database.rows, []

    def losing(statement: str, values: Any = ()) -> Any:
        is_lost = part in statement and not lost
        found = [] if is_lost and before else execute(statement, values)
        if is_lost:
            lost.append(statement)
            raise JournalLost(AWAY)
        return found

    monkeypatch.setattr(database, "rows", losing)


def batch_of(number: int) -> tuple[Any, ...]:
    """The arguments of ``submit_many`` for so many rows."""
    return Script.of("return row"), RunOptions(), Placing(), [{"row": n} for n in range(number)], "batch"
