"""A class with more than fifteen attributes holds two things."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

HOST = Path(__file__).parents[1] / "host"
MOST = 15
LONGEST = 60  # lines of a function
PACKAGES = ("bridge", "calls", "http", "run")


@functools.cache
def classes() -> dict[str, ast.ClassDef]:
    """The classes of the packages a call passes, by file and name."""
    return {
        f"{path.relative_to(HOST)}:{node.name}": node
        for package in PACKAGES
        for path in sorted((HOST / package).glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }


def attributes(node: ast.ClassDef) -> set[str]:
    """What the methods of a class set on ``self``."""
    return {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and isinstance(each.ctx, ast.Store)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
    }


@pytest.mark.parametrize("name", sorted(classes()))
def test_a_class_has_fifteen_attributes_at_most(name: str) -> None:
    """Those it sets itself; a record of data has its fields declared, and may have as many as the data has."""
    assert len(attributes(classes()[name])) <= MOST


def test_functions_are_shorter_than_sixty_lines() -> None:
    """With their docstrings."""
    found = {}
    for package in PACKAGES:
        for path in (HOST / package).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    lines = (node.end_lineno or node.lineno) - node.lineno + 1
                    if lines >= LONGEST:
                        found[f"{path.relative_to(HOST)}:{node.name}"] = lines
    assert found == {}
