"""What this project means to reach, each goal against figures of the same run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: (scenario, contestant) → median
Medians = Mapping[tuple[str, str], float]

STRIPE_PYTHON = ("stripe-python aiohttp", "stripe-python requests", "stripe-python httpx")


@dataclass(frozen=True)
class Goal:
    """``reached`` is what was measured, ``bound`` what was wanted; ``None`` where a figure is missing."""

    scenario: str
    text: str
    reached: float | None
    bound: float
    at_most: bool = True

    @property
    def met(self) -> bool | None:
        if self.reached is None:
            return None
        return self.reached <= self.bound if self.at_most else self.reached >= self.bound


def goals(medians: Medians) -> list[Goal]:
    """All goals, in the order of the scenarios."""

    def ratio(scenario: str, over: str, under: str) -> float | None:
        above, below = medians.get((scenario, over)), medians.get((scenario, under))
        return above / below if above is not None and below else None

    def in_flight(shape: str) -> list[Goal]:
        name = shape.removeprefix("luahost, ")
        best = max(STRIPE_PYTHON, key=lambda peer: medians.get(("inflight", peer), 0.0))
        return [
            Goal("inflight", f"{name} ÷ {peer}", ratio("inflight", shape, peer), bound, at_most=False)
            for peer, bound in (("stripe-node", 1.5), (best, 3.0), ("lua-http", 1.0))
        ]

    scale = [value for (scenario, _), value in medians.items() if scenario == "scale"]
    dearest = max(scale) / min(scale) if len(scale) > 1 else None
    return [
        Goal("serial", "1 at a time ÷ stripe-node", ratio("serial", "luahost", "stripe-node"), 0.6),
        Goal("serial", "1 at a time ÷ lua-http", ratio("serial", "luahost", "lua-http"), 2.0),
        *in_flight("luahost, 32 scripts"),
        *in_flight("luahost, 1 script of 32 tasks"),
        Goal("wide", "1,000 scripts × 5 at 50 ms, s", medians.get(("wide", "luahost")), 0.6),
        Goal("wide", "the same ÷ stripe-node", ratio("wide", "luahost", "stripe-node"), 1.0),
        Goal("wide", "the same ÷ undici", ratio("wide", "luahost", "undici"), 1.0),
        Goal("alive", "scripts alive at once, KB each", medians.get(("alive", "luahost")), 80.0),
        Goal("scale", "dearest ÷ cheapest width", dearest, 1.5),
        *(
            Goal(name, text, ratio(name, "luahost --processes 2", "luahost"), 1.6, at_most=False)
            for name, text in (
                ("processes", "2 processes on 2 cores ÷ 1 on 1"),
                ("processes-free", "2 processes ÷ 1, on all cores"),
            )
        ),
        Goal("cold", "cold start, ms", medians.get(("cold", "luahost run")), 150.0),
        Goal("cold", "cold start ÷ stripe-node", ratio("cold", "luahost run", "stripe-node"), 1.0),
    ]
