"""What this project has to reach and aims for: ratios of figures taken in one run, for machines differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["Goal", "Medians", "Verdict", "goals"]

#: (scenario, contestant) → median
Medians = Mapping[tuple[str, str], float]

Verdict = Literal["aim", "must", "missed"]

SHAPES = ("32 scripts", "1 script of 32 tasks")


@dataclass(frozen=True)
class Goal:
    """``reached`` is what was measured, ``None`` where a figure is missing; ``must`` is held, ``aim`` wanted."""

    scenario: str
    text: str
    reached: float | None
    must: float
    aim: float
    at_most: bool = True

    @property
    def verdict(self) -> Verdict | None:
        """Which of the two bounds it keeps to; ``None`` where it was not measured."""
        if self.reached is None:
            return None
        if self._keeps(self.reached, self.aim):
            return "aim"
        return "must" if self._keeps(self.reached, self.must) else "missed"

    def _keeps(self, reached: float, bound: float) -> bool:
        return reached <= bound if self.at_most else reached >= bound


def goals(medians: Medians) -> list[Goal]:
    """All goals, in the order of the scenarios."""

    def ratio(scenario: str, over: str, under: str) -> float | None:
        above, below = medians.get((scenario, over)), medians.get((scenario, under))
        return above / below if above is not None and below else None

    def beside(scenario: str, text: str, peer: str, must: float, aim: float, own: str = "luahost") -> Goal:
        return Goal(scenario, f"{text} ÷ {peer}", ratio(scenario, own, peer), must, aim)

    def in_flight(shape: str, peer: str, must: float, aim: float) -> Goal:
        reached = ratio("inflight", f"luahost, {shape}", peer)
        return Goal("inflight", f"{shape}, creates/s ÷ {peer}", reached, must, aim, at_most=False)

    scale = [value for (scenario, _), value in medians.items() if scenario == "scale"]
    dearest = max(scale) / min(scale) if len(scale) > 1 else None
    counted = medians.get(("instructions", "luahost"))
    return [
        beside("serial", "1 at a time, one core", "stripe-node", 0.5, 0.35),
        beside("serial", "1 at a time, one core", "lua-http", 2.0, 1.5),
        *(in_flight(shape, "stripe-node", 2.0, 3.0) for shape in SHAPES),
        *(in_flight(shape, "lua-http", 0.8, 1.1) for shape in SHAPES),
        beside("wide", "1,000 scripts × 5 at 50 ms", "undici", 1.0, 0.7),
        beside("wide", "1,000 scripts × 5 at 50 ms", "stripe-node", 0.6, 0.4),
        beside("cold", "cold start", "stripe-node", 0.75, 0.45, own="luahost run"),
        Goal("scale", "10 to 10,000 scripts, dearest create ÷ cheapest", dearest, 1.5, 1.1),
        Goal("alive", "a script alive, KB", medians.get(("alive", "luahost")), 90.0, 70.0),
        Goal("instructions", "instructions a create, thousands", counted, 290.0, 235.0),
    ]
