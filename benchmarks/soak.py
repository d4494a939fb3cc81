"""``python -m benchmarks.soak``: a million creates in one process, its memory watched from outside.

The process is ``host bench`` itself. Memory is flat when the last fifth of the creates was made with no
more than ``--allow`` per cent above what the second fifth needed (the first is for warming up), and no
thread or file was gained in that time. Ends with status 1 when it is not, or when a create is missing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.contestants import PROJECT, Load, ours
from benchmarks.measure import environment
from benchmarks.servers import Server

INTERVAL = 0.5  # seconds between two looks at the process


@dataclass(frozen=True)
class Look:
    """The process when so many creates had reached the server."""

    creates: int
    rss_kb: int
    threads: int
    files: int


def look(pid: int, creates: int) -> Look | None:
    """``None`` when the process has just ended."""
    try:
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        return Look(creates, int(status["VmRSS"].split()[0]), int(status["Threads"]), files)
    except (OSError, KeyError):
        return None


def watch(process: subprocess.Popen[str], server: Server) -> Iterator[Look]:
    """A look every ``INTERVAL`` seconds until the process ends."""
    while process.poll() is None:
        if seen := look(process.pid, server.count()["creates"]):
            yield seen
        try:
            process.wait(INTERVAL)
        except subprocess.TimeoutExpired:
            continue


def fifth(looks: list[Look], number: int, creates: int) -> list[Look]:
    """The looks of the ``number``-th fifth of the creates, the first being 1."""
    return [seen for seen in looks if (number - 1) * creates <= 5 * seen.creates < number * creates]


def verdict(looks: list[Look], creates: int, allow: float) -> list[str]:
    """What is not flat, in words; empty when all is."""
    before, after = fifth(looks, 2, creates), fifth(looks, 5, creates)
    if not before or not after:
        return ["too few looks to tell: more creates are needed"]
    wrong = []
    early = statistics.median(seen.rss_kb for seen in before)
    late = statistics.median(seen.rss_kb for seen in after)
    if late > early * (1 + allow / 100):
        wrong.append(f"memory grew from {early / 1024:.1f} to {late / 1024:.1f} MB")
    for name in ("threads", "files"):
        most_before = max(getattr(seen, name) for seen in before)
        most_after = max(getattr(seen, name) for seen in after)
        if most_after > most_before:
            wrong.append(f"{name} grew from {most_before} to {most_after}")
    return wrong


def line(seen: Look) -> str:
    memory = f"{seen.rss_kb / 1024:8.1f} MB"
    return f"{seen.creates:>10,} creates {memory} {seen.threads:4} threads {seen.files:5} files"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--creates", type=int, default=1_000_000)
    parser.add_argument("--scripts", type=int, default=32, help="at once, each making its share")
    parser.add_argument("--tasks", type=int, default=1, help="in each script")
    parser.add_argument("--allow", type=float, default=3.0, metavar="PER_CENT")
    parser.add_argument("--output", type=Path, metavar="FILE", help="keep all looks there, as JSON")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    load = Load(given.creates, given.scripts)
    with Server() as server:
        command = ours(scripts=given.scripts, tasks=given.tasks).command(server.base_url, load)
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=PROJECT, env=environment(server), stdout=subprocess.PIPE, text=True)
        looks: list[Look] = []
        step = given.creates // 20 or 1
        for seen in watch(process, server):
            if not looks or seen.creates // step > looks[-1].creates // step:
                print(line(seen), flush=True)
            looks.append(seen)
        assert process.stdout is not None
        output = process.stdout.read()
        made = server.count()["creates"]
    wrong = verdict(looks, given.creates, given.allow)
    if process.returncode or made != given.creates:
        wrong.insert(0, f"ended with status {process.returncode} after {made:,} of {given.creates:,} creates")
    if given.output:
        kept = {"creates": made, "wrong": wrong, "looks": [asdict(seen) for seen in looks]}
        given.output.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    print(output.strip())
    print(f"{made:,} creates in {time.monotonic() - began:.0f} s: {'; '.join(wrong) or 'memory is flat'}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
