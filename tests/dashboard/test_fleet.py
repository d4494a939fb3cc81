"""The pages of a fleet, on its own tables."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from host.dashboard.fleet_tables import FleetTables
from host.fleet.database import FleetDatabase
from tests.cli.conftest import clean, process
from tests.crash.postgres import binaries, postgres
from tests.dashboard.conftest import Board, Browser

__all__ = ["clean", "process"]

pytestmark = pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed (apt-get install postgresql)")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres() as url:
        FleetDatabase(url).close()
        yield url


class Fleet(Board):
    """A board whose database has a fleet's tables."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, url)
        self.database = psycopg.connect(url, autocommit=True)
        self._fleet = FleetDatabase(url)
        self.tables = FleetTables(self._fleet)

    def submit(self, id: str, **values: Any) -> None:
        """A row of what was asked for."""
        row = {
            "id": id, "queue": "default", "priority": 0, "script": "pay.lua", "text": "", "modules": "[]",
            "args": b"\x90", "globals": b"\x80", "options": "{}", "need": "", **values,
        }  # fmt: skip
        names = ", ".join(row)
        places = ", ".join(f"%({name})s" for name in row)
        self.database.execute(f"INSERT INTO luahost_job ({names}) VALUES ({places})", row)

    def close(self) -> None:
        for table in ("job", "output", "worker", "schedule"):
            self.database.execute(f"TRUNCATE luahost_{table}")
        for run in self.journal.runs():
            self.journal.delete(run.id)
        self.database.close()
        self._fleet.close()
        super().close()


@pytest.fixture
def fleet(url: str, tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path, url)
    yield fleet
    fleet.close()


@pytest.fixture
def browser(fleet: Fleet) -> Browser:
    return fleet.browser()


def test_an_empty_fleet_says_how_to_begin(browser: Browser) -> None:
    """Each page is there, without a table."""
    assert "Nothing waits or runs" in browser.open("/queues").text
    assert "Nothing waits or runs" in browser.open("/queue?name=none").text
    assert "luahost worker" in browser.open("/workers").text
    assert "luahost submit" in browser.open("/schedules").text


def test_queues_are_counted_and_lead_to_what_waits(fleet: Fleet, browser: Browser) -> None:
    """Waiting, due later and running are told apart; what is over does not count."""
    fleet.submit("a", queue="big & slow")
    fleet.submit("b", queue="big & slow", due="2300-01-01T00:00Z")
    fleet.submit("c", queue="big & slow", status="running", worker="w1")
    fleet.submit("d", queue="big & slow", status="done")
    fleet.submit("e", queue="small", note="no worker has <b>petstore</b>")
    page = browser.open("/queues")
    assert "big & slow 1 1 1" in page.text
    assert "small 1 0 0" in page.text
    link = page.links("/queue?name=big")[0]
    page = browser.open(link)
    assert page.links("/runs/") == ["/runs/a", "/runs/b", "/runs/c"]
    assert "no worker has <b>petstore</b>" in browser.open("/queue?name=small").text


def test_long_lists_are_paged(fleet: Fleet, browser: Browser) -> None:
    """Hundreds of runs, queues, workers and schedules: 100 on a page, each on one."""
    for number in range(150):
        fleet.submit(f"r{number:03}", queue="all")
        fleet.submit(f"q{number:03}", queue=f"queue{number:03}")
        worker(fleet, f"w{number:03}")
        fleet.database.execute(
            "INSERT INTO luahost_schedule (name, cron, zone, run, next) VALUES (%s, '0 3 * * *', 'UTC', '', now())",
            [f"s{number:03}"],
        )
    for first, start in (("/queues", "queue"), ("/queue?name=all", "r"), ("/workers", "w"), ("/schedules", "s")):
        at: str | None = first
        seen: list[str] = []
        while at is not None:
            page = browser.open(at)
            rows = [each for each in page.rows if each.startswith(start)]
            assert 0 < len(page.rows) <= 100
            seen += rows
            at = page.link("next")
            at = at and (first.partition("?")[0] + at)
        assert len(seen) == len(set(seen)) == 150


def worker(fleet: Fleet, name: str, beat: str = "now()", **values: Any) -> None:
    """A row of a worker."""
    row = {
        "name": name, "number": 1, "machine": "m1", "pid": 7, "version": "0.1.0", "queues": '["all"]',
        "concurrency": 20, "running": 3, "draining": False, "offers": "{}", "lease": 30.0, **values,
    }  # fmt: skip
    places = ", ".join(f"%({key})s" for key in row)
    fleet.database.execute(f"INSERT INTO luahost_worker ({', '.join(row)}, beat) VALUES ({places}, {beat})", row)


def test_workers_are_alive_draining_or_lost(fleet: Fleet, browser: Browser) -> None:
    """By the database's clock, and the lease each has."""
    worker(fleet, "w1")
    worker(fleet, "w2", draining=True)
    worker(fleet, "w3", beat="now() - interval '31 seconds'")
    worker(fleet, "<i>w4</i>", beat="now() + interval '1 hour'", queues="[]")
    text = browser.open("/workers").text
    assert "<i>w4</i> alive m1 7 0.1.0 all 3 20" in text
    assert "w1 alive m1 7 0.1.0 all 3 20" in text
    assert "w2 draining" in text
    assert "w3 lost" in text


def test_a_submitted_run_shows_what_the_queue_says_and_its_output(fleet: Fleet, browser: Browser) -> None:
    """Also before a worker has begun it; its output is put together from its pieces, the end of it where it is long."""
    fleet.submit("r", queue="big", priority=5, note="waits for a worker", batch="b1")
    page = browser.open("/runs/r")
    assert page.status == 200
    assert "queue big , priority 5" in page.text
    assert "queued" in page.text
    assert "no worker" in page.text
    fleet.run('stripe.customers.create{name="Ann"}', "r")
    for start, data in ((0, b"first \xe2\x82"), (8, b'\xac <b>bold</b> {"password": "hunter2"}\n')):
        fleet.database.execute("INSERT INTO luahost_output (run, start, data) VALUES ('r', %s, %s)", [start, data])
    page = browser.open("/runs/r")
    assert "first € <b>bold</b>" in page.text
    assert "hunter2" not in page.text
    assert "stripe.customers.create" in page.text
    fleet.database.execute("INSERT INTO luahost_output (run, start, data) VALUES ('r', 11, 'bold, again')")
    assert "bold, again" not in browser.open("/runs/r").text
    fleet.database.execute(
        "INSERT INTO luahost_output (run, start, data) VALUES ('r', 100, %s)", [b"x" * 100_000 + b"the end"]
    )
    page = browser.open("/runs/r")
    assert "The end of it" in page.text
    assert "the end" in page.text
    assert "first" not in page.text.partition("Output")[2].partition("Calls")[0].replace("first,", "")
    assert len(page.text) < 80_000


def test_a_submitted_run_is_cancelled_and_retried_by_its_queue(fleet: Fleet, browser: Browser) -> None:
    """What waits is cancelled at once, what runs is marked for its worker, what failed goes back to its queue."""
    fleet.submit("waits")
    fleet.submit("runs", status="running")
    fleet.submit("failed", status="failed", error='{"message": "no <b>luck</b>"}')
    fleet.submit("done", status="done")
    assert "cancelled" in browser.send("/runs/waits", "/runs/waits/cancel").text
    assert "to be cancelled" in browser.send("/runs/runs", "/runs/runs/cancel").text
    page = browser.open("/runs/failed")
    assert "no <b>luck</b>" in page.text
    assert "queued" in browser.send("/runs/failed", "/runs/failed/retry").text
    assert not browser.open("/runs/done").forms
    token = page.forms["/runs/failed/retry"]
    for path in ("/runs/done/retry", "/runs/done/cancel", "/runs/runs/retry"):
        assert browser.ask("POST", path, data=token).status_code == 400
    assert browser.ask("POST", "/runs/none/retry", data=token).status_code == 404
    assert browser.ask("POST", "/runs/failed/cancel", data={"form_token": "x"}).status_code == 403


def test_a_submitted_run_is_not_resumed_past_its_queue(fleet: Fleet, browser: Browser) -> None:
    """The dashboard's own process does not take what a worker is to run; what is over can be undone."""
    fleet.run('stripe.customers.create{name="a"} error("x")', "r")
    token = browser.open("/runs/r").forms["/runs/r/resume"]
    fleet.submit("r", status="failed")
    page = browser.open("/runs/r")
    assert set(page.forms) == {"/runs/r/retry"}
    assert browser.ask("POST", "/runs/r/resume", data=token).status_code == 400
    assert page.links("/runs/r/undo")
    fleet.database.execute("UPDATE luahost_job SET status = 'running'")
    assert not browser.open("/runs/r").links("/runs/r/undo")


def test_the_command_finds_the_fleet_in_its_setting(
    process: Callable[..., subprocess.Popen[bytes]], fleet: Fleet, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HOST_DATABASE is the journal and the fleet; its address stands on no page with a password."""
    fleet.submit("waits", queue="big")
    monkeypatch.setenv("HOST_DATABASE", url.replace("journal@", "journal:hunter2@"))
    running = process("dashboard", "--port", "0")
    assert running.stderr is not None
    line = running.stderr.readline().decode()
    assert "hunter2" not in line
    answer = httpx.get(f"{line.split(' at ')[1].split()[0]}/queues")
    assert "big" in answer.text
    assert "hunter2" not in answer.text
    running.terminate()
    assert running.wait(20) == 0


def test_what_is_no_run_is_not_found_in_a_fleet_either(browser: Browser) -> None:
    """Ids that cannot be are not asked the database for."""
    for path in ("/runs/none", "/runs/%00", "/runs/a%27--"):
        assert browser.open(path).status == 404
    assert browser.open(f"/queue?name={'x' * 300}").status == 400
    assert browser.open("/queue?name=%00").status == 200
