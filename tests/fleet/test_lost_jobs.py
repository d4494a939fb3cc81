"""Runs of lost workers that are cancelled, with no other worker there; runs that are queued again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host import Host
from host.fleet import attendance, jobs, lost_jobs, texts
from host.fleet.batches import cancel_batch
from host.fleet.fleet import Placing
from host.run.options import RunOptions
from host.run.script import Script
from tests.fleet.machines import FIVE, Ledger, Process, five, rows, until, working

Api = tuple[Ledger, str]
Start = Callable[..., Process]


def status_of(url: str, run: str) -> tuple[str, str | None]:
    """What the fleet and the journal say of a run."""
    ((fleet, journal),) = rows(
        url,
        "SELECT job.status, run.status FROM luahost_job job LEFT JOIN luahost_run run USING (id) WHERE id = %s",
        run,
    )
    return fleet, journal


@pytest.mark.parametrize("when", ["before its lease ended", "after its lease ended"])
def test_a_run_of_a_lost_worker_is_cancelled_where_no_worker_is_left(
    submitter: Host, api: Api, worker: Start, url: str, when: str
) -> None:
    """Whoever looks at it once the lease has ended finds it cancelled; its job is gone, and it can be tried again."""
    first = worker()
    handle = submitter.submit(FIVE, args=["a"])
    until(lambda: api[0].arrived >= 2, "a run under way")
    first.kill()
    if when == "after its lease ended":
        ended = "SELECT 1 FROM luahost_run WHERE lease < extract(epoch FROM clock_timestamp())"
        until(lambda: rows(url, ended), "the end of the lease")
    assert handle.cancel()
    if when == "after its lease ended":
        assert status_of(url, handle.run_id) == ("cancelled", "cancelled")
    result = handle.result(20)
    assert result.error is not None
    assert result.error.kind == "cancelled"
    assert status_of(url, handle.run_id) == ("cancelled", "cancelled")
    assert rows(url, "SELECT count(*) FROM procrastinate_jobs") == [(0,)]
    jobs.retry(submitter.fleet.database, handle.run_id)
    worker()
    assert handle.result(40).value == "a"
    assert api[0].products() == five("a")


def test_a_batch_and_a_list_end_what_a_lost_worker_had(submitter: Host, worker: Start, url: str) -> None:
    """``runs cancel BATCH`` counts them as cancelled; ``runs list`` shows as cancelled what was to be ended."""
    order = (RunOptions(), Placing(), [{"n": n} for n in range(3)], "batch")
    ids = list(submitter.fleet.submit_many(Script.of("sleep(60)"), *order))
    first = worker(more=("--concurrency", "2"))
    running = "SELECT id FROM luahost_run JOIN luahost_job USING (id) WHERE luahost_job.status = 'running'"
    until(lambda: len(rows(url, running)) == 2, "runs under way")
    first.kill()
    database = submitter.fleet.database
    rows(url, "UPDATE luahost_job SET cancel = true WHERE id = %s", ids[0])
    rows(url, "UPDATE luahost_run SET lease = 1")
    assert jobs.statuses(database, ids) == {ids[0]: "cancelled", ids[1]: "running", ids[2]: "queued"}
    assert cancel_batch(database, "batch") == (2, 0)
    assert set(jobs.statuses(database, ids).values()) == {"cancelled"}


def test_a_live_workers_run_is_ended_by_its_worker(submitter: Host, worker: Start, url: str) -> None:
    """Nobody else ends it, however often it is looked at; also one that was taken and not begun yet."""
    worker()
    handle = submitter.submit("print('here') sleep(60)")
    until(lambda: jobs.output(submitter.fleet.database, handle.run_id)[0], "a run under way")
    rows(url, "UPDATE luahost_job SET cancel = true")
    assert lost_jobs.end_cancelled(submitter.fleet.database) == []
    assert handle.result(20).output == "here\n"
    rows(url, "UPDATE procrastinate_workers SET last_heartbeat = now()")
    waiting = submitter.submit("return 1", at=4e9)
    rows(url, "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT number FROM luahost_worker)")
    rows(url, "UPDATE luahost_job SET status = 'running', cancel = true WHERE id = %s", waiting.run_id)
    assert lost_jobs.end_cancelled(submitter.fleet.database) == []
    rows(url, "UPDATE luahost_worker SET lease = -1")
    assert lost_jobs.end_cancelled(submitter.fleet.database) == [waiting.run_id]


def test_a_cancelled_run_that_a_woken_worker_has_not_begun_is_ended(host: Host, url: str) -> None:
    """It was ended while its worker was stopped: the worker ends it too, once it looks."""
    with working(host):
        handle = host.submit("print('here') sleep(60)")
        until(lambda: jobs.output(host.fleet.database, handle.run_id)[0], "a run under way")
        rows(url, "UPDATE luahost_job SET status = 'cancelled', cancel = true, ended = now()")
        until(lambda: status_of(url, handle.run_id)[1] == "cancelled", "the end of the run")


@pytest.mark.parametrize("at", [None, 4e9])
def test_what_is_cancelled_and_tried_again_is_one_job(host: Host, url: str, at: float | None) -> None:
    """It waits still, and is not delivered twice; also one that was for later, which now goes at once."""
    handle = host.submit("return 'ran'", at=at)
    for _ in range(3):
        handle.cancel()
        jobs.retry(host.fleet.database, handle.run_id)
    assert rows(url, "SELECT count(*) FROM procrastinate_jobs") == [(1,)]
    with working(host):
        assert handle.result(20).value == "ran"
        handle = host.submit("print('x') sleep(60)")
        until(lambda: jobs.output(host.fleet.database, handle.run_id)[0], "a run under way")
        handle.cancel()
        assert handle.result(20).error is not None
        jobs.retry(host.fleet.database, handle.run_id)
        assert rows(url, "SELECT count(*) FROM procrastinate_jobs") == [(1,)], "its job had gone"
        handle.cancel()


def test_a_worker_that_cannot_write_modules_leaves_the_run(
    host: Host, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its disk is full: the run says so and goes on waiting, for another worker or for room."""
    (tmp_path / "a.lua").write_text("return require('b')")
    (tmp_path / "b.lua").write_text("return 'from b'")
    with monkeypatch.context() as full, working(host) as told:
        full.setattr(Path, "write_bytes", no_room)
        handle = host.submit(str(tmp_path / "a.lua"))
        until(lambda: any("cannot be written on this worker: No space left" in each for each in told), "the reason")
        until(lambda: "No space left" in (host.fleet.waits(handle.run_id) or ""), "the run's own note")
        full.undo()
        assert handle.result(20).value == "from b"


def no_room(*_: Any) -> int:
    raise OSError(28, "No space left on device")


def test_a_defect_leaves_no_run_with_a_worker_that_does_nothing(
    host: Host, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is raised while a run is begun, its job is queued again, with the reason, and can be run."""
    monkeypatch.setattr(attendance, "LONGEST", 0.0)
    begin, failed = attendance.Attendance._carry, []

    def failing(self: Any, script: Script) -> Any:
        kept = begin(self, script)
        if not failed:
            failed.append(1)
            raise RuntimeError("nobody thought of this")
        return kept

    monkeypatch.setattr(attendance.Attendance, "_carry", failing)
    with working(host) as told:
        assert host.submit("return 'ran'").result(20).value == "ran"
    assert any("a defect of luahost on this worker: RuntimeError: nobody thought of this" in each for each in told)


def test_folders_of_scripts_that_are_not_kept_are_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of a worker holds those of its last scripts and of its runs, whatever it has run."""
    monkeypatch.setattr(texts, "KEPT", 1)
    code = b"return 1"
    folders = texts.ScriptFolders(lambda hashes: dict.fromkeys(hashes, code))
    hash = texts._hash(code)
    first, second = (folders.script(name, hash, {"b.lua": hash}) for name in ("first", "second"))
    assert first.folder is not None
    assert second.folder is not None
    held = first.folder
    assert (held / "b.lua").read_bytes() == code, "a run has it still"
    assert folders.script("first", hash, {"b.lua": hash}).folder != held
    del first
    assert not held.exists()
    assert second.folder.exists()
    folders.close()
