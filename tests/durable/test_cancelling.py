"""Runs of one machine that another process wants ended: asked for in the journal, done by whoever runs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import pytest

from host import Host, RunResult, UsageError
from host.durable.cancelling import cancel, is_cancelled
from host.durable.journal import Journal
from host.durable.records import RunRow, Status
from host.run.job import WHY
from tests.durable.lab import Lab

SLEEPING = "started() sleep(60)"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@contextmanager
def running(lab: Lab, *ids: str, code: str = SLEEPING) -> Iterator[tuple[Host, list[Callable[[], RunResult]]]]:
    """Runs under way, each of which has called ``started()``; and what waits for their results."""
    begun = threading.Semaphore(0)
    with ThreadPoolExecutor(len(ids)) as pool, lab.host() as host:

        @host.function(effect="read")
        async def started() -> None:
            begun.release()

        results = [pool.submit(host.run_source, code, run_id=id) for id in ids]
        for _ in ids:
            assert begun.acquire(timeout=20)
        yield host, [each.result for each in results]


@contextmanager
def elsewhere(lab: Lab) -> Iterator[Journal]:
    """The journal as another process has it."""
    journal = Journal.open(lab.path)
    try:
        yield journal
    finally:
        journal.close()


def row(journal: Journal) -> RunRow:
    """The run, once it is recorded."""
    while (found := journal.run("r")) is None:
        continue
    return found


def test_a_run_is_ended_by_the_process_that_runs_it(lab: Lab) -> None:
    """That one and no other ends as cancelled, says so in the journal, and can be gone on with."""
    with running(lab, "r", "other") as (host, (result, other)):
        with elsewhere(lab) as journal:
            run = row(journal)
            cancel(journal, run)
            cancel(journal, run)  # twice is fine
            assert is_cancelled(journal, run)
            ended = result()
            assert ended.error is not None
            assert (ended.error.kind, ended.error.message) == ("cancelled", "the run was cancelled")
            assert lab.sql("SELECT id, status FROM luahost_run ORDER BY id") == [
                ("other", "running"), ("r", "cancelled"),
            ]  # fmt: skip
            assert lab.sql("SELECT * FROM luahost_cancel") == []
            assert not is_cancelled(journal, run)
        host.interrupt()
        assert other().error is not None


def test_a_cancelled_run_can_be_gone_on_with(lab: Lab) -> None:
    """What it did stands, and the rest is done."""
    with running(lab, "r", code="new_product():name('a'):create() started() sleep(0.5) return 'on'") as (_, (result,)):
        with elsewhere(lab) as journal:
            cancel(journal, row(journal))
        result()
    with lab.host() as host:
        host.function(_started, name="started", effect="read")
        found = host.resume("r")
    assert (found.value, lab.made()) == ("on", 1)


async def _started() -> None:
    pass


@pytest.mark.parametrize("status", [*get_args(Status), "broken off"])
def test_what_no_process_runs_cannot_be_cancelled(lab: Lab, status: str) -> None:
    """Whatever became of it is said instead."""
    lab.run("return 1")
    lab.sql("UPDATE luahost_run SET status = ?", "running" if status == "broken off" else status)
    with elsewhere(lab) as journal:
        run = row(journal)
        said = "broken off" if status == "running" else status
        with pytest.raises(UsageError, match=f"run r is {said}, and cannot be cancelled"):
            cancel(journal, run)
    assert lab.sql("SELECT * FROM luahost_cancel") == []


def test_what_was_asked_of_a_run_that_ended_is_not_done_to_its_successor(lab: Lab) -> None:
    """A run that ends by itself before its process has looked, and is begun anew there under the same id."""
    with lab.host() as host:
        host.run_source("return 1", run_id="r")
        owner = host.durable_runs.journal.owner
        lab.sql("INSERT INTO luahost_cancel (run, owner, at) VALUES ('r', ?, ?)", owner, 1.0)
        assert host.run_source("sleep(1.5) return 2", run_id="r", force_new=True).value == 2
    assert lab.sql("SELECT * FROM luahost_cancel") == []


def test_each_way_to_end_a_run_has_its_status(lab: Lab) -> None:
    """What a run's journal says is decided for every reason to end it."""
    expected = {
        "timeout": "interrupted",
        "interrupted": "interrupted",
        "cancelled": "cancelled",
        "closed": "interrupted",
    }
    assert set(expected) == set(WHY) - {"stopped"}
    for number, (why, status) in enumerate(expected.items()):
        with running(lab, f"r{number}") as (host, (result,)):
            for session in list(host._runs.services.alive):
                session.kill(why)
            error = result().error
            assert error is not None
            assert error.kind == WHY[why][0]  # type: ignore[index]
        assert lab.sql("SELECT status FROM luahost_run WHERE id = ?", f"r{number}") == [(status,)]
