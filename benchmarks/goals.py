"""What this project means to reach, each goal against figures of the same run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: (scenario, contestant) → median
Medians = Mapping[tuple[str, str], float]

STRIPE_PYTHON = ("stripe-python aiohttp", "stripe-python requests", "stripe-python httpx")
ONE = ("serial", "luahost")
MANY = (("inflight", "luahost, 32 scripts"), ("inflight", "luahost, 1 script of 32 tasks"))


@dataclass(frozen=True)
class Goal:
    """``reached`` is what was measured, ``bound`` what was wanted; ``None`` where a figure is missing."""

    text: str
    reached: float | None
    bound: float
    at_most: bool

    @property
    def met(self) -> bool | None:
        if self.reached is None:
            return None
        return self.reached <= self.bound if self.at_most else self.reached >= self.bound


def ratio(medians: Medians, over: tuple[str, str], under: tuple[str, str]) -> float | None:
    above, below = medians.get(over), medians.get(under)
    return above / below if above is not None and below else None


def goals(medians: Medians) -> list[Goal]:
    """All goals, in the order of the scenarios."""
    found = [
        Goal("1 at a time ÷ stripe-node", ratio(medians, ONE, ("serial", "stripe-node")), 0.6, True),
        Goal("1 at a time ÷ lua-http", ratio(medians, ONE, ("serial", "lua-http")), 2.0, True),
    ]
    sdks = {("inflight", name): medians.get(("inflight", name), 0.0) for name in STRIPE_PYTHON}
    best = max(sdks, key=lambda place: sdks[place])
    for shape in MANY:
        name = shape[1].removeprefix("luahost, ")
        node, lua = ("inflight", "stripe-node"), ("inflight", "lua-http")
        found += [
            Goal(f"{name} ÷ stripe-node", ratio(medians, shape, node), 1.5, False),
            Goal(f"{name} ÷ the best stripe-python", ratio(medians, shape, best), 3.0, False),
            Goal(f"{name} ÷ lua-http", ratio(medians, shape, lua), 1.0, False),
        ]
    wide = ("wide", "luahost")
    scale = [value for (scenario, _), value in medians.items() if scenario == "scale"]
    two = ratio(medians, ("processes", "luahost --processes 2"), ("processes", "luahost"))
    return [
        *found,
        Goal("1,000 scripts × 5 at 50 ms, s", medians.get(wide), 0.6, True),
        Goal("the same ÷ stripe-node", ratio(medians, wide, ("wide", "stripe-node")), 1.0, True),
        Goal("the same ÷ undici", ratio(medians, wide, ("wide", "undici")), 1.0, True),
        Goal("10,000 scripts alive, KB each", medians.get(("alive", "KB a script")), 80.0, True),
        Goal("10,000 scripts alive, threads", medians.get(("alive", "threads")), 32.0, True),
        Goal("dearest ÷ cheapest width", max(scale) / min(scale) if len(scale) > 1 else None, 1.5, True),
        Goal("--processes 2 ÷ 1", two, 1.6, False),
        Goal("cold start, ms", medians.get(("cold", "luahost run")), 150.0, True),
        Goal(
            "cold start ÷ stripe-node",
            ratio(medians, ("cold", "luahost run"), ("cold", "stripe-node")),
            1.0,
            True,
        ),
    ]
