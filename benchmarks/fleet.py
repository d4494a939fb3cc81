"""What a run costs in a fleet beside the same run in one process: milliseconds and statements, one after the other.

``python -m benchmarks.fleet [RUNS]``: runs of five calls against the simulator of the process, plain, durable in
PostgreSQL, and submitted to a worker that runs one at a time. Starts a PostgreSQL server of its own. Statements are
those the server logs, commits and rollbacks among them.
"""

from __future__ import annotations

import re
import statistics
import sys
import threading
from collections.abc import Callable
from time import perf_counter

from host import Host
from tests.fleet.machines import Server, working

CODE = "for n = 1, 5 do new_product():name('x ' .. n):create() end return 1"
ROUNDS = 5
_STATEMENT = re.compile(rb"LOG:  (?:statement|execute [^:]*):")


def plain(host: Host, runs: int) -> None:
    for _ in range(runs):
        host.run_source(CODE).raise_for_error()


def durable(host: Host, runs: int) -> None:
    for _ in range(runs):
        host.run_source(CODE, durable=True).raise_for_error()


def fleet(host: Host, runs: int) -> None:
    handles = [host.submit(CODE) for _ in range(runs)]
    handles[-1].result().raise_for_error()  # the oldest goes first, so all others have ended


def main() -> None:
    """Print a table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    server = Server("-c log_statement=all")
    ways: dict[str, Callable[[Host, int], None]] = {"plain": plain, "durable": durable, "fleet": fleet}
    times: dict[str, list[float]] = {name: [] for name in ways}
    statements: dict[str, int] = {}
    try:
        with Host(simulate=True) as alone, Host(simulate=True, database=server.url()) as recorded:
            hosts = {"plain": alone, "durable": recorded, "fleet": recorded}
            with working(recorded, concurrency=1):
                for name, way in ways.items():
                    way(hosts[name], 5)
                for _ in range(ROUNDS):
                    for name, way in ways.items():
                        before, began = server.log_size(), perf_counter()
                        way(hosts[name], runs)
                        times[name].append((perf_counter() - began) / runs)
                        statements[name] = len(_STATEMENT.findall(server.log_from(before)))
    finally:
        server.close()
    base = statistics.median(times["durable"])
    print(f"{runs} runs of 5 calls, {ROUNDS} rounds, {threading.active_count()} threads left")
    print(f"{'':8}  ms a run  / durable  statements a run")
    for name in ways:
        median = statistics.median(times[name])
        print(f"{name:8}  {median * 1000:8.2f}  {median / base:9.2f}  {statements[name] / runs:16.1f}")


if __name__ == "__main__":
    main()
