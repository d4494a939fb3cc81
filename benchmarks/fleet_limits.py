"""What the fleet's limits cost: statements a call in the database, and calls a second, by what is limited.

    python -m benchmarks.fleet_limits [--calls 1000] [--workers 3]

Workers are processes with one PostgreSQL, all calling one server that answers at once. ``scarce`` permits are fewer
than workers, so that each call waits for another's.
"""

from __future__ import annotations

import argparse
from time import perf_counter
from typing import Any

from benchmarks.databases import CountingDatabase
from tests.fleet.ledger_server import ledger_server
from tests.fleet.test_fleet_limits import KEY, Process

SCRIPT = """
local list = {}
for n = 1, %d do list[n] = n end
map(list, function(n) new_product():name("x"):create() end, {limit = 20})
"""
LIMITS: dict[str, dict[str, Any]] = {
    "none": {},
    "rate of 200": {"api_limits": {"stripe": {"rate": 200.0}}},
    "in flight, 200": {"max_per_host": 200},
    "in flight, scarce": {"max_per_host": 2},
    "budget of a day": {"daily_budget": {"max_calls": 1_000_000}},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=3)
    options = parser.parse_args()
    print(f"{'limit':<20} {'calls/s':>8} {'statements a call':>18} {'WAL bytes a call':>17}")
    with CountingDatabase() as database, ledger_server() as server:
        for name, limits in LIMITS.items():
            measure(name, limits, database, server.url, options.calls // options.workers, options.workers)


def measure(name: str, limits: dict[str, Any], database: CountingDatabase, api: str, calls: int, workers: int) -> None:
    host = {"database": database.url, "stripe_secret_key": KEY, "stripe_api_base": api, **limits}
    processes = [Process(host, [SCRIPT % calls]) for _ in range(workers)]
    try:
        database.forget_counts()
        start = perf_counter()
        for each in processes:
            each.go()
        failures = [result["error"] for each in processes for result in each.results() if result["error"]]
        took = perf_counter() - start
        statements, _, wal = database.counts()
    finally:
        for each in processes:
            each.close()
    made = calls * workers
    print(f"{name:<20} {made / took:8.0f} {statements / made:18.3f} {wal / made:17.0f}", *failures[:1])


if __name__ == "__main__":
    main()
