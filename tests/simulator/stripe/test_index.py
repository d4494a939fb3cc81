"""``host/simulator/stripe/index.py`` says of each operation in which module it is: made of the modules themselves.

``python -m tests.simulator.stripe.test_index`` writes it anew.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from textwrap import wrap
from types import ModuleType

import pytest

from host.simulator import stripe as package
from host.simulator.simulator import Simulator
from host.simulator.stripe.behaviours import DUE, MODEL, WATCHERS
from host.simulator.stripe.index import INDEX

FILE = Path(package.__file__).parent / "index.py"
ONE = (
    "BEHAVIOURS",
    "EFFECTS",
    "SHOWN_AT",
    "FILTERS",
    "FILTER_VALUES",
    "DUE",
)  # a key of these is declared once
MANY = ("MAKES", "WATCHERS")
HEAD = """\
\"\"\"In which module each operation, action and kind is declared: name → module → keys.

Made of the modules: ``python -m tests.simulator.stripe.test_index`` writes it anew, and the tests hold it to them.
\"\"\"

from __future__ import annotations

from typing import Final

INDEX: Final[dict[str, dict[str, str]]] = {
"""


def modules() -> list[ModuleType]:
    """All modules of Stripe's rules, but for those that only gather them."""
    names = sorted(each.name for each in iter_modules(package.__path__))
    return [import_module(f"{package.__name__}.{name}") for name in names if name not in ("behaviours", "index")]


def gathered(found: Iterable[ModuleType]) -> dict[str, dict[str, str]]:
    """What modules declare: name → module → keys. Of most names no two may declare the same key."""
    index: dict[str, dict[str, str]] = {name: {} for name in (*ONE, *MANY)}
    for name, homes in index.items():
        taken: set[str] = set()
        for module in found:
            own = set(getattr(module, name, ()))
            if name in ONE and (twice := taken & own):
                raise ValueError(f"{name} of {module.__name__} is declared elsewhere too: {', '.join(twice)}")
            taken |= own
            if own:
                homes[module.__name__.rpartition(".")[2]] = " ".join(sorted(own))
    return index


def text(index: dict[str, dict[str, str]]) -> str:
    """The file's text, before it is formatted: keys of one module in rows."""
    lines = [HEAD]
    for name, homes in index.items():
        rows = {module: wrap(keys, 90, break_on_hyphens=False) for module, keys in homes.items()}
        inner = ((module, " ".join(f'"{row} "' for row in those[:-1]), those[-1]) for module, those in rows.items())
        lines += [f'"{name}": {{', *(f'"{module}": ({first} "{last}"),' for module, first, last in inner), "},"]
    return "\n".join([*lines, "}"]) + "\n"


def test_the_index_is_what_the_modules_declare() -> None:
    """A behaviour that is missing in the index would never be found; one too many would not be there."""
    assert gathered(modules()) == INDEX, f"run: python -m {__name__}"


def test_what_two_modules_declare_of_one_operation_is_refused() -> None:
    """The later of two behaviours of an operation never wins in silence."""
    one, two = ModuleType("one"), ModuleType("two")
    one.BEHAVIOURS, two.BEHAVIOURS = {"a.create": print}, {"a.create": repr, "b.create": repr}
    with pytest.raises(ValueError, match=r"BEHAVIOURS of two is declared elsewhere too: a\.create"):
        gathered([one, two])


def test_each_operation_has_what_its_module_declares(stripe) -> None:
    """For every operation of the catalog, found by the index or by looking at all modules is the same."""
    found = modules()
    tables = {"BEHAVIOURS": MODEL.behaviours, "EFFECTS": MODEL.effects, "SHOWN_AT": MODEL.shown_at}
    tables |= {"FILTERS": MODEL.filters, "FILTER_VALUES": MODEL.filter_values}
    seen = 0
    for plan in Simulator(stripe).backend.routes.plans():
        id = plan.operation.id
        for name, table in tables.items():
            declared = [getattr(module, name)[id] for module in found if id in getattr(module, name, {})]
            assert ([table[id]] if id in table else []) == declared, (name, id)
            seen += len(declared)
    assert seen > 200


def test_each_kind_has_all_its_watchers_and_each_action_its_function() -> None:
    """Who is told of a saved object, and what happens later, does not depend on what was asked before."""
    found = modules()
    watched = {kind for module in found for kind in getattr(module, "WATCHERS", {})}
    assert set(WATCHERS) == watched
    told: list[str] = []
    for kind in watched:
        those = [module.WATCHERS[kind] for module in found if kind in getattr(module, "WATCHERS", {})]
        told += [kind] if len(those) > 1 else []
        cells = WATCHERS[kind].__closure__
        assert ([WATCHERS[kind]] if len(those) == 1 else cells[0].cell_contents) == those
    assert "payment_intent" in told
    declared = {action: function for module in found for action, function in getattr(module, "DUE", {}).items()}
    assert dict(DUE) == declared


NEEDED = """
import sys
from host.apis.stripe import load
from host.simulator.simulator import Simulator
from host.simulator.stripe.behaviours import DUE, MODEL, WATCHERS
from host.simulator.stripe.index import INDEX
api = Simulator(load(), seed=1)
head = {"Authorization": "Bearer sk_test_1", "Content-Type": "application/x-www-form-urlencoded"}
for path, body in [line.split() for line in sys.argv[1:]]:
    status, _, answer = api.handle("POST", path, head, body.encode())
    assert status == 200, answer
print(" ".join(sorted(name.rpartition(".")[2] for name in sys.modules if name.startswith("host.simulator.stripe."))))
"""


def loaded(*requests: str) -> set[str]:
    """The modules of Stripe's rules that a new process loads for some requests."""
    done = subprocess.run([sys.executable, "-c", NEEDED, *requests], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_only_what_is_asked_for_is_loaded() -> None:
    """A simulator begins with its tables; an operation adds its own module and what that is made of."""
    begin = loaded()
    assert len(begin) <= 18, begin
    assert loaded("/v1/products name=Shirt") - begin == {"catalogue"}
    payment = loaded("/v1/payment_intents amount=2000&currency=usd") - begin
    assert "payments" in payment
    assert not payment & {"subscriptions", "schedules", "quotes", "checkout_completion", "issuing"}


if __name__ == "__main__":
    FILE.write_text(text(gathered(modules())), encoding="utf-8")
    subprocess.run(["ruff", "format", "--quiet", FILE], check=True)
