"""``python -m benchmarks.alive``: what many scripts that are alive at the same time take.

Each script makes one create, says that it has arrived, and sleeps until all have. Memory is that of the
process when the last one arrives, less what it was after a first few hundred had come and gone; that
difference by the number of scripts is ``kb_per_script`` in the last line, which is JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

from benchmarks.contestants import KEY, PROJECT, Contestant, Load
from benchmarks.measure import Figures, RunError, environment, last_json
from benchmarks.servers import Server
from host import Host

SCRIPT = """
new_product()
  :name("Premium Software License")
  :description("A comprehensive software solution")
  :metadata("category", "software")
  :create()
arrived()
repeat sleep(1) until all_arrived()
"""
FIRST = 200  # scripts that come and go before the base is taken
THREADS = 64  # as many at most, however many scripts


class Gathering:
    """Scripts that wait for each other, and what the process takes when the last one is there."""

    def __init__(self, host: Host) -> None:
        self.host = host
        host.function(self.arrived)
        host.function(self.all_arrived)

    async def arrived(self) -> None:
        self.here += 1
        if self.here == self.scripts:
            self.seconds = time.perf_counter() - self.began
            self.memory_kb = memory_kb()
            self.threads = threading.active_count()

    async def all_arrived(self) -> bool:
        return self.here >= self.scripts

    def hold(self, scripts: int) -> None:
        """Runs so many scripts to their end. Raises the error of the first that fails."""
        self.scripts, self.here = scripts, 0
        self.began = time.perf_counter()
        script = self.host.compile(SCRIPT)
        for result in self.host.run_many([script] * scripts, concurrency=scripts):
            result.raise_for_error()


def memory_kb() -> int:
    """What this process has resident now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def take(contestant: Contestant, server: Server, load: Load, cores: set[int] | None = None) -> Figures:
    """One run of this program in a process of its own, for the scenario of that name."""
    done = subprocess.run(
        contestant.command(server.base_url, load),
        cwd=PROJECT,
        env=environment(server),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise RunError(f"status {done.returncode}: {lines[-1] if lines else 'no message'}")
    figures = last_json(done.stdout)
    if figures["threads"] > THREADS:
        raise RunError(f"{figures['threads']:.0f} threads for {load.width:,} scripts")
    return figures


def contestant() -> Contestant:
    def command(base_url: str, load: Load) -> list[str]:
        program = [sys.executable, "-m", "benchmarks.alive", "--base-url", base_url]
        return [*program, "--scripts", str(load.width)]

    return Contestant("luahost", command)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alive", description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--scripts", type=int, default=10_000)
    given = parser.parse_args()
    with Host(stripe_secret_key=KEY, stripe_api_base=given.base_url) as host:
        gathering = Gathering(host)
        gathering.hold(min(FIRST, given.scripts))
        base_kb = memory_kb()
        gathering.hold(given.scripts)
    figures = {
        "kb_per_script": round((gathering.memory_kb - base_kb) / given.scripts, 1),
        "threads": gathering.threads,
        "scripts": given.scripts,
        "base_mb": round(base_kb / 1024, 1),
        "seconds": round(gathering.seconds, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
