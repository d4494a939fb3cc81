"""One run of one contestant, checked against what the server saw; and many, taken in turns."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.contestants import KEY, PROJECT, Contestant, Load
from benchmarks.servers import Server

Figures = dict[str, float]
TIMEOUT = 600.0  # seconds for one run


class RunError(Exception):
    """A contestant that ended badly, or made other requests than it was asked for; says which."""


@dataclass
class Series:
    """All figures of one contestant in one scenario, in the order they were taken."""

    contestant: Contestant
    runs: list[Figures] = field(default_factory=list)
    error: str = ""


def environment(server: Server) -> dict[str, str]:
    """Of a measured process: no proxy, nothing of the user's own settings, key and address of the server."""
    kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    # Installed programs have their bytecode; without it compiling doubles a short process's time.
    kept = {k: v for k, v in kept.items() if not k.startswith(("STRIPE_", "HOST_", "PYTHONDONTWRITEBYTECODE"))}
    return {**kept, "STRIPE_SECRET_KEY": KEY, "STRIPE_API_BASE": server.base_url}


def start(command: Sequence[str], server: Server, cores: set[int] | None) -> tuple[float, str]:
    """Runs ``command`` to its end, on ``cores`` if given: seconds it took and what it printed."""

    def pin() -> None:
        if cores is not None:
            os.sched_setaffinity(0, cores)

    began = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=environment(server),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        preexec_fn=pin,
    )
    took = time.perf_counter() - began
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise RunError(f"status {done.returncode}: {lines[-1] if lines else 'no message'}")
    return took, done.stdout


def run_once(contestant: Contestant, server: Server, load: Load, cores: set[int] | None = None) -> Figures:
    """The figures the contestant printed, and ``process_ms``; the server must have seen just this load."""
    before = server.count()
    took, output = start(contestant.command(server.base_url, load), server, cores)
    after = server.count()
    creates = after["creates"] - before["creates"]
    others = after["others"] - before["others"]
    if (creates, others) != (load.creates + load.warmup, 0):
        raise RunError(f"made {creates} creates and {others} other requests, not {load.creates + load.warmup} and 0")
    figures = last_json(output) if contestant.prints_figures else {"creates": float(creates)}
    return {**figures, "process_ms": round(took * 1e3, 2)}


def last_json(output: str) -> Figures:
    lines = output.strip().splitlines()
    try:
        found: Any = json.loads(lines[-1])
    except (IndexError, ValueError):
        raise RunError("its last line is not JSON") from None
    return {name: value for name, value in found.items() if isinstance(value, (int, float))}


def interleave(
    series: Sequence[Series], rounds: int, one: Callable[[Contestant], Figures]
) -> Iterator[tuple[int, Series]]:
    """Takes one run of each in turn, ``rounds`` times, each round starting with another contestant.

    Yields after every run. Who fails once is out, with its error; slow ones go every other round.
    """
    for number in range(rounds):
        for place in range(len(series)):
            current = series[(place + number) % len(series)]
            contestant = current.contestant
            if contestant.missing or current.error or (contestant.slow and number % 2):
                continue
            try:
                current.runs.append(one(contestant))
            except RunError as error:
                current.error = str(error)
            except subprocess.TimeoutExpired:
                current.error = f"took more than {TIMEOUT:.0f} s"
            yield number, current
