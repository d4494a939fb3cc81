"""What is measured: a load, a server, who takes part and which figure counts."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks import alive, instructions
from benchmarks.contestants import Contestant, Load, one_call, ours
from benchmarks.measure import Figures, Series, interleave, run_once
from benchmarks.servers import Server

#: One run of a contestant against a server with a load, on these cores.
Take = Callable[[Contestant, Server, Load, set[int] | None], Figures]


@dataclass(frozen=True)
class Scenario:
    """``figure`` of a run is what counts, shown in ``unit``; ``better`` is "less" or "more".

    ``whole`` says that the figure is of all creates together, so that nobody may do fewer. ``pinned``: each
    contestant and the server have just the contestant's number of cores, otherwise all there are. ``take`` makes one
    run. ``only`` names the peers it makes sense for, all of them when empty.
    """

    name: str
    title: str
    load: Load
    figure: Callable[[Figures], float]
    unit: str
    better: str
    own: tuple[Contestant, ...]
    peers: bool = True
    delay_ms: int = 0
    pinned: bool = False
    whole: bool = False
    only: frozenset[str] = frozenset()
    take: Take = run_once
    rounds: int = 5


@dataclass(frozen=True)
class Outcome:
    """A scenario and what everybody reached in it."""

    scenario: Scenario
    series: Sequence[Series]

    def median(self, series: Series) -> float | None:
        """The median of the figure over the runs, ``None`` without any."""
        return statistics.median(map(self.scenario.figure, series.runs)) if series.runs else None


def microseconds(run: Figures) -> float:
    return run["us_per_create"]


def rate(run: Figures) -> float:
    return run["rps"]


def seconds(run: Figures) -> float:
    return round(run["us_per_create"] * run["creates"] / 1e6, 4)


def kilo_instructions(run: Figures) -> float:
    return run["instructions"] / 1000


def kilobytes(run: Figures) -> float:
    return run["kb_per_script"]


def process(run: Figures) -> float:
    return run["process_ms"]


def scenarios(*, quick: bool = False, rounds: int | None = None) -> list[Scenario]:
    """All of them, with less work and one round when ``quick``; ``rounds`` is the number for each."""
    part, usual = (0.2, 1) if quick else (1.0, 5)

    def turns(full: int) -> int:
        return rounds or min(usual, full)

    def load(creates: int, width: int, warmup: int) -> Load:
        return Load(int(creates * part), width, int(warmup * part))

    one_at_a_time = Scenario(
        *("serial", "1 at a time", load(4000, 1, 500), microseconds, "µs", "less", (ours(),)),
        pinned=True,
        rounds=turns(5),
    )
    in_flight = Scenario(
        *("inflight", "32 in flight", load(16000, 32, 1600), rate, "creates/s", "more"),
        own=(
            ours("luahost, 32 scripts", scripts=32),
            ours("luahost, 1 script of 32 tasks", scripts=1, tasks=32),
        ),
        pinned=True,
        rounds=turns(5),
    )
    spread = Scenario(
        *("processes", "64 scripts", load(40000, 64, 4000), rate, "creates/s", "more"),
        own=(ours("luahost"), ours("luahost --processes 2", processes=2)),
        peers=False,
        pinned=True,
        rounds=turns(3),
    )
    many = 1000 if quick else 10_000
    counted = Scenario(
        *("instructions", "1 at a time, counted", Load(400, 1, 50), kilo_instructions, "thousands", "less"),
        own=(ours(),),
        only=frozenset({"lua-http", "pyreqwest"}),  # in so few creates Node is still compiling
        rounds=turns(2),
        take=instructions.per_create,
    )
    return [
        one_at_a_time,
        in_flight,
        replace(one_at_a_time, name="serial-free", pinned=False),
        replace(in_flight, name="inflight-free", pinned=False),
        Scenario(
            *("wide", "1,000 scripts × 5 at 50 ms", Load(5000, 1000), seconds, "s", "less", (ours(),)),
            delay_ms=50,
            whole=True,
            rounds=turns(3),
        ),
        Scenario(
            *("alive", f"{many:,} scripts alive", Load(many, many), kilobytes, "KB each", "less"),
            own=(alive.contestant(),),
            peers=False,
            rounds=turns(2),
            take=alive.take,
        ),
        Scenario(
            *("scale", "scripts of 10 creates each", Load(100, 10), microseconds, "µs", "less"),
            own=tuple(
                ours(f"luahost, {scripts:,} scripts", load=Load(10 * scripts, scripts, 500))
                for scripts in ((10, 100, 1000) if quick else (10, 100, 1000, 10_000))
            ),
            peers=False,
            rounds=turns(3),
        ),
        spread,
        replace(spread, name="processes-free", pinned=False),
        Scenario(
            *("cold", "whole process, 1 create", Load(1), process, "ms", "less", (one_call(),)),
            rounds=rounds or (3 if quick else 15),
        ),
        *([counted] if instructions.available() else []),
    ]


def load_of(contestant: Contestant, scenario: Scenario) -> Load:
    """The scenario's, or the contestant's own; a quarter for a slow one where the figure is a mean."""
    load = contestant.load or scenario.load
    if contestant.slow and not scenario.whole and load.creates > 1000:
        return replace(load, creates=load.creates // 4)
    return load


def hold(scenario: Scenario, peers: Sequence[Contestant], server: Server, tell: Callable[[str], None]) -> Outcome:
    """Runs the scenario against ``server``; ``tell`` gets a line of progress per run."""
    taking_part = [peer for peer in peers if not scenario.only or peer.name in scenario.only]
    everyone = [*scenario.own, *(taking_part if scenario.peers else ())]
    series = [Series(contestant) for contestant in everyone]
    free = os.sched_getaffinity(0)

    def one(contestant: Contestant) -> Figures:
        cores = set(sorted(free)[: contestant.cores]) if scenario.pinned else None
        server.pin(cores or free)
        return scenario.take(contestant, server, load_of(contestant, scenario), cores)

    for number, current in interleave(series, scenario.rounds, one):
        reached = current.error or f"{scenario.figure(current.runs[-1]):,.2f} {scenario.unit}"
        tell(f"{scenario.name} {number + 1}/{scenario.rounds}  {current.contestant.name}: {reached}")
    return Outcome(scenario, series)
