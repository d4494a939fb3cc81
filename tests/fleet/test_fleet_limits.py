"""The limits of hosts in several processes with one database are those of one host."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from tests.fleet.ledger_server import LedgerServer, ledger_server

KEY = "sk_test_" + "q" * 24
OTHER_KEY = "sk_test_" + "z" * 24
CREATE = 'new_product():name("x"):create()'


class Process:
    """One worker's process; ``read`` gives the next thing it says."""

    def __init__(self, host: dict[str, Any], scripts: list[str], **more: Any) -> None:
        told = json.dumps({"host": host, "scripts": scripts, **more})
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fleet.limited_worker", told],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self.read() == "ready"

    def read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the process ended with {self.process.wait(10)}"
        return json.loads(line)

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")

    def results(self) -> list[dict[str, Any]]:
        found = []
        while (said := self.read()) != "ran":
            found.append(said)
        return found

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


Start = Callable[..., Process]


@pytest.fixture
def ledger() -> Iterator[LedgerServer]:
    with ledger_server(0.005) as found:
        yield found


@pytest.fixture
def start(database: str, ledger: LedgerServer) -> Iterator[Start]:
    """Starts a process whose host has the fleet's limits and calls ``ledger``."""
    with ExitStack() as stack:

        def begin(scripts: list[str], again: list[str] | None = None, *, longest: float = 0, **host: Any) -> Process:
            told = {"database": database, "stripe_secret_key": KEY, "stripe_api_base": ledger.url, **host}
            process = Process(told, scripts, again=again, longest=longest)
            stack.callback(process.close)
            return process

        yield begin


def failed(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in results if each["error"] is not None]


def test_the_rate_of_a_key_is_that_of_all_workers(start: Start, ledger: LedgerServer) -> None:
    """Three processes with 40 runs of one call each at 20 a second, while the server stops taking anything for 0.3
    seconds now and then: no second of it, wherever it begins, has more than 20 requests."""
    limits = {"stripe": {"rate": 20.0}}
    workers = [start([CREATE] * 40, api_limits=limits, request_deadline=90.0) for _ in range(3)]
    with ledger.stalling(0.3):
        for each in workers:
            each.go()
        assert [failed(each.results()) for each in workers] == [[], [], []]
    assert len(ledger.times) == 120
    assert ledger.most_in(1.0) <= 20


def test_another_key_has_a_rate_of_its_own(start: Start, ledger: LedgerServer) -> None:
    """What is counted is each key's: a worker with another key does not wait for the first."""
    limits = {"stripe": {"rate": 0.02}}  # one in 50 seconds
    first, other = start([CREATE], api_limits=limits), start([CREATE], api_limits=limits, stripe_secret_key=OTHER_KEY)
    for each in (first, other):
        each.go()
        assert failed(each.results()) == []
    assert len(ledger.times) == 2


@pytest.mark.parametrize("limits", [{"max_per_host": 4}, {"api_limits": {"stripe": {"in_flight": 4}}}])
def test_requests_in_flight_are_never_more_over_all_workers(
    start: Start, ledger: LedgerServer, limits: dict[str, Any]
) -> None:
    """Three processes with 30 calls each and 4 permits, of a host or of an API: 4 at once at the most."""
    workers = [start([CREATE] * 30, **limits) for _ in range(3)]
    for each in workers:
        each.go()
    assert [failed(each.results()) for each in workers] == [[], [], []]
    assert len(ledger.times) == 90
    assert 1 <= ledger.most <= 4


def test_permits_of_a_killed_process_come_back(start: Start, ledger: LedgerServer) -> None:
    """It had all of them when it was killed; another has them once its lease has ended."""
    short = {"max_per_host": 4, "run_lease": 3.0, "http_timeout": 0.5, "connect_timeout": 0.5, "request_deadline": 60.0}
    ledger.gate.clear()
    lost = start([CREATE] * 8, **short)
    lost.go()
    ledger.wait_for(4)
    lost.process.send_signal(signal.SIGKILL)
    lost.process.wait()
    ledger.gate.set()
    other = start([CREATE] * 8, **short)
    other.go()
    assert failed(other.results()) == []
    assert len(ledger.times) == 12


def test_a_stopped_process_that_wakes_has_lost_its_permits(start: Start, ledger: LedgerServer, database: str) -> None:
    """Stopped with all 4 for longer than its lease, it finds them another's: there are never more than 4 in flight."""
    # The lease is of 12 s, and no call gives up because this machine is busy: it would be seen twice at the server.
    limits = {"max_per_host": 4, "longest": 4.0, "run_lease": 1.0, "http_timeout": 300.0, "request_deadline": 300.0}
    ledger.gate.clear()
    stopped, other = start([CREATE] * 8, **limits), start([CREATE] * 8, **limits)
    stopped.go()
    ledger.wait_for(4)
    stopped.process.send_signal(signal.SIGSTOP)
    ledger.gate.set()
    ledger.wait_until_idle()
    ledger.gate.clear()
    other.go()
    ledger.wait_for(8)  # once the lease of the stopped one has ended
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("LISTEN luahost_permits")
        stopped.process.send_signal(signal.SIGCONT)
        # It wants permits, and there are none: told when it asks, or it has had the time to send what it may not.
        told = list(connection.notifies(timeout=20, stop_after=1))
    assert all('"pool"' in each.payload for each in told)
    assert len(ledger.times) == 8
    ledger.gate.set()
    assert [failed(each.results()) for each in (stopped, other)] == [[], []]
    assert ledger.most == 4


def test_a_breaker_that_one_opens_holds_for_the_others(start: Start, ledger: LedgerServer, database: str) -> None:
    """Ten failures that one process saw keep a later one from asking at all."""
    once = {"api_limits": {"stripe": {"retries": 0}}}
    ledger.status = 503
    failing = start([CREATE] * 10, **once)
    failing.go()
    assert len(failed(failing.results())) == 10
    failing.process.wait()
    with psycopg.connect(database, autocommit=True) as connection:  # however long the next process takes to start
        later = "UPDATE luahost_breaker SET open_until = open_until + interval '1 hour' WHERE failures >= 10"
        assert connection.execute(later).rowcount == 1
    other = start([CREATE], **once)
    other.go()
    (found,) = other.results()
    assert found["kind"] == "limit"
    assert "circuit breaker" in found["error"]
    assert len(ledger.times) == 10


def test_a_daily_budget_one_spends_refuses_the_others(start: Start, ledger: LedgerServer) -> None:
    """5 calls a day over all workers: the sixth is refused, whoever makes it; another key has its own day."""
    budget = {"daily_budget": {"max_calls": 5}}
    first, second = start([CREATE] * 4, **budget), start([CREATE] * 4, **budget)
    first.go()
    assert failed(first.results()) == []
    second.go()
    refused = failed(second.results())
    assert len(refused) == 3
    assert all("today has a budget of 5 calls" in each["error"] for each in refused)
    assert len(ledger.times) == 5
    other = start([CREATE] * 4, stripe_secret_key=OTHER_KEY, **budget)
    other.go()
    assert failed(other.results()) == []
