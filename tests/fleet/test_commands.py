"""``submit``, ``worker`` and the ``runs`` commands of a fleet, as processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from host import Host
from tests.fleet.machines import ROOT, rows, until

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environ(url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "HOST_DATABASE": url,
        "HOST_RUN_LEASE": "2",
    }  # fmt: skip


@pytest.fixture
def cli(environ: dict[str, str], tmp_path: Path) -> Cli:
    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "host", *words]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environ | more, timeout=60)

    return run


@pytest.fixture
def worker(environ: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[Any]]:
    with (tmp_path / "worker.log").open("wb") as log:
        command = [sys.executable, "-m", "host", "worker", "--simulate"]
        process = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=log, stderr=log)
    until(lambda: "runs up to" in (tmp_path / "worker.log").read_text(), "a worker")
    yield process
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0, (tmp_path / "worker.log").read_text()


def test_from_submit_to_its_output(cli: Cli, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Ids on stdout; runs list, show and show -f from any machine; what waits says for what."""
    (tmp_path / "a.lua").write_text("print('made', args[1], new_product():name(args[1]):create()) return 1")
    (tmp_path / "rows.csv").write_text("name\nx\ny\n")
    (tmp_path / "each.lua").write_text("print(row.name)")
    one = cli("submit", "a.lua", "thing")
    assert one.returncode == 0, one.stderr
    assert re.fullmatch(r"run_\w+\n", one.stdout)
    assert "no worker of the queue default is running" in one.stderr
    many = cli("submit", "each.lua", "--each", "rows.csv", "--name", "batch")
    assert (many.stdout, many.stderr.splitlines()[0]) == ("batch.1\nbatch.2\n", "2 runs submitted")
    listed = cli("runs", "list").stdout
    assert listed.count("queued") == 3
    assert "no worker of the queue default" in cli("runs", "show", one.stdout.strip()).stdout
    assert cli("runs", "cancel", "batch.2").stdout == "batch.2 was cancelled\n"
    request.getfixturevalue("worker")
    followed = cli("runs", "show", "-f", one.stdout.strip())
    assert re.match(r"made\tthing\tprod_\w+\n", followed.stdout), followed.stderr
    assert "done  queue default, priority 0" in followed.stdout
    assert "products.create" in followed.stdout
    assert cli("runs", "show", "-f", "batch.1").stdout.startswith("x\n")
    assert cli("runs", "retry", "batch.2").stdout == "batch.2 was queued again\n"
    assert cli("runs", "show", "-f", "batch.2").stdout.startswith("y\n")


def test_a_schedule_by_its_name(cli: Cli, tmp_path: Path) -> None:
    """It is listed with its next time, and removed by ``runs cancel``."""
    (tmp_path / "a.lua").write_text("return 1")
    made = cli("submit", "a.lua", "--cron", "30 2 * * *", "--timezone", "Europe/Berlin", "--name", "nightly")
    assert made.stdout == "nightly\n", made.stderr
    assert "due first at" in made.stderr
    assert re.search(r"nightly +30 2 \* \* \* Europe/Berlin +\d{4}-", cli("runs", "list").stdout)
    assert "is removed" in cli("runs", "cancel", "nightly").stdout
    assert "nightly" not in cli("runs", "list").stdout


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["submit", "-e", "return 1", "--cron", "* * * * *"], 2, "--cron needs --name"),
        (["submit", "-e", "return 1", "--name", "x"], 2, "--name names a schedule"),
        (["submit", "-e", "return 1", "--timezone", "UTC"], 2, "--timezone applies only to --cron"),
        (["submit", "-e", "return 1", "--at", "soon"], 2, "--at soon: expected a time"),
        (["submit", "-e", "return 1", "--each", "x.csv", "--dedup", "k"], 2, "--dedup is for one run"),
        (["submit", "-e", "return 1", "--priority", "high"], 2, "priority"),
        (["submit", "-e", "return 1", "--queue", "a b"], 2, "queue's name"),
        (["submit", "-e", "return 1", "--cron", "x", "--name", "n"], 2, "not a cron expression"),
        (["submit", "-e", "this is { no Lua"], 2, "the script is no Lua, and no worker could run it: -e:1: "),
        (["submit", "missing.lua"], 2, "there is no script missing.lua"),
        (["worker"], 3, "STRIPE_SECRET_KEY is not set"),
        (["worker", "--simulate", "--journal", "x.sqlite"], 3, "a worker's journal is in the fleet's database"),
        (["runs", "cancel", "nobody"], 2, "there is no run nobody"),
        (["runs", "retry", "nobody"], 2, "no run nobody was submitted"),
        (["runs", "show", "-f", "nobody"], 2, "there is no run nobody"),
    ],
)
def test_mistakes_are_named(cli: Cli, words: list[str], status: int, message: str) -> None:
    """The option that is wrong and what was expected, with the exit code of its kind; no traceback."""
    done = cli(*words)
    assert (done.returncode, message in done.stderr) == (status, True), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["submit", "-e", "return 1"], ["worker", "--simulate"], ["runs", "retry", "x"]])
@pytest.mark.parametrize("database", ["", "sqlite:///x.sqlite"])
def test_without_postgresql_the_reason_is_given(cli: Cli, words: list[str], database: str) -> None:
    """No database, or SQLite: exit code 3, why, and what to do."""
    done = cli(*words, HOST_DATABASE=database)
    assert done.returncode == 3
    assert "HOST_DATABASE" in done.stderr
    assert "postgresql://USER@HOST/NAME" in done.stderr


def test_a_run_that_was_not_submitted_is_cancelled_too(cli: Cli, host: Host) -> None:
    """One that a program runs for itself, with its journal in the fleet's database."""
    begun = threading.Event()

    @host.function(effect="read")
    async def started() -> None:
        begun.set()

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(host.run_source, "print('here') started() sleep(60)", run_id="own")
        assert begun.wait(20)
        until(lambda: host.durable_runs.journal.run("own"), "the run is recorded")
        done = cli("runs", "cancel", "own")
        assert done.stdout == "own is running and is being stopped\n", done.stderr
        error = result.result(20).error
    assert error is not None
    assert error.kind == "cancelled"
    assert cli("runs", "show", "-f", "own").stdout.startswith("here\nown  ")


def test_a_second_worker_with_a_simulator_of_its_own_is_refused(
    cli: Cli, worker: subprocess.Popen[Any], tmp_path: Path
) -> None:
    """It could not go on with the first one's runs: it is told how several workers share one simulator."""
    log = tmp_path / "worker.log"
    until(lambda: "this worker has a simulator of its own" in log.read_text(), "it says so")
    second = cli("worker", "--simulate")
    assert second.returncode == 3
    assert "has a simulator of its own" in second.stderr
    assert "luahost simulate" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_batch_is_listed_in_pages_and_cancelled_as_one(cli: Cli, url: str, tmp_path: Path) -> None:
    """The newest so many, and how to see those before; its name cancels what is left of it, and leaves no job."""
    (tmp_path / "rows.csv").write_text("name\n" + "x\n" * 30)
    (tmp_path / "each.lua").write_text("return row.name")
    assert cli("submit", "each.lua", "--each", "rows.csv", "--name", "mail").returncode == 0
    assert cli("submit", "-e", "return 1", "--run-id", "other").returncode == 0
    listed = cli("runs", "list", "--limit", "5")
    assert len(listed.stdout.splitlines()) == 6
    assert "and there are more" in listed.stderr
    done = cli("runs", "cancel", "mail")
    assert (done.returncode, done.stdout) == (0, "mail: 30 runs are cancelled, 0 are running, and are being ended\n")
    assert cli("runs", "cancel", "mail").stdout.startswith("mail: 0 runs are cancelled")
    assert cli("runs", "cancel", "nothing").returncode != 0
    assert cli("runs", "retry", "mail.7").returncode == 0
    left = rows(url, "SELECT args ->> 'run' FROM procrastinate_jobs WHERE status = 'todo' ORDER BY 1")
    assert left == [("mail.7",), ("other",)]
    statuses = rows(url, "SELECT status, count(*)::int FROM luahost_job GROUP BY status ORDER BY status")
    assert statuses == [("cancelled", 29), ("queued", 2)]


def test_runs_before_one_are_listed(cli: Cli, worker: subprocess.Popen[Any]) -> None:
    """``--before ID`` goes on where a page ended; an id that is none is refused."""
    for name in ("a", "b", "c"):
        assert cli("submit", "-e", "return 1", "--run-id", name).returncode == 0
        until(lambda name=name: " done " in cli("runs", "show", name).stdout, "a run that is done")
    first = cli("runs", "list", "--limit", "2")
    assert [line.split()[0] for line in first.stdout.splitlines()[1:]] == ["c", "b"]
    assert "--before b shows older ones" in first.stderr
    then = cli("runs", "list", "--limit", "2", "--before", "b")
    assert [line.split()[0] for line in then.stdout.splitlines()[1:]] == ["a"]
    assert then.stderr == ""
    wrong = cli("runs", "list", "--before", "nope")
    assert (wrong.returncode, "there is no run nope" in wrong.stderr) == (2, True)
