"""``docs/simulator-coverage.md``: which operations of Stripe are modelled, made of the simulator itself.

``python -m tests.simulator.test_coverage_page`` writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from host.apis.catalog import Catalog
from host.apis.stripe import load
from host.simulator.simulator import Simulator
from host.simulator.stripe.behaviours import MODEL

PAGE = Path(__file__).parents[2] / "docs" / "simulator-coverage.md"
HEAD = """\
# What the simulator models of Stripe

Generated from the simulator's own tables; `tests/simulator/test_coverage_page.py` compares them. How the simulator
behaves is described in [simulator.md](simulator.md).

| | operations |
|---|---|
| **modelled**: with rules of their own, which compute what is answered | {behaviour} |
| **stored**: kept and answered as given; what nobody gave, and what would be dropped, is refused | {stored} |
| **refused** with 501 `not_simulated`; under `--lenient` stored and answered by shape, and listed | {refused} |

Actions are named by the last word of the operation: `create`, `retrieve`, `list` …
"""


def page(catalog: Catalog) -> str:
    """The page's text, by resource."""
    simulator = Simulator(catalog)
    found: dict[str, dict[str, list[str]]] = {}
    counts = {"behaviour": 0, "stored": 0, "refused": 0}
    for plan in simulator.backend.routes.plans():
        resource, _, verb = plan.operation.id.rpartition(".")
        how = simulator._rule.how(plan)
        counts[how] += 1
        found.setdefault(resource, {}).setdefault(how, []).append(verb)
    rows = ["| resource | modelled | stored | refused |", "|---|---|---|---|"]
    for resource, verbs in sorted(found.items()):
        cells = [", ".join(verbs.get(how, [])) for how in ("behaviour", "stored", "refused")]
        rows.append(f"| `{resource}` | {' | '.join(cells)} |")
    return HEAD.format(**counts) + "\n" + "\n".join(rows) + "\n\n" + _filters()


def _filters() -> str:
    lines = ["## Filters that are no member of what is listed", "", *_named(MODEL.filters)]
    lines += ["", "## Members that are only there when expanded", "", *_named(MODEL.includable)]
    return "\n".join(lines) + "\n"


def _named(table: Mapping[str, Iterable[str]]) -> list[str]:
    return [f"- `{key}`: {', '.join(f'`{name}`' for name in sorted(names))}" for key, names in sorted(table.items())]


def test_the_page_says_what_the_simulator_does(stripe) -> None:
    """The page says what the simulator does."""
    assert PAGE.read_text(encoding="utf-8") == page(stripe), f"run: python -m {__name__}"


if __name__ == "__main__":
    PAGE.write_text(page(load()), encoding="utf-8")
