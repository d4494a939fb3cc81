"""Every test says in its docstring, in a sentence, what it shows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_of(source: str) -> Iterator[Function]:
    """The test functions of a file, those in classes too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function) and node.name.startswith("test_"):
            yield node


def is_sentence(text: str) -> bool:
    """Whether a docstring says something: words that end in a full stop, beside any link."""
    first = text.strip().partition("\n\n")[0]
    prose = re.sub(r"https?://\S+", "", first).rstrip()
    return len(prose.split()) >= 3 and prose[-1] in ".!?:;"


def says(test: Function) -> bool:
    """Whether a reader of the test's report learns what it shows."""
    return is_sentence(ast.get_docstring(test) or "")


FILES = sorted(TESTS.rglob("test_*.py"))


@pytest.mark.parametrize("path", FILES, ids=[path.relative_to(TESTS).as_posix() for path in FILES])
def test_each_test_says_what_it_shows(path: Path) -> None:
    """No test has a title alone, or only a link."""
    assert [test.name for test in functions_of(path.read_text(encoding="utf-8")) if not says(test)] == []


@pytest.mark.parametrize(
    ("source", "good"),
    [
        ("def test_refunds(): pass", False),
        ("def test_a_refund_of_too_much_is_refused(): pass", False),
        ("async def test_refunds():\n    'Refunds stop at the amount of the charge.'", True),
        ("def test_refunds():\n    'Refunds.'", False),
        ("def test_refunds():\n    'https://docs.stripe.com/refunds'", False),
        ("def test_refunds():\n    'They stop at the amount: https://docs.stripe.com/refunds'", True),
        ("class TestRefunds:\n    def test_limits(self): pass", False),
    ],
)
def test_a_title_is_no_sentence(source: str, good: bool) -> None:
    """The guard tells a sentence from a title, a single word and a link."""
    assert [says(test) for test in functions_of(source)] == [good]
