"""Instructions per create, counted by valgrind: a figure that other work on the machine does not change.

Two runs of different length are counted and subtracted, so that starting up falls out. Threads still take
turns as they like: repeated counts differ by a few per cent, where times differ by tens.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace

from benchmarks.contestants import PROJECT, Contestant, Load
from benchmarks.measure import Figures, RunError, environment
from benchmarks.servers import Server

TIMEOUT = 600.0  # seconds; a program under valgrind takes about fifty times as long


def available() -> bool:
    return shutil.which("valgrind") is not None


def count(command: list[str], server: Server) -> int:
    """How many instructions the whole process executed, in all its threads."""
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={os.devnull}"]
    done = subprocess.run(
        # LuaJIT writes code as it runs: valgrind must look for changes everywhere
        [*valgrind, "--smc-check=all", *command],
        cwd=PROJECT,
        env={**environment(server), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode or not found:
        lines = [line for line in done.stderr.splitlines() if line and not line.startswith("==")]
        raise RunError(f"under valgrind: {lines[-1] if lines else f'status {done.returncode}'}")
    return int(found[1].replace(",", ""))


def per_create(contestant: Contestant, server: Server, load: Load, cores: set[int] | None = None) -> Figures:
    """``instructions`` for each create of ``load`` beyond its first quarter."""
    short = replace(load, creates=load.creates // 4)
    commands = [contestant.command(server.base_url, one) for one in (short, load)]
    # Once uncounted: what a first run compiles and keeps (bytecode, a catalog) is no cost of a create.
    subprocess.run(commands[0], cwd=PROJECT, env=environment(server), capture_output=True, timeout=TIMEOUT, check=False)
    few, many = (count(command, server) for command in commands)
    if many <= few:
        raise RunError(
            f"{load.creates} creates took fewer instructions than {short.creates}: something else was counted"
        )
    return {"instructions": (many - few) / (load.creates - short.creates)}
