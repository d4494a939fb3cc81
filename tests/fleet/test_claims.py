"""Taking jobs from the queue while others put some in, cancel them and take them back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from host import Host
from host.fleet import claims
from host.fleet.database import FleetDatabase
from tests.fleet.machines import rows, until

WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'advisory'"


@pytest.fixture
def database(host: Host, url: str) -> Iterator[FleetDatabase]:
    """The fleet's, with its tables."""
    host.submit("return 0")
    found = FleetDatabase(url)
    yield found
    found.close()


def test_what_is_submitted_while_jobs_are_taken_is_not_lost(
    host: Host, url: str, database: FleetDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that was taken by a statement older than its run is taken again, and not thrown away."""
    ((queue,),) = rows(url, "SELECT queue || '#' || need FROM luahost_job")
    ((number,),) = rows(url, "SELECT worker_id FROM procrastinate_register_worker_v1()")
    first = claims.claim(database, [queue], "w", number)
    assert first is not None
    assert first.script is not None
    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as thread:
        fetching = "procrastinate_fetch_job_v2(%(queues)s::varchar[], %(number)s"
        pausing = f"(SELECT 0 AS n FROM pg_advisory_lock_shared(7)) AS pause, LATERAL {fetching} + pause.n"
        assert fetching in claims._CLAIM
        patch.setattr(claims, "_CLAIM", claims._CLAIM.replace(fetching, pausing))
        with psycopg.connect(url, autocommit=True) as holding:
            holding.execute("SELECT pg_advisory_lock(7)")
            taking = thread.submit(claims.claim, database, [queue], "w", number)
            until(lambda: bool(rows(url, WAITING)), "the statement that takes a job")
            handle = host.submit("return 1")
        taken = taking.result(20)
    assert taken is not None
    assert (taken.run, taken.script) == (handle.run_id, None)
    claims.let_go(database, taken, number)
    again = claims.claim(database, [queue], "w", number)
    assert again is not None
    assert (again.run, again.job, again.script) == (handle.run_id, taken.job, "inline")
    assert claims.claim(database, [queue], "w", number) is None


def test_a_cancelled_run_leaves_the_queue(host: Host, url: str, database: FleetDatabase) -> None:
    """Its job is taken once more, and is gone."""
    ((queue,),) = rows(url, "SELECT queue || '#' || need FROM luahost_job")
    ((number,),) = rows(url, "SELECT worker_id FROM procrastinate_register_worker_v1()")
    taken = claims.claim(database, [queue], "w", number)
    assert taken is not None
    rows(url, "UPDATE luahost_job SET cancel = true")
    claims.let_go(database, taken, number)
    assert rows(url, "SELECT status FROM luahost_job") == [("cancelled",)]
    assert rows(url, "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')") == [(0,)]
