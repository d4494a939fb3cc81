"""The house: imports point down the floors, and each third-party library has one room."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOST = ROOT / "host"

FLOORS = {
    "arguments": 0,
    "errors": 0,
    "folders": 0,
    "frozen": 0,
    "heap": 0,
    "settings": 0,
    "variables": 0,
    "events": 0,
    "limits": 0,
    "decoding": 0,
    "deadlines": 0,
    "lua": 1,
    "bridge": 1,
    "http": 1,
    "apis": 2,
    "gate": 3,
    "run": 4,
    "simulator": 4,
    "configfile": 5,
    "host": 5,
    "parts": 5,  # what a host is put together of
    "durable": 5,  # the host's durable runs
    "fleet": 5,
    "shards": 5,
    "stats": 5,
    "report": 5,
    "testing": 5,
    "cli": 6,
    "__main__": 7,
    "__init__": 7,  # the door: whoever is inside does not go through it
}
SEPARATE = {1, 4}  # rooms of these floors never import each other
NEVER = {("apis", "lua"), ("gate", "lua")}

SHARED = {
    "msgspec": "the package's one JSON and msgpack codec; what it makes are plain values",
}
# distribution → import, where they differ
NAMES = {"python-dotenv": "dotenv", "PyYAML": "yaml", "graphql-core": "graphql"}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module a file imports, anywhere in it, as absolute dotted names with their line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            if node.module == "host":
                yield from ((f"host.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module or "", node.lineno


def room(path: Path) -> str:
    return path.relative_to(HOST).parts[0].removesuffix(".py")


def files() -> list[Path]:
    return sorted(HOST.rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", files(), ids=relative)
def test_imports_point_down(path: Path) -> None:
    """No file imports a floor above its own, a sister room of its floor that is to be apart, or the door."""
    here = room(path)
    assert here in FLOORS, f"{here} has no floor: give it one in this test and in docs/architecture.md"
    for name, line in imports(path):
        if name != "host" and not name.startswith("host."):
            continue
        there = name.split(".")[1] if "." in name else "__init__"
        if there == here:
            continue
        where = f"{relative(path)}:{line} imports {name}"
        assert there in FLOORS, f"{where}, which is not a room but comes through the door"
        assert FLOORS[there] <= FLOORS[here], f"{where}, a floor above"
        assert (here, there) not in NEVER, f"{where}, which it must not know"
        assert FLOORS[there] != FLOORS[here] or FLOORS[here] not in SEPARATE, f"{where}, a separate room"


def for_types_only(path: Path) -> set[int]:
    """Lines under ``if TYPE_CHECKING``: names for annotations, nothing that is loaded."""
    return {
        node.lineno
        for block in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }


def third_party() -> dict[str, set[str]]:
    """Library → the rooms that load it."""
    rooms: dict[str, set[str]] = {}
    for path in files():
        typing = for_types_only(path)
        for name, line in imports(path):
            library = name.split(".")[0]
            if library != "host" and library not in sys.stdlib_module_names and line not in typing:
                rooms.setdefault(library, set()).add(room(path))
    return rooms


def test_each_library_has_one_room() -> None:
    """A third-party library is imported in one room only, so that leaving it touches one place."""
    spread = {name: sorted(where) for name, where in third_party().items() if len(where) > 1}
    assert {name: where for name, where in spread.items() if name not in SHARED} == {}


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    """Every library of the code is a dependency or in an extra, and no dependency is there for nothing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {_distribution(line) for line in project["dependencies"]}
    extras = {
        _distribution(line)
        for extra, lines in project.get("optional-dependencies", {}).items()
        if extra != "dev"
        for line in lines
    }
    imported = set(third_party())
    assert imported - names - extras == set(), "imported but not declared"
    assert names - imported == set(), "declared but not imported"


def _distribution(requirement: str) -> str:
    name = requirement.split(";")[0].split("[")[0]
    for sign in "<>=!~ ":
        name = name.split(sign)[0]
    return NAMES.get(name, name).replace("-", "_").lower()


def test_the_product_does_not_look_for_test_libraries() -> None:
    """pytest and its plugins are named in ``host/testing`` only: tests set what they need, nothing looks for them."""
    found = [
        relative(path)
        for path in files()
        if room(path) != "testing"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("pytest")
    ]
    assert found == []


def test_the_command_line_alone_prints_and_exits() -> None:
    """print, sys.exit and os._exit are the command line's; everyone else returns or raises.

    Exceptions: programs of their own (``python -m host.…``), which are the command line of one room.
    """
    found = []
    for path in files():
        text = path.read_text(encoding="utf-8")
        if room(path) in ("cli", "__main__") or '__name__ == "__main__"' in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "print",
                "sys.exit",
                "exit",
                "os._exit",
            ):
                found.append(f"{relative(path)}:{node.lineno}")
    assert found == []
