"""The house: imports point down the layers, per file, and each third-party library has one package."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOST = ROOT / "host"

# Packages and modules of host/, lowest first; those of one line do not import each other.
LAYERS = (
    "errors framing frozen limits events settings setting_values secret stripe_key arguments data_folder sqlite_file "
    "stray_variables transports option nearest_name decoding telemetry",
    "lua",
    "bridge",
    "http",
    "serve",
    "apis",
    "policy",
    "functions libraries",
    "calls",
    "run",
    "durable",
    "isolation",
    "simulator",
    "plan",
    "cassettes",
    "remote",
    "processes",
    "webhooks",
    "fleet",
    "config_file stats",
    "host_arguments api_registry extension host_engine host_simulator host_durable host_runs host_plans host_webhooks "
    "host_fleet",
    "host",
    "worker_process report",
    "testing dashboard",
    "cli",
    "__main__ __init__",  # the public API: what is inside does not go through it
)
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names.split()}
BESIDE = {0, LAYER["extension"]}  # small modules that may import each other
NEVER = {("apis", "lua"), ("policy", "lua"), ("http", "bridge.worker")}

# Upward, for annotations only, each with its reason.
UPWARD: dict[tuple[str, str], str] = {}

SHARED = {
    "httpx": "the host's transport, and what the simulator delivers webhooks with: no call of a script's",
    "psycopg": "the queue of the fleet, and JSON of PostgreSQL for sql.*: two uses of one driver",
    "msgspec": "the package's one JSON and msgpack codec; what it makes are plain values",
    "sqlalchemy": "journals in any database, and what scripts are granted: two uses of one library",
}
# distribution → import, where they differ
NAMES = {
    "python-dotenv": "dotenv",
    "PyYAML": "yaml",
    "graphql-core": "graphql",
    "python-jsonpath": "jsonpath",
    "opentelemetry-api": "opentelemetry",
}


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


def package(path: Path) -> str:
    return path.relative_to(HOST).parts[0].removesuffix(".py")


def files() -> list[Path]:
    return sorted(HOST.rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", files(), ids=relative)
def test_imports_point_down(path: Path) -> None:
    """No file imports a layer above its own, a neighbour in its layer, or the public API; nor for annotations."""
    here = package(path)
    assert here in LAYER, f"{here} has no layer: give it one in this test and in docs/architecture.md"
    for name, line in imports(path):
        if name != "host" and not name.startswith("host."):
            continue
        there = name.split(".")[1] if "." in name else "__init__"
        if there == here or (relative(path), name) in UPWARD:
            continue
        where = f"{relative(path)}:{line} imports {name}"
        assert there in LAYER, f"{where}, which is no package but comes through the public API"
        assert LAYER[there] <= LAYER[here], f"{where}, a layer above"
        assert LAYER[there] != LAYER[here] or LAYER[here] in BESIDE, f"{where}, a neighbour"
        assert (here, there) not in NEVER, f"{where}, which it must not know"


def test_no_file_loads_itself_by_way_of_others() -> None:
    """There is no circle of files among what is loaded with a module."""
    loads = {
        module(path): {name for node in ast.parse(path.read_text(encoding="utf-8")).body for name in _loaded(node)}
        for path in files()
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"a circle: {' → '.join((*way[way.index(name) :], name))}"
        if name in done:
            return
        for each in sorted(loads.get(name, ())):
            visit(each, (*way, name))
        done.add(name)

    for name in loads:
        visit(name, ())


def module(path: Path) -> str:
    """The dotted name of a file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _loaded(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_table_of_packages_is_the_one_in_the_docs() -> None:
    """docs/architecture.md names every package and module, in this order."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    places = [text.find(f"`{name}`") for names in LAYERS[1:16] for name in names.split()]
    known = [place for place, names in zip(places, LAYERS[1:16], strict=False) if place >= 0 or names]
    assert -1 not in places, "a package is not in docs/architecture.md"
    assert places == sorted(places)
    assert known


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
    """Library → the packages that load it."""
    packages: dict[str, set[str]] = {}
    for path in files():
        typing = for_types_only(path)
        for name, line in imports(path):
            library = name.split(".")[0]
            if library != "host" and library not in sys.stdlib_module_names and line not in typing:
                packages.setdefault(library, set()).add(package(path))
    return packages


def test_each_library_has_one_package() -> None:
    """A third-party library is imported in one package only, so that leaving it touches one place."""
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
        if package(path) != "testing"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("pytest")
    ]
    assert found == []


def test_the_command_line_alone_prints_and_exits() -> None:
    """print, sys.exit and os._exit are the command line's; everyone else returns or raises.

    Exceptions: programs of their own (``python -m host.…``), which are the command line of one package.
    """
    found = []
    for path in files():
        text = path.read_text(encoding="utf-8")
        if package(path) in ("cli", "__main__") or '__name__ == "__main__"' in text:
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


def test_one_name_is_one_class() -> None:
    """A name says which class is meant, whichever file one reads."""
    homes: dict[str, list[str]] = {}
    for path in files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(f"{relative(path)}:{node.lineno}")
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}
