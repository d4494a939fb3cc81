"""``python -m host bench``: the load it makes and the line it ends with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.measure import environment
from benchmarks.servers import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def bench(server: Server, *options: str, base_url: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "host", "bench", "--base-url", base_url or server.base_url),
            *("--key", "sk_test_bench", *options),
        ],
        env=environment(server),
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("scripts", "tasks", "creates", "warmup"),
    [(1, 1, 5, 0), (3, 2, 10, 4), (1, 7, 20, 3), (4, 3, 2, 1), (2, 2, 1, 9)],
)
def test_it_makes_just_the_creates_it_is_asked_for(
    server: Server, scripts: int, tasks: int, creates: int, warmup: int
) -> None:
    """Creates that do not divide evenly over scripts and tasks are all made, and not one request more."""
    before = server.count()
    load = [
        "--scripts",
        str(scripts),
        "--tasks",
        str(tasks),
        "--creates",
        str(creates),
        "--warmup",
        str(warmup),
    ]
    done = bench(server, *load)
    after = server.count()
    assert (done.returncode, done.stderr) == (0, "")
    assert after["creates"] - before["creates"] == creates + warmup
    assert after["others"] == before["others"]
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures) == ["us_per_create", "rps", "cpu_us_per_create", "peak_rss_kb", "creates"]
    assert figures["creates"] == creates
    assert all(value > 0 for value in figures.values())


def test_a_create_that_fails_ends_it_with_what_failed(server: Server) -> None:
    """No figure is given for a server that does not answer as it should."""
    done = bench(server, "--creates", "4", "--scripts", "2", base_url=f"{server.base_url}/nowhere")
    assert done.returncode == 4
    assert done.stdout == ""
    assert "only POST /v1/products" in done.stderr
    assert "sk_test_bench" not in done.stderr


@pytest.mark.parametrize("wrong", [["--scripts", "0"], ["--creates", "0"], ["--warmup", "-1"], ["--tasks", "x"]])
def test_numbers_that_make_no_sense_are_refused(server: Server, wrong: list[str]) -> None:
    """The option is named and nothing is sent."""
    before = server.count()
    done = bench(server, "--creates", "1", *wrong)
    assert done.returncode == 2
    assert wrong[0] in done.stderr
    assert server.count() == {**before, "accepted": before["accepted"] + 1}
