"""What a journal costs: the same creates with and without, in one process against the simulator in it.

    python -m benchmarks.journal [--creates 4000] [--rounds 5] [--journal URL]

Prints µs a create for each, medians of interleaved rounds, and what the journal adds. The journal is a
new SQLite file (WAL, synchronous=FULL: each commit is synced to the disk) in ``--folder`` unless
a URL is given.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from time import perf_counter

from host import Host
from host.apis.stripe import load
from host.simulator.simulator import Simulator

SCRIPT = """
local creates, width = tonumber(args[1]), tonumber(args[2])
local list = {}
for n = 1, creates do list[n] = n end
local function create(n) new_product():name("Premium Software License"):metadata("n", n):create() end
map(list, create, {limit = width})
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--creates", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--journal", default=None)
    parser.add_argument("--folder", default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        os.environ["XDG_DATA_HOME"] = folder
        journal = options.journal or os.path.join(folder, "journal.sqlite")
        for width in (1, 32):
            creates = options.creates if width > 1 else options.creates // 4
            plain, durable = [], []
            for _ in range(options.rounds):
                plain.append(measure(journal, creates, width, durable=False))
                durable.append(measure(journal, creates, width, durable=True))
            without, with_ = statistics.median(plain), statistics.median(durable)
            print(
                f"{width:>3} in flight: {without:6.0f} µs a create without, {with_:6.0f} with a journal: "
                f"{with_ - without:+.0f} µs (rounds: {min(durable):.0f} to {max(durable):.0f})"
            )


def measure(journal: str, creates: int, width: int, *, durable: bool) -> float:
    """µs a create."""
    # A simulator of our own stays in memory: keeping its objects on disk is not the journal's cost.
    with Host(simulator=Simulator(load()), journal=journal) as host:
        host.run_source("new_product():name('warm'):create()", durable=durable)
        start = perf_counter()
        result = host.run_source(SCRIPT, args=[str(creates), str(width)], durable=durable)
        took = perf_counter() - start
        result.raise_for_error()
    return took / creates * 1e6


if __name__ == "__main__":
    main()
