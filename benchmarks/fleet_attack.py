"""The fleet under attack: every run is done, every object is made once.

    python -m benchmarks.fleet_attack [--runs 300] [--workers 3] [--rate N]     # with everything that goes wrong
    python -m benchmarks.fleet_attack --calm                                    # without: throughput and cost a run

Runs of five creates, each answered after 20 ms by a simulator that keeps a ledger, are submitted at once and done by
worker processes on one PostgreSQL, synced to the disk. Meanwhile a worker is killed every ``--kill`` seconds (and
another started), one is stopped for longer than its lease and continued, one is cut off the network for as long and
let back (``--namespaces``, as root: each worker is in a network namespace, a machine of its own), and the database is
restarted twice as by a power cut. Ends with status 1 where an object is missing, or there twice, or a second of the
ledger has more requests than ``--rate``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.databases import CountingDatabase
from benchmarks.network_namespaces import Machines
from host.apis.stripe import load
from host.simulator.fault_injection import Faults
from host.simulator.server import serve
from host.simulator.simulator import Simulator

ROOT = Path(__file__).parent.parent
CALLS = 5
SCRIPT = """
for n = 1, 5 do
  new_product():name(row.name .. "." .. n):create()
end
return row.name
"""


class LedgerSimulator(Simulator):
    """Notes when each request came."""

    def __init__(self) -> None:
        super().__init__(load(), faults=Faults.parse("latency:20ms"))
        self.times: list[float] = []

    def begin(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Any:
        self.times.append(time.monotonic())
        return super().begin(method, target, headers, body)

    def names(self) -> Counter[str]:
        made = [self.store.get("product", id) for kind, id in self.ledger() if kind == "product"]
        return Counter(str(each["name"]) for each in made if each is not None)

    def worst(self) -> float:
        """When the second with the most requests began."""
        times = sorted(self.times)
        return max((bisect_left(times, at + 1.0) - n, at) for n, at in enumerate(times))[1]

    def most_in(self, seconds: float) -> int:
        """Of any such time, wherever it begins."""
        times = sorted(self.times)
        return max((bisect_left(times, at + seconds) - n for n, at in enumerate(times)), default=0)


class Fleet:
    """Worker processes, and what is done to them."""

    def __init__(
        self, environment: dict[str, str], folder: Path, concurrency: int, machines: Machines | None = None
    ) -> None:
        self._machines = machines
        self._places: dict[int, int] = {}  # by process: the machine it is on
        self._environment = environment
        self._folder = folder
        self._concurrency = concurrency
        self.workers: list[subprocess.Popen[bytes]] = []
        self.deeds: Counter[str] = Counter()
        self._started = 0

    def start(self, place: int | None = None) -> None:
        """One more, on a machine of its own or that ``place``."""
        self._started += 1
        place = self._started - 1 if place is None else place
        with (self._folder / f"worker{self._started}.log").open("wb") as log:
            command = [sys.executable, "-m", "host", "worker", "--concurrency", str(self._concurrency)]
            command = [*(self._machines.command(place) if self._machines else []), *command]
            made = subprocess.Popen(command, env=self._environment, cwd=self._folder, stdout=log, stderr=log)
        self.workers.append(made)
        self._places[made.pid] = place

    def kill(self) -> None:
        """kill -9 one of them, and start another."""
        victim = random.choice(self.workers)
        self.workers.remove(victim)
        victim.kill()
        victim.wait()
        self.deeds["killed"] += 1
        self.start(self._places[victim.pid])

    def cut_one(self, seconds: float) -> threading.Thread:
        """Cut the machine of one off the network for so long; it is not killed meanwhile."""
        assert self._machines is not None
        victim, machines = self.workers.pop(0), self._machines
        place = self._places[victim.pid]
        machines.cut(place)
        self.deeds["cut off and let back"] += 1

        def go_on() -> None:
            time.sleep(seconds)
            machines.mend(place)
            self.workers.append(victim)

        thread = threading.Thread(target=go_on)
        thread.start()
        return thread

    def stop_one(self, seconds: float) -> threading.Thread:
        """Stop one for so long and let it go on; it is not killed meanwhile."""
        victim = self.workers.pop()
        victim.send_signal(signal.SIGSTOP)
        self.deeds["stopped and continued"] += 1

        def go_on() -> None:
            time.sleep(seconds)
            victim.send_signal(signal.SIGCONT)
            self.workers.append(victim)

        thread = threading.Thread(target=go_on)
        thread.start()
        return thread

    def close(self) -> list[int]:
        """Drain all; gives the statuses they ended with."""
        for each in self.workers:
            each.terminate()
        return [each.wait(60) for each in self.workers]


def submit(runs: int, environment: dict[str, str], folder: Path) -> float:
    """All runs at once; gives the seconds that took."""
    (folder / "script.lua").write_text(SCRIPT, encoding="utf-8")
    rows = "".join(json.dumps({"name": f"run{n}"}) + "\n" for n in range(runs))
    (folder / "rows.jsonl").write_text(rows, encoding="utf-8")
    start = time.perf_counter()
    command = [sys.executable, "-m", "host", "submit", "script.lua", "--each", "rows.jsonl"]
    subprocess.run(command, env=environment, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def statuses(database: CountingDatabase) -> dict[str, int]:
    """How many runs are in which state; nothing while the database is away."""
    try:
        return dict(database.do("SELECT status, count(*)::int FROM luahost_job GROUP BY status"))
    except psycopg.OperationalError:
        return {}


def attack(options: argparse.Namespace, fleet: Fleet, database: CountingDatabase) -> None:
    """Until all runs have ended: what is to go wrong, goes wrong."""
    begun = options.begun = time.monotonic()
    options.events = []
    next_kill = begun + options.kill
    ahead = {
        name: begun + kills * options.kill
        for name, kills in (("stop", 1.5), ("restart", 2.5), ("cut", 4.5), ("restart again", 6.5))
        if name != "cut" or options.namespaces
    }
    waking: list[threading.Thread] = []
    while True:
        time.sleep(0.25)
        now = time.monotonic()
        found = statuses(database)
        open_ = found.get("queued", 0) + found.get("running", 0)
        if found and not open_:
            break
        if now - begun > options.patience:
            print(f"not done after {options.patience:.0f} s: {found}")
            break
        if options.calm:
            continue
        if now >= next_kill:
            fleet.kill()
            options.events.append(f"kill {now - begun:.1f}")
            next_kill = now + options.kill
        if now >= ahead.get("stop", now + 1):
            del ahead["stop"]
            options.events.append(f"stop {now - begun:.1f}")
            waking.append(fleet.stop_one(options.lease * 1.5))
        if now >= ahead.get("cut", now + 1):
            del ahead["cut"]
            options.events.append(f"cut {now - begun:.1f}")
            waking.append(fleet.cut_one(options.lease * 1.5))
        restart = next((name for name in ("restart", "restart again") if now >= ahead.get(name, now + 1)), None)
        if restart is not None:
            del ahead[restart]
            options.events.append(f"restart {now - begun:.1f}")
            database.stop()
            database.start()
            fleet.deeds["database restarted"] += 1
    for each in waking:
        each.join()


def judge(options: argparse.Namespace, simulator: LedgerSimulator, database: CountingDatabase) -> bool:
    expected = {f"run{run}.{n}" for run in range(options.runs) for n in range(1, CALLS + 1)}
    names = simulator.names()
    lost, twice = expected - set(names), [name for name, count in names.items() if count > 1]
    print(f"objects: {len(names)} of {len(expected)}; lost {len(lost)}, twice {len(twice)}; runs {statuses(database)}")
    most = simulator.most_in(1.0)
    bound = f", allowed {options.rate}" if options.rate else ""
    if options.rate and most > options.rate:
        print(f"that second began {simulator.worst() - options.begun:.1f} s after the start; {options.events}")
    print(f"requests: {len(simulator.times)}, at most {most} in a second{bound}, {simulator.most_in(0.02)} in 20 ms")
    return not lost and not twice and not (options.rate and most > options.rate)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=10, help="runs at once in each worker")
    parser.add_argument("--kill", type=float, default=5.0, help="seconds between two kills")
    parser.add_argument("--lease", type=float, default=10.0, help="seconds")
    parser.add_argument("--rate", type=int, default=0, help="requests a second of all workers")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds for all of it")
    parser.add_argument("--namespaces", action="store_true", help="each worker on a machine of its own; as root")
    parser.add_argument("--calm", action="store_true", help="nothing goes wrong")
    parser.add_argument("--statements", action="store_true", help="list the statements done most often")
    options = parser.parse_args()
    simulator = LedgerSimulator()
    with ExitStack() as stack:
        machines = stack.enter_context(Machines(options.workers)) if options.namespaces else None
        here = machines.address if machines else "127.0.0.1"
        listens = {"listen_addresses": f"127.0.0.1,{here}"} if machines else {}
        database = stack.enter_context(CountingDatabase(**listens))
        if machines is not None:
            database.trust(machines.network)
        server = stack.enter_context(serve(simulator, host=here))
        place = stack.enter_context(tempfile.TemporaryDirectory())
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("STRIPE_", "HOST_"))},
            "PYTHONPATH": str(ROOT),
            "HOST_DATABASE": database.url.replace("127.0.0.1", here),
            "HOST_RUN_LEASE": str(options.lease),
            "STRIPE_SECRET_KEY": "sk_test_" + "q" * 24,
            "STRIPE_API_BASE": server.url,
        }
        if options.rate:
            environment["HOST_API_LIMITS"] = f"stripe:rate={options.rate}"
        folder = Path(place)
        took = submit(options.runs, environment, folder)
        print(f"submitted {options.runs} runs in {took:.1f} s")
        fleet = Fleet(environment, folder, options.concurrency, machines)
        database.forget_counts()
        start, cpu = time.perf_counter(), database.cpu()
        for _ in range(options.workers):
            fleet.start()
        try:
            attack(options, fleet, database)
            took = time.perf_counter() - start
            calls, _, wal = database.counts()
            cpu = database.cpu() - cpu
            ((between,),) = database.do("SELECT extract(epoch FROM max(ended) - min(ended))::float8 FROM luahost_job")
        finally:
            ended = fleet.close()
        if options.statements:
            for count, mean, text in database.dearest():
                print(f"{count / options.runs:8.2f} a run {mean:8.3f} ms  {text[:110]}")
        print(f"{took:.1f} s, {options.runs / took:.1f} runs/s; {dict(fleet.deeds)}; workers ended with {ended}")
        print(f"from the first to end to the last: {(options.runs - 1) / between:.1f} runs/s")
        print(
            f"a run: {calls / options.runs:.1f} statements, {wal / options.runs / 1024:.1f} KB of WAL, "
            f"{1000 * cpu / options.runs:.1f} ms of the database's processor time"
        )
        good = judge(options, simulator, database)
    print("good" if good else "NOT GOOD")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
