"""``import host`` gives what its ``__all__`` says, and everything else stays where it is."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import host
from host import errors

SOURCE = Path(host.__file__).read_text(encoding="utf-8")


def typed() -> set[str]:
    """The names that type checkers see."""
    (block,) = [node for node in ast.parse(SOURCE).body if isinstance(node, ast.If)]
    return {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, each by the alphabet: as ruff sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def test_the_list_is_sorted_and_each_name_is_there() -> None:
    """In the order of the alphabet, without a name twice, and none that cannot be imported."""
    assert host.__all__ == sorted(set(host.__all__), key=str)
    for name in host.__all__:
        assert getattr(host, name).__name__ == name


def test_what_is_imported_late_and_what_checkers_see_is_the_same() -> None:
    """A name forgotten in one of the places is a name that somebody misses."""
    assert typed() == set(host.__all__)
    assert set(host._HOMES) <= set(host.__all__)
    assert {name for name in host.__all__ if name not in host._HOMES} <= set(errors.__all__)


def test_every_error_a_program_can_meet_is_there() -> None:
    """Each class of host.errors, so that it can be caught by name."""
    assert set(errors.__all__) <= set(host.__all__)


def test_a_module_that_lists_its_names_lists_what_it_has() -> None:
    """``__all__`` of a module is sorted, and each of its names is there."""
    for path in sorted(Path(host.__file__).parent.rglob("*.py")):
        names = [
            node for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        ]  # fmt: skip
        if not names or path.name == "boot.py":
            continue
        listed = ast.literal_eval(names[0].value)
        assert listed == sorted(set(listed), key=order), path
        module = ".".join(path.relative_to(Path(host.__file__).parent.parent).with_suffix("").parts)
        found = import_module(module.removesuffix(".__init__"))
        assert [name for name in listed if not hasattr(found, name)] == [], path
