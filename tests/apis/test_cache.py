"""Kept catalogs: what makes them is all that they are kept by."""

from __future__ import annotations

import ast
from pathlib import Path

from host.apis import cache

APIS = Path(cache.__file__).parent
ROOTS = ("openapi", "overlay", "descriptions")
# They raise and shape errors, not catalogs.
OTHERS = {"nearest"}


def imported(module: str) -> set[str]:
    """The modules of ``host.apis`` a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse((APIS / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("host.apis"):
            name = node.module.removeprefix("host.apis").lstrip(".")
            found.update([name] if name else [alias.name for alias in node.names])
    return found


def test_whatever_makes_catalogs_is_in_what_they_are_kept_by() -> None:
    """A change of any module that compiling loads makes catalogs anew, and none that is not there is named."""
    known: set[str] = set()
    waiting = set(ROOTS)
    while waiting:
        module = waiting.pop()
        known.add(module)
        waiting |= imported(module) - known
    assert set(cache._MAKERS) == known - OTHERS
