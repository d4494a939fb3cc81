"""What the live view at a terminal costs: a batch with it and with ``--quiet``, on a pseudo-terminal, in turn.

    python -m benchmarks.live_view [--runs 20000] [--jobs 200] [--rounds 5]

Each run makes one simulated create, and prints a line in the second pair. Prints medians of the processor time per run
and their ratio.
"""

from __future__ import annotations

import argparse
import os
import pty
import statistics
import sys
from contextlib import suppress

SCRIPTS = {
    "a create": 'new_product():name("x"):create()',
    "a create and a line": 'print(new_product():name("x"):create())',
}


def cpu_seconds(script: str, runs: int, jobs: int, *, quiet: bool) -> float:
    """Of one command, user and system, all that it shows read at once."""
    given = ["run", "--simulate", "--repeat", str(runs), "--jobs", str(jobs), *(["--quiet"] if quiet else [])]
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="100", LINES="40")
        os.execv(sys.executable, [sys.executable, "-m", "host", *given, "-e", script])
    with suppress(OSError):  # nobody has the other side any more
        while os.read(terminal, 1 << 16):
            pass
    _, status, used = os.wait4(child, 0)
    os.close(terminal)
    if status:
        raise SystemExit(f"the command ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    for name, script in SCRIPTS.items():
        times: dict[bool, list[float]] = {True: [], False: []}
        for number in range(asked.rounds):
            for quiet in (True, False) if number % 2 else (False, True):
                times[quiet].append(cpu_seconds(script, asked.runs, asked.jobs, quiet=quiet))
        quiet, live = (statistics.median(times[each]) / asked.runs * 1e6 for each in (True, False))
        print(f"{name}: quiet {quiet:.0f} µs, live {live:.0f} µs of processor time a run, × {live / quiet:.3f}")


if __name__ == "__main__":
    main()
