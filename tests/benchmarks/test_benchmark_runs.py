"""How runs are taken, checked against the server, and judged."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks import table
from benchmarks.contestants import Contestant, Load
from benchmarks.environments import PEERS
from benchmarks.measure import RunError, Series, interleave, run_once
from benchmarks.scenarios import Outcome, hold, load_of, scenarios
from benchmarks.servers import Server

PLAIN = """
import json, os, sys, urllib.request
for _ in range(int(sys.argv[1])):
    urllib.request.urlopen(os.environ["STRIPE_API_BASE"] + "/v1/products", b"a=b").read()
print(sys.argv[2])
"""


def program(creates: int, last: str = '{"us_per_create": 1.5}') -> Contestant:
    return Contestant("plain", lambda *_: [sys.executable, "-c", PLAIN, str(creates), last])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def test_a_run_gives_what_the_program_printed(server: Server) -> None:
    """The figures are those of the last line, and the time of the whole process."""
    figures = run_once(program(3), server, Load(2, warmup=1))
    assert figures["us_per_create"] == 1.5
    assert figures["process_ms"] > 0


@pytest.mark.parametrize("made", [2, 4])
def test_a_run_that_made_another_number_of_creates_is_no_figure(server: Server, made: int) -> None:
    """The server's own count decides, not what the program says."""
    with pytest.raises(RunError, match=f"made {made} creates and 0 other requests, not 3 and 0"):
        run_once(program(made), server, Load(2, warmup=1))


def test_a_program_that_fails_or_says_nothing_is_named_with_its_last_word(server: Server) -> None:
    """A broken peer becomes a line in the table, never a figure."""
    with pytest.raises(RunError, match="its last line is not JSON"):
        run_once(program(1, "done"), server, Load(1))
    broken = replace(program(0), command=lambda *_: [sys.executable, "-c", "raise SystemExit('no such host')"])
    with pytest.raises(RunError, match="status 1: no such host"):
        run_once(broken, server, Load(1))


@pytest.mark.parametrize("pinned", [True, False])
def test_a_pinned_scenario_gives_a_contestant_and_the_server_its_number_of_cores(server: Server, pinned: bool) -> None:
    """A second process has a core more than one, and the server none to itself."""
    free = os.sched_getaffinity(0)
    seen: dict[int, int] = {}

    def take(contestant: Contestant, running: Server, _: Load, cores: set[int] | None) -> dict[str, float]:
        of_server = os.sched_getaffinity(running.pid)
        assert of_server == (cores or free)
        seen[contestant.cores] = len(of_server)
        return {"rps": 1.0}

    spread = next(scenario for scenario in scenarios() if scenario.name == "processes")
    try:
        hold(replace(spread, take=take, pinned=pinned, rounds=1), (), server, lambda _: None)
    finally:
        server.pin(free)
    assert seen == ({1: 1, 2: min(2, len(free))} if pinned else {1: len(free), 2: len(free)})


def test_turns_are_taken_and_a_failed_one_is_out() -> None:
    """Each round starts with another; slow ones skip every other round, broken and missing ones the rest."""
    names: list[str] = []

    def one(contestant: Contestant) -> dict[str, float]:
        names.append(contestant.name)
        if contestant.name == "broken":
            raise RunError("no")
        return {"rps": float(len(names))}

    plain = program(0)
    everyone = [
        Series(replace(plain, name="a")),
        Series(replace(plain, name="slow", slow=True)),
        Series(replace(plain, name="broken")),
        Series(replace(plain, name="gone", missing="not here")),
    ]
    for _ in interleave(everyone, 3, one):
        pass
    assert names == ["a", "slow", "broken", "a", "a", "slow"]
    assert [series.error for series in everyone] == ["", "", "no", ""]


def test_slow_peers_do_less_only_where_the_figure_is_a_mean() -> None:
    """A quarter of the creates in a rate, all of them where the whole is timed."""
    by_name = {scenario.name: scenario for scenario in scenarios()}
    slow = replace(program(0), slow=True)
    assert load_of(slow, by_name["inflight"]).creates == by_name["inflight"].load.creates // 4
    assert load_of(slow, by_name["wide"]).creates == 5000


def test_the_table_has_medians_ratios_and_reasons() -> None:
    """Every contestant has a row: a figure with its ratio to the first, or why there is none."""
    scenario = scenarios()[0]
    plain = program(0)
    ours = Series(replace(plain, name="ours"), [{"us_per_create": v} for v in (30.0, 10.0, 20.0)])
    peer = Series(replace(plain, name="peer"), [{"us_per_create": 50.0}])
    gone = Series(replace(plain, name="gone", missing="no node here"))
    outcome = Outcome(scenario, [ours, peer, gone])
    rows = list(table.lines(outcome))[2:]
    assert rows[0].split()[:5] == ["ours", "20", "10", "30", "1.00"]
    assert rows[1].split()[:5] == ["peer", "50", "50", "50", "2.50"]
    assert rows[2].split(maxsplit=1) == ["gone", "no node here"]
    assert table.medians([outcome]) == {("serial", "ours"): 20.0, ("serial", "peer"): 50.0}
    assert table.record([outcome], [])["scenarios"][0]["contestants"][0]["runs"] == ours.runs


@pytest.mark.parametrize(("mode", "width"), [("serial", 1), ("inflight", 3)])
def test_a_peer_makes_just_the_creates_it_is_asked_for(server: Server, mode: str, width: int) -> None:
    """Creates and warm-up that do not divide evenly are still all made, and no more."""

    def command(base_url: str, load: Load) -> list[str]:
        asked = ["--mode", mode, "--concurrency", str(width)]
        amount = ["--creates", str(load.creates), "--warmup", str(load.warmup)]
        return [sys.executable, str(PEERS / "plain_httpx.py"), "--base-url", base_url, *asked, *amount]

    figures = run_once(Contestant("plain httpx", command), server, Load(10, width, 4))
    assert figures["creates"] == 10
    assert {"us_per_create", "rps", "cpu_us_per_create", "peak_rss_kb"} <= set(figures)
