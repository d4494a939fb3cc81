"""What a call of a Python function costs a script, and whether many leave memory flat.

python -m benchmarks.functions [--calls 1000000] [--quick]
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from host import Host, RunContext

LOOP = "local f, n = {name}, {calls} for i = 1, n do f(i) end return n"
ITERATE = "local n = 0 for _ in rows({calls}) do n = n + 1 end return n"


def resident() -> int:
    """KB of memory this process has in use."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def open_host() -> Host:
    host = Host(simulate=True)

    @host.function(inline=True, effect="pure")
    def inline(n: int) -> int:
        return n

    @host.function(effect="read")
    def plain(n: int) -> int:
        return n

    @host.function(effect="read")
    async def awaited(n: int) -> int:
        return n

    @host.function(effect="read")
    async def with_context(n: int, ctx: RunContext) -> str:
        return ctx.run_id

    @host.function(effect="read")
    async def rows(n: int):  # type: ignore[no-untyped-def]
        for each in range(n):
            yield each

    return host


def timed(host: Host, code: str, calls: int) -> float:
    """µs a call."""
    start = time.perf_counter()
    host.run_source(code).raise_for_error()
    return (time.perf_counter() - start) / calls * 1e6


def costs(host: Host, calls: int, rounds: int) -> None:
    kinds = {name: LOOP.format(name=name, calls=calls) for name in ("inline", "awaited", "with_context", "plain")}
    kinds["iterator, an item"] = ITERATE.format(calls=calls)
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):  # interleaved, so that a busy machine hits all alike
        for name, code in kinds.items():
            taken[name].append(timed(host, code, calls))
    for name, figures in taken.items():
        print(f"{name:20} {statistics.median(figures):8.1f} µs")


def flat(host: Host, calls: int) -> None:
    code = LOOP.format(name="awaited", calls=calls // 10)
    seen = []
    for part in range(10):
        host.run_source(code).raise_for_error()
        seen.append(resident())
        print(f"after {(part + 1) * calls // 10:>9,} calls: {seen[-1]:,} KB")
    print(f"growth over the last nine tenths: {seen[-1] - seen[0]:,} KB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    with open_host() as host:
        costs(host, 2_000 if given.quick else 20_000, 3 if given.quick else 7)
        flat(host, given.calls // 100 if given.quick else given.calls)


if __name__ == "__main__":
    main()
