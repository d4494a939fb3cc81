"""``python -m benchmarks.alive``: what many scripts that are alive at the same time take.

Each script makes one create, then sleeps. Memory is that of the process when all creates have been answered and
nothing moves any more, less what it was after a first few hundred had come and gone; that difference by the number
of scripts is ``kb_per_script`` in the last line, which is JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.contestants import KEY, PROJECT, Contestant, Load
from benchmarks.measure import Figures, RunError, environment, last_json
from benchmarks.servers import Server
from host import Host, RunResult

SCRIPT = """
new_product()
  :name("Premium Software License")
  :description("A comprehensive software solution")
  :metadata("category", "software")
  :create()
sleep(SECONDS)
"""
FIRST = 200  # scripts that come and go before the base is taken
THREADS = 64  # as many at most, however many scripts


class Gathering:
    """Scripts that sleep after their create, and what the process takes then."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def pass_by(self, scripts: int) -> None:
        """Runs so many to their end, at once. Raises the error of the first that fails."""
        for result in self.host.run_many(self._jobs(scripts, 0), concurrency=scripts):
            result.raise_for_error()

    def hold(self, scripts: int) -> None:
        """Has so many sleep at once, measures, and interrupts them. Raises ``RunError`` if any ended before."""
        answered, began = self.host.stats().answered + scripts, time.perf_counter()
        ended: list[RunResult] = []
        waiting = threading.Thread(
            target=lambda: ended.extend(self.host.run_many(self._jobs(scripts, 3600), concurrency=scripts))
        )
        waiting.start()
        while self.host.stats().answered < answered and not ended:
            time.sleep(0.01)
        self.seconds = time.perf_counter() - began
        before, self.memory_kb = 0, memory_kb()
        while self.memory_kb != before:
            time.sleep(0.5)
            before, self.memory_kb = self.memory_kb, memory_kb()
        self.threads = threading.active_count() - 1  # but for the one that waits here
        if ended:
            raise RunError(f"a script ended before the others were there: {ended[0].error}")
        self.host.interrupt()
        waiting.join()

    def _jobs(self, scripts: int, seconds: int) -> list[dict[str, Any]]:
        job = {"script": self.host.compile(SCRIPT.replace("SECONDS", str(seconds)))}
        return [job] * scripts


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
        gathering.pass_by(min(FIRST, given.scripts))
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
